// SPDX-License-Identifier: Apache-2.0
//! What the operator reads when a text is no acceptable statement, and where it points.

use mimir_sqlguard::{DenyList, Guard, Platform, Scope, SqlErrorCode, canonical};

fn error(sql: &str) -> (SqlErrorCode, Option<usize>, String) {
    let guard = Guard::new().expect("SQLite opens");
    let verdict = guard.check(sql, Scope::SingleHost, &DenyList::default_list());
    let error = verdict.error.unwrap_or_else(|| panic!("{sql} was accepted"));
    (error.code, error.offset, error.message)
}

#[test]
fn each_mistake_has_its_own_sentence_and_place() {
    use SqlErrorCode as Code;
    let cases = [
        ("", Code::Empty, None, "The query is empty"),
        ("SELECT 1; SELECT 2", Code::MultipleStatements, Some(10), "more than one statement"),
        ("DELETE FROM users", Code::NotSelect, Some(0), "DELETE is not allowed"),
        (" explain select 1", Code::NotSelect, Some(1), "EXPLAIN is not allowed"),
        ("SELECT FROM users", Code::Syntax, Some(7), "not well-formed"),
        ("SELECT * FROM users WHERE", Code::Syntax, None, "not well-formed"),
        ("SELECT usrname FROM users", Code::UnknownColumn, Some(7), "no column `usrname`"),
        ("SELECT u.nope FROM users u", Code::UnknownColumn, Some(7), "no column `u.nope`"),
        ("SELECT uid FROM users JOIN processes", Code::AmbiguousColumn, Some(7), "`uid`"),
        ("SELECT nope(1)", Code::UnknownFunction, Some(7), "no function `nope`"),
        ("SELECT sqrt(1, 2)", Code::UnknownFunction, Some(7), "wrong number of arguments"),
        ("SELECT octet_length('x')", Code::UnknownFunction, None, "osquery's SQLite 3.42"),
        ("SELECT 1 WHERE 'x' REGEXP 'y'", Code::UnknownFunction, Some(19), "no REGEXP"),
        ("SELECT * FROM users WHERE uid = ?", Code::Parameter, Some(32), "`?` is a parameter"),
        ("SELECT * FROM sqlite_master", Code::NotAllowed, Some(14), "`sqlite_master`"),
        ("SELECT 'x", Code::IllegalCharacter, Some(7), "a `'` is missing"),
        ("SELECT 1\0; DROP TABLE x", Code::IllegalCharacter, Some(8), "NUL"),
        ("SELECT é FROM users", Code::UnknownColumn, Some(7), "`é`"),
        ("SELECT max(max(uid)) FROM users", Code::Other, Some(11), "osquery would refuse"),
    ];
    for (sql, code, offset, part) in cases {
        let (found, at, message) = error(sql);
        assert_eq!(found, code, "{sql}: {message}");
        assert_eq!(at, offset, "{sql}: {message}");
        assert!(message.contains(part), "{sql}: {message}");
    }
}

#[test]
fn denied_names_are_told_together_with_a_mistake() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    let verdict = guard.check("SELECT nope FROM curl, carves", Scope::MultiHost, &deny);
    assert!(verdict.error.is_some());
    let names: Vec<_> = verdict.blocked.iter().map(|blocked| blocked.name.as_str()).collect();
    assert_eq!(names, ["carves", "curl"]);
}

#[test]
fn platforms_are_those_that_have_all_tables() {
    let guard = Guard::new().expect("SQLite opens");
    let platforms =
        |sql: &str| guard.check(sql, Scope::MultiHost, &DenyList::default_list()).platforms;
    assert_eq!(platforms("SELECT 1"), Platform::ALL);
    assert_eq!(platforms("SELECT * FROM users, processes"), Platform::ALL);
    assert_eq!(platforms("SELECT * FROM registry"), [Platform::Windows]);
    assert_eq!(platforms("SELECT * FROM users, deb_packages"), [Platform::Linux]);
    assert_eq!(platforms("SELECT * FROM registry, deb_packages"), []);
}

#[test]
fn the_canonical_form_drops_only_what_means_nothing() {
    for (sql, expected) in [
        ("SELECT 1", "SELECT 1"),
        ("  SELECT 1 ; \n", "SELECT 1"),
        ("SELECT 1;;", "SELECT 1;"),
        ("SELECT ';'", "SELECT ';'"),
        ("SELECT 1 -- ;", "SELECT 1 -- ;"),
        ("SELECT 1 /* ; */;", "SELECT 1 /* ; */"),
        ("SELECT 1 ; -- x", "SELECT 1 ; -- x"),
        (" ; ", ""),
        ("", ""),
        ("SELECT 'open;", "SELECT 'open;"),
        ("SELECT 1; /* ", "SELECT 1; /* "),
        ("\x0c\x0bSELECT 1 ", "\x0c\x0bSELECT 1 "),
        (" SELECT 1 /* x ", "SELECT 1 /* x"),
        ("SELECT 1\u{a0}", "SELECT 1\u{a0}"),
    ] {
        assert_eq!(canonical(sql), expected);
        assert_eq!(canonical(canonical(sql)), canonical(canonical(canonical(sql))));
    }
}
