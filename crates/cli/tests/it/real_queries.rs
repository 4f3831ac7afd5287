// SPDX-License-Identifier: Apache-2.0
//! Live queries and checks, on the server itself.

use serde_json::Value;

use crate::real::Real;

#[test]
fn a_live_query_streams_the_rows_of_every_host() {
    let real = Real::start(3, &[]);
    let run = ["query", "run", "--sql", "SELECT hostname FROM system_info", "--target", "all"];
    let ran = real.run(&run);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for host in 0..3 {
        assert!(ran.out.contains(&real.fleet.hostname(host)), "{}", ran.out);
    }
    assert!(ran.err.contains("3 of 3 answered"), "{}", ran.err);

    let text = real.done(&[&run[..], &["--output", "json"]].concat());
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |name| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("started"), count("host"), count("end")), (1, 3, 1), "{text}");
}

#[test]
fn an_error_of_a_host_is_shown_and_a_denied_table_is_for_one_host_only() {
    let real = Real::start(2, &[]);
    let ids = real.host_ids();
    let curl = "SELECT result FROM curl WHERE url = 'https://example.org'";
    let text = real.refused(&["query", "run", "--sql", curl, "--target", "all"]);
    assert!(text.contains("blocked_sql"), "{text}");
    let one = format!("hosts:{}", ids[0]);
    // The virtual hosts have no such table, which is what a host says then.
    let ran = real.run(&["query", "run", "--sql", curl, "--target", &one]);
    assert!(format!("{}{}", ran.out, ran.err).contains("no such table: curl"), "{ran:?}");
}

#[test]
fn a_statement_is_checked_without_being_sent() {
    let real = Real::start(1, &[]);
    let check = |sql: &str| real.run(&["query", "check", "--sql", sql, "--target", "all"]);
    let ran = check("SELECT pid FROM processes");
    assert!(ran.code == 0 && ran.out.contains("processes"), "{ran:?}");
    let ran = check("SELECT pid FROM no_such_table");
    assert_eq!(ran.code, 1, "{ran:?}");
    let ran = check("SELECT * FROM carves");
    assert!(ran.code == 1 && ran.out.contains("blocked  carves"), "{ran:?}");
}
