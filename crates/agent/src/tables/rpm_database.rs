// SPDX-License-Identifier: Apache-2.0
//! RPM's database in the two forms that are in use: one file of SQLite, and `ndb` (SUSE), a file
//! of slots and blobs. The older form in Berkeley DB is not read: it has no rows, and the log says
//! so. Nothing is ever written, no lock is taken, no program is run.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::{Scan, TableError, read};
use crate::limits::RPM_HEADER_BYTES_MAX;

/// Where distributions keep it: most, Fedora and SUSE, and systems on OSTree.
const DIRECTORIES: [&str; 3] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

/// Gives the header of each installed package to `take`. Without a database there are none.
///
/// # Errors
/// When a database is damaged, or `take` fails.
pub fn each_header(
    scan: &mut Scan<'_>,
    mut take: impl FnMut(&mut Scan<'_>, &[u8]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    for directory in DIRECTORIES.map(|path| scan.host().at(Path::new(path))) {
        let (sqlite, ndb) = (directory.join("rpmdb.sqlite"), directory.join("Packages.db"));
        if sqlite.exists() {
            return each_of_sqlite(scan, &sqlite, &mut take);
        }
        if ndb.exists() {
            return each_of_ndb(scan, &ndb, &mut take);
        }
        if directory.join("Packages").exists() {
            tracing::warn!("the RPM database is in Berkeley DB, which this agent does not read");
            return Ok(());
        }
    }
    Ok(())
}

type Take<'t> = dyn FnMut(&mut Scan<'_>, &[u8]) -> Result<(), TableError> + 't;

fn each_of_sqlite(scan: &mut Scan<'_>, path: &Path, take: &mut Take<'_>) -> Result<(), TableError> {
    // The checks that every file of a table must pass.
    drop(read::open(path).map_err(|error| scan.unreadable(error))?);
    let damaged = |scan: &Scan<'_>, error: rusqlite::Error| {
        scan.unreadable(io::Error::other(format!("{}: {error}", path.display())))
    };
    let db = connect(path).map_err(|error| damaged(scan, error))?;
    let sql = "SELECT blob FROM Packages WHERE typeof(blob) = 'blob'";
    let mut statement = db.prepare(sql).map_err(|error| damaged(scan, error))?;
    let mut rows = statement.raw_query();
    loop {
        scan.check()?;
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(error) => return Err(damaged(scan, error)),
        };
        let blob = row.get_ref(0).map_err(|error| damaged(scan, error))?;
        if let Ok(Some(header)) = blob.as_blob_or_null() {
            take(scan, header)?;
        }
    }
}

/// Opens for reading alone. RPM leaves a write-ahead log only while it runs or after a crash;
/// without one the file is read as it is. Nothing is created beside it: a log that cannot be read
/// without is left out, with a line in the agent's log.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let has_log = path.with_extension("sqlite-wal").metadata().is_ok_and(|log| log.len() > 0);
    if has_log {
        match checked(path, "readonly_shm=1") {
            Ok(db) => return Ok(db),
            Err(error) => tracing::warn!("the log of the RPM database is left out: {error}"),
        }
    }
    checked(path, "immutable=1")
}

fn checked(path: &Path, option: &str) -> rusqlite::Result<Connection> {
    let address = format!("file:{}?{option}", escaped(path));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(address, flags)?;
    let header_bytes = i32::try_from(RPM_HEADER_BYTES_MAX).unwrap_or(i32::MAX);
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, header_bytes)?;
    db.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    // A view of this name could be anything.
    let sql = "SELECT count(*) FROM sqlite_schema
               WHERE type = 'table' AND name = 'Packages' AND sql LIKE 'CREATE TABLE%'";
    let tables: i64 = db.query_row(sql, [], |row| row.get(0))?;
    match tables {
        1 => Ok(db),
        _ => Err(rusqlite::Error::InvalidQuery),
    }
}

