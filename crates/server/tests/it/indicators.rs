// SPDX-License-Identifier: Apache-2.0
//! Indicators: added, found, changed, deleted and imported, with the objections of the
//! false-positive guard and one audit entry a change.

use mimir_store::db::Engine;
use serde_json::{Value, json};

use crate::harness::{Caller, Server};
use crate::on_both_engines;

const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const EMPTY_FILE: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn path(indicator: &Value) -> String {
    format!("/indicators/{}", indicator["id"].as_str().unwrap())
}

/// Names of audited actions about indicators, newest first.
async fn actions(server: &Server) -> Vec<String> {
    let entries = server.entries().await;
    let named = entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned());
    named.filter(|action| action.starts_with("indicator.")).collect()
}

on_both_engines!(an_indicator_lives_from_adding_to_deleting, |server| {
    let (admin, operator) = (server.admin().await, server.operator().await);
    let new = json!({"value": " evil[.]bad-host[.]net ", "severity": "high",
        "description": "a drop zone", "tags": ["b", " a ", "b"]});
    let made = server.post(&operator, "/indicators", new.clone()).await.expect(201);
    assert_eq!((&made["type"], &made["value"]), (&json!("domain"), &json!("evil.bad-host.net")));
    assert_eq!(made["defanged"], "evil[.]bad-host[.]net");
    assert_eq!((&made["tags"], &made["source"]), (&json!(["a", "b"]), &json!("manual")));
    assert_eq!((&made["active"], &made["expired"]), (&json!(true), &json!(false)));
    assert_eq!(made["created_by"]["username"], "olga");
    assert_eq!(server.get(&admin, &path(&made)).await.expect(200), made);
    let refused = server.post(&admin, "/indicators", new).await.refused(409, "conflict");
    assert_eq!(refused["existing_id"], made["id"]);

    let patch = json!({"severity": "low", "tags": [], "active": false,
        "expires_at": "2999-01-01T00:00:00Z"});
    let changed = server.send(&operator, "PATCH", &path(&made), Some(patch.clone())).await;
    let changed = changed.expect(200);
    assert_eq!((&changed["severity"], &changed["tags"]), (&json!("low"), &json!([])));
    assert_eq!(
        (&changed["description"], &changed["active"]),
        (&json!("a drop zone"), &json!(false))
    );
    let same = server.send(&operator, "PATCH", &path(&made), Some(patch)).await.expect(200);
    assert_eq!(same, changed, "what changes nothing is no change");
    let never = json!({"expires_at": null});
    let changed = server.send(&operator, "PATCH", &path(&made), Some(never)).await.expect(200);
    assert_eq!(changed["expires_at"], Value::Null);

    server.send(&operator, "DELETE", &path(&made), None).await.refused(403, "forbidden");
    let deleted = server.send(&admin, "DELETE", &path(&made), None).await;
    assert_eq!((deleted.status.as_u16(), &*deleted.text), (204, ""));
    server.get(&admin, &path(&made)).await.refused(404, "not_found");
    server.send(&admin, "DELETE", &path(&made), None).await.refused(404, "not_found");
    let again = json!({"value": "evil.bad-host.net"});
    let again = server.post(&admin, "/indicators", again).await.expect(201);
    assert_ne!(again["id"], made["id"]);
    let done = actions(&server).await;
    let expected = ["create", "delete", "delete", "update", "update", "create"];
    assert_eq!(done, expected.map(|name| format!("indicator.{name}")), "one refused to delete");
});

