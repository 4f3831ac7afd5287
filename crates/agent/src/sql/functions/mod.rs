// SPDX-License-Identifier: Apache-2.0
//! The SQL functions and collations that osquery adds to SQLite, with osquery's treatment of
//! NULL, of wrong types and of errors (`osquery/sql/sqlite_*.cpp`). Where osquery fails a query,
//! so does this agent: a wrong value would be worse.
//!
//! Two differences are deliberate. Regular expressions run in linear time, so the constructs that
//! need backtracking are refused by name. `carve` is refused, because this agent uploads no files.

mod args;
mod ecma;
mod encoding;
mod files;
mod hashing;
mod math;
mod network;
mod operations;
mod pattern;
mod text;
mod version;

use std::sync::Arc;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Error, Result};

use crate::tables::Budget;

/// Functions of their arguments alone.
const PURE: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);

/// Functions that look at the machine or at the clock.
const IMPURE: FunctionFlags = FunctionFlags::SQLITE_UTF8;

/// Adds the functions and collations to a connection. Those that may take long end with `budget`.
///
/// # Errors
/// When SQLite has no memory for them.
pub fn register(db: &Connection, budget: &Arc<Budget>) -> Result<()> {
    math::register(db)?;
    text::register(db)?;
    pattern::register(db)?;
    network::register(db)?;
    hashing::register(db)?;
    encoding::register(db)?;
    version::register(db)?;
    files::register(db, budget)?;
    operations::register(db, budget)
}

/// An error of a function: it fails the statement with this text.
fn failure(message: impl Into<String>) -> Error {
    Error::UserFunctionError(message.into().into())
}
