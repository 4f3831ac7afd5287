// SPDX-License-Identifier: Apache-2.0
//! A consistent copy of a SQLite database while it is being written to. The copy is checked and
//! flushed before it gets its final name: a file under that name is a good backup.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::from_sqlite;
use super::open::FILE_MODE;
use crate::db::DbError;

/// Copies `source` to `target`, which must not exist.
pub(super) fn to_file(source: &Connection, target: &Path) -> Result<(), DbError> {
    if target.try_exists().map_err(|error| DbError::file(target, error))? {
        return Err(DbError::file(target, "exists already; choose another name for the backup"));
    }
    let partial = beside(target);
    let result = copy(source, &partial).and_then(|()| publish(&partial, target));
    if result.is_err() {
        // Best effort: the error that matters is the one above.
        let _ = std::fs::remove_file(&partial);
    }
    result
}

fn copy(source: &Connection, partial: &Path) -> Result<(), DbError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(partial)
        .map_err(|error| DbError::file(partial, error))?;
    let mut copy = Connection::open(partial).map_err(|error| from_sqlite(&error))?;
    copy_pages(source, &mut copy)?;
    // One file without a log beside it, and proof that it can be read.
    copy.execute_batch("pragma journal_mode = delete").map_err(|error| from_sqlite(&error))?;
    let verdict: String = copy
        .query_row("pragma quick_check(1)", [], |row| row.get(0))
        .map_err(|error| from_sqlite(&error))?;
    if verdict != "ok" {
        return Err(DbError::Corrupt(verdict));
    }
    copy.close().map_err(|(_, error)| from_sqlite(&error))
}

fn copy_pages(source: &Connection, copy: &mut Connection) -> Result<(), DbError> {
    let backup = Backup::new(source, copy).map_err(|error| from_sqlite(&error))?;
    // All pages in one step read one state of the database. Several steps would have to start
    // over after each change, and under load never end. Writers are not held up meanwhile.
    match backup.step(-1).map_err(|error| from_sqlite(&error))? {
        StepResult::Done => Ok(()),
        other => Err(DbError::Unavailable(format!("the backup was held up ({other:?})"))),
    }
}

fn publish(partial: &Path, target: &Path) -> Result<(), DbError> {
    let flush = |path: &Path| {
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(|error| DbError::file(path, error))
    };
    flush(partial)?;
    // A hard link instead of a rename: it fails when somebody has made the target meanwhile.
    std::fs::hard_link(partial, target).map_err(|error| DbError::file(target, error))?;
    std::fs::remove_file(partial).map_err(|error| DbError::file(partial, error))?;
    match target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => flush(parent),
        None => flush(Path::new(".")),
    }
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}
