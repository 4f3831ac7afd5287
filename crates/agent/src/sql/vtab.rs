// SPDX-License-Identifier: Apache-2.0
//! Shows a [`Table`] to SQLite as an eponymous, read-only virtual table.
//!
//! What SQLite tells about a query travels from `best_index` to `filter` as a short text, the
//! plan: the columns in use, and for each argument its column and operator. SQLite is never told
//! to trust the table: every constraint is tested again on the rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::ffi::{CStr, CString, c_int};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

use rusqlite::types::{Null, ValueRef};
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConnection, VTabCursor,
    sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, Result};

use crate::host::Host;
use crate::tables::{
    self, Budget, Cell, Column, ColumnKind, Constraint, Match, NAMESPACE_COLUMN, Row, Rows, Scan,
    Table, TableError, format_real,
};

/// Cost of a plan that cannot work: any other plan is better.
const COST_IMPOSSIBLE: f64 = 1e18;
/// Cost of generating a whole table.
const COST_FULL: f64 = 1e6;
/// Cost of a look-up by key.
const COST_LOOKUP: f64 = 10.0;
/// Cost of a plan that works without a constraint that decides what the table generates: SQLite
/// must not choose it when another order of a join can give that constraint.
const COST_UNGUIDED: f64 = 1e14;
/// Cost of expanding a file pattern.
const COST_PATTERN: f64 = 1e4;

/// Adds every table and its aliases to a connection.
pub fn register(db: &Connection, host: &Arc<Host>, budget: &Arc<Budget>) -> Result<()> {
    const MODULE: Module<'static, Bridge> = Module::eponymous_only_module();
    for table in tables::all() {
        let aux = Aux {
            table: *table,
            host: Arc::clone(host),
            budget: Arc::clone(budget),
            whole: Arc::default(),
        };
        db.create_module(table.name(), &MODULE, Some(aux))?;
        for alias in table.aliases() {
            db.execute_batch(&format!(
                "CREATE TEMP VIEW \"{alias}\" AS SELECT * FROM \"{}\"",
                table.name()
            ))?;
        }
    }
    Ok(())
}

/// What a registered table carries.
#[derive(Clone)]
struct Aux {
    table: &'static dyn Table,
    host: Arc<Host>,
    budget: Arc<Budget>,
    /// The last scan without constraints. Joins scan their inner table once per outer row;
    /// within one statement the answer is the same.
    whole: Arc<Mutex<Option<Arc<Rows>>>>,
}

#[repr(C)]
struct Bridge {
    /// Must be first.
    base: sqlite3_vtab,
    aux: Aux,
}

