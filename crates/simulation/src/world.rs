// SPDX-License-Identifier: Apache-2.0
//! The world of one run: database, replicas, machines, time, and everything that was seen. One
//! generator decides all; nothing here knows what is right.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mimir_server::clock::SimulatedTime;
use mimir_server::listen::ClientAddr;
use mimir_server::secret::{new_token, token_hash};
use mimir_sim::Timestamp;
use mimir_sim::seed;
use mimir_sim::transport::{Endpoint, Request as AgentRequest, TransportError};
use mimir_store::accounts::{self, Account};
use mimir_store::db::{Db, Engine};
use mimir_store::testing::TestDb;
use mimir_wire::api::user::{Role, User};
use mimir_wire::ids::{ApiKeyId, UserId};
use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;
use serde_json::Value;

use crate::checks::{self, Scene, Verdict, ensure};
use crate::evidence::{self, Evidence, Frozen, Stored};
use crate::machine::{Doing, Machine};
use crate::replica::{Origin, Replica, Reply};
use crate::snapshot::{self, Key, Snapshot};

/// When every run begins.
const BEGINNING: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A message that arrives when nobody waits for its answer any more.
#[derive(Debug, Clone)]
pub struct Stray {
    /// Who sent it.
    pub machine: usize,
    /// What.
    pub request: AgentRequest,
}

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Decides everything.
    pub seed: u64,
    /// Steps before the end is played.
    pub steps: u32,
    /// The database.
    pub engine: Engine,
}

/// See the module.
pub struct World {
    /// What is run.
    pub options: Options,
    /// Decides.
    pub random: Xoshiro256PlusPlus,
    /// What happened, a line each.
    pub log: Vec<String>,
    /// The database, without failures.
    pub db: Db,
    _test: TestDb,
    /// Server processes.
    pub replicas: Vec<Replica>,
    /// Machines.
    pub machines: Vec<Machine>,
    /// Messages under way that nobody waits for.
    pub strays: Vec<Stray>,
    /// What was seen.
    pub seen: Evidence,
    /// The database after the last step.
    pub now: Snapshot,
    /// The administrator's API key.
    pub key: String,
    /// The enrolment secret.
    pub secret: Arc<str>,
    /// True time: that of machines, and of replicas whose clock nobody has set.
    pub time: SimulatedTime,
    /// Names of launches so far.
    pub launches: u32,
    shared: bool,
    processes: u16,
    commits: u64,
}

