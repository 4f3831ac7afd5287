// SPDX-License-Identifier: Apache-2.0
//! The logger and the configuration.

use std::time::Duration;

use mimir_sim::logs::{Execution, event_line, status_line};
use mimir_sim::{Endpoint, LogKind, Version};
use serde_json::json;

use crate::server::{FakeServer, Reply};

#[tokio::test]
async fn results_and_status_lines_go_in_bodies_of_their_own() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    let (host, at) = (fleet.profile(0), fleet.now(0));
    let run = Execution { query: "ports", at, epoch: 0, counter: 1 };
    fleet.log(0, LogKind::Status, status_line(&host, at, 1, "careful"));
    fleet.log(0, LogKind::Result, event_line(&host, run, "added", &[("port", "22")]));
    assert!(fleet.flush_logs(0).await.ok);
    let bodies: Vec<_> = server.to(Endpoint::Log).iter().map(|r| r.json()).collect();
    assert_eq!(
        (&bodies[0]["log_type"], &bodies[1]["log_type"]),
        (&json!("result"), &json!("status"))
    );
    assert_eq!(bodies[0]["data"][0]["columns"], json!({"port": "22"}));
    assert_eq!(bodies[1]["data"][0]["message"], "careful");
    assert_eq!(bodies[1]["node_key"], "K1");
    assert_eq!(fleet.record(0).acknowledged_lines, 2);
    fleet.flush_logs(0).await;
    assert_eq!(server.to(Endpoint::Log).len(), 2, "nothing buffered, nothing sent");
}

#[tokio::test]
async fn one_attempt_a_round_and_longer_waits_up_to_an_hour() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.always(Endpoint::Log, Reply::Body(500, b"no".to_vec()));
    fleet.log(0, LogKind::Result, "{}");
    let mut waits = Vec::new();
    for round in 1..=32 {
        assert!(!fleet.flush_logs(0).await.ok);
        assert_eq!(server.to(Endpoint::Log).len(), round, "one attempt a round");
        let until = fleet.with_agent(0, |agent| agent.log_backoff_until(LogKind::Result));
        let wait = (until.micros() - fleet.now(0).micros()) as f64 / 1e6;
        waits.push(wait.round() as u64);
        assert!(fleet.flush_logs(0).await.ok, "nothing is sent while it waits");
        fleet.advance(Duration::from_secs_f64(wait.max(0.0)) + Duration::from_millis(1));
    }
    assert_eq!(waits[..4], [4, 16, 36, 64]);
    assert_eq!(waits[29..], [3600, 3600, 3600]);
    server.always(Endpoint::Log, "{}");
    assert!(fleet.flush_logs(0).await.ok);
    assert_eq!(fleet.with_agent(0, |agent| agent.buffered_lines(LogKind::Result)), 0);
}

#[tokio::test]
async fn a_round_takes_1024_lines_and_leaves_out_what_cannot_be_sent() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    fleet.log(0, LogKind::Result, "no json");
    fleet.log(0, LogKind::Result, format!("\"{}\"", "x".repeat(1 << 20)));
    for n in 0..1100 {
        fleet.log(0, LogKind::Result, format!("{{\"n\": {n}}}"));
    }
    fleet.log(0, LogKind::Status, "{}");
    fleet.flush_logs(0).await;
    let first = server.to(Endpoint::Log);
    assert_eq!(first.len(), 1, "a full batch leaves no room for status lines");
    assert_eq!(first[0].json()["data"].as_array().unwrap().len(), 1022);
    fleet.flush_logs(0).await;
    let lines: Vec<_> = server
        .to(Endpoint::Log)
        .iter()
        .map(|r| r.json()["data"].as_array().unwrap().len())
        .collect();
    assert_eq!(lines, [1022, 78, 1]);
}

#[tokio::test]
async fn the_config_changes_intervals_and_is_refused_when_too_large() {
    let server = FakeServer::start().await;
    let newer = Version::new(5, 24, 0);
    let fleet = server.fleet().hosts(2).host(1, move |h| h.version = newer).build().unwrap();
    server.next(
        Endpoint::Config,
        r#"{"options": {"distributed_interval": 10, "logger_tls_period": 7}, "schedule": {}}"#,
    );
    assert!(fleet.fetch_config(0).await.ok);
    assert_eq!(fleet.poll_once(0).await.next_in, Duration::from_secs(10));
    assert_eq!(fleet.flush_logs(0).await.next_in, Duration::from_secs(7));
    server.always(Endpoint::Config, "{}");
    assert!(fleet.fetch_config(0).await.ok);
    assert_eq!(fleet.poll_once(0).await.next_in, Duration::from_secs(10), "options stay set");

    let large = format!("{{\"views\": {{\"v\": \"{}\"}}}}", "x".repeat(1 << 20));
    server.always(Endpoint::Config, large.as_str());
    let report = fleet.fetch_config(0).await;
    assert_eq!((report.ok, report.next_in), (false, Duration::from_secs(300)));
    assert!(fleet.fetch_config(1).await.ok, "a later version takes 4 MiB");
}

#[tokio::test]
async fn a_config_that_cannot_be_had_is_tried_three_times_and_again_after_300_s() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.always(Endpoint::Config, r#"{"error": "later"}"#);
    let report = fleet.fetch_config(0).await;
    assert_eq!((report.ok, report.next_in), (false, Duration::from_secs(300)));
    assert_eq!(report.error.as_deref(), Some("the server says: later"));
    assert_eq!(server.to(Endpoint::Config).len(), 3);
}