/// A path as part of an address (`https://www.sqlite.org/uri.html`).
fn escaped(path: &Path) -> String {
    let plain = |c: char| !matches!(c, '?' | '#' | '%');
    path.to_string_lossy().chars().fold(String::new(), |mut text, c| {
        match plain(c) {
            true => text.push(c),
            false => text.push_str(&format!("%{:02X}", u32::from(c))),
        }
        text
    })
}

/// Layout of ndb (RPM's `lib/backend/ndb/rpmpkg.c`); numbers are little-endian.
mod ndb {
    pub const PAGE_BYTES: u64 = 4_096;
    pub const SLOT_BYTES: usize = 16;
    pub const BLOCK_BYTES: u64 = 16;
    /// The header of the file takes the place of the first slots.
    pub const HEADER_BYTES: usize = 32;
    pub const FILE_MAGIC: u32 = u32::from_le_bytes(*b"RpmP");
    pub const SLOT_MAGIC: u32 = u32::from_le_bytes(*b"Slot");
    pub const BLOB_MAGIC: u32 = u32::from_le_bytes(*b"BlbS");
    /// Pages of slots that are read: room for four million packages.
    pub const SLOT_PAGES_MAX: u32 = 16_384;
}

fn each_of_ndb(scan: &mut Scan<'_>, path: &Path, take: &mut Take<'_>) -> Result<(), TableError> {
    let file = read::open(path).map_err(|error| scan.unreadable(error))?;
    let Some(pages) = slot_pages(&file) else {
        let message = format!("{} is no database of the form ndb, version 0", path.display());
        return Err(scan.unreadable(io::Error::other(message)));
    };
    let mut page = vec![0; usize::try_from(ndb::PAGE_BYTES).unwrap_or_default()];
    for number in 0..pages {
        if file.read_exact_at(&mut page, u64::from(number) * ndb::PAGE_BYTES).is_err() {
            break;
        }
        let skipped = if number == 0 { ndb::HEADER_BYTES } else { 0 };
        for slot in page[skipped..].as_chunks::<{ ndb::SLOT_BYTES }>().0 {
            scan.check()?;
            if let Some(header) = blob(&file, slot) {
                take(scan, &header)?;
            }
        }
    }
    Ok(())
}

/// How many pages of slots the file begins with.
fn slot_pages(file: &File) -> Option<u32> {
    let mut header = [0; ndb::HEADER_BYTES];
    file.read_exact_at(&mut header, 0).ok()?;
    let (magic, version, pages) = (word(&header, 0)?, word(&header, 1)?, word(&header, 3)?);
    let is_known = magic == ndb::FILE_MAGIC && version == 0;
    (is_known && pages <= ndb::SLOT_PAGES_MAX).then_some(pages)
}

/// What a slot leads to; `None` for empty slots and for what does not fit together.
fn blob(file: &File, slot: &[u8]) -> Option<Vec<u8>> {
    let [magic, package, offset, blocks] = [0, 1, 2, 3].map(|index| word(slot, index));
    let is_used = magic? == ndb::SLOT_MAGIC && package? != 0;
    let at = u64::from(offset.filter(|_| is_used)?) * ndb::BLOCK_BYTES;
    let mut head = [0; 16];
    file.read_exact_at(&mut head, at).ok()?;
    let length = word(&head, 3)?;
    let room = u64::from(blocks?) * ndb::BLOCK_BYTES;
    let fits = u64::from(length) + 16 <= room && length <= RPM_HEADER_BYTES_MAX;
    let is_whole = word(&head, 0)? == ndb::BLOB_MAGIC && word(&head, 1)? == package?;
    if !fits || !is_whole {
        return None;
    }
    let mut content = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut content, at + 16).ok()?;
    Some(content)
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    bytes.as_chunks::<4>().0.get(index).map(|word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::escaped;
    use std::path::Path;

    #[test]
    fn paths_are_escaped_in_addresses() {
        assert_eq!(escaped(Path::new("/a b/50%?#ü")), "/a b/50%25%3F%23ü");
    }
}
