// SPDX-License-Identifier: Apache-2.0
//! Offers (section 5 and osquery-protocol 2.8): repeated, never trusted, and never pressed on an
//! agent that keeps dying of them.

use std::time::Duration;

use mimir_server::ingest::flush_behind;
use mimir_sim::transport::Endpoint;
use mimir_sim::{Fault, Outcome, Profile};
use serde_json::{Value, json};

use crate::fleet::{INTERVAL, World, is_beacon, rows};
use crate::world_on_both;

const SQL: &str = "SELECT pid, name FROM processes";

/// The whole answer to a read, of the host numbered so in the fleet.
async fn raw_read(world: &World, host: usize) -> Value {
    let key = world.fleet.node_key(host).unwrap();
    world.server.read_work(&key).await
}

world_on_both!(three_offers_each_left_out_once_then_lost, 1, |world| {
    let id = world.launch(SQL).await;
    let mut names = std::collections::BTreeSet::new();
    for attempt in 1..=3 {
        world.pass(INTERVAL);
        let offered = world.read(0).await;
        assert_eq!(offered.len(), 1, "offer {attempt}");
        names.extend(offered.into_keys());
        world.stands(&id, 0, "offered", attempt).await;
        world.pass(INTERVAL);
        let left_out = raw_read(&world, 0).await;
        assert_eq!(left_out, json!({"accelerate": 30}), "left out after offer {attempt}");
    }
    assert_eq!(names.len(), 1, "one id for ever");
    world.pass(INTERVAL);
    assert_eq!(raw_read(&world, 0).await, json!({}));
    let lost = world.stands(&id, 0, "lost", 3).await;
    assert_eq!(lost["reason"], "no_answer_after_3_offers");
    world.pass(INTERVAL);
    assert_eq!(raw_read(&world, 0).await, json!({}), "no more offers");
    let counts = [("targeted", 1), ("lost", 1)];
    world.covers(&id, &counts).await;
    assert_eq!(world.campaign(&id).await["complete"], true);
    world.holds().await;
    // An answer that still comes is accepted.
    let name = names.first().unwrap();
    let answer = json!({"queries": {name: [{"pid": "1"}]}, "statuses": {name: 0}});
    assert_eq!(world.write(0, answer).await, json!({}));
    let answered = world.stands(&id, 0, "responded", 3).await;
    assert_eq!((&answered["outcome"], &answered["reason"]), (&json!("rows"), &Value::Null));
    world
        .covers(
            &id,
            &[
                ("targeted", 1),
                ("responded", 1),
                ("with_rows", 1),
                ("rows_stored", 1),
                ("rows_reported", 1),
            ],
        )
        .await;
    world.holds().await;
});

#[tokio::test]
async fn a_read_at_once_without_a_write_gets_the_identical_answer() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let first = raw_read(&world, 0).await;
    assert_eq!(first["queries"].as_object().unwrap().len(), 2, "the work and the beacon: {first}");
    world.pass(Duration::from_secs(4));
    assert_eq!(raw_read(&world, 0).await, first);
    world.stands(&id, 0, "offered", 1).await;
    // From 5 s on it is the next turn of the agent's loop.
    world.pass(Duration::from_secs(1));
    assert_eq!(raw_read(&world, 0).await, json!({"accelerate": 30}));
}

/// The agent's own re-sending: the answer to its read is lost, it asks again at once.
#[tokio::test]
async fn a_lost_read_answer_costs_no_attempt() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    world.fleet.inject(0, Endpoint::Read, Fault::AnswerLost, 1);
    let report = world.poll(0).await;
    assert!(report.ok);
    assert_eq!(World::ran(&report).len(), 1);
    world.stands(&id, 0, "responded", 1).await;
}

/// The answer to the write is lost: the agent sends the same body again.
#[tokio::test]
async fn a_write_that_comes_twice_is_stored_once() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    world.fleet.inject(0, Endpoint::Write, Fault::AnswerLost, 1);
    assert_eq!(world.poll(0).await.written, Some(true));
    let sent = world.fleet.record(0);
    let bodies: Vec<_> = sent.sent_to(Endpoint::Write).map(|sent| sent.body_sha256).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    world
        .covers(
            &id,
            &[
                ("targeted", 1),
                ("responded", 1),
                ("with_rows", 1),
                ("rows_stored", 1),
                ("rows_reported", 1),
            ],
        )
        .await;
    world.holds().await;
}

