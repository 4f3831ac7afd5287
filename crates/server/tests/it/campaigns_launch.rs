// SPDX-License-Identifier: Apache-2.0
//! Launching (section 4): what is refused, in which order and with which words, and that a
//! refusal leaves nothing behind.

use http::HeaderMap;
use mimir_wire::api::user::{Capability, Role};
use serde_json::{Value, json};

use crate::fleet::World;
use crate::harness::{Caller, Reply};
use crate::world_on_both;

const SQL: &str = "SELECT pid, name FROM processes";
const OS_FILTER: &str = "Campaigns don’t yet support OS-filtered targets — pick Fleet or specific \
     hosts instead.";

fn all() -> Value {
    json!({"type": "all"})
}

async fn launch_with_key(world: &World, caller: &Caller, key: &str, body: &Value) -> Reply {
    let request = world.server.request(caller, "POST", "/campaigns");
    let request = request.header("idempotency-key", key);
    world.server.raw(request.body(body.to_string().into()).unwrap()).await
}

world_on_both!(bad_input_has_its_own_sentence_and_writes_nothing, 2, |world| {
    let unknown = "0197b2a0-0000-7000-8000-00000000dead";
    let known = world.host_id(0).await;
    let on = |sql: &str| json!({"sql": sql, "target": {"type": "all"}});
    let minutes = |n: i64| json!({"sql": SQL, "target": {"type": "all"}, "live_window_minutes": n});
    let hosts = |ids: Value| json!({"sql": SQL, "target": {"type": "hosts", "host_ids": ids}});
    let cases = [
        (on("SELEKT 1"), "sql", "starts with SELECT or WITH"),
        (on("SELECT FROM WHERE"), "sql", "not well-formed SQL"),
        (on(""), "sql", "empty"),
        (on("  -- nothing\n"), "sql", "empty"),
        (on("SELECT 1; SELECT 2"), "sql", "more than one statement"),
        (on("DELETE FROM processes"), "sql", "SELECT"),
        (on("SELECT nonsense FROM processes"), "sql", "no column `nonsense`"),
        (on(&format!("SELECT '{}'", "x".repeat(70_000))), "sql", "bytes"),
        (minutes(0), "live_window_minutes", "0 minutes; give 1 to 1440"),
        (minutes(-5), "live_window_minutes", "give 1 to 1440"),
        (minutes(1441), "live_window_minutes", "1441 minutes; give 1 to 1440"),
        (hosts(json!([])), "target.host_ids", "It never means all hosts"),
        (hosts(json!([unknown])), "target.host_ids", "1 host is unknown"),
        (hosts(json!([known, unknown])), "target.host_ids", unknown),
        (json!({"sql": SQL}), "target", "Say whom to ask"),
        (json!({"target": all()}), "sql", "Give the SQL"),
        (
            json!({"sql": SQL, "saved_query_id": unknown, "target": all()}),
            "saved_query_id",
            "either `sql` or `saved_query_id`",
        ),
        (
            json!({"saved_query_id": unknown, "target": all()}),
            "saved_query_id",
            "no such saved query",
        ),
        (json!({"sql": SQL, "target": all(), "name": " "}), "name", "1 to 200 characters"),
        (json!({"sql": SQL, "target": all(), "name": "n".repeat(201)}), "name", "1 to 200"),
        (
            json!({"sql": SQL, "target": all(), "use_saved_target": true}),
            "use_saved_target",
            "needs",
        ),
    ];
    let before = world.written().await;
    for (body, field, sentence) in cases {
        let refused = world.post("/campaigns", body.clone()).await.refused(422, "invalid_request");
        let error = &refused["errors"][0];
        assert_eq!(error["field"], field, "{body}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(sentence), "{body}: {message}");
        assert!(message.ends_with('.'), "a sentence: {message}");
    }
    assert_eq!(world.written().await, before);
    assert_eq!(world.get("/campaigns").await["total"], 0);
    assert!(world.read(0).await.is_empty());
});

#[tokio::test]
async fn a_body_of_another_shape_is_refused_by_member() {
    let world = World::new(1).await;
    let before = world.written().await;
    for (body, field) in [
        (json!({"sql": SQL, "target": all(), "host_ids": ["x"]}), "host_ids"),
        (json!({"sql": 7, "target": all()}), "sql"),
        (json!({"sql": SQL, "target": {"type": "everyone"}}), "target"),
        (json!({"sql": SQL, "target": {"type": "all", "platforms": ["linux"]}}), "target"),
        (json!({"sql": SQL, "target": all(), "live_window_minutes": "10"}), "live_window_minutes"),
        (json!({"sql": SQL, "target": all(), "live_window_minutes": 1.5}), "live_window_minutes"),
        (json!({"sql": SQL, "target": {"type": "hosts", "host_ids": ["x"]}}), "target"),
    ] {
        let refused = world.post("/campaigns", body.clone()).await.refused(422, "invalid_request");
        let named = refused["errors"][0]["field"].as_str().unwrap();
        let message = refused["errors"][0]["message"].as_str().unwrap();
        assert!(named.starts_with(field) || message.contains(field), "{body}: {refused}");
    }
    for broken in ["{", "[]", "null", "\"x\"", "{} {}", "{\"sql\": \"SELECT 1\""] {
        let request = world.server.request(&world.admin, "POST", "/campaigns");
        let reply = world.server.raw(request.body(broken.into()).unwrap()).await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{broken}: {}", reply.text);
        assert_eq!(reply.code(), "invalid_request", "{broken}");
    }
    assert_eq!(world.written().await, before);
}

#[tokio::test]
async fn the_checks_come_in_the_order_of_the_contract() {
    let world = World::new(2).await;
    world.set(json!({"offline_campaigns_enabled": false, "max_concurrent_hunts": 1})).await;
    let user = world.server.account("op", Role::Operator, &[Capability::CanLaunchFleetHunts]).await;
    let operator = world.server.key_of(&user).await;
    // Everything is wrong with this one; each repair brings the next refusal.
    let mut body = json!({"sql": "SELECT * FROM curl WHERE nope", "live_window_minutes": 0,
        "target": {"type": "os_in", "platforms": ["linux"]}});
    world.server.post(&operator, "/campaigns", body.clone()).await.refused(403, "forbidden");
    world.post("/campaigns", body.clone()).await.refused(409, "campaigns_disabled");
    world.set(json!({"offline_campaigns_enabled": true})).await;
    let taken = world.launch(SQL).await;
    world.post("/campaigns", body.clone()).await.invalid(&["live_window_minutes"]);
    body["live_window_minutes"] = json!(1);
    world.post("/campaigns", body.clone()).await.invalid(&["sql"]);
    body["sql"] = json!("SELECT * FROM curl WHERE url = 'http://example.com'");
    let refused = world.post("/campaigns", body.clone()).await;
    assert_eq!(refused.refused(422, "os_filter_unsupported")["detail"], OS_FILTER);
    body["target"] = all();
    let refused = world.post("/campaigns", body.clone()).await.refused(422, "blocked_sql");
    assert_eq!(refused["tables"], json!(["curl"]));
    assert!(refused["reason"].as_str().unwrap().contains("curl"), "{refused}");
    body["sql"] = json!(SQL);
    let refused = world.post("/campaigns", body.clone()).await;
    let refused = refused.refused(409, "max_concurrent_hunts_reached");
    assert_eq!(refused["limit"], 1);
    assert_eq!(refused["active"][0]["id"], taken);
    assert_eq!(refused["next_slot_at"], refused["active"][0]["live_until"]);
    assert_eq!(world.number("select count(*) from campaign").await, 1);
}

#[tokio::test]
async fn the_deny_list_is_for_more_than_one_host() {
    let world = World::new(2).await;
    let (a, b) = (world.host_id(0).await, world.host_id(1).await);
    let sql = "SELECT * FROM curl WHERE url = 'http://example.com'";
    let hosts = |ids: &[&String]| json!({"type": "hosts", "host_ids": ids});
    for target in [all(), hosts(&[&a, &b])] {
        let body = json!({"sql": sql, "target": target});
        world.post("/campaigns", body).await.refused(422, "blocked_sql");
    }
    world.launch_on(sql, hosts(&[&a])).await;
    // A refused launch is in the audit trail, with who and why.
    let entries = world.server.entries().await;
    let denied = entries.iter().filter(|entry| entry["outcome"] != "success");
    assert_eq!(denied.count(), 2, "{entries:#?}");
}

world_on_both!(a_repeated_request_answers_what_the_first_one_did, 2, |world| {
    let body = json!({"sql": SQL, "target": all()});
    let first = launch_with_key(&world, &world.admin, "k1", &body).await;
    assert_eq!(first.headers.get("idempotency-replayed"), None);
    let first = first.expect(201);
    world.poll(0).await;
    let written = world.written().await;
    let again = launch_with_key(&world, &world.admin, "k1", &body).await;
    let replayed = |headers: &HeaderMap| headers["idempotency-replayed"] == "true";
    assert!(replayed(&again.headers));
    assert_eq!(again.expect(201), first);
    let other = json!({"sql": SQL, "target": all(), "name": "other"});
    let reused = launch_with_key(&world, &world.admin, "k1", &other).await;
    reused.refused(409, "idempotency_key_reused");
    // The flag being off now does not matter to what has been done.
    world.set(json!({"offline_campaigns_enabled": false})).await;
    let again = launch_with_key(&world, &world.admin, "k1", &body).await;
    assert!(replayed(&again.headers));
    world.set(json!({"offline_campaigns_enabled": true})).await;
    assert_eq!(world.written().await[..6], written[..6]);
    // Keys are each user's own, and are forgotten after a day.
    let user = world.server.account("second", Role::Admin, &[]).await;
    let second = world.server.key_of(&user).await;
    let theirs = launch_with_key(&world, &second, "k1", &body).await;
    assert!(!theirs.headers.contains_key("idempotency-replayed"));
    assert_ne!(theirs.expect(201)["campaign"]["id"], first["campaign"]["id"]);
    world.pass(std::time::Duration::from_secs(24 * 3600 + 1));
    let later = launch_with_key(&world, &world.admin, "k1", &other).await;
    assert_ne!(later.expect(201)["campaign"]["id"], first["campaign"]["id"]);
    for bad in ["", &"k".repeat(201)] {
        launch_with_key(&world, &world.admin, bad, &body).await.invalid(&["Idempotency-Key"]);
    }
    world.holds().await;
});

#[tokio::test]
async fn the_same_key_twice_at_once_launches_once() {
    let world = World::new(1).await;
    let body = json!({"sql": SQL, "target": all()});
    let both = tokio::join!(
        launch_with_key(&world, &world.admin, "k", &body),
        launch_with_key(&world, &world.admin, "k", &body),
    );
    assert_eq!(world.number("select count(*) from campaign").await, 1);
    for reply in [both.0, both.1] {
        assert!([201, 409].contains(&reply.status.as_u16()), "{}", reply.text);
    }
}

world_on_both!(the_last_slot_is_taken_once, 1, |world| {
    world.set(json!({"max_concurrent_hunts": 3})).await;
    let body = || json!({"sql": SQL, "target": all()});
    let post = || world.post("/campaigns", body());
    let all = tokio::join!(post(), post(), post(), post(), post(), post());
    let statuses = [&all.0, &all.1, &all.2, &all.3, &all.4, &all.5].map(|r| r.status.as_u16());
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 3, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 3, "{statuses:?}");
    assert_eq!(world.number("select count(*) from campaign").await, 3);
    world.holds().await;
});

