// SPDX-License-Identifier: Apache-2.0
//! Who may call what: every operation of the OpenAPI document is called as nobody and as each
//! role, and the outcome compared with the table of the product's contract (section 10), which is
//! written down here a second time on purpose. An operation without a row fails.

use mimir_wire::api::user::{Capability, Role, User};
use serde_json::json;

use crate::harness::{Caller, Server};
use crate::openapi::documented;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    /// Anybody at all.
    Everybody,
    /// Every account, one-time password or not.
    Accounts,
    /// Every account that has changed its one-time password.
    Operators,
    /// Administrators.
    Admins,
}

use May::{Accounts, Admins, Everybody, Operators};

/// The contract, operation by operation.
const TABLE: &[(&str, &str, May)] = &[
    ("POST", "/auth/login", Everybody),
    ("GET", "/openapi.json", Everybody),
    // One's own session and password.
    ("POST", "/auth/logout", Accounts),
    ("GET", "/auth/me", Accounts),
    ("POST", "/auth/password", Accounts),
    // Reading hosts, campaigns, results, dashboard, settings, saved queries; exporting; checking.
    ("GET", "/settings", Operators),
    ("GET", "/settings/schema", Operators),
    ("GET", "/hosts", Operators),
    ("GET", "/hosts/counts", Operators),
    ("GET", "/hosts/{id}", Operators),
    ("GET", "/schema", Operators),
    ("POST", "/targets/count", Operators),
    ("GET", "/hosts/{id}/campaigns", Operators),
    ("POST", "/queries/check", Operators),
    ("GET", "/saved-queries", Operators),
    ("GET", "/saved-queries/{id}", Operators),
    ("GET", "/saved-queries/{id}/versions", Operators),
    ("GET", "/campaigns", Operators),
    ("GET", "/campaigns/{id}", Operators),
    ("GET", "/campaigns/{id}/completion", Operators),
    ("GET", "/campaigns/{id}/assignments", Operators),
    ("GET", "/campaigns/{id}/pending", Operators),
    ("GET", "/campaigns/{id}/responses", Operators),
    ("GET", "/campaigns/{id}/responses/{host_id}/rows", Operators),
    ("GET", "/campaigns/{id}/rows", Operators),
    ("GET", "/campaigns/{id}/export", Operators),
    ("GET", "/campaigns/{id}/events", Operators),
    ("GET", "/dashboard/summary", Operators),
    ("GET", "/indicators", Operators),
    ("GET", "/indicators/{id}", Operators),
    ("POST", "/indicators/detect", Operators),
    // Whoever may hunt on selected hosts keeps what is hunted for; deleting is for administrators.
    ("POST", "/indicators", Operators),
    ("POST", "/indicators/import", Operators),
    ("PATCH", "/indicators/{id}", Operators),
    ("DELETE", "/indicators/{id}", Admins),
    // Own API keys.
    ("GET", "/api-keys", Operators),
    ("POST", "/api-keys", Operators),
    ("POST", "/api-keys/{id}/revoke", Operators),
    // Live queries, query campaigns, writing saved queries.
    ("POST", "/queries/run", Admins),
    ("GET", "/queries/live/{id}", Admins),
    ("GET", "/queries/live/{id}/events", Admins),
    ("POST", "/queries/live/{id}/cancel", Admins),
    ("POST", "/saved-queries", Admins),
    ("PUT", "/saved-queries/{id}", Admins),
    ("DELETE", "/saved-queries/{id}", Admins),
    ("POST", "/campaigns", Admins),
    // Stop, archive, drop rows, flag and settings, users, enrolment secrets, hosts, audit.
    ("POST", "/campaigns/{id}/stop", Admins),
    ("POST", "/campaigns/{id}/archive", Admins),
    ("POST", "/campaigns/{id}/unarchive", Admins),
    ("POST", "/campaigns/{id}/drop-rows", Admins),
    ("PATCH", "/settings", Admins),
    ("POST", "/hosts/{id}/decommission", Admins),
    ("GET", "/enrollment-secrets", Admins),
    ("POST", "/enrollment-secrets", Admins),
    ("POST", "/enrollment-secrets/{id}/revoke", Admins),
    ("POST", "/enrollment-kits", Admins),
    ("GET", "/users", Admins),
    ("POST", "/users", Admins),
    ("GET", "/users/{id}", Admins),
    ("PATCH", "/users/{id}", Admins),
    ("GET", "/audit", Admins),
    ("GET", "/audit/verify", Admins),
];

/// An id of nothing.
const NOTHING: &str = "01890000-0000-7000-8000-000000000000";

fn address_of(path: &str) -> String {
    path.replace("{id}", NOTHING).replace("{host_id}", NOTHING)
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let rows = TABLE.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    let rows: std::collections::BTreeSet<_> = rows.collect();
    assert_eq!(rows.len(), TABLE.len(), "a row stands twice");
    assert_eq!(rows, documented());
}

