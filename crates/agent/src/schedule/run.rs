// SPDX-License-Identifier: Apache-2.0
//! One run of a scheduled query: from the statement to the lines, and to what the next run is
//! compared with.

use std::time::Duration;

use super::diff::{Difference, Form, difference, rows};
use super::plan::PlannedQuery;
use super::{Context, Scheduler};
use crate::limits::{SCHEDULE_KEPT_BYTES_MAX, SCHEDULE_LINES_BYTES_MAX, SCHEDULE_ROWS_BYTES_MAX};
use crate::logger::{Execution, Severity};
use crate::sql::{Answer, Cost, QueryError};
use crate::state::{Finished, Previous, RunTotals, StateError, text_key};

/// What a run leaves behind.
#[derive(Default)]
struct Outcome {
    lines: Vec<String>,
    /// Bytes of all rows.
    bytes: usize,
    /// What the next run is compared with, where that changed.
    previous: Option<Previous>,
}

impl Scheduler {
    /// Runs the query of an entry, unless its pack is inactive or it is denied.
    pub(super) fn run_entry(
        &mut self,
        index: usize,
        context: &mut Context<'_>,
    ) -> Result<(), StateError> {
        let query = self.entries[index].query.clone();
        if let Some(pack) = query.pack
            && !self.is_active(pack, context)?
        {
            return Ok(());
        }
        let is_denied = query.denylist
            && context.state.is_schedule_denied(&query.name, &query.sql, (context.now)())?;
        self.entries[index].is_denied = is_denied;
        if is_denied {
            return Ok(());
        }
        self.decorate_always(context)?;
        context.state.schedule_begin(&query.name, &query.sql)?;
        let mut next = "";
        let (result, cost) = match context.runner.run(&query.sql) {
            Ok((answer, cost)) => (self.outcome(&query, &answer, context)?, cost),
            Err(QueryError::Stopped) => {
                return context.state.schedule_abandon(&query.name, &query.sql);
            }
            Err(error) => {
                if error.is_runaway() && query.denylist {
                    context.state.schedule_deny(&query.name, &query.sql, (context.now)())?;
                    self.entries[index].is_denied = true;
                    next = "; it is refused for a day";
                }
                (Err(error.to_string()), Cost::default())
            }
        };
        let now = (context.now)();
        let (outcome, failure) = match result {
            Ok(outcome) => (outcome, None),
            Err(reason) => {
                let message =
                    format!("Error executing scheduled query {}: {reason}{next}", query.name);
                (Outcome::default(), Some(message))
            }
        };
        let mut status: Vec<String> = failure
            .and_then(|message| self.status_line(Severity::Error, &message, now))
            .into_iter()
            .collect();
        let lines = self.short_enough(&query, outcome.lines, &mut status, now);
        let totals = totals(self.entries[index].totals, cost, outcome.bytes, now);
        context.state.schedule_finish(&Finished {
            name: &query.name,
            previous: outcome.previous.as_ref(),
            totals,
            lines: &lines,
            status: &status,
            bounds: self.options.log_bounds(),
        })?;
        self.entries[index].totals = totals;
        tracing::debug!(query.name = query.name, lines = lines.len(), "scheduled query finished");
        Ok(())
    }

    /// The lines of an answer, or why there are none.
    fn outcome(
        &self,
        query: &PlannedQuery,
        answer: &Answer,
        context: &Context<'_>,
    ) -> Result<Result<Outcome, String>, StateError> {
        let numerics = self.options.logger_numerics;
        let rows = rows(answer, Form { is_escaped: !query.snapshot, numerics });
        if rows.len() > SCHEDULE_ROWS_BYTES_MAX {
            return Ok(Err(format!(
                "its result has {} bytes, of at most {SCHEDULE_ROWS_BYTES_MAX}; select less",
                rows.len()
            )));
        }
        if query.snapshot {
            return Ok(self.snapshot(query, &rows, (context.now)()));
        }
        self.differential(query, rows, context)
    }

