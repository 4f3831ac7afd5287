// SPDX-License-Identifier: Apache-2.0
//! osquery's tables as virtual tables of SQLite, empty and never opened.
//!
//! Virtual, because osquery's are too: SQLite's planner then asks them what they make of the conditions
//! of a query, which is how the guard learns whether a required column is constrained. They are
//! eponymous like osquery's, so `main.users` and `temp.users` name the same table as `users`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_int};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConnection, VTabCursor,
    sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, Result};

use crate::plan::{self, Mark, Use};
use crate::schema::{Column, Table};

/// What one preparation was seen to touch.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Tables and columns read: canonical for osquery's, lower case for unknown ones. The column is
    /// empty when only the rows are counted.
    pub(crate) reads: BTreeSet<(String, String)>,
    /// Functions named, lower case.
    pub(crate) functions: BTreeSet<String>,
    /// The first thing SQLite's authorizer was told to deny.
    pub(crate) refused: Option<Refused>,
    /// A part of `WITH` reads itself.
    pub(crate) is_recursive: bool,
    /// Patterns that path-like columns are compared with: table, column, pattern.
    pub(crate) patterns: BTreeSet<(String, String, String)>,
    /// Tables that were made known under guessed columns, lower case.
    pub(crate) unknown: BTreeSet<String>,
}

/// What was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    Table(String),
    Function(String),
    Action(&'static str),
}

/// The record of a connection; written by callbacks of SQLite on the thread that prepares.
pub(crate) type SharedRecord = Arc<Mutex<Record>>;

/// Locks a record. A callback that panicked leaves nothing half-written that matters: the next
/// preparation starts with an empty record.
pub(crate) fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a table of osquery's schema and its aliases known to a connection.
pub(crate) fn register_table(
    conn: &Connection,
    record: &SharedRecord,
    table: &'static Table,
) -> Result<()> {
    let columns = || table.columns.iter();
    let by_name = columns().map(|column| Declared { name: column.name.into(), fact: Some(column) });
    let by_alias = columns().flat_map(|column| {
        column.aliases.iter().map(move |a| Declared { name: (*a).into(), fact: Some(column) })
    });
    let declared: Arc<[Declared]> = by_name.chain(by_alias).collect();
    for name in std::iter::once(&table.name).chain(&table.aliases) {
        let aux = Aux {
            record: Arc::clone(record),
            table: Some(table),
            name: table.name.into(),
            columns: Arc::clone(&declared),
        };
        conn.create_module(*name, MODULE, Some(aux))?;
    }
    Ok(())
}

/// Makes a table known of which only a name and some columns are guessed. Registering it again
/// replaces its columns.
pub(crate) fn register_unknown(
    conn: &Connection,
    record: &SharedRecord,
    name: &str,
    columns: &BTreeSet<String>,
) -> Result<()> {
    let declare = |column: &String| Declared { name: column.clone().into(), fact: None };
    // A table needs a column, and `SELECT *` something to find.
    let first = Declared { name: "*".into(), fact: None };
    let declared: Arc<[Declared]> =
        if columns.is_empty() { Arc::new([first]) } else { columns.iter().map(declare).collect() };
    let aux = Aux { record: Arc::clone(record), table: None, name: name.into(), columns: declared };
    conn.create_module(name, MODULE, Some(aux))
}

const MODULE: &Module<'static, EmptyTable> = &Module::eponymous_only_module();

/// A column as SQLite knows it: by its name or one of its aliases.
struct Declared {
    name: Cow<'static, str>,
    fact: Option<&'static Column>,
}

impl Declared {
    fn statement_part(&self) -> String {
        let name = self.name.replace('"', "\"\"");
        let type_name = self.fact.map_or("TEXT", |column| column.column_type.as_str());
        let is_hidden = self.fact.is_some_and(|c| c.hidden || c.name != self.name);
        let collate = self.fact.and_then(|column| column.collation);
        let collate = collate.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
        format!("\"{name}\" {type_name}{}{collate}", if is_hidden { " HIDDEN" } else { "" })
    }
}

struct Aux {
    record: SharedRecord,
    table: Option<&'static Table>,
    name: Box<str>,
    columns: Arc<[Declared]>,
}

/// A table without rows.
#[repr(C)]
struct EmptyTable {
    /// Must be first: SQLite sees only this.
    base: sqlite3_vtab,
    record: SharedRecord,
    table: Option<&'static Table>,
    name: Box<str>,
    columns: Arc<[Declared]>,
}

