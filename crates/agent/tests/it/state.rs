// SPDX-License-Identifier: Apache-2.0
//! The state directory: what is kept, in which order it comes out, and who may have it.

use std::os::unix::fs::PermissionsExt;

use mimir_agent::state::{Accepted, Outcome, Pending, Start, State, StateError};

fn outcome(rows: &str) -> Outcome {
    Outcome { rows: rows.to_owned(), status: 0, message: String::new(), stats: None }
}

fn pending(name: &str) -> Pending {
    Pending { name: name.to_owned(), sql: format!("SELECT '{name}'") }
}

fn names(state: &State, now: i64, bytes: u64) -> Vec<String> {
    state.outgoing(now, bytes).unwrap().into_iter().map(|outgoing| outgoing.name).collect()
}

#[test]
fn the_directory_is_private_and_belongs_to_one_agent() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/b");
    let state = State::open(&directory).unwrap();
    let mode =
        |path: &str| std::fs::metadata(directory.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    assert_eq!([mode("state.db"), mode("state.db-wal"), mode("lock")], [0o600; 3]);
    assert!(matches!(State::open(&directory), Err(StateError::InUse(_))));
    drop(state);
    assert!(State::open(&directory).is_ok());
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(State::open(&file), Err(StateError::Directory { .. })));
}

#[test]
fn keys_and_ids_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    assert_eq!(state.node_key().unwrap(), None);
    state.set_node_key(Some("one")).unwrap();
    state.set_node_key(Some("two")).unwrap();
    assert_eq!(state.id("instance_id", || "first".to_owned()).unwrap(), "first");
    drop(state);
    let mut state = State::open(directory.path()).unwrap();
    assert_eq!(state.node_key().unwrap().as_deref(), Some("two"));
    assert_eq!(state.id("instance_id", || "second".to_owned()).unwrap(), "first");
    state.set_node_key(None).unwrap();
    assert_eq!(state.node_key().unwrap(), None);
}

#[test]
fn a_query_is_pending_until_its_outcome_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    for name in ["b", "a", "Z", "a10", "a9"] {
        assert_eq!(state.accept(name, "SELECT 1").unwrap(), Accepted::New);
    }
    assert_eq!(state.accept("Z", "SELECT 2").unwrap(), Accepted::Known);
    let mut order = Vec::new();
    while let Some(pending) = state.next_pending().unwrap() {
        assert_eq!(state.begin(&pending.sql, 100).unwrap(), Start::Run);
        state.finish(&pending, &outcome("[]")).unwrap();
        assert_eq!(state.accept(&pending.name, "SELECT 3").unwrap(), Accepted::Known);
        order.push((pending.name, pending.sql));
    }
    let order: Vec<_> = order.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    assert_eq!(
        order,
        [
            ("Z", "SELECT 2"),
            ("a", "SELECT 1"),
            ("a10", "SELECT 1"),
            ("a9", "SELECT 1"),
            ("b", "SELECT 1")
        ]
    );
    assert_eq!((state.pending_count().unwrap(), state.outbox_count().unwrap()), (0, 5));
    let sent = state.outgoing(0, u64::MAX >> 1).unwrap();
    assert_eq!(sent.len(), 5);
    state.acknowledge(&sent).unwrap();
    assert_eq!(state.outbox_count().unwrap(), 0);
    assert_eq!(state.accept("a", "SELECT 1").unwrap(), Accepted::New);
}

#[test]
fn too_many_pending_queries_are_left_to_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    for index in 0..mimir_agent::limits::PENDING_MAX {
        assert_eq!(state.accept(&index.to_string(), "SELECT 1").unwrap(), Accepted::New);
    }
    assert_eq!(state.accept("one more", "SELECT 1").unwrap(), Accepted::Full);
    assert_eq!(state.accept("7", "SELECT 1").unwrap(), Accepted::Known);
}

/// The state after a process died in these texts.
fn after_death_in(directory: &std::path::Path, texts: &[&str], now: i64) -> State {
    let mut state = State::open(directory).unwrap();
    for sql in texts {
        assert_eq!(state.begin(sql, now).unwrap(), Start::Run);
    }
    drop(state);
    State::open(directory).unwrap()
}