on_both_engines!(lists_are_filtered_and_paged, |server| {
    let admin = server.admin().await;
    let text = format!("evil.bad-host.net\n198.51.100.7\n{SHA256}\nbad-tool.exe\n");
    let import = json!({"text": text, "tags": ["case 7"], "keep_anyway": true});
    server.post(&admin, "/indicators/import", import).await.expect(200);
    let high = json!({"value": "worse.bad-host.net", "severity": "critical"});
    let high = server.post(&admin, "/indicators", high).await.expect(201);
    let off = json!({"active": false});
    server.send(&admin, "PATCH", &path(&high), Some(off)).await.expect(200);
    let values = async |query: &str| -> Vec<String> {
        let page = server.get(&admin, &format!("/indicators?{query}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert_eq!(page["total"], items.len());
        items.iter().map(|item| item["value"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("").await.len(), 5);
    assert_eq!(values("q=BAD-HOST").await, ["worse.bad-host.net", "evil.bad-host.net"]);
    assert_eq!(values("q=evil%5B.%5Dbad-host").await, ["evil.bad-host.net"], "as it is shown");
    assert_eq!(values("type=ipv4").await, ["198.51.100.7"]);
    assert_eq!(values("severity=critical").await, ["worse.bad-host.net"]);
    assert_eq!(values("tag=case%207").await.len(), 4);
    assert_eq!(values("tag=case").await.len(), 0);
    assert_eq!(values("source=manual").await, ["worse.bad-host.net"]);
    assert_eq!(values("active=false").await, ["worse.bad-host.net"]);
    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let page = format!("/indicators?limit=2{cursor}");
        let page = server.get(&admin, &page).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((seen.len(), &seen[0]), (5, &high["id"]));
    server.get(&admin, "/indicators?type=ipv6").await.refused(422, "invalid_request");
});

on_both_engines!(an_import_adds_up, |server| {
    let operator = server.operator().await;
    let known = json!({"value": "evil.bad-host.net"});
    let known = server.post(&operator, "/indicators", known).await.expect(201);
    let text = format!(
        "# a list\nevil[.]bad-host[.]net\n{SHA256}\n{}\n127.0.0.1\n10.1.2.3/8\nbad-tool.exe\n",
        SHA256.to_uppercase()
    );
    let import = |more: Value| {
        let mut body = json!({"text": text, "severity": "high", "tags": ["t"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let dry = server.post(&operator, "/indicators/import", import(json!({"dry_run": true}))).await;
    let dry = dry.expect(200);
    assert_eq!((&dry["created"], &dry["duplicates"]), (&json!(2), &json!(2)), "{dry}");
    assert_eq!((&dry["invalid_total"], &dry["indicator_ids"]), (&json!(2), &json!([])), "{dry}");
    let list = server.get(&operator, "/indicators").await.expect(200);
    assert_eq!(list["total"], 1, "a dry run changes nothing");
    assert_eq!(actions(&server).await, ["indicator.create"]);

    let done = server.post(&operator, "/indicators/import", import(json!({}))).await.expect(200);
    for member in ["created", "duplicates", "invalid", "invalid_total", "by_type", "format"] {
        assert_eq!(done[member], dry[member], "{member}");
    }
    assert_eq!(done["indicator_ids"].as_array().unwrap().len(), 3);
    assert_eq!(done["indicator_ids"][0], known["id"], "in the order of the text");
    let invalid = done["invalid"].as_array().unwrap();
    let of = |n: usize| (&invalid[n]["line"], &invalid[n]["warned"]);
    assert_eq!((of(0), of(1)), ((&json!(5), &json!(true)), (&json!(6), &json!(false))));
    let id = done["indicator_ids"][1].as_str().unwrap();
    let added = server.get(&operator, &format!("/indicators/{id}")).await.expect(200);
    assert_eq!((&added["severity"], &added["source"]), (&json!("high"), &json!("import")));
    assert_eq!((&added["tags"], &added["value"]), (&json!(["t"]), &json!(SHA256)));

    let more = json!({"keep_anyway": true, "source": "feed:daily"});
    let again = server.post(&operator, "/indicators/import", import(more)).await.expect(200);
    assert_eq!((&again["created"], &again["duplicates"]), (&json!(1), &json!(4)), "{again}");
    let kept = server.get(&operator, "/indicators?source=feed:daily").await.expect(200);
    assert_eq!(kept["items"][0]["value"], "127.0.0.1");
    assert_eq!(kept["items"][0]["kept_despite"][0]["code"], "special_address");
    let done = actions(&server).await;
    assert_eq!(done, ["indicator.import", "indicator.import", "indicator.create"]);
    let entry = &server.entries().await[0];
    assert_eq!(
        (&entry["details"]["created"], &entry["details"]["invalid"]),
        (&json!(1), &json!(1))
    );
});

#[tokio::test]
async fn the_guard_objects_until_it_is_overruled() {
    let server = Server::new();
    let operator = server.operator().await;
    let new = |keep: bool| json!({"value": EMPTY_FILE, "keep_anyway": keep});
    let refused = server.post(&operator, "/indicators", new(false)).await;
    let refused = refused.refused(422, "invalid_request");
    assert_eq!(refused["warnings"][0]["code"], "empty_file");
    assert_eq!(refused["errors"][0]["field"], "value");
    assert!(refused["detail"].as_str().unwrap().contains("keep_anyway"), "{refused}");
    assert_eq!(actions(&server).await, [""; 0]);
    let kept = server.post(&operator, "/indicators", new(true)).await.expect(201);
    assert_eq!(kept["kept_despite"][0]["code"], "empty_file");
    let entry = &server.entries().await[0];
    assert_eq!(entry["details"]["kept_despite"], json!(["empty_file"]));
}

#[tokio::test]
async fn a_text_is_told_for_what_it_is_and_whether_it_is_known() {
    let server = Server::new();
    let operator = server.operator().await;
    let detect =
        async |body: Value| server.post(&operator, "/indicators/detect", body).await.expect(200);
    let told = detect(json!({"value": SHA256.to_uppercase()})).await;
    assert_eq!((&told["type"], &told["value"]), (&json!("file_hash_sha256"), &json!(SHA256)));
    assert_eq!((&told["huntable"], &told["existing_id"]), (&json!(true), &Value::Null));
    let made = server.post(&operator, "/indicators", json!({"value": SHA256})).await.expect(201);
    assert_eq!(detect(json!({"value": SHA256})).await["existing_id"], made["id"]);
    let url = detect(json!({"value": "hxxps://evil[.]example.com/x"})).await;
    assert_eq!((&url["type"], &url["huntable"]), (&json!("url"), &json!(false)));
    let nothing = detect(json!({"value": ""})).await;
    assert_eq!(nothing["type"], Value::Null);
    assert!(nothing["reason"].is_string(), "{nothing}");
    let wanted = detect(json!({"value": "report.doc", "type": "file_hash_md5"})).await;
    assert_eq!(wanted["type"], Value::Null, "what is wanted must be possible: {wanted}");
    let entries = server.entries().await;
    assert!(entries.iter().all(|entry| entry["action"] != "indicator.detect"));
}

#[tokio::test]
async fn every_bad_member_is_named() {
    let server = Server::new();
    let operator = server.operator().await;
    let refuse = async |path: &str, body: Value, fields: &[&str]| {
        server.post(&operator, path, body).await.invalid(fields);
    };
    let long = "x".repeat(2001);
    let bad = json!({"value": "", "description": long, "tags": ["a\nb", "x".repeat(51)],
        "expires_at": "2001-01-01T00:00:00Z"});
    refuse("/indicators", bad, &["value", "tags", "tags", "description", "expires_at"]).await;
    let many: Vec<_> = (0..21).map(|n| format!("t{n}")).collect();
    refuse("/indicators", json!({"value": SHA256, "tags": many}), &["tags"]).await;
    refuse("/indicators", json!({"value": "x", "type": "ipv4"}), &["value"]).await;
    refuse("/indicators/import", json!({"text": " "}), &["text"]).await;
    let bundle = json!({"text": "{\"type\": \"bundle\", \"objects\": [}"});
    refuse("/indicators/import", bundle, &["format"]).await;
    let bad = json!({"text": "x", "source": "feed:a b", "tags": [""]});
    refuse("/indicators/import", bad, &["tags", "source"]).await;
    let made = server.post(&operator, "/indicators", json!({"value": SHA256})).await.expect(201);
    let bad = json!({"tags": [""], "expires_at": "2001-01-01T00:00:00Z"});
    let patched = server.send(&operator, "PATCH", &path(&made), Some(bad)).await;
    patched.invalid(&["tags", "expires_at"]);
    let bad = json!({"value": "other"});
    server.send(&operator, "PATCH", &path(&made), Some(bad)).await.refused(422, "invalid_request");
}

/// A text of several megabytes is an import, and one that is not is told so.
#[tokio::test]
async fn a_large_import_is_taken_whole() {
    let server = Server::on(Engine::Sqlite);
    let operator = server.operator().await;
    let text: String = (0..20_000).map(|n| format!("{n:064x}\n")).collect();
    let body = json!({"text": text});
    let done = server.post(&operator, "/indicators/import", body).await.expect(200);
    assert_eq!((&done["created"], &done["invalid_total"]), (&json!(20_000), &json!(0)));
    assert_eq!(done["indicator_ids"].as_array().unwrap().len(), 10_000);
    let huge = json!({"text": "x".repeat(17 << 20)});
    let reply = server.post(&operator, "/indicators/import", huge).await;
    reply.refused(413, "payload_too_large");
    let nobody = server.post(&Caller::Nobody, "/indicators/import", json!({})).await;
    nobody.refused(401, "unauthenticated");
}

/// PostgreSQL stores no NUL: a text with one is refused or found nowhere, and never a failure.
#[tokio::test]
async fn a_nul_harms_nothing() {
    let server = Server::on(Engine::Postgres);
    let operator = server.operator().await;
    let kinds = ["filename", "filepath", "registry_key", "domain", "url", "ipv4"];
    for kind in kinds {
        for value in ["a\0b", "C:\\a\0b\\c.exe", "http://a.net/\0", "HKLM\\a\0b"] {
            let body = json!({"value": value, "type": kind});
            let told = server.post(&operator, "/indicators/detect", body.clone()).await;
            assert_eq!(told.status, 200, "{kind} {value:?}: {}", told.text);
            let added = server.post(&operator, "/indicators", body).await;
            assert!(matches!(added.status.as_u16(), 201 | 409 | 422), "{kind}: {}", added.text);
        }
    }
    let text = "a\0b.exe\nC:\\x\\\0\nevil.bad-host.net # \0 note\n";
    let done = server.post(&operator, "/indicators/import", json!({"text": text})).await;
    done.expect(200);
}
