// SPDX-License-Identifier: Apache-2.0
//! Several server processes on one database: a host may ask one and answer another, and what one
//! decides holds on all.

use mimir_sim::transport::Endpoint;
use mimir_sim::{Fault, Outcome};
use mimir_store::db::Engine;
use serde_json::{Value, json};

use crate::fleet::{INTERVAL, World, rows};

const SQL: &str = "SELECT pid, name FROM processes";

async fn world(hosts: usize) -> World {
    World::on(Engine::Postgres, hosts).await
}

/// The other process has not even heard of the campaign.
#[tokio::test]
async fn an_answer_may_go_to_a_process_that_did_not_offer_the_query() {
    let world = world(2).await;
    let other = world.replica();
    world.answer(|host, _| rows(host, 1200));
    let id = world.launch(SQL).await;
    // The write to the first process fails until it is gone; the agent keeps the result.
    world.fleet.inject(0, Endpoint::Write, Fault::RequestLost, 6);
    assert_eq!(world.poll(0).await.written, Some(false));
    world.to(&other);
    assert_eq!(world.poll(0).await.written, Some(true));
    let answered = world.stands(&id, 0, "responded", 1).await;
    assert_eq!((&answered["row_count"], &answered["truncated"]), (&json!(1200), &json!(false)));
    let path = format!("/campaigns/{id}/rows?limit=500");
    assert_eq!(world.pages(&path).await.len(), 1200, "with all its rows");
    // The first process learns of the answer and does not offer the query again.
    world.server.app.follow_answers().unwrap();
    world.to(&world.server.app);
    assert!(World::ran(&world.poll(0).await).is_empty());
    world.holds().await;
}

/// Attempts are counted over all processes, and each leaves out what another one has offered.
#[tokio::test]
async fn three_offers_are_three_whoever_makes_them() {
    let world = world(1).await;
    let other = world.replica();
    world.answer(|_, _| Outcome::Stuck);
    let id = world.launch(SQL).await;
    other.follow_changes().unwrap();
    let key = world.fleet.node_key(0).unwrap();
    let mut offers = 0;
    for round in 0..12_u64 {
        world.pass(INTERVAL);
        let body = http::Request::post("/api/osquery/distributed/read")
            .body(axum::body::Body::from(json!({"node_key": key}).to_string()));
        let app = if round.is_multiple_of(2) { &world.server.app } else { &other };
        let router = mimir_server::http::router::router(app, None);
        let answer = tower::ServiceExt::oneshot(router, body.unwrap()).await.unwrap();
        let answer = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
        let queries = answer["queries"].as_object().map_or(0, serde_json::Map::len);
        if queries > 0 {
            offers += 1;
            // What one has offered is known to the other once it has been written.
            world.stands(&id, 0, "offered", offers).await;
        }
    }
    assert_eq!(offers, 3);
    world.stands(&id, 0, "lost", 3).await;
}

/// I5: a stop on one process ends the offers of all, once they have followed it.
#[tokio::test]
async fn a_stop_and_the_flag_and_the_deny_list_hold_everywhere() {
    let world = world(4).await;
    let other = world.replica();
    let id = world.launch("SELECT * FROM mounts").await;
    let second = world.launch(SQL).await;
    other.follow_changes().unwrap();
    world.to(&other);
    world.set(json!({"offline_campaigns_enabled": false})).await;
    other.follow_changes().unwrap();
    assert!(World::ran(&world.poll(0).await).is_empty());
    world.set(json!({"offline_campaigns_enabled": true})).await;
    world.post(&format!("/campaigns/{second}/stop"), json!({})).await.expect(200);
    let mut denied = world.get("/settings").await["denied_tables"].as_array().unwrap().clone();
    denied.push(json!("mounts"));
    world.set(json!({"denied_tables": denied})).await;
    other.follow_changes().unwrap();
    for host in 0..4 {
        assert!(World::ran(&world.poll(host).await).is_empty());
    }
    assert!(other.picture_matches().is_ok());
    world.covers(&id, &[("targeted", 4), ("blocked", 4)]).await;
    world.covers(&second, &[("targeted", 4), ("cancelled", 4)]).await;
}

/// Both processes take answers of one campaign at the same time: the cap is reached once.
#[tokio::test]
async fn the_aggregate_cap_is_one_for_all_processes() {
    let world = world(8).await;
    world.set(json!({"campaign_aggregate_row_cap": 10})).await;
    let other = world.replica();
    world.answer(|host, _| rows(host, 3));
    let id = world.launch(SQL).await;
    other.follow_changes().unwrap();
    let mut offered = Vec::new();
    for host in 0..8 {
        world.pass(INTERVAL);
        offered.push((host, world.read(host).await.into_keys().next().unwrap()));
    }
    let write = |host: usize, name: String, app| {
        let row = json!({"pid": "1"});
        let key = world.fleet.node_key(host).unwrap();
        let body = json!({"queries": {name: [row, row, row]}, "node_key": key}).to_string();
        let request = http::Request::post("/api/osquery/distributed/write");
        let router = mimir_server::http::router::router(app, None);
        tower::ServiceExt::oneshot(router, request.body(axum::body::Body::from(body)).unwrap())
    };
    let tasks = offered.into_iter().map(|(host, name)| {
        write(host, name, if host % 2 == 0 { &world.server.app } else { &other })
    });
    for answer in futures_util::future::join_all(tasks).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    let counts = world.coverage(&id).await;
    assert_eq!((counts["responded"], counts["rows_stored"], counts["rejected"]), (4, 12, 4));
    world.server.app.follow_changes().unwrap();
    world.holds().await;
}

/// A live query started on one process reaches hosts of another, and its answers come back.
#[tokio::test]
async fn live_queries_cross_processes() {
    let world = world(2).await;
    let other = world.replica();
    let body = json!({"sql": SQL, "target": {"type": "all"}});
    let started = world.post("/queries/run", body).await.expect(202);
    let path = format!("/queries/live/{}", started["id"].as_str().unwrap());
    let mut events = world.events(&format!("{path}/events"), None).await;
    other.follow_changes().unwrap();
    world.to(&other);
    world.poll(0).await;
    world.server.app.follow_changes().unwrap();
    assert_eq!(events.find("host").await.data["hostname"], world.fleet.hostname(0));
    world.to(&world.server.app);
    world.poll(1).await;
    assert_eq!(events.find("end").await.data["reason"], "complete");
    other.follow_changes().unwrap();
    let id = started["id"].as_str().unwrap().parse().unwrap();
    let seen = other.live.find(id).unwrap().show();
    assert_eq!((seen.totals.answered, seen.totals.rows), (2, 2));
}

/// A host enrolled on one process speaks to another that has not followed yet.
#[tokio::test]
async fn a_host_enrolled_elsewhere_is_known_once_followed() {
    let world = world(0).await;
    let other = world.replica();
    let key = world.server.enrol(&world.admin, "web").await;
    other.follow_changes().unwrap();
    let count = other.fleet.hosts(mimir_server::fleet::Hosts::len);
    assert_eq!(count, 1);
    let host = world.server.host_id(&world.admin, "web").await;
    world.post(&format!("/hosts/{host}/decommission"), json!({})).await.expect(200);
    other.follow_changes().unwrap();
    assert_eq!(other.fleet.hosts(mimir_server::fleet::Hosts::len), 0);
    assert_eq!(world.server.read_work(&key).await["node_invalid"], true);
}
