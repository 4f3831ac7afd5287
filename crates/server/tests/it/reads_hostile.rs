// SPDX-License-Identifier: Apache-2.0
//! Reads that somebody has made to hurt: rows of megabytes, cursors that no page has given, texts
//! longer than any name, addresses that are none.

use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, StatusCode, header};
use mimir_server::listen::ClientAddr;
use mimir_sim::{Profile, Rows};
use serde_json::Value;

use crate::fleet::World;
use crate::harness::{ADDRESS, Server};
use crate::world_on_both;

const SQL: &str = "SELECT pid, name, path FROM processes";
/// Bytes of one giant cell: a dozen rows are more than one page may hold.
const GIANT: usize = 3 << 20;

/// Rows of one giant cell and two short ones.
fn giants(count: usize) -> Rows {
    let mut rows = Rows::new();
    let giant = "x".repeat(GIANT);
    for n in 0..count {
        // Numbers out of order, so that sorting moves rows.
        rows.push([("n", (n * 7 % count).to_string()), ("giant", giant.clone())]);
    }
    rows
}

world_on_both!(pages_of_giant_rows_are_bounded_and_complete, 2, |world| {
    world.answer(|_: &Profile, _: &str| giants(6).into());
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let path = format!("/campaigns/{id}/rows?limit=500");
    for query in ["", "&where=n:", "&sort=n&order=desc"] {
        let (mut numbers, mut cursor) = (Vec::new(), String::new());
        loop {
            let next = format!("{path}{query}&cursor={cursor}");
            let reply = world.server.get(&world.admin, &next).await;
            assert_eq!(reply.status, StatusCode::OK, "{query}");
            assert!(reply.text.len() < 20 << 20, "{query}: {} bytes", reply.text.len());
            let items = reply.json["items"].as_array().unwrap();
            numbers.extend(items.iter().map(|row| row["n"].as_str().unwrap().to_owned()));
            match reply.json["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let mut sorted = numbers.clone();
        sorted.sort();
        sorted.reverse();
        assert_eq!(sorted, ["5", "5", "4", "4", "3", "3", "2", "2", "1", "1", "0", "0"], "{query}");
        assert!(!query.contains("sort") || numbers == sorted, "{numbers:?}");
    }
});

world_on_both!(a_cursor_that_no_page_has_given_ends_soon, 1, |world| {
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let (min, max) = (i64::MIN, i64::MAX);
    for place in [[min, 0], [min, min], [-1, -5], [0, min], [0, max], [max, max], [max, min]] {
        for (name, sort) in [("At", ""), ("At", "&contains=true"), ("Behind", "&sort=pid")] {
            let cursor = serde_json::json!({name: place}).to_string();
            let cursor = URL_SAFE_NO_PAD.encode(cursor);
            let path = format!("/campaigns/{id}/rows?cursor={cursor}{sort}");
            let asked = world.server.get(&world.admin, &path);
            let reply = tokio::time::timeout(Duration::from_secs(10), asked).await;
            let reply = reply.unwrap_or_else(|_| panic!("{name} {place:?} does not end"));
            assert!(matches!(reply.status.as_u16(), 200 | 422), "{name} {place:?}: {}", reply.text);
        }
    }
    let host = world.host_id(0).await;
    for place in [min, -1, max] {
        let cursor = URL_SAFE_NO_PAD.encode(place.to_string());
        world.get(&format!("/hosts/{host}/campaigns?cursor={cursor}")).await;
        world.get(&format!("/campaigns/{id}/responses?cursor={cursor}")).await;
    }
});

world_on_both!(a_text_longer_than_any_name_is_found_nowhere, 1, |world| {
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let long = "_".repeat(28_000);
    for path in [
        "/hosts?".to_owned(),
        "/hosts/counts?".to_owned(),
        "/campaigns?".to_owned(),
        "/saved-queries?".to_owned(),
        format!("/campaigns/{id}/responses?"),
        format!("/campaigns/{id}/assignments?"),
        format!("/campaigns/{id}/pending?"),
    ] {
        let page = world.get(&format!("{path}q={long}")).await;
        assert!(page["items"].as_array().is_none_or(Vec::is_empty), "{path}");
    }
});

/// A program that has a letter of the path wrong must not take the console's page for an answer.
#[tokio::test]
async fn no_page_stands_in_for_an_operation() {
    let server = Server::new();
    for path in
        ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nope", "/api/v2/hosts", "/api/osquery/x"]
    {
        let request = Request::get(path)
            .header(header::HOST, "mimir.test")
            .header(header::ACCEPT, "*/*")
            .extension(ClientAddr(ADDRESS));
        let response = server.stream(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.contains("json"), "{path}: {kind}");
    }
}

/// Nobody's files but the console's are served, however the path is written.
#[tokio::test]
async fn a_path_leads_out_of_the_console_nowhere() {
    let server = Server::new();
    for path in [
        "/../package.json.js",
        "/assets/../../public/start.js",
        "/..%2fpublic%2fstart.js",
        "/%2e%2e/public/start.js",
        "//etc/passwd.js",
        "/assets/..\\..\\public\\start.js",
        "/start.js%00.png",
        "/start.js.br",
    ] {
        let Ok(request) =
            Request::get(path).header(header::ACCEPT, "application/json").body(Body::empty())
        else {
            continue;
        };
        let response = server.stream(request).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// A row that is larger than a page may be has a page to itself.
#[tokio::test]
async fn a_giant_row_is_still_shown_alone() {
    let world = World::new(1).await;
    world.answer(|_: &Profile, _: &str| {
        let mut rows = Rows::new();
        for _ in 0..2 {
            rows.push([("giant", "y".repeat(18 << 20))]);
        }
        rows.into()
    });
    let id = world.launch(SQL).await;
    world.poll_all().await;
    for query in ["", "contains=y", "sort=giant"] {
        let items: Vec<Value> = world.pages(&format!("/campaigns/{id}/rows?{query}")).await;
        assert_eq!(items.len(), 2, "{query}");
    }
    let page = world.get(&format!("/campaigns/{id}/rows")).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
}