#[test]
fn only_the_marks_of_processes_that_died_deny() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Run);
    // The outcome could not be kept, for a full disk: the process lives and tries again.
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Run);
    assert_eq!(state.begin("SELECT 2", 100).unwrap(), Start::Run);
    state.abandon("SELECT 2").unwrap();
    drop(state);
    // A death in which it did not run does not count.
    drop(State::open(directory.path()).unwrap());
    let mut state = after_death_in(directory.path(), &["SELECT 1"], 100);
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Denylisted);
    assert_eq!(state.begin("SELECT 1 ", 100).unwrap(), Start::Run);
    assert_eq!(state.begin("SELECT 2", 100).unwrap(), Start::Run);
    let refused = Pending { name: "q".to_owned(), sql: "SELECT 1".to_owned() };
    state.finish(&refused, &outcome("[]")).unwrap();
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Denylisted, "the mark stays");
    state.expire_marks(100 + 86_399).unwrap();
    assert_eq!(state.begin("SELECT 1", 100 + 86_399).unwrap(), Start::Denylisted);
    state.expire_marks(100 + 86_400).unwrap();
    assert_eq!(state.begin("SELECT 1", 100 + 86_400).unwrap(), Start::Run);
}

#[test]
fn a_good_end_forgives_a_death_and_a_worker_that_died_is_not_forgiven() {
    let directory = tempfile::tempdir().unwrap();
    let query = Pending { name: "q".to_owned(), sql: "SELECT 1".to_owned() };
    let mut state = after_death_in(directory.path(), &["SELECT 1"], 100);
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Run);
    state.finish(&query, &outcome("[]")).unwrap();
    drop(state);
    let mut state = after_death_in(directory.path(), &["SELECT 1"], 100);
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Run);
    state.deny("SELECT 1", 100).unwrap();
    state.finish(&query, &outcome("[]")).unwrap();
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Denylisted);
}

#[test]
fn a_state_from_before_deaths_were_counted_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    drop(State::open(directory.path()).unwrap());
    let db = rusqlite::Connection::open(directory.path().join("state.db")).unwrap();
    db.execute_batch(
        "DROP TABLE running;
         CREATE TABLE running (sql_sha256 TEXT PRIMARY KEY, started_at INTEGER NOT NULL) STRICT;",
    )
    .unwrap();
    drop(db);
    drop(after_death_in(directory.path(), &["SELECT 1"], 100));
    let mut state = after_death_in(directory.path(), &["SELECT 1"], 100);
    assert_eq!(state.begin("SELECT 1", 100).unwrap(), Start::Denylisted);
}

#[test]
fn a_mark_from_a_wrong_clock_does_not_deny_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    drop(after_death_in(directory.path(), &["SELECT 1"], 4_000_000_000));
    let mut state = after_death_in(directory.path(), &["SELECT 1"], 4_000_000_000);
    assert_eq!(state.begin("SELECT 1", 1_800_000_000).unwrap(), Start::Run);
}

#[test]
fn the_outbox_is_sent_in_batches_and_refused_ones_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    for name in ["a", "b", "c", "d"] {
        state.finish(&pending(name), &outcome(&format!("[{}]", "x".repeat(98)))).unwrap();
    }
    assert_eq!(names(&state, 0, 250), ["a", "b"]);
    assert_eq!(names(&state, 0, 1), ["a"], "one goes, however large");
    let refused = state.outgoing(0, 200).unwrap();
    state.postpone(&refused, 50).unwrap();
    assert_eq!(names(&state, 0, 10_000), ["c", "d"]);
    assert_eq!(names(&state, 50, 10_000), ["c", "d"]);
    let rest = state.outgoing(50, 10_000).unwrap();
    state.acknowledge(&rest).unwrap();
    assert_eq!(names(&state, 49, 10_000), [""; 0]);
    assert_eq!(names(&state, 50, 10_000), ["a"]);
    state.hurry().unwrap();
    assert_eq!(names(&state, 0, 10_000), ["a"]);
    state.replace("a", &Outcome::failure("too large".to_owned())).unwrap();
    let replaced = &state.outgoing(0, 10_000).unwrap()[0].outcome;
    assert_eq!((replaced.rows.as_str(), replaced.status), ("[]", 1));
}

#[test]
fn a_wait_noted_by_a_wrong_clock_does_not_hold_an_answer_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    state.finish(&pending("a"), &outcome("[]")).unwrap();
    let refused = state.outgoing(4_000_000_000, 200).unwrap();
    state.postpone(&refused, 4_000_000_060).unwrap();
    assert_eq!(names(&state, 4_000_000_000, 200), [""; 0]);
    assert_eq!(names(&state, 1_800_000_000, 200), ["a"], "the clock has been set right");
}

#[test]
fn the_space_of_a_large_answer_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    state.finish(&pending("a"), &outcome(&"x".repeat(20_000_000))).unwrap();
    let sent = state.outgoing(0, 1).unwrap();
    state.acknowledge(&sent).unwrap();
    let size = |name: &str| std::fs::metadata(directory.path().join(name)).unwrap().len();
    assert!(size("state.db") + size("state.db-wal") < 1_000_000);
}
