// SPDX-License-Identifier: Apache-2.0
//! All SQL of the product, for SQLite and PostgreSQL alike: a query is a named function with its
//! text beside it, in the file of its noun. No rules here (the engine decides), no async.
//!
//! Every statement is registered in [`all_statements`]; a test prepares the whole list on both
//! engines, and the conformance suite runs every function on both.

pub mod accounts;
pub mod assignments;
pub mod audit;
pub mod campaigns;
pub mod changes;
pub mod column_sets;
pub mod db;
pub mod dialect;
pub mod enrolment;
pub mod history;
pub mod hosts;
pub mod idempotency;
pub mod indicators;
pub mod ledger;
pub mod live_relay;
pub mod meta;
pub mod migrate;
pub mod responses;
pub mod saved_queries;
pub mod settings;
#[cfg(feature = "testing")]
pub mod testing;
mod words;

pub use db::{Db, DbError, Tx};
pub use words::Json;

/// Result of any function of this crate.
pub type Result<T> = std::result::Result<T, DbError>;

use migrate::Migration;

macro_rules! migrations {
    ($engine:literal: $($number:literal $name:literal),+) => {
        &[$(Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../migrations/", $engine, "/", $name, ".sql")),
        }),+]
    };
}

/// The schema's history on SQLite.
pub const SQLITE_MIGRATIONS: &[Migration] = migrations!("sqlite": 1 "0001-first", 2 "0002-indicators",
        3 "0003-barred-machines");
/// The schema's history on PostgreSQL.
pub const POSTGRES_MIGRATIONS: &[Migration] = migrations!("postgres": 1 "0001-first", 2 "0002-indicators",
        3 "0003-barred-machines");

/// Brings the schema up to date.
///
/// # Errors
/// When the database is newer than this binary, was altered by hand, or cannot be changed.
pub fn migrate(db: &Db) -> std::result::Result<migrate::Applied, migrate::MigrateError> {
    migrate::run(db, SQLITE_MIGRATIONS, POSTGRES_MIGRATIONS)
}

/// Declares a file's statements: constants, and the list of them for the test.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$meta])* const $name: &str = $sql;)+
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
pub(crate) use statements;

/// Every statement of the product with its name.
pub fn all_statements() -> Vec<(&'static str, &'static str)> {
    [
        accounts::STATEMENTS,
        assignments::STATEMENTS,
        audit::STATEMENTS,
        campaigns::STATEMENTS,
        changes::STATEMENTS,
        column_sets::STATEMENTS,
        enrolment::STATEMENTS,
        history::STATEMENTS,
        hosts::STATEMENTS,
        idempotency::STATEMENTS,
        indicators::STATEMENTS,
        live_relay::STATEMENTS,
        meta::STATEMENTS,
        responses::STATEMENTS,
        saved_queries::STATEMENTS,
        settings::STATEMENTS,
    ]
    .concat()
}

/// Characters of a text that is searched for; each takes four bytes at the most.
const PATTERN_CHARS_MAX: usize = 12_000;

/// A LIKE pattern that finds `text` anywhere, in lower case; `\` is the escape character. Only
/// ASCII letters are lowered, as `lower` does on both engines: a text is found by itself in any
/// script, and without regard to case in ASCII.
///
/// SQLite refuses patterns of more than 50,000 bytes. What is cut off here is longer than any text
/// that is searched for it, SQL apart.
pub(crate) fn contains_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len().min(PATTERN_CHARS_MAX) + 2);
    pattern.push('%');
    for c in text.chars().filter(|c| *c != '\0').take(PATTERN_CHARS_MAX) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}
