// SPDX-License-Identifier: Apache-2.0
//! Texts that are long, deep or grow: each must be judged quickly and without a panic.

use mimir_sqlguard::{DenyList, Guard, SQL_BYTES_MAX, Scope, SqlErrorCode as Code, Verdict};

fn check(sql: &str) -> Verdict {
    Guard::new().expect("SQLite opens").check(sql, Scope::MultiHost, &DenyList::default_list())
}

fn code(sql: &str) -> Option<Code> {
    check(sql).error.map(|error| error.code)
}

#[test]
fn the_length_is_bounded() {
    let padded = |length: usize| format!("SELECT 1{}", " ".repeat(length - 8));
    assert_eq!(code(&padded(SQL_BYTES_MAX)), None);
    assert_eq!(code(&padded(SQL_BYTES_MAX + 1)), Some(Code::TooLong));
}

#[test]
fn a_hunt_of_a_thousand_values_fits() {
    let values: Vec<String> = (0..1_000).map(|n| format!("'{n:060x}'")).collect();
    let sql = format!(
        "SELECT f.path, h.sha256 FROM processes f JOIN hash h ON h.path = f.path WHERE h.sha256 IN ({})",
        values.join(",")
    );
    assert!(sql.len() < SQL_BYTES_MAX);
    assert!(check(&sql).is_allowed(), "{:?}", check(&sql));
    let rows: Vec<String> = (0..400).map(|n| format!("('{n:064x}', {n})")).collect();
    let sql = format!(
        "WITH i(value, id) AS (VALUES {}) SELECT i.id, h.path FROM i JOIN hash h ON h.sha256 = i.value \
         WHERE h.directory = '/tmp'",
        rows.join(", ")
    );
    assert!(check(&sql).is_allowed(), "{:?}", check(&sql));
    let paths: Vec<String> = (0..400).map(|n| format!("path LIKE '/opt/{n:040}/%'")).collect();
    let sql = format!("SELECT path FROM file WHERE {}", paths.join(" OR "));
    assert!(check(&sql).is_allowed(), "{:?}", check(&sql));
    let unions: Vec<String> = (0..400)
        .map(|n| format!("SELECT {n} AS id, path FROM file WHERE path = '/opt/{n:040}'"))
        .collect();
    assert!(check(&unions.join(" UNION ALL ")).is_allowed());
}

#[test]
fn what_grows_while_it_is_prepared_is_refused() {
    let chain = |levels: usize, step: &str| {
        let mut sql = "WITH a0(x) AS (SELECT uid FROM users)".to_owned();
        for level in 0..levels {
            let step = step.replace('@', &format!("a{level}"));
            sql.push_str(&format!(", a{}(x) AS ({step})", level + 1));
        }
        format!("{sql} SELECT x FROM a{levels}")
    };
    assert_eq!(code(&chain(40, "SELECT p.x FROM @ p, @ q")), Some(Code::TooComplex));
    assert_eq!(code(&chain(40, "SELECT x + x FROM @")), Some(Code::TooComplex));
    assert_eq!(code(&chain(40, "SELECT (SELECT x) || x FROM @")), Some(Code::TooComplex));
    assert_eq!(code(&chain(5, "SELECT x + x FROM @")), None);
    assert_eq!(
        code(&chain(40, "SELECT x FROM @ UNION ALL SELECT x FROM @")),
        Some(Code::TooComplex)
    );
    let mut nested = "SELECT uid AS x FROM users".to_owned();
    for _ in 0..40 {
        nested = format!("SELECT x + x AS x FROM ({nested})");
    }
    assert_eq!(code(&nested), Some(Code::TooComplex));
}

#[test]
fn depth_is_bounded() {
    let many = 10_000;
    for sql in [
        format!("SELECT {}1{}", "(".repeat(many), ")".repeat(many)),
        format!("SELECT {}", "(".repeat(many)),
        format!("SELECT 1{}", ")".repeat(many)),
        format!("SELECT {}1", "+ ".repeat(many)),
        format!("SELECT {}1", "NOT ".repeat(many)),
        format!("SELECT 1{}", " + 1".repeat(many)),
        format!("SELECT {}1", "SELECT ".repeat(many / 2)),
        format!("WITH {}", "a AS (SELECT 1), ".repeat(many / 3)),
        format!("SELECT {}1{}", "CASE WHEN ".repeat(2_000), " THEN 1 END".repeat(2_000)),
        format!("SELECT * FROM {}", vec!["users"; many].join(",")),
        format!("SELECT {}", vec!["1"; many].join(",")),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(4_000)),
        format!("SELECT coalesce({})", vec!["1"; many].join(",")),
        format!("SELECT * FROM {}users{}", "(".repeat(3_000), ")".repeat(3_000)),
        format!("SELECT * FROM users{}", " JOIN users".repeat(4_000)),
        format!("SELECT 1{} FROM users", ", sum(uid) OVER (ORDER BY uid)".repeat(900)),
        format!("SELECT 1{} FROM users", ", (SELECT max(uid) FROM users)".repeat(1_500)),
    ] {
        assert!(check(&sql).error.is_some(), "{}", &sql[..60]);
    }
}

#[test]
fn hostile_text_never_panics() {
    for sql in [
        "\u{feff}SELECT 1",
        "SELECT\u{a0}1",
        "SELECT '\u{10ffff}'",
        "SELECT \u{0}",
        "\u{0}",
        "'",
        "\"",
        "[",
        "`",
        "--",
        "/*",
        "/**/",
        "*/",
        ";",
        ";;;;",
        "(",
        ")",
        "SELECT ')'",
        ".",
        "..",
        "SELECT .",
        "SELECT users.",
        "SELECT .users",
        "WITH",
        "WITH x",
        "WITH x AS",
        "WITH x AS (",
        "WITH x(",
        "SELECT FROM",
        "SELECT x IN",
        "SELECT * FROM a.b.c.d",
        "SELECT * FROM \"\"",
        "SELECT \"\" FROM \"\"",
        "SELECT * FROM ''",
        "SELECT * FROM users AS",
        "SELECT 1 AS",
        "SELECT x''",
        "SELECT 0x",
        "SELECT 1e",
        "SELECT $",
        "SELECT ?",
        "SELECT * FROM \"a\"\"b\"",
        "SELECT * FROM \"*\"",
        "SELECT \"*\" FROM ext",
        "SELECT e.\"*\" FROM ext e",
        "SELECT * FROM \" \"",
        "SELECT * FROM \"a\tb\"",
        "SELECT \"x\ny\" FROM ext",
    ] {
        let verdict = check(sql);
        assert!(
            verdict.error.as_ref().is_none_or(|e| e.offset.is_none_or(|at| at <= sql.len())),
            "{sql:?}"
        );
        assert!(verdict.error.is_none_or(|error| error.code != Code::Internal), "{sql:?}");
    }
}