/// A result waits in the agent's memory because the server was away: it is not run again.
#[tokio::test]
async fn a_result_in_memory_arrives_while_the_query_is_left_out() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    // Three attempts of two sendings each.
    world.fleet.inject(0, Endpoint::Write, Fault::RequestLost, 6);
    let report = world.poll(0).await;
    assert_eq!((World::ran(&report).len(), report.written), (1, Some(false)));
    assert_eq!(world.fleet.unsent(0).len(), 2, "the result and the beacon wait");
    let report = world.poll(0).await;
    assert!(World::ran(&report).is_empty(), "left out, so that the result can come");
    assert_eq!(report.written, Some(true));
    let answered = world.stands(&id, 0, "responded", 1).await;
    assert_eq!(answered["row_count"], 1);
}

world_on_both!(a_query_that_kills_the_agent_is_not_pressed_on_it, 1, |world| {
    world.answer(|_, _| Outcome::Death);
    let id = world.launch(SQL).await;
    assert!(world.poll(0).await.died);
    for _ in 0..8 {
        let report = world.poll(0).await;
        assert!(!report.died, "the agent's own denylist has it now");
    }
    let ended = world.stands(&id, 0, "responded", 2).await;
    assert_eq!(ended["outcome"], "denylisted");
    assert_eq!(world.fleet.totals().deaths, 1);
    // Never offered again, not even a day later when the agent would run it.
    world.pass(Duration::from_secs(2 * 86_400));
    world.fleet.advance(Duration::from_secs(2 * 86_400));
    for _ in 0..3 {
        assert!(World::ran(&world.poll(0).await).is_empty());
    }
    world.covers(&id, &[("targeted", 1), ("responded", 1), ("denylisted", 1)]).await;
    world.holds().await;
});

/// An agent without a denylist dies each time: three times, and then it is left alone.
#[tokio::test]
async fn an_agent_that_dies_of_it_every_time_is_lost_after_three() {
    let old = mimir_sim::Version::new(5, 4, 0);
    let server = crate::harness::Server::new();
    let world =
        World::with(server, |fleet| fleet.hosts(1).host(0, move |host| host.version = old)).await;
    world.answer(|_, _| Outcome::Death);
    let id = world.launch(SQL).await;
    for _ in 0..12 {
        world.poll(0).await;
    }
    assert_eq!(world.fleet.totals().deaths, 3);
    world.stands(&id, 0, "lost", 3).await;
    world.holds().await;
}

#[tokio::test]
async fn what_is_unproven_travels_alone_until_five_hosts_have_survived_it() {
    let world = World::new(8).await;
    let first = world.launch("SELECT pid FROM processes").await;
    world.launch("SELECT username FROM users").await;
    for host in 0..5 {
        world.pass(INTERVAL);
        let offered = world.read(host).await;
        assert_eq!(offered.len(), 1, "host {host}: {offered:?}");
        let name = offered.into_keys().next().unwrap();
        let answer = json!({"queries": {&name: []}, "statuses": {&name: 0}});
        world.write(host, answer).await;
    }
    assert_eq!(world.coverage(&first).await["responded"], 5);
    // The first is proven and the second is not: the proven one goes first.
    world.pass(INTERVAL);
    let offered = world.read(5).await;
    assert_eq!(offered.values().collect::<Vec<_>>(), ["SELECT pid FROM processes"]);
    // The second is proven by the five hosts that have answered the first.
    for host in 0..5 {
        world.poll(host).await;
    }
    world.pass(INTERVAL);
    let offered = world.read(6).await;
    assert_eq!(offered.len(), 2, "{offered:?}");
}