impl World {
    /// A server or several, an administrator, and a fleet that has not enrolled.
    ///
    /// # Errors
    /// When the service does not start.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        mimir_server::blocking::at_once_on_this_thread();
        let mut random = seed::rng(options.seed, 0, "world");
        let test = match options.engine {
            Engine::Sqlite => TestDb::migrated_memory(),
            Engine::Postgres => TestDb::migrated(Engine::Postgres),
        };
        let time = SimulatedTime::new(BEGINNING, 0);
        let count = [1, 2, 2, 3][random.random_range(0..4)];
        let mut world = Self {
            options,
            random,
            log: Vec::new(),
            db: test.db().clone(),
            _test: test,
            replicas: Vec::new(),
            machines: Vec::new(),
            strays: Vec::new(),
            seen: Evidence::default(),
            now: Snapshot::default(),
            key: new_token("mimir_"),
            secret: Arc::from(""),
            time,
            launches: 0,
            shared: count > 1,
            processes: 0,
            commits: u64::MAX,
        };
        world.administrator()?;
        for _ in 0..count {
            let replica = world.start(0)?;
            world.replicas.push(replica);
        }
        world.begin()?;
        Ok(world)
    }

    fn administrator(&self) -> anyhow::Result<()> {
        let user = User {
            id: UserId::new(uuid(1)),
            username: "root".to_owned(),
            role: Role::Admin,
            capabilities: Vec::new(),
            disabled: false,
            password_change_required: false,
            created_at: BEGINNING,
        };
        let hash = token_hash(&self.key);
        // Nobody signs in with this account's password.
        let account = Account { user, password_hash: String::new() };
        Ok(self.db.write(move |tx| {
            accounts::insert(tx, &account)?;
            let id = ApiKeyId::new(uuid(2));
            accounts::key_insert(tx, id, account.user.id, "simulation", &hash, BEGINNING)
        })?)
    }

    /// Campaigns are allowed, a secret is made, machines are switched on.
    fn begin(&mut self) -> anyhow::Result<()> {
        let on = serde_json::json!({"offline_campaigns_enabled": true, "stop_grace_minutes": 10});
        let (status, _) = self.operate(0, "PATCH", "/settings", Some(on), None);
        anyhow::ensure!(status == 200, "campaigns could not be enabled: {status}");
        let name = serde_json::json!({"name": "simulated fleet"});
        let (status, made) = self.operate(0, "POST", "/enrollment-secrets", Some(name), None);
        anyhow::ensure!(status == 201, "no enrolment secret: {status}");
        self.secret = Arc::from(made["secret"].as_str().unwrap_or_default());
        for index in 0..self.random.random_range(3..=9) {
            let machine =
                Machine::new(self.options.seed, index, None, &self.secret, self.time.now());
            self.machines.push(machine);
        }
        for replica in 0..self.replicas.len() {
            self.turn_jobs(replica, 1);
        }
        Ok(())
    }

    /// A line of the log.
    pub fn note(&mut self, text: String) {
        self.log.push(text);
    }

    /// A process on the database; `wrong_by` is the error of its clock in microseconds.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&mut self, wrong_by: i64) -> anyhow::Result<Replica> {
        self.processes += 1;
        let time = SimulatedTime::new(self.time.now(), self.processes);
        time.jump(wrong_by);
        let head = Snapshot::read(&self.db)?.head;
        Replica::start(&self.db, time, self.shared, head)
    }

    /// Time passes for everybody.
    pub fn pass(&mut self, by: Duration) {
        self.time.pass(by);
        self.replicas.iter().for_each(|replica| replica.time.pass(by));
    }

    /// Whether chance says so.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// One of so many.
    pub fn pick(&mut self, count: usize) -> usize {
        self.random.random_range(0..count.max(1))
    }

    // ---- requests of agents

    /// A request of a machine arrives at a replica.
    ///
    /// # Errors
    /// When the answer breaks an invariant.
    pub fn deliver(&mut self, at: usize, origin: Origin, request: AgentRequest) -> Verdict {
        self.arrives(origin.machine(), &request);
        let mut asked = Request::post(request.endpoint.path()).extension(address());
        for (name, value) in &request.headers {
            asked = asked.header(*name, value);
        }
        if request.endpoint == Endpoint::Read && self.machines[origin.machine()].holds {
            asked = asked.header("Prefer", "wait=25");
        }
        let asked = asked.body(Full::new(request.body.clone())).expect("a valid request");
        match self.replicas[at].ask(asked) {
            Ok(reply) => self.answer(at, origin, &request, reply)?,
            Err(answering) => self.replicas[at].hold(origin, request, answering),
        }
        self.settle()
    }

    /// Notes what a body says, the moment it is in a server's hands.
    fn arrives(&mut self, machine: usize, request: &AgentRequest) {
        if request.endpoint != Endpoint::Write {
            return;
        }
        let Some(host) = self.host_of(&request.body) else { return };
        for (name, sent) in evidence::answers(machine, &request.body) {
            // What this host was never offered is nobody's answer.
            if self.seen.names.get(&name) != Some(&host) {
                continue;
            }
            if let Some((campaign, part)) = evidence::subject(&name) {
                let all = self.seen.sent.entry((campaign, host, part)).or_default();
                if !all.contains(&sent) {
                    all.push(sent);
                }
            }
        }
    }

    /// The host whose key a body carries.
    fn host_of(&self, body: &[u8]) -> Option<i64> {
        self.seen.keys.get(&evidence::node_key(body)?).copied()
    }

    /// Answers that have become ready, and processes that have died, until there are none.
    ///
    /// # Errors
    /// When an answer breaks an invariant.
    pub fn settle(&mut self) -> Verdict {
        loop {
            let mut quiet = true;
            for at in 0..self.replicas.len() {
                if self.replicas[at].faults.is_dead() {
                    quiet = false;
                    self.bury(at)?;
                }
                for (origin, request, reply) in self.replicas[at].answered() {
                    quiet = false;
                    self.answer(at, origin, &request, reply)?;
                }
            }
            if quiet {
                return Ok(());
            }
        }
    }

    /// A process is dead: whoever waited for it hears nothing, and another one takes its place.
    fn bury(&mut self, at: usize) -> Verdict {
        let wrong_by = self.replicas[at].time.now().micros() - self.time.now().micros();
        let dead: Vec<Origin> = self.replicas[at].waiting.iter().map(|w| w.origin).collect();
        self.note(format!("  replica {at} is dead; {} requests go with it", dead.len()));
        let started = self.start(wrong_by);
        let found = |error: anyhow::Error| checks::Violation {
            invariant: "restart",
            found: format!("replica {at} does not start again: {error:#}"),
        };
        self.replicas[at] = started.map_err(found)?;
        for origin in dead {
            self.hear(origin, Err(TransportError::of("connection reset")));
        }
        Ok(())
    }

    /// A replica has answered.
    fn answer(
        &mut self,
        at: usize,
        origin: Origin,
        request: &AgentRequest,
        reply: Reply,
    ) -> Verdict {
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        if self.replicas[at].faults.is_dead() {
            // A dead process sends nothing.
            self.hear(origin, Err(TransportError::of("connection reset")));
            return Ok(());
        }
        ensure("defect", reply.status.as_u16() != 500, || format!("a replica answers {text}"))?;
        let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let refused = json.get("error").is_some() || json["node_invalid"] == true;
        let failed = refused || !reply.status.is_success();
        self.note(format!(
            "  {at}: {:?} of machine {}: {} {}",
            request.endpoint,
            origin.machine(),
            reply.status.as_u16(),
            if failed { "refused" } else { "taken" }
        ));
        if !failed {
            match request.endpoint {
                Endpoint::Enroll => self.enrolled(origin.machine(), &json),
                Endpoint::Read => self.offered(at, request, &json)?,
                Endpoint::Write => self.acknowledged(request),
                Endpoint::Config | Endpoint::Log => {}
            }
        }
        if matches!(origin, Origin::Machine(..)) && self.chance(7) {
            self.note(format!("  … which machine {} never hears", origin.machine()));
            self.hear(origin, Err(TransportError::of("connection reset")));
        } else {
            self.hear(origin, Ok(reply.body.to_vec()));
        }
        Ok(())
    }

    fn hear(&mut self, origin: Origin, answer: Result<Vec<u8>, TransportError>) {
        if let Origin::Machine(machine, exchange) = origin {
            let (now, elapsed) = (self.time.now(), self.time.elapsed());
            self.machines[machine].answered(exchange, answer, now, elapsed);
        }
    }

    fn enrolled(&mut self, machine: usize, json: &Value) {
        let Some(key) = json["node_key"].as_str() else { return };
        if let Ok(Some(host)) = snapshot::host_of_key(&self.db, key) {
            self.seen.machines.insert(host, machine);
            self.seen.keys.insert(key.to_owned(), host);
        }
    }

    fn acknowledged(&mut self, request: &AgentRequest) {
        let Some(host) = self.host_of(&request.body) else { return };
        for (name, _) in evidence::answers(0, &request.body) {
            if self.seen.names.get(&name) == Some(&host)
                && let Some((campaign, part)) = evidence::subject(&name)
            {
                self.seen.acknowledged.insert((campaign, host, part));
            }
        }
    }

    /// What a replica handed out, judged against what it must have known.
    fn offered(&mut self, at: usize, request: &AgentRequest, json: &Value) -> Verdict {
        let Some(queries) = json["queries"].as_object() else { return Ok(()) };
        let Some(host) = self.host_of(&request.body) else { return Ok(()) };
        let now = Snapshot::read(&self.db).map_err(unreadable)?;
        let known = self.replicas[at].known;
        for (name, sql) in queries {
            let Some((no, part)) = evidence::subject(name) else { continue };
            self.note(format!("  … with part {part} of campaign {no}"));
            self.seen.names.insert(name.clone(), host);
            *self.seen.offers.entry((no, host, part)).or_default() += 1;
            self.replicas[at].unwritten.push((no, host));
            let stopped = self.seen.stopped.get(&no);
            ensure("I5", stopped.is_none_or(|version| *version > known), || {
                format!("replica {at} knows of the stop of campaign {no} and offers it")
            })?;
            let campaign = now.campaigns.get(&no);
            let place = usize::try_from(part).unwrap_or(usize::MAX);
            let text = campaign.and_then(|campaign| campaign.parts.get(place));
            ensure("I7", text.map(String::as_str) == sql.as_str(), || {
                format!("host {host} is offered {sql} as part {part} of campaign {no}: {text:?}")
            })?;
            let asked = campaign.is_some_and(|c| c.ledger.contains_key(&host));
            ensure("I4", asked, || format!("host {host} is offered campaign {no}"))?;
        }
        Ok(())
    }

    // ---- what happens inside of replicas

    /// The lane of a replica takes a turn.
    pub fn turn_lane(&mut self, at: usize, behind_is_due: bool) -> Verdict {
        let before = self.replicas[at].faults.met();
        self.replicas[at].lane(behind_is_due);
        if self.replicas[at].faults.met() == before && behind_is_due {
            self.written(at)?;
        }
        self.settle()
    }

    /// What was written behind is in the ledger now.
    fn written(&mut self, at: usize) -> Verdict {
        let made = std::mem::take(&mut self.replicas[at].unwritten);
        if made.is_empty() {
            return Ok(());
        }
        let now = Snapshot::read(&self.db).map_err(unreadable)?;
        for (no, host) in made {
            let state = now.assignment(no, host).map(|a| a.state.as_str());
            ensure("I6", state != Some("pending"), || {
                format!("the offer of campaign {no} to host {host} was not written")
            })?;
        }
        Ok(())
    }

    /// The jobs of a replica take a turn.
    pub fn turn_jobs(&mut self, at: usize, ticks: u64) {
        let before = self.replicas[at].faults.met();
        self.replicas[at].jobs(ticks);
        if self.replicas[at].faults.met() == before
            && let Ok(now) = Snapshot::read(&self.db)
        {
            self.replicas[at].known = now.head;
        }
    }

    // ---- requests of operators

    /// Asks an operation as the administrator; status and body, or status 0 when the process died.
    pub fn operate(
        &mut self,
        at: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("Host", "mimir.test")
            .header("Content-Type", "application/json")
            .header("Authorization", format!("Bearer {}", self.key))
            .extension(address());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(Full::new(body)).expect("a valid request");
        let before = self.replicas[at].faults.met();
        let Ok(reply) = self.replicas[at].ask(request) else { return (0, Value::Null) };
        if self.replicas[at].faults.is_dead() {
            return (0, Value::Null);
        }
        let status = reply.status.as_u16();
        if status < 300
            && self.replicas[at].faults.met() == before
            && method != "GET"
            && let Ok(now) = Snapshot::read(&self.db)
        {
            self.replicas[at].known = now.head;
        }
        (status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    // ---- judgement

    /// Reads the database and holds it against everything seen.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn check(&mut self) -> Verdict {
        let commits = self.processes_commits();
        if commits != self.commits {
            self.commits = commits;
            self.now = Snapshot::read(&self.db).map_err(unreadable)?;
        }
        let new = self.learn().map_err(unreadable)?;
        let clocks: Vec<Timestamp> = self.replicas.iter().map(|r| r.time.now()).collect();
        checks::all(Scene { now: &self.now, seen: &self.seen, clocks: &clocks, new: &new })
    }

    /// The database may have been changed by somebody else: it is read anew at the next check.
    pub const fn distrust(&mut self) {
        self.commits = u64::MAX;
    }

    /// Processes that were started so far.
    pub const fn processes(&self) -> u16 {
        self.processes
    }

    fn processes_commits(&self) -> u64 {
        // Processes that are gone have committed too: their number makes the sum change.
        let alive: u64 = self.replicas.iter().map(|r| r.faults.commits()).sum();
        alive.wrapping_add(u64::from(self.processes) << 40)
    }

    /// Takes what is seen for the first time into evidence; answers the new responses.
    fn learn(&mut self) -> anyhow::Result<BTreeSet<Key>> {
        let mut new = BTreeSet::new();
        for (no, campaign) in &self.now.campaigns {
            self.seen.frozen.entry(*no).or_insert_with(|| Frozen {
                payload: (
                    campaign.spec.clone(),
                    campaign.spec_sha256.clone(),
                    campaign.parts.clone(),
                ),
                hosts: campaign.ledger.keys().copied().collect(),
            });
            if campaign.status != "active" {
                self.seen.stopped.entry(*no).or_insert(self.now.head);
            }
            for ((host, part), found) in &campaign.responses {
                let (key, Some(response)) = ((*no, *host, *part), found.first()) else { continue };
                if self.seen.stored.contains_key(&key) {
                    continue;
                }
                let rows = snapshot::rows(&self.db, *no, response.seq)?;
                let response = response.clone();
                self.seen.stored.insert(key, Stored { response, rows });
                new.insert(key);
            }
        }
        Ok(new)
    }

    /// Whether a machine waits inside a replica.
    pub fn is_inside(&self, machine: usize) -> bool {
        let inside = |replica: &Replica| {
            replica.waiting.iter().any(
                |waiting| matches!(waiting.origin, Origin::Machine(index, _) if index == machine),
            )
        };
        self.replicas.iter().any(inside)
    }

    /// A machine stops waiting for its answer; the request goes on alone.
    pub fn give_up(&mut self, machine: usize) {
        for waiting in self.replicas.iter_mut().flat_map(|replica| &mut replica.waiting) {
            if waiting.origin.machine() == machine {
                waiting.origin = Origin::Nobody(machine);
            }
        }
        if let Doing::Expecting(_, exchange) = self.machines[machine].doing {
            self.hear(Origin::Machine(machine, exchange), Err(TransportError::TimedOut));
        }
    }
}

fn unreadable(error: impl std::fmt::Display) -> checks::Violation {
    checks::Violation { invariant: "database", found: error.to_string() }
}

fn address() -> ClientAddr {
    ClientAddr(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)))
}

fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}
