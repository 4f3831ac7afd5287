// SPDX-License-Identifier: Apache-2.0
//! Campaigns: launch, watch, export, the irreversible.

use crate::scripted::{Scripted, answer, json, unfinished};
use crate::{ask, refusal};

const ID: &str = "0193b3a0-0000-7000-8000-000000000006";

fn campaign(pending: u32, status: &str) -> String {
    let responded = 3 - pending;
    serde_json::json!({
        "id": ID, "name": "Kernels", "kind": "osquery", "status": status, "complete": pending == 0,
        "stop_code": null, "stop_reason": null, "stopped_at": null, "stopped_by": null,
        "discard_in_flight": false, "created_at": "2026-11-23T16:54:00Z",
        "created_by": {"id": "0193b3a0-0000-7000-8000-000000000002", "username": "ada"},
        "target": {"type": "all"}, "live_window_minutes": 10,
        "live_until": "2026-11-23T17:04:00Z", "live": true, "rows_dropped": false,
        "warnings": ["one host is very old"], "coverage": coverage(responded, pending),
        "frozen": {"sql": "SELECT 1", "spec_sha256": "ab12"}
    })
    .to_string()
}

fn coverage(responded: u32, pending: u32) -> serde_json::Value {
    serde_json::json!({
        "targeted": 3, "responded": responded, "pending": pending, "offered": 0, "late": 1,
        "lost": 0, "cancelled": 0, "blocked": 0, "rejected": 0, "with_rows": responded,
        "empty": 0, "errors": 0, "denylisted": 0, "truncated": 0, "rows_stored": 1500,
        "rows_reported": 1500
    })
}

