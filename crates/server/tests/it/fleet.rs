// SPDX-License-Identifier: Apache-2.0
//! A server with a virtual fleet: agents that behave on the wire as osqueryd does, connected to
//! the router of this process without a socket. Time passes when a test says so.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::StreamExt;
use http::{Request, header};
use http_body_util::BodyExt;
use mimir_server::app::{App, AppConfig};
use mimir_server::http::router::router;
use mimir_server::listen::ClientAddr;
use mimir_sim::transport::Answering;
use mimir_sim::{
    Answerer, Fleet, FleetBuilder, Mix, Outcome, Profile, Question, Report, Rows, Transport,
    TransportError, transport,
};
use mimir_store::db::{Engine, Value as Cell};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{ADDRESS, Caller, Reply, Server};

/// How long a state is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The interval that agents are told.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// The way of the agents' requests into the server; it survives a restart of the server.
#[derive(Clone)]
pub struct Wire(Arc<RwLock<Router>>);

impl Transport for Wire {
    fn post(&self, request: transport::Request) -> Answering<'_> {
        let router = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            let mut parts = Request::post(request.endpoint.path())
                .header(header::HOST, "mimir.test")
                .extension(ClientAddr(ADDRESS));
            for (name, value) in &request.headers {
                parts = parts.header(*name, value);
            }
            let request = parts.body(Body::from(request.body)).unwrap();
            let response = router.oneshot(request).await.expect("the router is infallible");
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| TransportError::failed("reading", error))?;
            Ok(body.to_bytes().to_vec())
        })
    }
}

/// Answers the beacon as the machine would and leaves everything else to `0`.
pub struct Honest<F>(pub F);

impl<F: Fn(&Profile, &str) -> Outcome + Send + Sync> Answerer for Honest<F> {
    fn answer(&self, host: &Profile, question: &Question) -> Outcome {
        if !is_beacon(&question.sql) {
            return self.0(host, &question.sql);
        }
        let pid = (800 + question.worker).to_string();
        let cells = [
            ("pid", pid.as_str()),
            ("start_time", "1790000000"),
            ("instance_id", &host.instance_id()),
            ("uuid", &host.uuid()),
            ("hardware_serial", &host.serial()),
        ];
        Outcome::row(cells)
    }
}

/// Whether this is the question which machine speaks.
pub fn is_beacon(sql: &str) -> bool {
    sql.contains("FROM osquery_info i, system_info s")
}

/// `count` rows of three columns, told apart by host and place.
pub fn rows(host: &Profile, count: usize) -> Outcome {
    let mut rows = Rows::new();
    for n in 0..count {
        let (name, place) = (host.hostname(), n.to_string());
        rows.push([("pid", place.as_str()), ("name", &name), ("path", "/usr/bin/true")]);
    }
    rows.into()
}

/// A server, its administrator, and a fleet.
pub struct World {
    pub server: Server,
    pub admin: Caller,
    pub fleet: Fleet,
    wire: Wire,
    /// What agents enrol with.
    pub secret: String,
}

impl World {
    /// This many enrolled Linux hosts, on SQLite, the campaign flag on.
    pub async fn new(hosts: usize) -> Self {
        Self::with(Server::new(), |fleet| fleet.hosts(hosts)).await
    }

    /// The same on this engine.
    pub async fn on(engine: Engine, hosts: usize) -> Self {
        Self::with(Server::on(engine), |fleet| fleet.hosts(hosts)).await
    }

    /// With another fleet. All hosts enrol.
    pub async fn with(server: Server, set_up: impl FnOnce(FleetBuilder) -> FleetBuilder) -> Self {
        let admin = server.admin().await;
        server.enable_campaigns(&admin).await;
        let made = server.post(&admin, "/enrollment-secrets", json!({"name": "fleet"})).await;
        let secret = made.expect(201)["secret"].as_str().unwrap().to_owned();
        let wire = Wire(Arc::new(RwLock::new(router(&server.app, None))));
        let builder = Fleet::over(wire.clone())
            .seed(7)
            .mix(Mix::uniform())
            .enroll_secret(&*secret)
            .answers(Honest(|host: &Profile, _: &str| rows(host, 1)));
        let fleet = set_up(builder).build().unwrap();
        for report in fleet.enroll_all().await {
            assert!(report.ok, "{:?}", report.error);
        }
        Self { server, admin, fleet, wire, secret }
    }

