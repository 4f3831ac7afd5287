// SPDX-License-Identifier: Apache-2.0
//! Two servers on one PostgreSQL: any host and any operator may be with any of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mimir_server::app::App;
use mimir_store::db::Engine;
use serde_json::{Value, json};

use crate::harness::{Caller, Server};

/// Two replicas, an administrator, and a host with its key.
struct Pair {
    a: Server,
    b: Server,
    admin: Caller,
    key: String,
}

impl Pair {
    async fn new() -> Self {
        let a = Server::on(Engine::Postgres);
        let admin = a.admin().await;
        a.enable_campaigns(&admin).await;
        let b = a.replica();
        let key = a.enrol(&admin, "web-01").await;
        let pair = Self { a, b, admin, key };
        pair.follow(&pair.b).await;
        pair
    }

    /// What the jobs of a replica do on a notice or at their next turn.
    async fn follow(&self, server: &Server) {
        let app = Arc::clone(&server.app);
        let followed = tokio::task::spawn_blocking(move || {
            app.follow_changes()?;
            app.follow_answers()
        });
        followed.await.unwrap().unwrap();
    }

    /// Time passes for both.
    fn pass(&self, seconds: u64) {
        for server in [&self.a, &self.b] {
            server.app.clock.advance(Duration::from_secs(seconds));
        }
    }

    async fn launch(&self, server: &Server) -> String {
        let body = json!({"sql": "SELECT 1", "target": {"type": "all"}});
        let launched = server.post(&self.admin, "/campaigns", body).await.expect(201);
        launched["campaign"]["id"].as_str().unwrap().to_owned()
    }

    /// Name of the campaign's query in an answer to a read.
    fn offered(read: &Value) -> Option<String> {
        let names = read["queries"].as_object()?.keys();
        names.into_iter().find(|name| name.starts_with("5c.")).cloned()
    }

    async fn write(&self, server: &Server, name: &str) {
        let body = json!({"queries": {name: [{"1": "1"}]}, "statuses": {name: 0},
            "node_key": self.key});
        let reply = server.post(&Caller::Nobody, "/osquery/distributed/write", body).await;
        assert_eq!(reply.expect(200), json!({}));
    }

    async fn coverage(&self, server: &Server, id: &str) -> Value {
        server.get(&self.admin, &format!("/campaigns/{id}")).await.expect(200)["coverage"].clone()
    }

    async fn attempts(&self, id: &str) -> (Value, u64) {
        let path = format!("/campaigns/{id}/assignments");
        let page = self.a.get(&self.admin, &path).await.expect(200);
        let item = &page["items"][0];
        (item["state"].clone(), item["attempts"].as_u64().unwrap())
    }

    /// Offers are written behind; waits until the ledger tells of this many.
    async fn written(&self, id: &str, attempts: u64) {
        let start = Instant::now();
        while self.attempts(id).await.1 < attempts {
            assert!(start.elapsed() < Duration::from_secs(20), "offers were not written");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn offers_nothing(read: &Value) {
    assert_eq!(Pair::offered(read), None, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn launched_here_offered_there_answered_anywhere() {
    let pair = Pair::new().await;
    let id = pair.launch(&pair.a).await;
    pair.follow(&pair.b).await;
    let name = Pair::offered(&pair.b.read_work(&pair.key).await).expect("the other one offers");
    pair.write(&pair.a, &name).await;
    // The other replica has not been told, and stores nothing twice all the same (I3).
    pair.write(&pair.b, &name).await;
    for server in [&pair.a, &pair.b] {
        let coverage = pair.coverage(server, &id).await;
        assert_eq!((&coverage["responded"], &coverage["rows_stored"]), (&json!(1), &json!(1)));
    }
    pair.follow(&pair.b).await;
    for server in [&pair.a, &pair.b] {
        pair.pass(60);
        offers_nothing(&server.read_work(&pair.key).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_attempts_are_three_over_all_replicas() {
    let pair = Pair::new().await;
    let id = pair.launch(&pair.a).await;
    pair.follow(&pair.b).await;
    let mut offers = 0;
    for turn in 0..12 {
        let server = if turn % 2 == 0 { &pair.a } else { &pair.b };
        let read = server.read_work(&pair.key).await;
        if Pair::offered(&read).is_some() {
            offers += 1;
            pair.written(&id, offers).await;
        }
        pair.pass(60);
    }
    let start = Instant::now();
    while pair.attempts(&id).await != (json!("lost"), 3) {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", pair.attempts(&id).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(offers, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_decommission_reach_the_other_replica() {
    let pair = Pair::new().await;
    let id = pair.launch(&pair.a).await;
    pair.follow(&pair.b).await;
    pair.a.post(&pair.admin, &format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    pair.follow(&pair.b).await;
    offers_nothing(&pair.b.read_work(&pair.key).await);

    let host = pair.a.host_id(&pair.admin, "web-01").await;
    pair.a.post(&pair.admin, &format!("/hosts/{host}/decommission"), json!({})).await.expect(200);
    pair.follow(&pair.b).await;
    assert_eq!(pair.b.read_work(&pair.key).await["node_invalid"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_changed_here_hold_there() {
    let pair = Pair::new().await;
    let patch = json!({"max_concurrent_hunts": 1});
    pair.a.send(&pair.admin, "PATCH", "/settings", Some(patch)).await.expect(200);
    pair.follow(&pair.b).await;
    pair.launch(&pair.b).await;
    let body = json!({"sql": "SELECT 2", "target": {"type": "all"}});
    let refused = pair.a.post(&pair.admin, "/campaigns", body).await;
    refused.refused(409, "max_concurrent_hunts_reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_query_started_here_is_answered_there() {
    let pair = Pair::new().await;
    let body = json!({"sql": "SELECT 1", "target": {"type": "all"}});
    let started = pair.a.post(&pair.admin, "/queries/run", body).await.expect(202);
    assert_eq!(started["online"], 1);
    pair.follow(&pair.b).await;
    let read = pair.b.read_work(&pair.key).await;
    let mut names = read["queries"].as_object().unwrap().keys();
    let name = names.find(|name| name.starts_with("1l.")).expect("a live query").clone();
    pair.write(&pair.b, &name).await;
    pair.follow(&pair.a).await;
    let id = started["id"].as_str().unwrap();
    for server in [&pair.a, &pair.b] {
        let live = server.get(&pair.admin, &format!("/queries/live/{id}")).await.expect(200);
        assert_eq!(live["totals"]["answered"], 1);
        assert_eq!(live["end"]["reason"], "complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_has_the_picture_that_the_database_gives() {
    let pair = Pair::new().await;
    pair.launch(&pair.b).await;
    for server in [&pair.a, &pair.b] {
        pair.follow(server).await;
        let app: Arc<App> = Arc::clone(&server.app);
        let matches = tokio::task::spawn_blocking(move || app.picture_matches());
        assert!(matches.await.unwrap().unwrap());
    }
}
