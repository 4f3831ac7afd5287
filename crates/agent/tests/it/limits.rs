// SPDX-License-Identifier: Apache-2.0
//! Limits of a query: over one is an error that names it, never a shorter answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use mimir_agent::sql::{QueryError, QueryLimits, Runner};

use crate::fixture::{host, runner, runner_with, value};

const COUNTING: &str = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)";
const LONG: Duration = Duration::from_secs(60);

#[test]
fn rows() {
    let runner = runner_with(10, 1 << 20, LONG);
    let (answer, _) = runner.run(&format!("{COUNTING} SELECT n FROM r LIMIT 10")).unwrap();
    assert_eq!(answer.len(), 10);
    let error = runner.run(&format!("{COUNTING} SELECT n FROM r LIMIT 11")).unwrap_err();
    assert_eq!(error, QueryError::TooManyRows(10));
}

#[test]
fn bytes() {
    let runner = runner_with(1_000_000, 10_000, LONG);
    let sql = |count| format!("{COUNTING} SELECT printf('%0100d', n) AS x FROM r LIMIT {count}");
    assert_eq!(runner.run(&sql(90)).unwrap().0.len(), 90);
    assert_eq!(runner.run(&sql(100)).unwrap_err(), QueryError::TooManyBytes(10_000));
    let one = runner.run("SELECT printf('%020000d', 1)").unwrap_err();
    assert!(matches!(one, QueryError::Sql(_)), "{one}");
}

#[test]
fn time() {
    let runner = runner_with(1_000, 1 << 20, Duration::from_millis(50));
    let error = runner.run(&format!("{COUNTING} SELECT max(n) FROM r")).unwrap_err();
    assert_eq!(error, QueryError::TimedOut(0));
    // A table that works for long notices too, not only SQLite.
    let error = runner.run("SELECT count(sha256) FROM hash WHERE path LIKE '/usr/%%'");
    assert_eq!(error.unwrap_err(), QueryError::TimedOut(0));
}

#[test]
fn size_of_a_value() {
    let runner = runner();
    let error = runner.run("SELECT zeroblob(2000000000)").unwrap_err();
    assert_eq!(error, QueryError::Sql("string or blob too big".to_owned()));
    assert_eq!(runner.run("SELECT 1").unwrap().0.len(), 1, "the next query is unharmed");
}

#[test]
fn length_of_the_sql() {
    let sql = format!("SELECT 1 -- {}", "x".repeat(1 << 20));
    let error = runner().run(&sql).unwrap_err();
    assert_eq!(error, QueryError::Sql("the SQL is longer than 1048576 bytes".to_owned()));
}

#[test]
fn a_running_query_can_be_stopped() {
    let stop = Arc::new(AtomicBool::new(false));
    let runner = Runner::new(host(), QueryLimits::default(), Arc::clone(&stop));
    let (sender, receiver) = channel();
    let other = std::thread::spawn(move || {
        sender.send(()).unwrap();
        runner.run(&format!("{COUNTING} SELECT max(n) FROM r"))
    });
    receiver.recv().unwrap();
    stop.store(true, Ordering::SeqCst);
    assert_eq!(other.join().unwrap().unwrap_err(), QueryError::Stopped);
}

#[test]
fn a_recursive_pattern_has_a_bounded_depth() {
    let deep = tempfile::tempdir().unwrap();
    let mut path = deep.path().to_owned();
    path.extend(["d"; 70]);
    std::fs::create_dir_all(&path).unwrap();
    let pattern = format!("{}/%%", deep.path().display());
    let sql = format!("SELECT count(*) FROM file WHERE path LIKE '{pattern}'");
    assert_eq!(value(&sql), "64");
}