fn launched() -> Vec<u8> {
    let body = format!(r#"{{"campaign": {}, "dispatched_hosts": 3}}"#, campaign(3, "active"));
    answer(201, "application/json", "", &body)
}

#[test]
fn a_launch_is_told_and_says_how_to_follow() {
    let server = Scripted::new(vec![launched()]);
    let arguments =
        ["campaign", "launch", "--sql", "SELECT 1", "--target", "all", "--live-window", "5"];
    let ran = ask(&server, &arguments);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.out, @r"
    Campaign  0193b3a0-0000-7000-8000-000000000006
    Name      Kernels
    Hosts     3
    Live      until 2026-11-23 17:04:00 UTC (in 4 min)
    ");
    insta::assert_snapshot!(ran.err, @r"
    warning: one host is very old
    Follow it with `mimir campaign watch 0193b3a0-0000-7000-8000-000000000006`.
    ");
    let asked = &server.asked()[0];
    assert_eq!(asked.body, r#"{"sql":"SELECT 1","target":{"type":"all"},"live_window_minutes":5}"#);
    assert_eq!(asked.header("idempotency-key").map(str::len), Some(36));
}

#[test]
fn a_launch_whose_answer_is_lost_happens_once() {
    let cut = b"HTTP/1.1 201 Created\r\ncontent-length: 999\r\n\r\n{".to_vec();
    let server = Scripted::new(vec![cut, refusal(503, "unavailable", "Restarting."), launched()]);
    let ran = ask(&server, &["campaign", "launch", "--sql", "SELECT 1", "--target", "all"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let asked = server.asked();
    let keys: Vec<_> = asked.iter().map(|asked| asked.header("idempotency-key")).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn a_refused_launch_is_not_repeated() {
    let server = Scripted::new(vec![refusal(409, "campaigns_disabled", "They are off.")]);
    let ran = ask(&server, &["campaign", "launch", "--sql", "SELECT 1", "--target", "all"]);
    assert_eq!((ran.code, server.asked().len()), (1, 1));
    assert_eq!(ran.err, "refused: They are off. (campaigns_disabled)\n");
}

#[test]
fn a_saved_query_is_found_by_its_exact_name() {
    let saved = |id: u32, name: &str| {
        let user = r#"{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada"}"#;
        format!(
            r#"{{"id":"0193b3a0-0000-7000-8000-00000000010{id}","name":"{name}",
                "description":"","sql":"SELECT 1","target":{{"type":"all"}},"created_by":{user},
                "created_at":"2026-11-01T00:00:00Z","updated_by":{user},
                "updated_at":"2026-11-01T00:00:00Z","version":1}}"#
        )
    };
    let list = format!(
        r#"{{"items":[{},{}],"next_cursor":null,"total":2}}"#,
        saved(1, "Ports, old"),
        saved(2, "Ports")
    );
    let server = Scripted::new(vec![json(&list), launched()]);
    let ran = ask(&server, &["campaign", "launch", "--saved", "Ports", "--use-saved-target"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /api/v1/saved-queries?q=Ports&limit=500");
    assert_eq!(
        asked[1].body,
        r#"{"saved_query_id":"0193b3a0-0000-7000-8000-000000000102","use_saved_target":true}"#
    );
}

fn watched(format: &[&str]) -> crate::Ran {
    let events = [
        format!("id: 1\nevent: coverage\ndata: {}\n\n", coverage(2, 1)),
        "id: 2\nevent: response\ndata: {\"host_id\":\"0193b3a0-0000-7000-8000-000000000001\",\
         \"hostname\":\"web\\u001b-1\",\"row_count\":1200,\"stored_rows\":1200,\"late\":true,\
         \"outcome\":\"rows\",\"truncated\":false,\"received_at\":\"2026-11-23T17:05:00Z\"}\n\n"
            .to_owned(),
        format!("id: 3\nevent: coverage\ndata: {}\n\n", coverage(3, 0)),
    ];
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let server = Scripted::routed(vec![
        ("/events", unfinished("text/event-stream", &events)),
        (ID, json(&campaign(3, "active"))),
        (ID, json(&campaign(0, "active"))),
    ]);
    ask(&server, &[&["campaign", "watch", ID], format].concat())
}

#[test]
fn a_watch_follows_until_it_is_complete() {
    let ran = watched(&[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out, @r"
    ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0 of 3 answered (0%), 1 late, 3 pending, 1,500 rows
    ██████████▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░ 2 of 3 answered (66%), 1 late, 1 pending, 1,500 rows
    2026-11-23 17:05:00 UTC  web\x1b-1  1,200 rows, late
    ████████████████████▓▓▓▓▓▓▓▓▓▓ 3 of 3 answered (100%), 1 late, 0 pending, 1,500 rows
    ");
    assert_eq!(ran.err, "Complete: every host has come to its end.\n");

    let ran = watched(&["--output", "json"]);
    let names: Vec<String> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|event| event["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["coverage", "response", "coverage", "status"]);
}

#[test]
fn an_export_appears_when_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.csv");
    let path = path.to_str().unwrap();
    let export = ["campaign", "export", ID, "--format", "csv", "--out", path];

    let server = Scripted::new(vec![unfinished("text/csv", &["a,b\r\n"])]);
    let ran = ask(&server, &export);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("broke off"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);

    let server = Scripted::new(vec![answer(200, "text/csv", "", "a,b\r\n1,2\r\n")]);
    let ran = ask(&server, &export);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "a,b\r\n1,2\r\n");

    let server = Scripted::new(vec![answer(200, "text/csv", "", "a\r\n")]);
    let ran = ask(&server, &["campaign", "export", ID, "--format", "ndjson"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "a\r\n"));
}

#[test]
fn rows_are_not_dropped_without_the_name() {
    let ran =
        ask(&Scripted::new(vec![json(&campaign(0, "stopped"))]), &["campaign", "drop-rows", ID]);
    assert_eq!(ran.code, 2);
    let server = Scripted::new(vec![json(&campaign(0, "stopped"))]);
    let ran = ask(&server, &["campaign", "drop-rows", ID, "--confirm", "Kernels"]);
    assert_eq!(ran.code, 0);
    assert_eq!(server.asked()[0].body, r#"{"confirm":"Kernels"}"#);
}
