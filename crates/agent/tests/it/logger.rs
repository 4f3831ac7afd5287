// SPDX-License-Identifier: Apache-2.0
//! The delivery of log lines: batches, waits, a full buffer, lines that the server refuses.

use std::time::Duration;

use mimir_agent::state::{LogBounds, LogKind, LogTotals, State};
use serde_json::{Value, json};

use crate::server::{Failure, LOG, Server};
use crate::service::{Agent, TestPace, run_for, state};

const PLENTY: LogBounds = LogBounds { lines: u64::MAX, bytes: u64::MAX };

/// Lines as a schedule leaves them.
fn lines(names: impl IntoIterator<Item = u32>) -> Vec<String> {
    let line = |n| json!({"name": format!("q{n}"), "n": n}).to_string();
    names.into_iter().map(line).collect()
}

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["n"].as_u64().unwrap()).collect()
}

/// A server and an agent with this many result lines on disk.
fn waiting(count: u32, options: Value) -> (Server, Agent) {
    let server = Server::start();
    state(&server).log(LogKind::Result, &lines(0..count), PLENTY).unwrap();
    server.script().config = json!({"options": options});
    let agent = Agent::start_with(&server, TestPace::default(), |_| {});
    (server, agent)
}

#[test]
fn lines_go_in_batches_and_once() {
    let options = json!({"logger_tls_max_lines": 100, "logger_tls_compress": true});
    let (server, mut agent) = waiting(250, options);
    run_for(&mut agent, 60);
    drop(agent);
    let script = server.script();
    assert_eq!(numbers(&script.results), (0..250).collect::<Vec<_>>());
    let bodies = script.seen(LOG);
    let sizes: Vec<_> =
        bodies.iter().map(|seen| seen.body["data"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(bodies[0].headers["content-encoding"], "gzip");
    assert_eq!(bodies[0].headers["authorization"], "NodeKey key-1");
    assert_eq!(bodies[0].body["node_key"], "key-1");
    drop(script);
    assert_eq!(state(&server).log_totals().unwrap(), LogTotals::default());
}

#[test]
fn nothing_is_dropped_for_what_is_no_acknowledgement() {
    let (server, mut agent) = waiting(3, json!({}));
    server.script().fail(
        LOG,
        [
            Failure::Reply(200, ""),
            Failure::Reply(502, ""),
            Failure::Reply(200, "{\"error\": \"\"}"),
            Failure::RetryAfter(503, 300),
            Failure::Reply(404, "no such path"),
        ],
    );
    run_for(&mut agent, 1_000);
    let script = server.script();
    assert_eq!(script.seen(LOG).len(), 6);
    assert_eq!(numbers(&script.results), [0, 1, 2]);
}

#[test]
fn a_forgotten_key_is_replaced_and_lines_travel_under_the_new_one() {
    let (server, mut agent) = waiting(1, json!({}));
    server.script().fail(LOG, [Failure::Reply(401, "{\"node_invalid\": true}")]);
    run_for(&mut agent, 120);
    let script = server.script();
    assert_eq!(script.enrolments, 2);
    let keys: Vec<_> = script.seen(LOG).iter().map(|seen| seen.body["node_key"].clone()).collect();
    assert_eq!(keys, ["key-1", "key-2"]);
    assert_eq!(numbers(&script.results), [0]);
}

#[test]
fn a_full_buffer_drops_the_oldest_and_says_so() {
    let server = Server::start();
    let bounds = LogBounds { lines: 10, bytes: u64::MAX };
    state(&server).log(LogKind::Result, &lines(0..25), bounds).unwrap();
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 60);
    let script = server.script();
    assert_eq!(numbers(&script.results), (15..25).collect::<Vec<_>>());
    assert_eq!(script.statuses.len(), 1);
    let message = script.statuses[0]["message"].as_str().unwrap();
    assert!(message.starts_with("15 log lines were dropped"), "{message}");
    assert_eq!(script.statuses[0]["severity"], 1);
}

#[test]
fn the_buffer_is_bounded_in_bytes_and_across_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    let line = "x".repeat(100);
    let bounds = LogBounds { lines: 1_000, bytes: 450 };
    for kind in [LogKind::Result, LogKind::Status, LogKind::Result] {
        state.log(kind, &[line.clone(), line.clone()], bounds).unwrap();
    }
    let totals = LogTotals { lines: 4, bytes: 400, dropped: 2 };
    assert_eq!(state.log_totals().unwrap(), totals);
    drop(state);
    let mut state = State::open(directory.path()).unwrap();
    assert_eq!(state.log_totals().unwrap(), totals);
    assert_eq!(state.log_batch(LogKind::Status, 10, 10_000).unwrap().len(), 2, "oldest first");
    // One line larger than everything: it goes, not the bound.
    state.log(LogKind::Result, &["y".repeat(500)], bounds).unwrap();
    let totals = LogTotals { lines: 0, bytes: 0, dropped: 7 };
    assert_eq!(state.log_totals().unwrap(), totals);
}

#[test]
fn an_acknowledgement_of_lines_that_were_dropped_meanwhile_counts_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    state.log(LogKind::Result, &lines(0..4), PLENTY).unwrap();
    let sent = state.log_batch(LogKind::Result, 3, 1).unwrap();
    assert_eq!(sent.len(), 1, "one goes, however large");
    let sent = state.log_batch(LogKind::Result, 3, 10_000).unwrap();
    let bounds = LogBounds { lines: 2, bytes: u64::MAX };
    state.log(LogKind::Result, &lines(4..5), bounds).unwrap();
    state.log_acknowledge(&sent).unwrap();
    let totals = state.log_totals().unwrap();
    assert_eq!((totals.lines, totals.dropped), (2, 3));
    let rest = state.log_batch(LogKind::Result, 10, 10_000).unwrap();
    assert_eq!(totals.bytes, rest.iter().map(|line| line.text.len() as u64).sum::<u64>());
    state.log_acknowledge(&rest).unwrap();
    assert_eq!(state.log_totals().unwrap(), LogTotals { dropped: 3, ..LogTotals::default() });
}

#[test]
fn a_line_the_server_does_not_like_does_not_hold_up_the_others() {
    let (server, mut agent) = waiting(20, json!({}));
    server.script().refused_line = Some("q7");
    run_for(&mut agent, 600);
    let script = server.script();
    let expected: Vec<u64> = (0..20).filter(|n| *n != 7).collect();
    assert_eq!(numbers(&script.results), expected);
    let message = script.statuses.last().unwrap()["message"].as_str().unwrap();
    assert!(message.starts_with("1 log lines were dropped"), "{message}");
}

#[test]
fn waits_after_failures_grow_but_new_lines_do_not_shorten_them() {
    let (server, mut agent) = waiting(1, json!({"logger_tls_backoff_max": 60}));
    let down = || Failure::Reply(500, "down");
    server.script().fail(LOG, std::iter::repeat_with(down).take(5));
    run_for(&mut agent, 200);
    // 4, 16, 36, 60 and 60 seconds.
    assert_eq!(server.script().seen(LOG).len(), 6);
    run_for(&mut agent, 100);
    assert_eq!(server.script().seen(LOG).len(), 6);
    assert_eq!(numbers(&server.script().results), [0]);
    agent.pace.pass(Duration::from_secs(1));
}

#[test]
fn status_lines_can_stay_at_home() {
    let server = Server::start();
    server.script().config = json!({
        "options": {"tls_disable_status_log": true},
        "schedule": {"q": {"query": "SELECT * FROM nowhere", "interval": 60}},
    });
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 300);
    assert_eq!(server.script().seen(LOG).len(), 0);
}
