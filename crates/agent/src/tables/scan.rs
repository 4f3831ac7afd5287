// SPDX-License-Identifier: Apache-2.0
//! What one scan of a table is told, and where it puts its rows. The bounds of a scan (rows,
//! bytes, deadline, stop) are kept here, so that a table cannot forget them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::{Cell, Column, Table, TableError};
use crate::host::Host;
use crate::limits::{SCAN_BYTES_MAX, SCAN_ROWS_MAX};

/// One row: a cell for each column that the query uses, in the table's order.
pub type Row = Box<[Cell]>;

/// Bytes that a row takes beside its cells: its place in the list and its allocation.
const ROW_BYTES: usize = 40;

/// How a query compares a column that reaches the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// `=`, and each value of `IN`.
    Equals,
    /// `LIKE`, which on paths is a file pattern.
    Like,
}

/// One comparison that the query makes; all of a scan's hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Which column, by number.
    pub column: usize,
    /// How.
    pub by: Match,
    /// With what.
    pub value: String,
}

/// When a query must end. Shared by the scans, the statement and whoever waits for it.
#[derive(Debug)]
pub struct Budget {
    deadline: Instant,
    stop: Arc<AtomicBool>,
    /// Bytes of the rows that finished scans of the query hold.
    held: AtomicUsize,
}

impl Budget {
    /// A budget that ends at `deadline` or when `stop` becomes true.
    pub fn new(deadline: Instant, stop: Arc<AtomicBool>) -> Self {
        Self { deadline, stop, held: AtomicUsize::new(0) }
    }

    /// Whether the query must end now.
    pub fn is_over(&self) -> bool {
        self.is_stopped() || Instant::now() >= self.deadline
    }

    /// Whether it must end because somebody asked, not because of the time.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The rows of a finished scan. They count against the budget for as long as they are kept.
#[derive(Debug, Default)]
pub struct Rows {
    /// Bit mask of the columns that the rows have cells for.
    pub used: u64,
    /// The rows.
    pub list: Vec<Row>,
    charge: Option<(Arc<Budget>, usize)>,
}

impl Rows {
    /// The cell of a row; `None` where there is no such row, or the scan left the column out.
    pub fn cell(&self, row: usize, column: usize) -> Option<&Cell> {
        let bit =
            1_u64.checked_shl(u32::try_from(column).ok()?).filter(|bit| self.used & bit != 0)?;
        let place = (self.used & (bit - 1)).count_ones() as usize;
        self.list.get(row)?.get(place)
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        if let Some((budget, bytes)) = &self.charge {
            budget.held.fetch_sub(*bytes, Ordering::Relaxed);
        }
    }
}

/// One scan of one table.
pub struct Scan<'s> {
    table: &'static str,
    columns: &'static [Column],
    constraints: &'s [Constraint],
    used: u64,
    host: &'s Host,
    budget: &'s Budget,
    rows: Vec<Row>,
    bytes: usize,
}

impl<'s> Scan<'s> {
    /// A scan of `table` for a query that wants the columns in the bit mask `used`.
    pub fn new(
        table: &dyn Table,
        constraints: &'s [Constraint],
        used: u64,
        host: &'s Host,
        budget: &'s Budget,
    ) -> Self {
        Self {
            table: table.name(),
            columns: table.columns(),
            constraints,
            used,
            host,
            budget,
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// The agent and its machine.
    pub fn host(&self) -> &'s Host {
        self.host
    }

    /// Whether the query looks at any of these columns; what it does not look at need not be
    /// worked out.
    pub fn wants(&self, columns: &[&str]) -> bool {
        columns.iter().any(|name| self.used >> self.column(name).min(63) & 1 == 1)
    }

    /// The values that `column` must equal; empty when the query does not say.
    pub fn equals(&self, column: &str) -> Vec<&'s str> {
        self.constrained(column, Match::Equals)
    }

