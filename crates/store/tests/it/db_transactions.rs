// SPDX-License-Identifier: Apache-2.0
//! Transactions keep all or nothing, show one state, and report failures alike on both engines.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use mimir_store::db::{ConstraintKind, Db, DbError};
use mimir_store::testing::TestDb;
use mimir_store::{both_engines, values};

use crate::db_support::{LIMIT, ids, note, note_ids, notes, tables};

both_engines!(empty a_failure_undoes_everything, |db: Db| {
    notes(&db);
    let failed = db.write(|tx| -> Result<(), DbError> {
        note(tx, 1, "x")?;
        Err(DbError::Full)
    });
    assert_eq!(failed, Err(DbError::Full));
    assert!(note_ids(&db).is_empty());
    db.write(|tx| note(tx, 1, "x")).unwrap();
    assert_eq!(note_ids(&db), [1]);
});

both_engines!(empty a_panic_undoes_everything_and_harms_nobody, |db: Db| {
    notes(&db);
    let failed = db.write(|tx| -> Result<(), DbError> {
        note(tx, 1, "x")?;
        panic!("on purpose: {}", 7)
    });
    assert_eq!(failed, Err(DbError::Panicked("on purpose: 7".to_owned())));
    let failed = db.read(|tx| -> Result<(), DbError> {
        tx.query("select 1", &[])?;
        panic!("on purpose")
    });
    assert_eq!(failed, Err(DbError::Panicked("on purpose".to_owned())));
    assert!(note_ids(&db).is_empty());
    db.write(|tx| note(tx, 1, "x")).unwrap();
    assert_eq!(note_ids(&db), [1]);
});

both_engines!(empty a_failed_statement_ends_the_transaction, |db: Db| {
    notes(&db);
    let passed_over = db.write(|tx| -> Result<(), DbError> {
        note(tx, 1, "x")?;
        assert!(matches!(note(tx, 1, "x"), Err(DbError::Conflict { .. })));
        assert_eq!(note(tx, 2, "x"), Err(DbError::Aborted));
        Ok(())
    });
    assert_eq!(passed_over, Err(DbError::Aborted));
    assert!(note_ids(&db).is_empty());
});

both_engines!(empty a_savepoint_confines_a_failure, |db: Db| {
    notes(&db);
    db.write(|tx| -> Result<(), DbError> {
        note(tx, 1, "x")?;
        let conflict = tx.savepoint(|tx| {
            note(tx, 2, "x")?;
            note(tx, 1, "x")
        });
        assert!(matches!(conflict, Err(DbError::Conflict { .. })), "{conflict:?}");
        let passed_over = tx.savepoint(|tx| -> Result<(), DbError> {
            note(tx, 3, "x")?;
            assert!(note(tx, 1, "x").is_err());
            Ok(())
        });
        assert_eq!(passed_over, Err(DbError::Aborted));
        tx.savepoint(|tx| -> Result<(), DbError> {
            note(tx, 4, "x")?;
            assert!(tx.savepoint(|tx| note(tx, 1, "x")).is_err());
            note(tx, 5, "x")
        })?;
        note(tx, 6, "x")
    })
    .unwrap();
    assert_eq!(note_ids(&db), [1, 4, 5, 6]);
});

both_engines!(empty reading_cannot_write, |db: Db| {
    notes(&db);
    assert_eq!(db.read(|tx| note(tx, 1, "x")), Err(DbError::ReadOnly));
    db.write(|tx| note(tx, 1, "x")).unwrap();
});

#[test]
fn reading_in_memory_cannot_write_either() {
    let db = TestDb::sqlite_memory();
    notes(&db);
    assert_eq!(db.read(|tx| note(tx, 1, "x")), Err(DbError::ReadOnly));
    assert!(matches!(
        db.read(|_| -> Result<(), DbError> { panic!("on purpose") }),
        Err(DbError::Panicked(_))
    ));
    db.write(|tx| note(tx, 1, "x")).unwrap();
    assert_eq!(note_ids(&db), [1]);
}

both_engines!(empty a_transaction_inside_another_is_refused, |db: Db| {
    notes(&db);
    let inner = db.clone();
    let result = db.write(move |tx| {
        note(tx, 1, "x")?;
        inner.write(|tx| note(tx, 2, "x"))
    });
    assert!(matches!(result, Err(DbError::Usage(_))), "{result:?}");
    let inner = db.clone();
    let result = db.read(move |_| inner.read(ids));
    assert!(matches!(result, Err(DbError::Usage(_))), "{result:?}");
    // Another database may be used, for example to copy between them.
    let other = TestDb::sqlite_memory();
    notes(&other);
    let target = other.db().clone();
    db.write(move |tx| {
        note(tx, 1, "x")?;
        target.write(|tx| note(tx, 1, "x"))
    })
    .unwrap();
    assert_eq!(note_ids(&other), [1]);
});

