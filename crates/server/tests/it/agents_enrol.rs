// SPDX-License-Identifier: Apache-2.0
//! Enrolment (section 13): who is admitted, who is the same host again, and who is cut off.

use std::time::Duration;

use mimir_engine::limits::NODE_KEY_GRACE_MINUTES;
use serde_json::{Value, json};

use crate::fleet::World;
use crate::harness::{Caller, Reply};
use crate::world_on_both;

/// What a machine sends; `uuid` and `serial` say which it is.
fn body(secret: &str, uuid: &str, serial: &str, name: &str) -> Value {
    json!({
        "enroll_secret": secret, "host_identifier": name, "platform_type": "9",
        "host_details": {
            "system_info": {"hostname": name, "uuid": uuid, "hardware_serial": serial},
            "os_version": {"name": "Debian GNU/Linux", "version": "13"},
            "osquery_info": {"version": "5.23.1", "instance_id": format!("i-{uuid}")},
        },
    })
}

async fn enrol(world: &World, body: Value) -> Reply {
    world.server.post(&Caller::Nobody, "/osquery/enroll", body).await
}

async fn admitted(world: &World, body: Value) -> String {
    let reply = enrol(world, body).await;
    assert!(reply.json.get("error").is_none(), "{}", reply.text);
    reply.json["node_key"].as_str().unwrap().to_owned()
}

#[track_caller]
fn refused(reply: &Reply, why: &str) {
    let error = reply.json["error"].as_str().unwrap_or_else(|| panic!("admitted: {}", reply.text));
    assert!(error.contains(why), "{error}");
    assert_eq!(reply.json.get("node_invalid"), None);
    assert_eq!(reply.json.get("node_key"), None);
}

async fn valid(world: &World, key: &str) -> bool {
    let answer = world.agent("distributed/read", Some(key), "").await.json;
    let invalid = answer["node_invalid"] == true;
    assert_eq!(invalid, answer.get("error").is_some(), "{answer}");
    !invalid
}

