// SPDX-License-Identifier: Apache-2.0
//! Text tables of queries: attempts to get past the guard, and harmless queries that look odd.

use mimir_sqlguard::{DenyList, Guard, Scope, Verdict, schema};

pub(crate) const BYPASS: &str = include_str!("corpus/bypass.txt");
pub(crate) const HARMLESS: &str = include_str!("corpus/harmless.txt");

/// Expectation and SQL of each line.
pub(crate) fn lines(table: &str) -> impl Iterator<Item = (&str, String)> {
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        let (expected, sql) = line.split_once('|').expect("a line has two fields");
        let sql = sql.strip_prefix(' ').unwrap_or(sql);
        (expected.trim(), sql.replace("\\n", "\n").replace("\\t", "\t"))
    })
}

fn code(verdict: &Verdict) -> String {
    let code = verdict.error.as_ref().map(|error| serde_json::to_value(error.code));
    code.map(|code| code.expect("a word").as_str().expect("a word").to_owned()).unwrap_or_default()
}

#[test]
fn every_attempt_is_refused_for_the_right_reason() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    let mut wrong = Vec::new();
    for (expected, sql) in lines(BYPASS) {
        let verdict = guard.check(&sql, Scope::MultiHost, &deny);
        let is_right = match expected.strip_prefix('!') {
            Some(error) => code(&verdict) == error,
            None => expected.split(',').all(|name| {
                verdict.blocked.iter().any(|b| b.name == name && b.reason.contains(name))
            }),
        };
        if verdict.is_allowed() || !is_right {
            wrong.push(format!("{expected} | {sql}\n    {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(lines(BYPASS).count() >= 60);
}

#[test]
fn every_harmless_query_is_allowed_with_its_tables() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    let mut wrong = Vec::new();
    for (expected, sql) in lines(HARMLESS) {
        let verdict = guard.check(&sql, Scope::MultiHost, &deny);
        let mut tables: Vec<_> = expected.split(',').filter(|name| *name != "-").collect();
        tables.sort_unstable();
        if !verdict.is_allowed() || verdict.tables != tables || !verdict.unknown_tables.is_empty() {
            wrong.push(format!("{expected} | {sql}\n    {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(lines(HARMLESS).count() >= 40);
}

/// The deny-list is for more than one host: on a single host the same SQL is allowed, unless it is no
/// acceptable statement at all.
#[test]
fn a_single_host_has_no_deny_list() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    for (expected, sql) in lines(BYPASS) {
        let verdict = guard.check(&sql, Scope::SingleHost, &deny);
        assert!(verdict.blocked.is_empty(), "{sql}: {verdict:?}");
        if expected.starts_with('!') {
            assert!(verdict.error.is_some(), "{sql}: {verdict:?}");
        }
    }
    for (_, sql) in lines(HARMLESS) {
        assert!(guard.check(&sql, Scope::SingleHost, &deny).is_allowed(), "{sql}");
    }
    for sql in ["SELECT * FROM curl WHERE url = 'http://x'", "SELECT sleep(1)"] {
        assert!(guard.check(sql, Scope::SingleHost, &deny).is_allowed(), "{sql}");
    }
}

/// One query leaves nothing behind that another could use or stumble over.
#[test]
fn checks_do_not_influence_each_other() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    let check = |sql: &str| guard.check(sql, Scope::MultiHost, &deny);
    let all: Vec<String> = lines(BYPASS).chain(lines(HARMLESS)).map(|(_, sql)| sql).collect();
    let first: Vec<Verdict> = all.iter().map(|sql| check(sql)).collect();
    let again: Vec<Verdict> = all.iter().rev().map(|sql| check(sql)).collect();
    for (sql, (first, again)) in all.iter().zip(first.iter().zip(again.iter().rev())) {
        assert_eq!(first, again, "{sql}");
    }
}

#[test]
fn many_threads_share_one_guard() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    std::thread::scope(|threads| {
        for _ in 0..12 {
            threads.spawn(|| {
                for (_, sql) in lines(HARMLESS) {
                    assert!(guard.check(&sql, Scope::MultiHost, &deny).is_allowed(), "{sql}");
                }
            });
        }
    });
}

#[test]
fn every_table_and_alias_can_be_queried_with_every_column() {
    let guard = Guard::new().expect("SQLite opens");
    let nothing = DenyList::empty();
    for table in schema::tables() {
        let columns = table
            .columns
            .iter()
            .flat_map(|column| std::iter::once(column.name).chain(column.aliases.iter().copied()));
        let columns: Vec<_> = columns.map(|name| format!("\"{name}\"")).collect();
        for name in std::iter::once(&table.name).chain(&table.aliases) {
            let sql = format!("SELECT {} FROM {name}", columns.join(", "));
            let verdict = guard.check(&sql, Scope::MultiHost, &nothing);
            assert!(verdict.is_allowed(), "{sql}: {verdict:?}");
            assert_eq!(verdict.tables, [table.name]);
            assert_eq!(verdict.platforms.len(), table.platforms.len());
        }
    }
}
