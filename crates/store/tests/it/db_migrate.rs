// SPDX-License-Identifier: Apache-2.0
//! The migration runner: forward only, all or nothing per step, and suspicious of databases that
//! do not belong to this binary.

use mimir_store::both_engines;
use mimir_store::db::{Db, DbError};
use mimir_store::migrate::{Applied, MigrateError, Migration, pending, run};
use mimir_store::testing::TestDb;

const fn step(number: u32, name: &'static str, sql: &'static str) -> Migration {
    Migration { number, name, sql }
}

const ONE: Migration =
    step(1, "0001-one", "create table one (id bigint); create table uno (a int)");
const TWO: Migration = step(2, "0002-two", "-- a remark\ncreate table two (id bigint);");
const THREE: Migration = step(3, "0003-three", "insert into one values (3)");
const BROKEN: Migration = step(3, "0003-broken", "create table kept (a int); select nonsense");

fn apply(db: &Db, steps: &'static [Migration]) -> Result<Applied, MigrateError> {
    run(db, steps, steps)
}

fn has(db: &Db, table: &'static str) -> bool {
    db.read(move |tx| mimir_store::dialect::has_table(tx, table)).unwrap()
}

both_engines!(empty applies_what_is_missing_once, |db: Db| {
    assert_eq!(pending(&db, &[ONE, TWO], &[ONE, TWO]), Ok(2));
    assert_eq!(apply(&db, &[ONE]).unwrap(), Applied { names: vec!["0001-one"], number: 1 });
    assert_eq!(pending(&db, &[ONE, TWO], &[ONE, TWO]), Ok(1));
    let applied = apply(&db, &[ONE, TWO, THREE]).unwrap();
    assert_eq!(applied, Applied { names: vec!["0002-two", "0003-three"], number: 3 });
    let applied = apply(&db, &[ONE, TWO, THREE]).unwrap();
    assert_eq!(applied, Applied { names: vec![], number: 3 });
    let count = db.read(|tx| tx.query_one("select count(*) from one", &[])).unwrap();
    assert_eq!(count.get::<i64>(0), Ok(1));
    let ledger = "select count(*) from schema_migrations where applied_at > 1700000000000000";
    let count = db.read(move |tx| tx.query_one(ledger, &[])).unwrap();
    assert_eq!(count.get::<i64>(0), Ok(3));
});

both_engines!(empty a_broken_step_leaves_nothing, |db: Db| {
    let error = apply(&db, &[ONE, TWO, BROKEN]).unwrap_err();
    assert!(matches!(error, MigrateError::Failed { number: 3, .. }), "{error:?}");
    assert!(has(&db, "two") && !has(&db, "kept"));
    assert_eq!(apply(&db, &[ONE, TWO, THREE]).unwrap().names, ["0003-three"]);
});

both_engines!(empty refuses_a_database_of_another_history, |db: Db| {
    apply(&db, &[ONE, TWO]).unwrap();
    let newer = apply(&db, &[ONE]).unwrap_err();
    assert_eq!(newer, MigrateError::Newer { database: 2, program: 1 });
    assert_eq!(pending(&db, &[ONE], &[ONE]), Err(newer));
    const OTHER: Migration = step(2, "0002-two", "create table two (id bigint, more bigint)");
    let changed = apply(&db, &[ONE, OTHER, THREE]).unwrap_err();
    assert_eq!(changed, MigrateError::Changed { number: 2, name: "0002-two" });
    db.write(|tx| tx.execute_one("delete from schema_migrations where number = 1", &[])).unwrap();
    assert_eq!(apply(&db, &[ONE, TWO]), Err(MigrateError::Gap { missing: 1 }));
});

both_engines!(empty refuses_a_list_with_holes, |db: Db| {
    let error = apply(&db, &[ONE, THREE]).unwrap_err();
    assert_eq!(
        error,
        MigrateError::Numbering { name: "0003-three", number: 3, expected: 2 }
    );
    assert!(!has(&db, "one"));
});

fn several_at_once(test: &TestDb) {
    let applied: Vec<Applied> = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..4)
            .map(|_| {
                let db = Db::open(test.url()).unwrap();
                scope.spawn(move || apply(&db, &[ONE, TWO, THREE]).unwrap())
            })
            .collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    // Each step was applied by exactly one of them.
    assert_eq!(applied.iter().map(|applied| applied.names.len()).sum::<usize>(), 3);
    assert!(applied.iter().all(|applied| applied.number == 3));
}

#[test]
fn several_servers_start_at_once_on_sqlite() {
    several_at_once(&TestDb::sqlite_file());
}

#[test]
fn several_servers_start_at_once_on_postgres() {
    several_at_once(&TestDb::postgres());
}

#[test]
fn a_step_cannot_commit_by_itself() {
    let db = TestDb::sqlite_file();
    const SLY: Migration = step(1, "0001-sly", "create table sly (a int); commit; begin");
    let result = apply(&db, &[SLY]);
    assert!(result.is_err(), "{result:?}");
    db.write(|tx| -> Result<(), DbError> { tx.query("select 1", &[]).map(drop) }).unwrap();
}
