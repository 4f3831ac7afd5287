// SPDX-License-Identifier: Apache-2.0
//! The facts about osquery's tables: names, columns, flags, platforms.
//!
//! They are read once from a text file inside the crate (`schema/osquery.tsv`, see the README beside
//! it). This module knows facts only; what they mean for a query is decided elsewhere. A host may run
//! another release of osquery, so a name that is missing here is unknown, not wrong.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Serialize;

pub use mimir_wire::api::target::Platform;

/// The release of osquery that the facts are those of, or were written soon after.
pub const OSQUERY_VERSION: &str = "5.23.0";

/// The declared type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Text.
    Text,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Bigint,
    /// A whole number of 64 bits without sign.
    UnsignedBigint,
    /// A floating point number.
    Double,
    /// Bytes.
    Blob,
}

impl ColumnType {
    /// The type as it is written in osquery's specifications.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "INTEGER",
            Self::Bigint => "BIGINT",
            Self::UnsignedBigint => "UNSIGNED_BIGINT",
            Self::Double => "DOUBLE",
            Self::Blob => "BLOB",
        }
    }
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its declared type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// The table answers only when one of its required columns is constrained.
    pub required: bool,
    /// A look-up key that is handed down to the table.
    pub index: bool,
    /// Handed down, and a list of values costs one pass.
    pub optimized: bool,
    /// A constraint on it changes or widens what the table generates.
    pub additional: bool,
    /// Not part of `SELECT *`.
    pub hidden: bool,
    /// Platforms on which the column has content; empty means all of the table's.
    pub platforms: Vec<Platform>,
    /// The collation comparisons use, when it is not the default.
    pub collation: Option<&'static str>,
    /// Other names of the column; hidden columns of the same content.
    pub aliases: Vec<&'static str>,
}

impl Column {
    /// Whether osquery hands a constraint on this column down to the table.
    pub const fn is_pushed_down(&self) -> bool {
        self.required || self.index || self.additional || self.optimized
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its name, lower case.
    pub name: &'static str,
    /// Platforms that have it.
    pub platforms: Vec<Platform>,
    /// Filled by an event publisher; empty unless events are enabled on the host.
    pub evented: bool,
    /// osquery may answer from a cache.
    pub cacheable: bool,
    /// Holds data per user; root's own only, unless constrained by `uid`.
    pub user_data: bool,
    /// Other names of the table.
    pub aliases: Vec<&'static str>,
    /// Its columns in declared order.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of this name or alias, in any case of letters.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let is_named = |other: &&str| other.eq_ignore_ascii_case(name);
        self.columns.iter().find(|c| is_named(&c.name) || c.aliases.iter().any(is_named))
    }

    /// The columns of which one must be constrained; none for most tables.
    pub fn required_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.required)
    }

    /// Whether the table exists on a platform.
    pub fn is_on(&self, platform: Platform) -> bool {
        self.platforms.contains(&platform)
    }
}

/// All tables, sorted by name.
pub fn tables() -> &'static [Table] {
    &SCHEMA.tables
}

/// The table of this name or alias, in any case of letters.
pub fn table(name: &str) -> Option<&'static Table> {
    let position = SCHEMA.by_name.get(name.to_ascii_lowercase().as_str())?;
    SCHEMA.tables.get(*position)
}

struct Schema {
    tables: Vec<Table>,
    by_name: HashMap<&'static str, usize>,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let lines = include_str!("../schema/osquery.tsv").lines().filter(|line| !line.starts_with('#'));
    let tables: Vec<Table> = lines.map(read_table).collect();
    let mut by_name = HashMap::new();
    for (position, table) in tables.iter().enumerate() {
        for name in std::iter::once(&table.name).chain(&table.aliases) {
            by_name.insert(*name, position);
        }
    }
    Schema { tables, by_name }
});

// The file is part of the program, so a line that does not read is a programmer's error; the test
// below reads all of it.

fn read_table(line: &'static str) -> Table {
    let mut fields = line.split('\t');
    let mut next = || fields.next().expect("a schema line has five fields");
    let name = next();
    let platforms = read_platforms(next());
    let marks = next();
    let aliases = match next() {
        "-" => Vec::new(),
        list => list.split(',').collect(),
    };
    let columns = next().split(' ').map(read_column).collect();
    Table {
        name,
        platforms,
        evented: marks.contains('e'),
        cacheable: marks.contains('c'),
        user_data: marks.contains('u'),
        aliases,
        columns,
    }
}

