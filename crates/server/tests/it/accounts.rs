// SPDX-License-Identifier: Apache-2.0
//! Accounts, API keys and enrolment secrets.

use mimir_wire::api::user::{Capability, Role};
use serde_json::{Value, json};

use crate::harness::{Caller, PASSWORD, Server};
use crate::on_both_engines;

on_both_engines!(accounts_are_made_listed_and_changed, |server| {
    let admin = server.admin().await;
    let new = json!({
        "username": " Ada@Example.org ",
        "password": PASSWORD,
        "role": "operator",
        "capabilities": ["can_launch_fleet_hunts", "can_launch_fleet_hunts"],
    });
    let ada = server.post(&admin, "/users", new.clone()).await.expect(201);
    assert_eq!(ada["username"], "ada@example.org");
    assert_eq!(ada["capabilities"], json!(["can_launch_fleet_hunts"]));
    assert_eq!(ada["password_change_required"], true);
    let path = format!("/users/{}", ada["id"].as_str().unwrap());
    assert_eq!(server.get(&admin, &path).await.expect(200), ada);
    server.post(&admin, "/users", new).await.refused(409, "conflict");

    let patch = json!({"role": "admin", "capabilities": []});
    let changed = server.send(&admin, "PATCH", &path, Some(patch)).await.expect(200);
    assert_eq!((&changed["role"], &changed["capabilities"]), (&json!("admin"), &json!([])));
    let entry = &server.entries().await[0];
    assert_eq!(entry["action"], "user.change");
    assert_eq!(entry["details"]["role"], json!({"from": "operator", "to": "admin"}));

    let page = server.get(&admin, "/users?limit=1").await.expect(200);
    assert_eq!(page["total"], 2);
    assert_eq!(page["items"][0]["username"], "ada@example.org");
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = server.get(&admin, &format!("/users?limit=1&cursor={cursor}")).await.expect(200);
    assert_eq!(page["items"][0]["username"], "root");
    assert_eq!(page["next_cursor"], Value::Null);
    let nothing = "/users/01890000-0000-7000-8000-000000000000";
    server.get(&admin, nothing).await.refused(404, "not_found");
    server.send(&admin, "PATCH", nothing, Some(json!({}))).await.refused(404, "not_found");
});

#[tokio::test]
async fn every_bad_member_of_a_new_account_is_named() {
    let server = Server::new();
    let admin = server.admin().await;
    let bad = json!({"username": "a b", "password": "short", "role": "operator"});
    server.post(&admin, "/users", bad).await.invalid(&["username", "password"]);
    let unknown = json!({"username": "a", "password": PASSWORD, "role": "emperor"});
    server.post(&admin, "/users", unknown).await.invalid(&["role"]);
    let users = server.get(&admin, "/users").await.expect(200);
    assert_eq!(users["total"], 1, "nothing was made");
}

on_both_engines!(a_patch_without_a_change_is_not_recorded, |server| {
    let admin = server.admin().await;
    let user = server.account("ada", Role::Operator, &[]).await;
    let path = format!("/users/{}", user.id);
    let before = server.entries().await.len();
    for patch in [json!({}), json!({"role": "operator", "disabled": false})] {
        server.send(&admin, "PATCH", &path, Some(patch)).await.expect(200);
    }
    assert_eq!(server.entries().await.len(), before);
});

on_both_engines!(cutting_an_account_off_works_at_once, |server| {
    let admin = server.admin().await;
    let user = server.account("ada", Role::Operator, &[]).await;
    let (key, session) = (server.key_of(&user).await, server.session_of(&user).await);
    server.get(&key, "/hosts").await.expect(200);
    server.get(&session, "/hosts").await.expect(200);
    let path = format!("/users/{}", user.id);
    server.send(&admin, "PATCH", &path, Some(json!({"disabled": true}))).await.expect(200);
    server.get(&key, "/hosts").await.refused(401, "unauthenticated");
    server.get(&session, "/hosts").await.refused(401, "unauthenticated");
    // Let in again, its keys are good again; its sessions are gone.
    server.send(&admin, "PATCH", &path, Some(json!({"disabled": false}))).await.expect(200);
    server.get(&key, "/hosts").await.expect(200);
    server.get(&session, "/hosts").await.refused(401, "unauthenticated");
});