#[tokio::test]
async fn a_slot_frees_at_the_end_of_the_window_and_at_a_stop() {
    let world = World::new(1).await;
    world.set(json!({"max_concurrent_hunts": 2})).await;
    let a = world.launch(SQL).await;
    let body = json!({"sql": SQL, "target": all(), "live_window_minutes": 60});
    let b = world.post("/campaigns", body).await.expect(201)["campaign"]["id"].clone();
    let full = world.post("/campaigns", json!({"sql": SQL, "target": all()})).await;
    let full = full.refused(409, "max_concurrent_hunts_reached");
    assert_eq!(full["next_slot_at"], world.campaign(&a).await["live_until"]);
    world.pass(std::time::Duration::from_secs(600));
    assert_eq!(world.campaign(&a).await["live"], false);
    assert_eq!(world.campaign(&a).await["status"], "active");
    world.launch(SQL).await;
    let full = world.post("/campaigns", json!({"sql": SQL, "target": all()})).await;
    full.refused(409, "max_concurrent_hunts_reached");
    let path = format!("/campaigns/{}/stop", b.as_str().unwrap());
    world.post(&path, json!({})).await.expect(200);
    world.launch(SQL).await;
    // A campaign that everybody has answered holds its slot until its window ends.
    let full = world.post("/campaigns", json!({"sql": SQL, "target": all()})).await;
    full.refused(409, "max_concurrent_hunts_reached");
    for _ in 0..4 {
        world.poll(0).await;
    }
    let full = world.post("/campaigns", json!({"sql": SQL, "target": all()})).await;
    full.refused(409, "max_concurrent_hunts_reached");
    world.holds().await;
}

