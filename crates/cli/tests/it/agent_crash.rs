// SPDX-License-Identifier: Apache-2.0
//! The other crash test: a real `mimir-agent` is killed with SIGKILL at random moments of its
//! work, now and then the server with it. After each restart every campaign must become complete
//! with exactly one answer of the right rows: nothing lost, nothing twice (I1, I2, I3, I6), and
//! nothing left behind on the agent.
//!
//! It needs mimir-agent built beside mimir, as `make test` does.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mimir_client::Client;
use serde_json::{Value, json};

use crate::crash::{Server, ask, free_address, next, verify_offline, wait};

/// Kills that must come while campaigns wait for an answer.
const HITS: usize = 16;
/// Rounds for it at the most: on a fast machine some are over too soon.
const ROUNDS_MAX: usize = 120;
/// The server is killed too in each round with such a number.
const SERVER_EVERY: usize = 5;
/// Rows that the campaigns of a round ask for: quick ones, and ones whose running and sending
/// take long enough to be hit.
const ROWS: [usize; 4] = [1, 20_000, 40, 6_000];

/// An agent process; killed when the test ends, however it ends.
struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts it; its log of `round` tells what it found of the one before.
    fn start(folder: &Path, address: &str, round: usize) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_mimir")).with_file_name("mimir-agent");
        let log = folder.join(format!("agent-{round}.log"));
        let child = Command::new(program)
            .args(["run", "--host-identifier", "crash-1", "--virtual-identity"])
            .args(["--poll-interval", "1", "--server", &format!("https://{address}"), "--ca"])
            .arg(folder.join("data/ca.pem"))
            .arg("--enroll-secret-file")
            .arg(folder.join("secret"))
            .arg("--state-dir")
            .arg(folder.join("agent"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("mimir-agent is built beside mimir");
        Self { child, log }
    }

    fn kill(&mut self) {
        self.child.kill().expect("the agent can be killed");
        self.child.wait().expect("the agent ends");
    }

    /// What it said so far.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A campaign and what its answer must be.
struct Launched {
    id: String,
    rows: usize,
}

/// The statement is unlike any other, so that a death in it is its first.
fn launch(client: &Client, n: usize, rows: usize) -> Launched {
    let sql = format!(
        "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT {rows}) \
         SELECT {n} AS campaign, r.n AS n, 'some text to carry' AS text FROM r"
    );
    let body = json!({"sql": sql, "target": {"type": "all"}, "live_window_minutes": 60});
    let launched = ask(client, "POST", "/campaigns", Some(body));
    assert_eq!(launched["dispatched_hosts"], 1);
    Launched { id: launched["campaign"]["id"].as_str().expect("an id").to_owned(), rows }
}

fn is_complete(client: &Client, campaign: &Launched) -> bool {
    ask(client, "GET", &format!("/campaigns/{}", campaign.id), None)["complete"] == true
}

#[test]
fn a_killed_agent_loses_no_answer_and_gives_none_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = free_address();
    let mut server = Server::start(folder.path(), &address);
    let client = server.client().expect("a client");
    let settings = json!({"offline_campaigns_enabled": true, "agent_poll_interval_s": 1,
        "max_concurrent_hunts": 1000, "campaign_host_row_cap": 50_000});
    ask(&client, "PATCH", "/settings", Some(settings));
    let secret = server.bootstrap().expect("a bootstrap")["enrollment_secret"].clone();
    fs::write(folder.path().join("secret"), secret.as_str().expect("a secret")).expect("written");

    let mut agent = Agent::start(folder.path(), &address, 0);
    let online = || ask(&client, "GET", "/hosts", None)["items"][0]["status"] == "online";
    wait("the agent to enrol", online);

    let mut random = 20_261;
    let (mut hits, mut launched) = (0, Vec::new());
    for round in 1..=ROUNDS_MAX {
        if hits == HITS {
            break;
        }
        let first = launched.len();
        launched.extend((0..).zip(ROWS).map(|(n, rows)| launch(&client, first + n, rows)));
        // The moment of the death is random on purpose.
        std::thread::sleep(Duration::from_millis(next(&mut random) % 400));
        agent.kill();
        if round % SERVER_EVERY == 0 {
            server.kill();
            server = Server::start(folder.path(), &address);
        }
        let is_hit = launched[first..].iter().any(|campaign| !is_complete(&client, campaign));
        hits += usize::from(is_hit);
        agent = Agent::start(folder.path(), &address, round);
        wait("every campaign to be complete", || {
            launched[first..].iter().all(|campaign| is_complete(&client, campaign))
        });
    }
    assert_eq!(hits, HITS, "too few kills came while the agent had work");
    for (n, campaign) in launched.iter().enumerate() {
        compare(&client, n, campaign);
    }

    agent.kill();
    let agent = Agent::start(folder.path(), &address, ROUNDS_MAX + 1);
    wait("the agent to say what it found", || agent.said().contains("the agent is running"));
    assert!(agent.said().contains("pending=0 outbox=0"), "{}", agent.said());
    drop(agent);
    server.kill();
    verify_offline(folder.path(), launched.len());
}

/// One answer, of exactly the rows of one execution.
fn compare(client: &Client, n: usize, campaign: &Launched) {
    let path = format!("/campaigns/{}", campaign.id);
    let coverage = &ask(client, "GET", &path, None)["coverage"];
    for (count, expected) in
        [("targeted", 1), ("responded", 1), ("lost", 0), ("rows_stored", campaign.rows)]
    {
        assert_eq!(coverage[count], expected, "{count} of campaign {n}: {coverage}");
    }
    let responses = ask(client, "GET", &format!("{path}/responses?limit=500"), None);
    let [response] = responses["items"].as_array().expect("items").as_slice() else {
        panic!("I3: {responses}");
    };
    assert_eq!((&response["outcome"], &response["error"]), (&json!("rows"), &Value::Null));
    let host = response["host_id"].as_str().expect("an id");
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let path = format!("{path}/responses/{host}/rows?limit=500&cursor={cursor}");
        let page = ask(client, "GET", &path, None);
        for row in page["items"].as_array().expect("rows") {
            seen += 1;
            assert_eq!(row["campaign"], n.to_string());
            assert_eq!(row["n"], seen.to_string(), "I2: rows in their order");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, campaign.rows, "I2: rows of campaign {n}");
}
