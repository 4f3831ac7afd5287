// SPDX-License-Identifier: Apache-2.0
//! Many rows in one call: prepared statements in a loop on SQLite, arrays through `unnest` on
//! PostgreSQL. Both give the same result, whatever the number of rows, none included.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::postgres::statement::unnest;
use super::sqlite::statement::Prepared;
use super::tx::Backend;
use super::{Column, DbError, Engine, Row, Tx, Value};

/// The most rows in one statement on PostgreSQL …
const CHUNK_ROWS: usize = 5_000;
/// … and about the most bytes of values in it, so that neither side holds much at once.
const CHUNK_BYTES: usize = 4 << 20;

/// What to do with a row whose key exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnConflict {
    Fail,
    Skip,
}

impl Tx<'_> {
    /// Inserts `rows`, each with one value for each of `columns`; says how many were inserted.
    ///
    /// # Errors
    /// [`DbError::Conflict`] and others as [`Tx::query`]; then no row is inserted.
    pub fn insert_many(
        &mut self,
        table: &'static str,
        columns: &[Column],
        rows: &[Vec<Value>],
    ) -> Result<u64, DbError> {
        self.insert(table, columns, rows, OnConflict::Fail)
    }

    /// Like [`Tx::insert_many`], but skips rows whose key exists already, also when it exists
    /// because of an earlier row of the same call.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub fn insert_many_new(
        &mut self,
        table: &'static str,
        columns: &[Column],
        rows: &[Vec<Value>],
    ) -> Result<u64, DbError> {
        self.insert(table, columns, rows, OnConflict::Skip)
    }

    fn insert(
        &mut self,
        table: &'static str,
        columns: &[Column],
        rows: &[Vec<Value>],
        on_conflict: OnConflict,
    ) -> Result<u64, DbError> {
        let names = quoted(columns.iter().map(|column| column.name))?;
        let table = quote(table)?;
        check_rows(columns, rows)?;
        let tail = match on_conflict {
            OnConflict::Fail => "",
            OnConflict::Skip => " on conflict do nothing",
        };
        let list = names.join(", ");
        self.bulk(rows, |backend, rows| match backend {
            Backend::Sqlite(conn) => {
                let places = places(1, columns.len()).join(", ");
                let sql = format!("insert into {table} ({list}) values ({places}){tail}");
                execute_each(conn, &sql, rows)
            }
            Backend::Postgres(pg) => {
                let arrays = unnest(columns);
                let sql = format!("insert into {table} ({list}) select * from {arrays}{tail}");
                pg.execute_arrays(&sql, columns, rows)
            }
        })
    }

    /// Sets the columns `set` of the rows that are found by `keys`. Each of `rows` has the values
    /// of `keys`, then those of `set`. Says how many rows were changed; keys that are not found
    /// are passed over.
    ///
    /// # Errors
    /// [`DbError::Usage`] when a key occurs twice (the engines would differ); otherwise as
    /// [`Tx::query`].
    pub fn update_many(
        &mut self,
        table: &'static str,
        keys: &[Column],
        set: &[Column],
        rows: &[Vec<Value>],
    ) -> Result<u64, DbError> {
        let columns = [keys, set].concat();
        let names = quoted(columns.iter().map(|column| column.name))?;
        let table = quote(table)?;
        if keys.is_empty() || set.is_empty() {
            return Err(DbError::Usage("update_many needs keys and columns to set".to_owned()));
        }
        check_rows(&columns, rows)?;
        check_keys_differ(keys.len(), rows)?;
        let (key_names, set_names) = names.split_at(keys.len());
        self.bulk(rows, |backend, rows| match backend {
            Backend::Sqlite(conn) => {
                let found = equal(key_names, 1).join(" and ");
                let changes = equal(set_names, keys.len() + 1).join(", ");
                let sql = format!("update {table} set {changes} where {found}");
                execute_each(conn, &sql, rows)
            }
            Backend::Postgres(pg) => {
                let given = format!("{} as v ({})", unnest(&columns), names.join(", "));
                let changes = pairs(set_names, "", "v.").join(", ");
                let found = pairs(key_names, "t.", "v.").join(" and ");
                let sql = format!("update {table} as t set {changes} from {given} where {found}");
                pg.execute_arrays(&sql, &columns, rows)
            }
        })
    }

    /// The `columns` of all rows that are found by `keys`, in the order of `key_rows`; a key that
    /// is given twice is answered twice, one that is not found not at all.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub fn select_many(
        &mut self,
        table: &'static str,
        keys: &[Column],
        columns: &[&'static str],
        key_rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DbError> {
        let names = quoted(keys.iter().map(|column| column.name))?;
        let wanted = quoted(columns.iter().copied())?;
        let table = quote(table)?;
        check_rows(keys, key_rows)?;
        let mut found = Vec::new();
        self.bulk(key_rows, |backend, key_rows| match backend {
            Backend::Sqlite(conn) => {
                let list = wanted.join(", ");
                let condition = equal(&names, 1).join(" and ");
                let sql = format!("select {list} from {table} where {condition}");
                let mut prepared = Prepared::new(conn, &sql)?;
                for key in key_rows {
                    prepared.stream(key, &mut |row| {
                        found.push(row);
                        ControlFlow::Continue(())
                    })?;
                }
                Ok(0)
            }
            Backend::Postgres(pg) => {
                let list: Vec<_> = wanted.iter().map(|name| format!("t.{name}")).collect();
                let list = list.join(", ");
                let given = format!(
                    "{} with ordinality as v ({}, ordinal)",
                    unnest(keys),
                    names.join(", ")
                );
                let condition = pairs(&names, "t.", "v.").join(" and ");
                let sql = format!(
                    "select {list} from {given} join {table} as t on {condition} order by ordinal"
                );
                found.extend(pg.query_arrays(&sql, keys, key_rows)?);
                Ok(0)
            }
        })?;
        Ok(found)
    }

    /// Runs `work` for the rows, on PostgreSQL in chunks, and adds up what it returns.
    fn bulk(
        &mut self,
        rows: &[Vec<Value>],
        mut work: impl FnMut(&mut Backend<'_>, &[Vec<Value>]) -> Result<u64, DbError>,
    ) -> Result<u64, DbError> {
        let mut rest = rows;
        let mut count = 0;
        while !rest.is_empty() {
            let (chunk, after) = match self.engine() {
                Engine::Sqlite => (rest, &rest[..0]),
                Engine::Postgres => rest.split_at(chunk_length(rest)),
            };
            count += self.guarded(|backend| work(backend, chunk))?;
            rest = after;
        }
        Ok(count)
    }
}

/// How many of `rows` go into the next statement: at least one.
fn chunk_length(rows: &[Vec<Value>]) -> usize {
    let mut bytes = 0;
    let fitting = rows.iter().take(CHUNK_ROWS).take_while(|row| {
        bytes += row.iter().map(Value::weight).sum::<usize>();
        bytes <= CHUNK_BYTES
    });
    fitting.count().max(1)
}

fn execute_each(
    conn: &rusqlite::Connection,
    sql: &str,
    rows: &[Vec<Value>],
) -> Result<u64, DbError> {
    let mut prepared = Prepared::new(conn, sql)?;
    let mut count = 0;
    for row in rows {
        count += prepared.execute(conn, row)?;
    }
    Ok(count)
}

fn check_rows(columns: &[Column], rows: &[Vec<Value>]) -> Result<(), DbError> {
    for row in rows {
        if row.len() != columns.len() {
            let (wide, given) = (columns.len(), row.len());
            return Err(DbError::Usage(format!("a row needs {wide} values, it has {given}")));
        }
        for (index, (value, column)) in row.iter().zip(columns).enumerate() {
            value.check_kind(index, *column)?;
        }
    }
    Ok(())
}

fn check_keys_differ(keys: usize, rows: &[Vec<Value>]) -> Result<(), DbError> {
    let mut seen = HashSet::with_capacity(rows.len());
    if rows.iter().all(|row| seen.insert(&row[..keys])) {
        Ok(())
    } else {
        Err(DbError::Usage("update_many was given the same key twice".to_owned()))
    }
}

/// A name in double quotes, so that it may be a word of SQL. Names are lower case, because
/// PostgreSQL folds unquoted names of the schema to it.
fn quote(name: &str) -> Result<String, DbError> {
    let plain = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() || !name.chars().all(plain) {
        return Err(DbError::Usage(format!("`{name}` is no name of a table or column")));
    }
    Ok(format!("\"{name}\""))
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, DbError> {
    let names = names.map(quote).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err(DbError::Usage("a bulk statement needs at least one column".to_owned()));
    }
    Ok(names)
}

fn places(first: usize, count: usize) -> Vec<String> {
    (first..first + count).map(|number| format!("${number}")).collect()
}

/// `"a" = v."a"` for each name, with these prefixes.
fn pairs(names: &[String], left: &str, right: &str) -> Vec<String> {
    names.iter().map(|name| format!("{left}{name} = {right}{name}")).collect()
}

fn equal(names: &[String], first: usize) -> Vec<String> {
    names.iter().zip(first..).map(|(name, number)| format!("{name} = ${number}")).collect()
}
