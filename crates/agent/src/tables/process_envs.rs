// SPDX-License-Identifier: Apache-2.0
//! `process_envs`: the environments that processes were started with, or wrote over since.
//!
//! An entry without `=` is a key without a value. osquery stops at the first empty entry and
//! shows such an entry twice; here whatever a process hides behind an empty entry is shown.

use super::{Column, Scan, Table, TableError, integer, proc, text};
use crate::limits::ENVIRON_BYTES_MAX;

/// See the head of this file.
pub struct ProcessEnvs;

const COLUMNS: &[Column] = &[integer("pid").index(), text("key"), text("value")];

impl Table for ProcessEnvs {
    fn name(&self) -> &'static str {
        "process_envs"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for pid in proc::pids(scan)? {
            scan.check()?;
            let Some(environ) = proc::bytes(scan, pid, "environ", ENVIRON_BYTES_MAX)? else {
                continue;
            };
            for (key, value) in entries(&environ) {
                let row = scan.row().set("pid", pid).set("key", key).set("value", value);
                scan.push(row)?;
            }
        }
        Ok(())
    }
}

/// Keys and values of an environment, in its order.
fn entries(environ: &[u8]) -> impl Iterator<Item = (String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    environ.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()).map(move |entry| {
        let at = entry.iter().position(|byte| *byte == b'=');
        let (key, value) = entry.split_at(at.unwrap_or(entry.len()));
        (text(key), text(value.get(1..).unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::entries;

    fn shown(environ: &[u8]) -> Vec<(String, String)> {
        entries(environ).collect()
    }

    #[test]
    fn values_may_hold_anything() {
        let found = shown(b"A=1\0B=x=y\0C=\0=D\0\0HIDDEN=1\0NAKED\0\xff=\xfe\0CUT=of");
        let expected = [
            ("A", "1"),
            ("B", "x=y"),
            ("C", ""),
            ("", "D"),
            ("HIDDEN", "1"),
            ("NAKED", ""),
            ("\u{fffd}", "\u{fffd}"),
            ("CUT", "of"),
        ];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(shown(b"").is_empty() && shown(b"\0\0").is_empty());
    }
}