    /// The patterns that `column` must be LIKE; empty when the query does not say.
    pub fn likes(&self, column: &str) -> Vec<&'s str> {
        self.constrained(column, Match::Like)
    }

    fn constrained(&self, column: &str, by: Match) -> Vec<&'s str> {
        let column = self.column(column);
        self.constraints
            .iter()
            .filter(|constraint| constraint.column == column && constraint.by == by)
            .map(|constraint| constraint.value.as_str())
            .collect()
    }

    fn column(&self, name: &str) -> usize {
        let found = self.columns.iter().position(|column| column.name == name);
        found.unwrap_or_else(|| panic!("table {} has no column {name}", self.table))
    }

    /// Looks at the clock. To be called in every loop that reads the machine.
    ///
    /// # Errors
    /// [`TableError::Interrupted`] when the query must end.
    pub fn check(&self) -> Result<(), TableError> {
        if self.budget.is_over() { Err(TableError::Interrupted) } else { Ok(()) }
    }

    /// An empty row to fill.
    pub fn row(&self) -> RowBuilder {
        RowBuilder {
            columns: self.columns,
            cells: vec![Cell::Null; self.columns.len()].into_boxed_slice(),
            next: 0,
        }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// [`TableError::TooMuch`] over the limits of a scan, [`TableError::Interrupted`] when the
    /// query must end.
    pub fn push(&mut self, row: RowBuilder) -> Result<(), TableError> {
        self.check()?;
        let is_used = |index: usize| index > 63 || self.used >> index & 1 == 1;
        let cells = row.cells.into_vec().into_iter().enumerate();
        let row: Row = cells.filter(|(index, _)| is_used(*index)).map(|(_, cell)| cell).collect();
        self.bytes += ROW_BYTES + row.iter().map(Cell::heap_size).sum::<usize>();
        self.bytes += size_of_val(&*row);
        if self.rows.len() >= SCAN_ROWS_MAX {
            return Err(self.too_much(format!("{SCAN_ROWS_MAX} rows")));
        }
        if self.budget.held.load(Ordering::Relaxed) + self.bytes > SCAN_BYTES_MAX {
            return Err(self.too_much(format!("{SCAN_BYTES_MAX} bytes")));
        }
        self.rows.push(row);
        Ok(())
    }

    /// An error for going over `limit`.
    pub fn too_much(&self, limit: String) -> TableError {
        TableError::TooMuch { table: self.table, limit }
    }

    /// An error for something this agent does not do.
    pub fn unsupported(&self, reason: &str) -> TableError {
        TableError::Unsupported { table: self.table, reason: reason.to_owned() }
    }

    /// An error for a source that could not be read.
    pub fn unreadable(&self, source: std::io::Error) -> TableError {
        TableError::Read { table: self.table, source }
    }

    /// The rows taken. They count against `budget`, which is that of the scan.
    pub fn into_rows(self, budget: &Arc<Budget>) -> Rows {
        budget.held.fetch_add(self.bytes, Ordering::Relaxed);
        Rows { used: self.used, list: self.rows, charge: Some((Arc::clone(budget), self.bytes)) }
    }
}

/// A row being filled. Columns that are not set are NULL.
pub struct RowBuilder {
    columns: &'static [Column],
    cells: Row,
    next: usize,
}

impl RowBuilder {
    /// Sets a column. Setting them in the table's order is quickest.
    ///
    /// # Panics
    /// When the table has no such column: a mistake in the table's file that any test shows.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Cell>) -> Self {
        let (before, after) = self.columns.split_at(self.next);
        let found = (after.iter().position(|column| column.name == name))
            .map(|offset| self.next + offset)
            .or_else(|| before.iter().position(|column| column.name == name));
        let index = found.unwrap_or_else(|| panic!("no column {name}"));
        self.cells[index] = value.into().cast(self.columns[index].kind);
        self.next = index + 1;
        self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::Identity;

    /// Runs with a scan of a table for a query that wants every column.
    pub fn with_scan<T>(
        table: &dyn Table,
        constraints: &[Constraint],
        run: impl FnOnce(&mut Scan<'_>) -> T,
    ) -> T {
        let budget = Budget::new(Instant::now() + Duration::from_secs(60), Arc::default());
        let host = Host::new(Identity::virtual_machine("test", "1"), 0);
        run(&mut Scan::new(table, constraints, u64::MAX, &host, &budget))
    }

    /// The values of a column in what a table itself gives, before SQLite filters it, when
    /// `by` must equal `value`.
    pub fn given(table: &dyn Table, by: &str, value: &str, column: &str) -> Vec<Cell> {
        let number = |name| table.columns().iter().position(|one| one.name == name).unwrap();
        let constraint =
            Constraint { column: number(by), by: Match::Equals, value: value.to_owned() };
        let rows = with_scan(table, &[constraint], |scan| {
            table.generate(scan).unwrap();
            std::mem::take(&mut scan.rows)
        });
        rows.iter().map(|row| row[number(column)].clone()).collect()
    }
}
