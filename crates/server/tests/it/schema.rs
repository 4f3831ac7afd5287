// SPDX-License-Identifier: Apache-2.0
//! What the editor completes, what settings mean, and how large answers travel.

use std::io::Read as _;

use axum::body::Body;
use http::header;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::harness::Server;
use crate::on_both_engines;

fn table<'s>(schema: &'s Value, name: &str) -> &'s Value {
    let tables = schema["tables"].as_array().unwrap();
    tables.iter().find(|table| table["name"] == name).unwrap()
}

on_both_engines!(the_schema_follows_the_deny_list, |server| {
    let (admin, operator) = (server.admin().await, server.operator().await);
    let reply = server.get(&operator, "/schema").await;
    assert_eq!(reply.headers[header::CACHE_CONTROL], "private, no-cache");
    let tag = reply.headers[header::ETAG].clone();
    assert!(tag.to_str().unwrap().starts_with('"'), "strong: {tag:?}");
    let schema = reply.expect(200);
    assert_eq!(schema["osquery_version"], "5.23.0");
    assert_eq!(schema["tables"].as_array().unwrap().len(), 284);
    assert_eq!(table(&schema, "file")["required"], json!(["path", "directory"]));
    let denied = table(&schema, "curl")["denied"].as_str().unwrap();
    let check = json!({"sql": "SELECT url FROM curl", "target": {"type": "all"}});
    let check = server.post(&operator, "/queries/check", check).await.expect(200);
    assert_eq!(check["blocked"][0]["reason"], denied, "the editor says what the guard says");
    assert_eq!(table(&schema, "users")["denied"], Value::Null);

    let again = || async {
        let request = server.request(&operator, "GET", "/schema");
        server.raw(request.header(header::IF_NONE_MATCH, &tag).body(Body::empty()).unwrap()).await
    };
    let known = again().await;
    assert_eq!((known.status.as_u16(), &*known.text), (304, ""));
    assert_eq!(known.headers[header::ETAG], tag);

    let patch = json!({"denied_tables": ["users"], "allowed_extension_tables": ["acme"]});
    server.send(&admin, "PATCH", "/settings", Some(patch)).await.expect(200);
    let schema = again().await;
    assert_ne!(schema.headers[header::ETAG], tag);
    let schema = schema.expect(200);
    assert!(table(&schema, "users")["denied"].as_str().unwrap().contains("administrator"));
    assert_eq!(table(&schema, "curl")["denied"], Value::Null);
    assert_eq!(schema["extension_tables"], json!(["acme"]));
});

/// The encoding, the tag and the body of an answer to somebody who takes these encodings.
async fn sent(
    server: &Server,
    path: &str,
    takes: &str,
) -> (Option<String>, Option<String>, Vec<u8>) {
    let user = server.account(takes, mimir_wire::api::user::Role::Admin, &[]).await;
    let caller = server.key_of(&user).await;
    let request = server.request(&caller, "GET", path).header(header::ACCEPT_ENCODING, takes);
    let response = server.stream(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    let text = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
    let (encoding, tag) = (text(header::CONTENT_ENCODING), text(header::ETAG));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (encoding, tag, body.to_vec())
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_can_unpack_them() {
    let server = Server::new();
    let (none, plain_tag, plain) = sent(&server, "/schema", "identity").await;
    assert_eq!(none, None);
    let (encoding, gzip_tag, gzip) = sent(&server, "/schema", "gzip, br").await;
    assert_eq!(encoding.as_deref(), Some("gzip"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*gzip).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain && gzip.len() * 5 < plain.len());
    let (encoding, zstd_tag, zstd) = sent(&server, "/schema", "gzip, zstd").await;
    assert_eq!(encoding.as_deref(), Some("zstd"));
    assert!(zstd::stream::decode_all(&*zstd).unwrap() == plain);
    assert!(plain_tag != gzip_tag && gzip_tag != zstd_tag, "strong tags name bytes");

    let (encoding, _, _) = sent(&server, "/auth/me", "gzip ,zstd").await;
    assert_eq!(encoding, None, "small answers are not worth it");
}

/// A new secret beside a name that the caller chose: the size must not tell of it.
#[tokio::test]
async fn answers_with_new_secrets_are_not_compressed() {
    let server = Server::new();
    let admin = server.admin().await;
    let name = "a".repeat(100);
    let request = server.request(&admin, "POST", "/saved-queries");
    let request = request.header(header::ACCEPT_ENCODING, "gzip");
    let body = json!({"name": name, "description": "b".repeat(1500), "sql": "SELECT 1",
        "target": {"type": "all"}});
    let reply = server.raw(request.body(Body::from(body.to_string())).unwrap()).await;
    assert!(!reply.headers.contains_key(header::CONTENT_ENCODING));
    reply.expect(201);
}

#[tokio::test]
async fn settings_say_what_they_mean_and_what_they_may_be() {
    let server = Server::new();
    let (admin, operator) = (server.admin().await, server.operator().await);
    let schema = server.get(&operator, "/settings/schema").await.expect(200);
    let settings = server.get(&operator, "/settings").await.expect(200);
    let items = schema["items"].as_array().unwrap();
    let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert!(names.iter().eq(settings.as_object().unwrap().keys()));
    for item in items {
        let name = item["name"].as_str().unwrap();
        assert_eq!(item["default"], settings[name], "{name} of a new server");
        assert!(item["meaning"].as_str().unwrap().ends_with('.'), "{name}");
        // The bounds are those that a change is judged by.
        assert_eq!(item["kind"] == "integer", item["max"].is_u64(), "{name}");
        let Some(most) = item["max"].as_u64() else { continue };
        for (value, fits) in [(item["min"].as_u64().unwrap() - 1, false), (most + 1, false)] {
            let patch = json!({name: value});
            let reply = server.send(&admin, "PATCH", "/settings", Some(patch)).await;
            assert_eq!(reply.status == 200, fits, "{name}: {}", reply.text);
        }
    }
    let denials = schema["default_denials"].as_array().unwrap();
    let listed = |kind: &str| denials.iter().filter(|d| d["kind"] == kind).count();
    for (kind, setting) in
        [("table", "denied_tables"), ("column", "denied_columns"), ("function", "denied_functions")]
    {
        assert_eq!(listed(kind), settings[setting].as_array().unwrap().len(), "{kind}");
    }
    assert!(denials.iter().all(|denial| !denial["reason"].as_str().unwrap().is_empty()));
}
