// SPDX-License-Identifier: Apache-2.0
//! The loop against a server over TLS. Time passes only where a test lets it, and a death is a
//! panic in the transport: nothing of the loop is left but its state directory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mimir_agent::host::Host;
use mimir_agent::pace::Pace;
use mimir_agent::remote::{Endpoint, HttpTransport, Reply, Request, Transport, TransportError};
use mimir_agent::service::{Service, Settings};
use mimir_agent::sql::{QueryLimits, Runner};
use mimir_agent::state::State;
use serde_json::{Value, json};

use crate::fixture::host;
use crate::server::{CONFIG, ENROLL, Failure, READ, Server, WRITE};

/// Time of a test.
#[derive(Debug, Default)]
struct Clock {
    now: i64,
    elapsed: Duration,
}

#[derive(Debug, Clone)]
pub struct TestPace(Arc<Mutex<Clock>>);

impl Default for TestPace {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Clock { now: 1_800_000_000, elapsed: Duration::ZERO })))
    }
}

impl TestPace {
    pub fn pass(&self, time: Duration) {
        let mut clock = self.0.lock().unwrap();
        clock.now += time.as_secs() as i64;
        clock.elapsed += time;
    }
}

impl Pace for TestPace {
    fn now(&self) -> i64 {
        self.0.lock().unwrap().now
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().elapsed
    }

    fn wait(&mut self, time: Duration) {
        self.pass(time);
    }

    fn random(&mut self) -> f64 {
        0.5
    }

    fn is_stopping(&self) -> bool {
        false
    }

    fn set_idle(&mut self, _idle: bool) {}
}

/// A transport that can die, and that can be held.
pub struct TestTransport {
    inner: HttpTransport,
    pub die_before: Option<Endpoint>,
    pub die_after: Option<Endpoint>,
    pub hold: Option<(TestPace, Duration)>,
}

impl Transport for TestTransport {
    fn post(&mut self, request: &Request<'_>) -> Result<Reply, TransportError> {
        assert_ne!(self.die_before, Some(request.endpoint), "death before the request");
        let reply = self.inner.post(request);
        assert_ne!(self.die_after, Some(request.endpoint), "death after the request");
        if let (Endpoint::Read, Some((pace, time))) = (request.endpoint, &self.hold) {
            pace.pass(request.hold.unwrap_or_default().min(*time));
        }
        reply
    }
}

pub struct Agent {
    pub pace: TestPace,
    pub stop: Arc<AtomicBool>,
    pub host: Arc<Host>,
    pub service: Service<TestTransport, TestPace>,
}

impl Agent {
    pub fn start(server: &Server) -> Self {
        Self::start_with(server, TestPace::default(), |_| {})
    }

    pub fn start_with(
        server: &Server,
        pace: TestPace,
        adjust: impl FnOnce(&mut TestTransport),
    ) -> Self {
        let settings = Settings {
            enroll_secret_file: server.secret.clone(),
            host_identifier: "web-1".to_owned(),
            poll_interval: None,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let host = host();
        let runner = Runner::new(Arc::clone(&host), QueryLimits::default(), Arc::clone(&stop));
        let inner = HttpTransport::new(&server.url, &server.ca).unwrap();
        let mut transport = TestTransport { inner, die_before: None, die_after: None, hold: None };
        adjust(&mut transport);
        let state = State::open(&state_dir(server)).unwrap();
        let service = Service::new(settings, state, runner, transport, pace.clone());
        Self { pace, stop, host, service }
    }

    /// Iterates and lets the waits pass; answers the waits in milliseconds.
    pub fn iterate(&mut self, times: usize) -> Vec<u128> {
        let mut waits = Vec::new();
        for _ in 0..times {
            let wait = self.service.iterate();
            self.pace.pass(wait);
            waits.push(wait.as_millis());
        }
        waits
    }
}

/// Iterates until so many seconds have passed.
pub fn run_for(agent: &mut Agent, seconds: u64) {
    let end = agent.pace.elapsed() + Duration::from_secs(seconds);
    while agent.pace.elapsed() < end {
        let wait = agent.service.iterate();
        let rest = end.saturating_sub(agent.pace.elapsed());
        agent.pace.pass(wait.min(rest));
    }
}

pub fn state_dir(server: &Server) -> std::path::PathBuf {
    server.directory().join("state")
}

pub fn state(server: &Server) -> State {
    State::open(&state_dir(server)).unwrap()
}

fn offer(server: &Server, queries: &[(&str, &str)]) {
    let queries = queries.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned()));
    server.script().offers.extend(queries);
}