both_engines!(empty a_reader_sees_one_state, |db: Db| {
    notes(&db);
    db.write(|tx| note(tx, 1, "x")).unwrap();
    let (has_read, wait_for_read) = mpsc::channel();
    let (has_written, wait_for_write) = mpsc::channel();
    let reader = std::thread::spawn({
        let db = db.clone();
        let wait_for_write = Arc::new(Mutex::new(wait_for_write));
        move || {
            db.read(move |tx| -> Result<_, DbError> {
                let before = ids(tx)?;
                has_read.send(()).unwrap();
                wait_for_write.lock().unwrap().recv_timeout(LIMIT).unwrap();
                Ok((before, ids(tx)?))
            })
        }
    });
    wait_for_read.recv_timeout(LIMIT).unwrap();
    db.write(|tx| note(tx, 2, "x")).unwrap();
    has_written.send(()).unwrap();
    assert_eq!(reader.join().unwrap(), Ok((vec![1], vec![1])));
    assert_eq!(note_ids(&db), [1, 2]);
});

both_engines!(empty nothing_is_seen_before_the_commit, |db: Db| {
    notes(&db);
    let (inserted, wait_for_insert) = mpsc::channel();
    let (go_on, wait_to_go_on) = mpsc::channel();
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (db, done) = (db.clone(), Arc::clone(&done));
        let wait_to_go_on = Arc::new(Mutex::new(wait_to_go_on));
        move || {
            let result = db.write(move |tx| -> Result<(), DbError> {
                note(tx, 1, "x")?;
                inserted.send(()).unwrap();
                wait_to_go_on.lock().unwrap().recv_timeout(LIMIT).unwrap();
                Ok(())
            });
            done.store(true, Ordering::SeqCst);
            result
        }
    });
    wait_for_insert.recv_timeout(LIMIT).unwrap();
    assert!(note_ids(&db).is_empty());
    assert!(!done.load(Ordering::SeqCst));
    go_on.send(()).unwrap();
    assert_eq!(writer.join().unwrap(), Ok(()));
    assert_eq!(note_ids(&db), [1]);
});

both_engines!(empty broken_rules_have_the_same_names, |db: Db| {
    tables(
        &db,
        &[
            "create table hosts (id bigint primary key, name text not null unique,
                \"order\" bigint check (\"order\" > 0), team bigint, seat bigint, mail text)",
            "create unique index hosts_seat on hosts (team, seat)",
            "create unique index hosts_mail on hosts (lower(mail))",
            "create unique index hosts_order on hosts (\"order\")",
            "create table answers (host bigint not null references hosts (id))",
            "insert into hosts values (1, 'secret', 1, 1, 1, 'a@b')",
        ],
    );
    let run = |sql: &'static str| db.write(move |tx| tx.execute(sql, &[])).unwrap_err();
    for (sql, constraint) in [
        ("insert into hosts values (1, 'b', 2, 2, 2, 'x')", "hosts.id"),
        ("insert into hosts values (2, 'secret', 2, 2, 2, 'x')", "hosts.name"),
        ("insert into hosts values (2, 'b', 1, 2, 2, 'x')", "hosts.order"),
        ("insert into hosts values (2, 'b', 2, 1, 1, 'x')", "hosts.team, hosts.seat"),
        ("insert into hosts values (2, 'b', 2, 2, 2, 'A@B')", "hosts_mail"),
    ] {
        assert_eq!(run(sql), DbError::Conflict { constraint: constraint.to_owned() });
    }
    for (sql, wanted) in [
        ("insert into answers values (7)", ConstraintKind::ForeignKey),
        ("insert into answers values (null)", ConstraintKind::NotNull),
        ("insert into hosts values (2, 'b', -5, 2, 2, 'x')", ConstraintKind::Check),
    ] {
        match run(sql) {
            DbError::Constraint { kind, detail } => {
                assert_eq!(kind, wanted);
                assert!(!detail.contains("-5"), "{detail}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
});

both_engines!(empty many_threads_share_a_database, |db: Db| {
    notes(&db);
    std::thread::scope(|scope| {
        for thread in 0..8_i64 {
            let db = &db;
            scope.spawn(move || {
                for number in 0..20 {
                    let id = thread * 100 + number;
                    db.write(move |tx| note(tx, id, "x")).unwrap();
                    assert!(note_ids(db).contains(&id));
                }
            });
        }
    });
    assert_eq!(note_ids(&db).len(), 160);
    let stats = db.stats();
    assert!(stats.units >= 160 && stats.commits <= stats.units, "{stats:?}");
});

both_engines!(empty columns_are_read_by_position, |db: Db| {
    let row = db
        .read(|tx| -> Result<_, DbError> {
            tx.query_one("select cast($1 as bigint), cast($2 as text)", &values![4, "x"])
        })
        .unwrap();
    assert_eq!((row.len(), row.get::<u32>(0), row.get::<String>(1)), (2, Ok(4), Ok("x".into())));
});