#[tokio::test]
async fn faster_polling_is_asked_for_while_somebody_watches() {
    let world = World::new(2).await;
    world.launch(SQL).await;
    let answer = raw_read(&world, 0).await;
    assert_eq!(answer["accelerate"], 30);
    assert!(answer["accelerate"].is_u64(), "a JSON integer");
    world.pass(Duration::from_secs(600));
    let answer = raw_read(&world, 1).await;
    assert_eq!(answer["queries"].as_object().unwrap().len(), 2);
    assert_eq!(answer.get("accelerate"), None, "the window is closed");
}

#[tokio::test]
async fn the_beacon_goes_first_and_only_with_work() {
    let world = World::new(1).await;
    assert_eq!(raw_read(&world, 0).await, json!({}));
    world.launch(SQL).await;
    let answer = raw_read(&world, 0).await;
    let queries = answer["queries"].as_object().unwrap();
    let lowest = queries.keys().min().unwrap();
    assert!(is_beacon(queries[lowest].as_str().unwrap()), "{queries:?}");
    for name in queries.keys() {
        assert!(name.len() < 100 && name.is_ascii(), "{name}");
    }
}

world_on_both!(a_restart_changes_nothing_an_operator_sees, 4, |world| {
    let id = world.launch(SQL).await;
    world.poll(0).await;
    // One is offered for the second time, one for the first time, one has not asked.
    for _ in 0..3 {
        world.pass(INTERVAL);
        world.read(1).await;
    }
    world.pass(INTERVAL);
    world.read(2).await;
    world.stands(&id, 1, "offered", 2).await;
    world.stands(&id, 2, "offered", 1).await;
    let app = world.server.app.clone();
    tokio::task::spawn_blocking(move || flush_behind(&app)).await.unwrap();
    let paths = ["", "/assignments", "/pending", "/responses", "/rows"];
    let mut before = Vec::new();
    for path in paths {
        before.push(world.get(&format!("/campaigns/{id}{path}")).await);
    }
    let world = world.restart();
    for (path, before) in paths.iter().zip(before) {
        let after = world.get(&format!("/campaigns/{id}{path}")).await;
        assert_eq!(without_contact(after), without_contact(before), "{path}");
    }
    // What was offered before is left out first, and the count goes on.
    assert!(world.read(1).await.is_empty());
    world.pass(INTERVAL);
    assert_eq!(world.read(1).await.len(), 1);
    world.stands(&id, 1, "offered", 3).await;
    world.pass(INTERVAL);
    assert!(world.read(1).await.is_empty());
    world.pass(INTERVAL);
    assert!(world.read(1).await.is_empty());
    world.stands(&id, 1, "lost", 3).await;
    assert!(world.read(2).await.is_empty());
    let report = world.poll(2).await;
    assert_eq!(World::ran(&report).len(), 1);
    world.stands(&id, 2, "responded", 2).await;
    assert_eq!(World::ran(&world.poll(3).await).len(), 1);
    world
        .covers(
            &id,
            &[
                ("targeted", 4),
                ("responded", 3),
                ("lost", 1),
                ("with_rows", 3),
                ("rows_stored", 3),
                ("rows_reported", 3),
            ],
        )
        .await;
    world.holds().await;
});

/// When a host was last heard of is known to a few seconds only across a restart.
fn without_contact(mut page: Value) -> Value {
    for item in page["items"].as_array_mut().into_iter().flatten() {
        item.as_object_mut().unwrap().remove("host_last_seen_at");
    }
    page
}

/// An answer that was on its way while the server restarted is stored with all its rows.
#[tokio::test]
async fn answers_on_the_wire_survive_a_restart() {
    let world = World::new(2).await;
    let id = world.launch(SQL).await;
    let active = world.read(0).await.into_keys().next().unwrap();
    let stopped = world.launch("SELECT username FROM users").await;
    world.pass(INTERVAL);
    world.stands(&id, 0, "offered", 1).await;
    let world = world.restart();
    let body = |name: &str| json!({"queries": {name: [{"n": "1"}, {"n": "2"}]}});
    assert_eq!(world.write(0, body(&active)).await, json!({}));
    world.stands(&id, 0, "responded", 1).await;
    // The same of a campaign that was stopped with grace, and archived, before the restart.
    let offered = world.read(1).await;
    let first = offered.into_keys().next().unwrap();
    world.write(1, json!({"queries": {&first: []}})).await;
    world.pass(INTERVAL);
    let second = world.read(1).await.into_keys().next().unwrap();
    world.stands(&stopped, 1, "offered", 1).await;
    world.post(&format!("/campaigns/{stopped}/stop"), json!({})).await.expect(200);
    world.post(&format!("/campaigns/{stopped}/archive"), json!({})).await.expect(200);
    let world = world.restart();
    assert_eq!(world.write(1, body(&second)).await, json!({}));
    let answered = world.stands(&stopped, 1, "responded", 1).await;
    assert_eq!((&answered["row_count"], &answered["truncated"]), (&json!(2), &json!(false)));
    let kept = world.get(&format!("/campaigns/{stopped}/rows")).await;
    assert_eq!(kept["items"].as_array().unwrap().len(), 2);
    world.holds().await;
}

