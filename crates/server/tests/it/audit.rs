// SPDX-License-Identifier: Apache-2.0
//! The audit trail: one entry for each change, none for a look, none without its change and no
//! change without its entry.

use std::collections::BTreeSet;

use http::header;
use mimir_server::http::operations::OPERATIONS;
use mimir_wire::api::user::Role;
use serde_json::{Value, json};

use crate::harness::{Caller, PASSWORD, Reply, Server};
use crate::on_both_engines;
use crate::openapi::documented;

/// Operations that post and change nothing.
const ONLY_LOOKS: &[(&str, &str)] =
    &[("POST", "/queries/check"), ("POST", "/targets/count"), ("POST", "/indicators/detect")];
/// An operation that gets and is recorded all the same.
const EXPORTS: &[(&str, &str)] = &[("GET", "/campaigns/{id}/export")];

/// Carries changes out and watches what each leaves behind.
struct Story {
    server: Server,
    admin: Caller,
    told: BTreeSet<(String, String)>,
}

impl Story {
    /// Sends a request that succeeds; it must leave exactly one entry, of its own name.
    async fn change(
        &mut self,
        who: &Caller,
        (method, template): (&str, &str),
        id: &str,
        body: Value,
    ) -> Reply {
        let before = self.server.entries().await.len();
        let path = template.replace("{id}", id);
        let query = if template.ends_with("/export") { "?format=csv" } else { "" };
        let reply = self.server.send(who, method, &format!("{path}{query}"), Some(body)).await;
        assert!(reply.status.is_success(), "{method} {path}: {}", reply.text);
        let entries = self.server.entries().await;
        assert_eq!(entries.len() - before, 1, "{method} {path}");
        let operation = OPERATIONS.iter().find(|op| op.method == method && op.path == template);
        let (entry, name) = (&entries[0], operation.unwrap().name);
        assert_eq!(entry["action"], name);
        assert_eq!(entry["outcome"], "success", "{entry}");
        assert_eq!(entry["address"], "192.0.2.7", "{entry}");
        assert!(entry["actor"]["id"].is_string(), "{entry}");
        assert!(entry["target"]["type"].is_string(), "{entry}");
        self.told.insert((method.to_owned(), template.to_owned()));
        reply
    }

