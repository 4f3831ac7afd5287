// SPDX-License-Identifier: Apache-2.0
//! The loop: enrol, deliver what waits, run what was accepted, ask for more; and between two
//! reads, one scheduled query or one piece of the log at a time.
//!
//! It is serial on purpose: a read proves to the server that nothing is running here. Everything
//! it promises rests on [`crate::state`]; the loop itself can be dropped at any instant.

mod chores;
mod enroll;
mod offer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mimir_wire::osquery::{DENYLISTED_MESSAGE, NodeRequest, QueryStats};

use crate::limits::{
    BACKOFF_MAX, ENROLL_BACKOFF_MAX, POLL_INTERVAL, POSTPONED_SECONDS_MAX, READ_GAP, READ_HOLD,
    WRITE_BYTES,
};
use crate::logger::Logger;
use crate::memory;
use crate::pace::{Pace, backoff, jittered};
use crate::print;
use crate::remote::{CallError, Endpoint, Request, Transport, call, write_body};
use crate::schedule::{Scheduler, Ticks};
use crate::sql::{Answer, Cost, QueryError, Runner};
use crate::state::{Accepted, Outcome, Outgoing, Pending, Start, State, StateError};

/// What an error says of a query that had to be ended or took its process with it.
const REFUSED_NOTE: &str = "this host refuses the same SQL for a day";

/// What the command line decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// File with the enrolment secret; read when it is needed, so that it can be replaced.
    pub enroll_secret_file: PathBuf,
    /// What the agent calls itself when it enrols.
    pub host_identifier: String,
    /// Time between polls; the server's configuration decides when absent.
    pub poll_interval: Option<Duration>,
}

