// SPDX-License-Identifier: Apache-2.0
//! Attacks: what callers without rights, and hosts that lie, cannot make the server do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use http::header;
use mimir_engine::limits::{
    BODIES_BYTES_MAX, EXPORTS_MAX, KNOWN_BODIES_BYTES_MAX, PUBLIC_BODY_BYTES_MAX,
    WRITE_BODY_BYTES_MAX,
};
use serde_json::{Value, json};

use crate::harness::{Caller, Server};

/// More requests than any limiter lets through at once.
const FLOOD: usize = 60;

fn enrolment(secret: &Value, name: &str, uuid: &str) -> Value {
    json!({
        "enroll_secret": secret, "host_identifier": name, "platform_type": "9",
        "host_details": {"system_info": {"hostname": name, "uuid": uuid}},
    })
}

#[tokio::test]
async fn what_nobody_may_send_is_small() {
    let server = Server::new();
    let admin = server.admin().await;
    let long = "x".repeat(PUBLIC_BODY_BYTES_MAX);
    let login = json!({"username": "root", "password": long});
    let reply = server.post(&Caller::Nobody, "/auth/login", login).await;
    reply.refused(413, "payload_too_large");
    let sql = format!("SELECT 1 -- {long}");
    let check = json!({"sql": sql, "target": {"type": "all"}});
    server.post(&admin, "/queries/check", check).await.expect(200);
}

