// SPDX-License-Identifier: Apache-2.0
//! What statements may do, how values look, and what reaches the tables.

use crate::fixture::{error, rows, runner, value};

#[test]
fn only_reading_is_allowed() {
    for sql in [
        "INSERT INTO users (uid) VALUES (1)",
        "UPDATE users SET uid = 1",
        "DELETE FROM processes",
        "CREATE TABLE t (a)",
        "CREATE TABLE t AS SELECT * FROM users",
        "CREATE TEMP TABLE t (a)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE VIRTUAL TABLE v USING processes",
        "CREATE VIRTUAL TABLE v USING fts5(a)",
        "CREATE TEMP TRIGGER t INSTEAD OF INSERT ON hosts BEGIN SELECT 1; END",
        "DROP VIEW hosts",
        "ATTACH '/tmp/x.db' AS x",
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '/tmp/x.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT s",
        "PRAGMA journal_mode",
        "PRAGMA temp_store = 1",
        "PRAGMA hard_heap_limit = 0",
        "PRAGMA user_version = 3",
        "PRAGMA writable_schema = 1",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
    ] {
        let error = error(sql);
        let refusals =
            ["not authorized", "prohibited", "may not be modified", "that read are allowed"];
        assert!(refusals.iter().any(|refusal| error.contains(refusal)), "{sql}: {error}");
    }
}

#[test]
fn the_schema_can_be_asked_for() {
    let columns = rows("PRAGMA table_info(users)");
    assert_eq!((columns[0]["name"].as_str(), columns[0]["type"].as_str()), ("uid", "BIGINT"));
    let hidden = value("SELECT count(*) FROM pragma_table_xinfo('users') WHERE hidden <> 0");
    assert_eq!(hidden, "4");
}

#[test]
fn one_statement_is_taken() {
    assert_eq!(error("SELECT 1; SELECT 2"), "only one statement is allowed");
    assert_eq!(error("SELECT 1; DROP TABLE x"), "no such table: x");
    assert_eq!(error(""), "there is no SQL statement");
    assert_eq!(error("-- nothing"), "there is no SQL statement");
    assert_eq!(error("SELECT ?1"), "the SQL has parameters; write the values");
    assert_eq!(value("SELECT 1 ; -- done"), "1");
}

#[test]
fn errors_are_sqlites_own_words() {
    assert_eq!(error("SELECT * FROM foo"), "no such table: foo");
    assert_eq!(error("SELECT foo FROM users"), "no such column: foo");
    assert_eq!(error("SELEC 1"), "near \"SELEC\": syntax error");
}

#[test]
fn every_value_is_a_text() {
    let row = &rows(
        "SELECT NULL AS n, 1 AS i, -9223372036854775808 AS m, 1.0 AS r, 0.1 + 0.2 AS s,
                1e300 AS e, 'x' AS t, x'61ff62' AS b, '' AS empty, 1 = 1 AS yes",
    )[0];
    let expected = [
        ("n", ""),
        ("i", "1"),
        ("m", "-9223372036854775808"),
        ("r", "1.0"),
        ("s", "0.3"),
        ("e", "1.0e+300"),
        ("t", "x"),
        ("b", "a\u{fffd}b"),
        ("empty", ""),
        ("yes", "1"),
    ];
    for (column, text) in expected {
        assert_eq!(row[column], text, "{column}");
    }
}

#[test]
fn columns_keep_their_order_and_the_last_of_a_name_wins() {
    let (answer, _) = runner().run("SELECT 1 AS b, 2 AS a, 3 AS b, 4 AS c").unwrap();
    assert_eq!(answer.columns, ["a", "b", "c"]);
    assert_eq!(answer.rows().collect::<Vec<_>>(), [["2", "3", "4"]]);
}

#[test]
fn a_required_column_must_be_constrained() {
    for table in ["file", "hash"] {
        let expected =
            format!("Table {table} was queried without a required column in the WHERE clause");
        for filter in ["", "WHERE 1", "WHERE path > '/etc'", "WHERE path GLOB '/etc/*'"] {
            assert_eq!(error(&format!("SELECT * FROM {table} {filter}")), expected);
        }
        let one_or_nothing = format!("SELECT * FROM {table} WHERE path = '/etc/passwd' OR 1");
        assert_eq!(error(&one_or_nothing), expected);
        assert_eq!(rows(&format!("SELECT * FROM {table} WHERE path = NULL")).len(), 0);
    }
}

#[test]
fn constraints_reach_the_table_in_joins_lists_and_alternatives() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    for name in ["a", "b", "c"] {
        std::fs::write(path(name), name).unwrap();
    }
    let (a, b, c) = (path("a"), path("b"), path("c"));
    let names = |sql: String| -> Vec<String> {
        rows(&sql).into_iter().map(|mut row| row.remove("filename").unwrap()).collect()
    };
    let list = format!("SELECT filename FROM file WHERE path IN ('{a}', '{c}', '/missing')");
    assert_eq!(names(list), ["a", "c"]);
    let either = format!("SELECT filename FROM file WHERE path = '{a}' OR path = '{b}'");
    assert_eq!(names(either), ["a", "b"]);
    let dir = directory.path().display();
    let overlap = format!(
        "SELECT filename FROM file WHERE path = '{a}' OR directory = '{dir}' ORDER BY filename"
    );
    assert_eq!(names(overlap), ["a", "b", "c"]);
    let joined = format!(
        "WITH wanted (p) AS (VALUES ('{b}'), ('{c}'))
         SELECT file.filename FROM file JOIN wanted ON file.path = wanted.p ORDER BY 1"
    );
    assert_eq!(names(joined), ["b", "c"]);
    let digests = format!(
        "SELECT filename FROM file JOIN hash USING (path) WHERE file.directory = '{dir}'
         AND sha256 = sha256('b')"
    );
    assert_eq!(names(digests), ["b"]);
    let both = format!("SELECT filename FROM file WHERE path = '{a}' AND path = '{b}'");
    assert_eq!(names(both), [""; 0]);
}

#[test]
fn other_namespaces_are_refused_aloud() {
    let error = error("SELECT * FROM users WHERE pid_with_namespace = 1");
    assert!(error.contains("drop pid_with_namespace"), "{error}");
    assert!(!rows("SELECT * FROM users WHERE pid_with_namespace = 0").is_empty());
}

#[test]
fn hidden_columns_are_there_but_not_in_star() {
    let row = &rows("SELECT * FROM processes LIMIT 1")[0];
    assert!(row.contains_key("pid") && !row.contains_key("elevated_token"));
    assert_eq!(rows("SELECT elevated_token FROM processes LIMIT 1")[0]["elevated_token"], "");
    let row = &rows("SELECT datetime, date_time, iso_8601 FROM time")[0];
    assert_eq!((&row["datetime"], &row["date_time"]), (&row["iso_8601"], &row["iso_8601"]));
}