    /// The server's process ends at once and another one starts on the same database.
    pub fn restart(mut self) -> Self {
        // Agents and requests of the old process are gone with it.
        *self.wire.0.write().unwrap() = Router::new();
        let time = self.server.app.clock.now();
        self.server.restart();
        // What a test let pass has passed for the new process too.
        let behind = time.micros() - self.server.app.clock.now().micros();
        self.pass(Duration::from_micros(u64::try_from(behind).unwrap_or(0)));
        *self.wire.0.write().unwrap() = router(&self.server.app, None);
        self
    }

    /// A second server process on the same database; agents go on speaking to the first one until
    /// they are sent [`World::to`] the other. It follows changes when a test says so.
    pub fn replica(&self) -> Arc<App> {
        let (db, clock) = (self.server.app.db.clone(), self.server.app.clock.clone());
        App::open(db, clock, AppConfig::default()).unwrap()
    }

    /// All agents speak to this server process from now on.
    pub fn to(&self, app: &Arc<App>) {
        *self.wire.0.write().unwrap() = router(app, None);
    }

    /// What `hosts` answer from now on, the beacon apart.
    pub fn answer(&self, answer: impl Fn(&Profile, &str) -> Outcome + Send + Sync + 'static) {
        self.fleet.set_answers(Honest(answer));
    }

    /// Lets this much time pass on the server.
    pub fn pass(&self, time: Duration) {
        self.server.app.clock.advance(time);
    }

    /// One interval passes, then a host polls.
    pub async fn poll(&self, host: usize) -> Report {
        self.pass(INTERVAL);
        self.fleet.poll_once(host).await
    }

    /// One interval passes, then all hosts that are on the network poll.
    pub async fn poll_all(&self) {
        self.pass(INTERVAL);
        for host in 0..self.fleet.len() {
            if self.fleet.is_online(host) {
                self.fleet.poll_once(host).await;
            }
        }
    }

    /// Queries a host has run so far, without beacons, by name.
    pub fn ran(report: &Report) -> Vec<&str> {
        report.executed.iter().map(String::as_str).filter(|name| !name.starts_with("0b")).collect()
    }

    /// Id of a host of the fleet.
    pub async fn host_id(&self, host: usize) -> String {
        self.server.host_id(&self.admin, &self.fleet.hostname(host)).await
    }

    /// Launches on the whole fleet; answers the campaign's id.
    pub async fn launch(&self, sql: &str) -> String {
        self.launch_on(sql, json!({"type": "all"})).await
    }

    /// Launches on a target; answers the campaign's id.
    pub async fn launch_on(&self, sql: &str, target: Value) -> String {
        let body = json!({"sql": sql, "target": target});
        let launched = self.post("/campaigns", body).await.expect(201);
        launched["campaign"]["id"].as_str().unwrap().to_owned()
    }

