// SPDX-License-Identifier: Apache-2.0
//! Statements outside of any transaction, which PostgreSQL demands for making and dropping
//! databases. Only the helpers for tests need this.

use super::connect::Target;
use super::error::from_postgres;
use crate::db::DbError;

/// Runs the statements one after the other on a connection of their own, on a thread of its own
/// (the caller may be async).
pub(crate) fn run_alone(url: &str, statements: &[String]) -> Result<(), DbError> {
    let target = Target::parse(url)?;
    let run = || {
        let mut client = target.connect()?;
        for sql in statements {
            client.batch_execute(sql).map_err(|error| from_postgres(&error))?;
        }
        client.close().map_err(|error| from_postgres(&error))
    };
    std::thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|payload| Err(DbError::panicked(&*payload)))
}

/// Runs `work` while this server's lock `key` is held.
pub(crate) fn with_lock(url: &str, key: i64, work: impl FnOnce() + Send) {
    let target = Target::parse(url).expect("the address of the test server is right");
    let run = || {
        let mut client = target.connect().expect("the test server can be reached");
        client
            .batch_execute(&format!("select pg_advisory_lock({key})"))
            .expect("the lock can be taken");
        work();
    };
    std::thread::scope(|scope| scope.spawn(run).join().expect("the work under the lock succeeds"));
}
