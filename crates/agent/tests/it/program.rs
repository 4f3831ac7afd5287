// SPDX-License-Identifier: Apache-2.0
//! The program itself: its command line, its signals, its death.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::server::{ENROLL, Server, WRITE};

/// How long a test waits for a state that must come.
const PATIENCE: Duration = Duration::from_secs(60);
pub const ENDLESS: &str = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) \
                       SELECT max(n) FROM r";

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mimir-agent"))
}

fn query(args: &[&str]) -> Output {
    program().arg("query").args(args).output().unwrap()
}

fn out(args: &[&str]) -> String {
    let output = query(args);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Waits for a state.
pub fn until(what: &str, mut is_there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An agent that is killed when the test ends.
pub struct Running(pub Child);

impl Running {
    pub fn start(server: &Server, args: &[&str]) -> Self {
        let child = program()
            .args(["run", "--server", &server.url, "--poll-interval", "1"])
            .args(["--ca".as_ref(), server.ca.as_os_str()])
            .args(["--enroll-secret-file".as_ref(), server.secret.as_os_str()])
            .args(["--state-dir".as_ref(), state_dir(server).as_os_str()])
            .args(args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn state_dir(server: &Server) -> std::path::PathBuf {
    server.directory().join("state")
}

/// A number from the state of a running agent.
pub fn kept(server: &Server, sql: &str) -> i64 {
    let path = state_dir(server).join("state.db");
    let open = || rusqlite::Connection::open(&path)?.query_row(sql, [], |row| row.get(0));
    if path.exists() { open().unwrap_or(-1) } else { -1 }
}

#[test]
fn prints_rows_as_asked() {
    let sql = "SELECT 1 AS n, 'a,b' AS t UNION ALL SELECT 2, NULL";
    let json: Value = serde_json::from_str(&out(&[sql, "--json"])).unwrap();
    assert_eq!(json, json!([{"n": "1", "t": "a,b"}, {"n": "2", "t": ""}]));
    assert_eq!(out(&[sql, "--csv"]), "n,t\n1,\"a,b\"\n2,\n");
    let table = out(&[sql]);
    assert!(table.lines().count() > 4 && table.contains("a,b"), "{table}");
    assert_eq!(out(&["--json", "SELECT 1 WHERE 0"]), "[]\n");
}

#[test]
fn errors_go_to_stderr_with_status_1() {
    let output = query(&["SELECT * FROM nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: no such table: nowhere\n");
    assert!(output.stdout.is_empty());
    let output = query(&["SELECT 1 UNION SELECT 2", "--query-rows-max", "1"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("more than 1 rows"));
    assert_eq!(query(&["SELECT 1", "--json", "--csv"]).status.code(), Some(2));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let script = format!(
        "{} query 'WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 100000)
         SELECT n FROM r' --csv | head -n 1; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_mimir-agent")
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"n\n".as_slice()));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn serves_until_it_is_told_to_stop() {
    let server = Server::start();
    server.script().offers.insert("q".to_owned(), "SELECT hostname FROM system_info".to_owned());
    let mut agent = Running::start(&server, &["--host-identifier", "web-7", "--virtual-identity"]);
    until("the answer is there", || server.script().answers.contains_key("q"));
    {
        let script = server.script();
        assert_eq!(script.answers["q"].0, json!([{"hostname": "web-7"}]));
        let enrolment = &script.seen(ENROLL)[0].body;
        assert_eq!(enrolment["host_identifier"], "web-7");
        let system = &enrolment["host_details"]["system_info"];
        assert_eq!(system["hostname"], "web-7");
        assert!(system["hardware_serial"].as_str().unwrap().starts_with("VIRTUAL-"));
    }
    let second = program()
        .args(["run", "--server", &server.url, "--ca", server.ca.to_str().unwrap()])
        .args(["--enroll-secret-file", server.secret.to_str().unwrap()])
        .args(["--state-dir", state_dir(&server).to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(error.contains("another mimir-agent uses"), "{error}");
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_query_stopped_by_a_signal_runs_again_after_the_restart() {
    let server = Server::start();
    server.script().offers.insert("q".to_owned(), ENDLESS.to_owned());
    let mut agent = Running::start(&server, &[]);
    until("the query runs", || kept(&server, "SELECT count(*) FROM running") == 1);
    agent.signal(Signal::SIGINT);
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));
    assert_eq!(kept(&server, "SELECT count(*) FROM running"), 0);
    assert_eq!(kept(&server, "SELECT count(*) FROM pending"), 1);
    let _agent = Running::start(&server, &["--query-seconds-max", "1"]);
    until("the answer is there", || server.script().answers.contains_key("q"));
    let script = server.script();
    let said = &script.answers["q"].2;
    assert!(said.starts_with("the query was stopped after 1 s; make it cheaper"), "{said}");
    assert_eq!(script.enrolments, 1, "the key was kept");
}

#[test]
fn a_query_the_agent_is_killed_in_twice_is_refused() {
    let server = Server::start();
    server.script().offers.insert("a".to_owned(), "SELECT 1 AS n".to_owned());
    server.script().offers.insert("b".to_owned(), ENDLESS.to_owned());
    server.script().offers.insert("c".to_owned(), "SELECT 3 AS n".to_owned());
    for deaths in 0..2 {
        let mut agent = Running::start(&server, &[]);
        until("the query runs", || {
            let running = "SELECT count(*) FROM running WHERE is_live AND deaths = ";
            kept(&server, &format!("{running}{deaths}")) == 1
                && server.script().answers.contains_key("a")
        });
        agent.0.kill().unwrap();
        agent.0.wait().unwrap();
    }
    let _agent = Running::start(&server, &[]);
    until("all answers are there", || server.script().answers.len() == 3);
    let script = server.script();
    assert_eq!(script.answers["b"].2, "distributed query is denylisted");
    assert_eq!(script.answers["c"].0, json!([{"n": "3"}]));
    assert_eq!(script.seen(WRITE).len(), 3);
}

#[test]
fn refuses_what_it_cannot_run_with() {
    let server = Server::start();
    let attempt = |url: &str, ca: &Path| {
        let output = program()
            .args(["run", "--server", url, "--ca", ca.to_str().unwrap()])
            .args(["--enroll-secret-file", server.secret.to_str().unwrap()])
            .args(["--state-dir", server.directory().join("other").to_str().unwrap()])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = attempt("http://127.0.0.1:1", &server.ca);
    assert_eq!(code, Some(1));
    assert!(error.contains("write https://HOST"), "{error}");
    let (code, error) = attempt(&server.url, Path::new("/no/such/ca"));
    assert_eq!(code, Some(1));
    assert!(error.contains("/no/such/ca"), "{error}");
    let lonely = program().args(["run", "--virtual-identity"]).output().unwrap();
    assert_eq!(lonely.status.code(), Some(2));
}
