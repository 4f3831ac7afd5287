// SPDX-License-Identifier: Apache-2.0
//! `uptime`: how long the machine has been running.

use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, integer, read};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct Uptime;

const COLUMNS: &[Column] = &[
    integer("days"),
    integer("hours"),
    integer("minutes"),
    integer("seconds"),
    bigint("total_seconds"),
];

impl Table for Uptime {
    fn name(&self) -> &'static str {
        "uptime"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let uptime = read::text(Path::new("/proc/uptime"), PROC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        let Some(total) = whole_seconds(&uptime) else { return Ok(()) };
        let row = scan
            .row()
            .set("days", total / 86_400)
            .set("hours", total / 3_600 % 24)
            .set("minutes", total / 60 % 60)
            .set("seconds", total % 60)
            .set("total_seconds", total);
        scan.push(row)
    }
}

/// The first number of `/proc/uptime`, without its fraction.
pub fn whole_seconds(uptime: &str) -> Option<i64> {
    uptime.split(['.', ' ']).next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::whole_seconds;

    #[test]
    fn the_fraction_is_dropped() {
        assert_eq!(whole_seconds("93784.25 1000.00\n"), Some(93_784));
        assert_eq!(whole_seconds(""), None);
    }
}