    fn execution<'n>(&self, query: &'n PlannedQuery, now: i64, counter: u64) -> Execution<'n> {
        let epoch = self.options.schedule_epoch;
        let numerics = self.options.logger_numerics;
        Execution { name: &query.name, unix_time: now, epoch, counter, numerics }
    }

    fn snapshot(&self, query: &PlannedQuery, rows: &str, now: i64) -> Result<Outcome, String> {
        let execution = self.execution(query, now, 0);
        let lines = if self.options.logger_snapshot_event_type {
            bounded(rows.lines().map(|row| self.head.event(execution, row, "snapshot")))?
        } else {
            vec![self.head.snapshot(execution, &rows.lines().collect::<Vec<_>>())]
        };
        Ok(Outcome { lines, bytes: rows.len(), previous: None })
    }

    /// What changed since the last run; everything, when that was another statement or epoch.
    fn differential(
        &self,
        query: &PlannedQuery,
        rows: String,
        context: &Context<'_>,
    ) -> Result<Result<Outcome, String>, StateError> {
        // Rows that are written in another way cannot be compared.
        let form = if self.options.logger_numerics { " numerics" } else { "" };
        let fingerprint = text_key(&query.sql) + form;
        let epoch = self.options.schedule_epoch;
        let before = context.state.schedule_previous(&query.name)?;
        let before =
            before.filter(|before| before.fingerprint == fingerprint && before.epoch == epoch);
        let change = match &before {
            Some(before) => difference(&before.rows, &rows),
            None => difference("", &rows),
        };
        let bytes = rows.len();
        if before.is_some() && change.is_empty() {
            return Ok(Ok(Outcome { bytes, ..Outcome::default() }));
        }
        let beside = context.state.schedule_bytes_beside(&query.name)?;
        if beside + bytes as u64 > SCHEDULE_KEPT_BYTES_MAX {
            return Ok(Err(format!(
                "its result does not fit into the {SCHEDULE_KEPT_BYTES_MAX} bytes that are kept \
                 for comparison; schedule fewer or smaller queries, or snapshots"
            )));
        }
        let counter = before.as_ref().map_or(0, |before| before.counter + 1);
        let lines = match self.change_lines(query, change, (context.now)(), counter) {
            Ok(lines) => lines,
            Err(reason) => return Ok(Err(reason)),
        };
        let previous = Some(Previous { fingerprint, epoch, counter, rows });
        Ok(Ok(Outcome { lines, bytes, previous }))
    }

    fn change_lines(
        &self,
        query: &PlannedQuery,
        mut change: Difference<'_>,
        now: i64,
        counter: u64,
    ) -> Result<Vec<String>, String> {
        if !query.removed {
            change.removed.clear();
        }
        if change.is_empty() {
            return Ok(Vec::new());
        }
        let execution = self.execution(query, now, counter);
        if !self.options.logger_event_type {
            return Ok(vec![self.head.batch(execution, &change.removed, &change.added)]);
        }
        let event =
            |action: &'static str| move |row: &&str| self.head.event(execution, row, action);
        let removed = change.removed.iter().map(event("removed"));
        bounded(removed.chain(change.added.iter().map(event("added"))))
    }

    /// Lines that the log takes; longer ones are told of and left out, as in osquery.
    fn short_enough(
        &self,
        query: &PlannedQuery,
        mut lines: Vec<String>,
        status: &mut Vec<String>,
        now: i64,
    ) -> Vec<String> {
        let max = self.options.logger_tls_max_linesize;
        let before = lines.len();
        lines.retain(|line| line.len() as u64 <= max);
        let dropped = before - lines.len();
        if dropped > 0 {
            let message = format!(
                "{dropped} lines of scheduled query {} are longer than {max} bytes and were \
                 dropped; select less, or set logger_snapshot_event_type",
                query.name
            );
            status.extend(self.status_line(Severity::Warning, &message, now));
        }
        lines
    }

    /// Runs a small query of the configuration itself, refused for a day when the agent died in
    /// it: what runs at each start must not be able to end each start.
    pub(super) fn run_marked(
        &mut self,
        mark: &str,
        sql: &str,
        context: &mut Context<'_>,
    ) -> Result<Result<Answer, String>, StateError> {
        if context.state.is_schedule_denied(mark, sql, (context.now)())? {
            return Ok(Err("the agent died in it less than a day ago".to_owned()));
        }
        context.state.schedule_begin(mark, sql)?;
        let answer = context.runner.run(sql);
        match &answer {
            Err(error) if error.is_runaway() => {
                context.state.schedule_deny(mark, sql, (context.now)())?;
            }
            _ => context.state.schedule_abandon(mark, sql)?,
        }
        Ok(answer.map(|(answer, _)| answer).map_err(|error| error.to_string()))
    }
}

/// Lines, unless they are too many: each of a million small rows would carry all that stands in
/// every line.
fn bounded(lines: impl Iterator<Item = String>) -> Result<Vec<String>, String> {
    let (mut bytes, mut taken) = (0, Vec::new());
    for line in lines {
        bytes += line.len();
        if bytes > SCHEDULE_LINES_BYTES_MAX {
            return Err(format!(
                "its lines for the log have more than {SCHEDULE_LINES_BYTES_MAX} bytes; select \
                 fewer rows"
            ));
        }
        taken.push(line);
    }
    Ok(taken)
}

fn totals(mut totals: RunTotals, cost: Cost, bytes: usize, now: i64) -> RunTotals {
    let add = |all: &mut (u64, u64), time: Duration| {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        *all = (all.0.saturating_add(millis), millis);
    };
    totals.executions += 1;
    totals.last_executed = now;
    totals.output_bytes = totals.output_bytes.saturating_add(bytes as u64);
    add(&mut totals.wall_ms, cost.wall);
    add(&mut totals.user_ms, cost.user);
    add(&mut totals.system_ms, cost.system);
    totals.memory = (totals.memory.0.saturating_add(cost.memory), cost.memory);
    totals.memory = (totals.memory.0.saturating_add(cost.memory), cost.memory);
    totals
}