/// Why an iteration of the loop ended early.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The agent could not enrol.
    #[error("cannot enrol: {0}")]
    Enroll(#[source] CallError),
    /// Another request failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The secret is unreadable.
    #[error("cannot read the enrolment secret: {0}")]
    Secret(String),
    /// The state on disk.
    #[error(transparent)]
    State(#[from] StateError),
    /// Too much is waiting to be delivered.
    #[error("the outbox is full; no further queries are accepted until the server takes answers")]
    OutboxFull,
}

/// The loop with everything it needs.
pub struct Service<T, P> {
    settings: Settings,
    state: State,
    runner: Runner,
    transport: T,
    pace: P,
    scheduler: Scheduler,
    logger: Logger,
    ticks: Ticks,
    is_started: bool,
    /// From the configuration.
    poll_interval: Duration,
    /// Times below are on the clock of [`Pace::elapsed`].
    config_due: Duration,
    /// When the server is asked for work next.
    remote_due: Duration,
    /// When the schedule and the log are looked at again after the state could not be written.
    local_due: Duration,
    read_at: Option<Duration>,
    /// Whether the server holds reads open until there is work.
    is_held: bool,
    accelerated_until: Duration,
    failures: u32,
}

impl<T: Transport, P: Pace> Service<T, P> {
    /// A loop over an open state.
    pub fn new(settings: Settings, state: State, runner: Runner, transport: T, pace: P) -> Self {
        let scheduler = Scheduler::new(Arc::clone(runner.host()), &settings.host_identifier);
        let ticks = Ticks::new(pace.now(), pace.elapsed());
        Self {
            settings,
            state,
            runner,
            transport,
            pace,
            scheduler,
            logger: Logger::default(),
            ticks,
            is_started: false,
            poll_interval: POLL_INTERVAL,
            config_due: Duration::ZERO,
            remote_due: Duration::ZERO,
            local_due: Duration::ZERO,
            read_at: None,
            is_held: false,
            accelerated_until: Duration::ZERO,
            failures: 0,
        }
    }

    /// Runs until the agent is told to stop.
    ///
    /// # Errors
    /// Only when the state cannot even be read at the start.
    pub fn run(&mut self) -> Result<(), StateError> {
        self.state.hurry()?;
        tracing::info!(
            pending = self.state.pending_count()?,
            outbox = self.state.outbox_count()?,
            log = self.state.log_totals()?.lines,
            "the agent is running"
        );
        while !self.pace.is_stopping() {
            let wait = self.iterate();
            if !wait.is_zero() && !self.pace.is_stopping() {
                self.pace.set_idle(true);
                self.pace.wait(wait);
                self.pace.set_idle(false);
            }
        }
        tracing::info!("the agent has stopped");
        Ok(())
    }

    /// One iteration and how long to wait after it. The server comes first: what people ask now
    /// goes before what is scheduled.
    pub fn iterate(&mut self) -> Duration {
        if self.pace.elapsed() >= self.remote_due {
            let wait = self.remote();
            self.remote_due = self.pace.elapsed() + wait;
        }
        if self.pace.is_stopping() {
            return Duration::ZERO;
        }
        if self.pace.elapsed() >= self.local_due
            && let Err(error) = self.local()
        {
            tracing::warn!("{error}");
            self.local_due = self.pace.elapsed() + BACKOFF_MAX;
        }
        let now = self.pace.elapsed();
        let chore = self.next_chore().unwrap_or(self.remote_due);
        self.remote_due.min(chore).saturating_sub(now)
    }

    /// Everything that needs the server, and how long to leave it alone then.
    fn remote(&mut self) -> Duration {
        let error = match self.step() {
            Ok(wait) => {
                self.failures = 0;
                return wait;
            }
            Err(error) => error,
        };
        self.failures = self.failures.saturating_add(1);
        let is_lost_key = matches!(error, StepError::Call(CallError::NodeInvalid(_)));
        if is_lost_key && self.failures == 1 {
            tracing::warn!("{error}; enrolling again");
            return Duration::ZERO;
        }
        let (max, retry_after) = match &error {
            StepError::Enroll(error) => (ENROLL_BACKOFF_MAX, error.retry_after()),
            StepError::Call(error) => (BACKOFF_MAX, error.retry_after()),
            StepError::Secret(_) => (ENROLL_BACKOFF_MAX, None),
            StepError::State(_) | StepError::OutboxFull => (BACKOFF_MAX, None),
        };
        let wait = backoff(self.failures, max, retry_after, self.pace.random());
        tracing::warn!(failures = self.failures, wait_s = wait.as_secs(), "{error}");
        wait
    }

    /// Enrols if need be, delivers, runs, reads. Accepted queries run even when the server is
    /// away: their answers wait on disk.
    fn step(&mut self) -> Result<Duration, StepError> {
        self.start()?;
        let reached = self.ensure_enrolled().and_then(|()| self.flush());
        if let Err(error @ StepError::State(_)) = reached {
            return Err(error);
        }
        let reached = self.run_pending(reached)?;
        if self.pace.is_stopping() {
            return Ok(Duration::ZERO);
        }
        reached?;
        self.state.expire_marks(self.pace.now())?;
        self.refresh_config()?;
        if self.state.is_outbox_full()? {
            return Err(StepError::OutboxFull);
        }
        self.read()
    }

    fn ensure_enrolled(&mut self) -> Result<(), StepError> {
        if self.state.node_key()?.is_some() {
            return Ok(());
        }
        let key = enroll::enroll(&self.settings, &self.runner, &mut self.transport)?;
        self.state.set_node_key(Some(&key))?;
        self.state.hurry()?;
        tracing::info!("enrolled");
        Ok(())
    }

    /// Sends a request under the node key. An invalid key is forgotten at once.
    fn call(
        &mut self,
        endpoint: Endpoint,
        body: &[u8],
        hold: Option<Duration>,
    ) -> Result<serde_json::Map<String, serde_json::Value>, StepError> {
        let node_key = self.state.node_key()?;
        let node_key = node_key.as_deref();
        self.send(&Request { endpoint, node_key, body, gzip: false, hold })
    }

    fn send(
        &mut self,
        request: &Request<'_>,
    ) -> Result<serde_json::Map<String, serde_json::Value>, StepError> {
        let reply = call(&mut self.transport, request);
        if let Err(CallError::NodeInvalid(_)) = &reply {
            self.state.set_node_key(None)?;
        }
        Ok(reply?)
    }

    fn node_body(&self) -> Result<Vec<u8>, StepError> {
        let node_key = self.state.node_key()?.unwrap_or_default().into();
        // A struct of one text always serialises.
        Ok(serde_json::to_vec(&NodeRequest { node_key }).unwrap_or_default())
    }

    /// Delivers what waits. An answer that the server refuses is put aside for a while, so that
    /// it cannot hold up the others.
    fn flush(&mut self) -> Result<(), StepError> {
        loop {
            let batch = self.state.outgoing(self.pace.now(), WRITE_BYTES)?;
            if batch.is_empty() {
                return Ok(());
            }
            let node_key = self.state.node_key()?.unwrap_or_default();
            let body = write_body(&batch, &node_key)
                .map_err(|error| CallError::Unreachable(error.to_string()))?;
            match self.call(Endpoint::Write, &body, None) {
                Ok(_) => self.state.acknowledge(&batch)?,
                Err(StepError::Call(error @ CallError::Refused { .. })) if !error.is_overload() => {
                    tracing::warn!(answers = batch.len(), "{error}");
                    self.put_aside(&batch, &error)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn put_aside(&mut self, batch: &[Outgoing], error: &CallError) -> Result<(), StepError> {
        if let ([one], CallError::Refused { status: 413, .. }) = (batch, error)
            && one.outcome.status == 0
        {
            let message = "the answer is larger than the server accepts; select less";
            let outcome = Outcome::failure(message.to_owned());
            return Ok(self.state.replace(&one.name, &outcome)?);
        }
        let refusals = batch.iter().map(|outgoing| outgoing.refusals).max().unwrap_or(0) + 1;
        let wait = backoff(refusals, BACKOFF_MAX, error.retry_after(), self.pace.random());
        // Whole seconds, upwards: a wait of 0 would try again in this very loop.
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).saturating_add(1);
        let due = self.pace.now().saturating_add(seconds.min(POSTPONED_SECONDS_MAX));
        Ok(self.state.postpone(batch, due)?)
    }

    /// Runs everything accepted, in byte order of the names, and delivers after each. Answers
    /// whether the server could be reached, given that it was `reached` before.
    fn run_pending(
        &mut self,
        mut reached: Result<(), StepError>,
    ) -> Result<Result<(), StepError>, StepError> {
        while let Some(pending) = self.state.next_pending()? {
            if self.pace.is_stopping() || self.state.is_outbox_full()? {
                break;
            }
            if !self.run_one(&pending)? {
                break;
            }
            if reached.is_ok() {
                reached = self.flush();
            }
        }
        Ok(reached)
    }

    /// Runs one query. Answers false when the agent is stopping and the query stays pending.
    fn run_one(&mut self, pending: &Pending) -> Result<bool, StepError> {
        let outcome = match self.state.begin(&pending.sql, self.pace.now())? {
            Start::Denylisted => Outcome::failure(DENYLISTED_MESSAGE.to_owned()),
            Start::Run => match self.runner.run(&pending.sql) {
                Ok((answer, cost)) => success(&answer, cost),
                Err(QueryError::Stopped) => {
                    self.state.abandon(&pending.sql)?;
                    return Ok(false);
                }
                Err(error) if error.is_runaway() => {
                    self.state.deny(&pending.sql, self.pace.now())?;
                    Outcome::failure(format!("{error}; {REFUSED_NOTE}"))
                }
                Err(error) => Outcome::failure(error.to_string()),
            },
        };
        tracing::info!(
            query.name = pending.name,
            query.status = outcome.status,
            query.wall_ms = outcome.stats.map(|stats| stats.wall_time_ms),
            answer.bytes = outcome.rows.len(),
            "query finished"
        );
        self.state.finish(pending, &outcome)?;
        Ok(true)
    }

    /// Asks for work and keeps it. The server may hold the request open until there is something
    /// to do here; nothing is at stake meanwhile.
    fn read(&mut self) -> Result<Duration, StepError> {
        let asked = self.pace.elapsed();
        let hold = self.hold(asked);
        let is_recent = self.read_at.is_some_and(|read| asked < read + READ_GAP);
        if hold.is_zero() && self.is_held && is_recent {
            return Ok(self.until_chore(asked));
        }
        let body = self.node_body()?;
        memory::give_back();
        self.pace.set_idle(true);
        let reply = self.call(Endpoint::Read, &body, Some(hold).filter(|hold| !hold.is_zero()));
        self.pace.set_idle(false);
        self.read_at = Some(self.pace.elapsed());
        let offer = offer::Offer::read(&reply?);
        if let Some(seconds) = offer.accelerate {
            self.accelerated_until = self.pace.elapsed() + Duration::from_secs(seconds);
        }
        let mut is_new = false;
        for query in &offer.queries {
            let wanted = match offer.discovery.get(&query.name) {
                Some(sql) => self.discovers(sql)?,
                None => true,
            };
            if wanted {
                is_new |= self.state.accept(&query.name, &query.sql)? == Accepted::New;
            }
        }
        if is_new {
            return Ok(Duration::ZERO);
        }
        let held = self.pace.elapsed().saturating_sub(asked);
        Ok(self.pause_after(hold, held))
    }

    /// Whether a discovery query has a row here. One that runs away is refused like any other.
    fn discovers(&mut self, sql: &str) -> Result<bool, StateError> {
        if self.state.begin(sql, self.pace.now())? == Start::Denylisted {
            return Ok(false);
        }
        let found = self.runner.run(sql);
        match &found {
            Err(error) if error.is_runaway() => {
                tracing::warn!("a discovery query failed: {error}; {REFUSED_NOTE}");
                self.state.deny(sql, self.pace.now())?;
            }
            _ => self.state.abandon(sql)?,
        }
        Ok(found.is_ok_and(|(found, _)| !found.is_empty()))
    }

    /// How long the server is asked to hold a read: whole seconds, and not beyond what is to be
    /// done here.
    fn hold(&mut self, now: Duration) -> Duration {
        Duration::from_secs(READ_HOLD.min(self.until_chore(now)).as_secs())
    }

    /// Time to what is to be done here.
    fn until_chore(&mut self, now: Duration) -> Duration {
        let chore = self.next_chore().map_or(self.config_due, |due| due.min(self.config_due));
        chore.saturating_sub(now)
    }

    /// How long to wait after a read that took `held` and brought nothing new: not at all when
    /// the server held it open, because then the next one should be there at once.
    fn pause_after(&mut self, hold: Duration, held: Duration) -> Duration {
        if !hold.is_zero() {
            self.is_held = held >= hold / 2;
        }
        if self.is_held {
            let now = self.pace.elapsed();
            return if hold.is_zero() { self.until_chore(now) } else { Duration::ZERO };
        }
        let configured = self.settings.poll_interval.unwrap_or(self.poll_interval);
        let interval = match self.pace.elapsed() < self.accelerated_until {
            true => configured.min(crate::limits::POLL_INTERVAL_ACCELERATED),
            false => configured,
        };
        jittered(interval, self.pace.random()).saturating_sub(held)
    }
}

fn success(answer: &Answer, cost: Cost) -> Outcome {
    let mut rows = Vec::new();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let stats = QueryStats {
        wall_time_ms: millis(cost.wall),
        user_time: millis(cost.user),
        system_time: millis(cost.system),
        memory: cost.memory,
    };
    let written = print::write_json(answer, &mut rows).map_err(|error| error.to_string());
    let rows = written.and_then(|()| String::from_utf8(rows).map_err(|error| error.to_string()));
    match rows {
        Ok(rows) => Outcome { rows, status: 0, message: String::new(), stats: Some(stats) },
        Err(error) => Outcome::failure(format!("the answer cannot be written as JSON: {error}")),
    }
}
