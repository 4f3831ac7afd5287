// SPDX-License-Identifier: Apache-2.0
//! The guard: takes a text, returns a verdict.
//!
//! It never runs a query. It keeps a few prepared connections and may be used from many threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::desk::Desk;
use crate::expand;
use crate::findings::{self, Facts};
use crate::lint;
use crate::mistake::{self, Missing};
use crate::module::{self, Record};
use crate::scan::{self, Scan};
use crate::schema::{self, Platform};
use crate::token::{self, Kind, Token};
use crate::verdict::{Scope, SqlError, SqlErrorCode, Verdict, Warning, WarningCode};
use crate::{DenyList, SQL_BYTES_MAX, deny};

/// Connections that wait for the next check. More are opened when more threads check at once.
const IDLE_DESKS_MAX: usize = 8;
/// Unknown tables in one query.
const UNKNOWN_TABLES_MAX: usize = 16;
/// How often a query with unknown tables is prepared again after a guess about their columns.
const GUESSES_MAX: usize = 200;
/// Nested parentheses.
const NESTING_MAX: usize = 100;
/// Parts of `WITH`.
const WITH_PARTS_MAX: usize = 256;
/// Queries and sub-queries. SQLite needs a millisecond for each when there are many.
const SELECTS_MAX: usize = 500;
/// Window functions. The time SQLite needs grows with the cube of their number.
const WINDOWS_MAX: usize = 64;
/// Tables after parts of `WITH` are copied to where they are named.
const EXPANDED_TABLES_MAX: u64 = 1_000;
/// Nodes of the largest expression after sub-queries are merged. About half a second to prepare.
const EXPANDED_NODES_MAX: u64 = 1_000_000;

