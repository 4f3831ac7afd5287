// SPDX-License-Identifier: Apache-2.0
//! Estimates how large SQLite makes a statement while it prepares it.
//!
//! SQLite copies a part of `WITH` into every place that names it, and the expression of a column into
//! every place that uses the column when it merges a sub-query with the query around it. A short text
//! can so become gigabytes (`x + x AS x`, thirty times). The estimate is an upper bound for those two
//! effects; it says nothing about what the query costs on a host.

use std::collections::HashMap;

use crate::scan::Scan;
use crate::token::{Kind, Token};

/// How large the statement may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Tables after every part of `WITH` is copied to where it is named.
    pub(crate) tables: u64,
    /// Nodes of the largest expression after columns are replaced by what they stand for.
    pub(crate) nodes: u64,
}

/// One `SELECT` with the expressions in it, without the queries it reads from.
#[derive(Default)]
struct Unit {
    /// How often each name is used, as a column or alias.
    uses: HashMap<String, u64>,
    /// The same for the result columns alone.
    result_uses: HashMap<String, u64>,
    /// Tokens of the longest result column.
    longest_column: u64,
    column: u64,
    /// Names given by `AS`.
    aliases: Vec<String>,
    /// Parentheses of the queries it reads from.
    sources: Vec<usize>,
    /// Tables it names, the parts of `WITH` not among them.
    tables: u64,
    in_result: bool,
}

/// Words that are no names; counting them would only make the bound wider.
const KEYWORDS: &[&str] = &[
    "and",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "collate",
    "desc",
    "distinct",
    "else",
    "end",
    "escape",
    "exists",
    "from",
    "glob",
    "group",
    "in",
    "integer",
    "is",
    "join",
    "left",
    "like",
    "not",
    "null",
    "on",
    "or",
    "order",
    "over",
    "partition",
    "select",
    "text",
    "then",
    "union",
    "using",
    "when",
    "where",
];