#[tokio::test]
async fn with_isolation_everybody_has_their_own_slots() {
    let world = World::new(1).await;
    world.set(json!({"max_concurrent_hunts": 1})).await;
    world.launch(SQL).await;
    let user = world.server.account("second", Role::Admin, &[]).await;
    let second = world.server.key_of(&user).await;
    let body = json!({"sql": SQL, "target": all()});
    let refused = world.server.post(&second, "/campaigns", body.clone()).await;
    refused.refused(409, "max_concurrent_hunts_reached");
    world.set(json!({"per_user_hunt_isolation": true})).await;
    world.server.post(&second, "/campaigns", body.clone()).await.expect(201);
    let refused = world.server.post(&second, "/campaigns", body.clone()).await;
    refused.refused(409, "max_concurrent_hunts_reached");
    world.post("/campaigns", body).await.refused(409, "max_concurrent_hunts_reached");
}

world_on_both!(the_flag_stops_offers_but_not_answers, 3, |world| {
    let id = world.launch(SQL).await;
    let offered = world.read(0).await;
    let (name, _) = offered.first_key_value().unwrap();
    world.set(json!({"offline_campaigns_enabled": false})).await;
    world.pass(crate::fleet::INTERVAL);
    assert!(world.read(1).await.is_empty(), "no further offers");
    assert!(world.read(0).await.is_empty(), "nor repeated ones");
    world
        .post("/campaigns", json!({"sql": SQL, "target": all()}))
        .await
        .refused(409, "campaigns_disabled");
    let answer = json!({"queries": {name: [{"pid": "1"}]}, "statuses": {name: 0}});
    assert_eq!(world.write(0, answer).await, json!({}), "what is on the wire is accepted");
    let one = [
        ("targeted", 3),
        ("responded", 1),
        ("pending", 2),
        ("with_rows", 1),
        ("rows_stored", 1),
        ("rows_reported", 1),
    ];
    world.covers(&id, &one).await;
    assert_eq!(world.campaign(&id).await["status"], "active");
    world.set(json!({"offline_campaigns_enabled": true})).await;
    world.poll_all().await;
    world
        .covers(
            &id,
            &[
                ("targeted", 3),
                ("responded", 3),
                ("with_rows", 3),
                ("rows_stored", 3),
                ("rows_reported", 3),
            ],
        )
        .await;
    world.holds().await;
    let entries = world.server.entries().await;
    let flips = entries.iter().filter(|entry| entry["action"] == "settings.change").count();
    assert_eq!(flips, 3, "each flip is in the audit trail: {entries:#?}");
});