/// Checks queries. Cheap to share (`&Guard`), costly to build: build one and keep it.
#[derive(Default)]
pub struct Guard {
    idle: Mutex<Vec<Desk>>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

/// The guard can't work: SQLite could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the SQL guard could not be set up; free some memory and start again")]
pub struct GuardError(#[from] rusqlite::Error);

impl Guard {
    /// Sets up SQLite once, so that a failure shows at the start.
    ///
    /// # Errors
    ///
    /// When SQLite can't open a database in memory.
    pub fn new() -> Result<Self, GuardError> {
        Ok(Self { idle: Mutex::new(vec![Desk::open()?]) })
    }

    /// Judges a text. Never fails and never panics: what is wrong is part of the verdict.
    pub fn check(&self, sql: &str, scope: Scope, deny: &DenyList) -> Verdict {
        let tokens = match read(sql) {
            Ok(tokens) => tokens,
            Err(error) => return Verdict::refused(error),
        };
        let scan = scan::scan(&tokens);
        let mut state = State::new(sql, &scan);
        match precheck(&tokens, &scan) {
            Err(error) => state.error = Some(error),
            Ok(()) => self.judge(&mut state),
        }
        state.into_verdict(scope, deny)
    }

    fn judge(&self, state: &mut State<'_>) {
        if state.unknown.is_empty() {
            self.with_desk(|desk| state.judge(desk));
        }
        // Guessed tables must not stay behind for the next query: their connection is not kept.
        if !state.unknown.is_empty() {
            state.is_alone = true;
            match Desk::open() {
                Ok(desk) => state.judge(&desk),
                Err(_) => state.error = Some(internal()),
            }
        }
    }

    fn with_desk(&self, work: impl FnOnce(&Desk)) {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let desk = match waiting.map_or_else(Desk::open, Ok) {
            Ok(desk) => desk,
            // Without a connection the state keeps its `Internal` error.
            Err(_) => return,
        };
        work(&desk);
        let mut idle = idle();
        if idle.len() < IDLE_DESKS_MAX {
            idle.push(desk);
        }
    }
}

/// The text without white space around it and without one semicolon at its end. Two texts with the
/// same canonical form are the same query.
pub fn canonical(sql: &str) -> &str {
    // Other white space of Unicode is part of names for SQLite.
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\x0c' | '\r');
    let trimmed = sql.trim_matches(is_blank);
    let tokens = token::tokenize(trimmed);
    // `/*` is the start of a comment only when something follows, be it a blank, and a vertical tab
    // is a blank only after another one.
    if tokens.len() != token::tokenize(sql).len() {
        return sql;
    }
    // A semicolon at the end of a comment or string is no separator.
    let is_separator =
        tokens.last().is_some_and(|last| last.is_symbol(b';') && last.start + 1 == trimmed.len());
    if is_separator { trimmed[..trimmed.len() - 1].trim_end_matches(is_blank) } else { trimmed }
}

fn internal() -> SqlError {
    SqlError::new(
        SqlErrorCode::Internal,
        "The query could not be checked because the server is short of memory. Try again.",
    )
}

/// Tokens, unless the text can't be one at all.
fn read(sql: &str) -> Result<Vec<Token<'_>>, SqlError> {
    if sql.len() > SQL_BYTES_MAX {
        let message = format!(
            "The query has {} bytes; at most {SQL_BYTES_MAX} are allowed. Shorten it or split it.",
            sql.len()
        );
        return Err(SqlError::new(SqlErrorCode::TooLong, message));
    }
    if let Some(offset) = sql.find('\0') {
        let message = "The query contains a NUL character. Remove it.";
        return Err(SqlError::new(SqlErrorCode::IllegalCharacter, message).at(offset));
    }
    let tokens = token::tokenize(sql);
    if tokens.is_empty() {
        return Err(SqlError::new(SqlErrorCode::Empty, "The query is empty. Write a SELECT."));
    }
    Ok(tokens)
}

/// Everything that can be said before SQLite is asked.
fn precheck(tokens: &[Token<'_>], scan: &Scan) -> Result<(), SqlError> {
    if let Some(token) = tokens.iter().find(|token| token.kind == Kind::Illegal) {
        return Err(mistake::illegal(token));
    }
    if let Some(token) = tokens.iter().find(|token| token.kind == Kind::Parameter) {
        let message = format!(
            "`{}` is a parameter, and nothing fills it in on the hosts. Write the value itself.",
            token.text
        );
        return Err(SqlError::new(SqlErrorCode::Parameter, message).at(token.start));
    }
    // Leading semicolons make empty statements, which SQLite would skip.
    if !(tokens[0].is_word("select") || tokens[0].is_word("with")) {
        return Err(mistake::not_select(&tokens[0]));
    }
    let end = tokens.iter().position(|token| token.is_symbol(b';'));
    if let Some(extra) = end.and_then(|end| tokens.get(end + 1)) {
        let message = "There is more than one statement. Send one SELECT at a time.";
        return Err(SqlError::new(SqlErrorCode::MultipleStatements, message).at(extra.start));
    }
    let reserved = scan.table_refs.iter().find(|t| t.with.is_none() && deny::is_reserved(&t.name));
    if let Some(table) = reserved {
        return Err(mistake::refused_table(&table.name).at(table.start));
    }
    if is_too_complex(tokens, scan) { Err(mistake::too_complex()) } else { Ok(()) }
}

/// Whether SQLite might need seconds or gigabytes to prepare the statement.
fn is_too_complex(tokens: &[Token<'_>], scan: &Scan) -> bool {
    let count = |word: &str| tokens.iter().filter(|token| token.is_word(word)).count();
    if scan.depth > NESTING_MAX
        || scan.withs.len() > WITH_PARTS_MAX
        || count("select") > SELECTS_MAX
        || count("over") > WINDOWS_MAX
    {
        return true;
    }
    let size = expand::estimate(tokens, scan);
    size.tables > EXPANDED_TABLES_MAX || size.nodes > EXPANDED_NODES_MAX
}

/// What is found out about one text, step by step.
struct State<'s> {
    sql: &'s str,
    scan: &'s Scan,
    error: Option<SqlError>,
    /// Unknown tables and the columns guessed for them.
    unknown: BTreeMap<String, BTreeSet<String>>,
    record: Record,
    warnings: Vec<Warning>,
    columns_not_checked: bool,
    /// Prepares on a connection of its own, which may learn guessed tables.
    is_alone: bool,
}

impl<'s> State<'s> {
    fn new(sql: &'s str, scan: &'s Scan) -> Self {
        let names = scan.unknown_tables().filter(|table| !deny::is_reserved(&table.name));
        Self {
            sql,
            scan,
            error: Some(internal()),
            unknown: names.map(|table| (table.name.clone(), BTreeSet::new())).collect(),
            record: Record::default(),
            warnings: Vec::new(),
            columns_not_checked: false,
            is_alone: false,
        }
    }

    fn judge(&mut self, desk: &Desk) {
        self.error = if self.unknown.len() > UNKNOWN_TABLES_MAX {
            Some(mistake::too_many_unknown(UNKNOWN_TABLES_MAX))
        } else {
            self.prepare(desk).err()
        };
        self.record = std::mem::take(&mut *module::lock(&desk.record));
        if self.error.is_none() {
            let visits = desk.visits(self.sql).unwrap_or_default();
            self.warnings = lint::warnings(&self.record, &visits);
        }
    }

    /// Prepares the statement; for unknown tables again and again with one more guessed column.
    fn prepare(&mut self, desk: &Desk) -> Result<(), SqlError> {
        for (name, columns) in &self.unknown {
            desk.add_unknown(name, columns).map_err(|_| internal())?;
        }
        let names = |state: &Self| state.unknown.keys().cloned().collect::<BTreeSet<String>>();
        for _ in 0..GUESSES_MAX {
            let names = names(self);
            let error = match desk.prepare(self.sql, &names) {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(mistake::refused_action("a change of the database")),
                Err(error) => error,
            };
            if let Some(refused) = &module::lock(&desk.record).refused {
                return Err(mistake::refused(refused));
            }
            match mistake::missing(&error) {
                Some(missing) if self.guess(desk, &missing).map_err(|_| internal())? => {}
                _ if !names.is_empty() && mistake::may_be_columns(&error) => {
                    self.columns_not_checked = true;
                    return Err(mistake::unresolved(&names));
                }
                _ => return Err(mistake::explain(&error)),
            }
        }
        self.columns_not_checked = true;
        Err(mistake::unresolved(&names(self)))
    }

    /// Adds an unknown table, or a column to the unknown tables; false when that changes nothing.
    fn guess(&mut self, desk: &Desk, missing: &Missing) -> rusqlite::Result<bool> {
        let (column, is_qualified) = match missing {
            Missing::Column { name, is_qualified } => (name.to_ascii_lowercase(), *is_qualified),
            Missing::Table(name) => return self.guess_table(desk, name),
        };
        let mut is_new = false;
        for (name, columns) in &mut self.unknown {
            if columns.insert(column.clone()) {
                desk.add_unknown(name, columns)?;
                is_new = true;
                // Without a table before it, the name must stay unambiguous.
                if !is_qualified {
                    break;
                }
            }
        }
        Ok(is_new)
    }

    fn guess_table(&mut self, desk: &Desk, name: &str) -> rusqlite::Result<bool> {
        let is_guessable = !deny::is_reserved(name)
            && !name.contains('.')
            && schema::table(name).is_none()
            && !self.unknown.contains_key(name)
            && self.unknown.len() < UNKNOWN_TABLES_MAX;
        if is_guessable && self.is_alone {
            desk.add_unknown(name, &BTreeSet::new())?;
        }
        if is_guessable {
            self.unknown.insert(name.to_owned(), BTreeSet::new());
        }
        // On a shared connection the caller starts again with one of its own.
        Ok(is_guessable && self.is_alone)
    }

    fn into_verdict(mut self, scope: Scope, deny: &DenyList) -> Verdict {
        let facts = Facts::new(&self.record, self.scan, self.unknown.keys());
        let blocked = match scope {
            Scope::SingleHost => Vec::new(),
            Scope::MultiHost => findings::findings(&facts, deny),
        };
        if self.columns_not_checked && scope == Scope::SingleHost {
            self.error = None;
            self.warnings.push(lint::columns_not_checked());
        }
        let platforms = common_platforms(&facts.tables);
        if self.error.is_none() {
            if platforms.is_empty() {
                self.warnings.push(lint::no_common_platform(&facts.tables));
            }
            let unknown = facts.unknown.iter().filter(|_| scope == Scope::SingleHost);
            self.warnings.extend(unknown.map(|name| lint::unknown_table(name)));
        }
        self.warnings.sort();
        self.warnings.dedup();
        // A table that is refused anyway need not be called costly.
        self.warnings.retain(|warning| {
            warning.code != WarningCode::CostlyTable
                || !blocked.iter().any(|b| Some(&b.name) == warning.table.as_ref())
        });
        Verdict {
            error: self.error,
            tables: facts.tables.into_iter().collect(),
            unknown_tables: facts.unknown.into_iter().collect(),
            platforms,
            blocked,
            warnings: self.warnings,
        }
    }
}

fn common_platforms(tables: &BTreeSet<String>) -> Vec<Platform> {
    let tables: Vec<_> = tables.iter().filter_map(|name| schema::table(name)).collect();
    let has_all = |platform: &&Platform| tables.iter().all(|table| table.is_on(**platform));
    Platform::ALL.iter().filter(has_all).copied().collect()
}
