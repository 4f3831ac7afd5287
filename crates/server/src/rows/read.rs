// SPDX-License-Identifier: Apache-2.0
//! Chunks to rows. What is read may be damaged, so every step is checked and bounded.

use std::cell::RefCell;

use mimir_engine::limits;
use serde_json::{Map, Value};
use zstd::bulk::Decompressor;

use super::RowsError;

/// The rows of one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    text: String,
}

impl Rows {
    /// The rows as lines of JSON, in order.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.text.split_terminator('\n')
    }

    /// The rows as objects, in order.
    pub fn objects(&self) -> impl Iterator<Item = Result<Map<String, Value>, RowsError>> + '_ {
        self.lines().map(|line| serde_json::from_str(line).map_err(|_| RowsError::Malformed))
    }
}

thread_local! {
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Unpacks one chunk. Never takes more memory than the largest chunk there can be: chunk limit or
/// one giant row.
///
/// # Errors
/// When the chunk is damaged, says it is larger than that, or holds no lines of text.
pub fn decode(data: &[u8]) -> Result<Rows, RowsError> {
    let size = match zstd::zstd_safe::get_frame_content_size(data) {
        Ok(Some(size)) => usize::try_from(size).map_err(|_| RowsError::Size)?,
        Ok(None) | Err(_) => return Err(RowsError::Size),
    };
    if size > limits::ROW_BYTES_MAX {
        return Err(RowsError::Size);
    }
    let text = UNPACKER.with_borrow_mut(|slot| {
        let unpacker = match slot {
            Some(unpacker) => unpacker,
            None => slot.insert(Decompressor::new()?),
        };
        unpacker.decompress(data, size)
    })?;
    let text = String::from_utf8(text).map_err(|_| RowsError::Malformed)?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(RowsError::Malformed);
    }
    Ok(Rows { text })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::{RowCaps, RowWriter};
    use super::*;

    fn chunk(lines: &[&str]) -> Vec<u8> {
        let mut writer = RowWriter::new(RowCaps { rows: 1000, bytes: 1 << 20 });
        for line in lines {
            assert!(writer.push(line.as_bytes()));
        }
        writer.finish().unwrap().chunks.remove(0).data
    }

    #[test]
    fn rows_are_read_as_objects_in_the_order_of_their_columns() {
        let rows = decode(&chunk(&[r#"{"b":"1","a":"ü\n"}"#, "{}"])).unwrap();
        let objects: Vec<_> = rows.objects().map(Result::unwrap).collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0].keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(objects[0]["a"], "ü\n");
        assert_eq!(rows.lines().next_back(), Some("{}"));
    }

    #[test]
    fn any_flipped_or_missing_byte_is_noticed() {
        let line = format!(r#"{{"a":"{}"}}"#, "some text that compresses ".repeat(40));
        let good = chunk(&[&line, r#"{"b":"2"}"#]);
        let wanted = decode(&good).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            // A few header bits carry no meaning; rows that differ must never be handed out.
            assert!(decode(&bad).map_or(true, |rows| rows == wanted), "byte {at}");
            assert!(decode(&good[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_chunk_that_would_grow_beyond_any_row_is_refused_before_unpacking() {
        let bomb = zstd::bulk::compress(&vec![0; limits::ROW_BYTES_MAX + 1], 1).unwrap();
        assert!(bomb.len() < 64 * 1024);
        assert!(matches!(decode(&bomb), Err(RowsError::Size)));
        let mut stream = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        stream.write_all(b"{}\n").unwrap();
        stream.flush().unwrap();
        let unsized_frame = stream.finish().unwrap();
        assert!(matches!(decode(&unsized_frame), Err(RowsError::Size)));
        // A second frame behind the first cannot smuggle more in.
        let mut two = chunk(&["{}"]);
        two.extend(zstd::bulk::compress(&vec![b'x'; 1 << 20], 1).unwrap());
        assert!(decode(&two).is_err());
    }

    #[test]
    fn text_that_is_no_lines_is_refused() {
        let not_ended = zstd::bulk::compress(b"{}", 1).unwrap();
        assert!(matches!(decode(&not_ended), Err(RowsError::Malformed)));
        let not_text = zstd::bulk::compress(b"\xff\n", 1).unwrap();
        assert!(matches!(decode(&not_text), Err(RowsError::Malformed)));
        assert!(decode(b"").is_err());
    }
}
