// SPDX-License-Identifier: Apache-2.0
//! `time`: the machine's clock, in UTC.

use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::{Column, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct Time;

const COLUMNS: &[Column] = &[
    text("weekday"),
    integer("year"),
    integer("month"),
    integer("day"),
    integer("hour"),
    integer("minutes"),
    integer("seconds"),
    text("timezone"),
    text("local_timezone"),
    integer("unix_time"),
    text("timestamp"),
    text("datetime"),
    text("iso_8601"),
    bigint("win_timestamp").hidden(),
    // Another name of `datetime` in osquery's specification.
    text("date_time").hidden(),
];

impl Table for Time {
    fn name(&self) -> &'static str {
        "time"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let now = Timestamp::now();
        let utc = now.to_zoned_datetime(TimeZone::UTC);
        let iso = utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let row = scan
            .row()
            .set("weekday", utc.strftime("%A").to_string())
            .set("year", i32::from(utc.year()))
            .set("month", i32::from(utc.month()))
            .set("day", i32::from(utc.day()))
            .set("hour", i32::from(utc.hour()))
            .set("minutes", i32::from(utc.minute()))
            .set("seconds", i32::from(utc.second()))
            .set("timezone", "UTC")
            .set("local_timezone", local_zone_name(now))
            .set("unix_time", now.as_second())
            .set("timestamp", asctime(&utc))
            .set("datetime", iso.as_str())
            .set("iso_8601", iso.as_str())
            .set("date_time", iso.as_str());
        scan.push(row)
    }
}

/// As C's `asctime` writes it, with the zone.
fn asctime(utc: &ZonedDateTime) -> String {
    utc.strftime("%a %b %e %H:%M:%S %Y UTC").to_string()
}

/// The abbreviation in force now in the machine's zone.
fn local_zone_name(now: Timestamp) -> String {
    let zone = read::bytes(Path::new("/etc/localtime"), ETC_FILE_BYTES_MAX).ok();
    let zone = zone.and_then(|data| TimeZone::tzif("local", &data).ok());
    let zone = zone.unwrap_or(TimeZone::UTC);
    zone.to_offset_info(now).abbreviation().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_is_spelt_as_in_c() {
        let at = Timestamp::from_second(1_790_676_900).unwrap().to_zoned_datetime(TimeZone::UTC);
        assert_eq!(asctime(&at), "Tue Sep 29 10:15:00 2026 UTC");
        let at = Timestamp::from_second(1_788_343_200).unwrap().to_zoned_datetime(TimeZone::UTC);
        assert_eq!(asctime(&at), "Wed Sep  2 10:00:00 2026 UTC");
    }
}
