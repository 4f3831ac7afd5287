// SPDX-License-Identifier: Apache-2.0
//! `last`: logins and their ends, from `/var/log/wtmp`, oldest first. Rotated files are not
//! read, as in osquery. What a record is and where it is missing: see `utmp.rs`.

use std::path::Path;

use super::utmp::{self, DEAD_PROCESS, USER_PROCESS};
use super::{Column, Scan, Table, TableError, integer, text};

/// See the head of this file.
pub struct Last;

const COLUMNS: &[Column] = &[
    text("username"),
    text("tty"),
    integer("pid"),
    integer("type"),
    text("type_name"),
    integer("time"),
    text("host"),
];

const WTMP: &str = "/var/log/wtmp";

impl Table for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        utmp::each(scan, Path::new(WTMP), |scan, record| {
            let Some(type_name) = type_name(record.kind) else { return Ok(()) };
            let row = scan
                .row()
                .set("username", record.user)
                .set("tty", record.line)
                .set("pid", record.pid)
                .set("type", i32::from(record.kind))
                .set("type_name", type_name)
                .set("time", record.time)
                .set("host", record.host);
            scan.push(row)
        })
    }
}

/// osquery's word for the kinds that the table shows.
fn type_name(kind: i16) -> Option<&'static str> {
    match kind {
        USER_PROCESS => Some("user-process"),
        DEAD_PROCESS => Some("dead-process"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::type_name;

    #[test]
    fn only_logins_and_their_ends() {
        let shown: Vec<i16> = (-1..=10).filter(|kind| type_name(*kind).is_some()).collect();
        assert_eq!(shown, [7, 8]);
    }
}
