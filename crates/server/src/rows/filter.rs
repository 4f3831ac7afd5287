// SPDX-License-Identifier: Apache-2.0
//! Which stored rows somebody wants to see: text in any cell, or in the cells of named columns,
//! the case of letters ignored. Rows are looked at as they lie, without a map for each.

use std::borrow::Cow;

use super::{Cells, RowsError, raw_name};

/// Longest text that is searched for in place.
const IN_PLACE_BYTES_MAX: usize = 32;

/// Text to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needle {
    lower: String,
}

impl Needle {
    fn new(text: &str) -> Self {
        Self { lower: text.to_lowercase() }
    }

    fn is_in(&self, text: &str) -> bool {
        // Comparing at every place would take the product of both lengths.
        if !text.is_ascii() || self.lower.len() > IN_PLACE_BYTES_MAX {
            return text.to_lowercase().contains(&self.lower);
        }
        let (needle, text) = (self.lower.as_bytes(), text.as_bytes());
        let Some(first) = needle.first() else { return true };
        // Letters of ASCII become no others in lower case, so bytes can be compared in place.
        let last = text.len().checked_sub(needle.len());
        last.is_some_and(|last| {
            (0..=last).any(|at| {
                text[at].to_ascii_lowercase() == *first
                    && text[at..at + needle.len()].eq_ignore_ascii_case(needle)
            })
        })
    }
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    /// The column's name as rows hold it.
    raw: String,
    needle: Needle,
}

/// The host that rows are stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp<'s> {
    /// Its columns and their values.
    pub columns: [(&'s str, &'s str); 2],
}

impl<'s> Stamp<'s> {
    /// What the stamp says in a column, if it is one of its own.
    pub fn get(&self, column: &str) -> Option<&'s str> {
        self.columns.iter().find(|(name, _)| *name == column).map(|(_, value)| *value)
    }
}

/// Which rows are wanted; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineFilter {
    anywhere: Option<Needle>,
    columns: Vec<(String, Condition)>,
}

impl LineFilter {
    /// Rows with this text in some cell, and with these texts in these columns.
    pub fn new(anywhere: Option<&str>, columns: &[(String, String)]) -> Self {
        let condition = |(column, text): &(String, String)| {
            let condition = Condition { raw: raw_name(column), needle: Needle::new(text) };
            (column.clone(), condition)
        };
        Self {
            anywhere: anywhere.map(Needle::new),
            columns: columns.iter().map(condition).collect(),
        }
    }

    /// Whether every row is wanted.
    pub fn is_empty(&self) -> bool {
        self.anywhere.is_none() && self.columns.is_empty()
    }

    /// Whether a row is wanted. A stamp hides cells of its own columns' names; its host's name
    /// counts as a cell.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn takes(&self, line: &str, stamp: Option<&Stamp<'_>>) -> Result<bool, RowsError> {
        if self.is_empty() {
            return Ok(true);
        }
        let stamped = |column: &str| stamp.and_then(|stamp| stamp.get(column));
        let mut open = Vec::new();
        for (column, condition) in &self.columns {
            match stamped(column) {
                Some(value) if condition.needle.is_in(value) => {}
                Some(_) => return Ok(false),
                None => open.push(condition),
            }
        }
        let in_name = |needle: &Needle| {
            stamp.is_some_and(|stamp| stamp.columns.iter().any(|(_, value)| needle.is_in(value)))
        };
        let mut anywhere = self.anywhere.as_ref().filter(|needle| !in_name(needle));
        for cell in Cells::new(line) {
            if open.is_empty() && anywhere.is_none() {
                return Ok(true);
            }
            let cell = cell?;
            let wanted = open.iter().any(|condition| condition.raw == cell.column.raw());
            if !wanted && anywhere.is_none() {
                continue;
            }
            let value: Cow<'_, str> = cell.value.text()?;
            open.retain(|c| c.raw != cell.column.raw() || !c.needle.is_in(&value));
            anywhere = anywhere.filter(|needle| !needle.is_in(&value));
        }
        Ok(open.is_empty() && anywhere.is_none())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = r#"{"name":"OpenSSL","note":"q\"ö","_hostname":"own"}"#;

    fn takes(anywhere: Option<&str>, columns: &[(&str, &str)]) -> [bool; 2] {
        let own = |(column, text): &(&str, &str)| ((*column).to_owned(), (*text).to_owned());
        let columns: Vec<_> = columns.iter().map(own).collect();
        let filter = LineFilter::new(anywhere, &columns);
        let stamp = Stamp { columns: [("_host_id", "0193"), ("_hostname", "Web-1")] };
        [filter.takes(LINE, None).unwrap(), filter.takes(LINE, Some(&stamp)).unwrap()]
    }

    #[test]
    fn all_conditions_must_hold() {
        assert_eq!(takes(None, &[]), [true; 2]);
        assert_eq!(takes(Some("openssl"), &[]), [true; 2]);
        assert_eq!(takes(Some("Q\"Ö"), &[]), [true; 2]);
        assert_eq!(takes(Some("web-"), &[]), [false, true]);
        assert_eq!(takes(None, &[("name", "ssl"), ("note", "Ö")]), [true; 2]);
        assert_eq!(takes(None, &[("name", "ssl"), ("note", "x")]), [false; 2]);
        assert_eq!(takes(Some("ssl"), &[("note", "ssl")]), [false; 2]);
        assert_eq!(takes(None, &[("none", "")]), [false; 2]);
        assert_eq!(takes(None, &[("name", "open"), ("name", "ssl")]), [true; 2]);
    }

    #[test]
    fn the_stamp_hides_a_column_of_its_name() {
        assert_eq!(takes(None, &[("_hostname", "own")]), [true, false]);
        assert_eq!(takes(None, &[("_hostname", "WEB")]), [false, true]);
        assert_eq!(takes(None, &[("_host_id", "0193"), ("name", "ssl")]), [false, true]);
    }

    #[test]
    fn a_long_text_is_found_too() {
        let text = format!("{}B{}", "a".repeat(100), "a".repeat(100));
        for length in [IN_PLACE_BYTES_MAX - 1, IN_PLACE_BYTES_MAX, 99] {
            assert!(Needle::new(&format!("{}b", "A".repeat(length))).is_in(&text), "{length}");
            assert!(!Needle::new(&format!("b{}b", "A".repeat(length))).is_in(&text), "{length}");
        }
    }

    #[test]
    fn a_damaged_row_is_an_error() {
        assert!(LineFilter::new(Some("x"), &[]).takes("{\"a\"}", None).is_err());
    }

    proptest! {
        #[test]
        fn the_shortcut_finds_what_lower_case_finds(text in "[a-zA-ZåÅKİ]{0,6}", needle in "[a-zA-ZåK]{0,3}") {
            let wanted = text.to_lowercase().contains(&needle.to_lowercase());
            prop_assert_eq!(Needle::new(&needle).is_in(&text), wanted);
        }
    }
}