#[expect(
    unsafe_code,
    reason = "the trait asks for a promise: `base` is first and the layout is C's"
)]
unsafe impl VTab<'_> for EmptyTable {
    type Aux = Aux;
    type Cursor = NoCursor;

    fn connect(
        _: &mut VTabConnection,
        aux: Option<&Aux>,
        _: &[u8],
        _: &[u8],
        _: &[u8],
        _: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let aux = aux.ok_or_else(|| Error::ModuleError("a table without its facts".to_owned()))?;
        let columns: Vec<_> = aux.columns.iter().map(Declared::statement_part).collect();
        let statement = CString::new(format!("CREATE TABLE x({})", columns.join(", ")))?;
        let table = Self {
            base: sqlite3_vtab::default(),
            record: Arc::clone(&aux.record),
            table: aux.table,
            name: aux.name.clone(),
            columns: Arc::clone(&aux.columns),
        };
        Ok((Cow::Owned(statement), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let mark = self.look_at(info);
        let mut argument = 0;
        for (constraint, mut usage) in info.constraints_and_usages() {
            let pushed = self.fact(constraint.column()).is_some_and(Column::is_pushed_down);
            if constraint.is_usable() && pushed && use_of(&constraint.operator()).is_some() {
                argument += 1;
                usage.set_argv_index(argument);
            }
        }
        let (cost, rows) = self.cost(&mark);
        info.set_estimated_cost(cost);
        info.set_estimated_rows(rows);
        info.set_idx_str(&mark.encode());
        Ok(true)
    }

    fn open(&mut self) -> Result<NoCursor> {
        Err(Error::ModuleError("the guard never runs a query".to_owned()))
    }
}

impl EmptyTable {
    fn fact(&self, column: c_int) -> Option<&'static Column> {
        self.columns.get(usize::try_from(column).ok()?)?.fact
    }

    /// Records the columns that are read and what the conditions are.
    fn look_at(&self, info: &mut IndexInfo) -> Mark {
        let mut record = lock(&self.record);
        let name = || self.name.to_string();
        let mut mark = Mark::new(self.table.map(|table| table.name));
        record.reads.insert((name(), String::new()));
        // SQLite counts the columns from the 64th on as one.
        for at in (0..self.columns.len().min(63)).filter(|at| info.col_used() >> at & 1 == 1) {
            record.reads.insert((name(), self.read_name(at)));
        }
        for (position, constraint) in info.constraints().enumerate() {
            let Ok(column) = usize::try_from(constraint.column()) else { continue };
            let Some(operator) = use_of(&constraint.operator()) else { continue };
            if column < self.columns.len() {
                record.reads.insert((name(), self.read_name(column)));
            }
            mark.conditions += 1;
            let Some(fact) = self.fact(constraint.column()) else { continue };
            if constraint.is_usable() {
                mark.uses.push((fact.name, operator));
            }
            if operator == Use::Pattern
                && let Ok(Some(ValueRef::Text(pattern))) = info.rhs_value(position)
            {
                let pattern = String::from_utf8_lossy(pattern).into_owned();
                record.patterns.insert((name(), fact.name.to_owned(), pattern));
            }
        }
        mark
    }

    fn read_name(&self, at: usize) -> String {
        let declared = &self.columns[at];
        declared
            .fact
            .map_or_else(|| declared.name.to_ascii_lowercase(), |fact| fact.name.to_owned())
    }

    /// What osquery's tables answer, roughly: nothing is known about sizes, but a table without its
    /// required column must come last, and a look-up is cheaper than a scan.
    fn cost(&self, mark: &Mark) -> (f64, i64) {
        let Some(table) = self.table else { return (1e6, 1000) };
        if plan::has_one_row(table.name) {
            return (1.0, 1);
        }
        let has = |column: &Column| mark.is_constrained(column.name);
        let mut needed = table.required_columns().peekable();
        if needed.peek().is_some() && !needed.any(has) {
            return (1e20, 1_000_000);
        }
        if table.user_data && table.column("uid").is_some_and(|uid| !has(uid)) {
            return (1e12, 1_000_000);
        }
        if table.columns.iter().any(|column| column.is_pushed_down() && has(column)) {
            (10.0, 10)
        } else {
            (1e6, 1000)
        }
    }
}

fn use_of(operator: &IndexConstraintOp) -> Option<Use> {
    use IndexConstraintOp as Op;
    match operator {
        Op::SQLITE_INDEX_CONSTRAINT_EQ | Op::SQLITE_INDEX_CONSTRAINT_IS => Some(Use::Equal),
        Op::SQLITE_INDEX_CONSTRAINT_LIKE | Op::SQLITE_INDEX_CONSTRAINT_GLOB => Some(Use::Pattern),
        Op::SQLITE_INDEX_CONSTRAINT_GT
        | Op::SQLITE_INDEX_CONSTRAINT_GE
        | Op::SQLITE_INDEX_CONSTRAINT_LT
        | Op::SQLITE_INDEX_CONSTRAINT_LE => Some(Use::Range),
        Op::SQLITE_INDEX_CONSTRAINT_LIMIT | Op::SQLITE_INDEX_CONSTRAINT_OFFSET => None,
        _ => Some(Use::Other),
    }
}

/// The tables are never opened, but SQLite wants to know how it would be done.
#[repr(C)]
struct NoCursor {
    base: sqlite3_vtab_cursor,
}

#[expect(
    unsafe_code,
    reason = "the trait asks for a promise: `base` is first and the layout is C's"
)]
unsafe impl VTabCursor for NoCursor {
    fn filter(&mut self, _: c_int, _: Option<&str>, _: &Filters<'_>) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        Ok(())
    }

    fn eof(&self) -> bool {
        true
    }

    fn column(&self, _: &mut Context, _: c_int) -> Result<()> {
        Ok(())
    }

    fn rowid(&self) -> Result<i64> {
        Ok(0)
    }
}
