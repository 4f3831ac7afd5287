// SPDX-License-Identifier: Apache-2.0
//! Signing in and out, sessions and their ends, passwords, forged requests.

use std::time::Duration;

use axum::body::Body;
use http::header;
use mimir_wire::api::user::Role;
use serde_json::{Value, json};

use crate::harness::{Caller, PASSWORD, Reply, Server};
use crate::on_both_engines;

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn login(server: &Server, username: &str, password: &str) -> Reply {
    let body = json!({"username": username, "password": password});
    server.post(&Caller::Nobody, "/auth/login", body).await
}

async fn signed_in(server: &Server, username: &str, password: &str) -> Caller {
    let reply = login(server, username, password).await;
    let token = reply.session().expect("a cookie is set");
    reply.expect(200);
    Caller::Cookie(token)
}

on_both_engines!(signing_in_gives_a_session_until_signing_out, |server| {
    server.account("ada", Role::Operator, &[]).await;
    let reply = login(&server, " ADA ", PASSWORD).await;
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    let (name, rest) = cookie.split_once('=').unwrap();
    let (token, attributes) = rest.split_once(';').unwrap();
    assert_eq!(name, "__Host-mimir_session");
    assert!(token.len() >= 43, "256 bits");
    let expected = " Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=604800";
    assert_eq!(attributes, expected);
    let session = Caller::Cookie(token.to_owned());
    let body = reply.expect(200);
    assert_eq!(body["user"]["username"], "ada");
    assert_eq!(body["api_key"], Value::Null);
    assert!(!body.to_string().contains("argon2"));

    assert_eq!(server.get(&session, "/auth/me").await.expect(200), body);
    let reply = server.post(&session, "/auth/logout", json!({})).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.session().as_deref(), Some(""), "the browser forgets it too");
    server.get(&session, "/auth/me").await.refused(401, "unauthenticated");
    let actions: Vec<_> = server.entries().await.iter().map(|e| e["action"].clone()).collect();
    assert_eq!(actions, ["auth.logout", "auth.login"]);
});

/// The answer is the same whatever was wrong; the trail tells them apart, but never keeps a name
/// that is no account's.
#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_look_alike() {
    let server = Server::new();
    let admin = server.admin().await;
    let user = server.account("ada", Role::Operator, &[]).await;
    let gone = server.account("gone", Role::Operator, &[]).await;
    let path = format!("/users/{}", gone.id);
    server.send(&admin, "PATCH", &path, Some(json!({"disabled": true}))).await.expect(200);
    let attempts = [
        ("ada", "wrong"),
        ("nobody here", PASSWORD),
        ("gone", PASSWORD),
        ("", ""),
        ("a\0da", PASSWORD),
        ("ada", &*"x".repeat(10_000)),
    ];
    let mut texts = Vec::new();
    for (name, password) in attempts {
        let reply = login(&server, name, password).await;
        assert_eq!(reply.session(), None);
        texts.push(reply.text.clone());
        reply.refused(401, "unauthenticated");
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");

    let entries = server.entries().await;
    let newest: Vec<_> = entries.iter().take(attempts.len()).rev().collect();
    for entry in &newest {
        assert_eq!(entry["action"], "auth.login");
        assert_eq!(entry["outcome"], "refused");
        assert_eq!(entry["actor"]["username"], "nobody");
        assert_eq!(entry["address"], "192.0.2.7");
    }
    assert_eq!(newest[0]["target"]["id"], user.id.to_string());
    assert_eq!(newest[1]["target"]["name"], Value::Null);
    assert!(!newest[1].to_string().contains("nobody here"));
    assert_eq!(newest[2]["details"]["disabled"], true);
}

#[tokio::test]
async fn guessing_is_limited_per_account() {
    let server = Server::new();
    server.account("ada", Role::Operator, &[]).await;
    server.account("bob", Role::Operator, &[]).await;
    for _ in 0..10 {
        login(&server, "ada", "wrong").await.refused(401, "unauthenticated");
    }
    let reply = login(&server, "Ada", PASSWORD).await;
    let wait: u64 = reply.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=11).contains(&wait), "{wait}");
    reply.refused(429, "rate_limited");
    login(&server, "bob", PASSWORD).await.expect(200);
    let entries = server.entries().await;
    assert_eq!(entries.len(), 11, "an attempt that is not looked at leaves no entry");
}

#[tokio::test]
async fn guessing_is_limited_per_address() {
    let server = Server::new();
    for n in 0..30 {
        login(&server, &format!("user{n}"), "wrong").await.refused(401, "unauthenticated");
    }
    login(&server, "yet another", "wrong").await.refused(429, "rate_limited");
}

on_both_engines!(sessions_end_when_unused_and_after_a_week, |server| {
    server.account("ada", Role::Operator, &[]).await;
    let session = signed_in(&server, "ada", PASSWORD).await;
    server.app.clock.advance(HOUR * 12 - Duration::from_secs(60));
    server.get(&session, "/auth/me").await.expect(200);
    // That use was noted: another twelve hours begin.
    server.app.clock.advance(HOUR * 12 - Duration::from_secs(60));
    server.get(&session, "/auth/me").await.expect(200);
    server.app.clock.advance(HOUR * 12);
    server.get(&session, "/auth/me").await.refused(401, "unauthenticated");

    let session = signed_in(&server, "ada", PASSWORD).await;
    for _ in 0..13 {
        server.app.clock.advance(HOUR * 12 - Duration::from_secs(1));
        server.get(&session, "/auth/me").await.expect(200);
    }
    server.app.clock.advance(HOUR * 12);
    server.get(&session, "/auth/me").await.refused(401, "unauthenticated");
});

