// SPDX-License-Identifier: Apache-2.0
//! One connection of SQLite on which statements are prepared and never run.
//!
//! Its authorizer denies everything that is not reading: SQLite carries out some statements (a few
//! `PRAGMA`s) already while it prepares them, so denying is what keeps a connection as it was.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Result};

use crate::module::{self, Refused, SharedRecord};
use crate::plan::{self, Visit};
use crate::scan::is_json_table;
use crate::{SQL_BYTES_MAX, deny, functions, schema};

/// The deepest expression, in nodes; as in osquery.
const EXPRESSION_DEPTH_MAX: i32 = 1_000;
/// Columns of a result, of a table, of `GROUP BY` and `ORDER BY`.
const COLUMNS_MAX: i32 = 2_000;
/// Parts of a `UNION`.
const COMPOUND_MAX: i32 = 500;
/// Arguments of a function.
const ARGUMENTS_MAX: i32 = 100;
/// The longest pattern of `LIKE`, in bytes.
const PATTERN_BYTES_MAX: i32 = 4_096;
/// Instructions of a prepared statement. A list of 1,000 values needs a few thousand.
const INSTRUCTIONS_MAX: i32 = 500_000;
/// How often SQLite may report progress while it prepares one statement ...
const PROGRESS_REPORTS_MAX: u32 = 2_000;
/// ... and after how many of its steps it reports.
const PROGRESS_STEPS: i32 = 1_000;
/// Room for `EXPLAIN QUERY PLAN ` before the statement, in bytes.
const PREFIX_BYTES: usize = 64;

/// A connection, its authorizer and what both saw.
pub(crate) struct Desk {
    conn: Connection,
    pub(crate) record: SharedRecord,
    reports: Arc<AtomicU32>,
}

impl Desk {
    /// Opens a connection that knows osquery's tables, functions and collations.
    ///
    /// # Errors
    ///
    /// When SQLite can't, which means that memory is short.
    pub(crate) fn open() -> Result<Self> {
        let mut conn = Connection::open_in_memory()?;
        let record = SharedRecord::default();
        functions::register(&conn)?;
        for table in schema::tables() {
            module::register_table(&conn, &record, table)?;
        }
        set_limits(&conn)?;
        let reports = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&reports);
        let is_too_long = move || counter.fetch_add(1, Ordering::Relaxed) >= PROGRESS_REPORTS_MAX;
        conn.progress_handler(PROGRESS_STEPS, Some(is_too_long))?;
        let shared = Arc::clone(&record);
        conn.authorizer(Some(move |context: AuthContext<'_>| {
            judge(&mut module::lock(&shared), &context)
        }))?;
        Ok(Self { conn, record, reports })
    }

    /// Makes tables known of which only the names and some columns are guessed.
    pub(crate) fn add_unknown(&self, name: &str, columns: &BTreeSet<String>) -> Result<()> {
        module::register_unknown(&self.conn, &self.record, name, columns)
    }

    /// Prepares a statement with an empty record. True when it only reads.
    ///
    /// # Errors
    ///
    /// What SQLite finds wrong with it.
    pub(crate) fn prepare(&self, sql: &str, unknown: &BTreeSet<String>) -> Result<bool> {
        self.reports.store(0, Ordering::Relaxed);
        *module::lock(&self.record) =
            module::Record { unknown: unknown.clone(), ..module::Record::default() };
        Ok(self.conn.prepare(sql)?.readonly())
    }

    /// The places a statement reads tables in; only for statements that [`Desk::prepare`] accepts.
    ///
    /// # Errors
    ///
    /// What SQLite reports.
    pub(crate) fn visits(&self, sql: &str) -> Result<Vec<Visit>> {
        self.reports.store(0, Ordering::Relaxed);
        plan::visits(&self.conn, sql)
    }
}

fn set_limits(conn: &Connection) -> Result<()> {
    let sql_bytes = i32::try_from(SQL_BYTES_MAX + PREFIX_BYTES).unwrap_or(i32::MAX);
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_SQL_LENGTH, sql_bytes),
        (Limit::SQLITE_LIMIT_LENGTH, 4 * sql_bytes),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH_MAX),
        (Limit::SQLITE_LIMIT_COLUMN, COLUMNS_MAX),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, COMPOUND_MAX),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, ARGUMENTS_MAX),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX),
        (Limit::SQLITE_LIMIT_VDBE_OP, INSTRUCTIONS_MAX),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        conn.set_limit(limit, value)?;
    }
    Ok(())
}

