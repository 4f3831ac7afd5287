// SPDX-License-Identifier: Apache-2.0
//! PostgreSQL's SQLSTATEs in the words of [`DbError`].

use std::error::Error as _;

use postgres::error::{DbError as ServerError, SqlState};

use crate::db::{ConstraintKind, DbError};

/// Turns an error of a statement into ours.
pub(super) fn from_postgres(error: &postgres::Error) -> DbError {
    match error.as_db_error() {
        Some(server) => from_server(server),
        None if broken(error) => DbError::Unavailable(with_source(error)),
        None => DbError::Postgres { code: String::new(), message: with_source(error) },
    }
}

/// Turns an error of connecting into ours: what waiting cannot cure is an error of the address.
pub(super) fn from_connect(error: &postgres::Error) -> DbError {
    let Some(server) = error.as_db_error() else {
        // A failed handshake comes as invalid data: a certificate that is not to be trusted.
        let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
        return match io.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::InvalidData) => DbError::Address(with_source(error)),
            _ => DbError::Unavailable(with_source(error)),
        };
    };
    // Class 28 is a refused login; 3D000 a database that does not exist.
    if server.code().code().starts_with("28") || *server.code() == SqlState::INVALID_CATALOG_NAME {
        return DbError::Address(format!("PostgreSQL refuses the login: {}", server.message()));
    }
    DbError::Unavailable(server.message().to_owned())
}

/// Whether the connection cannot be used any more.
fn broken(error: &postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>())
}

fn with_source(error: &postgres::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn from_server(error: &ServerError) -> DbError {
    let code = error.code().code();
    let message = error.message().to_owned();
    match *error.code() {
        SqlState::UNIQUE_VIOLATION => DbError::Conflict { constraint: conflict_name(error) },
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE => DbError::Contention(message),
        SqlState::DISK_FULL => DbError::Full,
        SqlState::READ_ONLY_SQL_TRANSACTION => DbError::ReadOnly,
        SqlState::TOO_MANY_CONNECTIONS
        | SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW => DbError::Unavailable(message),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => DbError::Corrupt(message),
        // A plan made before another server changed the schema.
        SqlState::FEATURE_NOT_SUPPORTED if is_stale_plan(error) => {
            DbError::Contention("the schema was changed meanwhile".to_owned())
        }
        _ if code.starts_with("08") => DbError::Unavailable(message),
        _ if code.starts_with("23") => {
            DbError::Constraint { kind: constraint_kind(error.code()), detail: message }
        }
        _ => DbError::Postgres { code: code.to_owned(), message },
    }
}

/// The code is a general one and the text may be in any language; the place in the server's
/// source that raised it is neither.
fn is_stale_plan(error: &ServerError) -> bool {
    error.routine() == Some("RevalidateCachedQuery")
}

fn constraint_kind(code: &SqlState) -> ConstraintKind {
    match *code {
        SqlState::FOREIGN_KEY_VIOLATION => ConstraintKind::ForeignKey,
        SqlState::NOT_NULL_VIOLATION => ConstraintKind::NotNull,
        SqlState::CHECK_VIOLATION => ConstraintKind::Check,
        _ => ConstraintKind::Other,
    }
}

/// The conflict's name as SQLite would give it: "table.a, table.b" for plain columns, the
/// index's name for an expression. The columns stand only in the detail line, before the values:
/// "Key (a, b)=(1, 2) already exists.", in any language.
fn conflict_name(error: &ServerError) -> String {
    let fallback = || error.constraint().unwrap_or("unknown key").to_owned();
    let (Some(table), Some(detail)) = (error.table(), error.detail()) else {
        return fallback();
    };
    let columns = detail.split_once('(').and_then(|(_, rest)| rest.split_once(")=("));
    let Some((columns, _)) = columns else {
        return fallback();
    };
    let names: Vec<&str> = columns.split(", ").map(|name| name.trim_matches('"')).collect();
    let plain = |name: &&str| name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !names.iter().all(plain) {
        return fallback();
    }
    names.iter().map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", ")
}
