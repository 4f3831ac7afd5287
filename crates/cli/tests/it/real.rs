// SPDX-License-Identifier: Apache-2.0
//! The server itself in this process, on loopback over TLS, with a virtual fleet.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use mimir_server::config::{Config, Sources};
use mimir_server::serve;
use mimir_sim::{Fleet, Timing, Waits, fleet};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Ran, Surroundings};

/// How often a state is looked for before the test gives up on it: a minute.
const LOOKS_MAX: u32 = 1_200;
const LOOK: Duration = Duration::from_millis(50);

/// Looks until there is something to see.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS_MAX {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(LOOK);
    }
    panic!("{what} did not happen");
}

/// A server with its fleet. Both end when this is dropped.
pub struct Real {
    runtime: Runtime,
    server: Option<serve::Running>,
    pub fleet: Fleet,
    polls: Option<fleet::Running>,
    directory: TempDir,
    url: String,
    key: String,
}

impl Real {
    /// A first start with as many hosts enrolled, all online and polling, except those that are
    /// `offline`.
    pub fn start(hosts: usize, offline: &[usize]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let flags = vec![
            ("data_dir", path("data")),
            ("listen", "127.0.0.1:0".to_owned()),
            ("print_bootstrap", path("first.json")),
        ];
        let config = Config::load(&Sources { flags, ..Sources::default() }).unwrap();
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(serve::start(&config, None)).unwrap();
        let made = server.bootstrap.clone().expect("this is the first start");
        let ca_pem = std::fs::read_to_string(path("data/ca.pem")).unwrap();
        let timing = Timing {
            waits: Waits::Skipped,
            distributed_interval: Some(Duration::from_millis(100)),
            ..Timing::default()
        };
        let fleet = Fleet::builder(&server.url, &ca_pem)
            .seed(7)
            .hosts(hosts)
            .enroll_secret(&made.enrollment_secret)
            .timing(timing)
            .build()
            .unwrap();
        let reports = runtime.block_on(fleet.enroll_all());
        assert!(reports.iter().all(|report| report.ok), "{reports:?}");
        offline.iter().for_each(|host| fleet.go_offline(*host));
        let polls = Some(runtime.block_on(async { fleet.start() }));
        let (url, key) = (server.url.clone(), made.api_key.expect("it was asked for"));
        Self { runtime, server: Some(server), fleet, polls, directory, url, key }
    }

    /// The same with campaigns turned on.
    pub fn with_campaigns(hosts: usize, offline: &[usize]) -> Self {
        let real = Self::start(hosts, offline);
        real.done(&["settings", "set", "offline_campaigns_enabled=true"]);
        real
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// A path in the test's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn ca(&self) -> PathBuf {
        self.path("data/ca.pem")
    }

    /// Runs a command with this key and input.
    pub fn run_as(&self, key: &str, input: &str, arguments: &[&str]) -> Ran {
        let ca = self.ca();
        let how = ["--server", &self.url, "--ca", ca.to_str().unwrap(), "--api-key", key];
        let here = Surroundings { input, ..Surroundings::default() };
        here.run(&[arguments, &how].concat())
    }

    /// Runs a command without a key, with a home and input.
    pub fn run_at_home(&self, home: &Path, input: &str, arguments: &[&str]) -> Ran {
        let ca = self.ca();
        let how = ["--server", &self.url, "--ca", ca.to_str().unwrap()];
        let here = Surroundings { home: Some(home), input, ..Surroundings::default() };
        here.run(&[arguments, &how].concat())
    }

    /// Runs a command as the first administrator.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_as(&self.key, "", arguments)
    }

    /// The same, which must succeed; its output.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    /// The same, which must be refused; what it said.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}: {}", ran.err);
        ran.err
    }

    /// The same, as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.done(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Ids of all hosts, in the fleet's order.
    pub fn host_ids(&self) -> Vec<String> {
        let list = self.json(&["host", "list"]);
        let hosts = list["items"].as_array().unwrap();
        let id_of = |place| {
            let name = self.fleet.hostname(place);
            let host = hosts.iter().find(|host| host["hostname"] == name.as_str()).unwrap();
            host["id"].as_str().unwrap().to_owned()
        };
        (0..self.fleet.len()).map(id_of).collect()
    }

    /// Launches a campaign; its id.
    #[track_caller]
    pub fn launch(&self, sql: &str, target: &str) -> String {
        let launched =
            self.json(&["campaign", "launch", "--sql", sql, "--target", target, "--name", "Test"]);
        launched["campaign"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until this many hosts have answered.
    pub fn answered(&self, campaign: &str, hosts: u64) {
        until("the answers", || {
            let shown = self.json(&["campaign", "show", campaign]);
            (shown["coverage"]["responded"] == hosts).then_some(())
        });
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        if let Some(polls) = self.polls.take() {
            self.runtime.block_on(polls.stop());
        }
        if let Some(server) = self.server.take() {
            let stopped = self.runtime.block_on(server.stop());
            // A failed test has its own message.
            assert!(stopped.is_ok() || thread::panicking(), "{stopped:?}");
        }
    }
}
