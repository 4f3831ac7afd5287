// SPDX-License-Identifier: Apache-2.0
//! `shell_history`: what users typed, from the history files of the usual shells, with the time
//! where the shell keeps it: a line `#SECONDS` before the command (bash) or `: SECONDS:SPAN;`
//! before it (zsh).

use std::path::{Path, PathBuf};

use super::homes::Home;
use super::{Column, Scan, Table, TableError, bigint, glob, homes, integer, text};
use crate::limits::HISTORY_BYTES_MAX;

/// See the head of this file.
pub struct ShellHistory;

const COLUMNS: &[Column] =
    &[bigint("uid").additional(), integer("time"), text("command"), text("history_file")];

/// In osquery's order.
const FILES: [&str; 5] = [".bash_history", ".zsh_history", ".zhistory", ".history", ".sh_history"];
/// Where the shell of a terminal with restored sessions keeps them.
const SESSIONS: &str = ".bash_sessions/%.history";

impl Table for ShellHistory {
    fn name(&self) -> &'static str {
        "shell_history"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn is_user_data(&self) -> bool {
        true
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for home in homes::of_scan(scan)? {
            let mut files: Vec<PathBuf> = FILES.map(|file| home.directory.join(file)).into();
            files.extend(glob::expand_on_host(&home.directory.join(SESSIONS), scan)?);
            for path in files {
                push_history(scan, &home, &path)?;
            }
        }
        Ok(())
    }
}

fn push_history(scan: &mut Scan<'_>, home: &Home, path: &Path) -> Result<(), TableError> {
    let Some(content) = home.text(scan, path, HISTORY_BYTES_MAX) else { return Ok(()) };
    for (time, command) in commands(&content) {
        let row = scan.row().set("uid", home.uid).set("time", time).set("command", command);
        scan.push(row.set("history_file", path))?;
    }
    Ok(())
}

/// The commands with their times; 0 where the file does not say.
fn commands(content: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut announced = None;
    content.lines().filter_map(move |line| {
        if let Some(time) = announced.take() {
            return Some((time, line));
        }
        if let Some(time) = bash_time(line) {
            announced = Some(time);
            return None;
        }
        let timed = zsh_command(line).unwrap_or(("0", line));
        (!line.is_empty()).then_some(timed)
    })
}

fn bash_time(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|time| is_number(time))
}

fn zsh_command(line: &str) -> Option<(&str, &str)> {
    let (time, rest) = line.strip_prefix(':')?.trim_start_matches(' ').split_once(':')?;
    let (span, command) = rest.split_once(';')?;
    (is_number(time) && is_number(span)).then_some((time, command))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn times_are_those_of_the_shells() {
        let content = "ls\n#1700000000\ncd /\n#1700000001\n#1700000002\n# a comment\n\n\
                       : 1700000003:0;echo a;b\n: x:0;odd\n#1700000004";
        assert_eq!(
            commands(content).collect::<Vec<_>>(),
            [
                ("0", "ls"),
                ("1700000000", "cd /"),
                ("1700000001", "#1700000002"),
                ("0", "# a comment"),
                ("1700000003", "echo a;b"),
                ("0", ": x:0;odd"),
            ]
        );
    }
}
