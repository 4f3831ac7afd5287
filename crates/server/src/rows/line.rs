// SPDX-License-Identifier: Apache-2.0
//! Walks the cells of one stored row without building a tree: exports and column lists look at
//! every row of a campaign, and a map for each would cost several times the decompression.
//!
//! It reads exactly what `mimir_wire` writes (`{"column":"text",…}`, no spaces, no control
//! characters) and refuses everything else; it is no general JSON parser.

use std::borrow::Cow;

use mimir_wire::osquery::plain_run;

use super::RowsError;

/// A JSON string without its quotes, escapes in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawText<'l> {
    raw: &'l str,
    /// Whether there is an escape in it.
    escaped: bool,
}

impl<'l> RawText<'l> {
    /// The text with its escapes resolved.
    ///
    /// # Errors
    /// [`RowsError::Malformed`] for an escape that JSON does not know.
    pub fn text(self) -> Result<Cow<'l, str>, RowsError> {
        match self.escaped {
            false => Ok(Cow::Borrowed(self.raw)),
            true => unescape(self.raw).map(Cow::Owned).ok_or(RowsError::Malformed),
        }
    }

    /// The text as it stands in the row.
    pub fn raw(self) -> &'l str {
        self.raw
    }
}

fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (letter, used) = escape(&rest.as_bytes()[at + 1..])?;
        text.push(letter);
        rest = &rest[at + 1 + used..];
    }
    text.push_str(rest);
    Some(text)
}

/// The letter an escape stands for, and its bytes behind the backslash.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    let letter = match bytes.first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(bytes),
        _ => return None,
    };
    Some((letter, 1))
}

fn unicode_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(1)?;
    if let Some(letter) = char::from_u32(first.into()) {
        return Some((letter, 5));
    }
    // Half of a pair; alone it is no text.
    let second = bytes.get(5..7).filter(|mark| mark == b"\\u").and_then(|_| unit(7))?;
    let letter = char::decode_utf16([first, second]).next()?.ok()?;
    Some((letter, 11))
}

/// One cell: its column and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'l> {
    /// The column's name.
    pub column: RawText<'l>,
    /// What the agent said.
    pub value: RawText<'l>,
}

/// The cells of one row, in order. After an error there are no more.
#[derive(Debug, Clone)]
pub struct Cells<'l> {
    line: &'l str,
    /// Where the next column's opening quote must be; `None` after the end.
    at: Option<usize>,
}

impl<'l> Cells<'l> {
    /// Walks `line`, one row without its line break.
    pub fn new(line: &'l str) -> Self {
        Self { line, at: Some(1) }
    }

    fn read_next(&self, at: usize) -> Option<Step<'l>> {
        let bytes = self.line.as_bytes();
        if at == 1 && bytes.first() != Some(&b'{') {
            return None;
        }
        if at == 1 && bytes.get(1..)? == b"}" {
            return Some(Step::End);
        }
        let (column, after) = self.string(at)?;
        if bytes.get(after) != Some(&b':') {
            return None;
        }
        let (value, after) = self.string(after + 1)?;
        let cell = Cell { column, value };
        match bytes.get(after)? {
            b',' => Some(Step::Cell(cell, Some(after + 1))),
            b'}' if after + 1 == bytes.len() => Some(Step::Cell(cell, None)),
            _ => None,
        }
    }

    /// The string whose opening quote is at `at`, and the place behind its closing quote.
    fn string(&self, at: usize) -> Option<(RawText<'l>, usize)> {
        let bytes = self.line.as_bytes();
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let (mut end, mut escaped) = (at + 1, false);
        loop {
            end += plain_run(bytes.get(end..)?);
            match *bytes.get(end)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    end += 2;
                }
                _ => return None,
            }
        }
        Some((RawText { raw: &self.line[at + 1..end], escaped }, end + 1))
    }
}

enum Step<'l> {
    Cell(Cell<'l>, Option<usize>),
    End,
}

impl<'l> Iterator for Cells<'l> {
    type Item = Result<Cell<'l>, RowsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at.take()?;
        match self.read_next(at) {
            Some(Step::Cell(cell, next)) => {
                self.at = next;
                Some(Ok(cell))
            }
            Some(Step::End) => None,
            None => Some(Err(RowsError::Malformed)),
        }
    }
}

/// A column's name as a row holds it, without quotes.
pub fn raw_name(name: &str) -> String {
    let quoted = serde_json::Value::from(name).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(line: &str) -> Result<Vec<(String, String)>, RowsError> {
        Cells::new(line)
            .map(|cell| {
                let cell = cell?;
                Ok((cell.column.text()?.into_owned(), cell.value.text()?.into_owned()))
            })
            .collect()
    }

    #[test]
    fn rows_are_walked_in_order_with_escapes_resolved() {
        let read = cells(r#"{"a":"1","":"","q\"":"x\\","ü":"\u0000\n"}"#).unwrap();
        let wanted = [("a", "1"), ("", ""), ("q\"", "x\\"), ("ü", "\0\n")]
            .map(|(k, v)| (k.into(), v.into()));
        assert_eq!(read, wanted);
        assert_eq!(cells("{}").unwrap(), []);
    }

    #[test]
    fn anything_but_a_compact_row_is_refused() {
        for line in [
            "",
            "{",
            "}",
            "[]",
            "{}x",
            "{\"a\"}",
            "{\"a\":1}",
            "{\"a\":\"1\"",
            "{\"a\":\"1\",}",
            "{ \"a\":\"1\"}",
            "{\"a\":\"1\"} ",
            "{\"a\":\"1\\",
            "{\"a\":\"\n\"}",
            "x\"a\":\"1\"}",
            "{\"a\":\"\\x\"}",
            "null",
            "{\"a\":\"1\"}{\"b\":\"2\"}",
        ] {
            assert!(cells(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn every_escape_of_json_is_known_and_no_other() {
        for (raw, wanted) in [
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u20ACx", "Aé€x"),
            (r"\ud834\udd1e!", "𝄞!"),
        ] {
            assert_eq!(unescape(raw).as_deref(), Some(wanted));
        }
        for bad in [
            r"\x",
            r"\",
            r"\u12",
            r"\u+123",
            r"\ud834",
            r"\ud834x",
            r"\ud834\u0041",
            r"\udd1e",
            "\\é",
        ] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_the_parser_writes_is_read_back(row in prop::collection::vec(any::<(String, String)>(), 0..8)) {
            let mut line = String::from("{");
            for (column, value) in &row {
                let comma = if line.len() > 1 { "," } else { "" };
                let column = serde_json::to_string(column).unwrap();
                let value = serde_json::to_string(value).unwrap();
                line.push_str(&format!("{comma}{column}:{value}"));
            }
            line.push('}');
            prop_assert_eq!(cells(&line).unwrap(), row);
        }

        #[test]
        fn no_text_makes_it_panic(line in any::<String>()) {
            let _ = cells(&line);
        }
    }
}
