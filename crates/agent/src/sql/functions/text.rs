// SPDX-License-Identifier: Apache-2.0
//! `split`, `concat` and `concat_ws`. SQLite has the latter two of its own, but treats a missing
//! separator and trailing NULLs otherwise than osquery.

use std::borrow::Cow;

use rusqlite::functions::Context;
use rusqlite::{Connection, Result};

use super::args::{self, Text, is_space};
use super::{PURE, failure};

pub fn register(db: &Connection) -> Result<()> {
    db.create_scalar_function("split", 3, PURE, split)?;
    db.create_scalar_function("concat", -1, PURE, |context| Ok(joined(context, b"", 0)))?;
    db.create_scalar_function("concat_ws", -1, PURE, |context| {
        if context.is_empty() {
            return Err(failure("Missing separator to concat_ws"));
        }
        let separator = args::c_text(context, 0).unwrap_or_default().into_owned();
        Ok(joined(context, &separator, 1))
    })
}

/// `split(text, characters, index)`: the text is cut at any of the characters, empty pieces are
/// dropped, the others are trimmed, and the piece with that number (from 0) is the value; NULL
/// when there is none.
fn split(context: &mut Context<'_>) -> Result<Option<Text>> {
    if args::any_null(context) {
        return Ok(None);
    }
    let text = args::c_text(context, 0).unwrap_or_default();
    let cuts = args::c_text(context, 1).unwrap_or_default();
    if cuts.is_empty() {
        return Err(failure("Invalid input to split function: it needs a character to split at"));
    }
    let Ok(index) = usize::try_from(args::int(context, 2)) else { return Ok(None) };
    let piece: Option<Cow<'_, [u8]>> = if cuts.is_ascii() {
        let mut pieces = text.split(|byte| cuts.contains(byte)).filter(|piece| !piece.is_empty());
        pieces.nth(index).map(|piece| trimmed(piece).into())
    } else {
        // Cutting at single bytes would cut other characters apart.
        let (text, cuts) = (String::from_utf8_lossy(&text), String::from_utf8_lossy(&cuts));
        let mut pieces = text.split(|c| cuts.contains(c)).filter(|piece| !piece.is_empty());
        pieces.nth(index).map(|piece| trimmed(piece.as_bytes()).to_owned().into())
    };
    Ok(piece.map(|piece| Text(piece.into_owned())))
}

fn trimmed(piece: &[u8]) -> &[u8] {
    let Some(start) = piece.iter().position(|byte| !is_space(*byte)) else { return b"" };
    let end = piece.iter().rposition(|byte| !is_space(*byte)).map_or(start, |last| last + 1);
    &piece[start..end]
}

/// The arguments from `first` on, without NULLs. The separator follows every one but the last
/// argument, so that one before trailing NULLs keeps it: osquery's way.
fn joined(context: &Context<'_>, separator: &[u8], first: usize) -> Option<Text> {
    if context.len() == first {
        return None;
    }
    let mut out = Vec::new();
    for index in first..context.len() {
        let Some(text) = args::c_text(context, index) else { continue };
        out.extend_from_slice(&text);
        if index + 1 < context.len() {
            out.extend_from_slice(separator);
        }
    }
    Some(Text(out))
}