#[tokio::test]
async fn strangers_cannot_fill_the_audit_trail() {
    let server = Server::new();
    let mut codes = Vec::new();
    for _ in 0..FLOOD {
        let request = server.request(&Caller::Nobody, "POST", "/auth/login");
        let request = request.header(header::ORIGIN, "https://evil.test");
        let body = Body::from(r#"{"username": "a", "password": "b"}"#);
        codes.push(server.raw(request.body(body).unwrap()).await.code().to_owned());
    }
    assert_eq!(codes[0], "bad_origin");
    assert_eq!(codes[FLOOD - 1], "rate_limited");
    let refused = codes.iter().filter(|code| *code == "bad_origin").count();
    assert_eq!(server.entries().await.len(), refused, "what was refused by rights is recorded");
}

#[tokio::test]
async fn taking_over_a_machine_is_recorded_and_cannot_be_repeated_at_will() {
    let server = Server::new();
    let admin = server.admin().await;
    let made = server.post(&admin, "/enrollment-secrets", json!({"name": "s"})).await.expect(201);
    let secret = &made["secret"];
    let enroll = |body| server.post(&Caller::Nobody, "/osquery/enroll", body);
    let first = enroll(enrolment(secret, "victim", "u-1")).await.expect(200);
    let taken = enroll(enrolment(secret, "imposter", "u-1")).await.expect(200);
    let entries = server.entries().await;
    assert_eq!(entries[0]["action"], "host.reenroll");
    assert_eq!(entries[0]["target"]["id"], entries[1]["target"]["id"]);
    assert_eq!(entries[0]["target"]["name"], "imposter");
    let details = &entries[0]["details"];
    assert_eq!(
        (&details["hostname_before"], &details["enrollment_secret"]),
        (&json!("victim"), &json!("s"))
    );
    let before = entries.len();
    let mut refused = 0;
    for _ in 0..FLOOD {
        let reply = enroll(enrolment(secret, "victim", "u-1")).await;
        refused += usize::from(reply.status == 429);
        let error = &reply.json["error"];
        assert_eq!(error.is_string(), reply.status != 200, "agents see failures as such");
    }
    assert!(refused > 0);
    let added = server.entries().await.len() - before;
    assert_eq!(added, FLOOD - refused);
    enroll(enrolment(secret, "other", "u-2")).await.expect(200);
    for key in [&first["node_key"], &taken["node_key"]] {
        assert!(server.read_work(key.as_str().unwrap()).await["node_invalid"].is_null());
    }
}

#[tokio::test]
async fn an_enrolment_without_a_right_secret_changes_nothing_at_all() {
    let server = Server::new();
    let admin = server.admin().await;
    let made = server.post(&admin, "/enrollment-secrets", json!({"name": "s"})).await.expect(201);
    let revoke = format!("/enrollment-secrets/{}/revoke", made["id"].as_str().unwrap());
    server.send(&admin, "POST", &revoke, None).await.expect(200);
    let before = server.entries().await.len();
    for secret in [json!("mes_wrong"), json!(""), json!("\u{0}"), made["secret"].clone()] {
        let body = enrolment(&secret, "h", "u");
        let reply = server.post(&Caller::Nobody, "/osquery/enroll", body).await;
        assert_eq!(reply.status, 401, "{}", reply.text);
    }
    assert_eq!(server.entries().await.len(), before);
}

#[tokio::test]
async fn slow_readers_of_exports_cannot_take_every_thread() {
    let server = Server::new();
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    server.enrol(&admin, "one").await;
    let launch = json!({"sql": "SELECT username FROM users", "target": {"type": "all"}});
    let launched = server.post(&admin, "/campaigns", launch).await.expect(201);
    let path = format!("/campaigns/{}/export", launched["campaign"]["id"].as_str().unwrap());
    let slots = std::sync::Arc::clone(&server.app.export_slots);
    let held = slots.try_acquire_many(u32::try_from(EXPORTS_MAX).unwrap()).unwrap();
    let before = server.entries().await.len();
    server.get(&admin, &path).await.refused(503, "unavailable");
    assert_eq!(server.entries().await.len(), before, "nothing was exported, nothing is recorded");
    drop(held);
    for _ in 0..=EXPORTS_MAX {
        assert_eq!(server.get(&admin, &path).await.status, 200);
    }
}

#[tokio::test]
async fn one_host_that_invents_columns_does_not_push_out_those_of_the_others() {
    let server = Server::new();
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    let mut keys = Vec::new();
    for name in ["liar", "one", "two"] {
        keys.push(server.enrol(&admin, name).await);
    }
    let launch = json!({"sql": "SELECT username FROM users", "target": {"type": "all"}});
    let launched = server.post(&admin, "/campaigns", launch).await.expect(201);
    let junk: serde_json::Map<_, _> = (0..3000).map(|n| (format!("junk{n}"), json!("x"))).collect();
    for (key, row) in
        keys.iter().zip([json!(junk), json!({"username": "a"}), json!({"username": "b"})])
    {
        let work = server.read_work(key).await;
        let names = work["queries"].as_object().unwrap().keys();
        let queries: serde_json::Map<_, _> = names
            .map(|name| {
                (name.clone(), if name.starts_with('5') { json!([row]) } else { json!([]) })
            })
            .collect();
        let body = json!({"queries": queries, "statuses": {}, "node_key": key});
        server.post(&Caller::Nobody, "/osquery/distributed/write", body).await.expect(200);
    }
    let id = launched["campaign"]["id"].as_str().unwrap();
    let page = server.get(&admin, &format!("/campaigns/{id}/rows")).await.expect(200);
    let columns = page["columns"].as_array().unwrap();
    assert_eq!(columns[0], "username");
    assert_eq!(columns.len(), mimir_engine::limits::COLUMNS_MAX);
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let csv = server.get(&admin, &format!("/campaigns/{id}/export?format=csv")).await;
    let start = &csv.text[..80];
    assert!(start.starts_with("_host_id,_hostname,username,"), "{start}");
    // The file has not all columns, and says so; NDJSON has them.
    assert_eq!(csv.headers["mimir-columns-cut"], "true");
    assert_eq!(server.entries().await[0]["details"]["columns_cut"], true);
    let ndjson = server.get(&admin, &format!("/campaigns/{id}/export?format=ndjson")).await;
    assert_eq!(ndjson.headers["mimir-columns-cut"], "false");
    assert!(ndjson.text.contains("junk2999"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_hold_large_bodies_do_not_keep_known_agents_out() {
    let server = Arc::new(Server::new());
    let admin = server.admin().await;
    let key = server.enrol(&admin, "web-01").await;
    // Bodies that fill what strangers may hold, and never end.
    let strangers = (BODIES_BYTES_MAX - KNOWN_BODIES_BYTES_MAX).div_ceil(WRITE_BODY_BYTES_MAX);
    let mut held = Vec::new();
    for _ in 0..=strangers {
        let piece = Bytes::from(vec![b'x'; WRITE_BODY_BYTES_MAX - (1 << 20)]);
        let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(piece) });
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        let path = "/osquery/distributed/write";
        let request = server.request(&Caller::Nobody, "POST", path).body(body).unwrap();
        let server = Arc::clone(&server);
        held.push(tokio::spawn(async move { server.raw(request).await }));
    }
    // One of them finds no room left, which shows that the others hold it all.
    let start = Instant::now();
    while !held.iter().any(tokio::task::JoinHandle::is_finished) {
        assert!(start.elapsed() < Duration::from_secs(20), "the strangers' share is not full");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let body = json!({"queries": {"x": [{"n": "y".repeat(1 << 20)}]}, "node_key": key});
    let path = "/osquery/distributed/write";
    let request = server.request(&Caller::Nobody, "POST", path);
    let request = request.header(header::AUTHORIZATION, format!("NodeKey {key}"));
    let reply = server.raw(request.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(reply.expect(200), json!({}));
    held.iter().for_each(tokio::task::JoinHandle::abort);
}
