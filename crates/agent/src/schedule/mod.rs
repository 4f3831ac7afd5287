// SPDX-License-Identifier: Apache-2.0
//! The schedule: queries that the configuration asks to run at intervals, alone or in packs, and
//! the lines that their results become.
//!
//! It runs one query at a time, when the loop asks it to, and keeps nothing to itself: whatever
//! must survive is in [`crate::state`]. It knows no server.

mod clock;
mod decorate;
mod diff;
mod options;
mod packs;
mod plan;
mod run;

use std::collections::{BTreeMap, HashSet};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::facts;
use crate::host::Host;
use crate::limits::SCHEDULE_FORGET_SECONDS;
use crate::logger::{LineHead, Severity};
use crate::sql::Runner;
use crate::state::{LogKind, RunTotals, State, StateError};

pub use clock::Ticks;
pub(crate) use diff::json;
pub use options::Options;
pub use plan::OSQUERY_VERSION;

use clock::Recurrence;
use decorate::Decorations;
use packs::PackEntry;
use plan::{Plan, PlannedQuery, shard_of};

/// What the schedule works with.
pub struct Context<'c> {
    /// What must survive.
    pub state: &'c mut State,
    /// Runs statements.
    pub runner: &'c Runner,
    /// Unix seconds, whenever asked.
    pub now: &'c dyn Fn() -> i64,
    /// Seconds that never jump; see [`Ticks`].
    pub tick: Duration,
}

/// See the head of this file.
pub struct Scheduler {
    host: Arc<Host>,
    options: Options,
    head: LineHead,
    entries: Vec<Entry>,
    packs: Vec<PackEntry>,
    decorations: Decorations,
    /// Failures that are told once for each configuration.
    told: HashSet<String>,
}

/// A query and when it is due.
struct Entry {
    query: PlannedQuery,
    recurrence: Recurrence,
    due: Duration,
    is_denied: bool,
    totals: RunTotals,
}

impl Scheduler {
    /// A schedule without queries.
    pub fn new(host: Arc<Host>, host_identifier: &str) -> Self {
        let head = LineHead { host_identifier: host_identifier.to_owned(), ..LineHead::default() };
        Self {
            host,
            options: Options::default(),
            head,
            entries: Vec::new(),
            packs: Vec::new(),
            decorations: Decorations::default(),
            told: HashSet::new(),
        }
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Blames what an earlier process died in. To be called once, before anything runs.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn start(&mut self, context: &mut Context<'_>) -> Result<(), StateError> {
        for (name, is_denied) in context.state.schedule_blame((context.now)())? {
            let next = if is_denied { "it is refused for a day" } else { "it gets one more try" };
            let message = format!("Scheduled query may have failed: {name}; {next}");
            self.tell(context, Severity::Warning, &message)?;
        }
        Ok(())
    }

    /// Takes a configuration.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn apply(
        &mut self,
        config: &Map<String, Value>,
        context: &mut Context<'_>,
    ) -> Result<(), StateError> {
        let mut problems = match config.get("options").and_then(Value::as_object) {
            Some(options) => {
                self.show_flags(options);
                self.options.apply(options)
            }
            None => Vec::new(),
        };
        let plan = Plan::read(config, &self.options, shard_of(&self.host.hostname()));
        problems.extend(plan.problems);
        self.told.clear();
        self.take_queries(plan.queries, context)?;
        self.packs = plan.packs.into_iter().map(PackEntry::new).collect();
        self.load_decorations(plan.decorators, context)?;
        for problem in &problems {
            self.tell(context, Severity::Warning, problem)?;
        }
        for pack in 0..self.packs.len() {
            self.is_active(pack, context)?;
        }
        let names = self.entries.iter().map(|entry| entry.query.name.as_str());
        context.state.schedule_keep(names, (context.now)(), SCHEDULE_FORGET_SECONDS)?;
        self.publish();
        tracing::info!(queries = self.entries.len(), packs = self.packs.len(), "new schedule");
        Ok(())
    }

    /// Shows the options in `osquery_flags`. A configuration holds no secrets.
    fn show_flags(&self, options: &Map<String, Value>) {
        for (name, value) in options {
            match value {
                Value::String(text) => self.host.facts.set_flag(name, text.clone()),
                Value::Bool(_) | Value::Number(_) => {
                    self.host.facts.set_flag(name, value.to_string());
                }
                _ => {}
            }
        }
    }

