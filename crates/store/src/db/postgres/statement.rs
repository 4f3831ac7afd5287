// SPDX-License-Identifier: Apache-2.0
//! Running statements in a PostgreSQL transaction. Each connection keeps the statements it has
//! prepared.

use std::collections::HashMap;
use std::ops::ControlFlow;

use postgres::types::ToSql;
use postgres::{Statement, Transaction};

use super::error::from_postgres;
use super::types;
use crate::db::{Column, DbError, Row, Value};

/// Prepared statements kept per connection; when there are more, all are forgotten.
const STATEMENTS: usize = 512;
/// Rows fetched at a time by a streaming read.
const FETCH: i32 = 256;

/// The statements a connection has prepared, by their text.
#[derive(Default)]
pub(super) struct Cache(HashMap<String, Statement>);

/// A transaction and its connection's statements.
pub(in crate::db) struct PgTx<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) cache: &'a mut Cache,
}

impl PgTx<'_> {
    pub(in crate::db) fn prepare(&mut self, sql: &str) -> Result<Statement, DbError> {
        if let Some(statement) = self.cache.0.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.transaction.prepare(sql).map_err(|error| from_postgres(&error))?;
        if self.cache.0.len() >= STATEMENTS {
            self.cache.0.clear();
        }
        self.cache.0.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Prepares `sql` and checks that `params` fit it.
    fn ready(&mut self, sql: &str, params: &[Value]) -> Result<Statement, DbError> {
        let statement = self.prepare(sql)?;
        let wanted = statement.params();
        if wanted.len() != params.len() {
            return Err(DbError::Usage(format!(
                "the statement takes {} parameters, {} were given",
                wanted.len(),
                params.len()
            )));
        }
        for (index, (value, wanted)) in params.iter().zip(wanted).enumerate() {
            types::check_parameter(index, value, wanted)?;
        }
        Ok(statement)
    }

    /// An error of a statement; what was prepared may be out of date after it.
    fn failed(&mut self, error: &postgres::Error) -> DbError {
        let error = from_postgres(error);
        if matches!(error, DbError::Contention(_)) {
            self.cache.0.clear();
        }
        error
    }

    pub(in crate::db) fn query(
        &mut self,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<Row>, DbError> {
        let statement = self.ready(sql, params)?;
        let rows = self
            .transaction
            .query(&statement, &references(params))
            .map_err(|error| self.failed(&error))?;
        rows.iter().map(types::read).collect()
    }

    /// Calls `each` with every row until it breaks, fetching a bounded number at a time.
    pub(in crate::db) fn stream(
        &mut self,
        sql: &str,
        params: &[Value],
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let statement = self.ready(sql, params)?;
        let portal = self
            .transaction
            .bind(&statement, &references(params))
            .map_err(|error| self.failed(&error))?;
        loop {
            let rows = self
                .transaction
                .query_portal(&portal, FETCH)
                .map_err(|error| self.failed(&error))?;
            for row in &rows {
                if each(types::read(row)?).is_break() {
                    return Ok(());
                }
            }
            if rows.len() < usize::try_from(FETCH).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    pub(in crate::db) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        let statement = self.ready(sql, params)?;
        self.transaction
            .execute(&statement, &references(params))
            .map_err(|error| self.failed(&error))
    }

    pub(in crate::db) fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.transaction.batch_execute(sql).map_err(|error| self.failed(&error))
    }

    /// Runs `sql` once for all rows, whose columns are its array parameters.
    pub(in crate::db) fn execute_arrays(
        &mut self,
        sql: &str,
        columns: &[Column],
        rows: &[Vec<Value>],
    ) -> Result<u64, DbError> {
        let statement = self.prepare(sql)?;
        let arrays = arrays(columns, rows);
        self.transaction
            .execute(&statement, &array_references(&arrays))
            .map_err(|error| self.failed(&error))
    }

    /// Like [`PgTx::execute_arrays`], for a statement that answers rows.
    pub(in crate::db) fn query_arrays(
        &mut self,
        sql: &str,
        columns: &[Column],
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DbError> {
        let statement = self.prepare(sql)?;
        let arrays = arrays(columns, rows);
        let rows = self
            .transaction
            .query(&statement, &array_references(&arrays))
            .map_err(|error| self.failed(&error))?;
        rows.iter().map(types::read).collect()
    }
}

/// `unnest($1::bigint[], $2::text[])` for these columns.
pub(in crate::db) fn unnest(columns: &[Column]) -> String {
    let arrays: Vec<String> = columns
        .iter()
        .zip(1..)
        .map(|(column, number)| format!("${number}::{}", types::array_type(column.kind)))
        .collect();
    format!("unnest({})", arrays.join(", "))
}

fn references(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn arrays<'a>(columns: &[Column], rows: &'a [Vec<Value>]) -> Vec<Box<dyn ToSql + Sync + 'a>> {
    columns
        .iter()
        .enumerate()
        .map(|(index, column)| types::array(column.kind, rows, index))
        .collect()
}

fn array_references<'a>(
    arrays: &'a [Box<dyn ToSql + Sync + 'a>],
) -> Vec<&'a (dyn ToSql + Sync + 'a)> {
    arrays.iter().map(|array| &**array as &(dyn ToSql + Sync)).collect()
}
