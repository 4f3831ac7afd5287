// SPDX-License-Identifier: Apache-2.0
//! The log: what lines look like, and when the waiting ones are sent. A line leaves the buffer
//! when the server has acknowledged it; requests that fail are repeated with growing waits.
//!
//! Which lines there are is decided by the schedule; the buffer itself is in [`crate::state`].

mod batch;
mod line;

use std::time::Duration;

use crate::limits::{LOG_BODY_BYTES, RETRY_AFTER_MAX};
use crate::pace::jittered;
use crate::remote::CallError;
use crate::schedule::Options;
use crate::state::{LogKind, LogLine, State, StateError};

pub use batch::{body, compressed};
pub use line::{Execution, LineHead, Severity};

/// When the log is sent, for each kind of line.
#[derive(Debug)]
pub struct Logger {
    kinds: [Progress; 2],
}

#[derive(Debug, Clone, Copy)]
struct Progress {
    kind: LogKind,
    /// When the next request may be made, on the clock of `Pace::elapsed`.
    due: Duration,
    failures: u32,
    /// Lines in the next request: fewer after one was refused for what it holds, so that a line
    /// that is not liked is found and does not hold up the others.
    lines: u64,
    /// Whether lines are known to wait.
    waits: bool,
}

impl Default for Logger {
    fn default() -> Self {
        let progress = |kind| Progress {
            kind,
            due: Duration::ZERO,
            failures: 0,
            lines: u64::MAX,
            waits: false,
        };
        Self { kinds: LogKind::ALL.map(progress) }
    }
}

impl Logger {
    /// When there is something to send, on the clock of `Pace::elapsed`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn due(&mut self, state: &State) -> Result<Option<Duration>, StateError> {
        let mut due: Option<Duration> = None;
        for progress in &mut self.kinds {
            progress.waits = progress.waits || state.has_log(progress.kind)?;
            if progress.waits {
                due = Some(due.map_or(progress.due, |due| due.min(progress.due)));
            }
        }
        Ok(due)
    }

    /// The next request of a kind, unless it is too early or nothing waits.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn batch(
        &mut self,
        kind: LogKind,
        state: &State,
        options: &Options,
        elapsed: Duration,
    ) -> Result<Vec<LogLine>, StateError> {
        let progress = self.progress(kind);
        if elapsed < progress.due {
            return Ok(Vec::new());
        }
        let lines = progress.lines.min(options.logger_tls_max_lines);
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        let batch = state.log_batch(kind, lines, LOG_BODY_BYTES)?;
        progress.waits = !batch.is_empty();
        Ok(batch)
    }

    /// Notes that a request was acknowledged. What else waits goes at once.
    pub fn succeeded(&mut self, kind: LogKind, options: &Options, elapsed: Duration, more: bool) {
        let progress = self.progress(kind);
        progress.failures = 0;
        progress.lines = progress.lines.saturating_mul(2);
        progress.waits = more;
        progress.due = if more { elapsed } else { elapsed + options.log_period() };
    }

    /// Notes that a request failed, and answers whether its only line is to be given up: the
    /// server will never take it. Waits grow with the square of failures, as in osquery.
    pub fn failed(
        &mut self,
        kind: LogKind,
        options: &Options,
        elapsed: Duration,
        batch: &[LogLine],
        error: &CallError,
        random: f64,
    ) -> bool {
        let progress = self.progress(kind);
        let is_judged = matches!(error, CallError::Refused { status: 400 | 413 | 422, .. });
        if is_judged {
            progress.lines = (batch.len() as u64 / 2).max(1);
            if batch.len() > 1 || matches!(error, CallError::Refused { status: 413, .. }) {
                // Another request, not the same again.
                progress.due = elapsed;
                return batch.len() == 1;
            }
        }
        progress.failures = progress.failures.saturating_add(1);
        let square = u64::from(progress.failures).saturating_pow(2);
        let wait = options.logger_tls_period.saturating_mul(square);
        let wait = Duration::from_secs(wait.min(options.logger_tls_backoff_max));
        let asked = error.retry_after().unwrap_or_default().min(RETRY_AFTER_MAX);
        progress.due = elapsed + jittered(wait, random).max(asked);
        is_judged
    }

    fn progress(&mut self, kind: LogKind) -> &mut Progress {
        &mut self.kinds[usize::from(kind == LogKind::Status)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1_000);

    fn refused(status: u16) -> CallError {
        CallError::Refused { status, message: String::new(), retry_after: None }
    }

    fn line() -> LogLine {
        LogLine { seq: 1, text: "{}".to_owned() }
    }

    #[test]
    fn waits_grow_with_the_square_up_to_a_bound() {
        let mut logger = Logger::default();
        let options = Options { logger_tls_backoff_max: 100, ..Options::default() };
        let mut waits = Vec::new();
        for _ in 0..6 {
            let gone = logger.failed(LogKind::Result, &options, AT, &[line()], &refused(500), 0.5);
            assert!(!gone);
            waits.push((logger.kinds[0].due - AT).as_secs());
        }
        assert_eq!(waits, [4, 16, 36, 64, 100, 100]);
        assert_eq!(logger.kinds[1].due, Duration::ZERO, "the other kind does not wait");
        logger.succeeded(LogKind::Result, &options, AT, false);
        assert_eq!(logger.kinds[0].due, AT + Duration::from_secs(4));
        logger.failed(LogKind::Result, &options, AT, &[line()], &refused(500), 0.5);
        assert_eq!(logger.kinds[0].due, AT + Duration::from_secs(4));
    }

    #[test]
    fn a_line_that_is_not_liked_is_found() {
        let mut logger = Logger::default();
        let options = Options::default();
        let mut batch = vec![line(); 8];
        for expected in [4, 2, 1] {
            assert!(!logger.failed(LogKind::Result, &options, AT, &batch, &refused(400), 0.5));
            batch.truncate(expected);
            assert_eq!((logger.kinds[0].lines, logger.kinds[0].due), (expected as u64, AT));
        }
        assert!(logger.failed(LogKind::Result, &options, AT, &batch, &refused(413), 0.5));
        logger.succeeded(LogKind::Result, &options, AT, true);
        assert_eq!((logger.kinds[0].lines, logger.kinds[0].due), (2, AT));
        assert!(!logger.failed(LogKind::Result, &options, AT, &batch, &refused(503), 0.5));
        assert_eq!(logger.kinds[0].lines, 2, "an overload says nothing about lines");
    }
}
