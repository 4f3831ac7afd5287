// SPDX-License-Identifier: Apache-2.0
//! How SQLite plans to read each table, as told by the tables themselves.
//!
//! A virtual table may attach a text to a plan it offers. Ours attach which of their columns the plan
//! constrains; the text comes back in the rows of `EXPLAIN QUERY PLAN`, once for each place a table is
//! read. That statement describes a plan and runs nothing.

use std::collections::HashMap;

use rusqlite::{Connection, Result};

use crate::schema::{self, Table};

/// How a column is constrained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// `=`, `IS`, `IN`.
    Equal,
    /// `LIKE`, `GLOB`.
    Pattern,
    /// `<`, `<=`, `>`, `>=`.
    Range,
    /// Something that selects little, such as `<>`.
    Other,
}

/// What a table is told about one way to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// `None` for an unknown table.
    pub(crate) table: Option<&'static str>,
    /// Conditions on any column, whether they can be used in this plan or not.
    pub(crate) conditions: usize,
    /// Columns the plan constrains.
    pub(crate) uses: Vec<(&'static str, Use)>,
}

impl Mark {
    pub(crate) fn new(table: Option<&'static str>) -> Self {
        Self { table, conditions: 0, uses: Vec::new() }
    }

    /// Whether a column is constrained to values or by a pattern.
    pub(crate) fn is_constrained(&self, column: &str) -> bool {
        let selects = |operator: Use| matches!(operator, Use::Equal | Use::Pattern);
        self.uses.iter().any(|(name, operator)| *name == column && selects(*operator))
    }

    /// Whether a column is constrained to values, by a pattern or to a range.
    pub(crate) fn is_limited(&self, column: &str) -> bool {
        self.uses.iter().any(|(name, operator)| *name == column && *operator != Use::Other)
    }

    /// The text that travels through SQLite: `table conditions column=use column=use`.
    pub(crate) fn encode(&self) -> String {
        let mut text = format!("{} {}", self.table.unwrap_or("?"), self.conditions);
        for (column, operator) in &self.uses {
            let letter = match operator {
                Use::Equal => 'e',
                Use::Pattern => 'p',
                Use::Range => 'r',
                Use::Other => 'o',
            };
            text.push_str(&format!(" {column}={letter}"));
        }
        text
    }

    /// Reads [`Mark::encode`]'s text; `None` when it is none.
    fn decode(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let name = words.next()?;
        let table = schema::table(name);
        if table.is_none() && name != "?" {
            return None;
        }
        let mut mark = Self::new(table.map(|table| table.name));
        mark.conditions = words.next()?.parse().ok()?;
        for word in words {
            mark.uses.push(decode_use(table?, word)?);
        }
        Some(mark)
    }
}

fn decode_use(table: &'static Table, word: &str) -> Option<(&'static str, Use)> {
    let (name, letter) = word.split_once('=')?;
    let operator = match letter {
        "e" => Use::Equal,
        "p" => Use::Pattern,
        "r" => Use::Range,
        "o" => Use::Other,
        _ => return None,
    };
    Some((table.column(name)?.name, operator))
}

/// Whether a table has at most one row, so that joining it costs nothing.
pub(crate) fn has_one_row(table: &str) -> bool {
    SINGLE_ROW.contains(&table)
}

const SINGLE_ROW: &[&str] = &[
    "kernel_info",
    "os_version",
    "osquery_info",
    "platform_info",
    "sip_config",
    "system_info",
    "time",
    "uptime",
];

/// One place a table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) mark: Mark,
    /// Another table is read before it in the same query, so it is read again for each of its rows.
    pub(crate) is_inner: bool,
}

/// Asks SQLite for the plan of a statement it has prepared without an error.
///
/// # Errors
///
/// What SQLite reports; the statement itself was accepted before.
pub(crate) fn visits(conn: &Connection, sql: &str) -> Result<Vec<Visit>> {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let mut rows = statement.raw_query();
    let mut visits = Vec::new();
    let mut loops_of = HashMap::<i64, usize>::new();
    while let Some(row) = rows.next()? {
        let (parent, detail): (i64, String) = (row.get(1)?, row.get(3)?);
        let is_loop = detail.starts_with("SCAN ") || detail.starts_with("SEARCH ");
        if !is_loop {
            continue;
        }
        // A name in the query may contain the same words; ours come last.
        let text = detail.rsplit_once(" VIRTUAL TABLE INDEX 0:").map(|(_, text)| text);
        let mark = text.and_then(Mark::decode);
        let loops = loops_of.entry(parent).or_default();
        let is_inner = *loops > 0;
        let is_single = mark.as_ref().and_then(|mark| mark.table).is_some_and(has_one_row);
        *loops += usize::from(!is_single);
        visits.extend(mark.map(|mark| Visit { mark, is_inner: is_inner && !is_single }));
    }
    Ok(visits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_its_journey() {
        let mark = Mark {
            table: Some("file"),
            conditions: 3,
            uses: vec![("path", Use::Pattern), ("directory", Use::Equal), ("size", Use::Range)],
        };
        assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        let unknown = Mark::new(None);
        assert_eq!(Mark::decode(&unknown.encode()), Some(unknown));
        for text in ["", "file", "file x", "nothing 1", "file 1 nothing=e", "file 1 path=z"] {
            assert_eq!(Mark::decode(text), None, "{text:?}");
        }
    }
}
