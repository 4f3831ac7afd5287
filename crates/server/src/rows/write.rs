// SPDX-License-Identifier: Apache-2.0
//! Rows to chunks, under the caps of one host's answer. Rows over a cap are not stored; counting
//! them is the parser's task, so whoever has both numbers knows whether rows were left out.

use std::cell::RefCell;
use std::collections::HashSet;

use mimir_engine::limits;
use mimir_wire::osquery::plain_run;
use zstd::bulk::Compressor;

use super::line::Cells;
use super::{RowsError, ZSTD_LEVEL};

/// The most that is stored of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCaps {
    /// Rows.
    pub rows: u64,
    /// Bytes of the rows as lines, before compression.
    pub bytes: u64,
}

/// A run of rows, compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Number of the first row within the answer, from 0.
    pub first_row: u64,
    /// Rows in the chunk; at least one.
    pub row_count: u32,
    /// One zstd frame; see [`super::decode`].
    pub data: Vec<u8>,
}

/// What is stored of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// The chunks in order, without gaps.
    pub chunks: Vec<Chunk>,
    /// Rows in all chunks.
    pub stored_rows: u64,
    /// Bytes of these rows before compression.
    pub stored_bytes: u64,
    /// Columns of these rows in the order in which they were first seen.
    pub columns: Vec<String>,
    /// Whether `columns` names them all (see [`limits::COLUMNS_MAX`]).
    pub columns_complete: bool,
}

/// Collects the rows of one answer.
#[derive(Debug)]
pub struct RowWriter {
    caps: RowCaps,
    open: bool,
    text: Vec<u8>,
    text_rows: u32,
    stored: Stored,
    columns: Columns,
    failure: Option<std::io::Error>,
}

impl RowWriter {
    /// A writer that stores no more than `caps`.
    pub fn new(caps: RowCaps) -> Self {
        Self {
            caps,
            open: caps.rows > 0 && caps.bytes > 0,
            text: Vec::new(),
            text_rows: 0,
            stored: Stored::default(),
            columns: Columns::default(),
            failure: None,
        }
    }

    /// Whether further rows would be stored.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Rows stored so far.
    pub fn stored_rows(&self) -> u64 {
        self.stored.stored_rows
    }

