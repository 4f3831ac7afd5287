// SPDX-License-Identifier: Apache-2.0
//! Bulk statements give the same result on both engines, whatever the number of rows.

use mimir_store::db::{Column, Db, DbError, Value};
use mimir_store::{both_engines, values};

use crate::db_support::{plain, tables};

const COLUMNS: &[Column] = &[
    Column::int("team"),
    Column::text("order"),
    Column::bool("flag"),
    Column::int("number"),
    Column::text("text"),
    Column::blob("bytes"),
];

fn make(db: &Db) {
    tables(
        db,
        &["create table things (team bigint not null, \"order\" text not null, flag boolean,
            number bigint, text text, bytes BLOB, primary key (team, \"order\"))"],
    );
}

fn thing(number: i64) -> Vec<Value> {
    let bytes = (number % 3 != 0).then(|| vec![u8::try_from(number.rem_euclid(256)).unwrap(); 5]);
    let text = (number % 4 != 0).then(|| format!("t{number}"));
    let flag = (number % 5 != 0).then_some(number % 2 == 0);
    values![number % 7, format!("o{number:06}"), flag, number, text, bytes].to_vec()
}

fn as_stored(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let plain = |value: &Value| match value {
        Value::Bool(value) => Value::Int((*value).into()),
        value => value.clone(),
    };
    rows.iter().map(|row| row.iter().map(plain).collect()).collect()
}

fn all(db: &Db) -> Vec<Vec<Value>> {
    let sql = "select team, \"order\", flag, number, text, bytes from things order by number";
    plain(db.read(move |tx| tx.query(sql, &[])).unwrap())
}

both_engines!(empty insert_update_and_select, |db: Db| {
    make(&db);
    for count in [0, 1, 10_000_i64] {
        db.write(|tx| tx.execute("delete from things", &[])).unwrap();
        let rows: Vec<_> = (0..count).map(thing).collect();
        let sent = rows.clone();
        let inserted = db.write(move |tx| tx.insert_many("things", COLUMNS, &sent)).unwrap();
        assert_eq!(inserted, count as u64);
        assert_eq!(all(&db), as_stored(&rows));

        // Every other row gets a new text; keys that do not exist are passed over.
        let changes: Vec<_> = (0..count + 5)
            .filter(|number| number % 2 == 0)
            .map(|number| {
                let key = thing(number);
                vec![key[0].clone(), key[1].clone(), "new".into(), Value::Null]
            })
            .collect();
        let existing = (0..count).filter(|number| number % 2 == 0).count() as u64;
        let set = [Column::text("text"), Column::bool("flag")];
        let updated = db
            .write(move |tx| tx.update_many("things", &COLUMNS[..2], &set, &changes))
            .unwrap();
        assert_eq!(updated, existing);

        // In the order asked for, also twice, without those that do not exist.
        let keys: Vec<_> = [count - 1, 0, 0, count + 1, count / 2]
            .into_iter()
            .map(|number| thing(number)[..2].to_vec())
            .collect();
        let found = db
            .read(move |tx| tx.select_many("things", &COLUMNS[..2], &["number", "text"], &keys))
            .unwrap();
        let found: Vec<_> = found.iter().map(|row| row.get::<i64>(0).unwrap()).collect();
        let wanted = [count - 1, 0, 0, count / 2].into_iter().filter(|n| (0..count).contains(n));
        assert_eq!(found, wanted.collect::<Vec<_>>());
        let changed = all(&db).iter().filter(|row| row[4] == Value::from("new")).count();
        assert_eq!(changed as u64, existing);
    }
});

both_engines!(empty conflicts_fail_or_are_passed_over, |db: Db| {
    make(&db);
    db.write(|tx| tx.insert_many("things", COLUMNS, &[thing(3), thing(4)])).unwrap();
    let rows: Vec<_> = [1, 2, 2, 3, 4, 5].into_iter().map(thing).collect();
    let sent = rows.clone();
    let error = db.write(move |tx| tx.insert_many("things", COLUMNS, &sent)).unwrap_err();
    assert_eq!(error, DbError::Conflict { constraint: "things.team, things.order".to_owned() });
    assert_eq!(all(&db).len(), 2);
    let new = db.write(move |tx| tx.insert_many_new("things", COLUMNS, &rows)).unwrap();
    assert_eq!(new, 3);
    assert_eq!(all(&db).len(), 5);
});

both_engines!(empty a_failed_bulk_leaves_nothing_inside_a_savepoint, |db: Db| {
    make(&db);
    db.write(|tx| -> Result<(), DbError> {
        tx.insert_many("things", COLUMNS, &[thing(1)])?;
        let rows: Vec<_> = (2..10_000).chain([1]).map(thing).collect();
        let failed = tx.savepoint(|tx| tx.insert_many("things", COLUMNS, &rows));
        assert!(matches!(failed, Err(DbError::Conflict { .. })), "{failed:?}");
        Ok(())
    })
    .unwrap();
    assert_eq!(all(&db).len(), 1);
});

both_engines!(empty large_rows_are_split, |db: Db| {
    make(&db);
    let rows: Vec<_> = (0..30)
        .map(|number| values![1, format!("{number:02}"), true, number, "x", vec![7; 500_000]].into())
        .collect();
    let count = db.write(move |tx| tx.insert_many("things", COLUMNS, &rows)).unwrap();
    assert_eq!(count, 30);
    let sum = db
        .read(|tx| tx.query_one("select cast(sum(length(bytes)) as bigint) from things", &[]))
        .unwrap();
    assert_eq!(sum.get::<i64>(0), Ok(30 * 500_000));
});

both_engines!(empty wrong_use_is_refused, |db: Db| {
    make(&db);
    let usage = |result: Result<u64, DbError>, word: &str| match result {
        Err(DbError::Usage(text)) => assert!(text.contains(word), "{text}"),
        other => panic!("{other:?}"),
    };
    let one = || vec![thing(1)];
    usage(db.write(move |tx| tx.insert_many("things; --", COLUMNS, &one())), "no name");
    usage(db.write(move |tx| tx.insert_many("things", &[], &one())), "at least one column");
    usage(db.write(move |tx| tx.insert_many("things", &COLUMNS[1..], &one())), "needs 5 values");
    let twice: Vec<Vec<Value>> = vec![values![1, "a"].to_vec(), values![1, "b"].to_vec()];
    usage(
        db.write(move |tx| tx.update_many("things", &COLUMNS[..1], &COLUMNS[4..5], &twice)),
        "twice",
    );
    usage(db.write(|tx| tx.update_many("things", &COLUMNS[..1], &[], &[])), "columns to set");
    let wrong_kind: Vec<Vec<Value>> = vec![values!["text"].to_vec()];
    let error = db.write(move |tx| tx.insert_many("things", &COLUMNS[..1], &wrong_kind));
    assert!(matches!(error, Err(DbError::Parameter { index: 0, .. })), "{error:?}");
    let nul: Vec<Vec<Value>> = vec![values!["\0"].to_vec()];
    let error = db.write(move |tx| tx.insert_many("things", &COLUMNS[1..2], &nul));
    assert!(matches!(error, Err(DbError::Parameter { index: 0, .. })), "{error:?}");
    assert!(all(&db).is_empty());
});
