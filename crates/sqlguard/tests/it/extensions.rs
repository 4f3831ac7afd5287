// SPDX-License-Identifier: Apache-2.0
//! Tables that osquery's schema does not have.

use std::collections::BTreeSet;

use mimir_sqlguard::{DenyList, Guard, Rule, Scope, SqlErrorCode, Verdict, WarningCode};

fn allowing(names: &[&str]) -> DenyList {
    DenyList {
        allowed_extension_tables: names.iter().map(|name| (*name).to_owned()).collect(),
        ..DenyList::default_list()
    }
}

fn check(sql: &str, scope: Scope, deny: &DenyList) -> Verdict {
    Guard::new().expect("SQLite opens").check(sql, scope, deny)
}

const QUERIES: &[&str] = &[
    "SELECT * FROM ext",
    "SELECT a, b, \"c d\" FROM ext WHERE e LIKE '%' ORDER BY f",
    "SELECT e.a, u.username FROM users u JOIN ext e ON e.uid = u.uid",
    "SELECT e.a, u.username FROM users u JOIN ext e USING (uid)",
    "SELECT count(*) FROM ext NATURAL JOIN users",
    "SELECT 1 WHERE 'x' IN ext",
    "SELECT * FROM users WHERE username IN (SELECT name FROM main.ext)",
    "WITH x AS (SELECT a, b FROM ext) SELECT x.a FROM x",
    "SELECT q.a FROM (SELECT * FROM ext) q",
    "SELECT e.a, f.b FROM ext e JOIN ext f ON e.a = f.a",
    "SELECT * FROM EXT WHERE \"A\" = 1",
];

#[test]
fn a_single_host_may_be_asked_with_a_warning() {
    for sql in QUERIES {
        let verdict = check(sql, Scope::SingleHost, &DenyList::default_list());
        assert!(verdict.is_allowed(), "{sql}: {verdict:?}");
        assert_eq!(verdict.unknown_tables, ["ext"], "{sql}");
        assert!(verdict.warnings.iter().any(|w| w.code == WarningCode::UnknownTable), "{sql}");
    }
}

#[test]
fn more_hosts_need_an_entry() {
    for sql in QUERIES {
        let verdict = check(sql, Scope::MultiHost, &DenyList::default_list());
        assert_eq!(verdict.error, None, "{sql}");
        assert_eq!(verdict.blocked.len(), 1, "{sql}");
        assert_eq!(verdict.blocked[0].rule, Rule::UnknownTable, "{sql}");
        let verdict = check(sql, Scope::MultiHost, &allowing(&["Ext"]));
        assert!(verdict.is_allowed(), "{sql}: {verdict:?}");
    }
}

#[test]
fn an_entry_opens_nothing_else() {
    let deny = allowing(&["ext", "sqlite_master", "curl"]);
    for (sql, name) in [
        ("SELECT * FROM ext, curl", "curl"),
        ("SELECT * FROM ext JOIN other USING (a)", "other"),
        ("SELECT curl FROM ext", "curl"),
        ("SELECT sleep(a) FROM ext", "sleep"),
        ("SELECT e.pid_with_namespace FROM ext e", "pid_with_namespace"),
    ] {
        let verdict = check(sql, Scope::MultiHost, &deny);
        let names: Vec<_> = verdict.blocked.iter().map(|blocked| blocked.name.as_str()).collect();
        assert!(names.iter().any(|found| found.ends_with(name)), "{sql}: {verdict:?}");
    }
    let verdict = check("SELECT * FROM sqlite_master", Scope::MultiHost, &deny);
    assert_eq!(verdict.error.map(|error| error.code), Some(SqlErrorCode::NotAllowed));
}

#[test]
fn a_mistake_beside_an_unknown_table_is_still_found() {
    for sql in [
        "SELECT u.nope FROM users u JOIN ext e USING (uid)",
        "SELECT nope(1) FROM ext",
        "SELECT FROM ext",
    ] {
        let verdict = check(sql, Scope::SingleHost, &DenyList::default_list());
        assert!(verdict.error.is_some() || !verdict.warnings.is_empty(), "{sql}: {verdict:?}");
    }
    let verdict = check("SELECT nope(1) FROM ext", Scope::SingleHost, &DenyList::default_list());
    assert_eq!(verdict.error.map(|error| error.code), Some(SqlErrorCode::UnknownFunction));
}

/// What can't be checked completely is not sent to a fleet.
#[test]
fn columns_that_cannot_be_guessed_are_refused_for_more_hosts_only() {
    let sql = "SELECT * FROM ext UNION SELECT uid, gid FROM users";
    let verdict = check(sql, Scope::MultiHost, &allowing(&["ext"]));
    assert_eq!(verdict.error.map(|error| error.code), Some(SqlErrorCode::UnresolvedColumns));
    let verdict = check(sql, Scope::SingleHost, &DenyList::default_list());
    assert!(verdict.is_allowed(), "{verdict:?}");
    assert!(verdict.warnings.iter().any(|w| w.code == WarningCode::ColumnsNotChecked));
}

#[test]
fn guessed_tables_do_not_stay_behind() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    for _ in 0..3 {
        let verdict = guard.check("SELECT a FROM ext", Scope::SingleHost, &deny);
        assert_eq!(verdict.unknown_tables, ["ext"]);
        let verdict = guard.check("SELECT b FROM ext, users", Scope::MultiHost, &deny);
        assert_eq!(verdict.blocked[0].name, "ext");
    }
}

#[test]
fn the_number_of_unknown_tables_is_bounded() {
    let names: Vec<String> = (0..40).map(|n| format!("ext{n}")).collect();
    let sql = format!("SELECT * FROM {}", names.join(", "));
    let verdict = check(&sql, Scope::SingleHost, &DenyList::default_list());
    assert_eq!(verdict.error.map(|error| error.code), Some(SqlErrorCode::TooComplex));
    let columns: BTreeSet<String> = (0..1000).map(|n| format!("c{n}")).collect();
    let columns: Vec<_> = columns.into_iter().collect();
    let sql = format!("SELECT {} FROM ext", columns.join(", "));
    let verdict = check(&sql, Scope::MultiHost, &DenyList::default_list());
    assert!(!verdict.is_allowed());
}