on_both_engines!(a_reset_password_ends_sessions_and_must_be_changed, |server| {
    let admin = server.admin().await;
    let user = server.account("ada", Role::Operator, &[]).await;
    let session = server.session_of(&user).await;
    let path = format!("/users/{}", user.id);
    let patch = json!({"password": "for one time only"});
    let changed = server.send(&admin, "PATCH", &path, Some(patch)).await.expect(200);
    assert_eq!(changed["password_change_required"], true);
    server.get(&session, "/auth/me").await.refused(401, "unauthenticated");
    let entry = &server.entries().await[0];
    assert_eq!(entry["details"], json!({"password": "reset"}));
    // Its keys stay, unless they are revoked with it.
    let (one, two) = (server.key_of(&user).await, server.key_of(&user).await);
    let patch = json!({"password": "for one time more", "revoke_api_keys": false});
    server.send(&admin, "PATCH", &path, Some(patch)).await.expect(200);
    server.get(&one, "/hosts").await.expect(200);
    let patch = json!({"password": "and for the last time", "revoke_api_keys": true});
    server.send(&admin, "PATCH", &path, Some(patch)).await.expect(200);
    for key in [one, two] {
        server.get(&key, "/hosts").await.refused(401, "unauthenticated");
    }
    let entries = server.entries().await;
    assert_eq!(entries[0]["details"], json!({"password": "reset", "api_keys_revoked": 2}));
    // There is nothing left to revoke, and nothing to record.
    let patch = json!({"revoke_api_keys": true});
    server.send(&admin, "PATCH", &path, Some(patch)).await.expect(200);
    assert_eq!(server.entries().await.len(), entries.len());
    server.get(&admin, "/hosts").await.expect(200);
    let short = json!({"password": "short"});
    server.send(&admin, "PATCH", &path, Some(short)).await.invalid(&["password"]);
});

on_both_engines!(the_last_administrator_stays_one, |server| {
    let root = server.account("root", Role::Admin, &[]).await;
    let admin = server.key_of(&root).await;
    let path = format!("/users/{}", root.id);
    for patch in [json!({"role": "operator"}), json!({"disabled": true})] {
        server.send(&admin, "PATCH", &path, Some(patch)).await.refused(409, "conflict");
    }
    // An administrator who is cut off does not count.
    let other = server.account("other", Role::Admin, &[]).await;
    let other_path = format!("/users/{}", other.id);
    let off = json!({"disabled": true});
    server.send(&admin, "PATCH", &other_path, Some(off.clone())).await.expect(200);
    server.send(&admin, "PATCH", &path, Some(off)).await.refused(409, "conflict");
    let on = json!({"disabled": false});
    server.send(&admin, "PATCH", &other_path, Some(on)).await.expect(200);
    let down = json!({"role": "operator"});
    server.send(&admin, "PATCH", &path, Some(down)).await.expect(200);
});

on_both_engines!(two_administrators_cannot_remove_each_other, |server| {
    let (a, b) = (
        server.account("anna", Role::Admin, &[]).await,
        server.account("bert", Role::Admin, &[]).await,
    );
    let (key_a, key_b) = (server.key_of(&a).await, server.key_of(&b).await);
    let (path_a, path_b) = (format!("/users/{}", a.id), format!("/users/{}", b.id));
    let down = || Some(json!({"role": "operator"}));
    for round in 0..10 {
        let (first, second) = tokio::join!(
            server.send(&key_a, "PATCH", &path_b, down()),
            server.send(&key_b, "PATCH", &path_a, down()),
        );
        let left = server.write(mimir_store::accounts::count_admins).await;
        assert_eq!(left, 1, "round {round}: {} / {}", first.text, second.text);
        for id in [a.id, b.id] {
            let restore = move |tx: &mut mimir_store::Tx<'_>| {
                mimir_store::accounts::update(tx, id, Role::Admin, &[], false)
            };
            server.write(restore).await;
        }
    }
});

