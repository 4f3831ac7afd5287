// SPDX-License-Identifier: Apache-2.0
//! The crash test: the real server is killed with SIGKILL at random moments while 100 virtual
//! hosts answer, and started again. What agents saw acknowledged must be what is stored: nothing
//! lost, nothing twice, every counter exact (I1, I2, I3, I6).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mimir_client::Client;
use mimir_sim::{Fleet, Outcome, Profile, Recording, Rows};
use mimir_store::db::DatabaseUrl;
use mimir_store::{Db, assignments, audit, campaigns};
use serde_json::{Map, Value, json};

const HOSTS: usize = 100;
/// Crashes that must come while a campaign is being answered: after some hosts, before the last.
const HITS: u32 = 4;
/// Campaigns that are launched for it at the most: on a fast machine some are over too soon.
const CAMPAIGNS_MAX: i64 = 40;
/// Longest wait for any state; far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server process; killed when the test ends, however it ends.
pub struct Server {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Server {
    pub fn start(folder: &Path, address: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_mimir"))
            .args(["serve", "--listen", address, "--log-filter", "warn", "--data-dir"])
            .arg(folder.join("data"))
            .arg("--print-bootstrap")
            .arg(folder.join("bootstrap.json"))
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Self { child, folder: folder.to_owned(), address: address.to_owned() };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let ready = || {
            let client = self.client()?;
            client.request("GET", "/readyz", None).ok().filter(|answer| answer.status == 200)
        };
        wait("the server to be ready", || ready().is_some());
    }

    pub fn bootstrap(&self) -> Option<Value> {
        let text = std::fs::read(self.folder.join("bootstrap.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    pub fn ca(&self) -> String {
        std::fs::read_to_string(self.folder.join("data/ca.pem")).expect("the CA certificate")
    }

    pub fn client(&self) -> Option<Client> {
        let key = self.bootstrap()?["api_key"].as_str()?.to_owned();
        let builder = Client::builder(&format!("https://{}", self.address));
        builder.api_key(key).ca_pem(self.ca()).build().ok()
    }

    /// SIGKILL: the process gets no chance to write anything.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "the server under test is a process of its own")]
pub fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that is free now and stays the server's over its restarts.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// Rows that depend on host and query alone: a query that runs twice gives the same rows.
fn rows(host: &Profile, sql: &str) -> Outcome {
    if sql.contains("osquery_info") {
        // The beacon: which machine answers.
        return Outcome::row([("uuid", host.uuid()), ("hardware_serial", host.serial())]);
    }
    let hash = sql
        .bytes()
        .chain(host.serial().bytes())
        .fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    if hash.is_multiple_of(17) {
        return Outcome::Error("no such table: nowhere".to_owned());
    }
    let mut rows = Rows::new();
    for n in 0..hash % 40 {
        rows.push([("n", n.to_string()), ("host", host.serial()), ("text", "x".repeat(40))]);
    }
    rows.into()
}

pub fn ask(client: &Client, method: &str, path: &str, body: Option<Value>) -> Value {
    let body = body.map(|body| body.to_string());
    let answer = client
        .request(method, &format!("/api/v1{path}"), body.as_deref().map(str::as_bytes))
        .expect("the server answers");
    assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
    answer.json().expect("JSON")
}

/// Small enough, seeded, good enough to scatter moments.
pub fn next(random: &mut u64) -> u64 {
    *random =
        random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *random >> 33
}

#[test]
fn a_killed_server_loses_no_acknowledged_answer_and_counts_none_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = free_address();
    let mut server = Server::start(folder.path(), &address);
    let client = server.client().expect("a client");
    let settings = json!({"offline_campaigns_enabled": true, "agent_poll_interval_s": 1,
        "max_concurrent_hunts": 1000});
    ask(&client, "PATCH", "/settings", Some(settings));
    let secret = server.bootstrap().expect("a bootstrap")["enrollment_secret"].clone();

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let fleet = Fleet::builder(&format!("https://{address}"), &server.ca())
        .seed(11)
        .hosts(HOSTS)
        .enroll_secret(secret.as_str().expect("a secret"))
        .answers(rows)
        .recording(Recording::Everything)
        .build()
        .expect("a fleet");
    let fleet = Arc::new(fleet);
    let enrolled = runtime.block_on(fleet.enroll_all());
    assert!(enrolled.iter().all(|report| report.ok), "{enrolled:?}");

    // Hosts poll as fast as they can while the server dies again and again.
    let stop = Arc::new(AtomicBool::new(false));
    let polling = {
        let (fleet, stop) = (Arc::clone(&fleet), Arc::clone(&stop));
        runtime.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                fleet.poll_all().await;
            }
        })
    };
    let mut random = 2026;
    let mut hits = 0;
    let mut ids = Vec::new();
    for n in 1..=CAMPAIGNS_MAX {
        if hits == HITS {
            break;
        }
        let id = launch(&client, n);
        let path = format!("/campaigns/{id}");
        wait("a first answer", || {
            ask(&client, "GET", &path, None)["coverage"]["responded"].as_u64() > Some(0)
        });
        // The moment of the crash is random on purpose.
        std::thread::sleep(Duration::from_millis(next(&mut random) % 50));
        server.kill();
        server = Server::start(folder.path(), &address);
        let campaign = ask(&client, "GET", &path, None);
        hits += u32::from(campaign["complete"] == false);
        ids.push(id);
    }
    assert_eq!(hits, HITS, "too few crashes came while hosts were answering");
    wait("every campaign to be complete", || {
        ids.iter()
            .all(|id| ask(&client, "GET", &format!("/campaigns/{id}"), None)["complete"] == true)
    });
    stop.store(true, Ordering::Relaxed);
    runtime.block_on(polling).expect("the fleet polls");

