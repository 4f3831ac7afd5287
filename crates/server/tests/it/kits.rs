// SPDX-License-Identifier: Apache-2.0
//! Enrolment kits as a download.

use std::collections::BTreeMap;
use std::io::Read as _;

use axum::body::Body;
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use mimir_server::app::AppConfig;
use mimir_store::db::Engine;
use serde_json::{Value, json};

use crate::harness::{Caller, Server};

fn ca() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    rcgen::CertificateParams::new(vec!["ca".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
}

fn config() -> AppConfig {
    AppConfig {
        public_url: Some("https://mimir.example:8443".to_owned()),
        ca_pem: Some(ca()),
        ..AppConfig::default()
    }
}

/// Path to permissions and text of every file of a kit, and the archive's name.
async fn download(
    server: &Server,
    admin: &Caller,
    asked: Value,
) -> (String, BTreeMap<String, (u32, String)>) {
    let request = server.request(admin, "POST", "/enrollment-kits");
    let response = server.stream(request.body(Body::from(asked.to_string())).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/gzip");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let name = response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned();
    let packed = response.into_body().collect().await.unwrap().to_bytes();
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&*packed).read_to_end(&mut plain).unwrap();
    let (mut files, mut at) = (BTreeMap::new(), 0);
    while plain[at] != 0 {
        let text = |from: usize, to: usize| {
            let field = std::str::from_utf8(&plain[at + from..at + to]).unwrap();
            field.trim_end_matches('\0').to_owned()
        };
        let mode = u32::from_str_radix(&text(100, 108), 8).unwrap();
        let size = usize::from_str_radix(&text(124, 136), 8).unwrap();
        files.insert(text(0, 100), (mode, text(512, 512 + size)));
        at += 512 + size.div_ceil(512) * 512;
    }
    (name, files)
}

#[tokio::test]
async fn a_kit_with_a_new_secret_lets_a_host_enrol() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let config = config();
        let ca = config.ca_pem.clone().unwrap();
        let server = Server::configured(engine, config);
        let admin = server.admin().await;
        let asked = json!({"agent": "osqueryd", "secret_name": "laptops", "max_uses": 2});
        let (name, files) = download(&server, &admin, asked).await;
        assert_eq!(name, "attachment; filename=\"mimir-kit-osqueryd.tar.gz\"");
        let modes: Vec<_> = files.iter().map(|(path, (mode, _))| (path.as_str(), *mode)).collect();
        assert_eq!(
            modes,
            [
                ("mimir-kit/README.txt", 0o644),
                ("mimir-kit/ca.pem", 0o644),
                ("mimir-kit/osquery.flags", 0o644),
                ("mimir-kit/secret", 0o600),
                ("mimir-kit/start.sh", 0o755),
            ]
        );
        let text = |name: &str| files[&format!("mimir-kit/{name}")].1.as_str();
        assert_eq!(text("ca.pem"), ca);
        assert!(text("osquery.flags").contains("--tls_hostname=mimir.example:8443\n"));
        assert!(text("osquery.flags").contains("--enroll_secret_path=/etc/mimir-kit/secret\n"));

        let enrol = json!({"enroll_secret": text("secret").trim(), "host_identifier": "h",
            "host_details": {"system_info": {"hostname": "h", "uuid": "u"}}});
        let enrolled = server.post(&Caller::Nobody, "/osquery/enroll", enrol).await.expect(200);
        assert!(enrolled["node_key"].is_string(), "{enrolled}");
        let listed = server.get(&admin, "/enrollment-secrets").await.expect(200);
        assert_eq!(
            (&listed["items"][0]["name"], &listed["items"][0]["uses"]),
            (&json!("laptops"), &json!(1))
        );

        let entries = server.entries().await;
        let made: Vec<_> = entries.iter().filter(|e| e["actor"]["username"] == "root").collect();
        assert_eq!(made[0]["action"], "enrollment_kit.create");
        assert_eq!(made[0]["target"]["name"], "laptops");
        assert_eq!(made[0]["details"]["address"], "mimir.example:8443");
        assert_eq!(made[0]["details"]["new_secret"], true);
        assert_eq!((&made[0]["details"]["max_uses"], made.len()), (&json!(2), 1));
        assert!(!json!(entries).to_string().contains(text("secret").trim()));
    }
}

