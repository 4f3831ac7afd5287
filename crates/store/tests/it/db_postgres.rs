// SPDX-License-Identifier: Apache-2.0
//! What only PostgreSQL has: transactions that collide, connections that break, several servers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};

use mimir_store::db::{DatabaseUrl, Db, DbError, Engine, Notice};
use mimir_store::testing::{Options, PrivatePostgres, TestDb, with_database};
use mimir_store::{dialect, values};

use crate::db_support::{LIMIT, ids, note, note_ids, notes, wait_until};

/// Ends the session of the transaction it runs in.
const END_OWN_SESSION: &str = "select pg_terminate_backend(pg_backend_pid())";
/// Ends all other sessions on the database.
const END_OTHER_SESSIONS: &str = "select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()";

fn url(test: &TestDb) -> &str {
    match test.url() {
        DatabaseUrl::Postgres(url) => url,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deadlock_is_solved_by_trying_again() {
    let db = TestDb::postgres();
    notes(&db);
    db.write(|tx| (1..=2).try_for_each(|id| note(tx, id, ""))).unwrap();
    let attempts = Arc::new(AtomicU32::new(0));
    let both_hold_one = Arc::new(Barrier::new(2));
    std::thread::scope(|scope| {
        for (first, second) in [(1, 2), (2, 1)] {
            let (db, attempts) = (db.db(), Arc::clone(&attempts));
            let both_hold_one = Arc::clone(&both_hold_one);
            scope.spawn(move || {
                let mut attempt = 0;
                db.write(move |tx| -> Result<(), DbError> {
                    attempts.fetch_add(1, Ordering::SeqCst);
                    attempt += 1;
                    let append = "update notes set text = text || $2 where id = $1";
                    tx.execute_one(append, &values![first, "a"])?;
                    if attempt == 1 {
                        both_hold_one.wait();
                    }
                    tx.execute_one(append, &values![second, "b"])
                })
                .unwrap();
            });
        }
    });
    assert!(attempts.load(Ordering::SeqCst) > 2, "there was a deadlock");
    let texts = db.read(|tx| tx.query("select text from notes where text <> ''", &[])).unwrap();
    assert!(texts.iter().all(|row| row.get::<String>(0).unwrap().len() == 2), "{texts:?}");
}

#[test]
fn contention_without_end_is_reported_as_such() {
    let db = TestDb::postgres();
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let error = db
        .write(move |tx| -> Result<(), DbError> {
            counted.fetch_add(1, Ordering::SeqCst);
            let sql = "do $$ begin raise exception 'again' using errcode = '40001'; end $$";
            tx.execute(sql, &[]).map(drop)
        })
        .unwrap_err();
    assert_eq!(error, DbError::Contention("again".to_owned()));
    assert!(error.is_retryable());
    assert_eq!(attempts.load(Ordering::SeqCst), 6);
}

#[test]
fn a_connection_that_breaks_is_replaced() {
    let test = TestDb::postgres();
    notes(&test);
    let db = Db::open_with(test.url(), 2).unwrap();
    // In the middle of the work: it is done again, on another connection.
    let mut attempt = 0;
    db.write(move |tx| -> Result<(), DbError> {
        attempt += 1;
        note(tx, attempt, "x")?;
        if attempt == 1 {
            tx.query(END_OWN_SESSION, &[])?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(note_ids(&db), [2]);
    // While it is idle: nobody notices.
    for id in 10..20 {
        test.read(|tx| tx.query(END_OTHER_SESSIONS, &[])).unwrap();
        db.write(move |tx| note(tx, id, "x")).unwrap();
        assert!(note_ids(&db).contains(&id));
    }
}

#[test]
fn a_connection_that_breaks_in_the_commit_leaves_the_outcome_unknown() {
    let db = TestDb::postgres();
    notes(&db);
    db.write(|tx| -> Result<(), DbError> {
        tx.execute(
            "create function die() returns trigger language plpgsql as $$
             begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$",
            &[],
        )?;
        tx.execute(
            "create constraint trigger die after insert on notes deferrable initially deferred
             for each row execute function die()",
            &[],
        )
        .map(drop)
    })
    .unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let error = db
        .write(move |tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            note(tx, 1, "x")
        })
        .unwrap_err();
    assert!(matches!(error, DbError::OutcomeUnknown(_)), "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(runs.load(Ordering::SeqCst), 1, "what may be stored is not done again");
    assert!(note_ids(&db).is_empty());
}

#[test]
fn a_server_that_cannot_be_reached_or_refuses_is_told_apart() {
    let nowhere = DatabaseUrl::Postgres("postgres://u@127.0.0.1:9/d?connect_timeout=1".to_owned());
    let error = Db::open(&nowhere).unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)) && error.is_retryable(), "{error:?}");
    let test = TestDb::postgres();
    let missing = DatabaseUrl::Postgres(with_database(url(&test), "no_such_database"));
    let error = Db::open(&missing).unwrap_err();
    assert!(matches!(error, DbError::Address(_)), "{error:?}");
    assert!(error.to_string().contains("no_such_database"), "{error}");
}

#[test]
fn a_schema_changed_by_another_server_is_noticed() {
    let test = TestDb::postgres();
    notes(&test);
    let db = Db::open_with(test.url(), 1).unwrap();
    let width = |db: &Db| {
        let row = db.write(|tx| {
            tx.savepoint(|tx| note(tx, 1, "x")).ok();
            tx.query_one("select * from notes where id = $1", &values![1])
        });
        row.unwrap().len()
    };
    assert_eq!(width(&db), 2);
    test.write(|tx| tx.execute("alter table notes add column more bigint", &[])).unwrap();
    assert_eq!(width(&db), 3);
    test.write(|tx| tx.execute("alter table notes drop column more", &[])).unwrap();
    assert_eq!(width(&db), 2);
}

#[test]
fn notices_arrive_after_the_commit_and_after_a_reconnect() {
    let db = TestDb::postgres();
    let (heard, ear) = mpsc::channel();
    let heard = Mutex::new(heard);
    let listener = db
        .listen("changes", move |notice| {
            let _ = heard.lock().unwrap().send(notice);
        })
        .unwrap();
    let next = || ear.recv_timeout(LIMIT).unwrap();
    let send = |text: &'static str| db.write(move |tx| dialect::notify(tx, "changes", text));
    assert_eq!(next(), Notice::Connected);
    let undone = db.write(|tx| -> Result<(), DbError> {
        dialect::notify(tx, "changes", "undone")?;
        Err(DbError::Full)
    });
    assert_eq!(undone, Err(DbError::Full));
    db.write(|tx| dialect::notify(tx, "other", "elsewhere")).unwrap();
    send("1").unwrap();
    assert_eq!(next(), Notice::Message("1".to_owned()));
    db.read(|tx| tx.query(END_OTHER_SESSIONS, &[])).unwrap();
    assert_eq!(next(), Notice::Connected);
    send("2").unwrap();
    assert_eq!(next(), Notice::Message("2".to_owned()));
    drop(listener);
    // The other end of the channel goes with the call-back.
    assert_eq!(ear.recv_timeout(LIMIT), Err(mpsc::RecvTimeoutError::Disconnected));
    assert!(matches!(db.listen("no; name", drop), Err(DbError::Usage(_))));
}

#[test]
fn on_sqlite_there_is_nobody_to_hear_or_to_lock_out() {
    let db = TestDb::sqlite_file();
    let _listener = db.listen("changes", |notice| panic!("{notice:?}")).unwrap();
    let locked = db.write(|tx| -> Result<_, DbError> {
        dialect::notify(tx, "changes", "x")?;
        Ok((dialect::try_advisory_lock(tx, 1)?, dialect::try_advisory_lock(tx, 1)?))
    });
    assert_eq!(locked, Ok((true, true)));
}

#[test]
fn an_advisory_lock_excludes_other_servers() {
    let test = TestDb::postgres();
    let other = Db::open_with(test.url(), 1).unwrap();
    let try_lock = |db: &Db| db.write(|tx| dialect::try_advisory_lock(tx, 77)).unwrap();
    let (locked, wait_for_lock) = mpsc::channel();
    let (release, wait) = mpsc::channel::<()>();
    let holder = std::thread::spawn({
        let (db, wait) = (test.db().clone(), Mutex::new(wait));
        move || {
            db.write(move |tx| -> Result<bool, DbError> {
                let got = dialect::try_advisory_lock(tx, 77)?;
                locked.send(()).unwrap();
                wait.lock().unwrap().recv_timeout(LIMIT).unwrap();
                Ok(got)
            })
        }
    });
    wait_for_lock.recv_timeout(LIMIT).unwrap();
    assert!(!try_lock(&other));
    release.send(()).unwrap();
    assert_eq!(holder.join().unwrap(), Ok(true));
    assert!(try_lock(&other));
}

#[test]
fn a_number_too_large_for_its_column_is_refused() {
    let db = TestDb::postgres();
    db.write(|tx| tx.execute("create table small (n integer)", &[])).unwrap();
    let error =
        db.write(|tx| tx.execute("insert into small values ($1)", &values![i64::MAX])).unwrap_err();
    assert!(matches!(error, DbError::Parameter { index: 0, .. }), "{error:?}");
    let error = db.write(|tx| tx.execute("insert into small values ($1)", &values!["1"]));
    assert!(matches!(error, Err(DbError::Parameter { index: 0, .. })), "{error:?}");
}

#[test]
fn more_work_than_connections_waits_its_turn() {
    let test = TestDb::postgres();
    notes(&test);
    let db = Db::open_with(test.url(), 1).unwrap();
    let (entered, wait_entered) = mpsc::channel();
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    std::thread::scope(|scope| {
        let holder = db.clone();
        scope.spawn(move || {
            holder
                .write(move |tx| {
                    entered.send(()).unwrap();
                    wait.lock().unwrap().recv_timeout(LIMIT).unwrap();
                    note(tx, 100, "x")
                })
                .unwrap();
        });
        wait_entered.recv_timeout(LIMIT).unwrap();
        for id in 0..10 {
            let db = &db;
            scope.spawn(move || db.write(move |tx| note(tx, id, "x")).unwrap());
        }
        wait_until("the others wait", || db.stats().waiting == 10);
        release.send(()).unwrap();
    });
    assert_eq!(note_ids(&db).len(), 11);
    assert_eq!(db.read(ids).unwrap().len(), 11);
}

#[test]
fn a_backup_points_to_the_right_tool() {
    let db = TestDb::postgres();
    assert_eq!(db.engine(), Engine::Postgres);
    let error = db.backup_to(std::path::Path::new("x")).unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
}

#[test]
fn encryption_proves_who_the_server_is() {
    let authority = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&authority)
        .unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = PrivatePostgres::start_with(&Options {
        port: Some(port),
        settings: vec![
            "ssl=on".to_owned(),
            "ssl_cert_file=../cert.pem".to_owned(),
            "ssl_key_file=../key.pem".to_owned(),
        ],
        files: vec![
            ("cert.pem".to_owned(), certificate.pem()),
            ("key.pem".to_owned(), authority.serialize_pem()),
        ],
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let right = write("right.pem", certificate.pem());
    let wrong = write("wrong.pem", other.cert.pem());
    let open = |host: &str, root: &str| {
        let url = format!("postgres://postgres@{host}:{port}/postgres?sslrootcert={root}");
        Db::open_with(&DatabaseUrl::Postgres(url), 1)
    };
    let db = open("localhost", &right).unwrap();
    let encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let row = db.read(move |tx| tx.query_one(encrypted, &[])).unwrap();
    assert_eq!(row.get::<bool>(0), Ok(true));
    for (host, root) in [("localhost", &wrong), ("127.0.0.1", &right)] {
        let error = open(host, root).unwrap_err();
        assert!(matches!(error, DbError::Address(_)), "{host}: {error:?}");
        assert!(error.to_string().contains("certificate"), "{host}: {error}");
    }
    drop(server);
}
