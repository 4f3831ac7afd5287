// SPDX-License-Identifier: Apache-2.0
//! The program as a process: start, signals, restart, and the commands that look after its data.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::real::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mimir");

/// The program without the variables of whoever runs the tests.
pub fn mimir(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MIMIR_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    mimir(arguments).output().unwrap()
}

/// A server process; killed when a test fails before it was ended.
struct Server {
    child: Child,
    said: String,
}

impl Server {
    /// Starts it and waits until it says that it listens.
    fn start(directory: &Path, more: &[&str]) -> Self {
        let out = directory.join("out.txt");
        let data = directory.join("data");
        let child = mimir(&["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(more)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(directory.join("err.txt")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self { child, said: String::new() };
        server.said = until("the server's start", || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}");
            Some(fs::read_to_string(&out).unwrap()).filter(|text| text.contains("listens on"))
        });
        server
    }

    fn url(&self) -> &str {
        let rest = self.said.split_once("listens on ").unwrap().1;
        rest.split_once(' ').unwrap().0
    }

    /// Ends it as a service manager does; its exit code.
    fn end(mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        until("the server's end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended unless the test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_server_ends_by_signal_and_comes_back_with_its_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (data, first, ca) = (path("data"), path("first.json"), path("data/ca.pem"));
    let server = Server::start(directory.path(), &["--print-bootstrap", &first]);
    assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
    let made: Value = serde_json::from_str(&fs::read_to_string(&first).unwrap()).unwrap();
    for secret in ["admin_password", "enrollment_secret"] {
        assert!(server.said.contains(made[secret].as_str().unwrap()), "{}", server.said);
    }
    let key = made["api_key"].as_str().unwrap();
    let ask = |url: &str, arguments: &[&str]| {
        let how = ["--server", url, "--ca", &ca, "--api-key", key, "--output", "json"];
        let output = output(&[arguments, &how].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    ask(server.url(), &["settings", "set", "max_concurrent_hunts=3"]);
    // All of these work while the server runs.
    assert!(output(&["doctor", "--data-dir", &data]).status.success());
    let copy = path("copy.db");
    assert!(output(&["backup", "--data-dir", &data, "--out", &copy]).status.success());
    assert_eq!(server.end(), Some(0));

    let server = Server::start(directory.path(), &["--print-bootstrap", &path("second.json")]);
    assert!(!server.said.contains("password"), "{}", server.said);
    assert!(!Path::new(&path("second.json")).exists());
    let settings = ask(server.url(), &["settings", "get"]);
    assert_eq!(settings["max_concurrent_hunts"], 3);
    assert_eq!(server.end(), Some(0));

    let database = format!("sqlite:{copy}");
    let verify = output(&["audit", "verify", "--database", &database]);
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
    let again = output(&["backup", "--data-dir", &data, "--out", &copy]);
    assert_eq!(again.status.code(), Some(1), "a backup is not overwritten");
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let doctor = || {
        let output = output(&["doctor", "--data-dir", data.to_str().unwrap(), "--output", "json"]);
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let wrong = findings.iter().filter(|finding| finding["verdict"] == "wrong");
        let wrong: Vec<String> =
            wrong.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect();
        (output.status.code(), wrong.join(", "))
    };
    assert_eq!(doctor(), (Some(1), "data directory, database".to_owned()));
    assert_eq!(Server::start(directory.path(), &[]).end(), Some(0));
    assert_eq!(doctor(), (Some(0), String::new()));

    let key = data.join("server.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(doctor(), (Some(1), "private files".to_owned()));
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();

    let database = data.join("mimir.db");
    tamper(&database, "update audit set actor_name = 'nobody' where seq = 1");
    assert_eq!(doctor(), (Some(1), "audit trail".to_owned()));
    let verify = output(&["audit", "verify", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(verify.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verify.stderr).contains("entry 1"), "{verify:?}");
}

/// Changes a database behind the server's back.
fn tamper(database: &Path, sql: &'static str) {
    let db = mimir_store::Db::open(&mimir_store::db::DatabaseUrl::Sqlite(database.to_owned()));
    let changed = db.unwrap().write::<_, mimir_store::DbError>(move |tx| tx.execute(sql, &[]));
    assert_eq!(changed.unwrap(), 1);
}

#[test]
fn a_wrong_configuration_is_usage_and_a_taken_port_is_a_failure() {
    let output_of = |arguments: &[&str]| {
        let output = output(arguments);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = output_of(&["serve", "--listen", "nonsense", "--log-format", "xml"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("error: listen is `nonsense`"), "{text}");
    assert!(text.contains("error: log_format is `xml`"), "{text}");

    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = directory.path().join("data");
    let (code, text) =
        output_of(&["serve", "--listen", &address, "--data-dir", data.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("another process listens there"), "{text}");

    let (code, text) = output_of(&["audit", "verify", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("there is no database at"), "{text}");
}

#[test]
fn the_configuration_shows_its_origins() {
    let output = mimir(&["config", "print", "--listen", "127.0.0.1:9", "--output", "json"])
        .env("MIMIR_DATABASE", "postgres://mimir:s3cret@db.example/mimir")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !text.contains("s3cret"), "{text}");
    let lines: Vec<Value> = serde_json::from_str(&text).unwrap();
    let origin =
        |key: &str| lines.iter().find(|line| line["key"] == key).unwrap()["origin"].clone();
    assert_eq!(origin("listen"), "--listen");
    assert_eq!(origin("database"), "MIMIR_DATABASE");
    assert_eq!(origin("data_dir"), "default");
}

#[test]
// Takes over a minute, because the shortest live window is one; needs mimir-agent built beside
// mimir, as `make test` does.
fn the_demonstration_ends_with_a_late_answer_and_leaves_nothing_running() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    let output = mimir(&["demo", "--exit-when-done", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "All 15 hosts have enrolled",
        "14 of 15 answered, 0 late, 1 pending",
        "15 of 15 answered, 1 late, 0 pending",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    let late = text.lines().rfind(|line| line.starts_with("laptop-07")).unwrap();
    assert!(late.contains("yes"), "{late}");
    let data = data.to_str().unwrap().to_owned();
    assert!(self::output(&["doctor", "--data-dir", &data]).status.success());
    assert_eq!(processes_that_name(&data), Vec::<String>::new(), "agents are left");
}

/// Command lines of running processes that contain `text`.
fn processes_that_name(text: &str) -> Vec<String> {
    let folders = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = folders.filter_map(|folder| std::fs::read(folder.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}
