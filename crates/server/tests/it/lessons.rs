// SPDX-License-Identifier: Apache-2.0
//! Failures that users of comparable systems reported, where no other test is the place for them.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use mimir_sim::Recording;
use serde_json::json;

use crate::fleet::{INTERVAL, World, rows};
use crate::harness::Server;

const SQL: &str = "SELECT pid, name, path FROM processes";

/// The value of a counter in a text of metrics.
fn counter(text: &str, name: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// One look-up per poll in the database has brought servers down: a poll that finds nothing is
/// answered from memory, also while campaigns run that the host has answered.
#[tokio::test]
async fn empty_polls_touch_no_database() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::new(4).await;
    world.launch(SQL).await;
    world.launch("SELECT username FROM users").await;
    for _ in 0..4 {
        world.poll_all().await;
    }
    let count = |name| counter(&handle.render(), name);
    let (reads, writes) = (count("mimir_db_reads_total"), count("mimir_db_writes_total"));
    let (polls, stats) = (count("mimir_polls_total"), world.server.app.db.stats());
    for _ in 0..250 {
        world.poll_all().await;
    }
    assert_eq!(count("mimir_polls_total") - polls, 1000);
    assert_eq!(count("mimir_db_reads_total"), reads);
    assert_eq!(count("mimir_db_writes_total"), writes);
    assert_eq!(world.server.app.db.stats(), stats);
    // The counters do count.
    world.get("/campaigns").await;
    assert!(count("mimir_db_reads_total") > reads);
}

/// Some 200 single-host live queries made another server unreachable.
#[tokio::test]
async fn a_thousand_live_queries_on_single_hosts() {
    let world =
        World::with(Server::new(), |fleet| fleet.hosts(100).recording(Recording::Off)).await;
    let hosts = world.pages("/hosts?limit=500").await;
    let mut paths = Vec::new();
    for n in 0..1000 {
        let target = json!({"type": "hosts", "host_ids": [hosts[n % 100]["id"]]});
        let sql = format!("SELECT {n} AS n FROM osquery_info");
        let started = world.post("/queries/run", json!({"sql": sql, "target": target})).await;
        let id = started.expect(202)["id"].as_str().unwrap().to_owned();
        paths.push(format!("/queries/live/{id}"));
    }
    // Unproven queries travel one by one: ten turns of each host's loop, without time passing.
    for _ in 0..10 {
        for host in 0..100 {
            world.fleet.poll_once(host).await;
        }
    }
    for path in &paths {
        let shown = world.get(path).await;
        assert_eq!(shown["end"]["reason"], "complete", "{shown}");
        assert_eq!(shown["totals"]["rows"], 1);
    }
}

/// A short file reads as a whole one: an export whose rows are dropped meanwhile must break off.
#[tokio::test]
async fn an_export_whose_rows_are_dropped_breaks_off() {
    let world = World::new(30).await;
    world.answer(|host, _| rows(host, 3000));
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let name = world.campaign(&id).await["name"].clone();
    world.post(&format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    let path = format!("/campaigns/{id}/export?format=ndjson");
    let request = world.server.request(&world.admin, "GET", &path);
    let response = world.server.stream(request.body(axum::body::Body::empty()).unwrap()).await;
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap();
    assert!(!first.into_data().unwrap().is_empty());
    let drop_rows = json!({"confirm": name});
    world.post(&format!("/campaigns/{id}/drop-rows"), drop_rows).await.expect(200);
    assert!(body.collect().await.is_err(), "the receiver sees a broken body");
    world.holds().await;
}

/// An export has what was there when it began: answers that come meanwhile are not half in it.
#[tokio::test]
async fn an_export_is_of_one_moment() {
    let world = World::new(12).await;
    world.answer(|host, _| rows(host, 2000));
    let id = world.launch(SQL).await;
    for host in 0..10 {
        world.poll(host).await;
    }
    let path = format!("/campaigns/{id}/export?format=ndjson");
    let request = world.server.request(&world.admin, "GET", &path);
    let response = world.server.stream(request.body(axum::body::Body::empty()).unwrap()).await;
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    world.poll(10).await;
    let rest = body.collect().await.unwrap().to_bytes();
    let lines = first.iter().chain(&rest).filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, 20_000);
}