    /// Takes new queries; one that stays keeps its time, so that a configuration that changes
    /// often cannot put it off for ever.
    fn take_queries(
        &mut self,
        queries: Vec<PlannedQuery>,
        context: &mut Context<'_>,
    ) -> Result<(), StateError> {
        let before: BTreeMap<String, Entry> = std::mem::take(&mut self.entries)
            .into_iter()
            .map(|entry| (entry.query.name.clone(), entry))
            .collect();
        let percent = self.options.schedule_splay_percent;
        for query in queries {
            let host = &self.host.identity.instance_id;
            let recurrence = Recurrence::splayed(host, &query.name, query.interval, percent);
            let known = before.get(&query.name).filter(|entry| entry.recurrence == recurrence);
            let due = match known {
                Some(entry) => entry.due,
                None if query.at_start => context.tick,
                None => recurrence.after(context.tick),
            };
            let totals = context.state.schedule_totals(&query.name)?;
            let now = (context.now)();
            let is_denied =
                query.denylist && context.state.is_schedule_denied(&query.name, &query.sql, now)?;
            self.entries.push(Entry { query, recurrence, due, is_denied, totals });
        }
        Ok(())
    }

    /// When there is something to do next, as a tick.
    pub fn due(&self) -> Option<Duration> {
        let queries = self.entries.iter().map(|entry| entry.due);
        // Decorations without queries decorate nothing.
        let decorations = self.decorations.due().filter(|_| !self.entries.is_empty());
        queries.chain(decorations).min()
    }

    /// Does what is due, but runs at most one query: the one that has waited longest.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn run_due(&mut self, context: &mut Context<'_>) -> Result<(), StateError> {
        if !self.entries.is_empty() {
            self.decorate_at_intervals(context)?;
        }
        let due = self.entries.iter().enumerate().filter(|(_, entry)| entry.due <= context.tick);
        let Some((index, _)) = due.min_by_key(|(_, entry)| entry.due) else { return Ok(()) };
        // First of all, so that a failure cannot make it due for ever.
        let entry = &mut self.entries[index];
        entry.due = entry.recurrence.after(context.tick);
        self.run_entry(index, context)?;
        self.publish();
        Ok(())
    }

    /// Adds a status line, unless they are turned off.
    ///
    /// # Errors
    /// When the state cannot be written.
    #[track_caller]
    pub fn tell(
        &self,
        context: &mut Context<'_>,
        severity: Severity,
        message: &str,
    ) -> Result<(), StateError> {
        let line = self.status_line(severity, message, (context.now)());
        context.state.log(LogKind::Status, line.as_slice(), self.options.log_bounds())
    }

    /// Tells of a failure once for each configuration.
    #[track_caller]
    fn tell_once(&mut self, context: &mut Context<'_>, message: &str) -> Result<(), StateError> {
        if self.told.insert(message.to_owned()) {
            return self.tell(context, Severity::Warning, message);
        }
        Ok(())
    }

    /// A status line, and a line in the agent's own log.
    #[track_caller]
    pub(crate) fn status_line(
        &self,
        severity: Severity,
        message: &str,
        now: i64,
    ) -> Option<String> {
        match severity {
            Severity::Info => tracing::info!("{message}"),
            Severity::Warning | Severity::Error => tracing::warn!("{message}"),
        }
        let is_wanted = !self.options.tls_disable_status_log
            && severity as u64 >= self.options.logger_min_status;
        is_wanted.then(|| self.head.status(severity, message, now, Location::caller()))
    }

    /// Shows the schedule to the tables.
    fn publish(&self) {
        let queries = self.entries.iter().map(Entry::facts).collect();
        let packs = self.packs.iter().map(PackEntry::facts).collect();
        self.host.facts.change_schedule(|schedule| {
            *schedule = facts::ScheduleFacts { queries, packs };
        });
    }
}

impl Entry {
    fn facts(&self) -> facts::ScheduledQuery {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let totals = &self.totals;
        facts::ScheduledQuery {
            name: self.query.name.clone(),
            query: self.query.sql.clone(),
            interval: number(self.query.interval),
            executions: number(totals.executions),
            last_executed: totals.last_executed,
            denylisted: self.is_denied,
            output_size: number(totals.output_bytes),
            wall_time: number(totals.wall_ms.0 / 1_000),
            wall_time_ms: number(totals.wall_ms.0),
            last_wall_time_ms: number(totals.wall_ms.1),
            user_time: number(totals.user_ms.0),
            last_user_time: number(totals.user_ms.1),
            system_time: number(totals.system_ms.0),
            last_system_time: number(totals.system_ms.1),
            average_memory: number(totals.memory.0 / totals.executions.max(1)),
            last_memory: number(totals.memory.1),
        }
    }
}
