// SPDX-License-Identifier: Apache-2.0
//! The few places where the engines differ, each with a name. Everything else of the store is
//! one SQL text for both.

use crate::db::{DbError, Engine, Tx};
use crate::values;

/// Wakes the other servers on this database once the transaction is committed. Nothing on SQLite,
/// where there is only one server. A missed notice is possible: listeners also poll.
///
/// # Errors
/// As [`Tx::query`]; PostgreSQL refuses payloads of 8000 bytes and more.
pub fn notify(tx: &mut Tx<'_>, channel: &str, payload: &str) -> Result<(), DbError> {
    match tx.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => {
            tx.query_one("select pg_notify($1, $2)", &values![channel, payload]).map(drop)
        }
    }
}

/// Takes the lock `key` until the end of the transaction, unless another server holds it.
/// Always true on SQLite, where there is only one server and one writer.
///
/// # Errors
/// As [`Tx::query`].
pub fn try_advisory_lock(tx: &mut Tx<'_>, key: i64) -> Result<bool, DbError> {
    match tx.engine() {
        Engine::Sqlite => Ok(true),
        Engine::Postgres => {
            tx.query_one("select pg_try_advisory_xact_lock($1)", &values![key])?.get(0)
        }
    }
}

/// Takes the lock `key` until the end of the transaction, waiting for whoever holds it.
///
/// # Errors
/// As [`Tx::query`].
pub fn advisory_lock(tx: &mut Tx<'_>, key: i64) -> Result<(), DbError> {
    match tx.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => {
            tx.query_one("select pg_advisory_xact_lock($1)", &values![key]).map(drop)
        }
    }
}

/// Whether the database has a table of this name where the store looks for it.
///
/// # Errors
/// As [`Tx::query`].
pub fn has_table(tx: &mut Tx<'_>, name: &str) -> Result<bool, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => {
            "select exists (select 1 from sqlite_schema where type = 'table' and name = $1)"
        }
        Engine::Postgres => "select to_regclass($1) is not null",
    };
    tx.query_one(sql, &values![name])?.get(0)
}
