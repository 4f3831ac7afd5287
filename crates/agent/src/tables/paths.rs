// SPDX-License-Identifier: Apache-2.0
//! Which files a query of `file` or `hash` means: the constraints on `path` and `directory`
//! turned into a list of paths.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Scan, TableError, glob};
use crate::limits::GLOB_FILES_MAX;

/// A file that the query means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The path as the query wrote it, or as it was found; SQLite compares it again.
    pub path: PathBuf,
    /// The directory, likewise.
    pub directory: PathBuf,
}

/// The files meant by all constraints of the scan together. A path is looked up; a directory is
/// listed, one level; a pattern is expanded first.
///
/// # Errors
/// When a pattern matches too much or the query must end.
pub fn targets(scan: &Scan<'_>) -> Result<BTreeSet<Target>, TableError> {
    let mut targets = BTreeSet::new();
    let (paths, patterns) = (scan.equals("path"), scan.likes("path"));
    for path in &paths {
        targets.insert(by_path(PathBuf::from(path)));
    }
    for pattern in &patterns {
        targets.extend(glob::expand(pattern, scan)?.into_iter().map(by_path));
    }
    if !paths.is_empty() || !patterns.is_empty() {
        return Ok(targets);
    }
    for directory in scan.equals("directory") {
        list(Path::new(directory), scan, &mut targets)?;
    }
    for pattern in scan.likes("directory") {
        for directory in glob::expand(pattern, scan)? {
            if directory.is_dir() {
                list(&directory, scan, &mut targets)?;
            }
        }
    }
    Ok(targets)
}

fn by_path(path: PathBuf) -> Target {
    let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
    Target { path, directory }
}

/// The entries of a directory; one that cannot be read has none.
fn list(
    directory: &Path,
    scan: &Scan<'_>,
    targets: &mut BTreeSet<Target>,
) -> Result<(), TableError> {
    let is_absolute = directory.is_absolute();
    let Some(entries) = fs::read_dir(directory).ok().filter(|_| is_absolute) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        scan.check()?;
        if targets.len() >= GLOB_FILES_MAX {
            return Err(scan.too_much(format!("{GLOB_FILES_MAX} files")));
        }
        targets.insert(Target { path: entry.path(), directory: directory.to_owned() });
    }
    Ok(())
}
