// SPDX-License-Identifier: Apache-2.0
//! How assignments end other than by an answer in time: the deny-list while an answer may be on its
//! way, the end of a grace time, a machine that claims another's key.

use std::sync::Arc;
use std::time::Duration;

use mimir_server::app::campaigns;
use serde_json::{Value, json};

use crate::fleet::{INTERVAL, World};

/// A table that is allowed until a test denies it.
const SQL: &str = "SELECT pid, name FROM processes";

async fn deny_processes(world: &World) {
    let settings = world.get("/settings").await;
    let mut denied = settings["denied_tables"].as_array().unwrap().clone();
    denied.push(json!("processes"));
    world.set(json!({"denied_tables": denied})).await;
}

fn answer(name: &str) -> Value {
    json!({"queries": {name: [{"pid": "1", "name": "init"}]}, "statuses": {name: 0}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_its_way_is_taken_although_the_deny_list_changed() {
    let world = World::new(2).await;
    let id = world.launch(SQL).await;
    let name = world.read(0).await.into_keys().next().expect("the host is offered it");
    deny_processes(&world).await;
    // At once, as a retransmission would be: what is denied now is not handed out again.
    assert!(world.read(0).await.is_empty());
    world.stands(&id, 0, "offered", 1).await;
    world.write(0, answer(&name)).await;
    world.stands(&id, 0, "responded", 1).await;
    // Whoever had not been asked is not asked any more.
    assert!(world.read(1).await.is_empty());
    assert_eq!(world.stands(&id, 1, "blocked", 0).await["reason"], "blocked_sql");
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_comes_back_without_an_answer_is_blocked_then() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    assert_eq!(world.read(0).await.len(), 1);
    world.stands(&id, 0, "offered", 1).await;
    deny_processes(&world).await;
    world.pass(INTERVAL);
    assert!(world.read(0).await.is_empty(), "left out: its answer may wait in memory");
    world.pass(INTERVAL);
    assert!(world.read(0).await.is_empty());
    world.stands(&id, 0, "blocked", 1).await;
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_hide_that_an_answer_may_be_on_its_way() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let name = world.read(0).await.into_keys().next().expect("the host is offered it");
    world.stands(&id, 0, "offered", 1).await;
    deny_processes(&world).await;
    let world = world.restart();
    assert!(world.read(0).await.is_empty());
    world.write(0, answer(&name)).await;
    world.stands(&id, 0, "responded", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_grace_time_is_recorded_once() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    assert_eq!(world.read(0).await.len(), 1);
    world.stands(&id, 0, "offered", 1).await;
    world.post(&format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    world.pass(Duration::from_secs(60 * 60 + 1));
    for _ in 0..2 {
        let app = Arc::clone(&world.server.app);
        tokio::task::spawn_blocking(move || campaigns::end_grace(&app)).await.unwrap().unwrap();
    }
    world.stands(&id, 0, "cancelled", 1).await;
    let entries = world.server.entries().await;
    let ends: Vec<_> = entries.iter().filter(|e| e["action"] == "campaign.end_grace").collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["actor"]["username"], "system");
    assert_eq!(ends[0]["details"]["cancelled"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_goes_on_claiming_anothers_key_is_noted_once() {
    let world = World::new(1).await;
    world.launch(SQL).await;
    let key = world.fleet.node_key(0).unwrap();
    let read = world.server.read_work(&key).await;
    let beacon = read["queries"].as_object().unwrap().keys().next().unwrap().clone();
    for _ in 0..3 {
        let body = json!({"queries": {&beacon: [{"hardware_serial": "another"}]},
            "statuses": {&beacon: 0}});
        assert_eq!(world.write(0, body).await["node_invalid"], true);
    }
    let entries = world.server.entries().await;
    let notes = entries.iter().filter(|entry| entry["action"] == "host.clone_seen").count();
    assert_eq!(notes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_listed_twice_is_one_host_for_the_deny_list() {
    let world = World::new(1).await;
    let host = world.host_id(0).await;
    let target = json!({"type": "hosts", "host_ids": [host, host]});
    let sql = "SELECT * FROM curl WHERE url = 'https://example.org'";
    let body = json!({"sql": sql, "target": target});
    let launched = world.post("/campaigns", body.clone()).await.expect(201);
    assert_eq!(launched["dispatched_hosts"], 1);
    world.post("/queries/run", body).await.expect(202);
}
