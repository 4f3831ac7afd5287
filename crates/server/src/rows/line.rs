// SPDX-License-Identifier: Apache-2.0
//! Walks the cells of one stored row without building a tree: exports and column lists look at
//! every row of a campaign, and a map for each would cost several times the decompression.
//!
//! It reads exactly what `mimir_wire` writes (`{"column":"text",…}`, no spaces, no control
//! characters) and refuses everything else; it is no general JSON parser.

use std::borrow::Cow;

use super::RowsError;

/// A JSON string without its quotes, escapes in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawText<'l>(&'l str);

impl<'l> RawText<'l> {
    /// The text with its escapes resolved.
    ///
    /// # Errors
    /// [`RowsError::Malformed`] for an escape that JSON does not know.
    pub fn text(self) -> Result<Cow<'l, str>, RowsError> {
        if !self.0.contains('\\') {
            return Ok(Cow::Borrowed(self.0));
        }
        let quoted = format!("\"{}\"", self.0);
        let text = serde_json::from_str(&quoted).map_err(|_| RowsError::Malformed)?;
        Ok(Cow::Owned(text))
    }

    /// The text as it stands in the row.
    pub fn raw(self) -> &'l str {
        self.0
    }
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
        if at == 1 && bytes.first() == Some(&b'{') && &bytes[1..] == b"}" {
            return Some(Step::End);
        }
        if at == 1 && bytes.first() != Some(&b'{') {
            return None;
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
        let mut end = at + 1;
        loop {
            match *bytes.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                0..0x20 => return None,
                _ => end += 1,
            }
        }
        Some((RawText(&self.line[at + 1..end]), end + 1))
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
