// SPDX-License-Identifier: Apache-2.0
//! Deny-lists other than the default one, as administrators write them.

use std::collections::BTreeSet;

use mimir_sqlguard::{DenyList, Guard, REASON_OF_ADMIN, Rule, Scope, Verdict, function_names};

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn check(sql: &str, deny: &DenyList) -> Verdict {
    Guard::new().expect("SQLite opens").check(sql, Scope::MultiHost, deny)
}

fn blocked(sql: &str, deny: &DenyList) -> Vec<(Rule, String)> {
    let verdict = check(sql, deny);
    assert_eq!(verdict.error, None, "{sql}");
    verdict.blocked.into_iter().map(|blocked| (blocked.rule, blocked.name)).collect()
}

#[test]
fn an_empty_list_denies_only_unknown_tables() {
    let deny = DenyList::empty();
    assert!(check("SELECT sleep(1) FROM curl, users(1)", &deny).is_allowed());
    assert_eq!(blocked("SELECT 1 FROM ext", &deny), [(Rule::UnknownTable, "ext".to_owned())]);
}

#[test]
fn a_table_is_denied_by_any_of_its_names() {
    for entry in ["etc_hosts", "hosts", "HOSTS"] {
        let deny = DenyList { denied_tables: names(&[entry]), ..DenyList::empty() };
        for sql in ["SELECT * FROM etc_hosts", "SELECT * FROM hosts", "SELECT * FROM \"Hosts\""] {
            assert_eq!(blocked(sql, &deny), [(Rule::DeniedTable, "etc_hosts".to_owned())], "{sql}");
        }
        assert_eq!(blocked("SELECT 1 AS hosts", &deny)[0].0, Rule::DeniedName);
    }
    let deny = DenyList { denied_tables: names(&["ext"]), ..DenyList::empty() };
    assert_eq!(blocked("SELECT 1 FROM ext", &deny), [(Rule::DeniedTable, "ext".to_owned())]);
    assert!(check("SELECT 1 FROM ext", &deny).blocked[0].reason.contains(REASON_OF_ADMIN));
}

#[test]
fn a_column_of_one_table_is_denied_in_every_disguise() {
    let deny = DenyList { denied_columns: names(&["processes.cmdline"]), ..DenyList::empty() };
    let found = [(Rule::DeniedColumn, "processes.cmdline".to_owned())];
    for sql in [
        "SELECT cmdline FROM processes",
        "SELECT * FROM processes",
        "SELECT p.* FROM users u JOIN processes p USING (uid)",
        "SELECT count(*) FROM processes WHERE CmdLine LIKE '%x%'",
        "SELECT pid FROM processes ORDER BY \"cmdline\"",
        "SELECT count(*) FROM processes JOIN process_etw_events USING (cmdline)",
        "SELECT count(*) FROM processes NATURAL JOIN process_etw_events",
        "SELECT x.c FROM (SELECT cmdline AS c FROM processes) x",
        "WITH p(a) AS (SELECT cmdline FROM processes) SELECT a FROM p",
    ] {
        assert_eq!(blocked(sql, &deny), found, "{sql}");
    }
    let dead = "SELECT 1 WHERE 0 AND EXISTS (SELECT cmdline FROM processes)";
    assert_eq!(blocked(dead, &deny), [(Rule::DeniedName, "cmdline".to_owned())]);
    for sql in [
        "SELECT name FROM processes",
        "SELECT count(*) FROM processes",
        "SELECT cmdline FROM process_etw_events",
        "SELECT 'cmdline' FROM processes",
    ] {
        assert!(check(sql, &deny).is_allowed(), "{sql}");
    }
}

#[test]
fn a_column_is_denied_by_its_other_names_too() {
    for entry in ["process_events.env", "process_events.environment", "*.env", "*.environment"] {
        let deny = DenyList { denied_columns: names(&[entry]), ..DenyList::empty() };
        for sql in [
            "SELECT env FROM process_events",
            "SELECT environment FROM process_events WHERE time > 1",
        ] {
            let found = blocked(sql, &deny);
            assert_eq!(
                found,
                [(Rule::DeniedColumn, "process_events.env".to_owned())],
                "{entry}: {sql}"
            );
        }
    }
}

#[test]
fn a_function_is_denied_as_an_operator_too() {
    let deny = DenyList { denied_functions: names(&["like", "GROUP_CONCAT"]), ..DenyList::empty() };
    for (sql, name) in [
        ("SELECT group_concat(uid) FROM users", "group_concat"),
        ("SELECT uid FROM users WHERE username LIKE 'x'", "like"),
    ] {
        assert_eq!(blocked(sql, &deny), [(Rule::DeniedFunction, name.to_owned())], "{sql}");
    }
}

#[test]
fn each_finding_appears_once_and_says_why() {
    let deny = DenyList::default_list();
    let verdict = check("SELECT curl.url FROM curl, curl c, (SELECT url FROM curl)", &deny);
    assert_eq!(verdict.blocked.len(), 1);
    assert_eq!(
        verdict.blocked[0].reason,
        "Table `curl` may not be queried on more than one host: every host sends a web request to one \
         address at once, also to internal ones."
    );
    let verdict = check("SELECT 1 AS curl", &deny);
    assert!(verdict.blocked[0].reason.contains("Remove or rename it"), "{verdict:?}");
}

#[test]
fn a_list_survives_storage() {
    let deny = DenyList::default_list();
    let text = serde_json::to_string(&deny).expect("JSON");
    assert_eq!(serde_json::from_str::<DenyList>(&text).expect("JSON"), deny);
    assert_eq!(serde_json::from_str::<DenyList>("{}").expect("JSON"), DenyList::empty());
    assert!(serde_json::from_str::<DenyList>(r#"{"tables":[]}"#).is_err());
}

/// Every function offered for completion is one a query may name.
#[test]
fn the_functions_offered_exist() {
    let names = function_names();
    assert!(names.is_sorted() && names.len() > 100);
    let guard = Guard::new().expect("SQLite opens");
    for name in names {
        let is_known = (0..7).any(|count| {
            let arguments = vec!["0.5"; count].join(", ");
            ["", " OVER ()"].iter().any(|over| {
                let sql = match name {
                    "current_date" | "current_time" | "current_timestamp" => {
                        format!("SELECT {name}")
                    }
                    _ => format!("SELECT {name}({arguments}){over}"),
                };
                guard.check(&sql, Scope::SingleHost, &DenyList::empty()).is_allowed()
            })
        });
        assert!(is_known, "{name}");
    }
}
