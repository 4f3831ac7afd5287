// SPDX-License-Identifier: Apache-2.0
//! `sudoers`: the rules of `/etc/sudoers` and of the files it includes, a row a rule, split after
//! the first word. The grammar inside a rule is not interpreted.

use std::io;
use std::path::{Path, PathBuf};

use super::{Column, Scan, Table, TableError, glob, read, text};
use crate::limits::{ETC_FILE_BYTES_MAX, SUDOERS_DEPTH_MAX, SUDOERS_FILES_MAX};

/// See the head of this file.
pub struct Sudoers;

const COLUMNS: &[Column] = &[text("source"), text("header"), text("rule_details")];

const SYSTEM_FILE: &str = "/etc/sudoers";
/// What separates words.
const BLANKS: [char; 3] = [' ', '\t', '\u{b}'];

impl Table for Sudoers {
    fn name(&self) -> &'static str {
        "sudoers"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        Reader { scan, files: 0, open: Vec::new() }.read(PathBuf::from(SYSTEM_FILE))
    }
}

struct Reader<'r, 's> {
    scan: &'r mut Scan<'s>,
    files: usize,
    /// The files that include each other down to the one being read.
    open: Vec<PathBuf>,
}

impl Reader<'_, '_> {
    /// The rules of a file and of those it includes, in their places. One that includes itself
    /// is not read again.
    fn read(&mut self, path: PathBuf) -> Result<(), TableError> {
        if self.open.len() >= SUDOERS_DEPTH_MAX || self.open.contains(&path) {
            tracing::warn!("{} is included too deep or by itself", path.display());
            return Ok(());
        }
        self.files += 1;
        if self.files > SUDOERS_FILES_MAX {
            return Err(self.scan.too_much(format!("{SUDOERS_FILES_MAX} included files")));
        }
        let content = match read::text(&self.scan.host().at(&path), ETC_FILE_BYTES_MAX) {
            Ok(content) => content,
            // Without rights, as without the file, osquery has no rows either.
            Err(error) if error.kind() != io::ErrorKind::FileTooLarge => return Ok(()),
            Err(error) => return Err(self.scan.unreadable(error)),
        };
        self.open.push(path.clone());
        for rule in rules(&content) {
            let row = self.scan.row().set("source", path.as_path()).set("header", rule.header);
            self.scan.push(row.set("rule_details", rule.details.as_str()))?;
            let directory = path.parent().unwrap_or(Path::new("/"));
            let target = directory.join(&rule.details);
            match rule.include {
                Some(Include::File) => self.read(target)?,
                Some(Include::Directory) => self.read_directory(&target)?,
                None => {}
            }
        }
        self.open.pop();
        Ok(())
    }

    /// Files with a dot in their names, or a tilde at the end, are backups and left alone by sudo.
    fn read_directory(&mut self, directory: &Path) -> Result<(), TableError> {
        for path in glob::expand_on_host(&directory.join("%"), self.scan)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_file = self.scan.host().at(&path).is_file();
            if is_file && !name.contains('.') && !name.ends_with('~') {
                self.read(path)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Include {
    File,
    Directory,
}

/// A rule: its first word and the rest.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    header: String,
    details: String,
    include: Option<Include>,
}

/// The rules of a file. A line that ends in a backslash goes on in the next one.
fn rules(content: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut is_continued = false;
    for line in content.lines().map(|line| line.trim_matches(BLANKS)) {
        let (text, goes_on) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        if is_continued && let Some(rule) = rules.last_mut() {
            rule.details.push_str(text);
            is_continued = goes_on;
            continue;
        }
        let (header, details) = text.split_once(BLANKS).unwrap_or((text, ""));
        let details = match goes_on {
            true => details.trim_start_matches(BLANKS),
            false => details.trim_matches(BLANKS),
        };
        let include = match header {
            "#include" | "@include" => Some(Include::File),
            "#includedir" | "@includedir" => Some(Include::Directory),
            _ => None,
        };
        let is_comment = match include {
            Some(_) => details.is_empty(),
            None => header.is_empty() || header.starts_with('#'),
        };
        if is_comment {
            continue;
        }
        is_continued = goes_on && include.is_none();
        let (header, details) = (header.to_owned(), unescaped(details, include));
        rules.push(Rule { header, details, include });
    }
    rules
}

/// The name of an included file may stand in quotes, with `\ ` for a blank.
fn unescaped(details: &str, include: Option<Include>) -> String {
    match include {
        Some(_) => details.trim_matches('"').replace("\\ ", " "),
        None => details.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Include, Rule, rules};

    #[test]
    fn rules_are_split_after_the_first_word() {
        let content = "# comment\n\nDefaults\tenv_reset\nroot ALL=(ALL:ALL) ALL\n\
                       User_Alias OPS = ann, \\\n   bob, \\\n\tcat\nlonely\n\
                       #includedir /etc/sudoers.d\n@include local\n#include\n@includedir \n\
                       #1000 x\n\\\n";
        let rule = |header: &str, details: &str, include| Rule {
            header: header.to_owned(),
            details: details.to_owned(),
            include,
        };
        assert_eq!(
            rules(content),
            [
                rule("Defaults", "env_reset", None),
                rule("root", "ALL=(ALL:ALL) ALL", None),
                rule("User_Alias", "OPS = ann, bob, cat", None),
                rule("lonely", "", None),
                rule("#includedir", "/etc/sudoers.d", Some(Include::Directory)),
                rule("@include", "local", Some(Include::File)),
            ]
        );
        assert_eq!(rules("a \\"), [rule("a", "", None)]);
    }
}
