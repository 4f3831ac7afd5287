// SPDX-License-Identifier: Apache-2.0
//! Running statements on a SQLite connection: `$n` parameters are bound by their number, and
//! every statement comes from the connection's cache of prepared statements.

use std::ops::ControlFlow;

use rusqlite::types::{Null, ValueRef};
use rusqlite::{CachedStatement, Connection, Statement};

use super::error::from_sqlite;
use crate::db::{DbError, Row, Value};

/// Calls `each` with every row of the answer until it breaks.
pub(in crate::db) fn stream(
    conn: &Connection,
    sql: &str,
    params: &[Value],
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<(), DbError> {
    let mut prepared = Prepared::new(conn, sql)?;
    prepared.stream(params, each)
}

/// Runs a statement and says how many rows it changed.
pub(in crate::db) fn execute(
    conn: &Connection,
    sql: &str,
    params: &[Value],
) -> Result<u64, DbError> {
    let mut prepared = Prepared::new(conn, sql)?;
    prepared.execute(conn, params)
}

/// Runs several statements separated by semicolons, without parameters.
pub(in crate::db) fn batch(conn: &Connection, sql: &str) -> Result<(), DbError> {
    conn.execute_batch(sql).map_err(|error| from_sqlite(&error))
}

/// A prepared statement and which `$n` stands at each of its places; made once and run for each
/// row of a bulk operation.
pub(in crate::db) struct Prepared<'a> {
    statement: CachedStatement<'a>,
    /// For each place: the index of its value among the parameters.
    places: Vec<usize>,
    columns: usize,
}

impl<'a> Prepared<'a> {
    pub(in crate::db) fn new(conn: &'a Connection, sql: &str) -> Result<Self, DbError> {
        let statement = conn.prepare_cached(sql).map_err(|error| from_sqlite(&error))?;
        let places = places(&statement)?;
        let columns = statement.column_count();
        Ok(Self { statement, places, columns })
    }

    fn bind(&mut self, params: &[Value]) -> Result<(), DbError> {
        if params.len() != self.places.len() {
            return Err(DbError::Usage(format!(
                "the statement takes {} parameters, {} were given",
                self.places.len(),
                params.len()
            )));
        }
        for (place, &index) in self.places.iter().enumerate() {
            let statement = &mut self.statement;
            let bound = match &params[index] {
                Value::Null => statement.raw_bind_parameter(place + 1, Null),
                Value::Bool(value) => statement.raw_bind_parameter(place + 1, value),
                Value::Int(value) => statement.raw_bind_parameter(place + 1, value),
                Value::Text(value) => statement.raw_bind_parameter(place + 1, value),
                Value::Blob(value) => statement.raw_bind_parameter(place + 1, value),
            };
            bound.map_err(|error| from_sqlite(&error))?;
        }
        Ok(())
    }

    pub(in crate::db) fn stream(
        &mut self,
        params: &[Value],
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        self.bind(params)?;
        let columns = self.columns;
        let mut rows = self.statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| from_sqlite(&error))? {
            let values = (0..columns)
                .map(|index| read(index, row.get_ref_unwrap(index)))
                .collect::<Result<Vec<_>, _>>()?;
            if each(Row::new(values)).is_break() {
                break;
            }
        }
        Ok(())
    }

    pub(in crate::db) fn execute(
        &mut self,
        conn: &Connection,
        params: &[Value],
    ) -> Result<u64, DbError> {
        self.bind(params)?;
        let before = conn.total_changes();
        let mut rows = self.statement.raw_query();
        while rows.next().map_err(|error| from_sqlite(&error))?.is_some() {}
        drop(rows);
        // `changes` is that of the last statement that changed rows, which need not be this one.
        Ok(if conn.total_changes() == before { 0 } else { conn.changes() })
    }
}

fn places(statement: &Statement<'_>) -> Result<Vec<usize>, DbError> {
    let count = statement.parameter_count();
    (1..=count)
        .map(|place| {
            let name = statement.parameter_name(place).unwrap_or("?");
            // Names are distinct, so when all lie between 1 and their count, none is missing.
            name.strip_prefix('$')
                .and_then(|number| number.parse::<usize>().ok())
                .filter(|number| (1..=count).contains(number))
                .map(|number| number - 1)
                .ok_or_else(|| {
                    DbError::Usage(format!("parameters are $1, $2 … without gaps, not {name}"))
                })
        })
        .collect()
}

fn read(index: usize, cell: ValueRef<'_>) -> Result<Value, DbError> {
    match cell {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(value) => Ok(Value::Int(value)),
        ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
            .map(Value::Text)
            .map_err(|_| unreadable(index, "a text that is not UTF-8")),
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
        ValueRef::Real(_) => Err(unreadable(index, "a floating-point number; cast it")),
    }
}

fn unreadable(index: usize, found: &str) -> DbError {
    DbError::Column { index, expected: "a storable value".to_owned(), found: found.to_owned() }
}
