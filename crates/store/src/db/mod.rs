// SPDX-License-Identifier: Apache-2.0
//! The database: one small layer over SQLite and PostgreSQL, so that every statement of the
//! store is written once. It knows values, rows, transactions and bulk statements; it does not
//! know any table, makes no SQL beyond the bulk statements, and maps no objects.
//!
//! Everything here blocks the calling thread. From async code, call it on a thread where blocking
//! is allowed.

mod error;
#[cfg(feature = "testing")]
mod faults;
mod job;
mod many;
pub(crate) mod monotonic;
mod nesting;
pub(crate) mod postgres;
mod row;
mod sqlite;
mod stats;
mod tx;
mod url;
mod value;

use std::path::Path;
use std::sync::Arc;

pub use self::error::{ConstraintKind, DbError};
#[cfg(feature = "testing")]
pub use self::faults::{Fault, Faults};
use self::postgres::Postgres;
pub use self::postgres::{Listener, Notice};
pub use self::row::Row;
use self::sqlite::Sqlite;
use self::stats::Counters;
pub use self::stats::Stats;
pub use self::tx::{Engine, Tx};
pub use self::url::DatabaseUrl;
pub use self::value::{Column, FromValue, Kind, Value};
pub use crate::values;

/// An open database; clones share it. Dropping the last clone finishes queued work and closes it.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    /// What this handle and its clones meet at their writes.
    #[cfg(feature = "testing")]
    faults: Option<Faults>,
}

struct Inner {
    /// Tells databases apart, see `nesting`.
    owner: u64,
    engine: Open,
    counters: Arc<Counters>,
}

enum Open {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Connections to PostgreSQL unless [`Db::open_with`] says otherwise.
pub const DEFAULT_CONNECTIONS: usize = 10;

impl Db {
    /// Opens a database; a SQLite file is made if there is none.
    ///
    /// # Errors
    /// [`DbError::File`], [`DbError::Unavailable`] or [`DbError::Address`], naming what to change.
    pub fn open(url: &DatabaseUrl) -> Result<Self, DbError> {
        Self::open_with(url, DEFAULT_CONNECTIONS)
    }

    /// Like [`Db::open`], with the number of connections to a PostgreSQL server (at least 1).
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open_with(url: &DatabaseUrl, connections: usize) -> Result<Self, DbError> {
        let owner = nesting::new_owner();
        let counters = Arc::new(Counters::default());
        let engine = match url {
            DatabaseUrl::Sqlite(path) => {
                Open::Sqlite(Sqlite::open_file(path, owner, Arc::clone(&counters))?)
            }
            DatabaseUrl::SqliteMemory => Open::Sqlite(Sqlite::open_memory()?),
            DatabaseUrl::Postgres(url) => {
                Open::Postgres(Postgres::open(url, connections, owner, &counters)?)
            }
        };
        Ok(Self {
            inner: Arc::new(Inner { owner, engine, counters }),
            #[cfg(feature = "testing")]
            faults: None,
        })
    }

    /// Another handle on the same open database, whose writes meet these failures.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_faults(&self, faults: Faults) -> Self {
        Self { inner: Arc::clone(&self.inner), faults: Some(faults) }
    }

    /// The engine of this database.
    pub fn engine(&self) -> Engine {
        match &self.inner.engine {
            Open::Sqlite(_) => Engine::Sqlite,
            Open::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs `work` in a transaction and commits it when it returns `Ok`; returns after the commit
    /// is on disk. `work` may run several times (its changes undone in between) when transactions
    /// get into each other's way, so it must not leave traces outside of its transaction.
    ///
    /// # Errors
    /// The error of `work`, or a [`DbError`] of the transaction; then nothing is kept.
    pub fn write<T, E>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        #[cfg(feature = "testing")]
        if let Some(faults) = self.faults.clone() {
            return self.write_through(&faults, work);
        }
        self.write_now(work)
    }

    /// As [`Db::write`], with the failures that a test has planned.
    #[cfg(feature = "testing")]
    fn write_through<T, E>(
        &self,
        faults: &Faults,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let fault = faults.begin()?;
        let inside = faults.clone();
        let done = self.write_now(move |tx| -> Result<T, E> {
            let done = work(tx)?;
            inside.before_commit(fault)?;
            Ok(done)
        })?;
        faults.after_commit(fault)?;
        Ok(done)
    }

    fn write_now<T, E>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        nesting::refuse_nested(self.inner.owner)?;
        let (job, answer) = job::call(work);
        match &self.inner.engine {
            Open::Sqlite(sqlite) => sqlite.write(job, self.inner.owner, &self.inner.counters),
            Open::Postgres(postgres) => postgres.write(job),
        }
        answer.recv().unwrap_or_else(|_| Err(E::from(lost())))
    }

    /// Runs `work` in a transaction that sees one state of the database and cannot change it.
    ///
    /// # Errors
    /// The error of `work`, or a [`DbError`] of the transaction.
    pub fn read<T, E>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        #[cfg(feature = "testing")]
        self.faults.as_ref().map_or(Ok(()), Faults::alive)?;
        nesting::refuse_nested(self.inner.owner)?;
        match &self.inner.engine {
            Open::Sqlite(sqlite) => sqlite.read(self.inner.owner, &mut work),
            Open::Postgres(postgres) => {
                let (job, answer) = job::call(work);
                postgres.read(job);
                answer.recv().unwrap_or_else(|_| Err(E::from(lost())))
            }
        }
    }

    /// Copies a SQLite database to the new file `target` while it stays in use.
    ///
    /// # Errors
    /// [`DbError::File`] when the target exists or cannot be written; [`DbError::Unsupported`] on
    /// PostgreSQL, which has its own tools.
    pub fn backup_to(&self, target: &Path) -> Result<(), DbError> {
        match &self.inner.engine {
            Open::Sqlite(sqlite) => sqlite.backup_to(target),
            Open::Postgres(_) => Err(DbError::Unsupported(
                "a PostgreSQL database is backed up with its own tools, for example pg_dump",
            )),
        }
    }

    /// Counters since the database was opened.
    pub fn stats(&self) -> Stats {
        let waiting = match &self.inner.engine {
            Open::Sqlite(sqlite) => sqlite.waiting(),
            Open::Postgres(postgres) => postgres.waiting(),
        };
        self.inner.counters.stats(waiting)
    }

    /// Calls `callback`, on a thread of its own, for each text that a committed
    /// `dialect::notify` sends on `channel`, from this or another server, and for each new
    /// connection (look for missed changes then). Never on SQLite, which has only one server.
    ///
    /// # Errors
    /// [`DbError::Usage`] when the channel is not made of lower-case letters, digits and `_`.
    pub fn listen(
        &self,
        channel: &str,
        callback: impl FnMut(Notice) + Send + 'static,
    ) -> Result<Listener, DbError> {
        match &self.inner.engine {
            Open::Sqlite(_) => Ok(Listener::silent()),
            Open::Postgres(postgres) => postgres.listen(channel, Box::new(callback)),
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

fn lost() -> DbError {
    DbError::Unavailable("the database thread has ended".to_owned())
}
