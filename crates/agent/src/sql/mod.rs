// SPDX-License-Identifier: Apache-2.0
//! Runs one read-only statement over the tables, within limits of rows, bytes and time.
//!
//! Each statement gets a connection of its own, in memory: nothing of one query is left for the
//! next, and an idle agent holds no SQLite memory. It runs on a thread of its own, so that a call
//! that hangs in the kernel costs that thread and not the agent.

mod answer;
mod authorizer;
mod functions;
mod runner;
mod vtab;

pub use answer::Answer;
pub use runner::{Cost, QueryError, QueryLimits, Runner};
