// SPDX-License-Identifier: Apache-2.0
//! Scheduled queries and packs against a server: what is reported when, and what a restart, a
//! death or another configuration changes about it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mimir_agent::pace::Pace;
use mimir_agent::remote::Endpoint;
use serde_json::{Value, json};

use crate::server::{CONFIG, Failure, LOG, READ, Server};
use crate::service::{Agent, TestPace, run_for, state, state_dir};

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// A folder whose files a scheduled query reports.
struct Folder(PathBuf);

impl Folder {
    fn new(server: &Server, files: &[&str]) -> Self {
        let folder = Self(server.directory().join("folder"));
        std::fs::create_dir(&folder.0).unwrap();
        files.iter().for_each(|file| folder.add(file));
        folder
    }

    fn add(&self, file: &str) {
        std::fs::write(self.0.join(file), "").unwrap();
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.0.join(file)).unwrap();
    }

    fn sql(&self) -> String {
        let path = self.0.display();
        format!("SELECT filename FROM file WHERE directory = '{path}' AND type = 'regular'")
    }
}

/// A server that asks for one query every minute.
fn every_minute(sql: &str, members: Value) -> Server {
    let server = Server::start();
    schedule(&server, sql, members);
    server
}

fn schedule(server: &Server, sql: &str, members: Value) {
    let mut query = json!({"query": sql, "interval": MINUTE});
    query.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    server.script().config = json!({"schedule": {"q": query}});
}

/// Lines as action, file name and counter, since the last time they were looked at.
fn lines(server: &Server) -> Vec<String> {
    let lines = std::mem::take(&mut server.script().results);
    let mut lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let file = line["columns"]["filename"].as_str().unwrap();
            format!("{} {} {file}", line["counter"], line["action"].as_str().unwrap())
        })
        .collect();
    lines.sort();
    lines
}

fn messages(server: &Server) -> Vec<String> {
    let script = server.script();
    let message = |line: &Value| line["message"].as_str().unwrap().to_owned();
    script.statuses.iter().map(message).collect()
}

