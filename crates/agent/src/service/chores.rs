// SPDX-License-Identifier: Apache-2.0
//! What the loop does beside answering the server: the configuration, the schedule it asks for,
//! and the log.

use std::time::Duration;

use serde_json::{Map, Value};
use sha1::{Digest, Sha1};

use super::{Service, StepError, offer};
use crate::host::ConfigState;
use crate::limits::{CONFIG_BYTES_MAX, CONFIG_DEPTH_MAX, CONFIG_INTERVAL, CONFIG_RETRY};
use crate::logger::{Severity, body, compressed};
use crate::pace::{Pace, jittered};
use crate::remote::{CallError, Endpoint, Request, Transport};
use crate::schedule::{Context, Scheduler};
use crate::state::{LogKind, LogLine, StateError};

impl<T: Transport, P: Pace> Service<T, P> {
    /// Takes up what an earlier process left: its marks and its configuration, so that a host
    /// goes on with its schedule even while the server is away.
    pub(super) fn start(&mut self) -> Result<(), StateError> {
        if self.is_started {
            return Ok(());
        }
        self.with_schedule(Scheduler::start)?;
        let text = self.state.config()?.unwrap_or_default();
        if let Ok(config) = serde_json::from_str::<Map<String, Value>>(&text) {
            self.take_config(&config, &text)?;
        }
        self.is_started = true;
        Ok(())
    }

