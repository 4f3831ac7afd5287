// SPDX-License-Identifier: Apache-2.0
//! Every statement of the product is understood by both engines on the product's schema.

use std::collections::HashSet;

use mimir_store::db::{Db, Engine};
use mimir_store::testing::TestDb;
use mimir_store::{DbError, all_statements, both_engines, values};

use crate::given::read;

both_engines!(every_statement_is_understood, |db: Db| {
    let refusals: Vec<String> = all_statements()
        .into_iter()
        .filter_map(|(name, sql)| {
            // Each in a transaction of its own: a refused statement ends the one it was in.
            let checked = db.write::<(), DbError>(move |tx| tx.check_statement(sql));
            checked.err().map(|error| format!("{name}: {error}\n{sql}"))
        })
        .collect();
    assert!(refusals.is_empty(), "{}", refusals.join("\n\n"));
});

/// The list above is complete: a noun whose file declares statements is in it, and a text that is
/// not SQL at all would be noticed.
#[test]
fn the_list_holds_every_file_that_declares_statements() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let listed: HashSet<&str> = all_statements().into_iter().map(|(_, sql)| sql).collect();
    let mut declared = 0;
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) if path.extension().is_some_and(|ending| ending == "rs") => text,
            _ => continue,
        };
        let Some((_, block)) = text.split_once("\nstatements! {\n") else { continue };
        let block = block.split_once("\n}\n").expect("a block ends").0;
        declared += block.lines().filter(|line| names_statement(line)).count();
    }
    assert!(declared > 100, "{declared}");
    assert_eq!(all_statements().len(), declared);
    assert!(listed.len() > declared - 5, "few files share a text");
}

/// Whether this line begins `    NAME = …`.
fn names_statement(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("    ") else { return false };
    let Some((name, _)) = rest.split_once(" =") else { return false };
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

both_engines!(a_wrong_statement_is_noticed, |db: Db| {
    for wrong in ["select hostnam from host", "select no from host where id = $2", "selekt 1"] {
        let checked = db.write::<(), DbError>(move |tx| tx.check_statement(wrong));
        assert!(checked.is_err(), "{wrong}");
    }
});

/// Searches must not depend on the locale of somebody's PostgreSQL: what a statement lowers is
/// compared byte by byte.
#[test]
fn searched_columns_have_the_same_collation_everywhere() {
    let test = TestDb::migrated(Engine::Postgres);
    let mut searched: HashSet<&str> = HashSet::new();
    for (_, sql) in all_statements() {
        let arguments = sql.split("lower(").skip(1).filter_map(|rest| rest.split(')').next());
        searched.extend(arguments.map(|name| name.trim_start_matches("h.")));
    }
    assert!(searched.contains("hostname") && searched.len() > 5, "{searched:?}");
    let sql = "select table_name || '.' || column_name from information_schema.columns \
               where table_name in ('host', 'campaign', 'saved_query', 'audit', 'indicator') \
               and column_name = $1 and collation_name is distinct from 'C'";
    for name in searched {
        let name = name.to_owned();
        let wrong = read(&test, move |tx| tx.query(sql, &values![name.as_str()]));
        assert!(wrong.is_empty(), "not collated \"C\": {wrong:?}");
    }
}

/// What every enrolment and every poll asks is found by an index: a scan would make a fleet's
/// first day cost the square of its size.
#[test]
fn what_agents_cause_reads_no_whole_table() {
    let test = TestDb::migrated(Engine::Sqlite);
    let asked = [
        "from host where machine_key = $1 and decommissioned_at is null",
        "from host where machine_key = $1 and reenrollment_blocked",
        "from enrollment_secret where secret_hash = $1",
        "from node_key where host_no = $1",
    ];
    for part in asked {
        let found = all_statements().into_iter().find(|(_, sql)| sql.contains(part));
        let (name, sql) = found.unwrap_or_else(|| panic!("no statement has `{part}`"));
        let explain: &'static str = Box::leak(format!("explain query plan {sql}").into_boxed_str());
        let plan = read(&test, move |tx| tx.query(explain, &values![""]));
        let steps: Vec<String> = plan.iter().map(|step| step.get(3).unwrap()).collect();
        assert!(!steps.is_empty(), "{name}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{name}: {steps:?}");
    }
}