#[expect(unsafe_code, reason = "rusqlite's way to promise that `base` is the first field")]
unsafe impl VTab<'_> for Bridge {
    type Aux = Aux;
    type Cursor = Cursor;

    fn connect(
        _: &mut VTabConnection,
        aux: Option<&Aux>,
        _module_name: &[u8],
        _database_name: &[u8],
        _table_name: &[u8],
        _args: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let Some(aux) = aux.cloned() else {
            return Err(Error::ModuleError("a table was registered without its source".into()));
        };
        let declaration = CString::new(declaration(aux.table))
            .map_err(|_| Error::ModuleError("a table's declaration holds a NUL".into()))?;
        Ok((Cow::Owned(declaration), Self { base: sqlite3_vtab::default(), aux }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let columns = self.aux.table.columns();
        let mut plan = format!("{:x}", info.col_used());
        let (mut pushed, mut cost, mut is_narrowed, mut is_later) = (0, COST_FULL, false, false);
        let mut is_unguided = false;
        for (constraint, mut usage) in info.constraints_and_usages() {
            let Ok(index) = usize::try_from(constraint.column()) else { continue };
            let Some(column) = columns.get(index).filter(|column| column.is_pushed()) else {
                continue;
            };
            let (operator, each) = match constraint.operator() {
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ => ('=', COST_LOOKUP),
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LIKE => ('~', COST_PATTERN),
                _ => continue,
            };
            if !constraint.is_usable() {
                // A join in another order could use it.
                is_later |= column.required;
                is_unguided |= decides(self.aux.table, column);
                continue;
            }
            pushed += 1;
            usage.set_argv_index(pushed);
            plan.push_str(&format!(";{index}{operator}"));
            is_narrowed |= column.required;
            if column.index || column.required || decides(self.aux.table, column) {
                cost = cost.min(each);
            }
        }
        let is_missing = columns.iter().any(|column| column.required) && !is_narrowed;
        if is_missing && is_later {
            return Ok(false);
        }
        info.set_idx_num(c_int::from(is_missing));
        info.set_idx_str(&plan);
        let cost = match (is_missing, is_unguided) {
            (true, _) => COST_IMPOSSIBLE,
            (_, true) => COST_UNGUIDED,
            _ => cost,
        };
        info.set_estimated_cost(cost);
        info.set_estimated_rows(if cost <= COST_LOOKUP { 1 } else { 1_000 });
        Ok(true)
    }

    fn open(&mut self) -> Result<Cursor> {
        Ok(Cursor {
            base: sqlite3_vtab_cursor::default(),
            aux: self.aux.clone(),
            rows: Arc::default(),
            position: 0,
            rowids: OnceLock::new(),
        })
    }
}

/// Whether a constraint on the column decides what is generated instead of narrowing it.
fn decides(table: &dyn Table, column: &Column) -> bool {
    column.additional || (table.is_user_data() && column.name == "uid")
}

/// `CREATE TABLE` with types, collations and hidden columns.
fn declaration(table: &dyn Table) -> String {
    let columns: Vec<String> = (table.columns().iter())
        .map(|column| {
            let collation =
                column.collation.map_or_else(String::new, |name| format!(" COLLATE {name}"));
            let hidden = if column.hidden { " HIDDEN" } else { "" };
            format!("\"{}\" {}{hidden}{collation}", column.name, column.kind.sql())
        })
        .collect();
    format!("CREATE TABLE x({})", columns.join(", "))
}

#[repr(C)]
struct Cursor {
    /// Must be first.
    base: sqlite3_vtab_cursor,
    aux: Aux,
    rows: Arc<Rows>,
    position: usize,
    rowids: OnceLock<Vec<i64>>,
}

impl Cursor {
    fn scan(&self, used: u64, constraints: &[Constraint]) -> Result<Arc<Rows>> {
        let whole = || self.aux.whole.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if constraints.is_empty()
            && let Some(rows) = &*whole()
            && rows.used & used == used
        {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(self.generate(used, constraints)?);
        if constraints.is_empty() {
            *whole() = Some(Arc::clone(&rows));
        }
        Ok(rows)
    }

    fn generate(&self, used: u64, constraints: &[Constraint]) -> Result<Rows> {
        let Aux { table, host, budget, .. } = &self.aux;
        refuse_namespaces(*table, constraints)?;
        let mut scan = Scan::new(*table, constraints, used, host, budget);
        // A panic must not cross SQLite's frames.
        match catch_unwind(AssertUnwindSafe(|| table.generate(&mut scan))) {
            Ok(Ok(())) => Ok(scan.into_rows(budget)),
            Ok(Err(error)) => Err(module_error(&error)),
            Err(_) => Err(Error::ModuleError(format!(
                "table {} failed inside the agent; its log says where",
                table.name()
            ))),
        }
    }
}

fn module_error(error: &TableError) -> Error {
    Error::ModuleError(error.to_string())
}

/// This agent reads its own mount namespace only; silence would look like an empty answer.
fn refuse_namespaces(table: &dyn Table, constraints: &[Constraint]) -> Result<()> {
    let named = |constraint: &&Constraint| {
        table.columns()[constraint.column].name == NAMESPACE_COLUMN && constraint.value != "0"
    };
    match constraints.iter().find(named) {
        None => Ok(()),
        Some(_) => Err(module_error(&TableError::Unsupported {
            table: table.name(),
            reason: format!("other mount namespaces are not read; drop {NAMESPACE_COLUMN}"),
        })),
    }
}

#[expect(unsafe_code, reason = "rusqlite's way to promise that `base` is the first field")]
unsafe impl VTabCursor for Cursor {
    fn filter(&mut self, idx_num: c_int, idx_str: Option<&str>, args: &Filters<'_>) -> Result<()> {
        self.position = 0;
        self.rowids = OnceLock::new();
        self.rows = Arc::default();
        if idx_num != 0 {
            return Err(module_error(&TableError::MissingConstraint(self.aux.table.name())));
        }
        let mut parts = idx_str.unwrap_or_default().split(';');
        let used = u64::from_str_radix(parts.next().unwrap_or_default(), 16).unwrap_or(u64::MAX);
        let mut constraints = Vec::new();
        for (part, value) in parts.zip(args.iter()) {
            let (by, number) = match part.strip_suffix('~') {
                Some(number) => (Match::Like, number),
                None => (Match::Equals, part.trim_end_matches('=')),
            };
            let Ok(column) = number.parse::<usize>() else { continue };
            let is_number = (self.aux.table.columns().get(column))
                .is_some_and(|column| column.kind != ColumnKind::Text);
            // Nothing equals NULL or is like it.
            let Some(value) = as_text(value, is_number) else { return Ok(()) };
            constraints.push(Constraint { column, by, value });
        }
        self.rows = self.scan(used, &constraints)?;
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.position += 1;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.position >= self.rows.list.len()
    }

    fn column(&self, context: &mut Context, index: c_int) -> Result<()> {
        let column = usize::try_from(index).unwrap_or(usize::MAX);
        match self.rows.cell(self.position, column) {
            // A wrong NULL would be worse than an error.
            None => Err(Error::ModuleError(format!(
                "table {} was not asked for its column {index}",
                self.aux.table.name()
            ))),
            Some(Cell::Null) => context.set_result(Null),
            Some(Cell::Int(number)) => context.set_result(number),
            Some(Cell::Text(text)) => context.set_result(text.as_str()),
        }
    }

    /// SQLite joins the branches of an OR by row id, so the same row must have the same id in
    /// every scan: it is made from the row's content.
    fn rowid(&self) -> Result<i64> {
        let ids = self.rowids.get_or_init(|| content_ids(&self.rows.list));
        Ok(ids.get(self.position).copied().unwrap_or_default())
    }
}

/// An id for each row from its cells; equal rows of one scan are told apart by their number.
fn content_ids(rows: &[Row]) -> Vec<i64> {
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    rows.iter()
        .map(|row| {
            let content = hash(&|hasher| row.hash(hasher));
            let copy = seen.entry(content).and_modify(|count| *count += 1).or_insert(0);
            let copy = *copy;
            hash(&|hasher| (content, copy).hash(hasher)).cast_signed()
        })
        .collect()
}

/// Whole numbers up to here are the same as floating-point numbers.
const WHOLE_REAL_MAX: f64 = 9_007_199_254_740_992.0;

/// The text of a constraint's value; `None` for NULL. A number's column equals `1.0` where it
/// equals 1.
fn as_text(value: ValueRef<'_>, is_number: bool) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Real(number)
            if is_number && number.fract() == 0.0 && number.abs() < WHOLE_REAL_MAX =>
        {
            Some(format!("{number:.0}"))
        }
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(format_real(number)),
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            Some(String::from_utf8_lossy(text).into_owned())
        }
    }
}
