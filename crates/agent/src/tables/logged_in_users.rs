// SPDX-License-Identifier: Apache-2.0
//! `logged_in_users`: the records in `/run/utmp`, those of users among them: terminals that
//! wait, the start of the machine, and so on. Records of process 1 are left out, as in osquery.
//! What a record is and where it is missing: see `utmp.rs`.

use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, integer, text, utmp};

/// See the head of this file.
pub struct LoggedInUsers;

const COLUMNS: &[Column] = &[
    text("type"),
    text("user"),
    text("tty"),
    text("host"),
    bigint("time"),
    integer("pid"),
    text("sid").hidden(),
    text("registry_hive").hidden(),
];

const UTMP: &str = "/var/run/utmp";

/// osquery's words for the kinds of records, by the numbers of `utmp(5)`.
const TYPES: [&str; 10] = [
    "empty",
    "runlevel",
    "boot_time",
    "new_time",
    "old_time",
    "init",
    "login",
    "user",
    "dead",
    "accounting",
];

impl Table for LoggedInUsers {
    fn name(&self) -> &'static str {
        "logged_in_users"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        utmp::each(scan, Path::new(UTMP), |scan, record| {
            if record.pid == 1 {
                return Ok(());
            }
            let row = scan
                .row()
                .set("type", type_name(record.kind))
                .set("user", record.user)
                .set("tty", record.line)
                .set("host", record.host)
                .set("time", record.time)
                .set("pid", record.pid);
            scan.push(row)
        })
    }
}

fn type_name(kind: i16) -> &'static str {
    let known = usize::try_from(kind).ok().and_then(|kind| TYPES.get(kind));
    known.copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::type_name;

    #[test]
    fn unknown_numbers_have_a_word_too() {
        let words = [0, 2, 6, 7, 8, 9, 10, -1].map(type_name);
        let expected =
            ["empty", "boot_time", "login", "user", "dead", "accounting", "unknown", "unknown"];
        assert_eq!(words, expected);
    }
}
