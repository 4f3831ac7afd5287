// SPDX-License-Identifier: Apache-2.0
//! Reads from the tokens of a statement which identifiers it has and which tables it names.
//!
//! SQLite drops branches that can never be taken and parts of `WITH` that nobody uses before its
//! authorizer sees them, and its authorizer is not told about columns in `USING`. Endpoints run another
//! version of SQLite, which may drop less. So the names are collected here a second time, from the
//! text. This is no parser: on text that is not a well-formed `SELECT` the result means little, and
//! SQLite refuses such text anyway.

use std::collections::BTreeMap;

use crate::schema;
use crate::token::{Kind, Token};

/// A name that stands where a table stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRef {
    /// Lower case, without schema.
    pub(crate) name: String,
    /// Byte offset.
    pub(crate) start: usize,
    /// Written like a function: `name(…)`. The arguments constrain its hidden columns.
    pub(crate) is_call: bool,
    /// Written with a schema, so it can't be a part of `WITH`.
    pub(crate) is_qualified: bool,
    /// It is a part of `WITH` that is visible here; its position in [`Scan::withs`].
    pub(crate) with: Option<usize>,
    /// The parentheses it stands in.
    pub(crate) group: usize,
}

/// A part of `WITH`.
#[derive(Debug)]
pub(crate) struct With {
    name: String,
    /// The parentheses the `WITH` stands in.
    group: usize,
    /// The parentheses around its query, when it has one.
    pub(crate) body: Option<usize>,
}

/// One pair of parentheses; the first is the statement itself.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) parent: usize,
    /// Stands where a table stands, so a query in it is a source of the query around it.
    pub(crate) is_source: bool,
    /// The list of column names after `USING`.
    is_using: bool,
    from: From,
    with: WithState,
}

/// Where in a `FROM` clause the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Outside,
    TableNext,
    /// After a table; `named` directly after its name.
    AfterTable {
        named: bool,
    },
}

/// Where in a `WITH` clause the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WithState {
    Outside,
    NameNext,
    /// After the name of the part with this position; `as_read` after the `AS`.
    InPart {
        position: usize,
        as_read: bool,
    },
    AfterPart,
}

/// What the tokens of a statement say.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Every identifier in lower case, with the byte offset of its first appearance.
    pub(crate) identifiers: BTreeMap<String, usize>,
    /// Every name that stands where a table stands.
    pub(crate) table_refs: Vec<TableRef>,
    pub(crate) withs: Vec<With>,
    pub(crate) groups: Vec<Group>,
    /// For each token the parentheses it stands in; both parentheses belong to the outer ones.
    pub(crate) group_of: Vec<usize>,
    /// The deepest nesting of parentheses.
    pub(crate) depth: usize,
}

impl Scan {
    /// Names that stand for tables, are no part of `WITH` and not in osquery's schema.
    pub(crate) fn unknown_tables(&self) -> impl Iterator<Item = &TableRef> {
        self.table_refs.iter().filter(|table| {
            table.with.is_none()
                && schema::table(&table.name).is_none()
                && !is_json_table(&table.name)
        })
    }

    /// Names that stand for tables of osquery's schema.
    pub(crate) fn known_tables(&self) -> impl Iterator<Item = (&TableRef, &'static schema::Table)> {
        let own = self.table_refs.iter().filter(|table| table.with.is_none());
        own.filter_map(|table| Some((table, schema::table(&table.name)?)))
    }
}

/// Tables that SQLite itself brings and that are harmless.
pub(crate) fn is_json_table(name: &str) -> bool {
    matches!(name, "json_each" | "json_tree")
}

