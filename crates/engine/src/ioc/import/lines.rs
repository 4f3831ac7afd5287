// SPDX-License-Identifier: Apache-2.0
//! One indicator a line; the type of each is detected. `#`, `//` and `;` begin comments.

use super::{Entry, ImportError, List};
use crate::ioc::detect::detect;

/// Reads all lines.
pub(super) fn read(text: &str, list: &mut List) -> Result<(), ImportError> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || ["#", "//", ";"].iter().any(|mark| line.starts_with(mark)) {
            continue;
        }
        let value = line.split_once(" #").map_or(line, |(value, _)| value);
        let found = detect(value, None);
        match found.kind {
            Some(kind) => list.push(Entry {
                line: number,
                kind,
                value: found.value,
                severity: None,
                description: String::new(),
                tags: Vec::new(),
                expires_at: None,
                warnings: found.warnings,
            })?,
            None => list.refuse(number, value, found.reason.unwrap_or_default()),
        }
    }
    Ok(())
}
