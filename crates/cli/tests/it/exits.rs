// SPDX-License-Identifier: Apache-2.0
//! Exit codes: 0 done, 1 refused or failed, 2 usage.

use crate::scripted::{Scripted, json};
use crate::{Surroundings, ask, refusal};

fn run(arguments: &[&str]) -> crate::Ran {
    Surroundings::default().run(arguments)
}

#[test]
fn mistakes_on_the_command_line_are_2_and_reach_no_server() {
    let no_server = ["--server", "http://127.0.0.1:1", "--api-key", "k"];
    for arguments in [
        vec![],
        vec!["hostt"],
        vec!["host", "show"],
        vec!["host", "show", "web-1"],
        vec!["host", "list", "--status", "asleep"],
        vec!["query", "run", "--sql", "SELECT 1"],
        vec!["query", "run", "--sql", "SELECT 1", "--target", "os:"],
        vec!["query", "run", "--target", "all"],
        vec!["campaign", "launch", "--target", "all"],
        vec!["campaign", "launch", "--sql", "x", "--saved", "y", "--target", "all"],
        vec!["campaign", "launch", "--sql", "x", "--use-saved-target"],
        vec!["campaign", "launch", "--sql", "x"],
        vec!["user", "edit", "0193b3a0-0000-7000-8000-000000000001"],
        vec!["settings", "set"],
        vec!["host", "list", "--output", "xml"],
    ] {
        let all: Vec<_> = no_server.iter().copied().chain(arguments.iter().copied()).collect();
        let ran = run(&all);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_unknown_server_or_key_is_usage_and_says_what_to_do() {
    let ran = run(&["host", "list"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("mimir login"), "{}", ran.err);
    let ran = run(&["host", "list", "--server", "http://127.0.0.1:1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no API key"), "{}", ran.err);
}

#[test]
fn help_and_version_are_done() {
    let help = run(&["campaign", "launch", "--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("Examples:") && help.out.contains("--use-saved-target"));
    assert!(!help.out.contains('\u{1b}'));
    assert_eq!(run(&["--version"]).code, 0);
}

#[test]
fn a_refusal_is_1_with_its_sentence_and_code() {
    let server = Scripted::new(vec![refusal(403, "forbidden", "Only admins may.")]);
    let ran = ask(&server, &["user", "list"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "refused: Only admins may. (forbidden)\n");

    let server = Scripted::new(vec![refusal(403, "forbidden", "Only admins may.")]);
    let ran = ask(&server, &["user", "list", "--output", "json"]);
    assert_eq!(ran.code, 1);
    let problem: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(problem["code"], "forbidden");
}

#[test]
fn a_server_that_is_not_there_is_1_and_says_what_to_do() {
    let ran = ask(&Scripted::new(vec![]), &["dashboard", "summary"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error: cannot reach http://127.0.0.1:"), "{}", ran.err);
}

#[test]
fn a_broken_audit_trail_is_1_and_is_printed() {
    let server = Scripted::new(vec![json(
        r#"{"ok": false, "entries": 12, "first_bad": "7", "head": "ab"}"#,
    )]);
    let ran = ask(&server, &["audit", "verify"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("First bad entry  7"), "{}", ran.out);
    assert!(ran.err.contains("first at entry 7"), "{}", ran.err);
}