/// A criterion that matches nothing must not widen the target.
#[tokio::test]
async fn a_launch_on_an_empty_fleet_asks_nobody() {
    let world = World::new(0).await;
    let body = json!({"sql": SQL, "target": {"type": "all"}});
    let launched = world.post("/campaigns", body).await.expect(201);
    assert_eq!(launched["dispatched_hosts"], 0);
    assert_eq!(launched["campaign"]["complete"], true);
    let id = launched["campaign"]["id"].as_str().unwrap();
    world.server.enrol(&world.admin, "latecomer").await;
    assert_eq!(world.campaign(id).await["coverage"]["targeted"], 0);
    world.holds().await;
}

/// Hosts that have been dark for months are targeted like the others.
#[tokio::test]
async fn a_fleet_is_every_enrolled_host_however_long_dark() {
    let world = World::new(3).await;
    world.pass(Duration::from_secs(120 * 86_400));
    world.poll(0).await;
    let id = world.launch(SQL).await;
    assert_eq!(world.campaign(&id).await["coverage"]["targeted"], 3);
    let app = world.server.app.clone();
    let flushed = tokio::task::spawn_blocking(move || mimir_server::jobs::flush_seen(&app)).await;
    flushed.unwrap().unwrap();
    let summary = world.get("/dashboard/summary").await;
    assert_eq!(
        (&summary["total_hosts"], &summary["online"], &summary["offline"]),
        (&json!(3), &json!(1), &json!(2))
    );
    assert_eq!(
        (&summary["active_campaigns"], &summary["pending_assignments"]),
        (&json!(1), &json!(3))
    );
}

/// A slow reader of events delays no agent and misses nothing.
#[tokio::test]
async fn a_reader_that_does_not_read_delays_nobody() {
    let world = World::new(300).await;
    let id = world.launch(SQL).await;
    let mut slow = world.events(&format!("/campaigns/{id}/events"), None).await;
    slow.next().await;
    world.poll_all().await;
    assert_eq!(world.coverage(&id).await["responded"], 300);
    let mut seen = 0;
    while seen < 300 {
        slow.find("response").await;
        seen += 1;
    }
}

/// A hundred thousand hosts, put in by SQL.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "figures for whoever runs it with --show-output")]
async fn a_launch_on_a_hundred_thousand_hosts() {
    let world = World::new(3).await;
    let host = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 99997) \
        insert into host (id, machine_key, hostname, host_identifier, hardware_uuid, \
        hardware_serial, instance_id, platform, os_name, os_version, arch, agent, agent_version, \
        ip_address, enrolled_at, last_seen_at, reenrollment_blocked) \
        select printf('00000000-0000-7000-8000-%012x', i), 'machine ' || i, \
        printf('bulk-%06d', i), '', '', '', '', 'linux', '', '', '', 'osquery', '5.23.1', '', \
        0, 0, 0 from n";
    world.sql(host, vec![]).await;
    world.server.app.rebuild().unwrap();
    let start = Instant::now();
    let body = json!({"sql": SQL, "target": {"type": "all"}});
    let launched = world.post("/campaigns", body).await.expect(201);
    println!("launch on 100,000 hosts: {:?}", start.elapsed());
    assert_eq!(launched["dispatched_hosts"], 100_000);
    let id = launched["campaign"]["id"].as_str().unwrap();
    world.poll_all().await;
    let counts = world.coverage(id).await;
    assert_eq!((counts["targeted"], counts["responded"], counts["pending"]), (100_000, 3, 99_997));
    let start = Instant::now();
    let page = world.get(&format!("/campaigns/{id}/assignments?limit=500&q=bulk-0999")).await;
    println!("a page of its ledger: {:?}", start.elapsed());
    assert_eq!(page["total"], 98);
    world.holds().await;
    let start = Instant::now();
    world.post(&format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    println!("stop: {:?}", start.elapsed());
    let world = world.restart();
    assert_eq!(world.coverage(id).await["cancelled"], 99_997);
    world.pass(INTERVAL);
    world.holds().await;
}
