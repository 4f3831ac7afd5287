// SPDX-License-Identifier: Apache-2.0
//! The worker's death: what survives, what is lost, what is refused afterwards.

use std::time::Duration;

use mimir_sim::{Endpoint, Fate, Job, Outcome, Profile, Timing, Version, Waits};
use serde_json::json;

use crate::server::{FakeServer, Reply};

/// The text `killer` kills, `stuck` never ends; everything else has one row.
fn dangerous(_: &Profile, sql: &str) -> Outcome {
    match sql {
        "killer" => Outcome::Death,
        "stuck" => Outcome::Stuck,
        _ => Outcome::row([("sql", sql)]),
    }
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn results_in_memory_are_lost_and_later_queries_run_after_the_restart() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().answers(dangerous).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "1", "b": "killer", "c": "3"}}"#);
    let report = fleet.poll_once(0).await;
    assert!(report.died && !report.ok);
    assert_eq!(report.executed, ["a"]);
    assert_eq!(fleet.pending(0), ["c"]);
    assert!(fleet.unsent(0).is_empty() && server.to(Endpoint::Write).is_empty());
    assert_eq!(fleet.with_agent(0, |agent| agent.worker_number()), 2);
    // Even when the server has nothing for it any more.
    let report = fleet.poll_once(0).await;
    assert_eq!((report.accepted.len(), report.executed), (0, vec!["c".to_owned()]));
    let body = server.to(Endpoint::Write)[0].json();
    assert_eq!(body["queries"], json!({"c": [{"sql": "3"}]}));
    assert_eq!(fleet.totals().deaths, 1);
}

#[tokio::test]
async fn the_text_is_denylisted_for_a_day_under_any_name() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().answers(dangerous).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "killer"}}"#);
    assert!(fleet.poll_once(0).await.died);
    server.next(Endpoint::Read, r#"{"queries": {"x": "killer"}}"#);
    let report = fleet.poll_once(0).await;
    assert_eq!((report.denylisted, report.executed.len()), (vec!["x".to_owned()], 0));
    let body = server.to(Endpoint::Write)[0].json();
    assert_eq!(body["queries"], json!({"x": []}));
    assert_eq!(body["statuses"], json!({"x": 1}));
    assert_eq!(body["messages"], json!({"x": "distributed query is denylisted"}));
    assert_eq!(body["stats"], json!({"x": {}}));
    // Another text evades it; the same text runs again after a day.
    server.next(Endpoint::Read, r#"{"queries": {"y": "killer --"}}"#);
    assert_eq!(fleet.poll_once(0).await.executed, ["y"]);
    fleet.advance(DAY - Duration::from_secs(60));
    server.next(Endpoint::Read, r#"{"queries": {"z": "killer"}}"#);
    assert_eq!(fleet.poll_once(0).await.denylisted, ["z"]);
    fleet.advance(Duration::from_secs(60));
    server.next(Endpoint::Read, r#"{"queries": {"z": "killer"}}"#);
    assert!(fleet.poll_once(0).await.died);
}

#[tokio::test]
async fn agents_before_5_5_die_of_it_every_time() {
    let server = FakeServer::start().await;
    let old = Version::new(5, 4, 0);
    let fleet =
        server.fleet().answers(dangerous).host(0, move |h| h.version = old).build().unwrap();
    for _ in 0..2 {
        server.next(Endpoint::Read, r#"{"queries": {"a": "killer"}}"#);
        assert!(fleet.poll_once(0).await.died);
    }
    assert!(server.to(Endpoint::Write).is_empty());
}

#[tokio::test]
async fn an_sql_error_or_a_normal_end_is_not_denylisted() {
    let server = FakeServer::start().await;
    let answers = |_: &Profile, sql: &str| match sql {
        "bad" => Outcome::Error("syntax error".to_owned()),
        _ => Outcome::empty(),
    };
    let fleet = server.fleet().answers(answers).build().unwrap();
    for _ in 0..2 {
        server.next(Endpoint::Read, r#"{"queries": {"a": "bad", "b": "good"}}"#);
        let report = fleet.poll_once(0).await;
        assert_eq!((report.executed.len(), report.denylisted.len()), (2, 0));
    }
}

#[tokio::test]
async fn a_stuck_query_blocks_the_loop_alone_until_the_worker_is_killed() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().answers(dangerous).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "stuck", "b": "2"}}"#);
    assert!(fleet.poll_once(0).await.stuck);
    let report = fleet.poll_once(0).await;
    assert!(report.busy && report.stuck);
    assert_eq!(server.to(Endpoint::Read).len(), 1);
    assert!(fleet.fetch_config(0).await.ok, "other threads go on");
    fleet.kill_worker(0);
    server.next(Endpoint::Read, r#"{"queries": {"a": "stuck"}}"#);
    let report = fleet.poll_once(0).await;
    assert_eq!((report.denylisted, report.executed), (vec!["a".into()], vec!["b".into()]));
}

#[tokio::test]
async fn a_worker_killed_between_loops_loses_its_unsent_results() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().answers(dangerous).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "1"}}"#);
    server.always(Endpoint::Write, Reply::Drop);
    assert_eq!(fleet.poll_once(0).await.unsent, 1);
    fleet.kill_worker(0);
    server.always(Endpoint::Write, "{}").clear();
    let report = fleet.poll_once(0).await;
    assert!(report.ok && report.written.is_none());
    assert!(fleet.acknowledged(0).is_empty());
    let record = fleet.record(0);
    assert!(record.sent_to(Endpoint::Write).all(|sent| matches!(sent.fate, Fate::Failed(_))));
    assert_eq!(fleet.node_key(0).as_deref(), Some("K1"), "the key survives");
}

#[tokio::test]
async fn a_slow_query_takes_its_time_on_the_hosts_clock() {
    let server = FakeServer::start().await;
    let answers =
        |_: &Profile, _: &str| Outcome::After(Duration::from_secs(90), Box::new(Outcome::empty()));
    let fleet = server.fleet().answers(answers).build().unwrap();
    let before = fleet.now(0);
    server.next(Endpoint::Read, r#"{"queries": {"a": "slow"}}"#);
    assert_eq!(fleet.poll_once(0).await.executed, ["a"]);
    assert!(fleet.now(0).micros() - before.micros() >= 90_000_000);
}

#[tokio::test]
async fn an_abandoned_loop_leaves_the_host_usable_and_its_query_pending() {
    let server = FakeServer::start().await;
    let answers = |_: &Profile, _: &str| {
        Outcome::After(Duration::from_secs(3600), Box::new(Outcome::empty()))
    };
    let timing = Timing { waits: Waits::Real, ..Timing::default() };
    let fleet = server.fleet().answers(answers).timing(timing).build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "slow"}}"#);
    let running = fleet.clone();
    let task = tokio::spawn(async move { running.poll_once(0).await });
    crate::server::wait_until("the query runs", || {
        server.to(Endpoint::Read).len() == 1
            && fleet.with_agent(0, |agent| agent.is_busy(Job::Distributed))
            && fleet.with_agent(0, |agent| agent.disk().is_denylisted("slow", 1, agent_time()))
    })
    .await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(fleet.pending(0), ["a"]);
    fleet.set_answers(dangerous);
    let report = fleet.poll_once(0).await;
    assert_eq!((report.executed, report.denylisted.len()), (vec!["a".to_owned()], 0));
}

/// Before any mark was made: marks of later times count as young.
fn agent_time() -> mimir_sim::Timestamp {
    mimir_sim::Timestamp::from_secs(0)
}
