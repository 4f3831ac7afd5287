// SPDX-License-Identifier: Apache-2.0
//! The buffered TLS logger (`plugins/logger/buffered.cpp`): lines wait on disk, a round sends the
//! oldest of each type in one attempt, and failures space the rounds out.

use std::time::Duration;

use mimir_wire::Timestamp;

use super::options::seconds;
use super::{Action, Call, Stage, VirtualAgent};
use crate::transport::Endpoint;

/// Longest line that is sent, in bytes (`logger_tls_max_linesize`); longer ones are dropped.
const LINE_MAX: usize = 1 << 20;

/// The two types of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// Results of scheduled queries.
    Result,
    /// Status lines of the agent itself.
    Status,
}

impl LogKind {
    /// `log_type` of the body.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Status => "status",
        }
    }
}

/// How long a type waits after failures.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Timestamp,
}

impl VirtualAgent {
    /// Buffers a line for the logger.
    pub fn log(&mut self, kind: LogKind, line: impl Into<Box<str>>) {
        self.disk.lines[kind as usize].push_back(line.into());
    }

    /// Lines that are buffered.
    pub fn buffered_lines(&self, kind: LogKind) -> usize {
        self.disk.lines[kind as usize].len()
    }

    /// When the logger tries this type again after failures; past when nothing failed.
    pub fn log_backoff_until(&self, kind: LogKind) -> Timestamp {
        self.worker.backoff[kind as usize].until
    }

    pub(super) fn start_log(&mut self, call: &mut Call, now: Timestamp) -> Action {
        self.send_lines(call, LogKind::Result, now)
    }

    /// The first `taken` buffered lines that can be sent.
    pub(super) fn log_lines(&self, kind: LogKind, taken: usize) -> impl Iterator<Item = &str> {
        let sendable = |line: &&str| {
            line.len() <= LINE_MAX && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
        };
        let lines = self.disk.lines[kind as usize].iter().take(taken);
        lines.map(|line| &**line).filter(sendable)
    }

    /// Sends the lines of `kind`, or goes on to the next type.
    fn send_lines(&mut self, call: &mut Call, kind: LogKind, now: Timestamp) -> Action {
        let most = self.worker.options.logger_max_lines as usize;
        let taken = self.disk.lines[kind as usize].len().min(most);
        let waiting = now < self.worker.backoff[kind as usize].until;
        if waiting || taken == 0 {
            return self.after_lines(call, kind, taken, now);
        }
        if self.log_lines(kind, taken).next().is_none() {
            // Nothing among them can be sent: they are deleted without a request.
            self.disk.lines[kind as usize].drain(..taken);
            return self.after_lines(call, kind, taken, now);
        }
        call.stage = Stage::Log { kind, taken };
        let progress = self.open(call, Some(Endpoint::Log), now);
        self.after_exchange(call, progress, now)
    }

    pub(super) fn log_ended(
        &mut self,
        call: &mut Call,
        kind: LogKind,
        taken: usize,
        ok: bool,
        now: Timestamp,
    ) -> Action {
        let period = self.worker.options.logger_period;
        let longest = self.worker.options.logger_backoff_max;
        let backoff = &mut self.worker.backoff[kind as usize];
        if ok {
            *backoff = Backoff::default();
            if let Some(record) = &mut self.record {
                record.acknowledged_lines += taken as u64;
            }
            self.disk.lines[kind as usize].drain(..taken);
        } else if self.profile.version.has_logger_backoff() {
            backoff.failures = backoff.failures.saturating_add(1);
            let squared = backoff.failures.saturating_mul(backoff.failures);
            let wait = period.saturating_mul(squared).min(longest);
            backoff.until = now.plus_secs(wait.into());
        }
        self.after_lines(call, kind, taken, now)
    }

    fn after_lines(
        &mut self,
        call: &mut Call,
        kind: LogKind,
        taken: usize,
        now: Timestamp,
    ) -> Action {
        // With a full batch of results the round has no room for status lines.
        let full = taken >= self.worker.options.logger_max_lines as usize;
        match kind {
            LogKind::Result if !full => self.send_lines(call, LogKind::Status, now),
            _ => self.finish(call, self.logger_period()),
        }
    }

    /// The logger's period as configured.
    pub fn logger_period(&self) -> Duration {
        seconds(self.worker.options.logger_period)
    }
}