    let acknowledged = acknowledged(&fleet);
    for (no, id) in (1..).zip(&ids) {
        compare(&client, no, id, &acknowledged);
    }
    server.kill();
    verify_offline(folder.path(), ids.len());
}

fn launch(client: &Client, n: i64) -> String {
    let sql = format!("SELECT {n} AS n, name FROM processes");
    let body = json!({"sql": sql, "target": {"type": "all"}, "live_window_minutes": 60});
    let launched = ask(client, "POST", "/campaigns", Some(body));
    assert_eq!(launched["dispatched_hosts"], HOSTS);
    launched["campaign"]["id"].as_str().expect("an id").to_owned()
}

/// (campaign's number, host name) → rows as the agent sent them when it was told they are stored.
fn acknowledged(fleet: &Fleet) -> BTreeMap<(i64, String), Vec<String>> {
    let mut all = BTreeMap::new();
    for host in 0..fleet.len() {
        for answer in fleet.acknowledged(host) {
            let mut fields = answer.name.split('.');
            if fields.next() != Some("5c") {
                continue;
            }
            let no = fields.next().and_then(|no| no.parse().ok()).expect("a campaign's number");
            let lines = answer.rows.as_ref().map(Rows::lines).unwrap_or_default();
            let before = all.insert((no, fleet.hostname(host)), lines.clone());
            assert!(
                before.is_none_or(|before| before == lines),
                "answers depend on host and query"
            );
        }
    }
    all
}

fn compare(
    client: &Client,
    no: i64,
    id: &str,
    acknowledged: &BTreeMap<(i64, String), Vec<String>>,
) {
    let mut seen = BTreeMap::new();
    let mut stored_rows = 0;
    let mut cursor = String::new();
    loop {
        let path = format!("/campaigns/{id}/responses?limit=500&cursor={cursor}");
        let page = ask(client, "GET", &path, None);
        for response in page["items"].as_array().expect("items") {
            let name = response["hostname"].as_str().expect("a name").to_owned();
            let host = response["host_id"].as_str().expect("an id");
            let path = format!("/campaigns/{id}/responses/{host}/rows?limit=500");
            let rows: Vec<Map<String, Value>> =
                serde_json::from_value(ask(client, "GET", &path, None)["items"].clone())
                    .expect("rows");
            stored_rows += rows.len();
            assert!(seen.insert(name, rows).is_none(), "I3: one response a host");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    for ((campaign, host), lines) in acknowledged.iter().filter(|((n, _), _)| *n == no) {
        let sent: Vec<Map<String, Value>> =
            lines.iter().map(|line| serde_json::from_str(line).expect("a row")).collect();
        let stored = seen.get(host).unwrap_or_else(|| panic!("I2: {host} lost in {campaign}"));
        assert_eq!(*stored, sent, "I2: rows of {host} in {campaign}");
    }
    let coverage = &ask(client, "GET", &format!("/campaigns/{id}"), None)["coverage"];
    assert_eq!(coverage["targeted"], HOSTS);
    assert_eq!(coverage["responded"], seen.len());
    assert_eq!(coverage["rows_stored"], stored_rows);
    let lost = coverage["lost"].as_u64().expect("a count");
    assert_eq!(seen.len() as u64 + lost, HOSTS as u64, "{coverage}");
}

/// The database itself, after the last crash.
pub fn verify_offline(folder: &Path, campaigns_launched: usize) {
    let db = Db::open(&DatabaseUrl::Sqlite(folder.join("data/mimir.db"))).expect("it opens");
    let verdict = db.read(audit::verify).expect("it reads");
    assert!(verdict.ok, "{verdict:?}");
    for no in (1..).take(campaigns_launched) {
        let (stored, derived) = db
            .read(move |tx| {
                let record = campaigns::by_no(tx, no)?.expect("the campaign");
                let derived = assignments::derived_coverage(tx, no)?;
                Ok::<_, mimir_store::DbError>((record.ledger.coverage, derived))
            })
            .expect("it reads");
        assert_eq!(stored, derived, "I6 in campaign {no}");
    }
}