    /// Takes one row: a compact JSON object of strings, without a line break, as
    /// `mimir_wire::osquery::WriteSink` hands it out. Answers whether more rows are wanted.
    ///
    /// What is stored is always a prefix of the answer: the first row that does not fit, or that
    /// is no such object, ends it, and the reader never has to guess which rows are missing.
    pub fn push(&mut self, line: &[u8]) -> bool {
        if !self.open {
            return false;
        }
        let bytes = line.len() as u64 + 1;
        let fits = self.stored.stored_bytes + bytes <= self.caps.bytes
            && line.len() < limits::ROW_BYTES_MAX;
        if !fits || !self.columns.see(line) {
            self.open = false;
            return false;
        }
        if !self.text.is_empty() && self.text.len() + line.len() >= limits::CHUNK_BYTES_MAX {
            self.cut();
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        self.text_rows += 1;
        self.stored.stored_rows += 1;
        self.stored.stored_bytes += bytes;
        if self.text_rows as usize >= limits::CHUNK_ROWS_MAX {
            self.cut();
        }
        self.open &= self.stored.stored_rows < self.caps.rows;
        self.open
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// [`RowsError::Zstd`] when a chunk could not be compressed, which only a lack of memory does.
    pub fn finish(mut self) -> Result<Stored, RowsError> {
        self.cut();
        if let Some(error) = self.failure {
            return Err(error.into());
        }
        self.stored.columns = self.columns.names()?;
        self.stored.columns_complete = self.columns.complete;
        Ok(self.stored)
    }

    /// Ends the current chunk, if it holds anything.
    fn cut(&mut self) {
        if self.text_rows == 0 {
            return;
        }
        match compress(&self.text) {
            Ok(data) => self.stored.chunks.push(Chunk {
                first_row: self.stored.stored_rows - u64::from(self.text_rows),
                row_count: self.text_rows,
                data,
            }),
            Err(error) => {
                self.failure = Some(error);
                self.open = false;
            }
        }
        self.text.clear();
        self.text.shrink_to(limits::CHUNK_BYTES_MAX);
        self.text_rows = 0;
    }
}

/// The union of column names. Rows of one query nearly always have the same columns in the same
/// order, so each name is first compared with the one that stood there before.
#[derive(Debug)]
struct Columns {
    /// Names as they stand in the rows; escapes are canonical, so equal names are equal here.
    raw: Vec<Box<str>>,
    known: HashSet<Box<str>>,
    bytes: usize,
    complete: bool,
}

impl Default for Columns {
    fn default() -> Self {
        Self { raw: Vec::new(), known: HashSet::new(), bytes: 0, complete: true }
    }
}

impl Columns {
    /// Notes the columns of one row. Answers false, possibly after noting some, when it is none.
    fn see(&mut self, line: &[u8]) -> bool {
        let Ok(line) = std::str::from_utf8(line) else { return false };
        self.are_as_before(line.as_bytes()) || self.see_each(line)
    }

    /// Whether the row has the columns known already, or the first of them, in their order. A
    /// false only says that one must look closer.
    fn are_as_before(&self, line: &[u8]) -> bool {
        let mut rest = line.strip_prefix(b"{");
        for name in self.raw.iter().take(limits::ROW_CELLS_MAX) {
            let value = rest
                .and_then(|rest| rest.strip_prefix(b"\""))
                .and_then(|rest| rest.strip_prefix(name.as_bytes()))
                .and_then(|rest| rest.strip_prefix(b"\":\""));
            rest = match value.and_then(behind_text) {
                Some([b'}']) => return true,
                Some([b',', more @ ..]) => Some(more),
                _ => return false,
            };
        }
        false
    }

    fn see_each(&mut self, line: &str) -> bool {
        for (place, cell) in Cells::new(line).enumerate() {
            let Ok(cell) = cell else { return false };
            if place == limits::ROW_CELLS_MAX {
                return false;
            }
            let name = cell.column.raw();
            let expected = self.raw.get(place).is_some_and(|known| **known == *name);
            if !expected && !self.known.contains(name) {
                self.add(name);
            }
        }
        true
    }

    fn add(&mut self, name: &str) {
        let bytes = self.bytes + name.len();
        if self.raw.len() == limits::COLUMNS_MAX || bytes > limits::COLUMN_NAMES_BYTES_MAX {
            self.complete = false;
            return;
        }
        self.bytes = bytes;
        self.raw.push(name.into());
        self.known.insert(name.into());
    }

    fn names(&self) -> Result<Vec<String>, RowsError> {
        let unescape = |raw: &str| {
            serde_json::from_str(&format!("\"{raw}\"")).map_err(|_| RowsError::Malformed)
        };
        self.raw.iter().map(|raw| unescape(raw)).collect()
    }
}

/// What follows the closing quote of the text whose inside begins here.
fn behind_text(inside: &[u8]) -> Option<&[u8]> {
    let mut rest = inside;
    loop {
        rest = &rest[plain_run(rest)..];
        match rest {
            [b'"', behind @ ..] => return Some(behind),
            [b'\\', _, more @ ..] => rest = more,
            _ => return None,
        }
    }
}

/// A compressor and its output buffer; both are costly to make, so each thread keeps one.
struct Packer {
    compressor: Compressor<'static>,
    out: Vec<u8>,
}

thread_local! {
    static PACKER: RefCell<Option<Packer>> = const { RefCell::new(None) };
}

fn compress(text: &[u8]) -> std::io::Result<Vec<u8>> {
    PACKER.with_borrow_mut(|slot| {
        let packer = match slot {
            Some(packer) => packer,
            None => slot.insert(new_packer()?),
        };
        packer.out.clear();
        packer.out.reserve(zstd::zstd_safe::compress_bound(text.len()));
        packer.compressor.compress_to_buffer(text, &mut packer.out)?;
        let data = packer.out.as_slice().to_vec();
        // One giant row must not pin its buffer to the thread for ever.
        packer.out.clear();
        packer.out.shrink_to(zstd::zstd_safe::compress_bound(limits::CHUNK_BYTES_MAX));
        Ok(data)
    })
}

fn new_packer() -> std::io::Result<Packer> {
    let mut compressor = Compressor::new(ZSTD_LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.include_contentsize(true)?;
    Ok(Packer { compressor, out: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    const WIDE: RowCaps = RowCaps { rows: u64::MAX, bytes: u64::MAX };

    fn lines(stored: &Stored) -> Vec<String> {
        let mut all = Vec::new();
        for chunk in &stored.chunks {
            assert_eq!(chunk.first_row, all.len() as u64);
            let rows = decode(&chunk.data).unwrap();
            assert_eq!(rows.lines().count(), chunk.row_count as usize);
            all.extend(rows.lines().map(str::to_owned));
        }
        assert_eq!(all.len() as u64, stored.stored_rows);
        assert_eq!(all.iter().map(|l| l.len() as u64 + 1).sum::<u64>(), stored.stored_bytes);
        all
    }

    #[test]
    fn rows_come_back_in_order_and_chunks_are_bounded() {
        let mut writer = RowWriter::new(WIDE);
        let rows: Vec<String> = (0..5321)
            .map(|n| format!(r#"{{"n":"{n}","pad":"{}"}}"#, "x".repeat(n % 700)))
            .collect();
        for row in &rows {
            assert!(writer.push(row.as_bytes()));
        }
        let stored = writer.finish().unwrap();
        assert_eq!(lines(&stored), rows);
        assert!(stored.chunks.len() > 6);
        for chunk in &stored.chunks {
            assert!(chunk.row_count as usize <= limits::CHUNK_ROWS_MAX);
            let bytes: usize = decode(&chunk.data).unwrap().lines().map(|l| l.len() + 1).sum();
            assert!(bytes <= limits::CHUNK_BYTES_MAX);
        }
        assert_eq!(stored.columns, ["n", "pad"]);
        assert!(stored.columns_complete);
    }

    #[test]
    fn no_rows_are_no_chunks() {
        let stored = RowWriter::new(WIDE).finish().unwrap();
        assert_eq!((stored.chunks.len(), stored.stored_rows), (0, 0));
        assert!(stored.columns_complete);
    }

    #[test]
    fn a_giant_row_has_a_chunk_to_itself() {
        let giant = format!(r#"{{"a":"{}"}}"#, "g".repeat(limits::CHUNK_BYTES_MAX * 3));
        let mut writer = RowWriter::new(WIDE);
        for row in [r#"{"a":"1"}"#, &giant, r#"{"a":"2"}"#] {
            assert!(writer.push(row.as_bytes()));
        }
        let stored = writer.finish().unwrap();
        assert_eq!(stored.chunks.len(), 3);
        assert_eq!(lines(&stored)[1], giant);
    }

    #[test]
    fn the_row_cap_keeps_a_prefix() {
        let mut writer = RowWriter::new(RowCaps { rows: 2, bytes: u64::MAX });
        assert!(writer.push(b"{\"a\":\"1\"}"));
        assert!(!writer.push(b"{\"a\":\"2\"}"), "the row that reaches the cap is the last wanted");
        assert!(!writer.push(b"{\"b\":\"3\"}"));
        let stored = writer.finish().unwrap();
        assert_eq!(lines(&stored).len(), 2);
        assert_eq!(stored.columns, ["a"]);
        assert!(!RowWriter::new(RowCaps { rows: 0, bytes: 1 }).push(b"{}"));
    }

    #[test]
    fn the_byte_cap_keeps_a_prefix_even_if_later_rows_would_fit() {
        let mut writer = RowWriter::new(RowCaps { rows: u64::MAX, bytes: 24 });
        assert!(writer.push(b"{\"a\":\"1\"}"));
        assert!(!writer.push(b"{\"a\":\"too long to fit in\"}"));
        assert!(!writer.push(b"{\"a\":\"2\"}"));
        assert_eq!(lines(&writer.finish().unwrap()).len(), 1);
        let mut exact = RowWriter::new(RowCaps { rows: u64::MAX, bytes: 10 });
        exact.push(b"{\"a\":\"1\"}");
        assert_eq!(exact.finish().unwrap().stored_rows, 1);
    }

    #[test]
    fn what_is_no_row_is_never_stored() {
        for bad in [&b"{\"a\":\"\n\"}"[..], b"{\"a\":\"\xff\"}", b"[1]", b""] {
            let mut writer = RowWriter::new(WIDE);
            writer.push(b"{\"a\":\"1\"}");
            assert!(!writer.push(bad));
            assert_eq!(lines(&writer.finish().unwrap()).len(), 1);
        }
    }

    #[test]
    fn columns_are_a_union_in_order_of_appearance() {
        let mut writer = RowWriter::new(WIDE);
        for row in [r#"{"b":"","a":""}"#, "{}", r#"{"a":"","q\"c":"","b":""}"#, r#"{"d":""}"#] {
            assert!(writer.push(row.as_bytes()));
        }
        assert_eq!(writer.finish().unwrap().columns, ["b", "a", "q\"c", "d"]);
    }

    proptest::proptest! {
        // The short way may only answer true where the long one would, and add no column.
        #[test]
        fn a_row_taken_for_one_like_those_before_is_one(
            cells in proptest::collection::vec(("[ab\"é]{0,2}", ".{0,12}"), 0..4),
            spoil in proptest::collection::vec((0..80_usize, proptest::sample::select(
                vec!["\"", "\\", "{", "}", ":", ",", "\n", "a", "é"],
            )), 0..3),
        ) {
            let text = |text: &str| serde_json::to_string(text).unwrap();
            let row = |value: &dyn Fn(&str) -> String| {
                let cells: Vec<String> =
                    cells.iter().map(|(name, of)| format!("{}:{}", text(name), value(of))).collect();
                format!("{{{}}}", cells.join(","))
            };
            let mut columns = Columns::default();
            proptest::prop_assert!(columns.see(row(&|_| text("")).as_bytes()));
            let mut next = row(&text);
            for (at, more) in &spoil {
                let at = next.floor_char_boundary(at % (next.len() + 1));
                next.insert_str(at, more);
            }
            let before = columns.raw.clone();
            if columns.are_as_before(next.as_bytes()) {
                proptest::prop_assert!(columns.see_each(&next), "{next}");
                proptest::prop_assert_eq!(&columns.raw, &before);
            }
            let is_each_once = before.len() == cells.len();
            let is_like = spoil.is_empty() && is_each_once && !cells.is_empty();
            proptest::prop_assert!(!is_like || columns.are_as_before(next.as_bytes()));
        }
    }

    #[test]
    fn a_row_wider_than_any_result_ends_the_stored_rows() {
        let row = |cells: usize| {
            let cells: Vec<_> = (0..cells).map(|_| r#""c":"""#).collect();
            format!("{{{}}}", cells.join(","))
        };
        let mut writer = RowWriter::new(WIDE);
        assert!(writer.push(row(limits::ROW_CELLS_MAX).as_bytes()));
        assert!(!writer.push(row(limits::ROW_CELLS_MAX + 1).as_bytes()));
        assert!(!writer.push(b"{}"));
        assert_eq!(writer.finish().unwrap().stored_rows, 1);
    }

    #[test]
    fn too_many_columns_are_stored_but_not_all_listed() {
        let mut writer = RowWriter::new(WIDE);
        for n in 0..=limits::COLUMNS_MAX {
            assert!(writer.push(format!(r#"{{"c{n}":""}}"#).as_bytes()));
        }
        let stored = writer.finish().unwrap();
        assert_eq!(stored.columns.len(), limits::COLUMNS_MAX);
        assert!(!stored.columns_complete);
        assert_eq!(stored.stored_rows, limits::COLUMNS_MAX as u64 + 1);
        let mut writer = RowWriter::new(WIDE);
        let long = "c".repeat(limits::COLUMN_NAMES_BYTES_MAX);
        for row in [format!(r#"{{"{long}":""}}"#), r#"{"d":""}"#.to_owned()] {
            assert!(writer.push(row.as_bytes()));
        }
        let stored = writer.finish().unwrap();
        assert_eq!((stored.columns.len(), stored.columns_complete), (1, false));
    }
}
