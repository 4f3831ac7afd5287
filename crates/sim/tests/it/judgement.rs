// SPDX-License-Identifier: Apache-2.0
//! Answers: the status never counts, the body always does.

use mimir_sim::{Endpoint, Fate};

use crate::server::{FakeServer, Reply};

/// Whether one write with this reply counts as success; any failure is met by `{}` afterwards.
async fn write_succeeds(reply: Reply) -> bool {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    server.next(Endpoint::Write, reply);
    assert!(fleet.poll_once(0).await.ok, "the next attempt succeeds at the latest");
    let record = fleet.record(0);
    let first = record.sent_to(Endpoint::Write).next().unwrap();
    first.fate == Fate::Acknowledged
}

fn body(status: u16, text: &str) -> Reply {
    Reply::Body(status, text.as_bytes().to_vec())
}

#[tokio::test]
async fn statuses_are_ignored_and_an_empty_body_is_success() {
    for reply in [
        body(200, "{}"),
        body(500, "{}"),
        body(503, ""),
        body(401, ""),
        body(200, r#"{"node_invalid": false}"#),
    ] {
        assert!(write_succeeds(reply.clone()).await, "{reply:?}");
    }
}

#[tokio::test]
async fn errors_and_what_is_no_object_are_failure_even_with_200() {
    for reply in [
        body(200, r#"{"error": ""}"#),
        body(200, r#"{"error": null}"#),
        body(200, "<html>busy</html>"),
        body(200, "[]"),
        body(200, r#"{"node_invalid": true}"#),
        Reply::Raw(b"HTTP/1.1 200 OK\r\n\r\n{}".to_vec()),
        Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".to_vec()),
    ] {
        assert!(!write_succeeds(reply.clone()).await, "{reply:?}");
    }
}

#[tokio::test]
async fn chunked_answers_are_read() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        e\r\n{\"queries\": {\"\r\n10\r\na\": \"SELECT 1\"}}\r\n0\r\n\r\n";
    server.next(Endpoint::Read, Reply::Raw(chunked.as_bytes().to_vec()));
    let report = fleet.poll_once(0).await;
    assert_eq!((report.accepted, report.ok), (vec!["a".to_owned()], true));
}