#[tokio::test]
async fn the_use_of_a_key_is_noted_to_the_minute() {
    let server = Server::new();
    let admin = server.admin().await;
    let used = async || {
        let keys = server.get(&admin, "/api-keys").await.expect(200);
        keys["items"][0]["last_used_at"].clone()
    };
    let first = used().await;
    assert!(first.is_string());
    assert_eq!(used().await, first, "not a write for every request");
    server.app.clock.advance(Duration::from_secs(61));
    assert_ne!(used().await, first);
}

on_both_engines!(a_new_password_ends_every_session_but_the_callers_own, |server| {
    server.account("ada", Role::Operator, &[]).await;
    let (here, elsewhere) =
        (signed_in(&server, "ada", PASSWORD).await, signed_in(&server, "ada", PASSWORD).await);
    let new = "a different passphrase";
    let body = json!({"current": PASSWORD, "new": new});
    let reply = server.post(&here, "/auth/password", body).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
    let renewed = Caller::Cookie(reply.session().expect("a new cookie"));
    server.get(&renewed, "/auth/me").await.expect(200);
    // A copy of the old cookie, which a thief may have, is worthless as well.
    server.get(&here, "/auth/me").await.refused(401, "unauthenticated");
    server.get(&elsewhere, "/auth/me").await.refused(401, "unauthenticated");
    login(&server, "ada", PASSWORD).await.refused(401, "unauthenticated");
    login(&server, "ada", new).await.expect(200);
});

#[tokio::test]
async fn a_password_must_be_long_new_and_confirmed_by_the_old() {
    let server = Server::new();
    let user = server.account("ada", Role::Operator, &[]).await;
    let session = server.session_of(&user).await;
    let change = async |current: &str, new: &str| {
        server.post(&session, "/auth/password", json!({"current": current, "new": new})).await
    };
    change(PASSWORD, "thirteen char").await.invalid(&["new"]);
    change(PASSWORD, &"x".repeat(257)).await.invalid(&["new"]);
    change(PASSWORD, PASSWORD).await.invalid(&["new"]);
    let before = server.entries().await.len();
    change("wrong", "long enough, surely").await.invalid(&["current"]);
    let entries = server.entries().await;
    assert_eq!(entries.len(), before + 1, "guessing the current password is seen");
    assert_eq!(entries[0]["outcome"], "refused");
    assert_eq!(change(PASSWORD, &"ä".repeat(14)).await.status, 204);
}

#[tokio::test]
async fn guessing_at_a_borrowed_session_is_limited() {
    let server = Server::new();
    let user = server.account("ada", Role::Operator, &[]).await;
    let session = server.session_of(&user).await;
    let guess = json!({"current": "wrong", "new": "long enough, surely"});
    for _ in 0..10 {
        server.post(&session, "/auth/password", guess.clone()).await.invalid(&["current"]);
    }
    server.post(&session, "/auth/password", guess).await.refused(429, "rate_limited");
}

on_both_engines!(a_one_time_password_is_changed_once, |server| {
    let admin = server.admin().await;
    let first = "only for the first time";
    let new = json!({"username": "Nina", "password": first, "role": "operator"});
    server.post(&admin, "/users", new).await.expect(201);
    let session = signed_in(&server, "nina", first).await;
    server.get(&session, "/hosts").await.refused(403, "password_change_required");
    let body = json!({"current": first, "new": "for all times to come"});
    let reply = server.post(&session, "/auth/password", body).await;
    let session = Caller::Cookie(reply.session().unwrap());
    let me = server.get(&session, "/auth/me").await.expect(200);
    assert_eq!(me["user"]["password_change_required"], false);
    server.get(&session, "/hosts").await.expect(200);
});

#[tokio::test]
async fn a_session_cannot_be_used_by_another_site() {
    let server = Server::new();
    let user = server.account("root", Role::Admin, &[]).await;
    let (session, key) = (server.session_of(&user).await, server.key_of(&user).await);
    let send = async |caller: &Caller, method: &str, origin: Option<&str>| {
        let mut request = server.request(caller, method, "/settings");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        server.raw(request.body(Body::from("{}")).unwrap()).await
    };
    for foreign in ["https://evil.test", "null", "https://mimir.test.evil.test", "mimir.test"] {
        let reply = send(&session, "PATCH", Some(foreign)).await;
        reply.refused(403, "bad_origin");
        assert_eq!(server.entries().await[0]["details"]["code"], "bad_origin");
    }
    send(&session, "PATCH", Some("https://mimir.test")).await.expect(200);
    send(&session, "PATCH", None).await.expect(200);
    send(&session, "GET", Some("https://evil.test")).await.expect(200);
    // A key is not sent by a browser on its own.
    send(&key, "PATCH", Some("https://evil.test")).await.expect(200);

    let body = json!({"username": "root", "password": PASSWORD}).to_string();
    let request = server.request(&Caller::Nobody, "POST", "/auth/login");
    let request = request.header(header::ORIGIN, "https://evil.test");
    let reply = server.raw(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(reply.session(), None, "nobody is signed in by another site");
    reply.refused(403, "bad_origin");
}

#[tokio::test]
async fn a_key_has_no_session_to_end() {
    let server = Server::new();
    let admin = server.admin().await;
    server.post(&admin, "/auth/logout", json!({})).await.refused(409, "conflict");
    server.get(&admin, "/auth/me").await.expect(200);
}
