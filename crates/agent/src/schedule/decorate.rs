// SPDX-License-Identifier: Apache-2.0
//! Decorations: values that stand in every line, from the first row of decorator queries.

use std::time::Duration;

use super::clock::Recurrence;
use super::plan::Decorators;
use super::{Context, Scheduler};
use crate::limits::DECORATIONS_BYTES_MAX;
use crate::state::StateError;

/// The name under which decorator queries are marked while they run.
const MARK: &str = "decorator query";

/// Which decorator queries run when.
#[derive(Debug, Default)]
pub struct Decorations {
    always: Vec<String>,
    timed: Vec<Timed>,
}

/// Decorator queries of one interval.
#[derive(Debug)]
struct Timed {
    recurrence: Recurrence,
    due: Duration,
    queries: Vec<String>,
}

impl Decorations {
    /// When the next of those with an interval are due.
    pub fn due(&self) -> Option<Duration> {
        self.timed.iter().map(|timed| timed.due).min()
    }
}

impl Scheduler {
    /// Takes new decorators and runs those that do not wait for a query.
    pub(super) fn load_decorations(
        &mut self,
        decorators: Decorators,
        context: &mut Context<'_>,
    ) -> Result<(), StateError> {
        self.head.decorations.clear();
        self.head.decorations_top_level = self.options.decorations_top_level;
        self.decorations = Decorations::default();
        if self.options.disable_decorators {
            return Ok(());
        }
        self.decorate(&decorators.load, context)?;
        let timed = decorators.interval.into_iter().filter(|(_, queries)| !queries.is_empty());
        for (interval, queries) in timed {
            // Already now: a line should not have to do without until the interval is over.
            self.decorate(&queries, context)?;
            let recurrence = Recurrence { interval, phase: 0 };
            let due = recurrence.after(context.tick);
            self.decorations.timed.push(Timed { recurrence, due, queries });
        }
        self.decorations.always = decorators.always;
        Ok(())
    }

    /// Runs decorators whose interval is over.
    pub(super) fn decorate_at_intervals(
        &mut self,
        context: &mut Context<'_>,
    ) -> Result<(), StateError> {
        let mut queries = Vec::new();
        for timed in &mut self.decorations.timed {
            if timed.due <= context.tick {
                timed.due = timed.recurrence.after(context.tick);
                queries.extend(timed.queries.iter().cloned());
            }
        }
        self.decorate(&queries, context)
    }

    /// Runs decorators that go before each scheduled query.
    pub(super) fn decorate_always(&mut self, context: &mut Context<'_>) -> Result<(), StateError> {
        let queries = self.decorations.always.clone();
        self.decorate(&queries, context)
    }

    fn decorate(
        &mut self,
        queries: &[String],
        context: &mut Context<'_>,
    ) -> Result<(), StateError> {
        for sql in queries {
            let answer = match self.run_marked(MARK, sql, context)? {
                Ok(answer) => answer,
                Err(reason) => {
                    self.tell_once(context, &format!("decorator query failed: {reason}: {sql}"))?;
                    continue;
                }
            };
            let Some(row) = answer.rows().next() else { continue };
            for (name, value) in answer.columns.iter().zip(row) {
                self.head.decorations.insert(name.clone(), value.into());
            }
            let sizes = self.head.decorations.iter();
            let bytes = |(name, value): (&String, &serde_json::Value)| {
                name.len() + value.as_str().map_or(0, str::len)
            };
            if sizes.map(bytes).sum::<usize>() > DECORATIONS_BYTES_MAX {
                for name in &answer.columns {
                    self.head.decorations.remove(name);
                }
                let message = format!(
                    "decorations have more than {DECORATIONS_BYTES_MAX} bytes together; those \
                     of this query are left out: {sql}"
                );
                self.tell_once(context, &message)?;
            }
        }
        Ok(())
    }
}