/// Status and rows of an answer the server has.
fn answer(server: &Server, name: &str) -> (i64, Value) {
    let script = server.script();
    let (rows, status, _) = script.answers.get(name).unwrap_or_else(|| panic!("no answer {name}"));
    (*status, rows.clone())
}

fn message(server: &Server, name: &str) -> String {
    server.script().answers[name].2.clone()
}

#[test]
fn enrols_and_answers() {
    let server = Server::start();
    offer(&server, &[("q1.7", "SELECT instance_id FROM osquery_info")]);
    let mut agent = Agent::start(&server);
    agent.iterate(2);
    assert_eq!(answer(&server, "q1.7"), (0, json!([{"instance_id": "instance-1"}])));

    let script = server.script();
    let enrolment = &script.seen(ENROLL)[0];
    assert_eq!(enrolment.headers.get("authorization"), None);
    assert_eq!(enrolment.body["host_identifier"], "web-1");
    assert_eq!(enrolment.body["platform_type"], "9");
    let details = enrolment.body["host_details"].as_object().unwrap();
    assert_eq!(details["osquery_info"]["instance_id"], "instance-1");
    assert_eq!(details["system_info"]["uuid"], "7c1f7b0e-2c6f-4f0e-9a55-0d5f6b6a7a11");
    assert!(details["os_version"]["platform"].is_string());
    assert!(
        details.values().flat_map(|row| row.as_object().unwrap().values()).all(Value::is_string)
    );

    let read = &script.seen(READ)[0];
    assert_eq!(read.headers["user-agent"], format!("mimir-agent/{}", mimir_agent::VERSION));
    assert_eq!(read.headers["authorization"], "NodeKey key-1");
    assert_eq!(read.headers["prefer"], "wait=25");
    assert_eq!(read.headers["content-type"], "application/json");
    assert_eq!(read.body, json!({"node_key": "key-1"}));
    let write = &script.seen(WRITE)[0];
    assert_eq!(write.headers.get("prefer"), None);
    assert!(write.body["stats"]["q1.7"]["wall_time_ms"].is_u64());
    assert_eq!(script.connections, 1, "the connection is kept open");
}

#[test]
fn runs_in_byte_order_and_writes_after_each() {
    let server = Server::start();
    offer(
        &server,
        &[("b", "SELECT 2 AS n"), ("a", "SELECT * FROM nowhere"), ("B", "SELECT 1 AS n")],
    );
    let mut agent = Agent::start(&server);
    agent.iterate(2);
    let script = server.script();
    let written: Vec<Vec<String>> = script
        .seen(WRITE)
        .iter()
        .map(|seen| seen.body["queries"].as_object().unwrap().keys().cloned().collect())
        .collect();
    assert_eq!(written, [["B"], ["a"], ["b"]]);
    let failed = &script.answers["a"];
    assert_eq!((&failed.0, failed.1, failed.2.as_str()), (&json!([]), 1, "no such table: nowhere"));
}

#[test]
fn an_offer_that_comes_again_runs_once() {
    let server = Server::start();
    offer(&server, &[("q", "SELECT random() AS r")]);
    let busy = || Failure::Reply(503, "busy");
    server.script().fail(WRITE, [busy(), busy(), busy()]);
    let mut agent = Agent::start(&server);
    agent.iterate(5);
    let script = server.script();
    let writes = script.seen(WRITE);
    assert_eq!(writes.len(), 4);
    assert!(writes.iter().all(|seen| seen.body["queries"] == writes[0].body["queries"]));
}

