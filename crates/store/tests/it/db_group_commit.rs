// SPDX-License-Identifier: Apache-2.0
//! The writer of a SQLite file puts waiting work into one commit without letting one unit's
//! failure touch another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use mimir_store::db::{ConstraintKind, Db, DbError, Tx};
use mimir_store::testing::TestDb;
use mimir_store::values;

use crate::db_support::{LIMIT, note, note_ids, notes, tables, wait_until};

/// Occupies the writer until the returned sender is used, so that work piles up behind it.
fn occupy(db: &Db) -> (mpsc::Sender<()>, JoinHandle<Result<(), DbError>>) {
    let (release, wait) = mpsc::channel::<()>();
    let (entered, wait_entered) = mpsc::channel();
    let db = db.clone();
    let wait = Arc::new(Mutex::new(wait));
    let thread = std::thread::spawn(move || {
        db.write(move |_| -> Result<(), DbError> {
            // Run again, alone, when the group could not be committed: then it need not wait.
            if entered.send(()).is_ok() {
                wait.lock().unwrap().recv_timeout(LIMIT).unwrap();
            }
            Ok(())
        })
    });
    wait_entered.recv_timeout(LIMIT).unwrap();
    (release, thread)
}

/// Queues the units while the writer is occupied, lets it go on, and collects their answers.
fn together<F>(db: &Db, units: Vec<F>) -> Vec<Result<(), DbError>>
where
    F: FnMut(&mut Tx<'_>) -> Result<(), DbError> + Send + 'static,
{
    let (release, occupant) = occupy(db);
    let count = units.len() as u64;
    let threads: Vec<_> = units
        .into_iter()
        .zip(1..)
        .map(|(unit, position)| {
            let thread = std::thread::spawn({
                let db = db.clone();
                move || db.write(unit)
            });
            // One after the other, so that they are queued in their order.
            wait_until("the unit is queued", || db.stats().waiting == position);
            thread
        })
        .collect();
    assert_eq!(db.stats().waiting, count);
    release.send(()).unwrap();
    assert_eq!(occupant.join().unwrap(), Ok(()));
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn failures_harm_only_their_own_unit() {
    let db = TestDb::sqlite_file();
    notes(&db);
    let units = (0..30_i64).map(|id| {
        move |tx: &mut Tx<'_>| {
            note(tx, id, "x")?;
            match id % 5 {
                1 => Err(DbError::Full),
                2 => panic!("on purpose"),
                3 => note(tx, id, "the same id again"),
                _ => Ok(()),
            }
        }
    });
    let answers = together(&db, units.collect());
    for (id, answer) in answers.iter().enumerate() {
        match id % 5 {
            1 => assert_eq!(answer, &Err(DbError::Full)),
            2 => assert_eq!(answer, &Err(DbError::Panicked("on purpose".to_owned()))),
            3 => assert_eq!(answer, &Err(DbError::Conflict { constraint: "notes.id".into() })),
            _ => assert_eq!(answer, &Ok(())),
        }
    }
    let kept: Vec<i64> = (0..30).filter(|id| matches!(id % 5, 0 | 4)).collect();
    assert_eq!(note_ids(&db), kept);
}

#[test]
fn waiting_work_shares_commits() {
    let db = TestDb::sqlite_file();
    notes(&db);
    let before = db.stats();
    let units = (0..60_i64).map(|id| move |tx: &mut Tx<'_>| note(tx, id, "x"));
    assert!(together(&db, units.collect()).iter().all(Result::is_ok));
    let after = db.stats();
    assert_eq!(after.units - before.units, 61);
    // Usually 2 commits; a slow machine may need more, because a group is limited in time.
    assert!(after.commits - before.commits < 30, "{after:?}");
    assert!(after.largest_group > 2, "{after:?}");
}

#[test]
fn callers_are_answered_after_the_common_commit_only() {
    let db = TestDb::sqlite_file();
    notes(&db);
    let (release, occupant) = occupy(&db);
    let answered = Arc::new(AtomicUsize::new(0));
    let (entered, wait_entered) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let first = std::thread::spawn({
        let (db, answered) = (db.db().clone(), Arc::clone(&answered));
        move || {
            db.write(|tx| note(tx, 1, "x")).unwrap();
            answered.fetch_add(1, Ordering::SeqCst);
        }
    });
    wait_until("the first is queued", || db.stats().waiting == 1);
    let second = std::thread::spawn({
        let (db, wait) = (db.db().clone(), Arc::new(Mutex::new(wait)));
        move || {
            db.write(move |tx| -> Result<(), DbError> {
                // The first is done, in the same transaction.
                assert_eq!(crate::db_support::ids(tx)?, [1]);
                entered.send(()).unwrap();
                wait.lock().unwrap().recv_timeout(LIMIT).unwrap();
                Ok(())
            })
        }
    });
    wait_until("the second is queued", || db.stats().waiting == 2);
    release.send(()).unwrap();
    wait_entered.recv_timeout(LIMIT).unwrap();
    assert!(note_ids(&db).is_empty(), "nobody sees it before the commit");
    assert_eq!(answered.load(Ordering::SeqCst), 0, "and its caller has no answer");
    go_on.send(()).unwrap();
    assert_eq!(second.join().unwrap(), Ok(()));
    first.join().unwrap();
    assert_eq!(occupant.join().unwrap(), Ok(()));
    assert_eq!(note_ids(&db), [1]);
}

#[test]
fn a_rule_broken_at_commit_is_charged_to_its_breaker() {
    let db = TestDb::sqlite_file();
    tables(
        &db,
        &[
            "create table notes (id bigint primary key, text text)",
            "create table links (note bigint references notes (id) deferrable initially deferred)",
        ],
    );
    let units = (0..10_i64).map(|id| {
        move |tx: &mut Tx<'_>| {
            // Number 4 refers to a note that never comes.
            tx.execute_one("insert into links (note) values ($1)", &values![id])?;
            if id == 4 { Ok(()) } else { note(tx, id, "x") }
        }
    });
    let answers = together(&db, units.collect());
    for (id, answer) in answers.iter().enumerate() {
        match answer {
            Ok(()) => assert_ne!(id, 4),
            Err(DbError::Constraint { kind: ConstraintKind::ForeignKey, .. }) => assert_eq!(id, 4),
            other => panic!("{id}: {other:?}"),
        }
    }
    assert_eq!(note_ids(&db), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
}

#[test]
fn a_full_disk_fails_the_unit_that_filled_it() {
    let db = TestDb::sqlite_file();
    notes(&db);
    let limit = |pages: &'static str| {
        db.write(move |tx| tx.query_one(pages, &[]).map(drop)).unwrap();
    };
    limit("pragma max_page_count = 30");
    let units = (0..10_i64).map(|id| {
        move |tx: &mut Tx<'_>| {
            let text = if id == 6 { "x".repeat(1 << 20) } else { "x".to_owned() };
            note(tx, id, &text)
        }
    });
    let answers = together(&db, units.collect());
    for (id, answer) in answers.iter().enumerate() {
        let wanted = if id == 6 { Err(DbError::Full) } else { Ok(()) };
        assert_eq!(answer, &wanted, "{id}");
    }
    assert_eq!(note_ids(&db), [0, 1, 2, 3, 4, 5, 7, 8, 9]);
    limit("pragma max_page_count = 1000000");
    db.write(|tx| note(tx, 6, &"x".repeat(1 << 20))).unwrap();
    assert_eq!(note_ids(&db).len(), 10);
}

#[test]
fn queued_work_is_finished_before_the_database_closes() {
    let test = TestDb::sqlite_file();
    notes(&test);
    let db = Db::open(test.url()).unwrap();
    let (release, occupant) = occupy(&db);
    let writer = std::thread::spawn({
        let db = db.clone();
        move || db.write(|tx| note(tx, 1, "x"))
    });
    wait_until("the work is queued", || db.stats().waiting == 1);
    drop(db);
    release.send(()).unwrap();
    assert_eq!(writer.join().unwrap(), Ok(()));
    assert_eq!(occupant.join().unwrap(), Ok(()));
    assert_eq!(note_ids(&test), [1]);
}
