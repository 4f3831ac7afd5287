// SPDX-License-Identifier: Apache-2.0
//! Signing in, and where the key goes.

use crate::Surroundings;
use crate::scripted::{Scripted, json};

const ME: &str = r#"{"user":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada",
    "role":"admin","capabilities":[],"disabled":false,"password_change_required":false,
    "created_at":"2026-11-01T00:00:00Z"},"api_key":"laptop"}"#;
const SUMMARY: &str = r#"{"total_hosts":1234,"online":1,"stale":0,"offline":0,"decommissioned":0,
    "active_campaigns":0,"pending_assignments":0,"open_alerts":0}"#;

#[test]
fn a_key_is_tried_remembered_and_sent_to_its_server_only() {
    let home = tempfile::tempdir().unwrap();
    let here =
        Surroundings { home: Some(home.path()), input: "key-9\n", ..Surroundings::default() };
    let server = Scripted::new(vec![json(ME), json(SUMMARY)]);
    let ran = here.run(&["login", "--server", &server.url()]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("as ada (admin)") && !ran.err.contains("key-9"), "{}", ran.err);

    let file = home.path().join("mimir/client.toml");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(std::fs::read_to_string(&file).unwrap().contains("key-9"));

    let ran = here.run(&["dashboard", "summary"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("1,234"));
    assert!(server.asked().iter().all(|a| a.header("authorization") == Some("Bearer key-9")));

    let other = Scripted::new(vec![json(SUMMARY)]);
    let ran = here.run(&["dashboard", "summary", "--server", &other.url()]);
    assert_eq!(ran.code, 2);
    assert!(other.asked().is_empty());
}

#[test]
fn a_key_that_is_refused_is_not_remembered() {
    let home = tempfile::tempdir().unwrap();
    let here = Surroundings { home: Some(home.path()), ..Surroundings::default() };
    let server = Scripted::new(vec![crate::refusal(401, "unauthenticated", "Unknown key.")]);
    let ran = here.run(&["login", "--server", &server.url(), "--api-key", "wrong"]);
    assert_eq!(ran.code, 1);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn no_key_at_all_is_usage() {
    let home = tempfile::tempdir().unwrap();
    let here = Surroundings { home: Some(home.path()), ..Surroundings::default() };
    let ran = here.run(&["login", "--server", "http://127.0.0.1:1"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}
