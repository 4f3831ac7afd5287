// SPDX-License-Identifier: Apache-2.0
//! Turns indicators into the queries that look for them, and says what can't be looked for where.
//! Which hosts there are is not known here: the answer is by class of host.

use mimir_wire::api::indicator::IndicatorType;
use mimir_wire::api::target::Platform;

use super::path::{self, Style};
use super::sql::{self, Source};
use crate::host_class::{ClassSet, HostClass};
use crate::limits::{PART_VALUES_MAX, SQL_BYTES_MAX};

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
    let mut parts = Vec::new();
    for source in sql::SOURCES {
        let meant: Vec<_> = (wanted.iter())
            .filter_map(|one| Some((one.ordinal, sql::rows(source, one)?)))
            .collect();
        chunks(source, &meant, &mut parts);
    }
    let mut compiled = Compiled { parts, not_assessable: Vec::new() };
    for class in HostClass::all() {
        for kind in IndicatorType::ALL {
            about(class, *kind, wanted, &mut compiled);
        }
    }
    compiled
}

/// The queries of one source, as many as its values need.
fn chunks(source: &Source, meant: &[(u32, Vec<String>)], parts: &mut Vec<Part>) {
    let room = SQL_BYTES_MAX - source.sql("").len();
    let mut rest = meant;
    while !rest.is_empty() {
        let (mut bytes, mut count, mut taken) = (0, 0, 0);
        for (_, rows) in rest {
            let size: usize = rows.iter().map(|row| row.len() + 2).sum();
            let is_full = count + rows.len() > PART_VALUES_MAX || bytes + size > room;
            if is_full && taken > 0 {
                break;
            }
            (bytes, count, taken) = (bytes + size, count + rows.len(), taken + 1);
        }
        let (now, later) = rest.split_at(taken);
        let rows: Vec<_> =
            now.iter().flat_map(|(_, rows)| rows.iter().map(String::as_str)).collect();
        let mut ordinals: Vec<_> = now.iter().map(|(ordinal, _)| *ordinal).collect();
        ordinals.sort_unstable();
        parts.push(Part {
            family: source.family,
            table: source.table,
            classes: source.classes(),
            sql: source.sql(&rows.join(", ")),
            ordinals,
        });
        rest = later;
    }
}

/// Adds what hosts of a class can't be searched for.
fn about(class: HostClass, kind: IndicatorType, wanted: &[Wanted<'_>], compiled: &mut Compiled) {
    let mut lost: Vec<_> = (wanted.iter())
        .filter(|one| one.kind == kind)
        .filter(|one| {
            let sources = sql::SOURCES.iter().filter(|source| source.classes().contains(class));
            sources.filter_map(|source| sql::rows(source, one)).next().is_none()
        })
        .map(|one| one.ordinal)
        .collect();
    if !lost.is_empty() {
        lost.sort_unstable();
        let reason = reason(class, kind).to_owned();
        compiled.not_assessable.push(NotAssessable { class, kind, reason, ordinals: lost });
    }
}

/// Why indicators of a type can't be looked for on hosts of a class.
fn reason(class: HostClass, kind: IndicatorType) -> &'static str {
    match (class.platform(), kind) {
        (_, IndicatorType::Url) => "URLs are context only; no table of a host has them.",
        (None, _) => "The tables of this platform are not known.",
        (Some(Platform::Darwin | Platform::Windows), _) if class.own_agent() => {
            "mimir-agent has tables for Linux only."
        }
        (Some(Platform::Windows), IndicatorType::Filepath) => {
            "A path that begins with `/` cannot exist on Windows."
        }
        (Some(Platform::Windows), _) => "No part of the registry holds it.",
        (_, IndicatorType::RegistryKey) => "Only Windows has a registry.",
        (_, IndicatorType::Filepath) => "A path of Windows cannot exist there.",
        _ => "No table of such hosts has it.",
    }
}

/// The style of a normalised path.
pub(super) fn style(value: &str) -> Option<Style> {
    path::style(value)
}
