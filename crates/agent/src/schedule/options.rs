// SPDX-License-Identifier: Apache-2.0
//! The options of a configuration that the schedule and the log obey, with osquery's names and
//! defaults. As in osquery, a value stays until the agent restarts, even when a later
//! configuration no longer sets it.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::limits::{LOG_BYTES_MAX, SCHEDULE_INTERVAL_SECONDS_MAX};
use crate::state::LogBounds;

/// Options that are obeyed elsewhere, or that say what this agent does anyway.
const OBEYED_ELSEWHERE: [&str; 3] =
    ["disable_distributed", "distributed_interval", "distributed_plugin"];

/// See the head of this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Percent by which intervals are spread over hosts; 0 for not at all.
    pub schedule_splay_percent: u64,
    /// Seconds between runs of a query that names no interval.
    pub schedule_default_interval: u64,
    /// A new number makes every query report everything again.
    pub schedule_epoch: u64,
    /// What stands between the parts of the name of a pack's query.
    pub pack_delimiter: String,
    /// Seconds for which the answer of discovery queries holds.
    pub pack_refresh_interval: u64,
    /// Seconds between two requests to the log.
    pub logger_tls_period: u64,
    /// Lines in one request.
    pub logger_tls_max_lines: u64,
    /// Bytes in one line; a longer one is reported and dropped.
    pub logger_tls_max_linesize: u64,
    /// Longest wait after failed requests, in seconds.
    pub logger_tls_backoff_max: u64,
    /// Whether bodies are compressed.
    pub logger_tls_compress: bool,
    /// Lines that may wait.
    pub buffered_log_max: u64,
    /// Whether each changed row is a line of its own.
    pub logger_event_type: bool,
    /// Whether each row of a snapshot is a line of its own.
    pub logger_snapshot_event_type: bool,
    /// Whether numbers are written as numbers in results.
    pub logger_numerics: bool,
    /// Least severity of status lines.
    pub logger_min_status: u64,
    /// Whether status lines stay here.
    pub tls_disable_status_log: bool,
    /// Whether decorations stand beside the fixed members of a line.
    pub decorations_top_level: bool,
    /// Whether there are no decorations.
    pub disable_decorators: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schedule_splay_percent: 10,
            schedule_default_interval: 3_600,
            schedule_epoch: 0,
            pack_delimiter: "_".to_owned(),
            pack_refresh_interval: 3_600,
            logger_tls_period: 4,
            logger_tls_max_lines: 1_024,
            logger_tls_max_linesize: 1_048_576,
            logger_tls_backoff_max: 3_600,
            logger_tls_compress: false,
            buffered_log_max: 1_000_000,
            logger_event_type: true,
            logger_snapshot_event_type: false,
            logger_numerics: false,
            logger_min_status: 0,
            tls_disable_status_log: false,
            decorations_top_level: false,
            disable_decorators: false,
        }
    }
}

impl Options {
    /// Takes the options of a configuration; answers what it could not take, one sentence each.
    pub fn apply(&mut self, options: &Map<String, Value>) -> Vec<String> {
        let mut unknown = Vec::new();
        let mut problems = Vec::new();
        for (name, value) in options {
            if OBEYED_ELSEWHERE.contains(&name.as_str()) || *value == Value::String(String::new()) {
                continue;
            }
            match self.set(name, value) {
                Some(true) => {}
                Some(false) => problems.push(format!(
                    "option {name} of the configuration has a value that it cannot have; \
                     the one before stays"
                )),
                None => unknown.push(name.as_str()),
            }
        }
        if !unknown.is_empty() {
            problems.push(format!(
                "options of the configuration that this agent does not have were ignored: {}",
                unknown.join(", ")
            ));
        }
        problems
    }

