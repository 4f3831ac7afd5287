// SPDX-License-Identifier: Apache-2.0
//! Flags of osqueryd that shape its calls: defaults, and those that a config may change while
//! it runs. An option stays set when a later config leaves it out.

use std::time::Duration;

use serde_json::Value;

/// `tls_enroll_max_attempts`: after as many it goes on with an empty key.
pub const ENROLL_ATTEMPTS: u32 = 12;

/// `tls_enroll_max_interval`: longest wait between two enrolments.
pub const ENROLL_WAIT_MAX: Duration = Duration::from_secs(600);

/// `config_tls_max_attempts`.
pub(super) const CONFIG_ATTEMPTS: u32 = 3;

/// The logger makes one attempt a round.
pub(super) const LOGGER_ATTEMPTS: u32 = 1;

/// `config_accelerated_refresh`: wait after a config that could not be had.
pub(super) const CONFIG_RETRY: Duration = Duration::from_secs(300);

/// Interval of the distributed loop while it is accelerated.
pub(super) const ACCELERATED: Duration = Duration::from_secs(5);

/// What a config may set; defaults are osquery's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    /// Seconds between two iterations of the distributed loop.
    pub(super) distributed_interval: u32,
    /// Attempts of a read and of a write.
    pub(super) distributed_attempts: u32,
    /// Seconds for which a text stays denylisted.
    pub(super) denylist_duration: u32,
    /// Seconds between two rounds of the logger.
    pub(super) logger_period: u32,
    /// Lines a request holds at most.
    pub(super) logger_max_lines: u32,
    /// Longest wait of a failing logger, in seconds.
    pub(super) logger_backoff_max: u32,
    /// Whether the distributed loop is off. Only the first config of a worker decides.
    pub(super) disable_distributed: bool,
    /// Whether a config was applied since the worker started.
    pub(super) configured: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            distributed_interval: 60,
            distributed_attempts: 3,
            denylist_duration: 86_400,
            logger_period: 4,
            logger_max_lines: 1024,
            logger_backoff_max: 3600,
            disable_distributed: false,
            configured: false,
        }
    }
}

impl Options {
    /// Applies the `options` of a config.
    pub(super) fn apply(&mut self, config: &Value) {
        let options = &config["options"];
        let set = |place: &mut u32, name: &str| {
            let number = match &options[name] {
                Value::Number(number) => number.as_u64(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            };
            if let Some(number) = number.and_then(|number| u32::try_from(number).ok()) {
                *place = number;
            }
        };
        set(&mut self.distributed_interval, "distributed_interval");
        set(&mut self.distributed_attempts, "distributed_tls_max_attempts");
        set(&mut self.denylist_duration, "distributed_denylist_duration");
        set(&mut self.logger_period, "logger_tls_period");
        set(&mut self.logger_max_lines, "logger_tls_max_lines");
        set(&mut self.logger_backoff_max, "logger_tls_backoff_max");
        if !self.configured {
            let wish = &options["disable_distributed"];
            self.disable_distributed = wish == &Value::Bool(true) || wish == "true";
        }
        self.configured = true;
    }
}

/// Whole seconds as a duration.
pub(super) fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
