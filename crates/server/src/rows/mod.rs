// SPDX-License-Identifier: Apache-2.0
//! Stored rows: how the rows of one host's answer become compressed chunks, and back.
//!
//! A chunk is one zstd frame with its size and a checksum, holding rows as lines: one compact
//! JSON object a line, all values strings, in the order the agent sent them. Chunks are small, so
//! that a page unpacks little, and large enough to compress; a row longer than a chunk has a
//! chunk to itself.
//!
//! Nothing here knows campaigns, hosts or the database.

mod filter;
mod line;
mod order;
mod read;
mod write;

pub use filter::{LineFilter, Stamp};
pub use line::{Cell, Cells, RawText, raw_name};
pub use order::{SortColumn, SortKey};
pub use read::{Rows, decode};
pub use write::{Chunk, RowCaps, RowWriter, Stored};

/// The level of compression: higher ones cost several times the processor time for a tenth less.
const ZSTD_LEVEL: i32 = 1;

/// Why rows could not be stored or read back.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The compression library failed, or the chunk was damaged.
    #[error("a chunk of stored rows cannot be packed or unpacked: {0}")]
    Zstd(#[from] std::io::Error),
    /// The chunk says it holds more than any chunk may.
    #[error("a chunk of stored rows does not state its size, or states one over the limit")]
    Size,
    /// The chunk's content is not lines of rows.
    #[error("a stored row is not a compact JSON object of strings")]
    Malformed,
}
