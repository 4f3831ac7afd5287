// SPDX-License-Identifier: Apache-2.0
//! Requests that are wrong in form: broken, unknown members, too large, off the map.

use axum::body::Body;
use http::header;
use mimir_engine::limits::API_BODY_BYTES_MAX;
use serde_json::{Value, json};

use crate::harness::{Caller, Reply, Server};

async fn post_text(server: &Server, caller: &Caller, path: &str, text: &str) -> Reply {
    let body = Body::from(text.to_owned());
    server.raw(server.request(caller, "POST", path).body(body).unwrap()).await
}

/// Every operation that takes a body, with one that would be of the right shape.
const BODIES: &[(&str, &str, &str)] = &[
    ("POST", "/auth/login", r#"{"username": "a", "password": "b"}"#),
    ("POST", "/auth/password", r#"{"current": "a", "new": "b"}"#),
    ("PATCH", "/settings", "{}"),
    ("POST", "/hosts/{id}/decommission", "{}"),
    ("POST", "/enrollment-secrets", r#"{"name": "a"}"#),
    ("POST", "/enrollment-kits", r#"{"agent": "osqueryd"}"#),
    ("POST", "/targets/count", r#"{"target": {"type": "all"}}"#),
    ("POST", "/users", r#"{"username": "a", "password": "b", "role": "admin"}"#),
    ("PATCH", "/users/{id}", "{}"),
    ("POST", "/api-keys", r#"{"name": "a"}"#),
    ("POST", "/queries/check", r#"{"sql": "SELECT 1", "target": {"type": "all"}}"#),
    ("POST", "/queries/run", r#"{"sql": "SELECT 1", "target": {"type": "all"}}"#),
    ("POST", "/saved-queries", r#"{"name": "a", "sql": "SELECT 1"}"#),
    ("PUT", "/saved-queries/{id}", r#"{"name": "a", "sql": "SELECT 1"}"#),
    ("POST", "/indicators", "{}"),
    ("POST", "/indicators/detect", r#"{"value": "a"}"#),
    ("POST", "/indicators/import", "{}"),
    ("PATCH", "/indicators/{id}", "{}"),
    ("POST", "/campaigns", "{}"),
    ("POST", "/campaigns/{id}/stop", "{}"),
    ("POST", "/campaigns/{id}/drop-rows", r#"{"confirm": "a"}"#),
];

#[test]
fn no_operation_with_a_body_is_missing() {
    let document: Value = serde_json::from_str(&mimir_server::http::openapi::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let row = BODIES.iter().any(|(m, p, _)| m.eq_ignore_ascii_case(method) && p == path);
            assert_eq!(row, operation["requestBody"].is_object(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn unknown_members_are_refused_by_every_operation() {
    let server = Server::new();
    let admin = server.admin().await;
    for (method, path, body) in BODIES {
        let path = path.replace("{id}", "01890000-0000-7000-8000-000000000000");
        let mut body: Value = serde_json::from_str(body).unwrap();
        body["no_such_member"] = json!(1);
        let reply = server.send(&admin, method, &path, Some(body)).await;
        let text = reply.text.clone();
        let json = reply.refused(422, "invalid_request");
        assert!(json["errors"][0]["message"].is_string(), "{method} {path}: {text}");
        assert!(text.contains("no_such_member"), "{method} {path}: {text}");
    }
}

#[tokio::test]
async fn broken_json_is_a_bad_request_of_every_operation() {
    let server = Server::new();
    let admin = server.admin().await;
    for (method, path, body) in BODIES {
        let path = path.replace("{id}", "01890000-0000-7000-8000-000000000000");
        for broken in [format!("{body} x"), "{".to_owned(), "\u{feff}{}".to_owned()] {
            let request = server.request(&admin, method, &path).body(Body::from(broken)).unwrap();
            let json = server.raw(request).await.refused(400, "invalid_request");
            assert!(json.get("broken_json").is_none());
        }
        let request = server.request(&admin, method, &path);
        let reply = server.raw(request.body(Body::from("[1]")).unwrap()).await;
        reply.refused(422, "invalid_request");
    }
}

#[tokio::test]
async fn the_wrong_member_is_named_by_its_path() {
    let server = Server::new();
    let admin = server.admin().await;
    let text = r#"{"name": "a", "sql": 1}"#;
    post_text(&server, &admin, "/saved-queries", text).await.invalid(&["sql"]);
    let text = r#"{"max_concurrent_hunts": -1}"#;
    let request = server.request(&admin, "PATCH", "/settings").body(Body::from(text)).unwrap();
    server.raw(request).await.invalid(&["max_concurrent_hunts"]);
    // A number where a word must stand.
    let text = r#"{"username": "a", "password": "b", "role": 5}"#;
    post_text(&server, &admin, "/users", text).await.invalid(&["role"]);
    // Twice the same member: which one is meant?
    let text = r#"{"name": "a", "name": "b"}"#;
    post_text(&server, &admin, "/api-keys", text).await.refused(422, "invalid_request");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = Server::new();
    let admin = server.admin().await;
    let name = "x".repeat(API_BODY_BYTES_MAX);
    let text = json!({"name": name}).to_string();
    let reply = post_text(&server, &admin, "/api-keys", &text).await;
    reply.refused(413, "payload_too_large");
    // Just within it is read, and refused for what it says.
    let text = json!({"name": &name[..API_BODY_BYTES_MAX - 100]}).to_string();
    post_text(&server, &admin, "/api-keys", &text).await.invalid(&["name"]);
}

#[tokio::test]
async fn bad_pages_are_refused() {
    let server = Server::new();
    let admin = server.admin().await;
    let lists = [
        "/hosts",
        "/users",
        "/api-keys",
        "/enrollment-secrets",
        "/saved-queries",
        "/indicators",
        "/campaigns",
        "/audit",
    ];
    for list in lists {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=many", "limit"),
            ("cursor=%21", "cursor"),
            ("cursor=bnVsbCBhbmQgdm9pZA", "cursor"),
        ] {
            server.get(&admin, &format!("{list}?{query}")).await.invalid(&[field]);
        }
        let page = server.get(&admin, &format!("{list}?limit=500&cursor=")).await.expect(200);
        assert!(page["items"].is_array() && page.get("total").is_some(), "{list}");
        let unknown = server.get(&admin, &format!("{list}?nosuch=1")).await;
        unknown.refused(422, "invalid_request");
    }
    server.get(&admin, "/hosts?status=asleep").await.invalid(&["status"]);
    server.get(&admin, "/audit?from=yesterday").await.invalid(&["from"]);
    let backwards = "/audit?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z";
    server.get(&admin, backwards).await.invalid(&["to"]);
}

/// A cursor is only text from outside: whatever it holds, no list may fail on it.
#[tokio::test]
async fn a_forged_cursor_harms_nothing() {
    use base64::Engine as _;
    let server = Server::on(mimir_store::db::Engine::Postgres);
    let admin = server.admin().await;
    let lists = [
        "/hosts",
        "/users",
        "/api-keys",
        "/enrollment-secrets",
        "/saved-queries",
        "/indicators",
        "/campaigns",
        "/audit",
    ];
    let nul = "\u{0}";
    let forged =
        [json!(["a\u{0}", 1]), json!(nul), json!(i64::MIN), json!([nul, i64::MAX]), json!({})];
    for list in lists {
        for key in &forged {
            let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.to_string());
            let reply = server.get(&admin, &format!("{list}?cursor={cursor}")).await;
            let status = reply.status.as_u16();
            assert!(matches!(status, 200 | 422), "{list} {key}: {}", reply.text);
        }
        for filter in ["q=%00", "actor=%00", "tag=%00", "source=%00"] {
            let reply = server.get(&admin, &format!("{list}?{filter}")).await;
            assert!(reply.status != 500, "{list}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_in_the_same_shape() {
    let server = Server::new();
    let admin = server.admin().await;
    server.get(&admin, "/nothing").await.refused(404, "not_found");
    server.send(&admin, "DELETE", "/settings", None).await.refused(404, "not_found");
    server.get(&admin, "/hosts/%00").await.refused(404, "not_found");
    server.get(&admin, "/hosts/%ff").await.refused(404, "not_found");
    let reply = server.get(&Caller::Nobody, "/hosts").await;
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    reply.refused(401, "unauthenticated");
}
