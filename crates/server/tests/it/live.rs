// SPDX-License-Identifier: Apache-2.0
//! Live queries (section 3): sent to the hosts that are online, streamed, and gone ten minutes
//! after the end.

use std::time::Duration;

use mimir_sim::{Outcome, Platform, Profile, Rows};
use serde_json::{Value, json};

use crate::fleet::{INTERVAL, World, rows};
use crate::harness::Server;
use crate::world_on_both;

const SQL: &str = "SELECT pid, name FROM processes";
/// Longer than a host counts as online without being heard of.
const SILENCE: Duration = Duration::from_secs(601);

async fn run(world: &World, target: Value) -> Value {
    world.post("/queries/run", json!({"sql": SQL, "target": target})).await.expect(202)
}

/// Starts a query on the whole fleet; answers its path.
async fn start(world: &World) -> String {
    let started = run(world, json!({"type": "all"})).await;
    format!("/queries/live/{}", started["id"].as_str().unwrap())
}

fn numbers(counts: &Value) -> [u64; 5] {
    ["targeted", "online", "answered", "errors", "rows"].map(|name| counts[name].as_u64().unwrap())
}

world_on_both!(hosts_that_are_online_answer_and_the_others_are_counted, 5, |world| {
    world.fleet.go_offline(3);
    world.fleet.go_offline(4);
    world.pass(SILENCE);
    world.poll_all().await;
    world.answer(|host, _| match host.index {
        1 => Outcome::Error("no such table: processes".to_owned()),
        n => rows(host, 2 + n as usize),
    });
    let started = run(&world, json!({"type": "all"})).await;
    assert_eq!(
        (&started["targeted"], &started["online"], &started["offline"]),
        (&json!(5), &json!(3), &json!(2))
    );
    let path = format!("/queries/live/{}", started["id"].as_str().unwrap());
    let mut events = world.events(&format!("{path}/events"), None).await;
    let first = events.next().await.unwrap();
    assert_eq!((first.name.as_str(), numbers(&first.data)), ("totals", [5, 3, 0, 0, 0]));
    for host in 0..3 {
        world.poll(host).await;
        let event = events.find("host").await;
        assert_eq!(event.id, (host + 1).to_string());
        assert_eq!(event.data["hostname"], world.fleet.hostname(host));
        assert_eq!(event.data["host_id"], world.host_id(host).await);
        if host == 1 {
            assert_eq!(event.data["error"], "no such table: processes");
            assert_eq!((&event.data["row_count"], &event.data["rows"]), (&json!(0), &json!([])));
        } else {
            assert_eq!(event.data["error"], Value::Null);
            assert_eq!(event.data["row_count"], 2 + host);
            assert_eq!(event.data["rows"][1]["name"], world.fleet.hostname(host));
        }
    }
    let totals = events.find("totals").await;
    assert_eq!(numbers(&totals.data), [5, 3, 3, 1, 6]);
    let end = events.next().await.unwrap();
    assert_eq!(
        (end.name.as_str(), end.data),
        ("end", json!({"reason": "complete", "truncated": false}))
    );
    assert_eq!(events.next().await, None);
    // Who comes back does not get it any more, and nothing of it was stored.
    world.fleet.go_online(3);
    assert!(World::ran(&world.poll(3).await).is_empty());
    assert_eq!(world.number("select count(*) from campaign").await, 0);
    assert_eq!(world.number("select count(*) from response").await, 0);
    let entries = world.server.entries().await;
    let entry = entries.iter().find(|entry| entry["action"] == "query.run").unwrap();
    assert_eq!(entry["details"]["sql"], SQL);
    assert_eq!(
        (&entry["details"]["targeted"], &entry["details"]["online"]),
        (&json!(5), &json!(3))
    );
});

#[tokio::test]
async fn live_queries_do_not_need_the_campaign_flag() {
    let world = World::new(1).await;
    world.set(json!({"offline_campaigns_enabled": false})).await;
    let path = start(&world).await;
    assert_eq!(World::ran(&world.poll(0).await).len(), 1);
    assert_eq!(world.get(&path).await["end"]["reason"], "complete");
}

