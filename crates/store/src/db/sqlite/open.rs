// SPDX-License-Identifier: Apache-2.0
//! Opening SQLite connections with Mimir's settings, and guarding the file's permissions: it
//! holds what endpoints answered, so only the server's user may read it.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::from_sqlite;
use crate::db::DbError;

/// How long to wait for another process (a backup tool, a second server) to release the file.
const BUSY: Duration = Duration::from_secs(10);
/// Prepared statements kept per connection; the store has fewer.
const STATEMENTS: usize = 256;
/// The owner may read and write, nobody else may do anything.
pub(super) const FILE_MODE: u32 = 0o600;

/// WAL pages (of 4 KiB) after which a commit copies the log into the database: 16 MiB.
/// The log file is cut back to 64 MiB when readers made it grow beyond that.
const WRITER_SETTINGS: &str = "
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma fullfsync = on;
    pragma checkpoint_fullfsync = on;
    pragma wal_autocheckpoint = 4096;
    pragma journal_size_limit = 67108864;
    pragma cache_size = -65536;
";

const READER_SETTINGS: &str = "
    pragma query_only = on;
    pragma cache_size = -16384;
";

const COMMON_SETTINGS: &str = "
    pragma foreign_keys = on;
    pragma temp_store = memory;
    pragma cell_size_check = on;
    pragma trusted_schema = off;
";

/// The connection that writes; makes the file if there is none.
pub(super) fn writer(path: &Path) -> Result<Connection, DbError> {
    create_private(path)?;
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settle(&conn, WRITER_SETTINGS)?;
    let mode: String = conn
        .query_row("pragma journal_mode", [], |row| row.get(0))
        .map_err(|error| from_sqlite(&error))?;
    if mode != "wal" {
        let reason = format!("journal mode is {mode}; put the file on a local file system");
        return Err(DbError::file(path, reason));
    }
    Ok(conn)
}

/// A connection that only reads an existing database.
pub(super) fn reader(path: &Path) -> Result<Connection, DbError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    settle(&conn, READER_SETTINGS)?;
    Ok(conn)
}

/// A fresh database in memory.
pub(super) fn memory() -> Result<Connection, DbError> {
    let conn = Connection::open_in_memory().map_err(|error| from_sqlite(&error))?;
    settle(&conn, "")?;
    Ok(conn)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, DbError> {
    // No SQLITE_OPEN_URI: a path is a path, whatever characters it has.
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| DbError::file(path, from_sqlite(&error)))
}

fn settle(conn: &Connection, special: &str) -> Result<(), DbError> {
    let settle = || {
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // A text in double quotes that is no column shall be an error, as on PostgreSQL.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        conn.execute_batch(COMMON_SETTINGS)?;
        conn.execute_batch(special)
    };
    settle().map_err(|error| from_sqlite(&error))
}

/// Makes the file with the right permissions from the first moment, or tightens those of an
/// existing one. SQLite gives the files beside it (`-wal`, `-shm`) the same permissions.
fn create_private(path: &Path) -> Result<(), DbError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|error| DbError::file(path, error))?;
    let mode = file.metadata().map_err(|error| DbError::file(path, error))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others could read the database; now they cannot");
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            match std::fs::set_permissions(&name, Permissions::from_mode(FILE_MODE)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(DbError::file(Path::new(&name), error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
