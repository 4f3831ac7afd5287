// SPDX-License-Identifier: Apache-2.0
//! Turns indicators into the queries that look for them, and says what can't be looked for where.
//! Which hosts there are is not known here: the answer is by class of host.

use mimir_wire::api::indicator::IndicatorType;

use crate::host_class::{ClassSet, HostClass};
use crate::limits::PART_VALUES_MAX;

/// Tables that compiled queries may use although the deny-list has them: they name the paths they
/// want, which is what the deny-list is afraid of missing.
pub const ALLOWED_TABLES: &[&str] = &["file", "hash"];

/// Columns that every row of a compiled query begins with.
pub mod columns {
    /// Ordinal of the indicator within its hunt; empty when the row is no match.
    pub const INDICATOR: &str = "mimir_indicator";
    /// The table it was found in.
    pub const TABLE: &str = "mimir_table";
    /// Why something was not looked at; empty in a match.
    pub const NOT_ASSESSED: &str = "mimir_not_assessed";
    /// All of them, in order.
    pub const ALL: &[&str] = &[INDICATOR, TABLE, NOT_ASSESSED];
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Its number within the hunt; unique.
    pub ordinal: u32,
    /// Its type.
    pub kind: IndicatorType,
    /// Its normalised value.
    pub value: &'a str,
}

/// Indicators that are looked for in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Digests of files.
    Digest,
    /// Names of files.
    Name,
    /// Paths of files.
    Path,
    /// Keys and values of the registry.
    Registry,
    /// Addresses.
    Address,
    /// Domain names.
    Domain,
}

impl Family {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Name => "name",
            Self::Path => "path",
            Self::Registry => "registry",
            Self::Address => "address",
            Self::Domain => "domain",
        }
    }
}

/// One query, and the hosts it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it looks for.
    pub family: Family,
    /// The table it finds it in.
    pub table: &'static str,
    /// The classes of hosts that can answer it.
    pub classes: ClassSet,
    /// The query: one SELECT.
    pub sql: String,
    /// The indicators it looks for, ascending.
    pub ordinals: Vec<u32>,
}

/// Indicators that can't be looked for on hosts of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAssessable {
    /// The class.
    pub class: HostClass,
    /// The indicators' type.
    pub kind: IndicatorType,
    /// Why, in words.
    pub reason: String,
    /// The indicators, ascending.
    pub ordinals: Vec<u32>,
}

/// Everything a hunt needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compiled {
    /// The queries, in the order in which they are best asked.
    pub parts: Vec<Part>,
    /// What can't be looked for where, by class and type.
    pub not_assessable: Vec<NotAssessable>,
}

/// The queries that look for these indicators. The same indicators give the same text.
pub fn compile(wanted: &[Wanted<'_>]) -> Compiled {
    let names: Vec<_> = wanted.iter().filter(|one| one.kind == IndicatorType::Filename).collect();
    let classes = HostClass::all().filter(|class| class.platform().is_some()).collect();
    let parts = names.chunks(PART_VALUES_MAX).map(|chunk| {
        let values: Vec<_> =
            chunk.iter().map(|one| format!("({}, {})", one.ordinal, quote(one.value))).collect();
        let sql = format!(
            "WITH wanted(n, v) AS (VALUES {}) SELECT w.n AS mimir_indicator, 'processes' AS \
             mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline FROM wanted \
             w JOIN processes p ON p.name = w.v",
            values.join(", ")
        );
        let ordinals = chunk.iter().map(|one| one.ordinal).collect();
        Part { family: Family::Name, table: "processes", classes, sql, ordinals }
    });
    let parts = parts.collect();
    let mut not_assessable = Vec::new();
    for class in HostClass::all() {
        for kind in IndicatorType::ALL {
            let of_kind = wanted.iter().filter(|one| one.kind == *kind);
            let ordinals: Vec<_> = of_kind.map(|one| one.ordinal).collect();
            let is_lost = *kind != IndicatorType::Filename || class.platform().is_none();
            if is_lost && !ordinals.is_empty() {
                let reason = "No table of such hosts has it.".to_owned();
                not_assessable.push(NotAssessable { class, kind: *kind, reason, ordinals });
            }
        }
    }
    Compiled { parts, not_assessable }
}

/// A text as an SQL literal.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