#[tokio::test]
async fn a_reader_that_comes_back_gets_the_rest_once() {
    let world = World::new(4).await;
    let path = format!("{}/events", start(&world).await);
    let mut events = world.events(&path, None).await;
    world.poll(0).await;
    world.poll(1).await;
    events.find("host").await;
    let last = events.find("host").await;
    drop(events);
    world.poll(2).await;
    world.poll(3).await;
    let rest = world.events(&path, Some(&last.id)).await.rest().await;
    let hosts: Vec<_> = rest.iter().filter(|event| event.name == "host").collect();
    let names: Vec<_> = hosts.iter().map(|event| event.data["hostname"].clone()).collect();
    assert_eq!(names, [world.fleet.hostname(2), world.fleet.hostname(3)]);
    assert_eq!(rest.last().unwrap().name, "end");
    // At the end there is only the end; from the beginning there is everything.
    let done = &rest.last().unwrap().id;
    let after = world.events(&path, Some(done)).await.rest().await;
    assert!(after.iter().all(|event| event.name != "host"), "{after:?}");
    let all = world.events(&path, None).await.rest().await;
    let order: Vec<_> = all.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(order, ["host", "host", "host", "host", "totals", "end"]);
    let ids: Vec<u64> = all.iter().map(|event| event.id.parse().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    // Ids beyond the end are no reason to fail.
    let beyond = world.events(&path, Some("1000000")).await.rest().await;
    assert_eq!(beyond.last().unwrap().name, "end");
}

/// Exactly the cap is not truncated; one more row is, and says so.
#[tokio::test]
async fn the_row_cap_cuts_loudly() {
    for (per_host, capped) in [([2, 2], false), ([2, 3], true), ([4, 0], false), ([9, 1], true)] {
        let world = World::new(2).await;
        world.set(json!({"live_query_row_cap": 4})).await;
        world.answer(move |host: &Profile, _: &str| rows(host, per_host[host.index as usize]));
        let path = start(&world).await;
        world.poll_all().await;
        let shown = world.get(&path).await;
        let reason = if capped { "row_cap" } else { "complete" };
        assert_eq!(shown["end"], json!({"reason": reason, "truncated": capped}), "{per_host:?}");
        let events = world.events(&format!("{path}/events"), None).await.rest().await;
        let sent = events.iter().filter(|event| event.name == "host");
        let sent: usize = sent.map(|event| event.data["rows"].as_array().unwrap().len()).sum();
        assert_eq!(sent, 4, "{per_host:?}");
        assert_eq!(shown["totals"]["rows"], 4);
    }
}

/// One host's bytes are bounded too, and that is not silent either.
#[tokio::test]
async fn a_host_with_too_many_bytes_is_marked() {
    let world = World::new(1).await;
    world.answer(|_, _| Outcome::oversized(34 << 20));
    let path = start(&world).await;
    world.poll(0).await;
    let shown = world.get(&path).await;
    assert_eq!(shown["end"], json!({"reason": "row_cap", "truncated": true}));
}

world_on_both!(the_window_ends_it, 2, |world| {
    world.set(json!({"live_query_window_s": 30})).await;
    let path = start(&world).await;
    world.pass(Duration::from_secs(5));
    world.fleet.poll_once(0).await;
    world.server.app.sweep_live();
    assert_eq!(world.get(&path).await["end"], Value::Null);
    world.pass(Duration::from_secs(25));
    world.server.app.sweep_live();
    assert_eq!(world.get(&path).await["end"], json!({"reason": "window", "truncated": false}));
    assert!(World::ran(&world.poll(1).await).is_empty(), "nobody is asked any more");
    world.post(&format!("{path}/cancel"), json!({})).await.refused(409, "conflict");
});

world_on_both!(cancelling_ends_it_for_readers_and_hosts, 2, |world| {
    let path = start(&world).await;
    let mut events = world.events(&format!("{path}/events"), None).await;
    world.pass(INTERVAL);
    let on_the_wire = world.read(0).await.into_keys().next().unwrap();
    let cancelled = world.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!(cancelled["end"]["reason"], "cancelled");
    assert_eq!(events.find("end").await.data["reason"], "cancelled");
    assert_eq!(events.next().await, None);
    assert_eq!(world.write(0, json!({"queries": {&on_the_wire: [{"a": "1"}]}})).await, json!({}));
    assert_eq!(world.get(&path).await["totals"]["answered"], 0);
    assert!(World::ran(&world.poll(1).await).is_empty());
    world.post(&format!("{path}/cancel"), json!({})).await.refused(409, "conflict");
    let entries = world.server.entries().await;
    assert_eq!(entries.iter().filter(|entry| entry["action"] == "query.cancel").count(), 1);
});

#[tokio::test]
async fn results_are_gone_ten_minutes_after_the_end() {
    let world = World::new(1).await;
    let path = start(&world).await;
    world.poll(0).await;
    world.pass(Duration::from_secs(599));
    world.server.app.sweep_live();
    world.get(&path).await;
    world.pass(Duration::from_secs(1));
    world.server.app.sweep_live();
    let gone = world.server.get(&world.admin, &path).await.refused(404, "not_found");
    assert!(gone["detail"].as_str().unwrap().contains("10 minutes"), "{gone}");
    let events = world.server.get(&world.admin, &format!("{path}/events")).await;
    events.refused(404, "not_found");
}

#[tokio::test]
async fn targets_by_system_and_by_host() {
    let world = World::with(Server::new(), |fleet| {
        fleet
            .hosts(4)
            .host(1, |host| host.platform = Platform::Darwin)
            .host(2, |host| host.platform = Platform::Windows)
    })
    .await;
    let os_in = |platforms: &[&str]| json!({"type": "os_in", "platforms": platforms});
    for (platforms, count) in [
        (&["linux"][..], 2),
        (&["darwin"], 1),
        (&["windows", "darwin"], 2),
        (&["linux", "darwin", "windows", "linux"], 4),
    ] {
        let started = run(&world, os_in(platforms)).await;
        assert_eq!(started["targeted"], count, "{platforms:?}");
        let path = format!("/queries/live/{}/cancel", started["id"].as_str().unwrap());
        world.post(&path, json!({})).await.expect(200);
    }
    let bad = |target: Value| world.post("/queries/run", json!({"sql": SQL, "target": target}));
    bad(os_in(&[])).await.invalid(&["target.platforms"]);
    bad(os_in(&["solaris"])).await.refused(422, "invalid_request");
    bad(json!({"type": "hosts", "host_ids": []})).await.invalid(&["target.host_ids"]);
    let unknown = "0197b2a0-0000-7000-8000-00000000dead";
    bad(json!({"type": "hosts", "host_ids": [unknown]})).await.invalid(&["target.host_ids"]);
    let host = world.host_id(2).await;
    let started = run(&world, json!({"type": "hosts", "host_ids": [host, host]})).await;
    assert_eq!(started["targeted"], 1, "each host once");
    assert!(World::ran(&world.poll(0).await).is_empty());
    assert_eq!(World::ran(&world.poll(2).await).len(), 1);
}

#[tokio::test]
async fn the_deny_list_is_for_more_than_one_host() {
    let world = World::new(2).await;
    let sql = "SELECT * FROM curl WHERE url = 'http://example.com'";
    let (a, b) = (world.host_id(0).await, world.host_id(1).await);
    for target in [
        json!({"type": "all"}),
        json!({"type": "os_in", "platforms": ["linux"]}),
        json!({"type": "hosts", "host_ids": [a, b]}),
    ] {
        let body = json!({"sql": sql, "target": target});
        world.post("/queries/run", body).await.refused(422, "blocked_sql");
    }
    let body = json!({"sql": sql, "target": {"type": "hosts", "host_ids": [a]}});
    world.post("/queries/run", body).await.expect(202);
    for bad in ["", "SELECT 1; SELECT 2", "DROP TABLE x", "SELECT nope FROM processes"] {
        let body = json!({"sql": bad, "target": {"type": "all"}});
        world.post("/queries/run", body).await.invalid(&["sql"]);
    }
}

#[tokio::test]
async fn with_nobody_online_it_ends_at_once() {
    let world = World::new(2).await;
    world.pass(SILENCE);
    let started = run(&world, json!({"type": "all"})).await;
    assert_eq!((&started["online"], &started["offline"]), (&json!(0), &json!(2)));
    let path = format!("/queries/live/{}/events", started["id"].as_str().unwrap());
    let all = world.events(&path, None).await.rest().await;
    assert_eq!(all.last().unwrap().data["reason"], "complete");
}

/// An answer that comes twice is shown once, and one that kills the agent does not come back.
#[tokio::test]
async fn repeats_are_shown_once_and_the_dead_are_not_pressed() {
    let world = World::new(2).await;
    let path = start(&world).await;
    world.pass(INTERVAL);
    let name = world.read(0).await.into_keys().next().unwrap();
    let body = json!({"queries": {&name: [{"pid": "1"}]}});
    world.write(0, body.clone()).await;
    world.write(0, body.clone()).await;
    // I4: the id of another host.
    world.write(1, body).await;
    let totals = world.get(&path).await["totals"].clone();
    assert_eq!(numbers(&totals), [2, 2, 1, 0, 1]);
    world.answer(|_, _| Outcome::Death);
    for _ in 0..6 {
        world.poll(1).await;
    }
    assert_eq!(world.fleet.totals().deaths, 1);
    let shown = world.get(&path).await;
    assert_eq!(
        (&shown["end"]["reason"], &shown["totals"]["errors"]),
        (&json!("complete"), &json!(1))
    );
}

/// A live query goes before campaigns, and both arrive.
#[tokio::test]
async fn live_queries_go_before_campaigns() {
    let world = World::new(1).await;
    let id = world.launch("SELECT username FROM users").await;
    let path = start(&world).await;
    world.pass(INTERVAL);
    let offered = world.read(0).await;
    assert_eq!(offered.values().collect::<Vec<_>>(), [SQL], "unproven, so alone");
    for _ in 0..4 {
        world.poll(0).await;
    }
    assert_eq!(world.get(&path).await["end"]["reason"], "complete");
    world.stands(&id, 0, "responded", 1).await;
}

/// Cells that are no UTF-8 come out repaired.
#[tokio::test]
async fn odd_cells_stream_as_text() {
    let world = World::new(1).await;
    world.answer(|_, _| Rows::new().row([("data: x\n", &b"\xff\n\r\n\ndata: {}"[..])]).into());
    let path = format!("{}/events", start(&world).await);
    world.poll(0).await;
    let host = world.events(&path, None).await.find("host").await;
    assert_eq!(host.data["rows"][0]["data: x\n"], "\u{fffd}\n\r\n\ndata: {}");
}
