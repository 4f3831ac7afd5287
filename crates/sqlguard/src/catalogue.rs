// SPDX-License-Identifier: Apache-2.0
//! The facts about osquery's tables as the API tells them, with what a deny-list refuses. For
//! completion only: whether a query may be sent is the guard's to say.

use std::collections::{BTreeMap, BTreeSet};

use mimir_wire::api::schema::{self as api, Schema, SchemaColumn, SchemaFunction, SchemaTable};

use crate::deny::DenyList;
use crate::findings::{denied_column, denied_function, denied_table};
use crate::functions::function_names;
use crate::schema::{self, Column, ColumnType, Table};

/// Where osquery describes its tables, one heading a table.
const TABLES_URL: &str = "https://osquery.io/schema/current/#";

/// What hosts can be asked, and what of it this list refuses for more than one host.
pub fn catalogue(list: &DenyList) -> Schema {
    let denials = Denials::new(list);
    let extensions = list.allowed_extension_tables.iter();
    Schema {
        osquery_version: schema::OSQUERY_VERSION.to_owned(),
        tables: schema::tables().iter().map(|table| show_table(table, &denials)).collect(),
        extension_tables: extensions.map(|name| name.trim().to_ascii_lowercase()).collect(),
        functions: function_names()
            .into_iter()
            .map(|name| SchemaFunction {
                name: name.to_owned(),
                denied: denials.functions.contains(name).then(|| denied_function(name)),
            })
            .collect(),
    }
}

/// A list by canonical names; the entry that denied something names its reason.
struct Denials {
    tables: BTreeMap<String, String>,
    columns: BTreeMap<(String, String), String>,
    functions: BTreeSet<String>,
}

impl Denials {
    fn new(list: &DenyList) -> Self {
        let lower = |name: &String| name.trim().to_ascii_lowercase();
        let canonical = |entry: &str| {
            schema::table(entry).map_or_else(|| entry.to_owned(), |table| table.name.to_owned())
        };
        let tables = list.denied_tables.iter().map(lower);
        let mut columns = BTreeMap::new();
        for entry in list.denied_columns.iter().map(lower) {
            let Some((of, column)) = entry.split_once('.') else { continue };
            let of = canonical(of);
            for table in schema::tables().iter().filter(|table| of == "*" || of == table.name) {
                if let Some(column) = table.column(column) {
                    let key = (table.name.to_owned(), column.name.to_owned());
                    columns.entry(key).or_insert_with(|| entry.clone());
                }
            }
        }
        Self {
            tables: tables.map(|entry| (canonical(&entry), entry)).collect(),
            columns,
            functions: list.denied_functions.iter().map(lower).collect(),
        }
    }
}

fn show_table(table: &Table, denials: &Denials) -> SchemaTable {
    SchemaTable {
        name: table.name.to_owned(),
        aliases: owned(&table.aliases),
        platforms: table.platforms.clone(),
        evented: table.evented,
        cacheable: table.cacheable,
        user_data: table.user_data,
        url: format!("{TABLES_URL}{}", table.name),
        denied: denials.tables.get(table.name).map(|entry| denied_table(table.name, entry)),
        required: table.required_columns().map(|column| column.name.to_owned()).collect(),
        columns: table.columns.iter().map(|column| show_column(table, column, denials)).collect(),
    }
}

fn show_column(table: &Table, column: &Column, denials: &Denials) -> SchemaColumn {
    let entry = denials.columns.get(&(table.name.to_owned(), column.name.to_owned()));
    SchemaColumn {
        name: column.name.to_owned(),
        column_type: match column.column_type {
            ColumnType::Text => api::ColumnType::Text,
            ColumnType::Integer => api::ColumnType::Integer,
            ColumnType::Bigint => api::ColumnType::Bigint,
            ColumnType::UnsignedBigint => api::ColumnType::UnsignedBigint,
            ColumnType::Double => api::ColumnType::Double,
            ColumnType::Blob => api::ColumnType::Blob,
        },
        required: column.required,
        index: column.index || column.optimized,
        additional: column.additional,
        hidden: column.hidden,
        platforms: column.platforms.clone(),
        aliases: owned(&column.aliases),
        denied: entry.map(|entry| denied_column(table.name, column.name, entry)),
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Guard, Scope};

    fn table<'s>(schema: &'s Schema, name: &str) -> &'s SchemaTable {
        schema.tables.iter().find(|table| table.name == name).expect("a known table")
    }

    #[test]
    fn everything_is_told_and_what_is_denied_says_why() {
        let schema = catalogue(&DenyList::default_list());
        assert_eq!(schema.tables.len(), schema::tables().len());
        assert!(schema.functions.len() > 100 && schema.extension_tables.is_empty());
        let file = table(&schema, "file");
        assert_eq!(
            (&*file.required, &file.denied),
            (&["path".into(), "directory".into()][..], &None)
        );
        let denied = |name: &str| table(&schema, name).denied.clone().unwrap_or_default();
        assert!(denied("curl").contains("every host sends a web request"), "{}", denied("curl"));
        let sigurl = table(&schema, "yara_file").columns.iter().find(|c| c.name == "sigurl");
        assert!(sigurl.and_then(|column| column.denied.as_ref()).is_some());
        let function = |name: &str| {
            let found = schema.functions.iter().find(|function| function.name == name);
            found.expect("a known function").denied.is_some()
        };
        assert!(function("sleep") && !function("count"));
    }

    #[test]
    fn entries_count_by_any_name_and_extensions_are_listed() {
        let set = |name: &str| BTreeSet::from([name.to_owned()]);
        let list = DenyList {
            denied_tables: set("HOSTS"),
            denied_columns: set("process_events.Environment"),
            denied_functions: set("MD5"),
            allowed_extension_tables: set("My_Table"),
        };
        let schema = catalogue(&list);
        assert!(table(&schema, "etc_hosts").denied.is_some());
        let env = table(&schema, "process_events").columns.iter().find(|c| c.name == "env");
        assert!(env.is_some_and(|column| column.denied.is_some()));
        assert_eq!(schema.extension_tables, ["my_table"]);
        let denied: Vec<_> = schema.functions.iter().filter(|f| f.denied.is_some()).collect();
        assert_eq!(denied.iter().map(|f| &*f.name).collect::<Vec<_>>(), ["md5"]);
    }

    /// What the editor shows is what the guard says when the query is sent.
    #[test]
    fn the_reasons_are_those_of_the_guard() {
        let list = DenyList::default_list();
        let (guard, schema) = (Guard::new().expect("SQLite opens"), catalogue(&list));
        for table in schema.tables.iter().filter(|table| table.denied.is_some()) {
            let sql = format!("SELECT count(*) FROM {}", table.name);
            let verdict = guard.check(&sql, Scope::MultiHost, &list);
            assert_eq!(Some(&verdict.blocked[0].reason), table.denied.as_ref(), "{}", table.name);
        }
    }
}
