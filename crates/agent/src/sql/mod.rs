// SPDX-License-Identifier: Apache-2.0
//! Runs one read-only statement over the tables, within limits of rows, bytes, time, memory and
//! processor time.
//!
//! Each statement gets a connection of its own, in memory: nothing of one query is left for the
//! next, and an idle agent holds no SQLite memory. In the service it runs in a process of its own
//! ([`crate::worker`]), because a thread that hangs in the kernel or eats memory cannot be ended,
//! and a crash would take the agent along. Or an installed `osqueryi` answers instead.

mod answer;
mod authorizer;
mod child;
mod error;
mod functions;
mod isolated;
mod job;
mod osqueryi;
mod query_limits;
mod runner;
mod statement;
mod vtab;

pub use answer::Answer;
pub use error::QueryError;
pub use job::{Job, Sink};
pub use osqueryi::{Osqueryi, UnusableProgram};
pub use query_limits::{Cost, QueryLimits};
pub use runner::{Engine, Runner};
