// SPDX-License-Identifier: Apache-2.0
//! Arguments as SQLite's C interface converts them (`sqlite3_value_text`, `_int`, `_double`), and
//! texts as results. Texts are bytes here: file names and decoded data need not be UTF-8.

use std::borrow::Cow;

use rusqlite::functions::Context;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use crate::tables::format_real;

/// A text as a result; any bytes.
pub struct Text(pub Vec<u8>);

impl ToSql for Text {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

/// The value as a text; `None` for NULL.
pub fn text<'c>(context: &'c Context<'_>, index: usize) -> Option<Cow<'c, [u8]>> {
    match context.get_raw(index) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes().into()),
        ValueRef::Real(number) => Some(format_real(number).into_bytes().into()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.into()),
    }
}

/// The value as a text up to its first NUL, which is where most of osquery's functions stop.
pub fn c_text<'c>(context: &'c Context<'_>, index: usize) -> Option<Cow<'c, [u8]>> {
    let text = text(context, index)?;
    let Some(end) = text.iter().position(|byte| *byte == 0) else { return Some(text) };
    Some(match text {
        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[..end]),
        Cow::Owned(mut bytes) => {
            bytes.truncate(end);
            Cow::Owned(bytes)
        }
    })
}

/// The value if it is a text, up to its first NUL.
pub fn only_text<'c>(context: &'c Context<'_>, index: usize) -> Option<Cow<'c, [u8]>> {
    matches!(context.get_raw(index), ValueRef::Text(_)).then(|| c_text(context, index)).flatten()
}

/// The value as a 32-bit number, cut as C cuts it; 0 for what is no number.
pub fn int(context: &Context<'_>, index: usize) -> i32 {
    let number = match context.get_raw(index) {
        ValueRef::Null => 0,
        ValueRef::Integer(number) => number,
        ValueRef::Real(number) => number as i64,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => leading_integer(bytes),
    };
    number as i32
}

/// The value as a floating-point number, 0 for what is no number; `None` for NULL.
pub fn real(context: &Context<'_>, index: usize) -> Option<f64> {
    match context.get_raw(index) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number as f64),
        ValueRef::Real(number) => Some(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(leading_real(bytes)),
    }
}

/// Whether any argument is NULL.
pub fn any_null(context: &Context<'_>) -> bool {
    (0..context.len()).any(|index| matches!(context.get_raw(index), ValueRef::Null))
}

/// What C's `isspace` calls a blank.
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn leading_integer(bytes: &[u8]) -> i64 {
    let bytes = bytes.trim_ascii_start();
    let signs = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let digits = bytes[signs..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_negative = bytes.first() == Some(&b'-');
    let beyond = if is_negative { i64::MIN } else { i64::MAX };
    match str::from_utf8(&bytes[..signs + digits]) {
        Ok(text) if digits > 0 => text.parse().unwrap_or(beyond),
        _ => 0,
    }
}

fn leading_real(bytes: &[u8]) -> f64 {
    let bytes = bytes.trim_ascii_start();
    let digits = |from: usize| {
        bytes
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut end = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits(end);
    end += whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        end += if whole + fraction > 0 { 1 + fraction } else { 0 };
    }
    if whole + fraction == 0 {
        return 0.0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    str::from_utf8(&bytes[..end]).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_start_of_a_text() {
        for (text, integer, number) in [
            ("12", 12, 12.0),
            (" \t-7 apples", -7, -7.0),
            ("1.9", 1, 1.9),
            (".5x", 0, 0.5),
            ("5.", 5, 5.0),
            ("1e3", 1, 1000.0),
            ("1e", 1, 1.0),
            ("1e+", 1, 1.0),
            ("2E-1", 2, 0.2),
            ("+3", 3, 3.0),
            ("-", 0, 0.0),
            (".", 0, 0.0),
            ("", 0, 0.0),
            ("0x10", 0, 0.0),
            ("inf", 0, 0.0),
            ("nan", 0, 0.0),
            ("99999999999999999999", i64::MAX, 1e20),
            ("-99999999999999999999", i64::MIN, -1e20),
        ] {
            assert_eq!(leading_integer(text.as_bytes()), integer, "{text}");
            assert!((leading_real(text.as_bytes()) - number).abs() <= 0.0, "{text}");
        }
    }
}
