// SPDX-License-Identifier: Apache-2.0
//! `mimir sim` against the server itself: options, presets, scenario files, the report, Ctrl-C,
//! and what is refused before anything is sent.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::real::{Real, until};
use crate::real_process::mimir;
use crate::{Ran, Surroundings};

/// A server with one host of its own, and the file with the secret that others enrol with.
fn server() -> (Real, String) {
    let real = Real::with_campaigns(1, &[]);
    let first: Value =
        serde_json::from_str(&fs::read_to_string(real.path("first.json")).unwrap()).unwrap();
    let secret = real.path("secret");
    fs::write(&secret, first["enrollment_secret"].as_str().unwrap()).unwrap();
    (real, secret.to_str().unwrap().to_owned())
}

/// Ends a load that a failed test leaves behind.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Plays a load to its end in this process; its report.
#[track_caller]
fn play(real: &Real, secret: &str, more: &[&str]) -> Value {
    let load = ["sim", "--enroll-secret-file", secret, "--output", "json"];
    let ran = real.run(&[&load, more].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

fn scenario(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/scenarios");
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_load_answers_a_campaign_and_ends_with_its_report_at_ctrl_c() {
    let (real, secret) = server();
    let (report, ca) = (real.path("report.json"), real.ca());
    let child = mimir(&["sim", "--server", real.url(), "--enroll-secret-file", &secret])
        .args(["--hosts", "30", "--spread", "500ms", "--interval", "100ms", "--rows", "2..5"])
        .arg("--ca")
        .arg(&ca)
        .arg("--report")
        .arg(&report)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut load = Ended(child);
    until("31 hosts", || {
        let listed = real.json(&["host", "list", "--limit", "1000"]);
        (listed["items"].as_array().unwrap().len() == 31).then_some(())
    });
    let campaign = real.launch("select pid from processes", "all");
    real.answered(&campaign, 31);
    // The server has answered all; the hosts have heard of it once none of them sends again.
    kill(Pid::from_raw(load.0.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let status = until("the load's end", || load.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    let mut table = String::new();
    std::io::Read::read_to_string(&mut load.0.stdout.take().unwrap(), &mut table).unwrap();
    assert!(table.contains("30, 30 enrolled, 0 away"), "{table}");

    let report: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(report["errors"], serde_json::json!({}), "{report:#}");
    assert_eq!(report["answers"]["acknowledged"], 30, "{report:#}");
    let rows = report["answers"]["rows"].as_u64().unwrap();
    assert!((60..=150).contains(&rows), "{report:#}");
    let queries = report["queries"].as_object().unwrap();
    assert_eq!(queries.values().map(|query| query["hosts"].as_u64().unwrap()).sum::<u64>(), 30);
    assert!(report["polls"].as_u64().unwrap() >= 60);
    let read = &report["latencies"]["read"];
    assert!(read["p50_ms"].as_f64().unwrap() <= read["p99_ms"].as_f64().unwrap());
    assert_eq!(report["requests"]["sent"], report["requests"]["connections"], "one for each");
    assert!(report["generator"]["memory_bytes_max"].as_u64().unwrap() > 0);
    // What the hosts say they delivered is what the server has.
    let shown = real.json(&["campaign", "show", &campaign]);
    let own = real.fleet.len() as u64;
    assert_eq!(shown["coverage"]["responded"].as_u64().unwrap(), 30 + own);
}

#[test]
fn kept_connections_are_few_and_a_seed_is_a_fleet() {
    let (real, secret) = server();
    let load = ["--hosts", "20", "--spread", "200ms", "--interval", "50ms", "--duration", "2s"];
    let kept = play(&real, &secret, &[&load[..], &["--connection", "kept"]].concat());
    let requests = &kept["requests"];
    assert!(
        requests["connections"].as_u64().unwrap() * 4 < requests["sent"].as_u64().unwrap(),
        "{requests}"
    );
    let hosts =
        || real.json(&["host", "list", "--limit", "1000"])["items"].as_array().unwrap().len();
    assert_eq!(hosts(), 21);
    play(&real, &secret, &[&load[..], &["--connection", "kept"]].concat());
    assert_eq!(hosts(), 21, "the same seed is the same hosts");
    play(&real, &secret, &[&load[..], &["--seed", "2"]].concat());
    assert_eq!(hosts(), 41);
}

#[test]
fn a_scenario_of_the_guide_is_played_step_by_step() {
    let (real, secret) = server();
    let file = scenario("outage.toml");
    let report = play(&real, &secret, &["--scenario", &file, "--hosts", "20"]);
    let told: Vec<&str> = report["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["what"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "The network is gone for everybody",
            "It is back, and all hosts poll at once",
            "Every worker starts anew",
            "stop"
        ]
    );
    let seconds = report["seconds"].as_f64().unwrap();
    assert!(seconds >= 30.0, "{report:#}");
    assert_eq!(report["hosts"], serde_json::json!({"total": 20, "enrolled": 20, "away": 0}));
    assert_eq!(report["errors"], serde_json::json!({}), "{report:#}");
    // Each host fetched its config at its start and when its worker started anew.
    assert!(report["latencies"]["config"]["count"].as_u64().unwrap() >= 40, "{report:#}");
    // 30 seconds less 7 away, every 2 seconds, with a tenth of jitter: 11 polls of each host.
    assert!(report["polls"].as_u64().unwrap() >= 20 * 6, "{report:#}");
}

#[test]
fn a_hostile_fleet_disturbs_only_itself() {
    let (real, secret) = server();
    let campaign = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let more = ["--preset", "hostile", "--hosts", "40", "--spread", "0s"];
            let often = ["--interval", "50ms", "--duration", "5s", "--latency", "0s"];
            play(&real, &secret, &[&more[..], &often].concat())
        });
        until("hosts", || {
            let listed = real.json(&["host", "list", "--limit", "1000"]);
            (listed["items"].as_array().unwrap().len() > 30).then_some(())
        });
        let campaign = real.launch("select pid from processes", "all");
        let report = load.join().unwrap();
        let faults = &report["faults"];
        assert!(faults["duplicated"].as_u64().unwrap() > 0, "{report:#}");
        assert!(faults["lost"].as_u64().unwrap() > 0, "{report:#}");
        campaign
    });
    let coverage = real.json(&["campaign", "show", &campaign])["coverage"].clone();
    let count = |state: &str| coverage[state].as_u64().unwrap_or(0);
    let states = ["pending", "offered", "responded", "lost", "cancelled", "blocked", "rejected"];
    assert_eq!(states.map(count).iter().sum::<u64>(), count("targeted"), "{coverage}");
    assert!(count("responded") > 10, "{coverage}");
    // The server's own host was not disturbed.
    let after = real.launch("select pid from processes", "all");
    until("an answer after it", || {
        let shown = real.json(&["campaign", "show", &after]);
        (shown["coverage"]["responded"].as_u64() >= Some(1)).then_some(())
    });
}

/// Runs a load that must not begin.
#[track_caller]
fn refused(directory: &Path, server: &str, more: &[&str]) -> String {
    let (secret, ca) = (directory.join("secret"), directory.join("ca.pem"));
    fs::write(&secret, "s3cret\n").unwrap();
    fs::write(&ca, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let fixed = ["sim", "--enroll-secret-file", secret.to_str().unwrap(), "--server", server];
    let ca = ["--ca", ca.to_str().unwrap()];
    let Ran { code, out, err } = Surroundings::default().run(&[&fixed[..], &ca, more].concat());
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    err
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let here = "https://127.0.0.1:1";
    for (arguments, expected) in [
        (&["--hosts", "0"][..], "from 1 to"),
        (&["--offline", "1.5"], "from 0 to 1"),
        (&["--interval", "soon"], "`soon` is no time"),
        (&["--connection", "maybe"], "neither `new` nor `kept`"),
        (&["--platforms", "amiga"], "there are linux, darwin and windows"),
        (&["--away", "5m", "--offline", "0.5"], "`away` and `back` go together"),
        (&["--preset", "monday", "--offline", "0"], "say how many with `offline`"),
        (&["--deaths", "0.7", "--stuck", "0.7"], "lower them"),
        (&["--preset", "party"], "hostile"),
        (&["--parallel", "16384"], "open files"),
        (&["--hosts", "5"], "certificate"),
    ] {
        if expected == "open files" && open_files_are_plenty() {
            continue;
        }
        let said = refused(directory.path(), here, arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    let said = refused(directory.path(), "https://mimir.example", &["--hosts", "5"]);
    assert!(said.contains("--i-own-this-fleet"), "{said}");
}

fn open_files_are_plenty() -> bool {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_NOFILE).is_ok_and(|(_, hard)| hard > 17_000)
}

#[test]
fn a_scenario_with_mistakes_names_file_line_and_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.toml");
    let file = file.to_str().unwrap();
    fs::write(file, "hosts = 5\nintervall = \"5s\"\n\n[[step]]\nat = \"soon\"\nstop = true\n")
        .unwrap();
    let here = "https://127.0.0.1:1";
    let said = refused(directory.path(), here, &["--scenario", file]);
    assert!(said.contains("mine.toml line 2: there is no key `intervall`"), "{said}");
    assert!(said.contains("did you mean `interval`?"), "{said}");
    assert!(said.contains("mine.toml line 5: at: `soon` is no time"), "{said}");
    let said = refused(directory.path(), here, &["--scenario", file, "--preset", "idle"]);
    assert!(said.contains("cannot be used with"), "{said}");
}
