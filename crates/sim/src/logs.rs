// SPDX-License-Identifier: Apache-2.0
//! Lines as the logger of osqueryd writes them: changed rows, snapshots and status lines
//! (`osquery/core/query.cpp`, `osquery/logger/logger.cpp`).

use mimir_wire::Timestamp;
use mimir_wire::time::MICROS_PER_SECOND;
use serde_json::{Map, Value, json};

use crate::profile::Profile;

/// Seconds in a day.
const DAY_S: i64 = 86_400;

/// What a scheduled query found, and when.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'a> {
    /// The query's name in the schedule.
    pub query: &'a str,
    /// When it ran.
    pub at: Timestamp,
    /// Identifies the series of differences.
    pub epoch: u64,
    /// 0 for a full first set, then counting executions with changes.
    pub counter: u64,
}

/// One changed row, in event form. `action` is `added` or `removed`.
pub fn event_line(
    host: &Profile,
    run: Execution<'_>,
    action: &str,
    row: &[(&str, &str)],
) -> String {
    let mut line = head(host, run);
    line.insert("columns".to_owned(), object(row));
    line.insert("action".to_owned(), action.into());
    Value::Object(line).to_string()
}

/// A snapshot: all rows in one line; no rows are an empty list.
pub fn snapshot_line(host: &Profile, run: Execution<'_>, rows: &[Vec<(&str, &str)>]) -> String {
    let mut line = head(host, Execution { counter: 0, ..run });
    line.insert("snapshot".to_owned(), rows.iter().map(|row| object(row)).collect());
    line.insert("action".to_owned(), "snapshot".into());
    Value::Object(line).to_string()
}

/// A status line; `severity` is 0 for information, 1 for warnings, 2 for errors.
pub fn status_line(host: &Profile, at: Timestamp, severity: u8, message: &str) -> String {
    json!({
        "hostIdentifier": host.hostname(),
        "calendarTime": calendar_time(at),
        "unixTime": at.micros() / MICROS_PER_SECOND,
        "severity": severity,
        "filename": "scheduler.cpp",
        "line": 126,
        "message": message,
        "version": host.version.to_string(),
    })
    .to_string()
}

fn head(host: &Profile, run: Execution<'_>) -> Map<String, Value> {
    let head = json!({
        "name": run.query,
        "hostIdentifier": host.hostname(),
        "calendarTime": calendar_time(run.at),
        "unixTime": run.at.micros() / MICROS_PER_SECOND,
        "epoch": run.epoch,
        "counter": run.counter,
        "numerics": false,
    });
    match head {
        Value::Object(head) => head,
        _ => unreachable!("the literal is an object"),
    }
}

fn object(row: &[(&str, &str)]) -> Value {
    row.iter().map(|(column, value)| ((*column).to_owned(), Value::from(*value))).collect()
}

/// `Tue Sep 29 10:15:00 2026 UTC`, as asctime pads it.
fn calendar_time(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = at.micros().div_euclid(MICROS_PER_SECOND);
    let (mut day, second) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
    let weekday = DAYS[usize::try_from(day.rem_euclid(7)).expect("a remainder of 7")];
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    while day >= 365 + i64::from(leap(year)) {
        day -= 365 + i64::from(leap(year));
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    let mut month = 0;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let (month, day, second) = (MONTHS[month], day + 1, second % 60);
    format!("{weekday} {month} {day:>2} {hour:02}:{minute:02}:{second:02} {year} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_times_are_those_of_asctime() {
        let time = |seconds| calendar_time(Timestamp::from_secs(seconds));
        assert_eq!(time(0), "Thu Jan  1 00:00:00 1970 UTC");
        assert_eq!(time(951_782_400), "Tue Feb 29 00:00:00 2000 UTC");
        assert_eq!(time(1_790_676_900), "Tue Sep 29 10:15:00 2026 UTC");
        assert_eq!(time(1_798_761_599), "Thu Dec 31 23:59:59 2026 UTC");
    }

    #[test]
    fn lines_have_the_members_of_their_kind() {
        let host = Profile::new(7, 1);
        let at = Timestamp::from_secs(1_790_676_900);
        let run = Execution { query: "ports", at, epoch: 0, counter: 3 };
        let read = |line: String| serde_json::from_str::<Value>(&line).unwrap();
        let event = read(event_line(&host, run, "added", &[("port", "22")]));
        assert_eq!(event["columns"]["port"], "22");
        assert_eq!((&event["counter"], &event["unixTime"]), (&json!(3), &json!(1_790_676_900)));
        let snapshot = read(snapshot_line(&host, run, &[]));
        assert_eq!((&snapshot["snapshot"], &snapshot["counter"]), (&json!([]), &json!(0)));
        assert_eq!(read(status_line(&host, at, 1, "m"))["severity"], 1);
    }
}
