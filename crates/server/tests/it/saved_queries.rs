// SPDX-License-Identifier: Apache-2.0
//! Saved queries and their versions.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::on_both_engines;

fn query(name: &str, sql: &str) -> Value {
    json!({"name": name, "description": "for the test", "sql": sql, "target": {"type": "all"}})
}

on_both_engines!(a_query_lives_from_first_to_last_version, |server| {
    let admin = server.admin().await;
    let new = query(" uptime ", "SELECT * FROM uptime");
    let made = server.post(&admin, "/saved-queries", new.clone()).await.expect(201);
    assert_eq!((&made["name"], &made["version"]), (&json!("uptime"), &json!(1)));
    assert_eq!(made["created_by"]["username"], "root");
    let path = format!("/saved-queries/{}", made["id"].as_str().unwrap());
    assert_eq!(server.get(&admin, &path).await.expect(200), made);
    server.post(&admin, "/saved-queries", new).await.refused(409, "conflict");

    let mut changed = query("uptime", "SELECT days FROM uptime");
    changed["target"] = json!({"type": "os_in", "platforms": ["windows", "linux", "linux"]});
    let put = server.send(&admin, "PUT", &path, Some(changed)).await.expect(200);
    assert_eq!((&put["version"], &put["id"]), (&json!(2), &made["id"]));
    assert_eq!(put["target"]["platforms"], json!(["linux", "windows"]));
    let versions = server.get(&admin, &format!("{path}/versions")).await.expect(200);
    let sqls: Vec<_> = versions["items"].as_array().unwrap().iter().map(|v| &v["sql"]).collect();
    assert_eq!(sqls, ["SELECT days FROM uptime", "SELECT * FROM uptime"]);
    assert_eq!((&versions["total"], &versions["next_cursor"]), (&json!(2), &Value::Null));

    let deleted = server.send(&admin, "DELETE", &path, None).await;
    assert_eq!((deleted.status.as_u16(), &*deleted.text), (204, ""));
    server.get(&admin, &path).await.refused(404, "not_found");
    server.send(&admin, "DELETE", &path, None).await.refused(404, "not_found");
    let put = server.send(&admin, "PUT", &path, Some(query("x", "SELECT 1"))).await;
    put.refused(404, "not_found");
    server.get(&admin, &format!("{path}/versions")).await.expect(200);
    // Its name is free again.
    let again = query("uptime", "SELECT 1");
    server.post(&admin, "/saved-queries", again).await.expect(201);
});

on_both_engines!(a_query_cannot_take_anothers_name, |server| {
    let admin = server.admin().await;
    server.post(&admin, "/saved-queries", query("a", "SELECT 1")).await.expect(201);
    let b = server.post(&admin, "/saved-queries", query("b", "SELECT 2")).await.expect(201);
    let path = format!("/saved-queries/{}", b["id"].as_str().unwrap());
    let put = server.send(&admin, "PUT", &path, Some(query("a", "SELECT 3"))).await;
    put.refused(409, "conflict");
    assert_eq!(server.get(&admin, &path).await.expect(200), b, "nothing was changed");
});

on_both_engines!(queries_are_searched_page_by_page, |server| {
    let admin = server.admin().await;
    for (name, sql) in
        [("b", "SELECT * FROM users"), ("a", "SELECT uid FROM users"), ("c", "SELECT 1")]
    {
        server.post(&admin, "/saved-queries", query(name, sql)).await.expect(201);
    }
    let page = server.get(&admin, "/saved-queries?q=USERS&limit=1").await.expect(200);
    assert_eq!((&page["items"][0]["name"], &page["total"]), (&json!("a"), &json!(2)));
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/saved-queries?q=USERS&limit=1&cursor={cursor}");
    let page = server.get(&admin, &path).await.expect(200);
    assert_eq!((&page["items"][0]["name"], &page["next_cursor"]), (&json!("b"), &Value::Null));
});

#[tokio::test]
async fn the_form_is_checked_and_every_bad_member_named() {
    let server = Server::new();
    let admin = server.admin().await;
    let refuse = async |body: Value, fields: &[&str]| {
        server.post(&admin, "/saved-queries", body).await.invalid(fields);
    };
    let long = "x".repeat(2001);
    let all_bad = json!({"name": " ", "description": long, "sql": "DROP TABLE users",
        "target": {"type": "hosts", "host_ids": []}});
    refuse(all_bad, &["name", "description", "target.host_ids", "sql"]).await;
    for sql in ["", "SELECT 1; SELECT 2", "SELEC 1", "SELECT * FROM users WHERE \0", "PRAGMA x"] {
        refuse(query("x", sql), &["sql"]).await;
    }
    refuse(query(&"x".repeat(201), "SELECT 1"), &["name"]).await;
    refuse(query("a\0b", "SELECT 1"), &["name"]).await;
    let empty = json!({"name": "x", "sql": "SELECT 1",
        "target": {"type": "os_in", "platforms": []}});
    refuse(empty, &["target.platforms"]).await;
    let listed = server.get(&admin, "/saved-queries").await.expect(200);
    assert_eq!(listed["total"], 0);
}

/// Whether it may be sent to many hosts is decided when it is sent, by the list of that moment.
#[tokio::test]
async fn denied_and_unknown_tables_may_be_saved() {
    let server = Server::new();
    let admin = server.admin().await;
    for (name, sql) in
        [("curl", "SELECT * FROM curl WHERE url = 'x'"), ("own", "SELECT * FROM my_ext")]
    {
        server.post(&admin, "/saved-queries", query(name, sql)).await.expect(201);
    }
}
