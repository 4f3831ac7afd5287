// SPDX-License-Identifier: Apache-2.0
//! Compares what a query touches with the deny-list.
//!
//! Two sources are joined: what SQLite reported while it prepared the statement, and the identifiers of
//! the text. A denied name is refused wherever it stands as an identifier, since only SQLite on the
//! host decides what it means there.

use std::collections::{BTreeMap, BTreeSet};

use crate::deny::{self, DenyList, REASON_OF_ADMIN};
use crate::module::Record;
use crate::scan::Scan;
use crate::schema;
use crate::verdict::{Blocked, Rule};

/// What one query touches. All names in lower case, osquery's canonical.
#[derive(Debug)]
pub(crate) struct Facts<'s> {
    pub(crate) tables: BTreeSet<String>,
    pub(crate) unknown: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
    functions: BTreeSet<String>,
    identifiers: &'s BTreeMap<String, usize>,
}

impl<'s> Facts<'s> {
    pub(crate) fn new<'u>(
        record: &Record,
        scan: &'s Scan,
        unknown: impl Iterator<Item = &'u String>,
    ) -> Self {
        let mut facts = Self {
            tables: scan.known_tables().map(|(_, table)| table.name.to_owned()).collect(),
            unknown: unknown.cloned().collect(),
            columns: record.reads.clone(),
            functions: record.functions.clone(),
            identifiers: &scan.identifiers,
        };
        for (table, _) in &record.reads {
            match schema::table(table) {
                Some(table) => facts.tables.insert(table.name.to_owned()),
                None => facts.unknown.insert(table.clone()),
            };
        }
        // The arguments in `users(1)` constrain hidden columns without naming them.
        for (_, table) in scan.known_tables().filter(|(place, _)| place.is_call) {
            let hidden = table.columns.iter().filter(|column| column.hidden);
            let named = hidden.map(|column| (table.name.to_owned(), column.name.to_owned()));
            facts.columns.extend(named);
        }
        facts
    }

    fn has_identifier(&self, name: &str) -> bool {
        self.identifiers.contains_key(name)
    }
}

/// Everything the list refuses for more than one host, sorted, each name once.
pub(crate) fn findings(facts: &Facts<'_>, list: &DenyList) -> Vec<Blocked> {
    let mut found = BTreeSet::new();
    for table in lower(&list.denied_tables) {
        found.extend(table_finding(facts, &table));
    }
    for column in lower(&list.denied_columns) {
        if let Some((table, column)) = column.split_once('.') {
            column_findings(facts, table, column, &mut found);
        }
    }
    for function in lower(&list.denied_functions) {
        found.extend(function_finding(facts, &function));
    }
    let allowed: BTreeSet<String> = lower(&list.allowed_extension_tables).collect();
    let denied: BTreeSet<String> = lower(&list.denied_tables).collect();
    for name in facts.unknown.difference(&allowed).filter(|name| !denied.contains(*name)) {
        let reason = format!(
            "Table `{name}` is not one of osquery's own, so what it does on a host is not known. It may \
             be queried on a single host, or on more after an administrator allows it."
        );
        found.insert(Blocked { rule: Rule::UnknownTable, name: name.clone(), reason });
    }
    found.into_iter().collect()
}

fn lower(names: &BTreeSet<String>) -> impl Iterator<Item = String> {
    names.iter().map(|name| name.trim().to_ascii_lowercase())
}

fn because(entry: &str) -> &'static str {
    deny::reason_for(entry).unwrap_or(REASON_OF_ADMIN)
}

/// What is said of a table that an entry denies.
pub(crate) fn denied_table(name: &str, entry: &str) -> String {
    format!("Table `{name}` may not be queried on more than one host: {}.", because(entry))
}

/// What is said of a column that an entry denies.
pub(crate) fn denied_column(table: &str, column: &str, entry: &str) -> String {
    let because = because(entry);
    format!("Column `{table}.{column}` may not be read on more than one host: {because}.")
}

/// What is said of a function that an entry denies.
pub(crate) fn denied_function(entry: &str) -> String {
    format!("Function `{entry}` may not be called on more than one host: {}.", because(entry))
}

fn table_finding(facts: &Facts<'_>, entry: &str) -> Option<Blocked> {
    let table = schema::table(entry);
    let name = table.map_or(entry, |table| table.name);
    if facts.tables.contains(name) || facts.unknown.contains(name) {
        let reason = denied_table(name, entry);
        return Some(Blocked { rule: Rule::DeniedTable, name: name.to_owned(), reason });
    }
    let names =
        std::iter::once(name).chain(table.into_iter().flat_map(|t| t.aliases.iter().copied()));
    let written = names.into_iter().find(|name| facts.has_identifier(name))?;
    Some(as_name(written, "table", because(entry)))
}

fn function_finding(facts: &Facts<'_>, entry: &str) -> Option<Blocked> {
    if facts.functions.contains(entry) {
        let reason = denied_function(entry);
        return Some(Blocked { rule: Rule::DeniedFunction, name: entry.to_owned(), reason });
    }
    facts.has_identifier(entry).then(|| as_name(entry, "function", because(entry)))
}

fn column_findings(facts: &Facts<'_>, table: &str, column: &str, found: &mut BTreeSet<Blocked>) {
    let entry = format!("{table}.{column}");
    let reason = because(&entry);
    let mut is_read = false;
    for (of, read) in &facts.columns {
        if is_column(of, read, table, column) {
            is_read = true;
            let (name, reason) = (format!("{of}.{read}"), denied_column(of, read, &entry));
            found.insert(Blocked { rule: Rule::DeniedColumn, name, reason });
        }
    }
    if is_read {
        return;
    }
    // The name of one table's column is free where that table does not appear.
    let canonical = schema::table(table).map_or(table, |table| table.name);
    if table != "*" && !facts.tables.contains(canonical) && !facts.unknown.contains(canonical) {
        return;
    }
    let written = column_names(table, column).into_iter().find(|name| facts.has_identifier(name));
    if let Some(written) = written {
        found.insert(as_name(&written, "column", reason));
    }
}

/// Whether a column that is read is the one an entry names.
fn is_column(of: &str, read: &str, table: &str, column: &str) -> bool {
    if table != "*" && schema::table(table).map_or(table, |table| table.name) != of {
        return false;
    }
    let canonical = schema::table(of).and_then(|of| of.column(column)).map(|column| column.name);
    canonical.unwrap_or(column) == read
}

/// Every way to write a denied column: its name and, where the schema has them, its aliases.
fn column_names(table: &str, column: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::from([column.to_owned()]);
    let tables = schema::tables()
        .iter()
        .filter(|of| table == "*" || of.name == table || of.aliases.contains(&table));
    for fact in tables.filter_map(|table| table.column(column)) {
        names.insert(fact.name.to_ascii_lowercase());
        names.extend(fact.aliases.iter().map(|alias| alias.to_ascii_lowercase()));
    }
    names
}

fn as_name(name: &str, kind: &str, because: &str) -> Blocked {
    let reason = format!(
        "`{name}` is the name of a denied {kind} ({because}). At more than one host the name may not \
         stand in a query at all, not even as an alias, a part of WITH or in a branch that is never \
         taken. Remove or rename it."
    );
    Blocked { rule: Rule::DeniedName, name: name.to_owned(), reason }
}
