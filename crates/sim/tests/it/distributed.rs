// SPDX-License-Identifier: Apache-2.0
//! The distributed loop: order, merging, keeping, discovery, acceleration, odd results.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mimir_sim::{Endpoint, Outcome, Profile, Rows, Version};
use serde_json::{Value, json};

use crate::server::{FakeServer, Reply};

/// Names of the results in a body, in its order.
fn names(body: &Value) -> Vec<&str> {
    body["queries"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_batch_runs_in_byte_order_and_ends_in_one_write() {
    let server = FakeServer::start().await;
    let ran = Arc::new(Mutex::new(Vec::new()));
    let seen = ran.clone();
    let answers = move |_: &Profile, sql: &str| {
        seen.lock().unwrap().push(sql.to_owned());
        match sql {
            "bad" => Outcome::Error("no such table: foo".to_owned()),
            _ => Outcome::row([("sql", sql)]),
        }
    };
    let fleet = server.fleet().answers(answers).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"b": "2", "a": "bad", "B": "1", "a0": "0"}}"#);
    let report = fleet.poll_once(0).await;
    assert_eq!(*ran.lock().unwrap(), ["1", "bad", "0", "2"]);
    assert_eq!(report.executed, ["B", "a", "a0", "b"]);
    assert_eq!(report.written, Some(true));
    let writes = server.to(Endpoint::Write);
    assert_eq!(writes.len(), 1);
    let body = writes[0].json();
    assert_eq!(names(&body), ["B", "a", "a0", "b"]);
    assert_eq!(body["queries"]["b"], json!([{"sql": "2"}]));
    assert_eq!(body["queries"]["a"], json!([]));
    assert_eq!(body["statuses"], json!({"B": 0, "a": 1, "a0": 0, "b": 0}));
    assert_eq!(body["messages"]["a"], "no such table: foo");
    assert!(body["stats"]["b"]["wall_time_ms"].is_number() && body["stats"]["a"] == json!({}));
    assert_eq!(body.as_object().unwrap().keys().next_back().unwrap(), "node_key");
    fleet.poll_once(0).await;
    assert_eq!(server.to(Endpoint::Write).len(), 1, "nothing to write, no write");
}

#[tokio::test]
async fn unsent_results_are_merged_and_sent_again_in_every_loop() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.always(Endpoint::Write, Reply::Body(500, b"oops".to_vec()));
    server.next(Endpoint::Read, r#"{"queries": {"b": "SELECT 1"}}"#);
    assert_eq!(fleet.poll_once(0).await.unsent, 1);
    server.clear();
    fleet.poll_once(0).await;
    assert_eq!(server.to(Endpoint::Write).len(), 3, "three attempts without any new query");
    server.clear();
    server.always(Endpoint::Write, "{}");
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 2"}}"#);
    let report = fleet.poll_once(0).await;
    assert_eq!((report.written, report.unsent), (Some(true), 0));
    let body = server.to(Endpoint::Write)[0].json();
    assert_eq!(names(&body), ["b", "a"], "the old one and the new one in one body");
    let acknowledged: Vec<_> = fleet.acknowledged(0).into_iter().map(|a| a.name).collect();
    assert_eq!(acknowledged, ["b", "a"]);
}

#[tokio::test]
async fn a_second_run_replaces_the_unsent_result_of_the_same_name() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.always(Endpoint::Write, Reply::Drop);
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1", "z": "SELECT 9"}}"#);
    fleet.poll_once(0).await;
    server.always(Endpoint::Write, "{}").clear();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 2"}}"#);
    fleet.poll_once(0).await;
    let body = server.to(Endpoint::Write)[0].json();
    assert_eq!(names(&body), ["a", "z"]);
    assert_eq!(body["queries"]["a"], json!([{"2": "2"}]));
    let text = String::from_utf8(server.to(Endpoint::Write)[0].body.clone()).unwrap();
    assert_eq!(text.matches("\"a\":[").count(), 1, "one entry a name: {text}");
}

#[tokio::test]
async fn a_failed_read_does_not_keep_results_back() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    for _ in 0..6 {
        server.next(Endpoint::Write, Reply::Drop);
    }
    assert_eq!(fleet.poll_once(0).await.unsent, 1);
    server.always(Endpoint::Read, Reply::Body(502, b"bad gateway".to_vec()));
    let report = fleet.poll_once(0).await;
    assert_eq!((report.ok, report.written, report.unsent), (false, Some(true), 0));
}

#[tokio::test]
async fn a_wrong_entry_ends_the_parse_but_keeps_what_came_before() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1", "b": 5, "c": "SELECT 3"}}"#);
    let report = fleet.poll_once(0).await;
    assert_eq!((report.ok, report.executed), (false, vec!["a".to_owned()]));
    server.next(Endpoint::Read, r#"{"queries": {"a": "", "c": "SELECT 3"}}"#);
    assert!(fleet.poll_once(0).await.executed.is_empty());
}

