// SPDX-License-Identifier: Apache-2.0
//! Brings the schema of a database up to date: numbered steps, forward only, each in its own
//! transaction together with its entry in a ledger. It refuses to touch a database whose history
//! is not a beginning of this binary's history. Several servers may start at once: on PostgreSQL
//! one of them applies a step while the others wait for it.

use sha2::{Digest, Sha256};

use crate::db::{Db, DbError, Engine, Tx};
use crate::{dialect, values};

/// One step of the schema's history. A published step is never changed.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// 1, 2, 3 … without gaps.
    pub number: u32,
    /// The file's name without its ending.
    pub name: &'static str,
    /// Statements separated by semicolons; no `begin` or `commit` among them.
    pub sql: &'static str,
}

/// What [`run`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The names of the steps that this call applied, in order; empty when all was up to date.
    pub names: Vec<&'static str>,
    /// The number of the schema now.
    pub number: u32,
}

/// Why the schema could not be brought up to date. Nothing of the failed step is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// The steps of this binary are not numbered 1, 2, 3 …
    #[error("migration {name} has the number {number}, expected {expected}")]
    Numbering {
        /// Of the step that is out of order.
        name: &'static str,
        /// The number it has.
        number: u32,
        /// The number it must have.
        expected: u32,
    },
    /// The database was changed by a newer version of the program.
    #[error("the database has schema {database}, this program knows {program}: upgrade it")]
    Newer {
        /// The last step in the database.
        database: u32,
        /// The last step this binary knows.
        program: u32,
    },
    /// The ledger misses a step before its last one.
    #[error("the database lacks migration {missing} but has later ones: restore a backup")]
    Gap {
        /// The first step that is missing.
        missing: u32,
    },
    /// A step was applied with another text than this binary has.
    #[error("migration {number} ({name}) was applied with another text: use the right program")]
    Changed {
        /// The step.
        number: u32,
        /// Its name in this binary.
        name: &'static str,
    },
    /// A step failed.
    #[error("migration {number} ({name}) failed")]
    Failed {
        /// The step.
        number: u32,
        /// Its name.
        name: &'static str,
        /// What the database said.
        source: DbError,
    },
    /// The database did not work at all.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Serialises the steps of several servers; any constant number, unlike other lock keys.
const LOCK: i64 = 0x6d69_6d69_7201;

const LEDGER_SQLITE: &str = "create table if not exists schema_migrations (
    number integer primary key, name text not null, checksum text not null,
    applied_at integer not null) strict";
const LEDGER_POSTGRES: &str = "create table if not exists schema_migrations (
    number bigint primary key, name text not null, checksum text not null,
    applied_at bigint not null)";
const RECORD_SQLITE: &str = "insert into schema_migrations (number, name, checksum, applied_at)
    values ($1, $2, $3, cast(unixepoch('subsec') * 1000000 as integer))";
const RECORD_POSTGRES: &str = "insert into schema_migrations (number, name, checksum, applied_at)
    values ($1, $2, $3, cast(extract(epoch from clock_timestamp()) * 1000000 as bigint))";

/// Applies the steps that the database does not have yet.
///
/// # Errors
/// See [`MigrateError`]; earlier steps of the same call stay applied.
pub fn run(
    db: &Db,
    sqlite: &'static [Migration],
    postgres: &'static [Migration],
) -> Result<Applied, MigrateError> {
    let steps = steps_of(db, sqlite, postgres)?;
    let mut applied = Applied { number: last(steps), ..Applied::default() };
    // Each round is one transaction that looks at the ledger anew, because another server may
    // have applied a step in between.
    while let Some(name) = db.write(move |tx| apply_next(tx, steps))? {
        tracing::info!(migration = name, "schema changed");
        applied.names.push(name);
    }
    Ok(applied)
}

/// How many steps the database still needs; it changes nothing.
///
/// # Errors
/// As [`run`] for a database that does not belong to this binary.
pub fn pending(
    db: &Db,
    sqlite: &'static [Migration],
    postgres: &'static [Migration],
) -> Result<usize, MigrateError> {
    let steps = steps_of(db, sqlite, postgres)?;
    db.read(move |tx| {
        if !dialect::has_table(tx, "schema_migrations")? {
            return Ok(steps.len());
        }
        Ok(steps.len() - verified(tx, steps)?)
    })
}

fn steps_of(
    db: &Db,
    sqlite: &'static [Migration],
    postgres: &'static [Migration],
) -> Result<&'static [Migration], MigrateError> {
    let steps = match db.engine() {
        Engine::Sqlite => sqlite,
        Engine::Postgres => postgres,
    };
    for (step, expected) in steps.iter().zip(1..) {
        if step.number != expected {
            let (name, number) = (step.name, step.number);
            return Err(MigrateError::Numbering { name, number, expected });
        }
    }
    Ok(steps)
}

fn last(steps: &[Migration]) -> u32 {
    steps.last().map_or(0, |step| step.number)
}

fn apply_next(
    tx: &mut Tx<'_>,
    steps: &'static [Migration],
) -> Result<Option<&'static str>, MigrateError> {
    dialect::advisory_lock(tx, LOCK)?;
    let (ledger, record) = match tx.engine() {
        Engine::Sqlite => (LEDGER_SQLITE, RECORD_SQLITE),
        Engine::Postgres => (LEDGER_POSTGRES, RECORD_POSTGRES),
    };
    if !dialect::has_table(tx, "schema_migrations")? {
        tx.execute(ledger, &[])?;
    }
    let Some(step) = steps.get(verified(tx, steps)?) else {
        return Ok(None);
    };
    let values = values![step.number, step.name, checksum(step.sql)];
    tx.batch(step.sql)
        .and_then(|()| tx.execute_one(record, &values))
        .map_err(|source| MigrateError::Failed { number: step.number, name: step.name, source })?;
    Ok(Some(step.name))
}

/// How many of the steps the ledger has, after checking that it has exactly the first ones.
fn verified(tx: &mut Tx<'_>, steps: &[Migration]) -> Result<usize, MigrateError> {
    let rows = tx.query("select number, checksum from schema_migrations order by number", &[])?;
    for (row, expected) in rows.iter().zip(1..) {
        if row.get::<u32>(0)? != expected {
            return Err(MigrateError::Gap { missing: expected });
        }
    }
    if rows.len() > steps.len() {
        let database = rows.last().map_or(Ok(0), |row| row.get(0))?;
        return Err(MigrateError::Newer { database, program: last(steps) });
    }
    for (row, step) in rows.iter().zip(steps) {
        if row.get::<String>(1)? != checksum(step.sql) {
            return Err(MigrateError::Changed { number: step.number, name: step.name });
        }
    }
    Ok(rows.len())
}

fn checksum(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.as_bytes()))
}
