// SPDX-License-Identifier: Apache-2.0
//! Indicators on the command line: what is asked, and what is told of the answer.

use crate::scripted::{Scripted, answer, json};
use crate::{ask, refusal};

const ID: &str = "0193b3a0-0000-7000-8000-000000000007";

fn indicator() -> String {
    serde_json::json!({
        "id": ID, "type": "domain", "value": "evil.bad-host.net",
        "defanged": "evil[.]bad-host[.]net", "severity": "high", "description": "a drop zone",
        "tags": ["case-7"], "source": "manual", "active": true, "expired": false,
        "expires_at": null, "kept_despite": [],
        "created_by": {"id": "0193b3a0-0000-7000-8000-000000000002", "username": "ada"},
        "created_at": "2026-11-23T16:54:00Z", "updated_at": "2026-11-23T16:54:00Z",
        "matched_hosts": 2, "last_matched_at": null
    })
    .to_string()
}

#[test]
fn a_table_shows_values_that_nobody_can_follow() {
    let page = format!(r#"{{"items":[{}],"next_cursor":null,"total":1}}"#, indicator());
    let server = Scripted::new(vec![json(&page), json(&page)]);
    let arguments = ["ioc", "list", "--type", "domain", "--active", "--tag", "case-7"];
    let table = ask(&server, &arguments);
    assert_eq!(table.code, 0, "{}", table.err);
    assert!(table.out.contains("evil[.]bad-host[.]net"), "{}", table.out);
    assert!(!table.out.contains("evil.bad-host.net"), "{}", table.out);
    let csv = ask(&server, &["ioc", "list", "--output", "csv"]);
    assert!(csv.out.contains(",evil.bad-host.net,"), "{}", csv.out);
    let asked = server.asked();
    assert_eq!(
        asked[0].line,
        "GET /api/v1/indicators?type=domain&tag=case-7&active=true&limit=500"
    );
}

#[test]
fn what_is_given_is_sent_and_nothing_else() {
    let made = answer(201, "application/json", "", &indicator());
    let server = Scripted::new(vec![made, json(&indicator()), json(&indicator())]);
    let add = ["ioc", "add", "evil[.]bad-host[.]net", "--tag", "case-7", "--keep-anyway"];
    assert_eq!(ask(&server, &add).code, 0);
    let update = ["ioc", "update", ID, "--never-expires", "--no-tags", "--active", "false"];
    assert_eq!(ask(&server, &update).code, 0);
    let until = "2027-01-01T00:00:00Z";
    assert_eq!(ask(&server, &["ioc", "update", ID, "--expires-at", until]).code, 0);
    let asked = server.asked();
    assert_eq!(
        asked[0].body,
        r#"{"value":"evil[.]bad-host[.]net","description":"","tags":["case-7"],"keep_anyway":true}"#
    );
    assert_eq!(asked[1].line, format!("PATCH /api/v1/indicators/{ID}"));
    assert_eq!(asked[1].body, r#"{"tags":[],"active":false,"expires_at":null}"#);
    assert!(asked[2].body.starts_with(r#"{"expires_at":"2027-01-01T00:00:00"#));
    let nothing = ask(&Scripted::new(vec![]), &["ioc", "update", ID]);
    assert_eq!(nothing.code, 2);
}

#[test]
fn an_import_tells_what_was_taken_and_what_was_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list.txt");
    std::fs::write(&path, "evil.bad-host.net\n10.0.0.1\n").unwrap();
    let path = path.to_str().unwrap();
    let result = json(
        r#"{"format":"lines","created":1,"duplicates":0,
            "invalid":[{"line":2,"value":"10.0.0.1","reason":"A private address.","warned":true}],
            "invalid_total":3,"by_type":[{"type":"domain","count":1}],"indicator_ids":[]}"#,
    );
    let server = Scripted::new(vec![result.clone(), result]);
    let ran = ask(&server, &["ioc", "import", path, "--source", "feed:daily", "--dry-run"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out, @r"
    1 indicator would be added, 0 duplicates, 3 not taken (lines)
      domain: 1

    LINE  VALUE     REASON              WITH --KEEP-ANYWAY
       2  10.0.0.1  A private address.  yes
    ");
    assert_eq!(ran.err, "2 more are not listed.\n");
    let body = &server.asked()[0].body;
    assert!(body.starts_with(r#"{"text":"evil.bad-host.net\n10.0.0.1\n","tags":[]"#), "{body}");
    assert!(body.ends_with(r#""source":"feed:daily","keep_anyway":false,"dry_run":true}"#));
    let csv = ask(&server, &["ioc", "import", path, "--output", "csv"]);
    assert_eq!(csv.out, "line,value,reason,warned\n2,10.0.0.1,A private address.,true\n");
    std::fs::write(path, b"\xff\xfe").unwrap();
    let ran = ask(&Scripted::new(vec![]), &["ioc", "import", path]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("not UTF-8"), "{}", ran.err);
}

#[test]
fn the_guards_objection_is_told() {
    let server = Scripted::new(vec![refusal(422, "invalid_request", "Found everywhere.")]);
    let ran = ask(&server, &["ioc", "add", "svchost.exe"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "refused: Found everywhere. (invalid_request)\n");
}
