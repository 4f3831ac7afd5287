// SPDX-License-Identifier: Apache-2.0
//! Printing: tables for people, the API's JSON for programs, CSV for spreadsheets.
//!
//! Everything a host or another person supplied is hostile until it went through [`visible`] (for
//! terminals) or [`csv_cell`] (for spreadsheets).

mod clean;
mod columns;
mod list;
pub(crate) mod problem;
mod rows;
mod units;

pub(crate) use clean::{csv_cell, json_text, visible};
#[cfg(test)]
pub(crate) use columns::assert_columns;
pub(crate) use columns::{Column, Kind, col, json, object, things};
pub(crate) use list::list;
pub(crate) use rows::{RowStream, rows};
pub(crate) use units::{age, counted, coverage_bar, grouped, moment, percent, short_time};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// The API's JSON.
    Json,
    /// Comma-separated with a header line; cells that spreadsheets would run are escaped.
    Csv,
}