    /// Sets one option; `None` when there is none of this name, false when the value is unusable.
    fn set(&mut self, name: &str, value: &Value) -> Option<bool> {
        let any = 0..=u64::MAX;
        let seconds = 1..=SCHEDULE_INTERVAL_SECONDS_MAX;
        Some(match name {
            "schedule_splay_percent" => number(&mut self.schedule_splay_percent, value, 0..=100),
            "schedule_default_interval" => {
                number(&mut self.schedule_default_interval, value, seconds)
            }
            "schedule_epoch" => number(&mut self.schedule_epoch, value, any),
            "pack_delimiter" => value
                .as_str()
                .filter(|text| text.len() <= 16)
                .map(|text| text.clone_into(&mut self.pack_delimiter))
                .is_some(),
            "pack_refresh_interval" => number(&mut self.pack_refresh_interval, value, seconds),
            "logger_tls_period" => number(&mut self.logger_tls_period, value, seconds),
            "logger_tls_max_lines" => number(&mut self.logger_tls_max_lines, value, 1..=1_000_000),
            "logger_tls_max_linesize" => number(&mut self.logger_tls_max_linesize, value, any),
            "logger_tls_backoff_max" => number(&mut self.logger_tls_backoff_max, value, seconds),
            "logger_tls_compress" => flag(&mut self.logger_tls_compress, value),
            "buffered_log_max" => number(&mut self.buffered_log_max, value, any),
            "logger_event_type" => flag(&mut self.logger_event_type, value),
            "logger_snapshot_event_type" => flag(&mut self.logger_snapshot_event_type, value),
            "logger_numerics" => flag(&mut self.logger_numerics, value),
            "logger_min_status" => number(&mut self.logger_min_status, value, any),
            "tls_disable_status_log" => flag(&mut self.tls_disable_status_log, value),
            "decorations_top_level" => flag(&mut self.decorations_top_level, value),
            "disable_decorators" => flag(&mut self.disable_decorators, value),
            _ => return None,
        })
    }

    /// How much of the log may wait. As in osquery, 0 lines means any number; bytes are bounded
    /// all the same.
    pub fn log_bounds(&self) -> LogBounds {
        let lines = if self.buffered_log_max == 0 { u64::MAX } else { self.buffered_log_max };
        LogBounds { lines, bytes: LOG_BYTES_MAX }
    }

    /// Time between two requests to the log.
    pub fn log_period(&self) -> Duration {
        Duration::from_secs(self.logger_tls_period)
    }
}

/// A whole number, or a text with one.
pub(super) fn as_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A truth value, or a text or number that means one.
pub(super) fn as_flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn number(target: &mut u64, value: &Value, allowed: RangeInclusive<u64>) -> bool {
    let number = as_number(value).filter(|number| allowed.contains(number));
    number.map(|number| *target = number).is_some()
}

fn flag(target: &mut bool, value: &Value) -> bool {
    as_flag(value).map(|flag| *target = flag).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(options: &mut Options, text: &str) -> Vec<String> {
        options.apply(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn values_may_be_texts_and_stay() {
        let mut options = Options::default();
        let text = r#"{"schedule_epoch": "7", "logger_tls_period": 10, "logger_tls_compress": "1",
            "logger_event_type": false, "pack_delimiter": "/", "disable_distributed": false,
            "logger_numerics": ""}"#;
        assert_eq!(apply(&mut options, text), [""; 0]);
        assert_eq!((options.schedule_epoch, options.logger_tls_period), (7, 10));
        assert!(options.logger_tls_compress && !options.logger_event_type);
        assert_eq!((options.pack_delimiter.as_str(), options.logger_numerics), ("/", false));
        let before = options.clone();
        assert_eq!(apply(&mut options, "{}"), [""; 0]);
        assert_eq!(options, before);
    }

    #[test]
    fn what_cannot_be_taken_is_told() {
        let mut options = Options::default();
        let problems = apply(
            &mut options,
            r#"{"logger_tls_period": 0, "watchdog_level": 1, "logger_event_type": [],
                "schedule_splay_percent": 101, "verbose": true}"#,
        );
        assert_eq!(options, Options::default());
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[3].ends_with("ignored: watchdog_level, verbose"), "{problems:?}");
    }
}
