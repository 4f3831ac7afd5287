// SPDX-License-Identifier: Apache-2.0
//! The order of rows by a column. Values are texts of agents: those that are numbers come first
//! and compare as numbers, other texts follow, the case of letters ignored; rows without the
//! column come last in either direction. It is a total order, so that pages fit together.

use std::cmp::Ordering;

use super::{Cells, RowsError, raw_name};

/// Characters of a text by which it is sorted: a row may hold megabytes.
const TEXT_CHARS_MAX: usize = 256;
/// Longest text that is looked at as a number.
const NUMBER_BYTES_MAX: usize = 64;

/// What a row is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// A number: rounded, then its whole part exactly, which tells large ones apart.
    Number(f64, i128),
    /// A text in lower case.
    Text(String),
    /// The row has no such column.
    Missing,
}

impl SortKey {
    /// The key of a value.
    pub fn of(value: &str) -> Self {
        number(value).unwrap_or_else(|| {
            let cut = value.char_indices().nth(TEXT_CHARS_MAX).map_or(value.len(), |(at, _)| at);
            Self::Text(value[..cut].to_lowercase())
        })
    }

    /// The order of two keys, smallest first or largest first.
    pub fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Missing, Self::Missing) => return Ordering::Equal,
            (Self::Missing, _) => return Ordering::Greater,
            (_, Self::Missing) => return Ordering::Less,
            (Self::Number(a, whole_a), Self::Number(b, whole_b)) => {
                a.total_cmp(b).then(whole_a.cmp(whole_b))
            }
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(..), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(..)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

/// A decimal number with digits alone, a sign, a point or an exponent; nothing else.
fn number(value: &str) -> Option<SortKey> {
    let first = value.bytes().find(|byte| !b"+-".contains(byte))?;
    if !(first.is_ascii_digit() || first == b'.') || value.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let float: f64 = value.parse().ok()?;
    if !float.is_finite() {
        return None;
    }
    // -0 and 0 are one number. Beyond i128 the cast saturates, which is still in order.
    let whole = value.parse::<i128>().unwrap_or(float as i128);
    Some(SortKey::Number(float + 0.0, whole))
}

/// The column rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortColumn {
    raw: String,
}

impl SortColumn {
    /// The column of this name.
    pub fn new(name: &str) -> Self {
        Self { raw: raw_name(name) }
    }

    /// The key of a row.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn key(&self, line: &str) -> Result<SortKey, RowsError> {
        let mut key = SortKey::Missing;
        for cell in Cells::new(line) {
            let cell = cell?;
            if cell.column.raw() == self.raw {
                // Of two cells with one name the last wins, as in any map of JSON.
                key = SortKey::of(&cell.value.text()?);
            }
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_come_first_and_compare_as_numbers() {
        let sorted = [
            "-1e3",
            "-5",
            "0",
            "0.5",
            "7",
            "10",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "1e30",
            "",
            "+",
            "0x10",
            "1,000",
            "1e999",
            "apache",
            "inf",
            "nan",
            "Zoom",
        ];
        for pair in sorted.windows(2) {
            let (a, b) = (SortKey::of(pair[0]), SortKey::of(pair[1]));
            assert_eq!(a.compare(&b, false), Ordering::Less, "{pair:?}");
            assert_eq!(a.compare(&b, true), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(SortKey::of("-0").compare(&SortKey::of("0"), false), Ordering::Equal);
        assert_eq!(SortKey::of("ABC"), SortKey::of("abc"));
    }

    #[test]
    fn rows_without_the_column_are_last_in_either_direction() {
        let column = SortColumn::new("a\"");
        let keys = [r#"{"a\"":"1"}"#, r#"{"b":"1"}"#].map(|line| column.key(line).unwrap());
        assert_eq!(keys[1], SortKey::Missing);
        assert_eq!(keys[0].compare(&keys[1], false), Ordering::Less);
        assert_eq!(keys[0].compare(&keys[1], true), Ordering::Less);
        assert_eq!(column.key(r#"{"a\"":"1","a\"":"2"}"#).unwrap(), SortKey::of("2"));
        assert!(column.key("{\"a\"}").is_err());
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<i128>().prop_map(|n| n.to_string()),
            any::<f64>().prop_map(|n| n.to_string()),
            (9_007_199_254_740_990_i64..9_007_199_254_740_999).prop_map(|n| n.to_string()),
            Just("9007199254740993.0".to_owned()),
            "[a-cA-C0-3.+-]{0,4}",
        ]
    }

    proptest! {
        /// What sorting in pieces rests on.
        #[test]
        fn it_is_a_total_order(a in value(), b in value(), c in value(), descending in any::<bool>()) {
            let [a, b, c] = [a, b, c].map(|value| SortKey::of(&value));
            let order = |x: &SortKey, y: &SortKey| x.compare(y, descending);
            prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
            if order(&a, &b) != Ordering::Greater && order(&b, &c) != Ordering::Greater {
                prop_assert_ne!(order(&a, &c), Ordering::Greater);
            }
        }
    }
}
