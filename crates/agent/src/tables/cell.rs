// SPDX-License-Identifier: Apache-2.0
//! One value of a row, on its way from a table into SQLite.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use super::ColumnKind;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Cell {
    /// Nothing; reads as the empty text on the wire.
    #[default]
    Null,
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

impl Cell {
    /// The value as a column of `kind` shows it. A text that is no number is NULL in a numeric
    /// column, and so is a number that does not fit: a wrong number would be worse than none.
    pub fn cast(self, kind: ColumnKind) -> Self {
        let number = match (kind, self) {
            (ColumnKind::Text, Self::Int(number)) => return Self::Text(number.to_string()),
            (ColumnKind::Text, other) => return other,
            (_, Self::Null) => return Self::Null,
            (_, Self::Int(number)) => Some(number),
            (_, Self::Text(text)) => text.trim().parse().ok(),
        };
        match (kind, number) {
            (ColumnKind::BigInt, Some(number)) => Self::Int(number),
            (_, Some(number)) if i32::try_from(number).is_ok() => Self::Int(number),
            _ => Self::Null,
        }
    }

    /// Bytes that the value takes beside its place in the row, with those of the allocator.
    pub fn heap_size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 0,
            Self::Text(text) => text.capacity() + 16,
        }
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u64> for Cell {
    /// Numbers beyond 63 bits show as SQLite would show them: as negative ones.
    fn from(number: u64) -> Self {
        Self::Int(number.cast_signed())
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Cow<'_, str>> for Cell {
    fn from(text: Cow<'_, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<&Path> for Cell {
    fn from(path: &Path) -> Self {
        Self::Text(path.to_string_lossy().into_owned())
    }
}

impl From<&OsStr> for Cell {
    fn from(text: &OsStr) -> Self {
        Self::Text(text.to_string_lossy().into_owned())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A floating-point number as SQLite's `%!.15g` prints it: at most 15 significant digits, always
/// with a dot.
pub fn format_real(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Inf".to_owned() } else { "-Inf".to_owned() };
    }
    if value == 0.0 || value.is_nan() {
        return "0.0".to_owned();
    }
    let scientific = format!("{:.14e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let sign = if value < 0.0 { "-" } else { "" };
    let (whole, fraction, suffix) = if (-4..15).contains(&exponent) {
        let (whole, fraction) = fixed_parts(digits, exponent);
        (whole, fraction, String::new())
    } else {
        let mark = if exponent < 0 { '-' } else { '+' };
        let (first, rest) = digits.split_at(1);
        (first.to_owned(), rest.to_owned(), format!("e{mark}{:02}", exponent.abs()))
    };
    let fraction = if fraction.is_empty() { "0" } else { &fraction };
    format!("{sign}{whole}.{fraction}{suffix}")
}

/// Splits significant digits at the decimal point that `exponent` puts among them.
fn fixed_parts(digits: &str, exponent: i32) -> (String, String) {
    let Ok(places) = usize::try_from(exponent) else {
        let zeros = exponent.unsigned_abs() as usize - 1;
        return ("0".to_owned(), format!("{}{digits}", "0".repeat(zeros)));
    };
    let point = places + 1;
    if digits.len() <= point {
        return (format!("{digits}{}", "0".repeat(point - digits.len())), String::new());
    }
    (digits[..point].to_owned(), digits[point..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_columns_hold_numbers_or_nothing() {
        assert_eq!(Cell::from("12").cast(ColumnKind::Integer), Cell::Int(12));
        assert_eq!(Cell::from("x").cast(ColumnKind::BigInt), Cell::Null);
        assert_eq!(Cell::from("").cast(ColumnKind::BigInt), Cell::Null);
        assert_eq!(Cell::from(1_i64 << 40).cast(ColumnKind::Integer), Cell::Null);
        assert_eq!(Cell::from(1_i64 << 40).cast(ColumnKind::BigInt), Cell::Int(1 << 40));
        assert_eq!(Cell::from(7_i64).cast(ColumnKind::Text), Cell::from("7"));
    }

    #[test]
    fn reals_have_fifteen_digits_and_a_dot() {
        for (value, text) in [
            (1.0, "1.0"),
            (0.1 + 0.2, "0.3"),
            (-2.5, "-2.5"),
            (1.0 / 3.0, "0.333333333333333"),
            (123_456_789.125, "123456789.125"),
            (1e14, "100000000000000.0"),
            (1e15, "1.0e+15"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (0.0, "0.0"),
            (f64::INFINITY, "Inf"),
        ] {
            assert_eq!(format_real(value), text);
        }
    }
}
