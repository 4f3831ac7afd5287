// SPDX-License-Identifier: Apache-2.0
//! Rows of a result, kept as the text that goes out: one compact JSON object a line. Large
//! results stay one allocation, and cells may hold bytes that are not UTF-8, which osquery sends
//! as they are.

use std::io::Write as _;

use mimir_wire::osquery::repair_utf8;
use sha2::{Digest as _, Sha256};

/// The rows of one result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// One object a line, each ended by a line break; no cell can hold a raw line break.
    text: Vec<u8>,
    count: u64,
}

impl Rows {
    /// No rows.
    pub const fn new() -> Self {
        Self { text: Vec::new(), count: 0 }
    }

    /// These rows and one more. Columns must differ: osquery cannot send two of one name.
    #[must_use]
    pub fn row<C, V>(mut self, cells: impl IntoIterator<Item = (C, V)>) -> Self
    where
        C: AsRef<str>,
        V: AsRef<[u8]>,
    {
        self.push(cells);
        self
    }

    /// Adds a row. Cells may be any bytes.
    pub fn push<C, V>(&mut self, cells: impl IntoIterator<Item = (C, V)>)
    where
        C: AsRef<str>,
        V: AsRef<[u8]>,
    {
        self.text.push(b'{');
        for (at, (column, value)) in cells.into_iter().enumerate() {
            if at > 0 {
                self.text.push(b',');
            }
            push_string(&mut self.text, column.as_ref().as_bytes());
            self.text.push(b':');
            push_string(&mut self.text, value.as_ref());
        }
        self.text.extend_from_slice(b"}\n");
        self.count += 1;
    }

    /// Rows of one column `data` that make up about `bytes` bytes, with 1 KB a row.
    pub fn filler(bytes: usize) -> Self {
        const ROW_BYTES: usize = 1024;
        let mut rows = Self::new();
        rows.text.reserve(bytes + ROW_BYTES);
        let cell = [b'x'; ROW_BYTES - 24];
        while rows.text.len() < bytes {
            rows.push([("n", rows.count.to_string().as_bytes()), ("data", &cell[..])]);
        }
        rows
    }

    /// How many rows.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the rows as text.
    pub fn byte_len(&self) -> usize {
        self.text.len()
    }

    /// The rows as lines of compact JSON with invalid UTF-8 repaired, which is how a server that
    /// repairs bodies reads them.
    pub fn lines(&self) -> Vec<String> {
        repair_utf8(&self.text).lines().map(str::to_owned).collect()
    }

    /// SHA-256 of all [`Rows::lines`], each followed by a line break.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(repair_utf8(&self.text).as_bytes()).into()
    }

    /// Puts a byte that is not UTF-8 at the start of the first cell, if there is one.
    pub(crate) fn spoil_utf8(&mut self) {
        let first_cell = self.text.windows(3).position(|three| three == b"\":\"");
        if let Some(at) = first_cell {
            self.text.splice(at + 3..at + 3, [0xFF, b'?', 0xC3]);
        }
    }

    /// Appends the rows to `body` as a JSON array.
    pub(crate) fn write_array(&self, body: &mut Vec<u8>) {
        body.push(b'[');
        let inner = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        body.extend(inner.iter().map(|byte| if *byte == b'\n' { b',' } else { *byte }));
        body.push(b']');
    }
}

/// Appends `bytes` as a JSON string: quotes, backslashes and control characters escaped, all
/// other bytes as they are, valid or not.
pub(crate) fn push_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x00..=0x1F => write!(out, "\\u{byte:04x}").expect("a Vec takes every write"),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_serde_json_would_write() {
        let odd = "q\" b\\ n\n r\r t\t \u{8}\u{c}\u{1}\u{1f} é \u{7f}";
        let rows = Rows::new().row([("a", odd), ("b", "")]).row([("a", "2"), ("b", "x")]);
        let expected = serde_json::to_string(&serde_json::json!({"a": odd, "b": ""})).unwrap();
        assert_eq!(rows.lines(), [expected.as_str(), r#"{"a":"2","b":"x"}"#]);
        let mut body = Vec::new();
        rows.write_array(&mut body);
        let read: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
        assert_eq!(read[0]["a"], odd);
        assert_eq!((read.len(), rows.count()), (2, 2));
    }

    #[test]
    fn spoiled_rows_hold_invalid_utf8_and_read_repaired() {
        let mut rows = Rows::new().row([("path", "/bin")]);
        rows.spoil_utf8();
        let mut body = Vec::new();
        rows.write_array(&mut body);
        assert!(std::str::from_utf8(&body).is_err());
        assert_eq!(rows.lines(), ["{\"path\":\"\u{fffd}?\u{fffd}/bin\"}"]);
        let mut none = Rows::new();
        none.spoil_utf8();
        assert!(none.is_empty());
    }

    #[test]
    fn filler_has_about_the_asked_size() {
        let rows = Rows::filler(100_000);
        assert!((100_000..102_000).contains(&rows.byte_len()), "{}", rows.byte_len());
        let mut none = Vec::new();
        Rows::new().write_array(&mut none);
        assert_eq!(none, b"[]");
    }
}
