// SPDX-License-Identifier: Apache-2.0
//! `regex_match` and `regex_split`: ECMAScript patterns over bytes, as C++'s `std::regex` reads
//! them in osquery, run by an engine whose time grows with the text alone.

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};
use rusqlite::functions::Context;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

use super::args::{self, Text};
use super::{PURE, ecma, failure};
use crate::limits::{REGEX_BYTES_MAX, REGEX_PROGRAM_BYTES_MAX};

pub fn register(db: &Connection) -> Result<()> {
    db.create_scalar_function("regex_match", 3, PURE, regex_match)?;
    db.create_scalar_function("regex_split", 3, PURE, regex_split)
}

/// `regex_match(text, pattern, group)`: the group of the first match, NULL without a match or
/// such a group; a group that took no part is empty.
fn regex_match(context: &mut Context<'_>) -> Result<Option<Text>> {
    if args::any_null(context) {
        return Ok(None);
    }
    let regex = compiled(context)?;
    let Ok(group) = usize::try_from(args::int(context, 2)) else { return Ok(None) };
    let text = args::c_text(context, 0).unwrap_or_default();
    let Some(found) = regex.captures(&text).filter(|found| group < found.len()) else {
        return Ok(None);
    };
    Ok(Some(Text(found.get(group).map(|part| part.as_bytes().to_vec()).unwrap_or_default())))
}

/// `regex_split(text, pattern, index)`: the text is cut at each match, and the piece with that
/// number (from 0) is the value; NULL when there is none. Empty pieces count, but not one at the
/// very end.
fn regex_split(context: &mut Context<'_>) -> Result<Option<Text>> {
    if args::any_null(context) {
        return Ok(None);
    }
    if args::c_text(context, 1).is_none_or(|pattern| pattern.is_empty()) {
        return Err(failure("Invalid input to split function: the pattern is empty"));
    }
    let regex = compiled(context)?;
    let Ok(index) = usize::try_from(args::int(context, 2)) else { return Ok(None) };
    let text = args::c_text(context, 0).unwrap_or_default();
    Ok(piece(&regex, &text, index).map(|piece| Text(piece.to_vec())))
}

fn piece<'t>(regex: &Regex, text: &'t [u8], index: usize) -> Option<&'t [u8]> {
    let (mut from, mut piece_start, mut count) = (0, 0, 0);
    while from <= text.len()
        && let Some(cut) = regex.find_at(text, from)
    {
        if count == index {
            return Some(&text[piece_start..cut.start()]);
        }
        count += 1;
        piece_start = cut.end();
        // After an empty match the next one starts a byte later.
        from = cut.end() + usize::from(cut.is_empty());
    }
    let is_there = piece_start < text.len() || count == 0;
    (is_there && count == index).then(|| &text[piece_start..])
}

/// The pattern, compiled once where it is a constant.
fn compiled(context: &Context<'_>) -> Result<Arc<Regex>> {
    context.get_or_create_aux(1, |value| -> std::result::Result<Regex, String> {
        let number;
        let pattern = match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
            ValueRef::Integer(value) => {
                number = value.to_string();
                number.as_bytes()
            }
            ValueRef::Real(value) => {
                number = crate::tables::format_real(value);
                number.as_bytes()
            }
            ValueRef::Null => b"",
        };
        compile(pattern.split(|byte| *byte == 0).next().unwrap_or_default())
    })
}

fn compile(pattern: &[u8]) -> std::result::Result<Regex, String> {
    if pattern.len() > REGEX_BYTES_MAX {
        return Err(format!("Invalid regex: too big, max size is {REGEX_BYTES_MAX} bytes"));
    }
    let translated = ecma::translate(pattern).map_err(|error| format!("Invalid regex: {error}"))?;
    RegexBuilder::new(&translated)
        .unicode(false)
        .size_limit(REGEX_PROGRAM_BYTES_MAX)
        .dfa_size_limit(REGEX_PROGRAM_BYTES_MAX)
        .build()
        .map_err(|_| "Invalid regex: too complex; write fewer or smaller repetitions".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pattern: &str, text: &str) -> Vec<String> {
        let regex = compile(pattern.as_bytes()).unwrap();
        let piece = |index| piece(&regex, text.as_bytes(), index);
        (0..).map_while(piece).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    #[test]
    fn texts_are_cut_as_the_standard_token_iterator_cuts_them() {
        assert_eq!(pieces("/", "/foo/bar"), ["", "foo", "bar"]);
        assert_eq!(pieces("/", "foo/"), ["foo"], "nothing after the last cut");
        assert_eq!(pieces("x", "abc"), ["abc"]);
        assert_eq!(pieces("x", ""), [""], "an uncut text is one piece");
        assert_eq!(pieces(",", ","), [""]);
        assert_eq!(pieces("(;|/)+", "foo;bar//qux"), ["foo", "bar", "qux"]);
        assert_eq!(pieces("|", "abc"), ["", "a", "b", "c"]);
        assert_eq!(pieces("a*", "baac"), ["", "b", "", "c"]);
        assert_eq!(pieces("^a", "aab"), ["", "ab"], "a start is the start of the text");
    }

    #[test]
    fn a_pattern_that_expands_beyond_bounds_is_refused() {
        let error = compile(b"((((a{100}){100}){100}){100})").unwrap_err();
        assert!(error.starts_with("Invalid regex: too complex"), "{error}");
        assert!(compile(&[b'a'; 256]).is_ok());
        assert!(compile(&[b'a'; 257]).unwrap_err().contains("too big, max size is 256 bytes"));
    }
}