    fn with_schedule<R>(&mut self, act: impl FnOnce(&mut Scheduler, &mut Context<'_>) -> R) -> R {
        let pace = &self.pace;
        let now = || pace.now();
        let tick = self.ticks.at(pace.elapsed());
        let runner = &self.runner;
        let mut context = Context { state: &mut self.state, runner, now: &now, tick };
        act(&mut self.scheduler, &mut context)
    }

    /// When the schedule or the log has something to do, on the clock of [`Pace::elapsed`]; not
    /// before the state can be expected to take it again.
    pub(super) fn next_chore(&mut self) -> Option<Duration> {
        let elapsed = self.pace.elapsed();
        let ahead = |due: Duration| elapsed + due.saturating_sub(self.ticks.at(elapsed));
        let schedule = self.scheduler.due().map(ahead);
        // Without a key nobody takes the log; a state that cannot be read shows elsewhere.
        let has_key = self.state.node_key().is_ok_and(|key| key.is_some());
        let log = if has_key { self.logger.due(&self.state).ok().flatten() } else { None };
        schedule.into_iter().chain(log).min().map(|due| due.max(self.local_due))
    }

    /// Does what is due beside the server's questions, but at most one query.
    pub(super) fn local(&mut self) -> Result<(), StateError> {
        let is_asked = self.pace.elapsed() >= self.remote_due;
        if is_asked && self.state.next_pending()?.is_some() {
            return Ok(());
        }
        self.flush_log()?;
        self.with_schedule(Scheduler::run_due)
    }

    /// Fetches the configuration when it is due. A failure does not keep the agent from work,
    /// unless it says that the key is invalid.
    pub(super) fn refresh_config(&mut self) -> Result<(), StepError> {
        if self.pace.elapsed() < self.config_due {
            return Ok(());
        }
        let body = self.node_body()?;
        let (wait, outcome) = match self.call(Endpoint::Config, &body, None) {
            Ok(config) => (CONFIG_INTERVAL, self.new_config(&config).map_err(StepError::from)),
            Err(error @ StepError::Call(CallError::NodeInvalid(_))) => (Duration::ZERO, Err(error)),
            Err(StepError::Call(error)) => {
                tracing::warn!("cannot fetch the configuration: {error}");
                (CONFIG_RETRY, Ok(()))
            }
            Err(error) => (CONFIG_RETRY, Err(error)),
        };
        self.config_due = self.pace.elapsed() + jittered(wait, self.pace.random());
        outcome
    }

    /// Takes a configuration that came, if it is another one.
    fn new_config(&mut self, config: &Map<String, Value>) -> Result<(), StateError> {
        let text = serde_json::to_string(config).unwrap_or_default();
        if self.runner.host().config().hash == hash(&text) {
            return Ok(());
        }
        let fits = text.len() <= CONFIG_BYTES_MAX && !is_deeper(config.values(), CONFIG_DEPTH_MAX);
        if !fits {
            self.runner.host().set_config(ConfigState { hash: hash(&text), valid: false });
            let message = format!(
                "the configuration is refused and the one before stays: it has {} bytes, of at \
                 most {CONFIG_BYTES_MAX}, or more than {CONFIG_DEPTH_MAX} levels",
                text.len()
            );
            return self.with_schedule(|scheduler, context| {
                scheduler.tell(context, Severity::Error, &message)
            });
        }
        self.state.set_config(&text)?;
        self.take_config(config, &text)
    }

    fn take_config(&mut self, config: &Map<String, Value>, text: &str) -> Result<(), StateError> {
        self.runner.host().set_config(ConfigState { hash: hash(text), valid: true });
        if let Some(interval) = offer::poll_interval(config) {
            self.poll_interval = interval;
        }
        self.with_schedule(|scheduler, context| scheduler.apply(config, context))
    }

    /// Sends one piece of each log that is due.
    fn flush_log(&mut self) -> Result<(), StateError> {
        let now = self.pace.elapsed();
        let has_key = self.state.node_key()?.is_some();
        if !has_key || self.logger.due(&self.state)?.is_none_or(|due| now < due) {
            return Ok(());
        }
        self.tell_of_dropped_lines()?;
        for kind in LogKind::ALL {
            let options = self.scheduler.options();
            let batch = self.logger.batch(kind, &self.state, options, now)?;
            if !batch.is_empty() {
                self.send_log(kind, &batch)?;
            }
        }
        Ok(())
    }

    fn tell_of_dropped_lines(&mut self) -> Result<(), StateError> {
        let dropped = self.state.log_totals()?.dropped;
        if dropped == 0 {
            return Ok(());
        }
        let message = format!(
            "{dropped} log lines were dropped: the buffer was full, or the server refused them \
             for good"
        );
        let now = self.pace.now();
        let line = self.scheduler.status_line(Severity::Warning, &message, now);
        self.state.log_dropped(line.as_slice(), self.scheduler.options().log_bounds())
    }

    fn send_log(&mut self, kind: LogKind, batch: &[LogLine]) -> Result<(), StateError> {
        let key = self.state.node_key()?.unwrap_or_default();
        let plain = body(kind, batch, &key);
        let packed = match self.scheduler.options().logger_tls_compress {
            true => compressed(&plain).ok(),
            false => None,
        };
        let sent = self.send(&Request {
            endpoint: Endpoint::Log,
            node_key: Some(&key),
            body: packed.as_deref().unwrap_or(&plain),
            gzip: packed.is_some(),
            hold: None,
        });
        let now = self.pace.elapsed();
        let error = match sent {
            Ok(_) => {
                self.state.log_acknowledge(batch)?;
                let more = self.state.has_log(kind)?;
                self.logger.succeeded(kind, self.scheduler.options(), now, more);
                return Ok(());
            }
            Err(StepError::Call(error)) => error,
            Err(StepError::State(error)) => return Err(error),
            // Neither is possible here; both only mean to try again.
            Err(error) => CallError::Unreachable(error.to_string()),
        };
        tracing::warn!(log = kind.name(), lines = batch.len(), "cannot deliver the log: {error}");
        if matches!(error, CallError::NodeInvalid(_)) {
            self.remote_due = now;
        }
        let random = self.pace.random();
        let options = self.scheduler.options();
        if self.logger.failed(kind, options, now, batch, &error, random) {
            self.state.log_give_up(batch)?;
        }
        Ok(())
    }
}

/// SHA-1 of a configuration's text, as `osquery_info.config_hash` shows it.
fn hash(text: &str) -> String {
    hex::encode(Sha1::digest(text))
}

/// Whether values are nested deeper than so many levels.
fn is_deeper<'v>(mut values: impl Iterator<Item = &'v Value>, levels: usize) -> bool {
    if levels == 0 {
        return true;
    }
    values.any(|value| match value {
        Value::Array(list) => is_deeper(list.iter(), levels - 1),
        Value::Object(object) => is_deeper(object.values(), levels - 1),
        _ => false,
    })
}
