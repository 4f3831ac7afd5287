// SPDX-License-Identifier: Apache-2.0
//! The texts of log lines, member by member as osqueryd writes them. Rows are JSON already and
//! are put in as they are.

use std::fmt::Write as _;
use std::panic::Location;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::VERSION;
use crate::schedule::json;

/// How bad something is that a status line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing.
    Info = 0,
    /// Something is odd; the rest goes on.
    Warning = 1,
    /// Something did not work.
    Error = 2,
}

/// What every line of this host carries.
#[derive(Debug, Clone, Default)]
pub struct LineHead {
    /// What the host calls itself.
    pub host_identifier: String,
    /// Values of decorator queries, by column.
    pub decorations: Map<String, Value>,
    /// Whether they stand beside the fixed members.
    pub decorations_top_level: bool,
}

/// One execution of a scheduled query.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'e> {
    /// Name of the query.
    pub name: &'e str,
    /// When it ended, in Unix seconds.
    pub unix_time: i64,
    /// The epoch of the schedule.
    pub epoch: u64,
    /// Its number within the epoch.
    pub counter: u64,
    /// Whether numbers are written as numbers.
    pub numerics: bool,
}

/// Members that decorations must not replace.
const FIXED: [&str; 17] = [
    "name",
    "hostIdentifier",
    "calendarTime",
    "unixTime",
    "epoch",
    "counter",
    "numerics",
    "decorations",
    "columns",
    "action",
    "snapshot",
    "diffResults",
    "severity",
    "filename",
    "line",
    "message",
    "version",
];

impl LineHead {
    /// A row that came or went, or one of a snapshot.
    pub fn event(&self, of: Execution<'_>, row: &str, action: &str) -> String {
        let mut line = self.result(of);
        write(&mut line, format_args!(",\"columns\":{row},\"action\":\"{action}\"}}"));
        line
    }

    /// Every change of one execution.
    pub fn batch(&self, of: Execution<'_>, removed: &[&str], added: &[&str]) -> String {
        let mut line = self.result(of);
        line.push_str(",\"diffResults\":{\"removed\":[");
        line.push_str(&removed.join(","));
        line.push_str("],\"added\":[");
        line.push_str(&added.join(","));
        line.push_str("]}}");
        line
    }

    /// Every row of one execution.
    pub fn snapshot(&self, of: Execution<'_>, rows: &[&str]) -> String {
        let mut line = self.result(of);
        line.push_str(",\"snapshot\":[");
        line.push_str(&rows.join(","));
        line.push_str("],\"action\":\"snapshot\"}");
        line
    }

    fn result(&self, of: Execution<'_>) -> String {
        let mut line = format!("{{\"name\":{},", json(of.name));
        self.who_and_when(&mut line, of.unix_time);
        write(
            &mut line,
            format_args!(
                ",\"epoch\":{},\"counter\":{},\"numerics\":{}",
                of.epoch, of.counter, of.numerics
            ),
        );
        self.decorate(&mut line);
        line
    }

    /// What the agent has to say about itself.
    pub fn status(
        &self,
        severity: Severity,
        message: &str,
        unix_time: i64,
        place: &Location<'_>,
    ) -> String {
        let mut line = "{".to_owned();
        self.who_and_when(&mut line, unix_time);
        let file = place.file().rsplit('/').next().unwrap_or_default();
        write(
            &mut line,
            format_args!(
                ",\"severity\":{},\"filename\":{},\"line\":{},\"message\":{},\"version\":\"{VERSION}\"",
                severity as u8,
                json(file),
                place.line(),
                json(message)
            ),
        );
        self.decorate(&mut line);
        line.push('}');
        line
    }

    fn who_and_when(&self, line: &mut String, unix_time: i64) {
        write(
            line,
            format_args!(
                "\"hostIdentifier\":{},\"calendarTime\":\"{}\",\"unixTime\":{unix_time}",
                json(&self.host_identifier),
                calendar_time(unix_time)
            ),
        );
    }

    fn decorate(&self, line: &mut String) {
        if self.decorations.is_empty() {
            return;
        }
        if !self.decorations_top_level {
            write(line, format_args!(",\"decorations\":{}", Value::from(self.decorations.clone())));
            return;
        }
        let free = self.decorations.iter().filter(|(name, _)| !FIXED.contains(&name.as_str()));
        for (name, value) in free {
            write(line, format_args!(",{}:{value}", json(name)));
        }
    }
}

fn write(line: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = line.write_fmt(what);
}

/// Such as `Tue Sep 29 10:15:00 2026 UTC`; the day of the month is padded with a space.
fn calendar_time(unix_time: i64) -> String {
    let time =
        Timestamp::from_second(unix_time).unwrap_or_default().to_zoned_datetime(TimeZone::UTC);
    time.strftime("%a %b %e %H:%M:%S %Y UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> LineHead {
        LineHead { host_identifier: "web-\"042\"".to_owned(), ..LineHead::default() }
    }

    const RUN: Execution<'static> = Execution {
        name: "pack_base_open_ports",
        unix_time: 1_790_676_900,
        epoch: 0,
        counter: 3,
        numerics: false,
    };

    #[test]
    fn lines_are_osquerys() {
        let mut head = head();
        head.decorations.insert("site".to_owned(), "fra1".into());
        assert_eq!(
            head.event(RUN, "{\"port\":\"8080\"}", "added"),
            r#"{"name":"pack_base_open_ports","hostIdentifier":"web-\"042\"","calendarTime":"Tue Sep 29 10:15:00 2026 UTC","unixTime":1790676900,"epoch":0,"counter":3,"numerics":false,"decorations":{"site":"fra1"},"columns":{"port":"8080"},"action":"added"}"#
        );
        let read = |line: String| serde_json::from_str::<Value>(&line).unwrap();
        let batch = read(head.batch(RUN, &["{\"a\":\"1\"}"], &[]));
        assert_eq!(batch["diffResults"], serde_json::json!({"removed": [{"a": "1"}], "added": []}));
        let snapshot = read(head.snapshot(RUN, &[]));
        assert_eq!(
            (&snapshot["snapshot"], &snapshot["action"]),
            (&serde_json::json!([]), &"snapshot".into())
        );
        let status = read(head.status(Severity::Error, "a\nb", 3, Location::caller()));
        assert_eq!(status["severity"], 2);
        assert_eq!(status["filename"], "line.rs");
        assert_eq!(status["message"], "a\nb");
        assert_eq!(status["calendarTime"], "Thu Jan  1 00:00:03 1970 UTC");
        assert_eq!(status["decorations"]["site"], "fra1");
    }

    #[test]
    fn decorations_replace_nothing() {
        let mut head = head();
        head.decorations_top_level = true;
        head.decorations.insert("name".to_owned(), "forged".into());
        head.decorations.insert("site".to_owned(), "fra1".into());
        let line: Value = serde_json::from_str(&head.event(RUN, "{}", "removed")).unwrap();
        assert_eq!(
            (&line["name"], &line["site"]),
            (&"pack_base_open_ports".into(), &"fra1".into())
        );
        assert!(!head.event(RUN, "{}", "added").contains("forged"));
    }
}