async fn secret(world: &World, max_uses: Value) -> (String, String) {
    let name = format!("secret {}", world.server.entries().await.len());
    let made = world.post("/enrollment-secrets", json!({"name": name, "max_uses": max_uses})).await;
    let made = made.expect(201);
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

world_on_both!(the_same_machine_is_the_same_host, 0, |world| {
    let first = admitted(&world, body(&world.secret, "U1", "S1", "web")).await;
    let second = admitted(&world, body(&world.secret, "u1", "s1", "web-renamed")).await;
    assert_ne!(first, second);
    let hosts = world.get("/hosts").await;
    assert_eq!(hosts["total"], 1);
    assert_eq!(hosts["items"][0]["hostname"], "web-renamed");
    assert!(valid(&world, &first).await, "the agent may have kept either answer");
    assert!(valid(&world, &second).await);
    world.pass(Duration::from_secs(60 * NODE_KEY_GRACE_MINUTES.unsigned_abs()));
    assert!(!valid(&world, &first).await, "after the grace time only the last one");
    assert!(valid(&world, &second).await);
    // A clone of the image is another host.
    let clone = admitted(&world, body(&world.secret, "U1", "S2", "clone")).await;
    assert!(valid(&world, &clone).await && valid(&world, &second).await);
    assert_eq!(world.get("/hosts").await["total"], 2);
    // Keys are 256 random bits, and only their hashes are stored.
    assert!(clone.len() >= 43, "{clone}");
    let hashes = "select count(*) from node_key where length(key_hash) = 32";
    let all = "select count(*) from node_key";
    assert_eq!(world.number(hashes).await, world.number(all).await);
});

#[tokio::test]
async fn two_enrolments_at_once_make_one_host() {
    let world = World::new(0).await;
    let again = || enrol(&world, body(&world.secret, "U1", "S1", "web"));
    let all = tokio::join!(again(), again(), again(), again());
    for reply in [all.0, all.1, all.2, all.3] {
        let key = reply.json["node_key"].as_str().unwrap().to_owned();
        assert!(valid(&world, &key).await);
    }
    assert_eq!(world.get("/hosts").await["total"], 1);
}

world_on_both!(a_limited_secret_counts_machines_not_enrolments, 0, |world| {
    let (id, limited) = secret(&world, json!(2)).await;
    for _ in 0..3 {
        admitted(&world, body(&limited, "U1", "S1", "a")).await;
    }
    admitted(&world, body(&limited, "U2", "S2", "b")).await;
    refused(&enrol(&world, body(&limited, "U3", "S3", "c")).await, "no uses left");
    admitted(&world, body(&limited, "U2", "S2", "b")).await;
    let listed = world.get("/enrollment-secrets").await;
    let listed = listed["items"].as_array().unwrap().iter().find(|s| s["id"] == id).unwrap();
    assert_eq!((&listed["uses"], &listed["max_uses"]), (&json!(2), &json!(2)));
    assert_eq!(listed.get("secret"), None, "shown once");
    assert_eq!(world.get("/hosts").await["total"], 2);
});

/// Many machines at once do not get more out of a secret than it has.
#[tokio::test]
async fn the_last_use_of_a_secret_is_used_once() {
    let world = World::new(0).await;
    let (_, limited) = secret(&world, json!(1)).await;
    let machine = |n: u32| enrol(&world, body(&limited, &format!("U{n}"), "S", "x"));
    let all = tokio::join!(machine(1), machine(2), machine(3), machine(4));
    let replies = [all.0, all.1, all.2, all.3];
    let count = replies.iter().filter(|reply| reply.json.get("node_key").is_some()).count();
    assert_eq!(count, 1);
    assert_eq!(world.get("/hosts").await["total"], 1);
}

#[tokio::test]
async fn unknown_and_revoked_secrets_admit_nobody() {
    let world = World::new(0).await;
    for bad in ["", "nonsense", &"x".repeat(10_000), "\u{0}"] {
        refused(&enrol(&world, body(bad, "U1", "S1", "a")).await, "unknown or revoked");
    }
    let (id, text) = secret(&world, Value::Null).await;
    let key = admitted(&world, body(&format!(" {text}\n"), "U1", "S1", "a")).await;
    world.post(&format!("/enrollment-secrets/{id}/revoke"), json!({})).await.expect(200);
    refused(&enrol(&world, body(&text, "U2", "S2", "b")).await, "unknown or revoked");
    refused(&enrol(&world, body(&text, "U1", "S1", "a")).await, "unknown or revoked");
    assert!(valid(&world, &key).await, "who is in stays in");
    assert_eq!(world.get("/hosts").await["total"], 1);
}

world_on_both!(decommissioning_cuts_off_at_once_and_the_machine_may_come_back_anew, 1, |world| {
    let key = world.fleet.node_key(0).unwrap();
    let old = world.host_id(0).await;
    let id = world.launch("SELECT pid FROM processes").await;
    world.poll(0).await;
    let path = format!("/hosts/{old}/decommission");
    assert_eq!(world.post(&path, json!({})).await.expect(200)["status"], "decommissioned");
    assert!(!valid(&world, &key).await);
    world.post(&path, json!({})).await.refused(409, "conflict");
    // The agent finds out, enrols again with its secret, and is a new host.
    assert!(world.poll(0).await.ok);
    assert_ne!(world.fleet.node_key(0).unwrap(), key);
    let living = world.get("/hosts?status=online").await;
    assert_eq!(living["total"], 1);
    assert_ne!(living["items"][0]["id"], old);
    let history = world.get(&format!("/hosts/{old}")).await;
    assert_eq!(history["status"], "decommissioned");
    let responses = world.get(&format!("/campaigns/{id}/responses")).await;
    assert_eq!(responses["items"][0]["host_id"], old, "its history is its own");
    // The new host is not in the old campaign, and in the next one it is.
    assert!(World::ran(&world.poll(0).await).is_empty());
    let next = world.launch("SELECT pid FROM processes").await;
    assert_eq!(world.campaign(&next).await["coverage"]["targeted"], 1);
    world.holds().await;
});

#[tokio::test]
async fn a_barred_machine_stays_out() {
    let world = World::new(1).await;
    let host = world.host_id(0).await;
    let path = format!("/hosts/{host}/decommission");
    world.post(&path, json!({"block_reenrollment": true})).await.expect(200);
    let report = world.fleet.poll_once(0).await;
    assert!(!report.ok);
    assert_eq!(world.get("/hosts?status=online").await["total"], 0);
    let profile = world.fleet.profile(0);
    let again = body(&world.secret, &profile.uuid(), &profile.serial(), "other name");
    refused(&enrol(&world, again).await, "barred");
    admitted(&world, body(&world.secret, &profile.uuid(), "other serial", "x")).await;
}

#[tokio::test]
async fn each_new_host_and_no_known_one_is_in_the_audit_trail() {
    let world = World::new(0).await;
    for _ in 0..3 {
        admitted(&world, body(&world.secret, "U1", "S1", "web")).await;
    }
    let entries = world.server.entries().await;
    let enrolled: Vec<_> = entries.iter().filter(|e| e["action"] == "host.enroll").collect();
    assert_eq!(enrolled.len(), 1);
    assert_eq!(enrolled[0]["details"]["enrollment_secret"], "fleet");
    assert!(!enrolled[0].to_string().contains(&world.secret), "no secrets in it");
}
