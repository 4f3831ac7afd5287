// SPDX-License-Identifier: Apache-2.0
//! Paths: `parent_directory`, and the two functions that look for the program in a command line
//! written without quotes, where it is unclear which blank ends the path.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::functions::Context;
use rusqlite::{Connection, Result};

use super::args::{self, Text, is_space};
use super::{IMPURE, PURE, failure};
use crate::tables::Budget;

pub fn register(db: &Connection, budget: &Arc<Budget>) -> Result<()> {
    db.create_scalar_function("parent_directory", 1, PURE, parent_directory)?;
    let ends = Arc::clone(budget);
    db.create_scalar_function("find_file_path_in_cmd", -1, IMPURE, move |context| {
        let search = Search::of(context, "find_file_path_in_cmd")?;
        search.run(true, &ends).map(Text)
    })?;
    let ends = Arc::clone(budget);
    db.create_scalar_function("is_path_deterministic", -1, IMPURE, move |context| {
        let search = Search::of(context, "is_path_deterministic")?;
        let shortest = search.run(true, &ends)?;
        let is_whole = shortest.is_empty() || shortest.len() == search.command.len();
        Ok(is_whole || shortest.len() == search.run(false, &ends)?.len())
    })
}

/// What stands before the last slash; NULL without one.
fn parent_directory(context: &mut Context<'_>) -> Result<Option<Text>> {
    let path = args::only_text(context, 0)
        .ok_or_else(|| failure("Invalid inputs to parent_directory, TEXT was expected"))?;
    let slash = path.iter().rposition(|byte| *byte == b'/');
    Ok(slash.map(|slash| Text(path[..slash].to_vec())))
}

/// A command line and how it quotes.
struct Search {
    command: Vec<u8>,
    quotes: bool,
    escape: u8,
}

impl Search {
    fn of(context: &Context<'_>, function: &str) -> Result<Self> {
        let invalid = || failure(format!("Invalid inputs to {function}"));
        if context.is_empty() || args::any_null(context) {
            return Err(invalid());
        }
        let escape = match context.len() {
            1 | 2 => b'\\',
            _ => match *args::c_text(context, 2).unwrap_or_default() {
                [escape] => escape,
                _ => return Err(invalid()),
            },
        };
        Ok(Self {
            command: args::c_text(context, 0).unwrap_or_default().into_owned(),
            quotes: context.len() > 1 && args::int(context, 1) != 0,
            escape,
        })
    }

    /// The first (or the longest) beginning of the command that ends before a blank or at the
    /// end and names an existing file; empty when none does.
    fn run(&self, shortest: bool, budget: &Budget) -> Result<Vec<u8>> {
        let start = self.command.iter().position(|byte| !is_space(*byte));
        let (mut read, mut found) = (Vec::new(), Vec::new());
        let (mut is_quoted, mut is_escaped) = (false, false);
        for byte in &self.command[start.unwrap_or(self.command.len())..] {
            if is_escaped {
                read.push(*byte);
                is_escaped = false;
            } else if self.quotes && *byte == b'"' {
                is_quoted = !is_quoted;
            } else if *byte == self.escape {
                is_escaped = true;
            } else {
                if !is_quoted && is_space(*byte) && is_file(&read) {
                    found.clone_from(&read);
                    if shortest {
                        return Ok(found);
                    }
                }
                read.push(*byte);
            }
            if budget.is_over() {
                return Err(failure("interrupted"));
            }
        }
        Ok(if is_file(&read) { read } else { found })
    }
}

fn is_file(path: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(path)).metadata().is_ok_and(|found| !found.is_dir())
}
