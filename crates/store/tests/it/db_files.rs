// SPDX-License-Identifier: Apache-2.0
//! The files of a SQLite database: who may read them, what a backup holds, what is no database.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use mimir_store::db::{DatabaseUrl, Db, DbError};
use mimir_store::testing::TestDb;
use mimir_store::values;

use crate::db_support::{note, note_ids, notes, tables, wait_until};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn open(path: &Path) -> Result<Db, DbError> {
    Db::open(&DatabaseUrl::Sqlite(path.to_owned()))
}

#[test]
fn only_the_owner_can_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mimir.db");
    let files = || fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    {
        let db = open(&path).unwrap();
        notes(&db);
        assert!(files().count() >= 2, "the log lies beside the database");
        files().for_each(|file| assert_eq!(mode(&file), 0o600, "{}", file.display()));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let db = open(&path).unwrap();
    db.write(|tx| note(tx, 1, "x")).unwrap();
    files().for_each(|file| assert_eq!(mode(&file), 0o600, "{}", file.display()));
}

#[test]
fn what_was_committed_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("with ? and #.db");
    {
        let db = open(&path).unwrap();
        notes(&db);
        db.write(|tx| note(tx, 1, "x")).unwrap();
    }
    assert_eq!(note_ids(&open(&path).unwrap()), [1]);
}

#[test]
fn unusable_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("mimir.db");
    let error = open(&missing).unwrap_err();
    assert!(matches!(error, DbError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("missing"), "{error}");
    let text = folder.path().join("text");
    fs::write(&text, "this is no database, ".repeat(100)).unwrap();
    let error = open(&text).unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
    assert!(open(folder.path()).is_err());
}

#[test]
fn a_backup_under_load_is_one_state() {
    let db = TestDb::sqlite_file();
    tables(&db, &["create table debit (n bigint, filler text)", "create table credit (n bigint)"]);
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0_i64;
            while !stop.load(Ordering::Relaxed) {
                db.write(move |tx| -> Result<(), DbError> {
                    let filler = "x".repeat(2000);
                    tx.execute("insert into debit values ($1, $2)", &values![number, filler])?;
                    tx.execute("insert into credit values ($1)", &values![number]).map(drop)
                })
                .unwrap();
                number += 1;
            }
        });
        for number in 0..3 {
            let before = db.stats().commits;
            wait_until("there are more rows", || db.stats().commits > before + 20);
            let target = folder.path().join(format!("{number}.db"));
            db.backup_to(&target).unwrap();
            assert_eq!(mode(&target), 0o600);
        }
        stop.store(true, Ordering::Relaxed);
    });
    // Nothing but the backups: no log beside them, no unfinished file.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    for number in 0..3 {
        let copy = open(&folder.path().join(format!("{number}.db"))).unwrap();
        let sql = "select (select count(*) from debit), (select count(*) from credit)";
        let row = copy.read(move |tx| tx.query_one(sql, &[])).unwrap();
        let (debit, credit) = (row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap());
        assert!(debit > 20, "{debit}");
        assert_eq!(debit, credit);
    }
}

#[test]
fn a_backup_replaces_nothing() {
    let db = TestDb::sqlite_memory();
    notes(&db);
    db.write(|tx| note(tx, 1, "x")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("backup.db");
    fs::write(&target, "precious").unwrap();
    let error = db.backup_to(&target).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    let nowhere = folder.path().join("missing").join("backup.db");
    assert!(matches!(db.backup_to(&nowhere), Err(DbError::File { .. })));
    let target = folder.path().join("other.db");
    db.backup_to(&target).unwrap();
    assert_eq!(note_ids(&open(&target).unwrap()), [1]);
}
