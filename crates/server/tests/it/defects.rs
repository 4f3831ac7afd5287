// SPDX-License-Identifier: Apache-2.0
//! Sequences that once broke a rule: a database that fails at the wrong moment, a replica that has
//! not heard, a campaign whose record is damaged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mimir_server::app::{App, campaigns};
use mimir_server::ingest::flush_behind;
use mimir_server::jobs;
use mimir_store::changes::{self, ChangeKind};
use mimir_store::db::Engine;
use serde_json::{Value, json};

use crate::harness::{Caller, Server};

/// Runs blocking work of the server.
async fn blocking<T: Send + 'static>(
    server: &Server,
    work: impl FnOnce(&Arc<App>) -> T + Send + 'static,
) -> T {
    let app = Arc::clone(&server.app);
    tokio::task::spawn_blocking(move || work(&app)).await.unwrap()
}

/// Runs one statement on the database, behind the server's back.
async fn sql(server: &Server, statement: &'static str) {
    server.write(move |tx| tx.execute(statement, &[])).await;
}

async fn launch(server: &Server, admin: &Caller, target: Value) -> String {
    let body = json!({"sql": "SELECT 1", "target": target});
    let launched = server.post(admin, "/campaigns", body).await.expect(201);
    launched["campaign"]["id"].as_str().unwrap().to_owned()
}

fn is_offered(read: &Value) -> bool {
    let names = read["queries"].as_object();
    names.is_some_and(|names| names.keys().any(|name| name.starts_with("5c.")))
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the ledger tells of the offer to a campaign's only host.
async fn written(server: &Server, admin: &Caller, id: &str) {
    let path = format!("/campaigns/{id}/assignments");
    until("the offer is written", async || {
        blocking(server, flush_behind).await;
        server.get(admin, &path).await.expect(200)["items"][0]["state"] == "offered"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_from_another_replica_is_good_at_once() {
    let a = Server::on(Engine::Postgres);
    let admin = a.admin().await;
    let b = a.replica();
    let key = a.enrol(&admin, "web-01").await;
    assert_eq!(b.read_work(&key).await, json!({}));
    let other = a.enrol(&admin, "web-02").await;
    let body = json!({"queries": {}, "node_key": other});
    let reply = b.post(&Caller::Nobody, "/osquery/distributed/write", body).await;
    assert_eq!(reply.expect(200), json!({}));
    assert_eq!(b.read_work("mnk_unknown").await["node_invalid"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_cut_off_from_the_ledger_offers_nothing() {
    let server = Server::on(Engine::Postgres);
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    let key = server.enrol(&admin, "web-01").await;
    launch(&server, &admin, json!({"type": "all"})).await;
    sql(&server, "alter table assignment rename to elsewhere").await;
    assert!(!is_offered(&server.read_work(&key).await), "I5: there may have been a stop");
    sql(&server, "alter table elsewhere rename to assignment").await;
    assert!(is_offered(&server.read_work(&key).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_could_not_be_followed_is_followed_by_the_jobs() {
    let server = Server::new();
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    server.enrol(&admin, "web-01").await;
    launch(&server, &admin, json!({"type": "all"})).await;
    let now = server.app.clock.now();
    // The same as a stop whose following failed: committed, and nobody has looked since.
    server
        .write(move |tx| {
            let mut campaign = mimir_store::campaigns::lock(tx, 1)?.unwrap();
            let bulk = campaign.ledger.stop(false, 60, now).unwrap();
            mimir_store::campaigns::bulk_move(tx, 1, &bulk, now)?;
            let next_seq = campaign.next_seq;
            mimir_store::campaigns::update_ledger(tx, 1, &campaign.ledger, next_seq)?;
            changes::record(tx, ChangeKind::CampaignStatus, Some(1), now)
        })
        .await;
    assert_eq!(server.app.fleet.board(|board| board.campaign_nos()), [1]);
    let jobs = tokio::spawn(jobs::run(Arc::clone(&server.app)));
    until("the campaign leaves the picture", async || {
        server.app.fleet.board(|board| board.campaign_nos().is_empty())
    })
    .await;
    server.app.stopping.cancel();
    jobs.await.unwrap();
}

#[tokio::test]
async fn a_contact_that_could_not_be_stored_is_stored_later() {
    let server = Server::new();
    let admin = server.admin().await;
    let key = server.enrol(&admin, "web-01").await;
    server.app.clock.advance(Duration::from_secs(100));
    server.read_work(&key).await;
    let seen = server.app.fleet.last_seen(1).unwrap();
    // A picture built anew must not forget it either.
    blocking(&server, |app| app.rebuild().unwrap()).await;
    assert_eq!(server.app.fleet.last_seen(1), Some(seen));
    sql(
        &server,
        "create trigger refuse before update on host begin select raise(abort, 'full'); end",
    )
    .await;
    blocking(&server, |app| jobs::flush_seen(app).unwrap_err()).await;
    sql(&server, "drop trigger refuse").await;
    blocking(&server, |app| jobs::flush_seen(app).unwrap()).await;
    let stored = server.write(|tx| mimir_store::hosts::brief_by_no(tx, 1)).await.unwrap();
    assert_eq!(stored.last_seen_at, seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_campaign_does_not_keep_the_offers_of_others_from_being_written() {
    let server = Server::new();
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    let mut campaigns = Vec::new();
    let mut keys = Vec::new();
    for name in ["web-01", "web-02"] {
        keys.push(server.enrol(&admin, name).await);
        let host = server.host_id(&admin, name).await;
        let target = json!({"type": "hosts", "host_ids": [host]});
        campaigns.push(launch(&server, &admin, target).await);
    }
    // I1 is asserted at every commit, so nothing of this campaign can be written any more.
    sql(&server, "update campaign set targeted = 7 where no = 1").await;
    for key in &keys {
        assert!(is_offered(&server.read_work(key).await));
    }
    written(&server, &admin, &campaigns[1]).await;
}

#[tokio::test]
async fn waiting_for_a_grace_time_writes_nothing() {
    let server = Server::new();
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    let key = server.enrol(&admin, "web-01").await;
    let id = launch(&server, &admin, json!({"type": "all"})).await;
    assert!(is_offered(&server.read_work(&key).await));
    written(&server, &admin, &id).await;
    server.post(&admin, &format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    let revision =
        async || server.write(|tx| mimir_store::campaigns::by_no(tx, 1)).await.unwrap().revision;
    let before = revision().await;
    blocking(&server, |app| campaigns::end_grace(app).unwrap()).await;
    assert_eq!(revision().await, before);
    server.app.clock.advance(Duration::from_secs(61 * 60));
    blocking(&server, |app| campaigns::end_grace(app).unwrap()).await;
    assert_ne!(revision().await, before);
}
