// SPDX-License-Identifier: Apache-2.0
//! Live queries.

use crate::ask;
use crate::scripted::{Scripted, answer, json, unfinished};

const ID: &str = "0193b3a0-0000-7000-8000-000000000009";

fn script(end: &str) -> Scripted {
    let started = answer(
        202,
        "application/json",
        "",
        &format!(
            r#"{{"id":"{ID}","targeted":3,"online":2,"offline":1,
                "expires_at":"2026-11-23T17:01:00Z"}}"#
        ),
    );
    let host = |n: u32, name: &str, rows: &str, error: &str| {
        format!(
            "id: {n}\nevent: host\ndata: {{\"host_id\":\"0193b3a0-0000-7000-8000-00000000000{n}\",\
             \"hostname\":\"{name}\",\"rows\":{rows},\"row_count\":1,\"error\":{error}}}\n\n"
        )
    };
    let events = [
        host(1, "web-1", r#"[{"pid":"1","name":"=init"}]"#, "null"),
        host(2, "db\\u001b[2J", "[]", "\"no such table: x\""),
        "id: 3\nevent: totals\ndata: {\"targeted\":3,\"online\":2,\"answered\":2,\"errors\":1,\
         \"rows\":1}\n\n"
            .to_owned(),
        format!("id: 4\nevent: end\ndata: {end}\n\n"),
    ];
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    Scripted::new(vec![started, unfinished("text/event-stream", &events)])
}

const COMPLETE: &str = r#"{"reason":"complete","truncated":false}"#;
const QUERY: &[&str] = &["query", "run", "--sql", "SELECT 1", "--target", "os:linux"];

#[test]
fn rows_are_printed_as_they_come() {
    let server = script(COMPLETE);
    let ran = ask(&server, QUERY);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.out, @r"
    HOST   pid  name
    web-1  1    =init
    ");
    insta::assert_snapshot!(ran.err, @r"
    Asking 2 of 3 hosts; skipping 1 that is not online.
    db\x1b[2J: no such table: x
    All hosts that were asked have answered: 2 of 2 answered, 1 error, 1 row.
    ");
    let asked = server.asked();
    assert_eq!(asked[0].line, "POST /api/v1/queries/run");
    assert_eq!(
        asked[0].body,
        r#"{"sql":"SELECT 1","target":{"type":"os_in","platforms":["linux"]}}"#
    );
    assert_eq!(asked[1].line, format!("GET /api/v1/queries/live/{ID}/events"));
}

#[test]
fn programs_get_events_or_records() {
    let ran = ask(&script(COMPLETE), &[QUERY, &["--output", "json"]].concat());
    let events: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["started", "host", "host", "totals", "end"]);
    assert_eq!(events[1]["data"]["rows"][0]["name"], "=init");

    let ran = ask(&script(COMPLETE), &[QUERY, &["--output", "csv"]].concat());
    assert_eq!(
        ran.out,
        "_host_id,_hostname,pid,name\n0193b3a0-0000-7000-8000-000000000001,web-1,1,'=init\n"
    );
}

#[test]
fn a_cut_result_is_told() {
    let ran = ask(&script(r#"{"reason":"row_cap","truncated":true}"#), QUERY);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("warning: more rows came than"), "{}", ran.err);
}

#[test]
fn a_cancelled_query_is_no_success() {
    let ran = ask(&script(r#"{"reason":"cancelled","truncated":false}"#), QUERY);
    assert_eq!(ran.code, 1);
}

#[test]
fn a_check_that_fails_says_why() {
    let server = Scripted::new(vec![json(
        r#"{"ok":false,"tables":["curl"],"platforms":["linux","darwin"],
            "blocked":[{"table":"curl","reason":"it talks to the network"}],
            "warnings":[{"code":"cost","table":"file","message":"needs a `path` constraint"}],
            "error":null,"error_offset":null}"#,
    )]);
    let ran = ask(&server, &["query", "check", "--sql", "SELECT 1", "--target", "all"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out, @r"
    Acceptable     no
    Tables         curl
    Platforms      linux, darwin
    Error          –
    Error at byte  –
    blocked  curl: it talks to the network
    warning  file: needs a `path` constraint
    ");
}