/// Reads the tokens.
pub(crate) fn scan(tokens: &[Token<'_>]) -> Scan {
    let mut reader = Reader {
        tokens,
        scan: Scan {
            identifiers: BTreeMap::new(),
            table_refs: Vec::new(),
            withs: Vec::new(),
            groups: vec![Group::new(0, false, false, From::Outside)],
            group_of: Vec::with_capacity(tokens.len()),
            depth: 0,
        },
        open: vec![0],
    };
    for at in 0..tokens.len() {
        reader.read(at);
    }
    reader.resolve();
    reader.scan
}

impl Group {
    fn new(parent: usize, is_source: bool, is_using: bool, from: From) -> Self {
        Self { parent, is_source, is_using, from, with: WithState::Outside }
    }
}

struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    scan: Scan,
    open: Vec<usize>,
}

impl Reader<'_, '_> {
    fn here(&mut self) -> &mut Group {
        let group = self.group();
        &mut self.scan.groups[group]
    }

    fn group(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    fn neighbour(&self, at: usize, step: isize) -> Option<&Token<'_>> {
        self.tokens.get(at.checked_add_signed(step)?)
    }

    fn read(&mut self, at: usize) {
        let token = self.tokens[at];
        if token.is_symbol(b')') && self.open.len() > 1 {
            self.open.pop();
        }
        let group = self.group();
        self.scan.group_of.push(group);
        self.note_identifier(at);
        let named = matches!(self.here().from, From::AfterTable { named: true });
        if named && !token.is_symbol(b'.') {
            self.here().from = From::AfterTable { named: false };
        }
        match token.kind {
            Kind::Symbol(b'(') => self.open_group(at, named),
            Kind::Symbol(b',') => self.comma(),
            Kind::Word | Kind::Quoted | Kind::Text => self.name(at),
            _ => {}
        }
    }

    fn open_group(&mut self, at: usize, named: bool) {
        let is_using = self.neighbour(at, -1).is_some_and(|before| before.is_word("using"));
        let parent = self.group();
        let id = self.scan.groups.len();
        if let WithState::InPart { position, as_read: true } = self.here().with {
            self.scan.withs[position].body = Some(id);
            self.here().with = WithState::AfterPart;
        }
        let is_source = self.here().from == From::TableNext;
        let mut from = From::Outside;
        if is_source {
            // A nested join or a query; the first word inside decides.
            from = From::TableNext;
            self.here().from = From::AfterTable { named: false };
        } else if named && let Some(table) = self.scan.table_refs.last_mut() {
            table.is_call = true;
        }
        self.scan.groups.push(Group::new(parent, is_source, is_using, from));
        self.open.push(id);
        self.scan.depth = self.scan.depth.max(self.open.len() - 1);
    }

    fn comma(&mut self) {
        let here = self.here();
        if here.with == WithState::AfterPart {
            here.with = WithState::NameNext;
        } else if here.from != From::Outside {
            here.from = From::TableNext;
        }
    }

    fn name(&mut self, at: usize) {
        let token = self.tokens[at];
        if token.kind == Kind::Word && self.keyword(at) {
            return;
        }
        let group = self.group();
        let name = || token.name().unwrap_or_default().to_ascii_lowercase();
        match self.here().with {
            WithState::NameNext => {
                let position = self.scan.withs.len();
                self.scan.withs.push(With { name: name(), group, body: None });
                self.here().with = WithState::InPart { position, as_read: false };
                return;
            }
            WithState::AfterPart => self.here().with = WithState::Outside,
            _ => {}
        }
        // In `schema.table` the table is the part after the point.
        let is_schema = self.neighbour(at, 1).is_some_and(|next| next.is_symbol(b'.'));
        let is_qualified = self.neighbour(at, -1).is_some_and(|before| before.is_symbol(b'.'));
        let before = self.neighbour(at, if is_qualified { -3 } else { -1 });
        let is_listed = before.is_some_and(|before| before.is_word("in"));
        if is_schema || !(is_listed || self.here().from == From::TableNext) {
            return;
        }
        let is_call = is_listed && self.neighbour(at, 1).is_some_and(|next| next.is_symbol(b'('));
        self.scan.table_refs.push(TableRef {
            name: name(),
            start: token.start,
            is_call,
            is_qualified,
            with: None,
            group,
        });
        if !is_listed {
            self.here().from = From::AfterTable { named: true };
        }
    }