    /// The same, by the administrator.
    async fn by_admin(&mut self, operation: (&str, &str), id: &str, body: Value) -> Value {
        let admin = self.admin.clone();
        self.change(&admin, operation, id, body).await.json
    }
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

async fn accounts_and_secrets(story: &mut Story) -> Vec<String> {
    let new = json!({"username": "nina", "password": "for the first time", "role": "operator"});
    let user = id(&story.by_admin(("POST", "/users"), "", new).await);
    let patch = json!({"role": "admin", "password": "for the second time"});
    story.by_admin(("PATCH", "/users/{id}"), &user, patch).await;
    let key = story.by_admin(("POST", "/api-keys"), "", json!({"name": "k"})).await;
    story.by_admin(("POST", "/api-keys/{id}/revoke"), &id(&key), json!({})).await;
    let new = json!({"name": "s"});
    let secret = story.by_admin(("POST", "/enrollment-secrets"), "", new).await;
    let ca = rcgen::generate_simple_self_signed(["ca".to_owned()]).unwrap().cert.pem();
    let kit = json!({"agent": "osqueryd", "secret_name": "for a kit", "ca_pem": ca});
    story.by_admin(("POST", "/enrollment-kits"), "", kit).await;
    let revoke = ("POST", "/enrollment-secrets/{id}/revoke");
    story.by_admin(revoke, &id(&secret), json!({})).await;

    let nobody = Caller::Nobody;
    let login = json!({"username": "nina", "password": "for the second time"});
    let reply = story.change(&nobody, ("POST", "/auth/login"), "", login).await;
    let first = reply.session().unwrap();
    let change = json!({"current": "for the second time", "new": "for all times to come"});
    let session = Caller::Cookie(first.clone());
    let reply = story.change(&session, ("POST", "/auth/password"), "", change).await;
    let second = reply.session().unwrap();
    let session = Caller::Cookie(second.clone());
    story.change(&session, ("POST", "/auth/logout"), "", json!({})).await;

    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut secrets = vec![text(&key["key"]), text(&secret["secret"]), first, second];
    secrets
        .extend(["for the first time", "for the second time", "for all times"].map(String::from));
    secrets
}

async fn queries_and_campaigns(story: &mut Story) {
    let query = json!({"name": "q", "sql": "SELECT 1"});
    let saved = id(&story.by_admin(("POST", "/saved-queries"), "", query.clone()).await);
    story.by_admin(("PUT", "/saved-queries/{id}"), &saved, query).await;
    story.by_admin(("DELETE", "/saved-queries/{id}"), &saved, json!({})).await;

    let flag = json!({"offline_campaigns_enabled": true});
    story.by_admin(("PATCH", "/settings"), "", flag).await;
    let ask = json!({"sql": "SELECT 1", "target": {"type": "all"}});
    let mut launch = ask.clone();
    launch["name"] = json!("the campaign");
    let launched = story.by_admin(("POST", "/campaigns"), "", launch).await;
    let campaign = id(&launched["campaign"]);
    story.by_admin(EXPORTS[0], &campaign, json!({})).await;
    story.by_admin(("POST", "/campaigns/{id}/stop"), &campaign, json!({})).await;
    story.by_admin(("POST", "/campaigns/{id}/archive"), &campaign, json!({})).await;
    story.by_admin(("POST", "/campaigns/{id}/unarchive"), &campaign, json!({})).await;
    let confirm = json!({"confirm": "the campaign"});
    story.by_admin(("POST", "/campaigns/{id}/drop-rows"), &campaign, confirm).await;

    let live = id(&story.by_admin(("POST", "/queries/run"), "", ask).await);
    story.by_admin(("POST", "/queries/live/{id}/cancel"), &live, json!({})).await;
}

async fn indicators(story: &mut Story) {
    let new = json!({"value": "evil.bad-host.net"});
    let made = id(&story.by_admin(("POST", "/indicators"), "", new).await);
    let patch = json!({"severity": "high"});
    story.by_admin(("PATCH", "/indicators/{id}"), &made, patch).await;
    let import = json!({"text": "worse.bad-host.net"});
    story.by_admin(("POST", "/indicators/import"), "", import).await;
    story.by_admin(("DELETE", "/indicators/{id}"), &made, json!({})).await;
}

on_both_engines!(every_change_and_every_export_leaves_one_entry, |server| {
    let admin = server.admin().await;
    server.enrol(&admin, "web").await;
    let host = server.host_id(&admin, "web").await;
    let mut story = Story { server, admin, told: BTreeSet::new() };
    let secrets = accounts_and_secrets(&mut story).await;
    queries_and_campaigns(&mut story).await;
    indicators(&mut story).await;
    story.by_admin(("POST", "/hosts/{id}/decommission"), &host, json!({})).await;

    let own = |operations: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        operations.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect()
    };
    let changing = documented().into_iter().filter(|(method, _)| method != "GET");
    let mut expected: BTreeSet<_> = changing.chain(own(EXPORTS)).collect();
    expected.retain(|operation| !own(ONLY_LOOKS).contains(operation));
    assert_eq!(story.told, expected, "an operation is missing from the story");

    let trail = story.server.entries().await;
    for secret in secrets {
        let keeps = |entry: &&Value| entry.to_string().contains(&secret);
        assert_eq!(trail.iter().find(keeps), None, "a secret is in the trail");
    }
    let verified = story.server.get(&story.admin, "/audit/verify").await.expect(200);
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(verified["entries"], trail.len());
    assert_eq!(verified["head"], trail[0]["hash"]);
});

#[tokio::test]
async fn a_look_leaves_no_entry() {
    let server = Server::new();
    let admin = server.admin().await;
    server.enrol(&admin, "web").await;
    let before = server.entries().await.len();
    for (method, path) in documented() {
        let exported = EXPORTS.contains(&(&*method, &*path));
        if method == "GET" && !exported {
            let path = path.replace("{id}", "01890000-0000-7000-8000-000000000000");
            server.get(&admin, &path.replace("{host_id}", "x")).await;
        }
    }
    let check = json!({"sql": "SELECT 1", "target": {"type": "all"}});
    server.post(&admin, "/queries/check", check).await.expect(200);
    assert_eq!(server.entries().await.len(), before);
}

/// What the deny-list refuses is recorded with what it named.
#[tokio::test]
async fn blocked_sql_is_recorded() {
    let server = Server::new();
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    let ask =
        json!({"sql": "SELECT * FROM curl WHERE url = 'http://x'", "target": {"type": "all"}});
    for (path, action) in [("/campaigns", "campaign.launch"), ("/queries/run", "query.run")] {
        let before = server.entries().await.len();
        server.post(&admin, path, ask.clone()).await.refused(422, "blocked_sql");
        let entries = server.entries().await;
        assert_eq!(entries.len(), before + 1, "{path}");
        assert_eq!(entries[0]["action"], action);
        assert_eq!(entries[0]["outcome"], "refused");
        assert_eq!(entries[0]["details"]["tables"], json!(["curl"]));
        assert_eq!(entries[0]["actor"]["username"], "root");
    }
}

