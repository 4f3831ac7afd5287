// SPDX-License-Identifier: Apache-2.0
//! What virtual hosts answer: the [`Answerer`] trait, which any closure from host and SQL
//! implements, and a ready-made seeded one. Nothing here runs SQL.

mod plausible;
mod sketch;
mod tables;

use std::time::Duration;

use mimir_wire::Timestamp;

pub use plausible::PlausibleAnswers;

use crate::profile::Profile;
use crate::rows::Rows;

/// A query about to run on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its name as offered.
    pub name: String,
    /// Its text as offered.
    pub sql: String,
    /// The time on the host.
    pub now: Timestamp,
    /// The number of the worker process that runs it, from 1.
    pub worker: u32,
    /// When that process started.
    pub worker_started: Timestamp,
}

/// How a query ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With these rows, perhaps none.
    Rows(Rows),
    /// With an SQL error and this message.
    Error(String),
    /// With the agent's refusal to run it: a worker died of the text before.
    Denylisted,
    /// The worker dies in the middle of it: results in memory are lost, and an agent since 5.5.0
    /// refuses the text for a day.
    Death,
    /// Never, until the worker is killed.
    Stuck,
    /// As said, after this long.
    After(Duration, Box<Outcome>),
}

impl Outcome {
    /// No rows.
    pub const fn empty() -> Self {
        Self::Rows(Rows::new())
    }

    /// One row.
    pub fn row<C: AsRef<str>, V: AsRef<[u8]>>(cells: impl IntoIterator<Item = (C, V)>) -> Self {
        Self::Rows(Rows::new().row(cells))
    }

    /// Rows of about this many bytes in all.
    pub fn oversized(bytes: usize) -> Self {
        Self::Rows(Rows::filler(bytes))
    }

    /// The end without the time until it.
    pub(crate) fn at_once(mut self) -> Self {
        while let Self::After(_, ending) = self {
            self = *ending;
        }
        self
    }
}

impl From<Rows> for Outcome {
    fn from(rows: Rows) -> Self {
        Self::Rows(rows)
    }
}

/// Decides how queries end.
pub trait Answerer: Send + Sync {
    /// How `question` ends on `host`.
    fn answer(&self, host: &Profile, question: &Question) -> Outcome;
}

impl<F> Answerer for F
where
    F: Fn(&Profile, &str) -> Outcome + Send + Sync,
{
    fn answer(&self, host: &Profile, question: &Question) -> Outcome {
        self(host, &question.sql)
    }
}
