// SPDX-License-Identifier: Apache-2.0
//! One indicator a line; the type of each is detected. `#`, `//` and `;` begin comments; one that
//! follows a value describes it. Lines of a hosts file and of a blocker's list are understood.

use super::{Draft, ImportError, List};
use crate::ioc::{domain, value};

/// What begins a comment.
const COMMENTS: &[&str] = &["#", "//", ";"];

/// Reads all lines.
pub(super) fn read(text: &str, list: &mut List) -> Result<(), ImportError> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || COMMENTS.iter().any(|mark| line.starts_with(mark)) {
            continue;
        }
        let (value, description) = split_comment(line);
        let text = blocked(value);
        list.read(Draft { line: number, text, description, ..Draft::default() })?;
    }
    Ok(())
}

/// The value and the comment after it, which has a blank on both sides of its mark.
fn split_comment(line: &str) -> (&str, &str) {
    let blank = |c: char| c == ' ' || c == '\t';
    for (at, _) in line.match_indices(blank) {
        let rest = line[at..].trim_start_matches(blank);
        let comment = COMMENTS.iter().find_map(|mark| rest.strip_prefix(mark));
        if let Some(comment) = comment.filter(|text| text.is_empty() || text.starts_with(blank)) {
            return (line[..at].trim_end(), comment);
        }
    }
    (line, "")
}

/// The name that a line of a hosts file (`0.0.0.0 evil.example`) or of a blocker's list
/// (`||evil.example^`) blocks.
fn blocked(text: &str) -> &str {
    if let Some(name) = text.strip_prefix("||").and_then(|rest| rest.strip_suffix('^')) {
        return name;
    }
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("0.0.0.0" | "127.0.0.1"), Some(name), None)
            if value::strict_ipv4(name).is_err() && domain::normalise(name).is_ok() =>
        {
            name
        }
        _ => text,
    }
}
