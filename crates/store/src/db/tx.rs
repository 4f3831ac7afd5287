// SPDX-License-Identifier: Apache-2.0
//! A transaction: the only thing through which the rest of the store reaches a database. The same
//! SQL text runs on both engines; a transaction in which a statement failed keeps nothing, on
//! both engines, unless the failure happened inside [`Tx::savepoint`].

use std::ops::ControlFlow;

use super::postgres::statement::PgTx;
use super::sqlite::statement;
use super::{DbError, Row, Value};

/// Which database the store runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite, linked into the program.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// The connection a transaction runs on.
pub(super) enum Backend<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(PgTx<'a>),
}

/// An open transaction. It is committed when the closure it was given to returns `Ok`.
pub struct Tx<'a> {
    pub(super) backend: Backend<'a>,
    /// A statement failed and was not undone.
    failed: bool,
    /// The first failure that another attempt at the whole transaction may cure.
    trouble: Option<DbError>,
}

impl<'a> Tx<'a> {
    pub(super) const fn new(backend: Backend<'a>) -> Self {
        Self { backend, failed: false, trouble: None }
    }

    /// The engine this transaction runs on; only `dialect` should need it.
    pub const fn engine(&self) -> Engine {
        match self.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// Whether a statement failed without being undone, so that nothing may be committed.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// The failure, if any, because of which the whole transaction should be tried again. It
    /// counts even if a savepoint undid the statement.
    pub(super) const fn take_trouble(&mut self) -> Option<DbError> {
        self.trouble.take()
    }

    /// Every statement passes here: refuses work after a failure and notes a new one.
    pub(super) fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Backend<'a>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        if self.failed {
            return Err(DbError::Aborted);
        }
        let result = work(&mut self.backend);
        if let Err(error) = &result {
            self.failed = true;
            if self.trouble.is_none() && error.is_retryable() {
                self.trouble = Some(error.clone());
            }
        }
        result
    }

    /// All rows of an answer. Bound the answer in the statement, or use [`Tx::for_each`].
    ///
    /// # Errors
    /// What the engine says; [`DbError::Aborted`] after an earlier failure.
    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        check(params)?;
        self.guarded(|backend| match backend {
            Backend::Sqlite(conn) => {
                let mut rows = Vec::new();
                statement::stream(conn, sql, params, &mut |row| {
                    rows.push(row);
                    ControlFlow::Continue(())
                })?;
                Ok(rows)
            }
            Backend::Postgres(pg) => pg.query(sql, params),
        })
    }

    /// The only row of an answer, or none.
    ///
    /// # Errors
    /// [`DbError::RowCount`] when there are more; otherwise as [`Tx::query`].
    pub fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, DbError> {
        let mut rows = self.query(sql, params)?;
        let last = rows.pop();
        if !rows.is_empty() {
            return Err(DbError::row_count("at most 1 row", rows.len() as u64 + 1, sql));
        }
        Ok(last)
    }

    /// The only row of an answer.
    ///
    /// # Errors
    /// [`DbError::RowCount`] when there is none or there are more; otherwise as [`Tx::query`].
    pub fn query_one(&mut self, sql: &str, params: &[Value]) -> Result<Row, DbError> {
        self.query_opt(sql, params)?.ok_or_else(|| DbError::row_count("exactly 1 row", 0, sql))
    }

    /// Calls `each` with one row after the other without holding them all; it ends the reading
    /// with `ControlFlow::Break(())` or an error.
    ///
    /// # Errors
    /// The error of `each`, or as [`Tx::query`].
    pub fn for_each<E: From<DbError>>(
        &mut self,
        sql: &str,
        params: &[Value],
        mut each: impl FnMut(Row) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut error = None;
        self.stream(sql, params, &mut |row| {
            each(row).unwrap_or_else(|failure| {
                error = Some(failure);
                ControlFlow::Break(())
            })
        })?;
        error.map_or(Ok(()), Err)
    }

    /// Runs a statement that changes rows and says how many it hit.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        check(params)?;
        self.guarded(|backend| match backend {
            Backend::Sqlite(conn) => statement::execute(conn, sql, params),
            Backend::Postgres(pg) => pg.execute(sql, params),
        })
    }

    /// Runs a statement that must hit exactly one row.
    ///
    /// # Errors
    /// [`DbError::RowCount`] when it hit none or several (return it, so that the change is
    /// undone); otherwise as [`Tx::query`].
    pub fn execute_one(&mut self, sql: &str, params: &[Value]) -> Result<(), DbError> {
        match self.execute(sql, params)? {
            1 => Ok(()),
            count => {
                // Whatever was hit must not stay, even if the caller drops this error.
                self.failed |= count > 1;
                Err(DbError::row_count("exactly 1 row", count, sql))
            }
        }
    }

    /// Runs `work` so that its failure undoes its own changes only and the transaction goes on:
    /// the way to try an insert that may conflict.
    ///
    /// # Errors
    /// The error of `work`.
    pub fn savepoint<T, E: From<DbError>>(
        &mut self,
        work: impl FnOnce(&mut Tx<'a>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.batch("savepoint inner_work")?;
        let result = work(self);
        if result.is_ok() && !self.failed {
            self.batch("release savepoint inner_work")?;
            return result;
        }
        self.failed = false;
        self.batch("rollback to savepoint inner_work; release savepoint inner_work")?;
        // A failure that `work` swallowed has still undone its changes.
        result.and_then(|_| Err(E::from(DbError::Aborted)))
    }

    /// Asks the engine whether it understands a statement, without running it.
    ///
    /// # Errors
    /// What the engine says against it; [`DbError::Usage`] when its parameters are not numbered
    /// `$1`, `$2` … without gaps.
    pub fn check_statement(&mut self, sql: &str) -> Result<(), DbError> {
        self.guarded(|backend| match backend {
            Backend::Sqlite(conn) => statement::Prepared::new(conn, sql).map(drop),
            Backend::Postgres(pg) => pg.prepare(sql).map(drop),
        })
    }

    /// Runs the statements of a migration, or those that steer the transaction.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.guarded(|backend| match backend {
            Backend::Sqlite(conn) => statement::batch(conn, sql),
            Backend::Postgres(pg) => pg.batch(sql),
        })
    }

    fn stream(
        &mut self,
        sql: &str,
        params: &[Value],
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        check(params)?;
        self.guarded(|backend| match backend {
            Backend::Sqlite(conn) => statement::stream(conn, sql, params, each),
            Backend::Postgres(pg) => pg.stream(sql, params, each),
        })
    }
}

fn check(params: &[Value]) -> Result<(), DbError> {
    params.iter().enumerate().try_for_each(|(index, value)| value.check(index))
}
