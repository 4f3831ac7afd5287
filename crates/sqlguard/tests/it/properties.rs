// SPDX-License-Identifier: Apache-2.0
//! The property of any text, tried on the corpus, on the corpus wrapped into other queries, on random
//! statements and on random text.

use mimir_sqlguard::SQL_BYTES_MAX;
use proptest::prelude::*;

use crate::corpus::{BYPASS, HARMLESS, lines};
use crate::property::Property;

thread_local! {
    static PROPERTY: Property = Property::new();
}

fn holds(sql: &str) -> bool {
    PROPERTY.with(|property| property.holds(sql))
}

#[test]
fn the_property_holds_for_the_corpus() {
    for (_, sql) in lines(BYPASS) {
        assert!(!holds(&sql), "{sql}");
    }
    for (_, sql) in lines(HARMLESS) {
        assert!(holds(&sql), "{sql}");
    }
}

/// Places a query can stand in.
const WRAPPERS: &[&str] = &[
    "SELECT * FROM (@)",
    "SELECT 1 FROM users WHERE EXISTS (@)",
    "SELECT 1 FROM users WHERE 0 AND EXISTS (@)",
    "WITH q AS (@) SELECT 1",
    "WITH q AS (@) SELECT * FROM q",
    "WITH RECURSIVE q AS (@ UNION SELECT * FROM q) SELECT 1 FROM q",
    "SELECT (@)",
    "SELECT 1 ORDER BY (@)",
    "SELECT 1 UNION ALL @",
    "SELECT 1 LIMIT (@)",
    "SELECT CASE WHEN 0 THEN (@) ELSE 1 END",
    "SELECT sum(uid) OVER (PARTITION BY (@)) FROM users",
    "SELECT coalesce(1, (@)) FROM users u LEFT JOIN processes p ON 0",
    "SELECT * FROM users JOIN (@) AS q ON q.x = uid",
    "SELECT * FROM json_each((@))",
    "SELECT 1 IN (@)",
    "SELECT 1 FROM users GROUP BY uid HAVING (@)",
    "SELECT 'x' LIKE (@)",
    "SELECT 1/* @ */ FROM (@)",
];

/// Wherever a denied query is put, the whole is refused.
#[test]
fn wrapping_does_not_help() {
    for (_, sql) in lines(BYPASS).filter(|(expected, _)| !expected.starts_with('!')) {
        for wrapper in WRAPPERS {
            let wrapped = wrapper.replace("/* @ */", "").replace('@', &sql);
            assert!(!holds(&wrapped), "{wrapped}");
        }
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "FROM",
        "WHERE",
        "users",
        "processes",
        "uid",
        "*",
        ",",
        "(",
        ")",
        "1",
        "'curl'",
        "AS",
        "JOIN",
        "USING",
        "ON",
        "=",
        "AND",
        "0 AND",
        "EXISTS",
        "IN",
        "WITH",
        "q",
        "UNION",
        "LIMIT",
        "count(*)",
        ".",
        "main",
        "LIKE",
        "NOT",
        "/* curl */",
        "-- curl\n",
        ";",
        "GROUP BY",
        "ORDER BY",
        "file",
        "path",
        "'/x'",
        "x",
        "NATURAL",
        "LEFT",
        "OVER",
        "json_each",
        "RECURSIVE",
        "VALUES",
        "CASE WHEN",
        "THEN",
        "END",
        "IS",
        "DISTINCT",
        "\"u\"",
        "[x]",
        "`x`",
        "''",
        "WINDOW",
        "w",
    ])
}

fn denied() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "curl",
        "CURL",
        "\"curl\"",
        "`curl`",
        "[curl]",
        "main.curl",
        "carves",
        "sleep(1)",
        "carve(path)",
        "pid_with_namespace",
        "yara",
        "\"Yara_File\"",
        "(SELECT 1 FROM curl)",
        "(SELECT sleep(1))",
        "sigurl",
    ])
}

/// A `SELECT` that is usually well-formed, with a hole.
fn statement() -> impl Strategy<Value = String> {
    let column = prop::sample::select(vec![
        "uid",
        "*",
        "count(*)",
        "u.uid",
        "1",
        "max(uid)",
        "(SELECT 1)",
        "uid AS a",
        "'x'",
        "lower(username)",
    ]);
    let table = prop::sample::select(vec![
        "users",
        "users u",
        "main.users AS u",
        "(SELECT uid FROM users) u",
        "users u JOIN processes p USING (uid)",
        "(users)",
        "\"users\" u",
        "json_each('[]') u",
        "users u, os_version",
    ]);
    let filter = prop::sample::select(vec![
        "1",
        "0",
        "uid = 1",
        "u.uid IN (1, 2)",
        "EXISTS (SELECT 1 FROM processes)",
        "uid IN (SELECT uid FROM users)",
        "0 AND 1",
        "username LIKE 'a%'",
    ]);
    (column, table, filter, 0..4).prop_map(|(column, table, filter, kind)| match kind {
        0 => format!("SELECT {column} FROM {table} WHERE {filter}"),
        1 => format!("SELECT {column} FROM {table}"),
        2 => format!("WITH q AS (SELECT {column} FROM {table}) SELECT * FROM q"),
        _ => format!("SELECT {column} FROM {table} WHERE {filter} UNION SELECT 1"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn the_property_holds_for_statements(sql in statement()) {
        holds(&sql);
    }

    #[test]
    fn the_property_holds_for_words(words in prop::collection::vec(word(), 1..20)) {
        holds(&format!("SELECT {}", words.join(" ")));
    }

    /// Every fragment is closed in itself, so a denied one among them is always an identifier.
    #[test]
    fn a_denied_name_among_words_is_refused(
        before in prop::collection::vec(word(), 0..8),
        denied in denied(),
        after in prop::collection::vec(word(), 0..8),
    ) {
        let sql = format!("SELECT {} {denied} {}", before.join(" "), after.join(" "));
        prop_assert!(!holds(&sql), "{}", sql);
    }

    #[test]
    fn a_denied_name_in_a_statement_is_refused(sql in statement(), denied in denied(), at in 0_usize..40) {
        let words: Vec<&str> = sql.split(' ').collect();
        let at = at % words.len();
        let mut changed = words.clone();
        changed[at] = denied;
        prop_assert!(!holds(&changed.join(" ")), "{}", changed.join(" "));
    }

    #[test]
    fn the_property_holds_for_text(text in ".{0,200}") {
        holds(&text);
        holds(&format!("SELECT {text}"));
        assert!(text.len() < SQL_BYTES_MAX);
    }
}