    /// Posts as the administrator.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.server.post(&self.admin, path, body).await
    }

    /// Reads as the administrator; the answer must be 200.
    pub async fn get(&self, path: &str) -> Value {
        self.server.get(&self.admin, path).await.expect(200)
    }

    /// Changes settings.
    pub async fn set(&self, patch: Value) {
        self.server.send(&self.admin, "PATCH", "/settings", Some(patch)).await.expect(200);
    }

    /// A campaign.
    pub async fn campaign(&self, id: &str) -> Value {
        self.get(&format!("/campaigns/{id}")).await
    }

    /// A campaign's counts that are not 0.
    pub async fn coverage(&self, id: &str) -> BTreeMap<String, u64> {
        let campaign = self.campaign(id).await;
        let counts = campaign["coverage"].as_object().unwrap().iter();
        counts
            .map(|(name, count)| (name.clone(), count.as_u64().unwrap()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Waits until a campaign's counts are these; all others are 0.
    #[track_caller]
    pub fn covers(&self, id: &str, wanted: &[(&str, u64)]) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let wanted: BTreeMap<_, _> = wanted.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect();
        let id = id.to_owned();
        async move {
            let end = std::time::Instant::now() + PATIENCE;
            loop {
                let now = self.coverage(&id).await;
                if now == wanted {
                    return;
                }
                let late = std::time::Instant::now() > end;
                assert!(!late, "{caller}: {now:?} instead of {wanted:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// The assignment of a host of the fleet.
    pub async fn assignment(&self, id: &str, host: usize) -> Value {
        let name = self.fleet.hostname(host);
        let page = self.get(&format!("/campaigns/{id}/assignments?q={name}")).await;
        page["items"][0].clone()
    }

    /// Waits until a host's assignment is in this state after this many offers; answers it.
    pub async fn stands(&self, id: &str, host: usize, state: &str, attempts: u64) -> Value {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let now = self.assignment(id, host).await;
            if now["state"] == state && now["attempts"] == attempts {
                return now;
            }
            let late = std::time::Instant::now() > end;
            assert!(!late, "{now} instead of {state} after {attempts} offers");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All pages of a list.
    pub async fn pages(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{sign}cursor={cursor}")).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return items,
            }
        }
    }

    /// Sends a body to an agents' endpoint as it is, with a header key or none.
    pub async fn agent(&self, endpoint: &str, key: Option<&str>, body: impl Into<Body>) -> Reply {
        let path = format!("/osquery/{endpoint}");
        let mut request = self.server.request(&Caller::Nobody, "POST", &path);
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, format!("NodeKey {key}"));
        }
        self.server.raw(request.body(body.into()).unwrap()).await
    }

    /// What a host is handed when it asks now, by its key; the beacon left out.
    pub async fn read(&self, host: usize) -> BTreeMap<String, String> {
        let key = self.fleet.node_key(host).unwrap();
        let answer = self.server.read_work(&key).await;
        assert!(answer.get("error").is_none(), "{answer}");
        let queries = answer["queries"].as_object().cloned().unwrap_or_default();
        let work = queries.into_iter().filter(|(name, _)| !name.starts_with("0b"));
        work.map(|(name, sql)| (name, sql.as_str().unwrap().to_owned())).collect()
    }

    /// Sends an answer of a host, by its key in the body.
    pub async fn write(&self, host: usize, mut body: Value) -> Value {
        body["node_key"] = json!(self.fleet.node_key(host).unwrap());
        self.agent("distributed/write", None, body.to_string()).await.json
    }

    /// Changes the database behind the server's back.
    pub async fn sql(&self, sql: &'static str, params: Vec<Cell>) -> u64 {
        self.server.write(move |tx| tx.execute(sql, &params)).await
    }

    /// One number from the database.
    pub async fn number(&self, sql: &'static str) -> i64 {
        self.server.write(move |tx| tx.query_one(sql, &[])?.get(0)).await
    }

    /// Rows of everything that a launch, an answer or an offer may write.
    pub async fn written(&self) -> Vec<i64> {
        let mut counts = Vec::new();
        for sql in [
            "select count(*) from campaign",
            "select count(*) from campaign_part",
            "select count(*) from assignment",
            "select count(*) from response",
            "select count(*) from response_chunk",
            "select count(*) from idempotency",
            "select count(*) from change_log",
        ] {
            counts.push(self.number(sql).await);
        }
        counts
    }

    /// Opens an event stream of the API.
    pub async fn events(&self, path: &str, last: Option<&str>) -> Events {
        self.events_as(&self.admin, path, last).await
    }

    /// Opens an event stream as this caller.
    pub async fn events_as(&self, caller: &Caller, path: &str, last: Option<&str>) -> Events {
        let mut request = self.server.request(caller, "GET", path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.server.stream(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Events { body: response.into_body(), text: String::new() }
    }
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Value,
}

/// An event stream as it comes in.
pub struct Events {
    body: Body,
    text: String,
}

impl Events {
    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    continue;
                }
                return Some(parse(&event));
            }
            let mut frames = std::pin::pin!(BodyExt::into_data_stream(&mut self.body));
            let frame = tokio::time::timeout(PATIENCE, frames.next()).await;
            let piece = frame.expect("an event comes in time")?;
            let piece = piece.expect("the stream ends well");
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The next event of this name; others are passed over.
    pub async fn find(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("ended before {name}"));
            if event.name == name {
                return event;
            }
        }
    }

    /// Everything up to the end of the stream.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

fn parse(text: &str) -> Event {
    let field = |name: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let data = serde_json::from_str(&field("data")).unwrap();
    Event { name: field("event"), id: field("id"), data }
}

/// Runs a test on both engines, each on a fresh server with this many hosts.
#[macro_export]
macro_rules! world_on_both {
    ($name:ident, $hosts:expr, |$world:ident| $body:expr) => {
        mod $name {
            use super::*;

            async fn check($world: $crate::fleet::World) {
                $body
            }

            #[tokio::test]
            async fn sqlite() {
                let engine = mimir_store::db::Engine::Sqlite;
                check($crate::fleet::World::on(engine, $hosts).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                let engine = mimir_store::db::Engine::Postgres;
                check($crate::fleet::World::on(engine, $hosts).await).await;
            }
        }
    };
}