#[tokio::test]
async fn discovery_decides_and_a_broken_one_rejects_everything() {
    let server = FakeServer::start().await;
    let answers = |_: &Profile, sql: &str| match sql {
        "yes" => Outcome::row([("1", "1")]),
        "broken" => Outcome::Error("no such table: x".to_owned()),
        _ => Outcome::empty(),
    };
    let fleet = server.fleet().answers(answers).build().unwrap();
    server.next(
        Endpoint::Read,
        r#"{"queries": {"a": "A", "b": "B", "c": "C"}, "discovery": {"a": "yes", "b": "no"}}"#,
    );
    assert_eq!(fleet.poll_once(0).await.executed, ["a", "c"]);
    server.next(Endpoint::Read, r#"{"queries": {"d": "D"}, "discovery": {"x": "broken"}}"#);
    let report = fleet.poll_once(0).await;
    assert!(!report.ok && report.executed.is_empty() && report.written.is_none());
    server.next(Endpoint::Read, r#"{"queries": {"d": "D"}, "discovery": {"d": "no"}}"#);
    let report = fleet.poll_once(0).await;
    assert!(report.ok && !report.busy && report.accepted.is_empty(), "no trace of it");
    assert!(!fleet.poll_once(0).await.busy);
}

#[tokio::test]
async fn acceleration_is_a_whole_number_polls_every_5_s_and_survives_the_worker() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"accelerate": "60"}"#);
    assert_eq!(fleet.poll_once(0).await.next_in, Duration::from_secs(60), "quoted: ignored");
    server.next(Endpoint::Read, r#"{"accelerate": 60}"#);
    assert_eq!(fleet.poll_once(0).await.next_in, Duration::from_secs(5));
    fleet.kill_worker(0);
    assert_eq!(fleet.poll_once(0).await.next_in, Duration::from_secs(5));
    fleet.advance(Duration::from_secs(61));
    assert_eq!(fleet.poll_once(0).await.next_in, Duration::from_secs(60));
}

#[tokio::test]
async fn invalid_utf8_goes_out_as_it_is() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().host(0, |h| h.invalid_utf8 = true).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT * FROM users"}}"#);
    assert!(fleet.poll_once(0).await.ok);
    let body = server.to(Endpoint::Write)[0].body.clone();
    assert!(std::str::from_utf8(&body).is_err());
    let repaired: Value = serde_json::from_str(&String::from_utf8_lossy(&body)).unwrap();
    let first = repaired["queries"]["a"][0].to_string();
    let acknowledged = &fleet.acknowledged(0)[0];
    assert_eq!(acknowledged.rows.as_ref().unwrap().lines()[0], first);
}

#[tokio::test]
async fn an_oversized_result_arrives_whole() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().host(0, |h| h.oversized_bytes = 3 << 20).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT * FROM users"}}"#);
    assert!(fleet.poll_once(0).await.ok);
    let write = &server.to(Endpoint::Write)[0];
    assert!(write.body.len() >= 3 << 20);
    let rows = write.json()["queries"]["a"].as_array().unwrap().len() as u64;
    assert_eq!(fleet.acknowledged(0)[0].row_count, rows);
}

#[tokio::test]
async fn old_agents_send_fewer_members() {
    let server = FakeServer::start().await;
    let old = Version::new(4, 3, 0);
    let fleet = server.fleet().host(0, move |h| h.version = old).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    fleet.poll_once(0).await;
    let body = server.to(Endpoint::Write)[0].json();
    assert_eq!(body["statuses"]["a"], "0");
    assert!(body.get("messages").is_none() && body.get("stats").is_none());
}

#[tokio::test]
async fn the_record_tells_which_rows_were_acknowledged() {
    let server = FakeServer::start().await;
    let rows = Rows::new().row([("pid", "1"), ("name", "x\"y")]).row([("pid", "2"), ("name", "")]);
    let answer = rows.clone();
    let answers = move |_: &Profile, _: &str| Outcome::Rows(answer.clone());
    let fleet = server.fleet().answers(answers).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT pid, name FROM processes"}}"#);
    fleet.poll_once(0).await;
    let acknowledged = fleet.acknowledged(0);
    assert_eq!(acknowledged[0].name, "a");
    assert_eq!(acknowledged[0].rows_sha256, rows.sha256());
    let stored: Vec<String> = server.to(Endpoint::Write)[0].json()["queries"]["a"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    assert_eq!(acknowledged[0].rows.as_ref().unwrap().lines(), stored);
}
