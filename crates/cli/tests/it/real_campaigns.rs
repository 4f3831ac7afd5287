// SPDX-License-Identifier: Apache-2.0
//! Campaigns from launch to stop, on the server itself.

use std::fs;

use crate::real::Real;

const SQL: &str = "SELECT name, version FROM os_version";

#[test]
fn a_campaign_is_followed_read_exported_and_stopped() {
    let real = Real::with_campaigns(4, &[2]);
    let dark = real.fleet.hostname(2);
    let names = [0, 1, 3].map(|host| real.fleet.hostname(host));
    let id = real.launch(SQL, "all");
    real.answered(&id, 3);

    let pending = real.done(&["campaign", "pending", &id]);
    assert!(pending.contains(&dark) && pending.contains("pending"), "{pending}");
    let responses = real.done(&["campaign", "responses", &id]);
    for name in &names {
        assert!(!pending.contains(name.as_str()), "{pending}");
        assert!(responses.contains(name.as_str()), "{responses}");
    }
    assert!(!responses.contains(&dark), "{responses}");

    let rows = real.json(&["campaign", "rows", &id]);
    assert_eq!(rows["columns"], serde_json::json!(["name", "version"]));
    assert_eq!(rows["items"].as_array().unwrap().len(), 3);

    sorted_and_over_time(&real, &id, &names);
    exports(&real, &id, &names);

    let stopped = real.done(&["campaign", "stop", &id, "--reason", "Enough is known."]);
    assert!(stopped.contains("Enough is known."), "{stopped}");
    let again = real.refused(&["campaign", "stop", &id]);
    assert!(again.contains("already_stopped"), "{again}");
    let shown = real.json(&["campaign", "show", &id]);
    assert_eq!(shown["coverage"]["cancelled"], 1);
    let watched = real.run(&["campaign", "watch", &id]);
    assert!(watched.code == 0 && watched.err.contains("Stopped"), "{}", watched.err);
}

fn sorted_and_over_time(real: &Real, id: &str, names: &[String]) {
    let sorted =
        real.json(&["campaign", "rows", id, "--sort", "_hostname", "--desc", "--where", "name="]);
    let of: Vec<_> = sorted["items"].as_array().unwrap().iter().map(|r| &r["_hostname"]).collect();
    let mut wanted: Vec<_> = names.iter().collect();
    wanted.sort();
    wanted.reverse();
    assert_eq!(of, wanted);
    let only = format!("_hostname={}", names[0]);
    let rows = real.json(&["campaign", "rows", id, "--where", &only]);
    assert_eq!(rows["total"], 1);
    let refused = real.refused(&["campaign", "rows", id, "--sort", "nope"]);
    assert!(refused.contains("name, version"), "{refused}");

    let course = real.json(&["campaign", "completion", id]);
    assert_eq!(course["points"].as_array().unwrap().last().unwrap()["responded"], 3);
    assert!(real.done(&["campaign", "completion", id]).contains("75%"));
    let ids = real.host_ids();
    let asked = real.json(&["host", "campaigns", &ids[0]]);
    assert_eq!(asked["items"][0]["campaign"]["id"], id);
    let counted = real.json(&["host", "count", "--target", &format!("hosts:{}", ids[0])]);
    assert_eq!((&counted["targeted"], &counted["online"]), (&1.into(), &1.into()));
    let open = real.json(&["campaign", "assignments", id, "--state", "pending,offered"]);
    assert_eq!(open["total"], 1);
    assert_eq!(real.json(&["campaign", "responses", id, "--outcome", "rows"])["total"], 3);
    let list = real.json(&["host", "list", "--sort", "last_seen", "--desc"]);
    assert_eq!(list["total"], 4);
}

/// All three formats hold a row of each host that answered.
fn exports(real: &Real, id: &str, names: &[String]) {
    for format in ["csv", "ndjson", "parquet"] {
        let out = real.path(&format!("rows.{format}"));
        real.done(&["campaign", "export", id, "--format", format, "--out", out.to_str().unwrap()]);
        let bytes = fs::read(&out).unwrap();
        if format == "parquet" {
            assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        let header = usize::from(format == "csv");
        assert_eq!(text.lines().count(), names.len() + header, "{text}");
        assert!(names.iter().all(|name| text.contains(name.as_str())), "{text}");
    }
}

#[test]
fn a_watch_sees_the_offline_host_come_back() {
    let real = Real::with_campaigns(3, &[1]);
    let id = real.launch(SQL, "all");
    real.answered(&id, 2);
    real.fleet.go_online(1);
    let watched = real.run(&["campaign", "watch", &id]);
    assert_eq!(watched.code, 0, "{}", watched.err);
    assert!(watched.out.contains("3 of 3 answered (100%)"), "{}", watched.out);
    assert!(watched.err.contains("Complete"), "{}", watched.err);
    assert_eq!(real.done(&["campaign", "pending", &id]), "");
}

#[test]
fn what_cannot_be_launched_says_why() {
    let real = Real::start(1, &[]);
    let launch = |sql: &str, target: &str| {
        real.refused(&["campaign", "launch", "--sql", sql, "--target", target])
    };
    assert!(launch(SQL, "all").contains("campaigns_disabled"));
    real.done(&["settings", "set", "offline_campaigns_enabled=true"]);
    assert!(launch("DELETE FROM users", "all").contains("invalid_request"));
    assert!(launch("SELECT 1; SELECT 2", "all").contains("invalid_request"));
    let sentence = "Campaigns don’t yet support OS-filtered targets — pick Fleet or specific \
                    hosts instead.";
    let text = launch(SQL, "os:linux");
    assert!(text.contains(sentence) && text.contains("os_filter_unsupported"), "{text}");
    let text = launch("SELECT * FROM curl WHERE url = 'https://x'", "all");
    assert!(text.contains("blocked_sql") && text.contains("tables: curl"), "{text}");
}

#[test]
fn a_full_house_names_who_holds_the_slots() {
    let real = Real::with_campaigns(1, &[0]);
    real.done(&["settings", "set", "max_concurrent_hunts=1"]);
    let id = real.launch(SQL, "all");
    let text = real.refused(&["campaign", "launch", "--sql", SQL, "--target", "all"]);
    assert!(text.contains("max_concurrent_hunts_reached") && text.contains(&id), "{text}");
}

#[test]
fn a_saved_query_is_launched_with_its_own_target() {
    let real = Real::with_campaigns(3, &[]);
    let ids = real.host_ids();
    let target = format!("hosts:{},{}", ids[0], ids[2]);
    real.done(&["saved", "create", "Two", "--sql", SQL, "--target", &target]);
    let launched = real.json(&["campaign", "launch", "--saved", "Two", "--use-saved-target"]);
    assert_eq!(launched["dispatched_hosts"], 2);
    let id = launched["campaign"]["id"].as_str().unwrap();
    real.answered(id, 2);
    assert_eq!(real.json(&["campaign", "show", id])["frozen"]["sql"], SQL);

    real.done(&["saved", "create", "Linux", "--sql", SQL, "--target", "os:linux"]);
    let text = real.refused(&["campaign", "launch", "--saved", "Linux", "--use-saved-target"]);
    assert!(text.contains("os_filter_unsupported"), "{text}");
    let launched = real.json(&["campaign", "launch", "--saved", "Linux", "--target", "all"]);
    assert_eq!(launched["dispatched_hosts"], 3);
    let list = real.json(&["campaign", "list"]);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}
