// SPDX-License-Identifier: Apache-2.0
//! `startup_items`: what starts with the machine or with a session: units of systemd, scripts in
//! `/etc/init.d`, and the desktop's autostart entries of the system and of every user.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::homes::{self, Home};
use super::systemd::{Manager, UNIT};
use super::{Column, Scan, Table, TableError, glob, read, text};
use crate::limits::{ETC_FILE_BYTES_MAX, USER_FILE_BYTES_MAX};

/// See the head of this file.
pub struct StartupItems;

const COLUMNS: &[Column] = &[
    text("name"),
    text("path"),
    text("args"),
    text("type"),
    text("source"),
    text("status"),
    text("username"),
];

impl Table for StartupItems {
    fn name(&self) -> &'static str {
        "startup_items"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let mut homes = homes::all(scan)?;
        let mut seen = BTreeSet::new();
        homes.retain(|home| seen.insert(home.directory.clone()));
        for home in &homes {
            push_entries(scan, &home.directory.join(".config/autostart/"), Some(home))?;
            push_scripts(scan, &home.directory.join(".config/autostart-scripts/"), Some(home))?;
        }
        push_scripts(scan, Path::new("/etc/init.d/"), None)?;
        push_entries(scan, Path::new("/etc/xdg/autostart/"), None)?;
        push_units(scan)
    }
}

/// The desktop entries in a directory.
fn push_entries(
    scan: &mut Scan<'_>,
    directory: &Path,
    home: Option<&Home>,
) -> Result<(), TableError> {
    for path in files(scan, directory)? {
        let content = match home {
            Some(home) => home.text(scan, &path, USER_FILE_BYTES_MAX),
            None => read::text(&scan.host().at(&path), ETC_FILE_BYTES_MAX).ok(),
        };
        let content = content.unwrap_or_default();
        let is_hidden = entry_value(&content, "Hidden") == Some("true");
        let row = scan
            .row()
            .set("name", entry_value(&content, "Name"))
            .set("path", entry_value(&content, "Exec"))
            .set("type", "Startup Item")
            .set("source", directory)
            .set("status", if is_hidden { "disabled" } else { "enabled" })
            .set("username", home.map(|home| home.username.as_str()));
        scan.push(row)?;
    }
    Ok(())
}

/// A value of the first group of a desktop entry, which describes the entry itself.
fn entry_value<'c>(content: &'c str, wanted: &str) -> Option<&'c str> {
    let is_action = |line: &&str| line.starts_with('[') && *line != "[Desktop Entry]";
    let mut lines = content.lines().map(str::trim).take_while(|line| !is_action(line));
    lines.find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim_end() == wanted).then(|| value.trim_start())
    })
}

/// The scripts in a directory.
fn push_scripts(
    scan: &mut Scan<'_>,
    directory: &Path,
    home: Option<&Home>,
) -> Result<(), TableError> {
    for path in files(scan, directory)? {
        let row = scan
            .row()
            .set("name", path.file_name())
            .set("path", path.as_path())
            .set("type", "Startup Item")
            .set("source", directory)
            .set("status", "enabled")
            .set("username", home.map(|home| home.username.as_str()));
        scan.push(row)?;
    }
    Ok(())
}

fn files(scan: &Scan<'_>, directory: &Path) -> Result<Vec<PathBuf>, TableError> {
    let mut found = glob::expand_on_host(&directory.join("%"), scan)?;
    found.retain(|path| scan.host().at(path).is_file());
    Ok(found)
}

fn push_units(scan: &mut Scan<'_>) -> Result<(), TableError> {
    let Some(mut manager) = Manager::connect(scan) else { return Ok(()) };
    for unit in manager.units() {
        let mut row = scan
            .row()
            .set("name", unit.id.as_str())
            .set("type", "systemd unit")
            .set("status", unit.active_state.as_str());
        for (column, property) in [("path", "FragmentPath"), ("source", "SourcePath")] {
            if scan.wants(&[column]) {
                row = row.set(column, manager.property(scan, &unit, UNIT, property)?);
            }
        }
        if scan.wants(&["username"]) {
            row = row.set("username", manager.user(scan, &unit)?);
        }
        scan.push(row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::entry_value;

    #[test]
    fn values_are_those_of_the_entry_itself() {
        let content = "# c\n[Desktop Entry]\nName=Agent\nExec = /bin/a --b=c\n\
                       [Desktop Action x]\nHidden=true\nName=Other\n";
        assert_eq!(entry_value(content, "Name"), Some("Agent"));
        assert_eq!(entry_value(content, "Exec"), Some("/bin/a --b=c"));
        assert_eq!(entry_value(content, "Hidden"), None);
        assert_eq!(entry_value("\u{fffd}", "Name"), None);
    }
}
