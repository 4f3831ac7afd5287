// SPDX-License-Identifier: Apache-2.0
//! One statement over the tables, from its text to the last row. It runs on the calling thread
//! and ends in time by itself; whoever cannot rely on that runs it in a process of its own
//! ([`crate::worker`]).

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, ErrorCode, Statement};

use super::{Answer, QueryError, QueryLimits, authorizer, functions, vtab};
use crate::host::Host;
use crate::limits::{MIB, PROGRESS_STEPS, SQL_BYTES_MAX, SQLITE_HEAP_BYTES_MAX};
use crate::tables::{Budget, format_real};

/// Where rows go: an [`Answer`], or a pipe to another process.
pub trait Sink {
    /// The names of the columns, once, before any value.
    ///
    /// # Errors
    /// When nobody takes the rows any more.
    fn columns(&mut self, names: Vec<String>) -> io::Result<()>;

    /// The next value, row after row.
    ///
    /// # Errors
    /// When nobody takes the rows any more.
    fn value(&mut self, value: &str) -> io::Result<()>;

    /// The next value, which is a number.
    ///
    /// # Errors
    /// When nobody takes the rows any more.
    fn number(&mut self, value: &str) -> io::Result<()>;
}

impl Sink for Answer {
    fn columns(&mut self, names: Vec<String>) -> io::Result<()> {
        *self = Self::new(names);
        Ok(())
    }

    fn value(&mut self, value: &str) -> io::Result<()> {
        self.push(value);
        Ok(())
    }

    fn number(&mut self, value: &str) -> io::Result<()> {
        self.push_number(value);
        Ok(())
    }
}

/// One statement with everything it needs.
pub struct Job {
    /// The statement.
    pub sql: String,
    /// The host that the tables describe.
    pub host: Arc<Host>,
    /// Bounds of the answer.
    pub limits: QueryLimits,
    /// When it must end.
    pub budget: Arc<Budget>,
}

impl Job {
    /// Runs the statement.
    ///
    /// # Errors
    /// See [`QueryError`]. What the sink has taken until then is void.
    pub fn run(&self, sink: &mut dyn Sink) -> Result<(), QueryError> {
        if self.sql.len() > SQL_BYTES_MAX {
            return Err(QueryError::Sql(format!("the SQL is longer than {SQL_BYTES_MAX} bytes")));
        }
        let outcome = self.connect().map_err(|error| explain(&error)).and_then(|db| {
            let mut statement = db.prepare(&self.sql).map_err(|error| explain(&error))?;
            self.read(&mut statement, sink)
        });
        // Whatever SQLite made of it, these two are the reason.
        match outcome {
            Err(_) if self.budget.is_stopped() => Err(QueryError::Stopped),
            Err(QueryError::Sql(_)) if self.budget.is_over() => {
                Err(QueryError::TimedOut(self.limits.time_max.as_secs()))
            }
            other => other,
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let mut db = Connection::open_in_memory()?;
        db.execute_batch(&format!(
            "PRAGMA temp_store = MEMORY; PRAGMA hard_heap_limit = {SQLITE_HEAP_BYTES_MAX};"
        ))?;
        let value_bytes = i32::try_from(self.limits.bytes_max).unwrap_or(i32::MAX).max(1);
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, value_bytes)?;
        db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        functions::register(&db, &self.budget)?;
        vtab::register(&db, &self.host, &self.budget)?;
        let budget = Arc::clone(&self.budget);
        db.progress_handler(PROGRESS_STEPS, Some(move || budget.is_over()))?;
        db.authorizer(Some(|context: rusqlite::hooks::AuthContext<'_>| {
            authorizer::authorize(&context)
        }))?;
        Ok(db)
    }

    fn read(&self, statement: &mut Statement<'_>, sink: &mut dyn Sink) -> Result<(), QueryError> {
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(QueryError::Sql("only statements that read are allowed".to_owned()));
        }
        if statement.parameter_count() > 0 {
            return Err(QueryError::Sql("the SQL has parameters; write the values".to_owned()));
        }
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let is_last = |index: &usize| !names[index + 1..].contains(&names[*index]);
        let kept: Vec<usize> = (0..names.len()).filter(is_last).collect();
        let columns: Vec<String> = kept.iter().map(|index| names[*index].clone()).collect();
        // Each value travels with its column's name, four quotes, a colon and a comma.
        let row_bytes: usize = 2 + columns.iter().map(|name| name.len() + 6).sum::<usize>();
        // A sink fails when nobody waits for the rows any more.
        sink.columns(columns).map_err(|_| QueryError::Stopped)?;
        let (mut count, mut bytes) = (0_u64, 2_u64);
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| explain(&error))? {
            if count >= self.limits.rows_max {
                return Err(QueryError::TooManyRows(self.limits.rows_max));
            }
            count += 1;
            bytes += row_bytes as u64;
            for index in &kept {
                let value = row.get_ref(*index).map_err(|error| explain(&error))?;
                let is_number = matches!(value, ValueRef::Integer(_) | ValueRef::Real(_));
                let value = as_text(value);
                bytes += value.len() as u64;
                if bytes > self.limits.bytes_max {
                    return Err(QueryError::TooManyBytes(self.limits.bytes_max));
                }
                let taken = if is_number { sink.number(&value) } else { sink.value(&value) };
                taken.map_err(|_| QueryError::Stopped)?;
            }
        }
        Ok(())
    }
}

/// SQLite's own message, without what rusqlite puts around it.
fn explain(error: &Error) -> QueryError {
    if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) {
        return QueryError::OutOfMemory(SQLITE_HEAP_BYTES_MAX / MIB);
    }
    QueryError::Sql(match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        Error::Empty => "there is no SQL statement".to_owned(),
        Error::MultipleStatement => "only one statement is allowed".to_owned(),
        other => other.to_string(),
    })
}

/// A value as osquery sends it; always valid UTF-8.
fn as_text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Null => Cow::Borrowed(""),
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => format_real(number).into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
    }
}
