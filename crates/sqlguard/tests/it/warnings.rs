// SPDX-License-Identifier: Apache-2.0
//! A text table of queries and the warnings they have.

use mimir_sqlguard::{DenyList, Guard, Scope, WarningCode};

use crate::corpus::lines;

const WARNINGS: &str = include_str!("corpus/warnings.txt");

#[test]
fn every_query_has_exactly_its_warnings() {
    let guard = Guard::new().expect("SQLite opens");
    let deny = DenyList::default_list();
    let mut wrong = Vec::new();
    for (expected, sql) in lines(WARNINGS) {
        let verdict = guard.check(&sql, Scope::SingleHost, &deny);
        let found: Vec<String> = verdict
            .warnings
            .iter()
            .map(|w| format!("{}:{}", w.code.as_str(), w.table.as_deref().unwrap_or_default()))
            .collect();
        let mut found = found.join(",");
        if found.is_empty() {
            found.push('-');
        }
        let sorted = |list: &str| {
            let mut words: Vec<_> = list.split(',').map(str::to_owned).collect();
            words.sort_unstable();
            words
        };
        if verdict.error.is_some() || sorted(&found) != sorted(expected) {
            wrong.push(format!("{expected} | {sql}\n    {found} {:?}", verdict.error));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn warnings_never_refuse() {
    let guard = Guard::new().expect("SQLite opens");
    let verdict = guard.check("SELECT * FROM file", Scope::MultiHost, &DenyList::default_list());
    assert!(verdict.is_allowed());
    assert_eq!(verdict.warnings[0].code, WarningCode::MissingConstraint);
    assert_eq!(
        verdict.warnings[0].message,
        "`file` needs a `path` or `directory` constraint (`=`, `IN` or `LIKE`). Without it hosts answer \
         with an error."
    );
}

#[test]
fn the_code_is_the_same_word_everywhere() {
    for code in [WarningCode::MissingConstraint, WarningCode::RecursiveWith, WarningCode::CrossJoin]
    {
        assert_eq!(serde_json::to_value(code).expect("a word"), code.as_str());
    }
}
