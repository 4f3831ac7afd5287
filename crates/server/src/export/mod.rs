// SPDX-License-Identifier: Apache-2.0
//! Rows of a campaign as a file: CSV, NDJSON or Parquet, written as they are read, with memory
//! that does not grow with the number of rows.
//!
//! Every file begins each row with the host it came from (`_host_id`, `_hostname`). A column of a
//! query that has one of these names is written under the next free name (`_host_id_2`).
//!
//! The caller reads rows, feeds them in the order it likes, and owns the transport. A file is
//! whole only after `finish`: when anything fails before, the transport must be broken off, so
//! that nobody takes half a file for all of it.

pub mod csv;
mod ndjson;
mod parquet;

use std::collections::{HashMap, HashSet};
use std::io::Write;

use crate::rows::{Cells, RawText, RowsError, raw_name};

/// Name of the column with the host's id.
pub const HOST_ID_COLUMN: &str = "_host_id";
/// Name of the column with the host's name.
pub const HOSTNAME_COLUMN: &str = "_hostname";

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, UTF-8, header row, cells guarded against spreadsheets that run formulas.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet: every column optional UTF-8 text, Snappy.
    Parquet,
}

impl Format {
    /// The format of this name, as in `?format=`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The name, which is also the file name's extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The receiver is gone or cannot take more.
    #[error("the export could not be written: {0}")]
    Write(#[from] std::io::Error),
    /// A stored row is damaged.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The Parquet library refused.
    #[error("the Parquet file could not be written: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// Rows.
    pub rows: u64,
    /// Cells whose column was not among those announced. NDJSON has all cells; the other formats
    /// must know their columns beforehand and leave such cells out.
    pub cells_left_out: u64,
}

/// Writes rows in one format. Call `begin` once, `row` for each row, `finish` once.
pub trait RowExport: Send {
    /// Announces the columns of all rows, in the order wanted; a name given twice counts once.
    ///
    /// # Errors
    /// When the receiver fails.
    fn begin(&mut self, columns: &[String]) -> Result<(), ExportError>;

    /// Writes one stored row (see [`crate::rows::Rows::lines`]).
    ///
    /// # Errors
    /// When the receiver fails or the row is damaged.
    fn row(&mut self, host_id: &str, hostname: &str, line: &str) -> Result<(), ExportError>;

    /// Writes what the format has at its end and flushes.
    ///
    /// # Errors
    /// When the receiver fails.
    fn finish(self: Box<Self>) -> Result<ExportSummary, ExportError>;
}

/// A writer of `format` into `out`.
pub fn exporter<'w>(format: Format, out: impl Write + Send + 'w) -> Box<dyn RowExport + 'w> {
    match format {
        Format::Csv => Box::new(csv::CsvExport::new(out)),
        Format::Ndjson => Box::new(ndjson::NdjsonExport::new(out)),
        Format::Parquet => Box::new(parquet::ParquetExport::new(out)),
    }
}

/// The names under which columns are written: their own, unless a name is one of the host's.
fn output_names(columns: &[String]) -> Vec<(String, String)> {
    let taken: HashSet<&str> = columns.iter().map(String::as_str).collect();
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for column in columns.iter().filter(|column| seen.insert(column.as_str())) {
        names.push((column.clone(), output_name(column, &taken)));
    }
    names
}

fn output_name(column: &str, taken: &HashSet<&str>) -> String {
    if column != HOST_ID_COLUMN && column != HOSTNAME_COLUMN {
        return column.to_owned();
    }
    (2_u64..)
        .map(|number| format!("{column}_{number}"))
        .find(|name| !taken.contains(name.as_str()))
        .expect("there are more numbers than columns")
}

/// Sorts the cells of rows into announced columns.
#[derive(Debug, Default)]
struct ColumnSlots {
    /// Column names as they stand in rows; escapes are canonical there.
    raw: Vec<String>,
    places: HashMap<String, usize>,
    /// The slot each cell of the row before went to: rows of one query have one shape.
    shape: Vec<usize>,
}

impl ColumnSlots {
    fn new<'c>(columns: impl Iterator<Item = &'c str>) -> Self {
        let raw: Vec<String> = columns.map(raw_name).collect();
        let places = raw.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        Self { raw, places, shape: Vec::new() }
    }

    /// The values of one row by column, and how many cells have no column.
    fn sort<'l>(&mut self, line: &'l str) -> Result<(Vec<Option<RawText<'l>>>, u64), RowsError> {
        let mut values = vec![None; self.raw.len()];
        let mut left_out = 0;
        for (number, cell) in Cells::new(line).enumerate() {
            let cell = cell?;
            let name = cell.column.raw();
            let guess = self.shape.get(number).copied().filter(|place| self.raw[*place] == name);
            let Some(place) = guess.or_else(|| self.places.get(name).copied()) else {
                left_out += 1;
                continue;
            };
            if guess.is_none() {
                self.shape.resize(self.shape.len().max(number + 1), place);
                self.shape[number] = place;
            }
            // Of two cells with one name the last wins, as in any map of JSON.
            values[place] = Some(cell.value);
        }
        Ok((values, left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_host_are_given_way_to() {
        let columns: Vec<String> =
            ["_hostname", "a", "_host_id", "_host_id_2", "a"].map(str::to_owned).into();
        let names: Vec<_> = output_names(&columns).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["_hostname_2", "a", "_host_id_3", "_host_id_2"]);
    }

    #[test]
    fn cells_find_their_columns_in_any_order() {
        let mut slots = ColumnSlots::new(["a", "b", "q\"\n"].into_iter());
        let text = |value: &Option<RawText<'_>>| value.map(|v| v.text().unwrap().into_owned());
        for line in [
            r#"{"a":"1","b":"2","q\"\n":"3"}"#,
            r#"{"q\"\n":"3","x":"9","b":"2","a":"1"}"#,
            r#"{"b":"0","a":"1","b":"2","q\"\n":"3"}"#,
        ] {
            let (values, left_out) = slots.sort(line).unwrap();
            let values: Vec<_> = values.iter().map(text).collect();
            assert_eq!(values, [Some("1".into()), Some("2".into()), Some("3".into())]);
            assert_eq!(left_out, u64::from(line.contains("x\"")));
        }
        assert_eq!(slots.sort("{}").unwrap().0, [None; 3]);
        assert!(slots.sort("{").is_err());
    }

    #[test]
    fn formats_are_found_by_the_name_they_have() {
        for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
            assert_eq!(Format::from_name(format.name()), Some(format));
        }
        assert_eq!(Format::from_name("xlsx"), None);
    }
}