/// Decides one action: reading known tables and calling known functions is allowed, nothing else.
/// Whether a *denied* table is read is decided later from the record, so that all findings are told
/// at once.
fn judge(record: &mut module::Record, context: &AuthContext<'_>) -> Authorization {
    let refused = match context.action {
        AuthAction::Select => None,
        AuthAction::Recursive => {
            record.is_recursive = true;
            None
        }
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            if functions::is_known(&name) {
                record.functions.insert(name);
                None
            } else {
                Some(Refused::Function(name))
            }
        }
        AuthAction::Read { table_name, column_name } => {
            read(record, table_name, column_name, context.database_name)
        }
        ref action => Some(Refused::Action(describe(action))),
    };
    match refused {
        None => Authorization::Allow,
        Some(refused) => {
            record.refused.get_or_insert(refused);
            Authorization::Deny
        }
    }
}

fn read(
    record: &mut module::Record,
    table: &str,
    column: &str,
    database: Option<&str>,
) -> Option<Refused> {
    let lower = table.to_ascii_lowercase();
    if deny::is_reserved(&lower) {
        return Some(Refused::Table(lower));
    }
    // Where no column is read SQLite asks for parts of `WITH`, too, and names no database. Tables that
    // are read in this way are known from the text and from the plan.
    let may_be_with = column.is_empty() && database.is_none();
    if may_be_with || is_json_table(&lower) {
        return None;
    }
    if let Some(known) = schema::table(&lower) {
        let column =
            known.column(column).map_or_else(|| column.to_ascii_lowercase(), |c| c.name.into());
        record.reads.insert((known.name.to_owned(), column));
        return None;
    }
    if record.unknown.contains(&lower) {
        record.reads.insert((lower, column.to_ascii_lowercase()));
        return None;
    }
    Some(Refused::Table(lower))
}

fn describe(action: &AuthAction<'_>) -> &'static str {
    match action {
        AuthAction::Pragma { .. } => "PRAGMA",
        AuthAction::Attach { .. } => "ATTACH",
        AuthAction::Detach { .. } => "DETACH",
        AuthAction::Transaction { .. } => "BEGIN, COMMIT or ROLLBACK",
        AuthAction::Savepoint { .. } => "SAVEPOINT",
        AuthAction::Insert { .. } => "INSERT",
        AuthAction::Update { .. } => "UPDATE",
        AuthAction::Delete { .. } => "DELETE",
        _ => "a change of the database",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that SQLite brings and nobody listed could be taken for an extension's table.
    #[test]
    fn every_module_of_sqlite_is_reserved() {
        let conn = Connection::open_in_memory().expect("opens");
        let mut statement = conn.prepare("SELECT name FROM pragma_module_list").expect("prepares");
        let names = statement.query_map([], |row| row.get::<_, String>(0)).expect("runs");
        let names: Vec<String> = names.map(|name| name.expect("text")).collect();
        assert!(names.len() > 3, "{names:?}");
        for name in names.iter().filter(|name| !is_json_table(name)) {
            assert!(deny::is_reserved(name), "{name}");
        }
    }

    /// The authorizer is the second line behind the check of the first word.
    #[test]
    fn the_authorizer_denies_everything_but_reading() {
        let desk = Desk::open().expect("opens");
        for sql in [
            "PRAGMA foreign_keys = 0",
            "PRAGMA table_info(users)",
            "ATTACH ':memory:' AS x",
            "DETACH temp",
            "CREATE TABLE x(a)",
            "CREATE TEMP TABLE x(a)",
            "CREATE VIEW x AS SELECT 1",
            "BEGIN",
            "COMMIT",
            "SAVEPOINT x",
            "ANALYZE",
            "CREATE VIRTUAL TABLE x USING fts5(a)",
            "SELECT 1 FROM sqlite_schema",
            "SELECT count(*) FROM dbstat",
            "SELECT count(*) FROM dbstat a, dbstat b",
            "SELECT name FROM pragma_database_list",
            "SELECT load_extension('x')",
        ] {
            assert!(desk.prepare(sql, &BTreeSet::new()).is_err(), "{sql}");
            assert!(module::lock(&desk.record).refused.is_some(), "{sql}");
        }
    }
}