/// Who calls, and the code with which the caller is refused, if it is.
struct Case {
    who: &'static str,
    caller: Caller,
    refused: Option<(u16, &'static str)>,
}

async fn both_ways(server: &Server, user: &User) -> [Caller; 2] {
    [server.key_of(user).await, server.session_of(user).await]
}

/// Every kind of caller. Sessions are fresh for each operation, because one of them ends them.
async fn cases(server: &Server, users: &[(&'static str, User)], may: May) -> Vec<Case> {
    let nobody = (may != Everybody).then_some((401, "unauthenticated"));
    let mut cases = vec![Case { who: "nobody", caller: Caller::Nobody, refused: nobody }];
    for (who, user) in users {
        let refused = (may == Admins && user.role != Role::Admin).then_some((403, "forbidden"));
        for caller in both_ways(server, user).await {
            cases.push(Case { who, caller, refused });
        }
    }
    cases
}

#[tokio::test]
async fn every_operation_answers_each_role_as_the_table_says() {
    let server = Server::new();
    let fleet_hunts = [Capability::CanLaunchFleetHunts];
    let users = [
        ("operator", server.account("olga", Role::Operator, &[]).await),
        ("operator with capability", server.account("carl", Role::Operator, &fleet_hunts).await),
        ("admin", server.account("root", Role::Admin, &[]).await),
    ];
    for (method, path, may) in TABLE {
        for Case { who, caller, refused } in cases(&server, &users, *may).await {
            let before = server.entries().await;
            let reply = server.send(&caller, method, &address_of(path), None).await;
            let what = format!("{method} {path} as {who} ({caller:?}): {}", reply.text);
            let got = (reply.status.as_u16(), reply.code());
            let is_denied = matches!(got.0, 401 | 403);
            match refused {
                // Wrong credentials are what signing in answers to an empty request's caller.
                None => assert!(!is_denied, "{what}"),
                Some(expected) => assert_eq!(got, expected, "{what}"),
            }
            assert_ne!(reply.status, 500, "{what}");
            if got.0 == 403 {
                let new = server.entries().await.len() - before.len();
                assert_eq!(new, 1, "a refused attempt leaves one entry: {what}");
            }
        }
    }
}

/// A key that is unknown, revoked or of a disabled account is no key, for any operation that
/// wants a caller; and never counts as nobody where nobody may come.
#[tokio::test]
async fn a_wrong_key_opens_nothing() {
    let server = Server::new();
    let wrong = Caller::Key("mimir_wrong".to_owned());
    let forged = Caller::Cookie("forged".to_owned());
    for (method, path, may) in TABLE {
        let reply = server.send(&wrong, method, &address_of(path), None).await;
        assert_eq!(reply.code(), "unauthenticated", "{method} {path}");
        if *may != Everybody {
            let reply = server.send(&forged, method, &address_of(path), None).await;
            assert_eq!(reply.code(), "unauthenticated", "{method} {path}");
        }
    }
}

/// With a one-time password a session reaches `/auth/*` only; API keys are not affected.
#[tokio::test]
async fn a_one_time_password_opens_only_its_own_change() {
    let server = Server::new();
    let admin = server.admin().await;
    let new = json!({"username": "nina", "password": "x".repeat(14), "role": "admin"});
    let user = server.post(&admin, "/users", new).await.expect(201);
    let user: User = serde_json::from_value(user).unwrap();
    assert!(user.password_change_required);
    for (method, path, may) in TABLE {
        let session = server.session_of(&user).await;
        let reply = server.send(&session, method, &address_of(path), None).await;
        let what = format!("{method} {path}: {}", reply.text);
        let closed = !matches!(may, Everybody | Accounts);
        assert_eq!(reply.code() == "password_change_required", closed, "{what}");
        assert_eq!(reply.status == 403, closed, "{what}");
        let key = server.key_of(&user).await;
        let reply = server.send(&key, method, &address_of(path), None).await;
        assert!(!matches!(reply.status.as_u16(), 401 | 403), "{method} {path}: {}", reply.text);
    }
}

/// Refusals name who was refused what, so that somebody who tries doors is seen.
#[tokio::test]
async fn refused_attempts_are_recorded_with_who_and_what() {
    let server = Server::new();
    let operator = server.operator().await;
    server.post(&operator, "/users", json!({})).await.refused(403, "forbidden");
    let entries = server.entries().await;
    let entry = &entries[0];
    assert_eq!(entry["actor"]["username"], "olga");
    assert_eq!(entry["actor"]["role"], "operator");
    assert_eq!(entry["actor"]["api_key"], "key of olga");
    assert_eq!(entry["action"], "user.create");
    assert_eq!(entry["outcome"], "refused");
    assert_eq!(entry["address"], "192.0.2.7");
    assert_eq!(entry["details"]["code"], "forbidden");
}

/// Keys of others look like none to an operator, and are visible to an administrator.
#[tokio::test]
async fn api_keys_are_ones_own_unless_one_manages_accounts() {
    let server = Server::new();
    let (admin, operator) = (server.admin().await, server.operator().await);
    let key = server.post(&admin, "/api-keys", json!({"name": "of root"})).await.expect(201);
    let revoke = format!("/api-keys/{}/revoke", key["id"].as_str().unwrap());
    server.post(&operator, &revoke, json!({})).await.refused(404, "not_found");
    let used = Caller::Key(key["key"].as_str().unwrap().to_owned());
    server.get(&used, "/auth/me").await.expect(200);

    let names = |page: &serde_json::Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|key| key["user"]["username"].as_str().unwrap().to_owned()).collect()
    };
    let own = server.get(&operator, "/api-keys").await.expect(200);
    assert_eq!(names(&own), ["olga"]);
    let all = server.get(&admin, "/api-keys").await.expect(200);
    assert_eq!(names(&all).len(), 3);
    assert!(!all.to_string().contains("mimir_"), "a list never shows a secret");
}
