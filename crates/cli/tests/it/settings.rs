// SPDX-License-Identifier: Apache-2.0
//! Settings, also those this program does not know.

use crate::ask;
use crate::scripted::{Scripted, json};

const SETTINGS: &str =
    r#"{"offline_campaigns_enabled":false,"denied_tables":["curl"],"a_later_one":7}"#;

#[test]
fn settings_are_changed_by_name_and_shown_as_they_are_now() {
    let changed = r#"{"offline_campaigns_enabled":true,"denied_tables":[],"a_later_one":8}"#;
    let server = Scripted::new(vec![json(SETTINGS), json(changed)]);
    let ran = ask(
        &server,
        &["settings", "set", "offline_campaigns_enabled=true", "a_later_one=8", "denied_tables="],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out, @r"
    SETTING                    VALUE  MEANING
    offline_campaigns_enabled  true   Whether campaigns may be launched and are offered.
    denied_tables                     Tables refused when more than one host is targeted.
    a_later_one                8
    ");
    let asked = server.asked();
    assert_eq!(asked[1].line, "PATCH /api/v1/settings");
    assert_eq!(
        asked[1].body,
        r#"{"offline_campaigns_enabled":true,"a_later_one":8,"denied_tables":[]}"#
    );
}

#[test]
fn a_mistake_changes_nothing() {
    let server = Scripted::new(vec![json(SETTINGS)]);
    let ran = ask(&server, &["settings", "set", "a_later_one=8", "offline=true"]);
    assert_eq!((ran.code, server.asked().len()), (2, 1));
    assert!(ran.err.contains("no setting `offline`"), "{}", ran.err);
}

#[test]
fn one_setting_is_shown() {
    let server = Scripted::new(vec![json(SETTINGS)]);
    let ran = ask(&server, &["settings", "get", "denied_tables", "--output", "json"]);
    assert_eq!(ran.code, 0);
    let shown: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(shown, serde_json::json!({"denied_tables": ["curl"]}));
}
