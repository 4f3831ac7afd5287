// SPDX-License-Identifier: Apache-2.0
//! What the service makes of queries that run away: the server hears why, the same text is
//! refused for a day, others run, and the agent stays small.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::program::{ENDLESS, Running, kept, until};
use crate::server::Server;

const NOTE: &str = "this host refuses the same SQL for a day";

fn offer(server: &Server, name: &str, sql: &str) {
    server.script().offers.insert(name.to_owned(), sql.to_owned());
}

/// The message of an answer that comes.
fn message(server: &Server, name: &str) -> String {
    until("the answer is there", || server.script().answers.contains_key(name));
    server.script().answers[name].2.clone()
}

#[test]
fn a_runaway_is_reported_and_then_refused_even_after_a_restart() {
    let server = Server::start();
    offer(&server, "a", ENDLESS);
    let arguments = ["--query-seconds-max", "1"];
    let mut agent = Running::start(&server, &arguments);
    let expected = format!("the query was stopped after 1 s; make it cheaper; {NOTE}");
    assert_eq!(message(&server, "a"), expected);
    offer(&server, "b", ENDLESS);
    offer(&server, "c", "SELECT 3 AS n");
    assert_eq!(message(&server, "b"), "distributed query is denylisted");
    assert_eq!(message(&server, "c"), "");
    agent.0.kill().unwrap();
    agent.0.wait().unwrap();
    let _agent = Running::start(&server, &arguments);
    offer(&server, "d", ENDLESS);
    offer(&server, "e", "SELECT 5 AS n");
    assert_eq!(message(&server, "d"), "distributed query is denylisted");
    assert_eq!(message(&server, "e"), "");
    assert_eq!(server.script().answers["e"].0, json!([{"n": "5"}]));
}

#[test]
fn an_eater_of_memory_and_a_dead_process_are_reported() {
    let server = Server::start();
    let eater = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
                 SELECT count(DISTINCT printf('%0500d', n)) FROM r";
    offer(&server, "a", eater);
    offer(&server, "b", ENDLESS);
    let agent = Running::start(&server, &["--query-seconds-max", "50"]);
    let said = message(&server, "a");
    assert!(said.contains("MiB of memory") && said.ends_with(NOTE), "{said}");
    let worker = || {
        let list = format!("/proc/{0}/task/{0}/children", agent.0.id());
        let children = std::fs::read_to_string(list).unwrap_or_default();
        children.split_whitespace().next().and_then(|pid| pid.parse().ok())
    };
    until("the query runs", || {
        kept(&server, "SELECT count(*) FROM running WHERE is_live") == 1 && worker().is_some()
    });
    kill(Pid::from_raw(worker().unwrap()), Signal::SIGKILL).unwrap();
    let said = message(&server, "b");
    assert!(said.contains("SIGKILL") && said.ends_with(NOTE), "{said}");
    offer(&server, "c", "SELECT 3 AS n");
    assert_eq!(message(&server, "c"), "");
}

#[test]
fn a_discovery_that_runs_away_is_refused_too() {
    let server = Server::start();
    offer(&server, "a", "SELECT 1 AS n");
    let _agent = Running::start(&server, &["--query-seconds-max", "1"]);
    assert_eq!(message(&server, "a"), "");
    server.script().discovery.insert("b".to_owned(), ENDLESS.to_owned());
    offer(&server, "b", "SELECT 2 AS n");
    until("it is refused", || kept(&server, "SELECT count(*) FROM running WHERE deaths > 1") == 1);
    offer(&server, "c", "SELECT 3 AS n");
    assert_eq!(message(&server, "c"), "");
    assert!(!server.script().answers.contains_key("b"));
}

#[test]
fn a_scheduled_query_that_runs_away_is_refused_under_its_name() {
    let server = Server::start();
    server.script().config = json!({
        "schedule": {"endless": {"query": ENDLESS, "interval": 1, "snapshot": true}},
    });
    let _agent = Running::start(&server, &["--query-seconds-max", "1"]);
    until("the failure is in the log", || {
        let script = server.script();
        let failure = "Error executing scheduled query endless: the query was stopped after 1 s";
        script.statuses.iter().any(|line| line["message"].to_string().contains(failure))
    });
    offer(&server, "a", "SELECT denylisted FROM osquery_schedule WHERE name = 'endless'");
    assert_eq!(message(&server, "a"), "");
    assert_eq!(server.script().answers["a"].0, json!([{"denylisted": "1"}]));
}

#[test]
fn an_error_of_the_statement_is_no_runaway() {
    let server = Server::start();
    for name in ["a", "b"] {
        offer(&server, name, "SELECT * FROM nowhere");
    }
    offer(&server, "c", "SELECT * FROM processes");
    let _agent = Running::start(&server, &["--query-rows-max", "1"]);
    for name in ["a", "b"] {
        assert_eq!(message(&server, name), "no such table: nowhere");
    }
    let said = message(&server, "c");
    assert!(said.contains("more than 1 rows") && !said.contains(NOTE), "{said}");
    assert_eq!(kept(&server, "SELECT count(*) FROM running"), 0);
}

#[test]
fn the_agent_is_small_again_after_a_large_answer() {
    let server = Server::start();
    let sql = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 200000)
               SELECT n, printf('%0100d', n) AS t FROM r";
    offer(&server, "a", sql);
    let agent = Running::start(&server, &[]);
    assert_eq!(message(&server, "a"), "");
    assert_eq!(server.script().answers["a"].0.as_array().unwrap().len(), 200_000);
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", agent.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    };
    until("the agent is small", || resident() <= 15);
}
