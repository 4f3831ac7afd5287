// SPDX-License-Identifier: Apache-2.0
//! SQLite: one writer thread with group commit and a few read-only connections on a file, or a
//! single connection on a database in memory. Answers are durable: a commit is flushed to disk
//! (`synchronous=FULL`) before its caller hears of it.

mod backup;
mod error;
mod open;
mod readers;
pub(super) mod statement;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use self::readers::Readers;
use self::writer::Writer;
use super::job::{Job, run_caught};
use super::stats::Counters;
use super::tx::{Backend, Tx};
use super::{DbError, nesting};

/// A SQLite database.
pub(super) enum Sqlite {
    /// In a file.
    File { path: PathBuf, writer: Writer, readers: Readers },
    /// In memory: everything runs one after the other on the caller's thread.
    Memory { conn: Mutex<Connection> },
}

impl Sqlite {
    pub(super) fn open_file(
        path: &Path,
        owner: u64,
        counters: Arc<Counters>,
    ) -> Result<Self, DbError> {
        let conn = open::writer(path)?;
        let readers = Readers::open(path)?;
        let writer = Writer::start(conn, owner, counters)
            .map_err(|error| DbError::file(path, format!("cannot start a thread: {error}")))?;
        Ok(Self::File { path: path.to_owned(), writer, readers })
    }

    pub(super) fn open_memory() -> Result<Self, DbError> {
        Ok(Self::Memory { conn: Mutex::new(open::memory()?) })
    }

    pub(super) fn write(&self, job: Box<dyn Job>, owner: u64, counters: &Counters) {
        match self {
            Self::File { writer, .. } => writer.send(job),
            Self::Memory { conn } => {
                let _inside = nesting::enter(owner);
                let conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
                writer::write_alone(&conn, job, counters);
            }
        }
    }

    pub(super) fn read<T, E: From<DbError>>(
        &self,
        owner: u64,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::File { readers, .. } => {
                let _inside = nesting::enter(owner);
                let conn = readers.take();
                read_on(&conn, work)
            }
            Self::Memory { conn } => {
                let _inside = nesting::enter(owner);
                let conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
                writer::run(&conn, "pragma query_only = on")?;
                let result = read_on(&conn, work);
                writer::run(&conn, "pragma query_only = off")?;
                result
            }
        }
    }

    pub(super) fn waiting(&self) -> usize {
        match self {
            Self::File { writer, .. } => writer.waiting(),
            Self::Memory { .. } => 0,
        }
    }

    pub(super) fn backup_to(&self, target: &Path) -> Result<(), DbError> {
        match self {
            Self::File { path, .. } => backup::to_file(&open::reader(path)?, target),
            Self::Memory { conn } => {
                backup::to_file(&conn.lock().unwrap_or_else(PoisonError::into_inner), target)
            }
        }
    }
}

/// Runs `work` in a transaction that sees one state of the database and changes nothing.
fn read_on<T, E: From<DbError>>(
    conn: &Connection,
    work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    writer::run(conn, "begin deferred")?;
    let (_, result) = run_caught(work, &mut Tx::new(Backend::Sqlite(conn)));
    writer::roll_back(conn);
    result
}