fn read_column(text: &'static str) -> Column {
    let (text, aliases) = split_part(text, '=');
    let (text, collation) = split_part(text, '~');
    let (text, platforms) = split_part(text, '@');
    let (name, facts) = text.split_once(':').expect("a schema column has a type");
    let column_type = match facts.as_bytes().first() {
        Some(b't') => ColumnType::Text,
        Some(b'i') => ColumnType::Integer,
        Some(b'b') => ColumnType::Bigint,
        Some(b'u') => ColumnType::UnsignedBigint,
        Some(b'd') => ColumnType::Double,
        Some(b'x') => ColumnType::Blob,
        other => panic!("column {name} of the schema has the unknown type {other:?}"),
    };
    Column {
        name,
        column_type,
        required: facts.contains('R'),
        index: facts.contains('I'),
        optimized: facts.contains('O'),
        additional: facts.contains('A'),
        hidden: facts.contains('H'),
        platforms: platforms.map(read_platforms).unwrap_or_default(),
        collation,
        aliases: aliases.map(|list| list.split('|').collect()).unwrap_or_default(),
    }
}

fn split_part(text: &'static str, mark: char) -> (&'static str, Option<&'static str>) {
    match text.split_once(mark) {
        Some((head, part)) => (head, Some(part)),
        None => (text, None),
    }
}

fn read_platforms(letters: &str) -> Vec<Platform> {
    let platform = |letter| match letter {
        'l' => Platform::Linux,
        'd' => Platform::Darwin,
        'w' => Platform::Windows,
        other => panic!("the schema names the unknown platform {other:?}"),
    };
    letters.chars().map(platform).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_those_of_the_release() {
        assert_eq!(tables().len(), 284);
        let on = |platform| tables().iter().filter(|table| table.is_on(platform)).count();
        assert_eq!(
            [on(Platform::Linux), on(Platform::Darwin), on(Platform::Windows)],
            [156, 187, 118]
        );
        assert_eq!(tables().iter().map(|table| table.columns.len()).sum::<usize>(), 2587);
        assert_eq!(tables().iter().filter(|table| table.evented).count(), 20);
        assert_eq!(tables().iter().filter(|table| table.user_data).count(), 16);
        let flagged = |is: fn(&Column) -> bool| {
            tables().iter().flat_map(|table| &table.columns).filter(|column| is(column)).count()
        };
        assert_eq!(flagged(|column| column.required), 33);
        assert_eq!(flagged(|column| column.index), 102);
        assert_eq!(flagged(|column| column.optimized), 55);
        assert_eq!(flagged(|column| column.additional), 114);
        assert_eq!(flagged(|column| column.hidden), 88);
    }

    #[test]
    fn the_tables_are_sorted_and_names_are_unique() {
        assert!(tables().is_sorted_by(|a, b| a.name < b.name));
        let names = tables().iter().map(|table| 1 + table.aliases.len()).sum::<usize>();
        assert_eq!(SCHEMA.by_name.len(), names);
    }

    #[test]
    fn aliases_and_other_cases_resolve() {
        assert_eq!(table("YARA").map(|table| table.name), Some("yara_file"));
        assert_eq!(table("hosts").map(|table| table.name), Some("etc_hosts"));
        assert!(table("no_such_table").is_none());
        let events = table("process_events").expect("known");
        assert_eq!(events.column("Environment").map(|column| column.name), Some("env"));
    }

    #[test]
    fn a_column_keeps_all_its_facts() {
        let file = table("file").expect("known");
        let path = file.column("path").expect("known");
        assert!(path.required && path.index && path.optimized && !path.hidden);
        let version = file.column("file_version").expect("known");
        assert_eq!(version.platforms, [Platform::Windows]);
        assert_eq!(version.collation, Some("version"));
        assert!(file.column("pid_with_namespace").is_some_and(|column| column.hidden));
        assert_eq!(file.required_columns().count(), 2);
    }
}
