// SPDX-License-Identifier: Apache-2.0
//! File patterns as osquery reads them from `LIKE` on a path: `%` stands for any text within one
//! component, a last component `%%` for everything below, to a bounded depth.
//!
//! Unlike the C library's glob it matches names that start with a dot, because SQL's LIKE does
//! and because hidden files are what is often looked for. Symbolic links to directories are
//! matched but never descended into, so there are no loops.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Scan, TableError};
use crate::limits::{GLOB_DEPTH_MAX, GLOB_FILES_MAX};

/// Paths that exist and match `pattern`, sorted within each directory. A pattern that is not
/// absolute matches nothing.
///
/// # Errors
/// Over [`GLOB_FILES_MAX`] files, or when the query must end.
pub fn expand(pattern: &str, scan: &Scan<'_>) -> Result<Vec<PathBuf>, TableError> {
    let Some(relative) = pattern.strip_prefix('/') else { return Ok(Vec::new()) };
    let mut walk = Walk { scan, seen: 0 };
    let mut found = vec![PathBuf::from("/")];
    let components: Vec<&str> = relative.split('/').filter(|part| !part.is_empty()).collect();
    let Some(last) = components.last() else { return Ok(found) };
    for (index, component) in components.iter().enumerate() {
        let is_last = index + 1 == components.len();
        let mut next = Vec::new();
        for parent in &found {
            if is_last && *component == "%%" {
                walk.below(parent, GLOB_DEPTH_MAX, &mut next)?;
            } else if component.contains('%') {
                walk.matching(parent, component, &mut next)?;
            } else {
                next.push(parent.join(component));
            }
        }
        found = next;
    }
    // What a directory listed exists; what was only put together may not.
    if !last.contains('%') {
        found.retain(|path| fs::symlink_metadata(path).is_ok());
    }
    Ok(found)
}

/// The same for a pattern of paths on the host, whose files may be below another root.
///
/// # Errors
/// As [`expand`].
pub fn expand_on_host(pattern: &Path, scan: &Scan<'_>) -> Result<Vec<PathBuf>, TableError> {
    let Some(place) = scan.host().at(pattern).to_str().map(str::to_owned) else {
        return Ok(Vec::new());
    };
    let found = expand(&place, scan)?;
    Ok(found.iter().map(|path| scan.host().path_of(path)).collect())
}

struct Walk<'w, 's> {
    scan: &'w Scan<'s>,
    seen: usize,
}

impl Walk<'_, '_> {
    fn matching(
        &mut self,
        parent: &Path,
        component: &str,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), TableError> {
        let names = self.names(parent)?;
        let matching = names.into_iter().filter(|(name, _)| matches(component, name));
        found.extend(matching.map(|(name, _)| parent.join(name)));
        Ok(())
    }

    fn below(
        &mut self,
        parent: &Path,
        depth: usize,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), TableError> {
        if depth == 0 {
            return Ok(());
        }
        for (name, is_directory) in self.names(parent)? {
            let path = parent.join(name);
            found.push(path.clone());
            if is_directory {
                self.below(&path, depth - 1, found)?;
            }
        }
        Ok(())
    }

    /// Names in a directory, sorted, and whether each is a directory itself. A directory that
    /// cannot be read has none, as for a shell.
    fn names(&mut self, directory: &Path) -> Result<Vec<(OsString, bool)>, TableError> {
        self.scan.check()?;
        let Ok(entries) = fs::read_dir(directory) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            self.seen += 1;
            if self.seen > GLOB_FILES_MAX {
                return Err(self.scan.too_much(format!("{GLOB_FILES_MAX} files")));
            }
            if self.seen.is_multiple_of(1_000) {
                self.scan.check()?;
            }
            let Ok(entry) = entry else { break };
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            names.push((entry.file_name(), is_directory));
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Whether a name matches a component in which each run of `%` stands for any text.
fn matches(component: &str, name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let mut rest: &str = &name;
    let pieces: Vec<&str> = component.split('%').collect();
    let (Some((first, middle)), Some(last)) = (pieces.split_first(), pieces.last()) else {
        return false;
    };
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    // Leftmost matches of the middle pieces leave the most room for the last one.
    for piece in middle.iter().take(middle.len().saturating_sub(1)) {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_percent_sign_stands_for_any_text() {
        for (component, name, expected) in [
            ("%", "anything", true),
            ("%", ".hidden", true),
            ("%.conf", "a.conf", true),
            ("%.conf", "a.config", false),
            ("host%", "hosts", true),
            ("host%", "ghosts", false),
            ("a%b%c", "aXbYc", true),
            ("a%b%c", "aXcYb", false),
            ("a%a", "a", false),
            ("ab%ba", "aba", false),
            ("%%", "x", true),
            ("x%y%y", "xy", false),
            ("x%y%y", "xyy", true),
        ] {
            assert_eq!(matches(component, name.as_ref()), expected, "{component} {name}");
        }
    }
}
