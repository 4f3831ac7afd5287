// SPDX-License-Identifier: Apache-2.0
//! Runs one statement on a thread of its own and waits for it with a deadline.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Statement};

use super::{Answer, authorizer, functions, vtab};
use crate::host::Host;
use crate::limits::{
    PROGRESS_STEPS, QUERIES_STUCK_MAX, QUERY_BYTES_MAX, QUERY_ROWS_MAX, QUERY_SECONDS_MAX,
    QUERY_STUCK_GRACE, SQL_BYTES_MAX, SQLITE_HEAP_BYTES_MAX,
};
use crate::tables::{Budget, format_real};

/// Bounds of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Rows in the answer.
    pub rows_max: u64,
    /// Bytes in the answer, as JSON.
    pub bytes_max: u64,
    /// Time from the start to the last row.
    pub time_max: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            rows_max: QUERY_ROWS_MAX,
            bytes_max: QUERY_BYTES_MAX,
            time_max: Duration::from_secs(QUERY_SECONDS_MAX),
        }
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Elapsed time.
    pub wall: Duration,
    /// Processor time of the query's thread in user code.
    pub user: Duration,
    /// Processor time of the query's thread in the kernel.
    pub system: Duration,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// SQLite or a table refused it; the text is theirs.
    #[error("{0}")]
    Sql(String),
    /// Too many rows.
    #[error("the answer has more than {0} rows; add LIMIT or a narrower WHERE clause")]
    TooManyRows(u64),
    /// Too many bytes.
    #[error("the answer is larger than {0} bytes; select fewer columns or rows")]
    TooManyBytes(u64),
    /// Too slow.
    #[error("the query was stopped after {0} s; make it cheaper")]
    TimedOut(u64),
    /// It did not even stop: a system call hangs.
    #[error("the query hangs in the kernel (a dead mount?) and was abandoned after {0} s")]
    Stuck(u64),
    /// Too many earlier queries hang.
    #[error("{0} earlier queries hang in the kernel; repair the mount or restart the agent")]
    Refused(usize),
    /// The agent is stopping. The query has no outcome and must run again.
    #[error("the agent is stopping")]
    Stopped,
}

/// Runs statements about one host.
#[derive(Debug, Clone)]
pub struct Runner {
    host: Arc<Host>,
    limits: QueryLimits,
    stop: Arc<AtomicBool>,
    stuck: Arc<AtomicUsize>,
}

impl Runner {
    /// A runner whose queries end early when `stop` becomes true.
    pub fn new(host: Arc<Host>, limits: QueryLimits, stop: Arc<AtomicBool>) -> Self {
        Self { host, limits, stop, stuck: Arc::default() }
    }

    /// The host that the tables describe.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn run(&self, sql: &str) -> Result<(Answer, Cost), QueryError> {
        let stuck = self.stuck.load(Ordering::SeqCst);
        if stuck >= QUERIES_STUCK_MAX {
            return Err(QueryError::Refused(stuck));
        }
        let started = Instant::now();
        // The query's own flag: it must be possible to stop this one alone.
        let budget = Arc::new(Budget::new(started + self.limits.time_max, Arc::clone(&self.stop)));
        let job = Job {
            sql: sql.to_owned(),
            host: Arc::clone(&self.host),
            limits: self.limits,
            budget: Arc::clone(&budget),
        };
        let running = Running::enter(&self.stuck);
        let (sender, receiver) = sync_channel(1);
        let spawned = std::thread::Builder::new().name("query".to_owned()).spawn(move || {
            let outcome = job.run().map(|answer| (answer, thread_times()));
            // Nobody waits any more for a query that was given up.
            drop(sender.send(outcome));
            drop(running);
        });
        if let Err(error) = spawned {
            return Err(QueryError::Sql(format!("cannot start a thread for the query: {error}")));
        }
        match receiver.recv_timeout(self.limits.time_max + QUERY_STUCK_GRACE) {
            Ok(outcome) => outcome.map(|(answer, (user, system))| {
                (answer, Cost { wall: started.elapsed(), user, system })
            }),
            Err(RecvTimeoutError::Timeout) => Err(QueryError::Stuck(started.elapsed().as_secs())),
            Err(RecvTimeoutError::Disconnected) => {
                Err(QueryError::Sql("the query failed inside the agent; its log says where".into()))
            }
        }
    }
}

/// Counts a query thread from start to end, so that threads that never end are known.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn enter(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One statement with everything it needs on its thread.
struct Job {
    sql: String,
    host: Arc<Host>,
    limits: QueryLimits,
    budget: Arc<Budget>,
}

impl Job {
    fn run(self) -> Result<Answer, QueryError> {
        if self.sql.len() > SQL_BYTES_MAX {
            return Err(QueryError::Sql(format!("the SQL is longer than {SQL_BYTES_MAX} bytes")));
        }
        let outcome = self.connect().map_err(|error| self.explain(&error)).and_then(|db| {
            let mut statement = db.prepare(&self.sql).map_err(|error| self.explain(&error))?;
            self.read(&mut statement)
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

    fn read(&self, statement: &mut Statement<'_>) -> Result<Answer, QueryError> {
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
        let mut answer = Answer::new(columns);
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| self.explain(&error))? {
            if answer.len() as u64 >= self.limits.rows_max {
                return Err(QueryError::TooManyRows(self.limits.rows_max));
            }
            for index in &kept {
                let value = row.get_ref(*index).map_err(|error| self.explain(&error))?;
                answer.push(&as_text(value));
            }
            let bytes = 2 + row_bytes * answer.len() + answer.value_bytes();
            if bytes as u64 > self.limits.bytes_max {
                return Err(QueryError::TooManyBytes(self.limits.bytes_max));
            }
        }
        Ok(answer)
    }

    /// SQLite's own message, without what rusqlite puts around it.
    fn explain(&self, error: &Error) -> QueryError {
        QueryError::Sql(match error {
            Error::SqliteFailure(_, Some(message)) => message.clone(),
            Error::SqlInputError { msg, .. } => msg.clone(),
            Error::Empty => "there is no SQL statement".to_owned(),
            Error::MultipleStatement => "only one statement is allowed".to_owned(),
            other => other.to_string(),
        })
    }
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

/// User and system time of the calling thread, with the kernel's clock tick as resolution.
fn thread_times() -> (Duration, Duration) {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = |index| fields.split_whitespace().nth(index).and_then(|text| text.parse().ok());
    let time = |index: usize| {
        let millis = crate::tables::proc::ticks_to_millis(ticks(index).unwrap_or(0));
        Duration::from_millis(millis)
    };
    (time(11), time(12))
}