    /// Follows the keywords that move through clauses; false when the word may be a name.
    fn keyword(&mut self, at: usize) -> bool {
        let word = self.tokens[at].text.to_ascii_lowercase();
        let before = self.neighbour(at, -1);
        let after_distinct = before.is_some_and(|before| before.is_word("distinct"));
        // SQLite, too, takes `window` for a keyword only before `name AS`.
        let is_window = self.neighbour(at, 1).is_some_and(|next| next.name().is_some())
            && self.neighbour(at, 2).is_some_and(|next| next.is_word("as"));
        let opens_query = before.is_none_or(|before| before.is_symbol(b'('));
        let here = self.here();
        match word.as_str() {
            // `x IS DISTINCT FROM y` opens no clause.
            "from" if after_distinct => {}
            "from" | "join" => here.from = From::TableNext,
            "select" | "values" => {
                here.from = From::Outside;
                here.with = WithState::Outside;
            }
            "where" | "group" | "having" | "order" | "limit" | "union" | "intersect" | "except" => {
                here.from = From::Outside;
            }
            "window" if is_window => here.from = From::Outside,
            "with" if opens_query => {
                here.from = From::Outside;
                here.with = WithState::NameNext;
            }
            "recursive" if here.with == WithState::NameNext => {}
            "as" => {
                if let WithState::InPart { as_read, .. } = &mut here.with {
                    *as_read = true;
                }
            }
            "not" | "materialized" => return matches!(here.with, WithState::InPart { .. }),
            "in" | "on" | "using" => {}
            _ => return false,
        }
        true
    }

    fn note_identifier(&mut self, at: usize) {
        let token = self.tokens[at];
        let is_identifier = match token.kind {
            Kind::Word | Kind::Quoted => true,
            Kind::Text => self.is_name_position(at),
            _ => false,
        };
        if is_identifier && let Some(name) = token.name() {
            self.scan.identifiers.entry(name.to_ascii_lowercase()).or_insert(token.start);
        }
    }

    /// Whether SQLite's grammar takes the string here for an identifier: where a table or a part of
    /// `WITH` is named, beside a point, in the list of `USING`, as an alias.
    fn is_name_position(&self, at: usize) -> bool {
        let group = &self.scan.groups[self.group()];
        let before = self.neighbour(at, -1);
        let is_dotted = [before, self.neighbour(at, 1)].into_iter().flatten();
        let is_dotted = is_dotted.into_iter().any(|token| token.is_symbol(b'.'));
        let Some(before) = before else { return false };
        is_dotted
            || group.from == From::TableNext
            || group.with == WithState::NameNext
            || before.is_word("as")
            || before.is_word("in")
            || before.is_symbol(b')')
            || matches!(before.kind, Kind::Quoted | Kind::Text | Kind::Literal)
            || group.is_using
            || self.is_with_column()
    }

    /// In the column list of a part of `WITH`: `WITH x('a', 'b') AS …`.
    fn is_with_column(&self) -> bool {
        let parent = self.scan.groups[self.group()].parent;
        self.open.len() > 1
            && matches!(self.scan.groups[parent].with, WithState::InPart { as_read: false, .. })
    }

    /// Decides for each table name whether a part of `WITH` of this name is visible there.
    fn resolve(&mut self) {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, with) in self.scan.withs.iter().enumerate() {
            by_name.entry(&with.name).or_default().push(position);
        }
        for table in self.scan.table_refs.iter_mut().filter(|table| !table.is_qualified) {
            let Some(candidates) = by_name.get(table.name.as_str()) else { continue };
            let mut group = table.group;
            loop {
                let found = candidates.iter().find(|with| self.scan.withs[**with].group == group);
                if let Some(found) = found {
                    table.with = Some(*found);
                    break;
                }
                if group == 0 {
                    break;
                }
                group = self.scan.groups[group].parent;
            }
        }
    }
}