#[tokio::test]
async fn a_kit_takes_a_secret_that_is_valid_and_no_other() {
    let server = Server::configured(Engine::Sqlite, config());
    let admin = server.admin().await;
    let new = json!({"name": "given"});
    let made = server.post(&admin, "/enrollment-secrets", new).await.expect(201);
    let asked = json!({"agent": "mimir-agent", "secret": made["secret"],
        "agent_address": "agents.example", "install_dir": "/opt/kit/"});
    let (name, files) = download(&server, &admin, asked.clone()).await;
    assert!(name.contains("mimir-kit-mimir-agent.tar.gz"));
    assert_eq!(files.len(), 5);
    assert!(files["mimir-kit/start.sh"].1.contains("--server \"https://agents.example\""));
    assert_eq!(files["mimir-kit/secret"].1.trim(), made["secret"]);
    let entries = server.entries().await;
    assert_eq!(entries[0]["details"]["new_secret"], false);
    assert_eq!(entries[1]["action"], "enrollment_secret.create", "one entry, for the kit alone");

    let before = server.entries().await.len();
    let revoke = format!("/enrollment-secrets/{}/revoke", made["id"].as_str().unwrap());
    server.post(&admin, &revoke, json!({})).await.expect(200);
    server.post(&admin, "/enrollment-kits", asked).await.invalid(&["secret"]);
    for (member, value) in [
        ("secret", json!("mes_unknown")),
        ("secret_name", json!("")),
        ("max_uses", json!(0)),
        ("agent_address", json!("m\n--x=y")),
        ("agent_address", json!("$(id)")),
        ("install_dir", json!("kit")),
        ("install_dir", json!("/a\n--x")),
        ("ca_pem", json!("no certificate")),
        ("ca_pem", json!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
    ] {
        let mut asked = json!({"agent": "osqueryd"});
        if member != "secret" {
            asked["secret_name"] = json!("new");
        }
        asked[member] = value;
        let reply = server.post(&admin, "/enrollment-kits", asked.clone()).await;
        assert_eq!(reply.json["errors"][0]["field"], member, "{asked}: {}", reply.text);
    }
    let both = json!({"agent": "osqueryd", "secret": "a", "secret_name": "b"});
    server.post(&admin, "/enrollment-kits", both).await.invalid(&["secret"]);
    let neither = json!({"agent": "osqueryd"});
    server.post(&admin, "/enrollment-kits", neither).await.invalid(&["secret"]);
    assert_eq!(server.entries().await.len(), before + 1, "nothing was made but the revocation");
}

/// Without a configured address the name by which the caller came is taken; without an authority
/// of its own the server asks for one.
#[tokio::test]
async fn what_the_server_does_not_know_is_asked_for() {
    let server = Server::new();
    let admin = server.admin().await;
    let asked = json!({"agent": "osqueryd", "secret_name": "x"});
    server.post(&admin, "/enrollment-kits", asked).await.invalid(&["ca_pem"]);
    let asked = json!({"agent": "osqueryd", "secret_name": "x", "ca_pem": ca()});
    let (_, files) = download(&server, &admin, asked).await;
    assert!(files["mimir-kit/osquery.flags"].1.contains("--tls_hostname=mimir.test\n"));

    let plain = AppConfig { public_url: Some("http://127.0.0.1:8080".to_owned()), ..config() };
    let server = Server::configured(Engine::Sqlite, plain);
    let admin = server.admin().await;
    let asked = json!({"agent": "osqueryd", "secret_name": "x"});
    server.post(&admin, "/enrollment-kits", asked).await.invalid(&["agent_address"]);
}
