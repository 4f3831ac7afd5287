// SPDX-License-Identifier: Apache-2.0
//! Reads the rows that hosts answer to compiled queries: which indicator was found, or what could
//! not be looked at. Hosts may lie: a row can only name indicators its own query asked for.

use serde_json::{Map, Value};

use super::compile::columns;
use crate::limits::EVIDENCE_BYTES_MAX;

/// What one row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An indicator was found.
    Match {
        /// Its ordinal within the hunt.
        ordinal: u32,
        /// The table it was found in.
        table: String,
        /// The row without the columns that say so; bounded, cut cells end with `…`.
        evidence: Map<String, Value>,
    },
    /// Something could not be looked at.
    NotAssessed {
        /// Why: a word such as `too_large`.
        code: String,
        /// What, in words.
        note: String,
    },
    /// Nothing that can be used.
    Nothing,
}

/// Reads rows of one part.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Sorted.
    ordinals: Vec<u32>,
}

impl Reader {
    /// Reads rows of the part that looks for these indicators.
    pub fn new(ordinals: impl IntoIterator<Item = u32>) -> Self {
        let mut ordinals: Vec<u32> = ordinals.into_iter().collect();
        ordinals.sort_unstable();
        Self { ordinals }
    }

    /// What a row says.
    pub fn read(&self, row: &Map<String, Value>) -> Found {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let code = text(columns::NOT_ASSESSED);
        if !code.is_empty() {
            let note = text("path");
            return Found::NotAssessed { code: bounded(code, 64), note: bounded(note, 512) };
        }
        let ordinal = text(columns::INDICATOR).parse().ok();
        let Some(ordinal) = ordinal.filter(|one| self.ordinals.binary_search(one).is_ok()) else {
            return Found::Nothing;
        };
        let table = bounded(text(columns::TABLE), 64);
        Found::Match { ordinal, table, evidence: evidence(row) }
    }
}

fn evidence(row: &Map<String, Value>) -> Map<String, Value> {
    let mut left = EVIDENCE_BYTES_MAX;
    let mut kept = Map::new();
    for (name, cell) in row.iter().filter(|(name, _)| !columns::ALL.contains(&name.as_str())) {
        let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        if name.len() >= left {
            break;
        }
        left -= name.len();
        let cut = bounded(&text, left);
        left -= cut.len().min(left);
        kept.insert(name.clone(), Value::String(cut));
    }
    kept
}

/// At most so many bytes, whole characters, with a mark when something was cut.
fn bounded(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
