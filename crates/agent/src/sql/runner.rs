// SPDX-License-Identifier: Apache-2.0
//! Runs statements, one at a time, by the engine it was given.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::child::Stuck;
use super::isolated::{self, is_about_the_agent};
use super::{Answer, Cost, Job, Osqueryi, QueryError, QueryLimits};
use crate::host::Host;
use crate::tables::{Budget, read};
use crate::watchdog::cpu_times;

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// The agent's own tables, on the caller's thread. A statement ends in time only if the
    /// machine lets it; for tests, and where a process of its own is no use.
    Inline,
    /// The agent's own tables, in a process of its own for each statement.
    Worker {
        /// The agent's program, which becomes that process.
        program: PathBuf,
    },
    /// An installed `osqueryi`; the agent's own tables for what is about the agent.
    Osqueryi {
        /// The agent's program, which bounds the other one.
        program: PathBuf,
        /// The other one.
        osqueryi: Osqueryi,
    },
}

impl Engine {
    /// The program of this very process, also after its file was replaced by an upgrade.
    pub fn own_program() -> PathBuf {
        PathBuf::from("/proc/self/exe")
    }
}

/// Runs statements about one host.
#[derive(Debug, Clone)]
pub struct Runner {
    host: Arc<Host>,
    limits: QueryLimits,
    stop: Arc<AtomicBool>,
    engine: Engine,
    stuck: Stuck,
    /// Held while a statement runs: a host answers one at a time.
    turn: Arc<Mutex<()>>,
}

impl Runner {
    /// A runner without a process of its own for statements, whose queries end early when `stop`
    /// becomes true.
    pub fn new(host: Arc<Host>, limits: QueryLimits, stop: Arc<AtomicBool>) -> Self {
        let (stuck, turn) = (Stuck::default(), Arc::default());
        Self { host, limits, stop, engine: Engine::Inline, stuck, turn }
    }

    /// The same runner with another engine.
    #[must_use]
    pub fn with_engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// The host that the tables describe.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Runs one statement, after the one before it.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn run(&self, sql: &str) -> Result<(Answer, Cost), QueryError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.engine {
            Engine::Inline => self.run_inline(sql),
            Engine::Worker { program } => {
                isolated::run(program, sql, &self.host, self.limits, &self.stop, &self.stuck)
            }
            Engine::Osqueryi { program, .. } if self.is_ours(sql) => {
                isolated::run(program, sql, &self.host, self.limits, &self.stop, &self.stuck)
            }
            Engine::Osqueryi { program, osqueryi } => {
                osqueryi.run(program, sql, self.limits, &self.stop, &self.stuck)
            }
        }
    }

    /// Whether only the agent's own tables can tell: what it is, and what machine it plays.
    fn is_ours(&self, sql: &str) -> bool {
        let is_virtual = self.host.identity.virtual_host.is_some();
        is_about_the_agent(sql) || is_virtual && sql.to_ascii_lowercase().contains("system_info")
    }

    fn run_inline(&self, sql: &str) -> Result<(Answer, Cost), QueryError> {
        let started = Instant::now();
        let times = || {
            let stat = read::own_text("/proc/thread-self/stat".as_ref(), 4096);
            cpu_times(&stat.unwrap_or_default())
        };
        let before = times();
        let deadline = started + self.limits.time_max;
        let job = Job {
            sql: sql.to_owned(),
            host: Arc::clone(&self.host),
            limits: self.limits,
            budget: Arc::new(Budget::new(deadline, Arc::clone(&self.stop))),
        };
        let mut answer = Answer::default();
        job.run(&mut answer)?;
        let after = times();
        let cost = Cost {
            wall: started.elapsed(),
            user: after.0.saturating_sub(before.0),
            system: after.1.saturating_sub(before.1),
            memory: 0,
        };
        Ok((answer, cost))
    }
}