/// A number from the state of an agent that runs.
fn kept(server: &Server, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(state_dir(server).join("state.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn only_changes_are_reported_and_a_restart_is_none() {
    let server = Server::start();
    let folder = Folder::new(&server, &["a", "b"]);
    schedule(&server, &folder.sql(), json!({}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    {
        let script = server.script();
        let line = &script.results[0];
        assert_eq!(line["name"], "q");
        assert_eq!(line["hostIdentifier"], "web-1");
        assert_eq!([&line["epoch"], &line["counter"]], [0, 0]);
        assert!(line["unixTime"].as_i64().unwrap() > 1_800_000_000);
        assert!(line["calendarTime"].as_str().unwrap().ends_with("2027 UTC"), "{line}");
        assert_eq!(line["numerics"], false);
        assert!(line.get("decorations").is_none());
    }
    assert_eq!(lines(&server), ["0 added a", "0 added b"]);
    run_for(&mut agent, 3 * MINUTE);
    assert_eq!(lines(&server), [""; 0], "nothing changed");
    folder.add("c");
    folder.remove("a");
    run_for(&mut agent, 2 * MINUTE);
    assert_eq!(lines(&server), ["1 added c", "1 removed a"]);

    let pace = agent.pace.clone();
    drop(agent);
    folder.add("d");
    let mut agent = Agent::start_with(&server, pace, |_| {});
    run_for(&mut agent, 2 * MINUTE);
    assert_eq!(lines(&server), ["2 added d"]);
}

#[test]
fn another_statement_or_epoch_begins_anew() {
    let server = Server::start();
    let folder = Folder::new(&server, &["a", "b"]);
    schedule(&server, &folder.sql(), json!({}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    lines(&server);
    schedule(&server, &format!("{} AND filename <> 'a'", folder.sql()), json!({}));
    run_for(&mut agent, 6 * MINUTE);
    assert_eq!(lines(&server), ["0 added b"]);
    server.script().config["options"] = json!({"schedule_epoch": 7});
    run_for(&mut agent, 6 * MINUTE);
    assert_eq!(server.script().results[0]["epoch"], 7);
    assert_eq!(lines(&server), ["0 added b"]);
}

#[test]
fn removals_can_be_left_out() {
    let server = Server::start();
    let folder = Folder::new(&server, &["a", "b"]);
    schedule(&server, &folder.sql(), json!({"removed": false}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    lines(&server);
    folder.remove("a");
    run_for(&mut agent, 2 * MINUTE);
    assert_eq!(lines(&server), [""; 0]);
    folder.add("a");
    run_for(&mut agent, 2 * MINUTE);
    assert_eq!(lines(&server), ["2 added a"]);
}

#[test]
fn changes_can_be_one_line() {
    let server = Server::start();
    let folder = Folder::new(&server, &["a"]);
    schedule(&server, &folder.sql(), json!({}));
    server.script().config["options"] = json!({"logger_event_type": "false"});
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    folder.remove("a");
    folder.add("b");
    run_for(&mut agent, 2 * MINUTE);
    let script = server.script();
    assert_eq!(script.results.len(), 2);
    assert_eq!(
        script.results[1]["diffResults"],
        json!({"removed": [{"filename": "a"}], "added": [{"filename": "b"}]})
    );
    assert!(script.results[1].get("action").is_none());
}

#[test]
fn snapshots_are_complete_every_time() {
    let sql = "SELECT 'x\ny' AS t UNION ALL SELECT 'z'";
    let server = every_minute(sql, json!({"snapshot": true}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 5 * MINUTE);
    {
        let script = server.script();
        assert!((4..=6).contains(&script.results.len()), "{:?}", script.results.len());
        for line in &script.results {
            assert_eq!(line["snapshot"], json!([{"t": "x\ny"}, {"t": "z"}]));
            assert_eq!((&line["action"], &line["counter"]), (&json!("snapshot"), &json!(0)));
        }
    }
    schedule(&server, "SELECT 1 WHERE 0", json!({"snapshot": true}));
    run_for(&mut agent, 6 * MINUTE);
    assert_eq!(server.script().results.last().unwrap()["snapshot"], json!([]));
    schedule(&server, sql, json!({"snapshot": true}));
    server.script().config["options"] = json!({"logger_snapshot_event_type": true});
    server.script().results.clear();
    run_for(&mut agent, 6 * MINUTE);
    let last = server.script().results.last().unwrap().clone();
    assert_eq!((&last["columns"], &last["action"]), (&json!({"t": "z"}), &json!("snapshot")));
}

#[test]
fn numbers_can_be_written_as_numbers() {
    let sql = "SELECT 1 AS i, 2.5 AS d, '3' AS t, NULL AS n";
    let server = every_minute(sql, json!({}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    server.script().config["options"] = json!({"logger_numerics": true});
    run_for(&mut agent, 8 * MINUTE);
    let script = server.script();
    let [before, after] = script.results.as_slice() else { panic!("{:?}", script.results) };
    assert_eq!(before["columns"], json!({"i": "1", "d": "2.5", "t": "3", "n": ""}));
    assert_eq!(after["columns"], json!({"i": 1, "d": 2.5, "t": "3", "n": ""}));
    assert_eq!([&before["numerics"], &after["numerics"]], [&json!(false), &json!(true)]);
    assert_eq!(after["counter"], 0, "nothing that was compared");
}

#[test]
fn control_characters_in_changes_are_escaped() {
    let server = every_minute("SELECT 'x\ny' AS t", json!({}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    assert_eq!(server.script().results[0]["columns"], json!({"t": "x\\x0Ay"}));
}

#[test]
fn what_people_ask_goes_before_what_is_scheduled() {
    let server = Server::start();
    let query = json!({"query": "SELECT 1", "interval": 3_600, "startup_priority": true});
    server.script().config = json!({"schedule": {"a": query, "b": query, "c": query}});
    let mut agent = Agent::start_with(&server, TestPace::default(), |_| {});
    let ran = || kept(&server, "SELECT count(*) FROM scheduled");
    agent.iterate(1);
    assert_eq!(ran(), 1, "one at a time");
    server.script().offers.insert("live".to_owned(), "SELECT 2 AS n".to_owned());
    agent.pace.pass(Duration::from_secs(60));
    agent.iterate(1);
    assert_eq!(ran(), 1, "what was offered goes first");
    agent.iterate(1);
    assert!(server.script().answers.contains_key("live"));
    assert_eq!(ran(), 2);
    agent.iterate(1);
    assert_eq!(ran(), 3);
}

#[test]
fn a_read_is_held_no_longer_than_until_the_next_query() {
    let server = every_minute("SELECT 1", json!({"interval": 10}));
    let pace = TestPace::default();
    let mut agent = Agent::start_with(&server, pace.clone(), |transport| {
        transport.hold = Some((pace, Duration::from_secs(25)));
    });
    run_for(&mut agent, 3 * MINUTE);
    let script = server.script();
    let reads = script.seen(READ);
    let waits: Vec<u64> = reads
        .iter()
        .filter_map(|seen| seen.headers.get("prefer"))
        .map(|prefer| prefer.strip_prefix("wait=").unwrap().parse().unwrap())
        .collect();
    assert!(waits.len() > 15 && waits.iter().all(|wait| (1..=11).contains(wait)), "{waits:?}");
    assert!(reads.len() < 60, "no more reads than there is a reason for: {}", reads.len());
    assert!(kept(&server, "SELECT json_extract(totals, '$.executions') FROM scheduled") >= 15);
}

#[test]
fn packs_name_their_queries_and_discover() {
    let server = Server::start();
    let folder = Folder::new(&server, &[]);
    let query = json!({"query": "SELECT 'x' AS filename", "interval": 60});
    server.script().config = json!({
        "options": {"pack_refresh_interval": 600},
        "packs": {
            "base": {"queries": {"one": query}},
            "web": {"discovery": ["SELECT 1", folder.sql()], "queries": {"one": query}},
            "odd": {"discovery": ["SELECT * FROM nowhere"], "queries": {"one": query}},
        },
    });
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 3 * MINUTE);
    let names = |server: &Server| {
        let script = server.script();
        let names = script.results.iter().map(|line| line["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&server), ["pack_base_one"]);
    let told = messages(&server);
    assert!(told.iter().any(|text| text.contains("pack odd failed: no such table")), "{told:?}");
    folder.add("marker");
    run_for(&mut agent, 12 * MINUTE);
    assert_eq!(names(&server), ["pack_base_one", "pack_web_one"]);
}

#[test]
fn the_tables_show_the_schedule() {
    let server = Server::start();
    server.script().config = json!({
        "schedule": {"q": {"query": "SELECT 1", "interval": 60}},
        "packs": {"web": {"discovery": ["SELECT 1 WHERE 0"], "version": "1.0", "queries": {}}},
        "options": {"logger_tls_period": 9},
    });
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 4 * MINUTE);
    let facts = agent.host.facts.schedule();
    let query = &facts.queries[0];
    assert_eq!((query.name.as_str(), query.interval, query.denylisted), ("q", 60, false));
    assert!(query.executions >= 3 && query.last_executed > 1_800_000_000, "{query:?}");
    let pack = &facts.packs[0];
    assert_eq!((pack.name.as_str(), pack.active, pack.discovery_executions), ("web", false, 1));
    assert_eq!(agent.host.facts.flag("logger_tls_period").as_deref(), Some("9"));
}

#[test]
fn decorations_stand_in_every_line() {
    let server = every_minute("SELECT 1 AS n", json!({"snapshot": true}));
    let folder = Folder::new(&server, &["a"]);
    server.script().config["decorators"] = json!({
        "load": ["SELECT 'fra1' AS site, instance_id FROM osquery_info", "SELECT * FROM nowhere"],
        "always": [format!("SELECT count(*) AS files FROM ({})", folder.sql())],
        "interval": {"120": ["SELECT 'old' AS site"]},
    });
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    folder.add("b");
    run_for(&mut agent, 2 * MINUTE);
    let script = server.script();
    let first = json!({"site": "old", "instance_id": "instance-1", "files": "1"});
    assert_eq!(script.results[0]["decorations"], first);
    assert_eq!(script.results.last().unwrap()["decorations"]["files"], "2");
    let told = script.statuses.iter().map(|line| line["message"].as_str().unwrap());
    let told: Vec<&str> = told.filter(|text| text.contains("decorator")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("no such table: nowhere"), "{told:?}");
}

#[test]
fn a_query_that_fails_is_told_each_time_and_keeps_its_rows() {
    let server = Server::start();
    let folder = Folder::new(&server, &["a"]);
    schedule(&server, &folder.sql(), json!({}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    lines(&server);
    schedule(&server, "SELECT * FROM nowhere", json!({}));
    run_for(&mut agent, 8 * MINUTE);
    assert_eq!(lines(&server), [""; 0]);
    let told = messages(&server);
    assert!(told.len() >= 2, "{told:?}");
    assert_eq!(told[0], "Error executing scheduled query q: no such table: nowhere");
    assert_eq!(server.script().statuses[0]["severity"], 2);
    schedule(&server, &folder.sql(), json!({}));
    folder.add("b");
    run_for(&mut agent, 8 * MINUTE);
    assert_eq!(lines(&server), ["1 added b"], "compared with the last rows of this statement");
}

/// Leaves the state of agents that died while these queries ran.
fn die_in(server: &Server, marks: &[(&str, &str)], deaths: u32) {
    for death in 0..deaths {
        let mut dead = state(server);
        if death > 0 {
            dead.schedule_blame(1_800_000_000).unwrap();
        }
        marks.iter().for_each(|(name, sql)| dead.schedule_begin(name, sql).unwrap());
    }
}

#[test]
fn one_death_is_told_and_forgiven() {
    let server = every_minute("SELECT 6 AS n", json!({"snapshot": true}));
    die_in(&server, &[("q", "SELECT 6 AS n")], 1);
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 3 * MINUTE);
    assert!(server.script().results.len() >= 2);
    let told = messages(&server);
    assert_eq!(told, ["Scheduled query may have failed: q; it gets one more try"]);
    drop(agent);
    // It ended well since.
    die_in(&server, &[("q", "SELECT 6 AS n")], 1);
    assert_eq!(state(&server).schedule_blame(0).unwrap(), [("q".to_owned(), false)]);
    assert_eq!(state(&server).schedule_blame(0).unwrap(), [], "nothing ran meanwhile");
}

#[test]
fn a_query_the_agent_died_in_twice_is_refused_for_a_day() {
    let server = every_minute("SELECT 6 AS n", json!({"snapshot": true}));
    let spared = json!({"query": "SELECT 7", "interval": 60, "snapshot": true, "denylist": false});
    server.script().config["schedule"]["spared"] = spared;
    let pace = TestPace::default();
    die_in(&server, &[("q", "SELECT 6 AS n"), ("spared", "SELECT 7")], 2);
    let mut agent = Agent::start_with(&server, pace.clone(), |_| {});
    run_for(&mut agent, 5 * MINUTE);
    {
        let script = server.script();
        assert!(script.results.iter().all(|line| line["name"] == "spared"));
        assert!(script.results.len() >= 4);
    }
    let told = messages(&server);
    assert!(
        told.contains(&"Scheduled query may have failed: q; it is refused for a day".to_owned())
    );
    assert!(agent.host.facts.schedule().queries[0].denylisted);

    schedule(&server, "SELECT 6 AS m", json!({"snapshot": true}));
    run_for(&mut agent, 7 * MINUTE);
    assert_eq!(server.script().results.last().unwrap()["name"], "q", "another text is another");
    schedule(&server, "SELECT 6 AS n", json!({"snapshot": true}));
    server.script().results.clear();
    run_for(&mut agent, 7 * MINUTE);
    let is_old = |line: &Value| line["snapshot"][0].get("n").is_some();
    assert!(!server.script().results.iter().any(is_old));
    pace.pass(Duration::from_secs(DAY));
    run_for(&mut agent, 2 * MINUTE);
    assert!(server.script().results.iter().any(is_old));
    assert!(!agent.host.facts.schedule().queries[0].denylisted);
}

#[test]
fn what_runs_at_every_start_cannot_end_every_start() {
    let server = every_minute("SELECT 1", json!({"snapshot": true}));
    server.script().config["decorators"] = json!({"load": ["SELECT 'x' AS site"]});
    server.script().config["packs"] =
        json!({"p": {"discovery": ["SELECT 2"], "queries": {"r": {"query": "SELECT 3"}}}});
    let marks =
        [("decorator query", "SELECT 'x' AS site"), ("discovery query of a pack", "SELECT 2")];
    die_in(&server, &marks, 2);
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    assert!(server.script().results[0].get("decorations").is_none());
    assert!(!agent.host.facts.schedule().packs[0].active);
}

#[test]
fn an_orderly_stop_in_a_query_does_not_deny_it() {
    let sql = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 20000)
               SELECT max(n) AS n FROM r";
    let server = every_minute(sql, json!({"startup_priority": 1}));
    let mut agent = Agent::start(&server);
    agent.stop.store(true, Ordering::SeqCst);
    agent.iterate(1);
    assert_eq!(kept(&server, "SELECT count(*) FROM scheduled_running"), 0);
    let pace = agent.pace.clone();
    drop(agent);
    assert!(server.script().results.is_empty());
    let mut agent = Agent::start_with(&server, pace, |_| {});
    run_for(&mut agent, 2 * MINUTE);
    assert_eq!(server.script().results[0]["columns"], json!({"n": "20000"}));
}

#[test]
fn a_death_around_a_delivery_loses_no_line_and_reports_no_change_twice() {
    for (before, after) in [(Some(Endpoint::Log), None), (None, Some(Endpoint::Log))] {
        let server = Server::start();
        let folder = Folder::new(&server, &["a", "b"]);
        schedule(&server, &folder.sql(), json!({}));
        let pace = TestPace::default();
        let mut dying = Agent::start_with(&server, pace.clone(), |transport| {
            (transport.die_before, transport.die_after) = (before, after);
        });
        let death = catch_unwind(AssertUnwindSafe(|| run_for(&mut dying, 3 * MINUTE)));
        assert!(death.is_err(), "{before:?} {after:?}");
        drop(dying);
        folder.add("c");
        let mut agent = Agent::start_with(&server, pace, |_| {});
        run_for(&mut agent, 3 * MINUTE);
        let mut lines = lines(&server);
        // The server took them, but the agent could not know: the same lines once more.
        if after.is_some() {
            assert_eq!(lines.len(), 5, "{lines:?}");
            lines.dedup();
        }
        assert_eq!(lines, ["0 added a", "0 added b", "1 added c"]);
    }
}

#[test]
fn the_schedule_goes_on_while_the_server_is_away() {
    let server = Server::start();
    let folder = Folder::new(&server, &["a"]);
    schedule(&server, &folder.sql(), json!({}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    lines(&server);
    let pace = agent.pace.clone();
    drop(agent);
    let down = || Failure::Reply(503, "down");
    for path in [CONFIG, READ, LOG] {
        server.script().fail(path, std::iter::repeat_with(down).take(10_000));
    }
    let mut agent = Agent::start_with(&server, pace, |_| {});
    run_for(&mut agent, 2 * MINUTE);
    folder.add("b");
    run_for(&mut agent, 2 * MINUTE);
    folder.add("c");
    run_for(&mut agent, 2 * MINUTE);
    assert_eq!(lines(&server), [""; 0]);
    let requests = server.script().seen(LOG).len();
    assert!(requests < 15, "a server that is away is left alone: {requests}");
    server.script().failures.clear();
    run_for(&mut agent, 60 * MINUTE);
    assert_eq!(lines(&server), ["1 added b", "2 added c"]);
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    let server = every_minute("SELECT 1 AS n", json!({"snapshot": true}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    assert!(agent.host.config().valid);
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }
    server.script().config = json!({"schedule": {}, "deep": deep});
    run_for(&mut agent, 6 * MINUTE);
    assert!(!agent.host.config().valid);
    server.script().results.clear();
    run_for(&mut agent, 2 * MINUTE);
    assert!(!server.script().results.is_empty(), "the one before stays");
    let told = messages(&server);
    assert!(told.iter().any(|text| text.contains("configuration is refused")), "{told:?}");
}

#[test]
fn a_configuration_that_changes_often_puts_nothing_off() {
    let server = Server::start();
    let mut agent = Agent::start(&server);
    for n in 0..12 {
        server.script().config = json!({
            "schedule": {"q": {"query": "SELECT 1 AS n", "interval": 600, "snapshot": true}},
            "odd": n,
        });
        run_for(&mut agent, 5 * MINUTE + 1);
    }
    let runs = server.script().results.len();
    assert!((4..=7).contains(&runs), "{runs} runs in an hour");
    assert!(agent.pace.elapsed() > Duration::from_secs(3_600));
}

#[test]
fn a_line_too_long_for_the_log_is_told() {
    let server = every_minute("SELECT printf('%.2000c', 'x') AS n", json!({}));
    server.script().config["options"] = json!({"logger_tls_max_linesize": 1_000});
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    assert!(server.script().results.is_empty());
    let told = messages(&server);
    assert!(
        told[0].contains("1 lines of scheduled query q are longer than 1000 bytes"),
        "{told:?}"
    );
}

#[test]
fn a_run_that_makes_too_many_lines_is_an_error_and_changes_nothing() {
    let many = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 400000)
                SELECT n FROM r";
    let server = every_minute(many, json!({}));
    let mut agent = Agent::start(&server);
    run_for(&mut agent, 2 * MINUTE);
    assert!(server.script().results.is_empty());
    let told = messages(&server);
    assert!(told[0].contains("lines for the log have more than 67108864 bytes"), "{told:?}");
    assert_eq!(kept(&server, "SELECT count(*) FROM scheduled WHERE rows IS NOT NULL"), 0);
}

#[test]
fn a_state_that_cannot_be_written_is_not_hammered() {
    let server = every_minute("SELECT 1", json!({"snapshot": true}));
    let pace = TestPace::default();
    let mut agent = Agent::start_with(&server, pace.clone(), |transport| {
        transport.hold = Some((pace.clone(), Duration::from_secs(25)));
    });
    run_for(&mut agent, 2 * MINUTE);
    let db = rusqlite::Connection::open(state_dir(&server).join("state.db")).unwrap();
    db.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON scheduled_running
         BEGIN SELECT raise(ABORT, 'the disk is full'); END",
    )
    .unwrap();
    server.script().seen.clear();
    let end = pace.elapsed() + Duration::from_secs(10 * MINUTE);
    let mut iterations = 0;
    while pace.elapsed() < end {
        let wait = agent.service.iterate();
        pace.pass(wait);
        iterations += 1;
        assert!(iterations < 200, "it turns without end");
    }
    assert!(server.script().seen(READ).len() < 100);
    db.execute_batch("DROP TRIGGER full").unwrap();
    server.script().results.clear();
    run_for(&mut agent, 3 * MINUTE);
    assert!(!server.script().results.is_empty(), "and goes on when it can");
}