world_on_both!(a_change_of_the_deny_list_reaches_running_campaigns, 4, |world| {
    let id = world.launch("SELECT * FROM mounts").await;
    let single = json!({"type": "hosts", "host_ids": [world.host_id(3).await]});
    let alone = world.launch_on("SELECT path FROM mounts", single).await;
    world.poll(0).await;
    let settings = world.get("/settings").await;
    let mut denied = settings["denied_tables"].as_array().unwrap().clone();
    let original = json!({"denied_tables": denied});
    denied.push(json!("mounts"));
    world.set(json!({"denied_tables": denied})).await;
    assert!(world.read(1).await.is_empty(), "refused when the host asks");
    let blocked = world.stands(&id, 1, "blocked", 0).await;
    assert_eq!(blocked["reason"], "blocked_sql");
    assert_eq!(world.campaign(&id).await["status"], "active");
    // On a single host the same table is allowed.
    let offered = world.read(3).await;
    assert_eq!(offered.values().collect::<Vec<_>>(), ["SELECT path FROM mounts"]);
    world.stands(&id, 3, "blocked", 0).await;
    world
        .post("/campaigns", json!({"sql": "SELECT * FROM mounts", "target": {"type": "all"}}))
        .await
        .refused(422, "blocked_sql");
    world.set(original).await;
    assert_eq!(world.read(2).await.len(), 1, "who has not asked yet gets it again");
    world.pass(INTERVAL);
    assert!(world.read(1).await.is_empty(), "what is blocked stays blocked");
    world
        .covers(
            &id,
            &[
                ("targeted", 4),
                ("responded", 1),
                ("with_rows", 1),
                ("rows_stored", 1),
                ("rows_reported", 1),
                ("blocked", 2),
                ("offered", 1),
            ],
        )
        .await;
    world.stands(&alone, 3, "offered", 1).await;
    world.holds().await;
});

#[tokio::test]
async fn a_clone_is_split_from_its_original_and_both_are_shown() {
    let world = World::new(1).await;
    let clone = world.fleet.clone_host(0);
    assert_eq!(world.fleet.node_key(clone), world.fleet.node_key(0));
    world.answer(|host: &Profile, _: &str| rows(host, 1));
    let id = world.launch(SQL).await;
    // The clone asks under the original's key and is found out by the beacon.
    world.poll(clone).await;
    for _ in 0..4 {
        world.poll(clone).await;
    }
    assert_ne!(world.fleet.node_key(clone), world.fleet.node_key(0));
    assert!(world.assignment(&id, 0).await["outcome"].is_null(), "not the clone's answer");
    for _ in 0..4 {
        world.poll(0).await;
    }
    let answered = world.assignment(&id, 0).await;
    assert_eq!(answered["state"], "responded");
    let kept = world.get(&format!("/campaigns/{id}/rows")).await;
    assert_eq!(kept["items"][0]["name"], world.fleet.hostname(0));
    let hosts = world.pages("/hosts").await;
    let mut names: Vec<_> = hosts.iter().map(|host| host["hostname"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, [world.fleet.hostname(0), world.fleet.hostname(clone)]);
    assert_eq!(hosts[0]["hardware_uuid"], hosts[1]["hardware_uuid"]);
    assert_ne!(hosts[0]["hardware_serial"], hosts[1]["hardware_serial"]);
    world.holds().await;
}
