// SPDX-License-Identifier: Apache-2.0
//! What the tests of the database layer share. No test stands here.

use std::time::Duration;

use mimir_store::db::{Db, DbError, Engine, Tx, Value};
use mimir_store::values;

/// The longest any test waits for a state.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Makes tables; `BLOB` stands for each engine's type of bytes.
pub fn tables(db: &Db, statements: &'static [&'static str]) {
    db.write(move |tx| -> Result<(), DbError> {
        for sql in statements {
            let sql = match tx.engine() {
                Engine::Sqlite => (*sql).to_owned(),
                Engine::Postgres => sql.replace("BLOB", "bytea"),
            };
            tx.execute(&sql, &[])?;
        }
        Ok(())
    })
    .expect("the tables can be made");
}

/// A table of numbered texts.
pub fn notes(db: &Db) {
    tables(db, &["create table notes (id bigint primary key, text text)"]);
}

/// Adds a row to `notes`.
pub fn note(tx: &mut Tx<'_>, id: i64, text: &str) -> Result<(), DbError> {
    tx.execute_one("insert into notes (id, text) values ($1, $2)", &values![id, text])
}

/// The ids in `notes`, in order.
pub fn note_ids(db: &Db) -> Vec<i64> {
    db.read(ids).expect("notes can be read")
}

/// The same inside a transaction.
pub fn ids(tx: &mut Tx<'_>) -> Result<Vec<i64>, DbError> {
    tx.query("select id from notes order by id", &[])?.iter().map(|row| row.get(0)).collect()
}

/// Waits until `reached` is true.
pub fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    const LOOK: Duration = Duration::from_millis(2);
    let looks = LIMIT.as_millis() / LOOK.as_millis();
    let in_time = (0..looks).any(|_| {
        let yes = reached();
        if !yes {
            std::thread::sleep(LOOK);
        }
        yes
    });
    assert!(in_time, "waited in vain until {what}");
}

/// The rows as the kinds that SQLite knows, so that answers of both engines can be compared.
pub fn plain(rows: Vec<mimir_store::db::Row>) -> Vec<Vec<Value>> {
    let plain = |value| match value {
        Value::Bool(value) => Value::Int(value.into()),
        value => value,
    };
    rows.into_iter().map(|row| row.into_values().into_iter().map(plain).collect()).collect()
}