on_both_engines!(api_keys_are_shown_once_and_revoked, |server| {
    let fleet_hunts = [Capability::CanLaunchFleetHunts];
    let user = server.account("ada", Role::Operator, &fleet_hunts).await;
    let session = server.session_of(&user).await;
    let made = server.post(&session, "/api-keys", json!({"name": " ci "})).await.expect(201);
    assert_eq!(made["name"], "ci");
    assert_eq!(made["user"]["username"], "ada");
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("mimir_") && secret.len() >= 49, "256 bits");
    let key = Caller::Key(secret.to_owned());
    let me = server.get(&key, "/auth/me").await.expect(200);
    assert_eq!(me["api_key"], "ci");
    let listed = server.get(&session, "/api-keys").await;
    assert!(!listed.text.contains(secret));
    assert!(server.entries().await.iter().all(|entry| !entry.to_string().contains(secret)));

    let revoke = format!("/api-keys/{}/revoke", made["id"].as_str().unwrap());
    let revoked = server.post(&session, &revoke, json!({})).await.expect(200);
    assert!(revoked["revoked_at"].is_string());
    server.get(&key, "/auth/me").await.refused(401, "unauthenticated");
    server.post(&session, &revoke, json!({})).await.refused(409, "conflict");
    server.post(&session, "/api-keys", json!({"name": ""})).await.invalid(&["name"]);
});

on_both_engines!(enrolment_secrets_are_shown_once_limited_and_revoked, |server| {
    let admin = server.admin().await;
    let new = json!({"name": "laptops", "max_uses": 1});
    let made = server.post(&admin, "/enrollment-secrets", new).await.expect(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("mes_") && secret.len() >= 47, "256 bits");
    assert_eq!((&made["uses"], &made["max_uses"]), (&json!(0), &json!(1)));
    assert_eq!(made["created_by"]["username"], "root");
    let listed = server.get(&admin, "/enrollment-secrets").await;
    assert!(!listed.text.contains(&secret));
    assert!(server.entries().await.iter().all(|entry| !entry.to_string().contains(&secret)));

    let machine = |name: &str| {
        let details = json!({"system_info": {"hostname": name, "uuid": name}});
        json!({"enroll_secret": secret, "host_identifier": name, "platform_type": "9",
            "host_details": details})
    };
    let enrol = async |name: &str| {
        server.post(&Caller::Nobody, "/osquery/enroll", machine(name)).await.json
    };
    assert!(enrol("a").await["node_key"].is_string());
    assert!(enrol("b").await["error"].is_string(), "used up");
    assert!(enrol("a").await["node_key"].is_string(), "a known machine takes no use");
    let listed = server.get(&admin, "/enrollment-secrets").await.expect(200);
    assert_eq!(listed["items"][0]["uses"], 1);

    let revoke = format!("/enrollment-secrets/{}/revoke", made["id"].as_str().unwrap());
    let revoked = server.post(&admin, &revoke, json!({})).await.expect(200);
    assert!(revoked["revoked_at"].is_string());
    server.post(&admin, &revoke, json!({})).await.refused(409, "conflict");
    assert!(enrol("a").await["error"].is_string());
    let bad = json!({"name": "x".repeat(101)});
    server.post(&admin, "/enrollment-secrets", bad).await.invalid(&["name"]);
    let bad = json!({"name": "x", "max_uses": 0});
    server.post(&admin, "/enrollment-secrets", bad).await.invalid(&["max_uses"]);
});
