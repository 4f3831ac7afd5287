// SPDX-License-Identifier: Apache-2.0
//! Lists in the three formats, and hostile names in them.

use crate::scripted::{Scripted, json};
use crate::{Surroundings, ask, host};

const HOSTILE: &str = "web\u{1b}[2J\n\u{202e}=1";

fn page(hosts: &[String], cursor: &str, total: &str) -> Vec<u8> {
    json(&format!(
        r#"{{"items": [{}], "next_cursor": {cursor}, "total": {total}}}"#,
        hosts.join(",")
    ))
}

#[test]
fn a_table_is_readable_and_hostile_names_are_harmless() {
    let hosts = [host(1, "web-1"), host(2, HOSTILE)];
    let server = Scripted::new(vec![page(&hosts, "null", "2")]);
    let ran = ask(&server, &["host", "list", "--status", "online", "--q", "we b"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!(ran.out, @r"
    ID                                    HOST                    STATUS  LAST SEEN  PLATFORM  SYSTEM  VERSION  ADDRESS   AGENT    AGENT VERSION
    0193b3a0-0000-7000-8000-000000000001  web-1                   online  3 s ago    linux     Debian  13       10.0.0.1  osquery  5.23.0
    0193b3a0-0000-7000-8000-000000000002  web\x1b[2J\n\u{202e}=1  online  3 s ago    linux     Debian  13       10.0.0.1  osquery  5.23.0
    ");
    assert_eq!(server.asked()[0].line, "GET /api/v1/hosts?q=we%20b&status=online&limit=500");
}

#[test]
fn on_a_terminal_a_table_keeps_to_its_width() {
    let server = Scripted::new(vec![page(&[host(1, &"long".repeat(30))], "null", "1")]);
    let url = server.url();
    let terminal = Surroundings { terminal: true, ..Surroundings::default() };
    let ran = terminal.run(&["host", "list", "--server", &url, "--api-key", "k"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 60), "{}", ran.out);
}

#[test]
fn json_is_the_api_page_with_everything_in_it() {
    let first = page(&[host(1, "web-1")], "\"c\"", "2");
    let server = Scripted::new(vec![first, page(&[host(2, HOSTILE)], "null", "2")]);
    let ran = ask(&server, &["host", "list", "--output", "json"]);
    assert_eq!(ran.code, 0);
    assert!(!ran.out.contains(['\u{1b}', '\u{202e}']));
    let all: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(all["items"][1]["hostname"], HOSTILE);
    assert_eq!((&all["next_cursor"], &all["total"]), (&serde_json::Value::Null, &2.into()));
}

#[test]
fn csv_has_the_names_of_the_api_and_no_formulas() {
    let server = Scripted::new(vec![page(&[host(1, "=HYPERLINK(\"x\")")], "null", "null")]);
    let ran = ask(&server, &["host", "list", "--output", "csv"]);
    let mut lines = ran.out.lines();
    assert!(lines.next().unwrap().starts_with("id,hostname,status,last_seen_at,platform,"));
    let line = lines.next().unwrap();
    assert!(line.contains(r#","'=HYPERLINK(""x"")",online,2026-11-23T16:59:57"#), "{line}");
}

#[test]
fn what_is_left_out_is_told() {
    let hosts: Vec<_> = (1..=3).map(|n| host(n, &format!("web-{n}"))).collect();
    let server = Scripted::new(vec![page(&hosts, "\"c\"", "1234")]);
    let ran = ask(&server, &["host", "list", "--limit", "2"]);
    assert_eq!(ran.out.lines().count(), 3);
    assert_eq!(ran.err, "Only the first 2 of 1,234 are shown; `--limit 0` shows all.\n");
    assert_eq!(server.asked()[0].line, "GET /api/v1/hosts?limit=3");

    let server = Scripted::new(vec![page(&hosts[..2], "null", "2")]);
    let ran = ask(&server, &["host", "list", "--limit", "2"]);
    assert_eq!(ran.err, "");
}

#[test]
fn nothing_is_told_too() {
    let server = Scripted::new(vec![page(&[], "null", "0")]);
    let ran = ask(&server, &["host", "list"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(ran.err, "There is nothing to show.\n");
}

#[test]
fn rows_have_the_columns_of_the_query() {
    let row = |host: &str, pid: &str| {
        serde_json::json!({"_host_id": "id", "_hostname": host, "pid": pid, "cmd": "=x\u{7}"})
            .to_string()
    };
    let rows = json(&format!(
        r#"{{"columns": ["pid", "cmd"], "items": [{}, {}], "next_cursor": null, "total": 2}}"#,
        row("web-1", "1"),
        row("web-2", "22")
    ));
    let id = "0193b3a0-0000-7000-8000-000000000001";
    let server = Scripted::new(vec![rows.clone(), rows]);
    let table = ask(&server, &["campaign", "rows", id, "--host", id, "--columns", "pid,cmd"]);
    insta::assert_snapshot!(table.out, @r"
    HOST   pid  cmd
    web-1  1    =x\x07
    web-2  22   =x\x07
    ");
    let csv = ask(&server, &["campaign", "rows", id, "--output", "csv"]);
    assert_eq!(csv.out, "_host_id,_hostname,pid,cmd\nid,web-1,1,'=x\u{7}\nid,web-2,22,'=x\u{7}\n");
    assert_eq!(
        server.asked()[0].line,
        format!("GET /api/v1/campaigns/{id}/rows?host={id}&columns=pid%2Ccmd&limit=500")
    );
}
