// SPDX-License-Identifier: Apache-2.0
//! Values, parameters and row counts behave the same on both engines.

use std::ops::ControlFlow;

use mimir_store::db::{Db, DbError, Value};
use mimir_store::{both_engines, values};
use mimir_wire::Timestamp;
use mimir_wire::ids::HostId;

use crate::db_support::{note, note_ids, notes, plain, tables};

const ALL_KINDS: &[&str] =
    &["create table kinds (id bigint primary key, b boolean, n bigint, x text, y BLOB)"];

both_engines!(empty round_trip, |db: Db| {
    tables(&db, ALL_KINDS);
    let id: HostId = "0190b6a0-0000-7000-8000-000000000001".parse().unwrap();
    let rows = vec![
        values![1, true, i64::MIN, "", vec![]].to_vec(),
        values![2, false, i64::MAX, "Ω 𝄞 ' \" \\ % _ $1 ; -- \u{1}", vec![0_u8, 255]].to_vec(),
        values![3, None::<bool>, None::<i64>, None::<String>, None::<Vec<u8>>].to_vec(),
        values![4, true, Timestamp::from_micros(-1), id, (0..=255).collect::<Vec<u8>>()].to_vec(),
        values![5, true, u64::MAX, "x".repeat(3_000_000), vec![7_u8; 3_000_000]].to_vec(),
    ];
    let sent = rows.clone();
    db.write(move |tx| -> Result<(), DbError> {
        for row in &sent {
            tx.execute_one("insert into kinds (id, b, n, x, y) values ($1, $2, $3, $4, $5)", row)?;
        }
        Ok(())
    })
    .unwrap();
    let read = db
        .read(|tx| -> Result<_, DbError> { tx.query("select * from kinds order by id", &[]) })
        .unwrap();
    assert_eq!(read[0].get::<bool>(1), Ok(true));
    assert_eq!(read[2].get::<Option<bool>>(1), Ok(None));
    assert_eq!(read[3].get::<Timestamp>(2), Ok(Timestamp::from_micros(-1)));
    assert_eq!(read[3].get::<HostId>(3), Ok(id));
    assert_eq!(read[4].get::<u64>(2), Ok(i64::MAX as u64));
    let sent = rows.into_iter().map(|row| {
        let mut row = row;
        if let Value::Bool(value) = row[1] {
            row[1] = Value::Int(value.into());
        }
        row
    });
    assert_eq!(plain(read), sent.collect::<Vec<_>>());
});

both_engines!(empty nul_in_a_text_is_refused, |db: Db| {
    notes(&db);
    let error = db.write(|tx| note(tx, 1, "a\0b")).unwrap_err();
    assert!(matches!(error, DbError::Parameter { index: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("U+0000"), "{error}");
    assert!(note_ids(&db).is_empty());
});

both_engines!(empty parameters_go_by_their_number, |db: Db| {
    let row = db
        .read(|tx| -> Result<_, DbError> {
            tx.query_one(
                "select cast($3 as text) || cast($1 as text) || cast($3 as text),
                        cast($2 as bigint) + 1",
                &values!["b", i64::MAX - 1, "a"],
            )
        })
        .unwrap();
    assert_eq!(row.get::<String>(0), Ok("aba".to_owned()));
    assert_eq!(row.get::<i64>(1), Ok(i64::MAX));
});

both_engines!(empty a_wrong_number_of_parameters_is_refused, |db: Db| {
    for given in [0, 1, 3] {
        let params = vec![Value::from("x"); given];
        let error = db
            .read(move |tx| -> Result<_, DbError> {
                tx.query("select cast($1 as text), cast($2 as text)", &params)
            })
            .unwrap_err();
        assert!(matches!(error, DbError::Usage(_)), "{given}: {error:?}");
    }
    for sql in ["select cast($2 as text)", "select cast(? as text)", "select cast(:x as text)"] {
        let result = db.read(|tx| -> Result<_, DbError> { tx.query(sql, &values!["x"]) });
        assert!(result.is_err(), "{sql}");
    }
});

both_engines!(empty a_cell_of_no_storable_kind_is_refused, |db: Db| {
    let error = db.read(|tx| tx.query("select 1, 1.5", &[])).unwrap_err();
    assert!(matches!(error, DbError::Column { index: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("cast it"), "{error}");
});

both_engines!(empty row_counts_are_checked, |db: Db| {
    notes(&db);
    db.write(|tx| (1..=3).try_for_each(|id| note(tx, id, "x"))).unwrap();
    let by_id = "select text from notes where id >= $1";
    let count = |error: DbError| match error {
        DbError::RowCount { actual, .. } => actual,
        other => panic!("{other:?}"),
    };
    assert_eq!(db.read(move |tx| tx.query_opt(by_id, &values![9])), Ok(None));
    assert!(db.read(move |tx| tx.query_opt(by_id, &values![3])).unwrap().is_some());
    assert_eq!(count(db.read(move |tx| tx.query_opt(by_id, &values![2])).unwrap_err()), 2);
    assert_eq!(count(db.read(move |tx| tx.query_one(by_id, &values![9])).unwrap_err()), 0);
    let update = "update notes set text = 'y' where id >= $1";
    assert_eq!(db.write(move |tx| tx.execute(update, &values![2])), Ok(2));
    assert_eq!(db.write(move |tx| tx.execute(update, &values![9])), Ok(0));
    assert_eq!(count(db.write(move |tx| tx.execute_one(update, &values![9])).unwrap_err()), 0);
    // One row too many is undone, even when the caller passes over the error.
    let delete = "delete from notes where id >= $1";
    let passed_over = db.write(move |tx| -> Result<(), DbError> {
        assert!(tx.execute_one(delete, &values![1]).is_err());
        Ok(())
    });
    assert_eq!(passed_over, Err(DbError::Aborted));
    assert_eq!(note_ids(&db), [1, 2, 3]);
    // DDL and reading change no rows.
    assert_eq!(db.write(|tx| tx.execute("create table other (id bigint)", &[])), Ok(0));
});

both_engines!(empty streaming_ends_where_it_is_told, |db: Db| {
    notes(&db);
    db.write(|tx| (0..1000).try_for_each(|id| note(tx, id, "x"))).unwrap();
    let sum_until = move |stop: i64, fail: i64| {
        db.read(move |tx| -> Result<i64, DbError> {
            let mut sum = 0;
            tx.for_each("select id from notes where id >= $1 order by id", &values![0], |row| {
                let id = row.get::<i64>(0)?;
                if id == fail {
                    return Err(DbError::Full);
                }
                sum += id;
                Ok(if id == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            // The transaction is still good for another statement.
            tx.query_one("select 1", &[])?;
            Ok(sum)
        })
    };
    assert_eq!(sum_until(-1, -1), Ok(999 * 1000 / 2));
    assert_eq!(sum_until(600, -1), Ok(600 * 601 / 2));
    assert_eq!(sum_until(0, -1), Ok(0));
    assert_eq!(sum_until(-1, 700), Err(DbError::Full));
});

both_engines!(empty statements_can_be_checked_without_running, |db: Db| {
    notes(&db);
    let check = |sql: &'static str| db.read(move |tx| tx.check_statement(sql));
    assert_eq!(check("delete from notes where id = $1"), Ok(()));
    assert!(check("delete from nots").is_err());
    assert!(check("select from where").is_err());
});
