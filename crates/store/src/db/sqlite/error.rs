// SPDX-License-Identifier: Apache-2.0
//! SQLite's result codes in the words of [`DbError`].

use rusqlite::ffi;

use crate::db::{ConstraintKind, DbError};

/// Turns an error of the driver into ours.
pub(super) fn from_sqlite(error: &rusqlite::Error) -> DbError {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let message = message.clone().unwrap_or_else(|| code.to_string());
            from_code(code.extended_code, message)
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            from_code(error.extended_code, msg.clone())
        }
        other => DbError::Sqlite { code: ffi::SQLITE_ERROR, message: other.to_string() },
    }
}

fn from_code(code: i32, message: String) -> DbError {
    // The low byte is the primary code, the rest says more.
    match code & 0xff {
        ffi::SQLITE_CONSTRAINT => constraint(code, message),
        ffi::SQLITE_FULL => DbError::Full,
        ffi::SQLITE_READONLY => DbError::ReadOnly,
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => DbError::Unavailable(format!(
            "{message}; another process holds the database file, stop it or wait for it"
        )),
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => DbError::Corrupt(message),
        ffi::SQLITE_CANTOPEN => DbError::Unavailable(message),
        _ => DbError::Sqlite { code, message },
    }
}

fn constraint(code: i32, message: String) -> DbError {
    let kind = match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => {
            return DbError::Conflict { constraint: conflict_name(&message) };
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => ConstraintKind::Check,
        _ => ConstraintKind::Other,
    };
    DbError::Constraint { kind, detail: message }
}

/// SQLite says "UNIQUE constraint failed: t.a, t.b" or, for an index over an expression,
/// "UNIQUE constraint failed: index 'name'".
fn conflict_name(message: &str) -> String {
    let name = message.split_once(": ").map_or(message, |(_, name)| name);
    let index = name.strip_prefix("index '").and_then(|name| name.strip_suffix('\''));
    index.unwrap_or(name).to_owned()
}
