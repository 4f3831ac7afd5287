// SPDX-License-Identifier: Apache-2.0
//! The event stream of a campaign: status, coverage and responses, from the beginning or from
//! where a reader was.

use std::time::Duration;

use mimir_wire::api::user::Role;
use serde_json::json;

use crate::fleet::World;
use crate::world_on_both;

const SQL: &str = "SELECT pid FROM processes";

world_on_both!(a_reader_sees_status_coverage_and_every_response, 4, |world| {
    let id = world.launch(SQL).await;
    world.poll(0).await;
    let path = format!("/campaigns/{id}/events");
    let mut events = world.events(&path, None).await;
    let status = events.next().await.unwrap();
    assert_eq!(status.name, "status");
    assert_eq!(status.data["id"], id);
    assert_eq!(status.data.get("frozen"), None, "without the payload");
    let coverage = events.next().await.unwrap();
    assert_eq!((coverage.name.as_str(), &coverage.data["responded"]), ("coverage", &json!(1)));
    let response = events.next().await.unwrap();
    assert_eq!(response.name, "response");
    assert_eq!(response.data["hostname"], world.fleet.hostname(0));
    for member in
        ["host_id", "row_count", "stored_rows", "late", "outcome", "truncated", "received_at"]
    {
        assert!(!response.data[member].is_null(), "{member}: {}", response.data);
    }
    world.poll(1).await;
    assert_eq!(events.find("response").await.data["hostname"], world.fleet.hostname(1));
    assert_eq!(events.find("coverage").await.data["responded"], 2);
    world.post(&format!("/campaigns/{id}/stop"), json!({"reason": "x"})).await.expect(200);
    let status = events.find("status").await;
    assert_eq!(
        (&status.data["status"], &status.data["stop_reason"]),
        (&json!("stopped"), &json!("x"))
    );
});

#[tokio::test]
async fn a_reader_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    let world = World::new(6).await;
    let id = world.launch(SQL).await;
    let path = format!("/campaigns/{id}/events");
    world.poll(0).await;
    world.poll(1).await;
    let mut events = world.events(&path, None).await;
    events.find("response").await;
    let last = events.find("response").await;
    drop(events);
    world.poll(2).await;
    world.poll(3).await;
    let mut events = world.events(&path, Some(&last.id)).await;
    assert_eq!(events.next().await.unwrap().name, "status", "where it stands is told again");
    for host in [2, 3] {
        let seen = events.find("response").await;
        assert_eq!(seen.data["hostname"], world.fleet.hostname(host));
    }
    let coverage = events.find("coverage");
    tokio::select! {
        event = coverage => assert!(event.data["responded"].as_u64().unwrap() >= 4),
        () = tokio::time::sleep(Duration::from_millis(10)) => {}
    }
    // Somebody else reads from the beginning meanwhile.
    let mut other = world.events(&path, None).await;
    for host in 0..4 {
        assert_eq!(other.find("response").await.data["hostname"], world.fleet.hostname(host));
    }
    for bad in ["x", "-1", "1.5", "99999999999999999999"] {
        let request = world.server.request(&world.admin, "GET", &path).header("last-event-id", bad);
        let reply = world.server.raw(request.body(axum::body::Body::empty()).unwrap()).await;
        reply.invalid(&["Last-Event-ID"]);
    }
    let missing = "/campaigns/0197b2a0-0000-7000-8000-00000000dead/events";
    world.server.get(&world.admin, missing).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_reader_may_begin_with_what_comes_next() {
    let world = World::new(3).await;
    let id = world.launch(SQL).await;
    let path = format!("/campaigns/{id}/events");
    world.poll(0).await;
    let mut events = world.events(&format!("{path}?from=now"), None).await;
    assert_eq!(events.next().await.unwrap().name, "status");
    let coverage = events.next().await.unwrap();
    assert_eq!((coverage.name.as_str(), &coverage.data["responded"]), ("coverage", &json!(1)));
    world.poll(1).await;
    let next = events.find("response").await;
    assert_eq!(next.data["hostname"], world.fleet.hostname(1), "what was there is left out");
    // Where a reader was wins over where it would begin.
    let mut events = world.events(&format!("{path}?from=now"), Some("0")).await;
    assert_eq!(events.find("response").await.data["hostname"], world.fleet.hostname(0));
    let reply = world.server.get(&world.admin, &format!("{path}?from=yesterday")).await;
    reply.invalid(&["from"]);
}

/// More responses than one look takes.
#[tokio::test]
async fn a_late_reader_of_many_responses_gets_all_of_them() {
    let world = World::new(450).await;
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let mut events = world.events(&format!("/campaigns/{id}/events"), None).await;
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 450 {
        let response = events.find("response").await;
        assert!(seen.insert(response.data["hostname"].to_string()), "twice: {}", response.data);
    }
    world.holds().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let mut events = world.events(&format!("/campaigns/{id}/events"), None).await;
    events.find("coverage").await;
    world.server.app.stopping.cancel();
    events.rest().await;
}

/// A campaign's window closing is a change that a watcher is told of.
#[tokio::test]
async fn the_end_of_the_window_is_told() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let mut events = world.events(&format!("/campaigns/{id}/events"), None).await;
    assert_eq!(events.find("status").await.data["live"], true);
    world.pass(Duration::from_secs(601));
    assert_eq!(events.find("status").await.data["live"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_soon_after_its_reader_was_cut_off() {
    let world = World::new(1).await;
    let id = world.launch("SELECT pid, name FROM processes").await;
    let reader = world.server.account("reader", Role::Operator, &[]).await;
    let by_key = world.server.key_of(&reader).await;
    let by_session = world.server.session_of(&reader).await;
    let path = format!("/campaigns/{id}/events");
    let mut streams = Vec::new();
    for caller in [&by_key, &by_session] {
        let mut stream = world.events_as(caller, &path, None).await;
        stream.find("coverage").await;
        streams.push(stream);
    }
    world.pass(Duration::from_secs(11));
    world.poll(0).await;
    for stream in &mut streams {
        stream.find("response").await;
    }
    let patch = Some(json!({"disabled": true}));
    let path = format!("/users/{}", reader.id);
    world.server.send(&world.admin, "PATCH", &path, patch).await.expect(200);
    world.pass(Duration::from_secs(11));
    for stream in &mut streams {
        stream.rest().await;
    }
}