#[test]
fn no_answer_is_dropped_for_what_is_no_acknowledgement() {
    let server = Server::start();
    offer(&server, &[("q", "SELECT 1 AS n")]);
    server.script().fail(
        WRITE,
        [
            Failure::Reply(200, ""),
            Failure::Reply(502, ""),
            Failure::Reply(200, "{\"error\": \"\"}"),
            Failure::Reply(503, "{}"),
            Failure::CutAfter,
            Failure::CutAfter,
        ],
    );
    let mut agent = Agent::start(&server);
    // The server took the answer at the first cut, but the agent cannot know.
    for _ in 0..12 {
        agent.iterate(1);
        agent.pace.pass(Duration::from_secs(700));
    }
    assert_eq!(server.script().seen(WRITE).len(), 7);
    assert_eq!(answer(&server, "q"), (0, json!([{"n": "1"}])));
    drop(agent);
    assert_eq!(state(&server).outbox_count().unwrap(), 0);
}

#[test]
fn a_forgotten_key_is_replaced_and_answers_travel_under_the_new_one() {
    let server = Server::start();
    offer(&server, &[("q", "SELECT 1 AS n")]);
    let mut agent = Agent::start(&server);
    agent.iterate(1);
    server.script().key = "revoked".to_owned();
    let waits = agent.iterate(2);
    assert_eq!(waits[0], 0, "the first time without waiting");
    let script = server.script();
    assert_eq!(script.enrolments, 2);
    let writes = script.seen(WRITE);
    let keys: Vec<_> = writes.iter().map(|seen| seen.body["node_key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["key-1", "key-2"]);
    assert_eq!(writes[0].body["queries"], writes[1].body["queries"]);
    assert!(script.answers.contains_key("q"));
}

#[test]
fn a_server_that_admits_and_rejects_is_not_hammered() {
    let server = Server::start();
    let invalid = || Failure::Reply(401, "{\"node_invalid\": true}");
    server.script().fail(CONFIG, std::iter::repeat_with(invalid).take(20));
    let mut agent = Agent::start(&server);
    assert_eq!(agent.iterate(5), [0, 1_500, 3_000, 6_000, 12_000]);
}

#[test]
fn a_death_at_any_request_loses_and_repeats_nothing() {
    for (before, after) in [
        (Some(Endpoint::Write), None),
        (None, Some(Endpoint::Write)),
        (Some(Endpoint::Read), None),
        (None, Some(Endpoint::Read)),
        (None, Some(Endpoint::Enroll)),
    ] {
        let server = Server::start();
        offer(&server, &[("a", "SELECT random() AS r"), ("b", "SELECT random() AS r")]);
        let mut dying = Agent::start_with(&server, TestPace::default(), |transport| {
            (transport.die_before, transport.die_after) = (before, after);
        });
        let death = catch_unwind(AssertUnwindSafe(|| dying.iterate(3)));
        assert!(death.is_err(), "{before:?} {after:?}");
        drop(dying);
        let mut agent = Agent::start(&server);
        agent.iterate(3);
        let script = server.script();
        for name in ["a", "b"] {
            assert_eq!(script.answers[name].1, 0, "{before:?} {after:?}: {:?}", script.answers);
            let mut seen: Vec<_> = script.seen(WRITE);
            seen.retain(|seen| !seen.body["queries"][name].is_null());
            let same = seen.iter().all(|seen| seen.body["queries"][name] == script.answers[name].0);
            assert!(same, "{name} ran twice: {before:?} {after:?}");
        }
    }
}

#[test]
fn what_was_accepted_runs_after_a_restart_even_without_a_server() {
    let server = Server::start();
    let mut agent = Agent::start(&server);
    agent.iterate(1);
    drop(agent);
    state(&server).accept("q", "SELECT 5 AS n").unwrap();
    let busy = || Failure::Reply(503, "busy");
    server.script().fail(READ, [busy()]);
    let mut agent = Agent::start(&server);
    agent.iterate(1);
    assert_eq!(answer(&server, "q"), (0, json!([{"n": "5"}])));
}

#[test]
fn a_text_the_agent_died_in_once_runs_again() {
    let server = Server::start();
    let sql = "SELECT 6 AS n";
    let pace = TestPace::default();
    let mut dead = state(&server);
    dead.accept("q1", sql).unwrap();
    dead.begin(sql, pace.now()).unwrap();
    drop(dead);
    for _ in 0..3 {
        // Deaths in which nothing ran.
        drop(state(&server));
    }
    let mut agent = Agent::start_with(&server, pace, |_| {});
    agent.iterate(1);
    assert_eq!(answer(&server, "q1"), (0, json!([{"n": "6"}])));
}

#[test]
fn a_text_the_agent_died_in_twice_is_refused_for_a_day() {
    let server = Server::start();
    let sql = "SELECT 6 AS n";
    let pace = TestPace::default();
    for _ in 0..2 {
        let mut dead = state(&server);
        dead.accept("q1", sql).unwrap();
        dead.begin(sql, pace.now()).unwrap();
    }

    offer(&server, &[("q2", sql), ("q3", "SELECT 6 AS n --")]);
    let mut agent = Agent::start_with(&server, pace.clone(), |_| {});
    agent.iterate(2);
    for name in ["q1", "q2"] {
        assert_eq!(answer(&server, name), (1, json!([])));
        assert_eq!(message(&server, name), "distributed query is denylisted");
    }
    assert_eq!(answer(&server, "q3").0, 0, "another text is another query");

    pace.pass(Duration::from_secs(86_400));
    offer(&server, &[("q4", sql)]);
    agent.iterate(2);
    assert_eq!(answer(&server, "q4"), (0, json!([{"n": "6"}])));
}

#[test]
fn a_query_interrupted_by_an_orderly_stop_runs_again() {
    let server = Server::start();
    let sql = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 20000)
               SELECT max(n) AS n FROM r";
    offer(&server, &[("q", sql)]);
    let mut agent = Agent::start(&server);
    agent.iterate(1);
    agent.stop.store(true, Ordering::SeqCst);
    agent.iterate(1);
    assert!(server.script().answers.is_empty());
    drop(agent);
    Agent::start(&server).iterate(1);
    assert_eq!(answer(&server, "q"), (0, json!([{"n": "20000"}])));
}

#[test]
fn failures_back_off_and_success_forgets_them() {
    let server = Server::start();
    let down = || Failure::Reply(500, "<html>oops</html>");
    server.script().fail(READ, std::iter::repeat_with(down).take(8));
    server.script().fail(READ, [Failure::RetryAfter(503, 120), Failure::RetryAfter(429, 999_999)]);
    let mut agent = Agent::start(&server);
    let waits = agent.iterate(9);
    assert_eq!(waits, [750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 132_000]);
    assert_eq!(agent.iterate(1), [990_000], "a Retry-After is bounded");
    assert_eq!(agent.iterate(1), [60_000], "then the usual interval");
    server.script().fail(READ, [down()]);
    assert_eq!(agent.iterate(1), [750]);
}

#[test]
fn an_enrolment_that_is_refused_backs_off() {
    let server = Server::start();
    std::fs::write(&server.secret, "guess").unwrap();
    let mut agent = Agent::start(&server);
    assert_eq!(agent.iterate(3), [750, 1_500, 3_000]);
    assert_eq!(server.script().seen(READ).len(), 0);
    std::fs::remove_file(&server.secret).unwrap();
    assert_eq!(agent.iterate(1), [6_000]);
    std::fs::write(&server.secret, format!(" {}\n", crate::server::SECRET)).unwrap();
    assert_eq!(agent.iterate(1), [60_000], "a new secret is read without a restart");
    assert_eq!(server.script().enrolments, 1);
}

#[test]
fn an_answer_that_is_refused_does_not_hold_up_the_others() {
    let server = Server::start();
    server.script().refused = vec!["a"];
    offer(&server, &[("a", "SELECT 1 AS n"), ("b", "SELECT 2 AS n")]);
    let mut agent = Agent::start(&server);
    agent.iterate(3);
    assert!(server.script().answers.contains_key("b"));
    assert!(!server.script().answers.contains_key("a"));
    server.script().refused.clear();
    agent.pace.pass(Duration::from_secs(700));
    agent.iterate(1);
    assert_eq!(answer(&server, "a"), (0, json!([{"n": "1"}])));
}

#[test]
fn an_answer_too_large_for_the_server_becomes_an_error() {
    let server = Server::start();
    offer(&server, &[("a", "SELECT 1 AS n")]);
    server.script().fail(WRITE, [Failure::Reply(413, "too large")]);
    let mut agent = Agent::start(&server);
    agent.iterate(2);
    assert_eq!(answer(&server, "a"), (1, json!([])));
    assert!(message(&server, "a").contains("larger than the server accepts"));
}

#[test]
fn a_held_read_is_followed_by_the_next_at_once() {
    let server = Server::start();
    let pace = TestPace::default();
    let mut agent = Agent::start_with(&server, pace.clone(), |transport| {
        transport.hold = Some((pace, Duration::from_secs(25)));
    });
    assert_eq!(agent.iterate(3), [0, 0, 0]);
}

#[test]
fn the_server_sets_the_interval() {
    let server = Server::start();
    server.script().config = json!({"options": {"distributed_interval": 10}});
    let mut agent = Agent::start(&server);
    assert_eq!(agent.iterate(2), [10_000, 10_000]);
    assert_eq!(server.script().seen(CONFIG).len(), 1, "fetched once");
    agent.pace.pass(Duration::from_secs(400));
    server.script().config = json!({"options": {"distributed_interval": "20"}});
    assert_eq!(agent.iterate(1), [20_000]);
    agent.pace.pass(Duration::from_secs(400));
    server.script().fail(CONFIG, [Failure::Reply(500, "oops")]);
    assert_eq!(agent.iterate(1), [20_000], "a failure keeps the last one");
    assert_eq!(server.script().seen(READ).len(), 4);
}

#[test]
fn discovery_and_acceleration_are_understood() {
    let server = Server::start();
    const ANSWER: &str = r#"{"queries": {"a": "SELECT 1 AS n", "b": "SELECT 2 AS n"},
        "discovery": {"a": "SELECT 1 WHERE 0", "b": "SELECT 1"}, "accelerate": 60}"#;
    server.script().fail(READ, [Failure::Reply(200, ANSWER)]);
    let mut agent = Agent::start(&server);
    assert_eq!(agent.iterate(2), [0, 5_000]);
    let script = server.script();
    assert_eq!(script.answers.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn only_the_given_authority_is_trusted() {
    let (server, other) = (Server::start(), Server::start());
    let mut transport = HttpTransport::new(&server.url, &other.ca).unwrap();
    let request =
        Request { endpoint: Endpoint::Read, node_key: None, body: b"{}", gzip: false, hold: None };
    let error = transport.post(&request).unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    assert!(server.script().seen.is_empty());

    let refused = |url: &str, ca: &Path| HttpTransport::new(url, ca).unwrap_err().to_string();
    for url in ["http://127.0.0.1:1", "127.0.0.1:1", "https://", "ftp://x", "https://x/?a=b", ""] {
        assert!(refused(url, &server.ca).contains("write https://HOST"), "{url}");
    }
    assert!(refused(&server.url, &server.secret).contains("no certificate"));
    assert!(refused(&server.url, Path::new("/no/such/file")).contains("unusable"));
}