/// Offers that were made before the flag went off count when it is on again.
#[tokio::test]
async fn attempts_survive_the_flag() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let mut offers = 0;
    for _ in 0..5 {
        // Reads that only leave it out are among these.
        for _ in 0..2 {
            world.pass(crate::fleet::INTERVAL);
            offers += world.read(0).await.len();
        }
        world.set(json!({"offline_campaigns_enabled": false})).await;
        world.pass(crate::fleet::INTERVAL);
        assert!(world.read(0).await.is_empty());
        world.set(json!({"offline_campaigns_enabled": true})).await;
    }
    assert_eq!(offers, 3, "at most three offers, whatever the flag did in between");
    world.stands(&id, 0, "lost", 3).await;
    world.holds().await;
}

#[tokio::test]
async fn a_launch_writes_everything_in_one_piece() {
    let world = World::new(3).await;
    let gone = world.host_id(2).await;
    world.post(&format!("/hosts/{gone}/decommission"), json!({})).await.expect(200);
    let body = json!({"sql": format!(" {SQL} ; "), "target": all(), "name": " Who runs? "});
    let launched = world.post("/campaigns", body).await.expect(201);
    assert_eq!(launched["dispatched_hosts"], 2);
    let campaign = &launched["campaign"];
    assert_eq!(campaign["name"], "Who runs?");
    assert_eq!(campaign["status"], "active");
    assert_eq!((&campaign["live"], &campaign["complete"]), (&json!(true), &json!(false)));
    assert_eq!(campaign["live_window_minutes"], 10);
    assert_eq!(campaign["created_by"]["username"], "root");
    assert_eq!(campaign["frozen"]["sql"], SQL);
    assert_eq!(campaign["frozen"]["spec_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(campaign["coverage"]["targeted"], 2);
    assert_eq!(campaign["coverage"]["pending"], 2);
    let id = campaign["id"].as_str().unwrap();
    let pending = world.pages(&format!("/campaigns/{id}/pending")).await;
    let mut names: Vec<_> = pending.iter().map(|a| a["hostname"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, [world.fleet.hostname(0), world.fleet.hostname(1)]);
    let entries = world.server.entries().await;
    let entry = entries.iter().find(|entry| entry["action"] == "campaign.launch").unwrap();
    assert_eq!(entry["details"]["sql"], SQL);
    assert_eq!(entry["details"]["hosts"], 2);
    assert_eq!(entry["details"]["target"], all());
    assert_eq!(entry["details"]["hosts_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(entry["target"]["id"], id);
    // Hosts that enrol later are not added.
    world.server.enrol(&world.admin, "latecomer").await;
    assert_eq!(world.campaign(id).await["coverage"]["targeted"], 2);
    world.holds().await;
}

/// If the entry cannot be written, the launch does not happen.
#[tokio::test]
async fn without_an_audit_entry_nothing_is_launched() {
    let world = World::new(1).await;
    let before = world.written().await;
    let refuse = "create trigger no_audit before insert on audit begin \
        select raise(abort, 'the disk is full'); end";
    world.sql(refuse, vec![]).await;
    world.post("/campaigns", json!({"sql": SQL, "target": all()})).await.refused(500, "internal");
    assert_eq!(world.written().await, before);
    assert!(world.read(0).await.is_empty());
    world.sql("drop trigger no_audit", vec![]).await;
    world.launch(SQL).await;
    world.holds().await;
}

#[tokio::test]
async fn a_saved_query_is_launched_on_the_given_target_or_on_its_own() {
    let world = World::new(2).await;
    let host = world.host_id(1).await;
    let save = |name: &str, target: Value| {
        let body = json!({"name": name, "description": "", "sql": SQL, "target": target});
        async { world.post("/saved-queries", body).await.expect(201)["id"].clone() }
    };
    let one = save("one host", json!({"type": "hosts", "host_ids": [host]})).await;
    let os = save("by system", json!({"type": "os_in", "platforms": ["linux"]})).await;
    let given = json!({"saved_query_id": one, "target": all()});
    assert_eq!(world.post("/campaigns", given).await.expect(201)["dispatched_hosts"], 2);
    let own = json!({"saved_query_id": one, "use_saved_target": true});
    let launched = world.post("/campaigns", own).await.expect(201);
    assert_eq!(launched["dispatched_hosts"], 1);
    assert_eq!(launched["campaign"]["frozen"]["sql"], SQL);
    let own = json!({"saved_query_id": os, "use_saved_target": true});
    let refused = world.post("/campaigns", own).await.refused(422, "os_filter_unsupported");
    assert_eq!(refused["detail"], OS_FILTER);
    let given = json!({"saved_query_id": os, "target": all()});
    world.post("/campaigns", given).await.expect(201);
}