/// A change that cannot be recorded does not happen.
#[tokio::test]
async fn no_entry_no_change() {
    let server = Server::new();
    let root = server.account("root", Role::Admin, &[]).await;
    let (admin, session) = (server.key_of(&root).await, server.session_of(&root).await);
    server.enrol(&admin, "web").await;
    server.enable_campaigns(&admin).await;
    let host = server.host_id(&admin, "web").await;
    server.get(&session, "/auth/me").await.expect(200);
    server.write(|tx| tx.execute("alter table audit rename to audit_away", &[])).await;

    let ask = json!({"sql": "SELECT 1", "target": {"type": "all"}});
    let attempts = [
        ("PATCH", "/settings", json!({"max_concurrent_hunts": 3})),
        ("POST", "/users", json!({"username": "a", "password": PASSWORD, "role": "admin"})),
        ("PATCH", &*format!("/users/{}", root.id), json!({"password": "another password"})),
        ("POST", "/api-keys", json!({"name": "k"})),
        ("POST", "/enrollment-secrets", json!({"name": "s"})),
        ("POST", "/saved-queries", json!({"name": "q", "sql": "SELECT 1"})),
        ("POST", "/campaigns", ask.clone()),
        ("POST", "/queries/run", ask),
        ("POST", &*format!("/hosts/{host}/decommission"), json!({})),
        ("POST", "/auth/login", json!({"username": "root", "password": PASSWORD})),
    ];
    for (method, path, body) in attempts {
        let reply = server.send(&admin, method, path, Some(body)).await;
        assert_eq!(reply.session(), None, "{path}");
        let json = reply.refused(500, "internal");
        assert!(json["request_id"].is_string());
        assert!(!json.to_string().contains("audit"), "the inside stays inside: {json}");
    }
    let operator = server.operator().await;
    server.get(&operator, "/users").await.refused(500, "internal");

    server.write(|tx| tx.execute("alter table audit_away rename to audit", &[])).await;
    assert_eq!(server.get(&admin, "/settings").await.json["max_concurrent_hunts"], 10);
    assert_eq!(server.get(&admin, "/users").await.json["total"], 2, "root and olga");
    assert_eq!(server.get(&admin, "/saved-queries").await.json["total"], 0);
    assert_eq!(server.get(&admin, "/campaigns").await.json["items"], json!([]));
    let secrets = server.get(&admin, "/enrollment-secrets").await;
    assert_eq!(secrets.json["items"].as_array().unwrap().len(), 1, "that of the host");
    assert_eq!(server.host_id(&admin, "web").await, host);
    let host = server.get(&admin, &format!("/hosts/{host}")).await.expect(200);
    assert_eq!(host["status"], "online");
    server.get(&session, "/auth/me").await.expect(200);
    assert_eq!(server.get(&admin, "/audit/verify").await.json["ok"], true);
}

on_both_engines!(a_changed_entry_is_found, |server| {
    let admin = server.admin().await;
    for name in ["a", "b", "c"] {
        server.post(&admin, "/api-keys", json!({"name": name})).await.expect(201);
    }
    let verified = server.get(&admin, "/audit/verify").await.expect(200);
    assert_eq!((&verified["ok"], &verified["entries"]), (&json!(true), &json!(3)));
    let tamper = "update audit set target_name = 'x' where seq = 2";
    server.write(move |tx| tx.execute(tamper, &[])).await;
    let verified = server.get(&admin, "/audit/verify").await.expect(200);
    assert_eq!((&verified["ok"], &verified["first_bad"]), (&json!(false), &json!("2")));
});

on_both_engines!(entries_are_found_page_by_page, |server| {
    let admin = server.admin().await;
    let operator = server.operator().await;
    for name in ["a", "b", "c"] {
        server.post(&admin, "/api-keys", json!({"name": name})).await.expect(201);
    }
    server.get(&operator, "/users").await.refused(403, "forbidden");
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(id).collect()
    };
    let list = async |query: &str| server.get(&admin, &format!("/audit?{query}")).await.expect(200);
    let first = list("limit=3").await;
    assert_eq!(ids(&first), ["4", "3", "2"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = list(&format!("limit=3&cursor={cursor}")).await;
    assert_eq!((ids(&rest), &rest["next_cursor"]), (vec!["1".to_owned()], &Value::Null));
    assert_eq!(ids(&list("actor=OLGA").await), ["4"]);
    assert_eq!(ids(&list("action=api_key").await), ["3", "2", "1"]);
    assert_eq!(ids(&list("action=key").await), [""; 0], "an action is found by its beginning");
    let at = first["items"][1]["at"].as_str().unwrap();
    assert!(ids(&list(&format!("from={at}")).await).contains(&"3".to_owned()));
    assert!(!ids(&list(&format!("to={at}")).await).contains(&"3".to_owned()));
});

/// The address behind a proxy and the browser's headers do not decide who it was.
#[tokio::test]
async fn headers_do_not_forge_the_address() {
    let server = Server::new();
    let admin = server.admin().await;
    let request = server
        .request(&admin, "POST", "/api-keys")
        .header("x-forwarded-for", "203.0.113.9")
        .header(header::FORWARDED, "for=203.0.113.9");
    let body = axum::body::Body::from(r#"{"name": "k"}"#);
    server.raw(request.body(body).unwrap()).await.expect(201);
    assert_eq!(server.entries().await[0]["address"], "192.0.2.7");
}