/// Estimates the size.
pub(crate) fn estimate(tokens: &[Token<'_>], scan: &Scan) -> Size {
    let mut reader = Reader {
        units: vec![Unit::default()],
        units_of_group: vec![Vec::new(); scan.groups.len()],
        current: vec![None; scan.groups.len()],
        owns_units: vec![false; scan.groups.len()],
    };
    reader.owns_units[0] = true;
    for with in &scan.withs {
        reader.owns_units[with.body.unwrap_or(0)] = true;
    }
    for (id, group) in scan.groups.iter().enumerate() {
        reader.owns_units[id] |= group.is_source;
    }
    reader.read(tokens, scan);
    let mut sums = Sums { reader: &reader, known: vec![Known::Not; scan.groups.len()], largest: 1 };
    let whole = sums.of_group(0);
    Size { tables: whole.tables, nodes: sums.largest }
}

struct Reader {
    units: Vec<Unit>,
    units_of_group: Vec<Vec<usize>>,
    /// The unit a group is reading, once it has one.
    current: Vec<Option<usize>>,
    owns_units: Vec<bool>,
}

impl Reader {
    /// The unit a group belongs to: its own, or that of the parentheses around it.
    fn unit_of(&self, scan: &Scan, mut group: usize) -> usize {
        loop {
            match self.current[group] {
                Some(unit) => return unit,
                None if group == 0 => return 0,
                None => group = scan.groups[group].parent,
            }
        }
    }

    fn read(&mut self, tokens: &[Token<'_>], scan: &Scan) {
        let mut table_refs = scan.table_refs.iter().peekable();
        for (at, token) in tokens.iter().enumerate() {
            let group = scan.group_of[at];
            if self.owns_units[group] && (token.is_word("select") || token.is_word("values")) {
                self.open_unit(scan, group);
            }
            let unit = self.unit_of(scan, group);
            let is_own_level = self.current[group] == Some(unit);
            let unit = &mut self.units[unit];
            unit.note(tokens, at, is_own_level);
            if let Some(table) = table_refs.next_if(|table| table.start == token.start) {
                match table.with.and_then(|with| scan.withs[with].body) {
                    Some(body) => unit.sources.push(body),
                    None => unit.tables += 1,
                }
            }
        }
    }

    fn open_unit(&mut self, scan: &Scan, group: usize) {
        let id = self.units.len();
        if scan.groups[group].is_source && self.units_of_group[group].is_empty() {
            let around = self.unit_of(scan, scan.groups[group].parent);
            self.units[around].sources.push(group);
        }
        self.units.push(Unit { in_result: true, ..Unit::default() });
        self.units_of_group[group].push(id);
        self.current[group] = Some(id);
    }
}

impl Unit {
    fn note(&mut self, tokens: &[Token<'_>], at: usize, is_own_level: bool) {
        let token = tokens[at];
        if is_own_level && token.is_word("from") {
            self.in_result = false;
        }
        if self.in_result {
            self.column = if is_own_level && token.is_symbol(b',') { 0 } else { self.column + 1 };
            self.longest_column = self.longest_column.max(self.column);
        }
        let next = tokens.get(at + 1);
        let is_name = matches!(token.kind, Kind::Word | Kind::Quoted)
            && !next.is_some_and(|next| next.is_symbol(b'(') || next.is_symbol(b'.'));
        if !is_name {
            return;
        }
        let name = token.name().unwrap_or_default().to_ascii_lowercase();
        if token.kind == Kind::Word && KEYWORDS.contains(&name.as_str()) {
            return;
        }
        if at > 0 && tokens[at - 1].is_word("as") {
            self.aliases.push(name.clone());
        }
        if self.in_result {
            *self.result_uses.entry(name.clone()).or_default() += 1;
        }
        *self.uses.entry(name).or_default() += 1;
    }
}

#[derive(Debug, Clone, Copy)]
enum Known {
    Not,
    /// Being computed; met again only by a recursive part of `WITH`.
    Open,
    Is(Sum),
}

#[derive(Debug, Clone, Copy)]
struct Sum {
    tables: u64,
    /// Nodes of its largest result column.
    column: u64,
}

struct Sums<'r> {
    reader: &'r Reader,
    known: Vec<Known>,
    largest: u64,
}

impl Sums<'_> {
    fn of_group(&mut self, group: usize) -> Sum {
        match self.known[group] {
            Known::Is(sum) => return sum,
            Known::Open => return Sum { tables: 1, column: 1 },
            Known::Not => self.known[group] = Known::Open,
        }
        let reader = self.reader;
        let mut sum = Sum { tables: 0, column: 1 };
        for unit in reader.units_of_group[group].iter().map(|id| &reader.units[*id]) {
            let of_unit = self.of_unit(unit);
            sum.tables = sum.tables.saturating_add(of_unit.tables);
            sum.column = sum.column.max(of_unit.column);
        }
        self.known[group] = Known::Is(sum);
        sum
    }

    fn of_unit(&mut self, unit: &Unit) -> Sum {
        let mut tables = unit.tables.saturating_add(1);
        let mut source_column = 1;
        for source in &unit.sources {
            let source = self.of_group(*source);
            tables = tables.saturating_add(source.tables);
            source_column = source_column.max(source.column);
        }
        let most = |uses: &HashMap<String, u64>| uses.values().copied().max().unwrap_or(1);
        let aliased = unit.aliases.iter().filter_map(|alias| unit.uses.get(alias)).max();
        let column = most(&unit.result_uses)
            .saturating_mul(source_column)
            .saturating_add(unit.longest_column);
        let merged = most(&unit.uses).saturating_mul(source_column);
        let repeated = aliased.map_or(1, |uses| uses.saturating_mul(column));
        self.largest = self.largest.max(column).max(merged).max(repeated);
        Sum { tables, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(sql: &str) -> Size {
        let tokens = crate::token::tokenize(sql);
        estimate(&tokens, &crate::scan::scan(&tokens))
    }

    fn chain(levels: usize, step: &str) -> String {
        let mut sql = "WITH a0(x) AS (SELECT uid FROM users)".to_owned();
        for level in 0..levels {
            let step = step.replace('@', &format!("a{level}"));
            sql.push_str(&format!(", a{}(x) AS ({step})", level + 1));
        }
        format!("{sql} SELECT x FROM a{levels}")
    }

    #[test]
    fn ordinary_queries_are_small() {
        for sql in [
            "SELECT * FROM users",
            "SELECT a.name, b.path FROM processes a JOIN (SELECT pid, path FROM processes) b USING (pid)",
            "SELECT name AS n FROM users WHERE n LIKE 'a%' OR n LIKE 'b%' ORDER BY n",
        ] {
            let size = size(sql);
            assert!(size.tables < 10 && size.nodes < 100, "{sql}: {size:?}");
        }
        let values = vec!["path = 'x'"; 1000].join(" OR ");
        let size =
            size(&format!("WITH f AS (SELECT path FROM processes) SELECT * FROM f WHERE {values}"));
        assert!(size.nodes < 10_000, "{size:?}");
    }

    #[test]
    fn tables_that_double_are_seen() {
        let step = "SELECT p.x FROM @ p, @ q";
        assert!(size(&chain(5, step)).tables > 32);
        assert!(size(&chain(30, step)).tables > 1 << 30);
        assert!(size(&chain(200, step)).tables == u64::MAX);
    }

    #[test]
    fn expressions_that_double_are_seen() {
        assert!(size(&chain(30, "SELECT x + x FROM @")).nodes > 1 << 30);
        let mut nested = "SELECT uid AS x FROM users".to_owned();
        for _ in 0..30 {
            nested = format!("SELECT x + x AS x FROM ({nested})");
        }
        assert!(size(&nested).nodes > 1 << 30);
        let long = vec!["uid"; 2000].join("+");
        let uses = vec!["q"; 2000].join(",");
        assert!(size(&format!("SELECT {long} AS q FROM users ORDER BY {uses}")).nodes > 1 << 22);
    }
}
