// SPDX-License-Identifier: Apache-2.0
//! `crontab`: what cron runs, from `/etc/crontab`, `/etc/cron.d` and the users' tables. In the
//! system's own tables the command begins with the user it runs as, as in osquery. Tables of
//! anacron and of systemd's timers are not read.

use std::path::{Path, PathBuf};

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, glob, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct Crontab;

const COLUMNS: &[Column] = &[
    text("event"),
    text("minute"),
    text("hour"),
    text("day_of_month"),
    text("month"),
    text("day_of_week"),
    text("command"),
    text("path"),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

const FIELDS: [&str; 5] = ["minute", "hour", "day_of_month", "month", "day_of_week"];
const SYSTEM_FILE: &str = "/etc/crontab";
/// The system's directory, and the users' on Red Hat's and on Debian's systems.
const DIRECTORIES: [&str; 3] = ["/etc/cron.d/%", "/var/spool/cron/%", "/var/spool/cron/crontabs/%"];

impl Table for Crontab {
    fn name(&self) -> &'static str {
        "crontab"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let mut files = vec![PathBuf::from(SYSTEM_FILE)];
        for pattern in DIRECTORIES {
            files.extend(glob::expand_on_host(Path::new(pattern), scan)?);
        }
        for path in files {
            let place = scan.host().at(&path);
            if !place.is_file() {
                continue;
            }
            let content = read::text_if_exists(&place, ETC_FILE_BYTES_MAX)
                .map_err(|error| scan.unreadable(error))?;
            for entry in content.lines().filter_map(Entry::parse) {
                push_entry(scan, &entry, &path)?;
            }
        }
        Ok(())
    }
}

fn push_entry(scan: &mut Scan<'_>, entry: &Entry<'_>, path: &Path) -> Result<(), TableError> {
    let mut row = scan.row().set("event", entry.event);
    for (name, value) in FIELDS.iter().zip(&entry.times) {
        row = row.set(name, *value);
    }
    let row = row.set("command", entry.command.as_str()).set("path", path);
    scan.push(row.set(NAMESPACE_COLUMN, 0))
}

/// One line: either an event such as `@reboot`, or the five fields of a time.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'l> {
    event: Option<&'l str>,
    times: Vec<&'l str>,
    command: String,
}

impl<'l> Entry<'l> {
    /// `None` for comments, variables and lines without a command.
    fn parse(line: &'l str) -> Option<Self> {
        let mut words = line.split_whitespace().peekable();
        let first = *words.peek()?;
        if first.starts_with('#') || is_assignment(line) {
            return None;
        }
        let event = first.starts_with('@').then_some(first);
        let times: Vec<&str> = match event {
            Some(_) => {
                words.next();
                Vec::new()
            }
            None => words.by_ref().take(FIELDS.len()).collect(),
        };
        let command = words.collect::<Vec<_>>().join(" ");
        (!command.is_empty()).then_some(Self { event, times, command })
    }
}

/// Whether the line sets a variable, as in `PATH = /bin`: no field of a time has such a name.
fn is_assignment(line: &str) -> bool {
    let Some((name, _)) = line.split_once('=') else { return false };
    let name = name.trim().trim_matches(['"', '\'']);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn lines_are_times_or_events_with_a_command() {
        let entry = |event, times: &[&'static str], command: &str| {
            Some(Entry { event, times: times.to_vec(), command: command.to_owned() })
        };
        for (line, expected) in [
            (
                "17 *\t* * *\troot  cd / && run-parts x",
                entry(None, &["17", "*", "*", "*", "*"], "root cd / && run-parts x"),
            ),
            ("  @reboot /bin/a b", entry(Some("@reboot"), &[], "/bin/a b")),
            (
                "*/5 0-3 1,2 jan mon A=b c",
                entry(None, &["*/5", "0-3", "1,2", "jan", "mon"], "A=b c"),
            ),
            ("# 1 2 3 4 5 x", None),
            ("SHELL=/bin/sh", None),
            ("MAILTO = \"a b c d e f\"", None),
            ("1 2 3 4 5", None),
            ("@daily", None),
            ("", None),
            ("\u{1}", None),
        ] {
            assert_eq!(Entry::parse(line), expected, "{line}");
        }
    }
}
