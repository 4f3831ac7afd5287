// SPDX-License-Identifier: Apache-2.0
//! What must hold for any text: the guard does not panic, and what it allows for more than one host
//! needs nothing that is denied. Shared with the fuzz target, so it asserts instead of returning.

use mimir_sqlguard::{DenyList, Guard, Scope, canonical, schema};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// A guard and a database to compare it with.
pub struct Property {
    guard: Guard,
    deny: DenyList,
    /// osquery's tables as ordinary tables, the denied tables and columns left out.
    plain: Connection,
}

impl Property {
    /// Sets up both.
    pub fn new() -> Self {
        let deny = DenyList::default_list();
        let plain = Connection::open_in_memory().expect("SQLite opens");
        for table in schema::tables().iter().filter(|t| !deny.denied_tables.contains(t.name)) {
            let columns = table.columns.iter().flat_map(|column| {
                std::iter::once(column.name).chain(column.aliases.iter().copied())
            });
            let columns =
                columns.filter(|name| !deny.denied_columns.contains(&format!("*.{name}")));
            let columns: Vec<_> = columns.map(|name| format!("\"{name}\"")).collect();
            for name in std::iter::once(&table.name).chain(&table.aliases) {
                let sql = format!("CREATE TABLE \"{name}\" ({})", columns.join(", "));
                plain.execute_batch(&sql).expect("a table");
            }
        }
        let functions = mimir_sqlguard::function_names();
        let stubs = functions.iter().filter(|name| !deny.denied_functions.contains(**name));
        for name in stubs {
            // Functions SQLite has already keep working; the rest need only be there.
            let exists =
                plain.prepare(&format!("SELECT 1 FROM pragma_function_list WHERE name = '{name}'"));
            if exists.expect("SQL").exists([]).expect("SQL") {
                continue;
            }
            let nothing = |_: &mut rusqlite::functions::Context<'_>| Ok(rusqlite::types::Null);
            let flags = FunctionFlags::SQLITE_UTF8;
            plain.create_scalar_function(*name, -1, flags, nothing).expect("a function");
        }
        Self { guard: Guard::new().expect("SQLite opens"), deny, plain }
    }

    /// Checks one text; true when it is allowed for more than one host.
    pub fn holds(&self, sql: &str) -> bool {
        let single = self.guard.check(sql, Scope::SingleHost, &self.deny);
        assert!(single.blocked.is_empty(), "{sql:?}: {single:?}");
        let verdict = self.guard.check(sql, Scope::MultiHost, &self.deny);
        for verdict in [&single, &verdict] {
            let offset = verdict.error.as_ref().and_then(|error| error.offset);
            assert!(offset.is_none_or(|at| at <= sql.len()), "{sql:?}: {verdict:?}");
        }
        if !verdict.is_allowed() {
            return false;
        }
        assert!(single.is_allowed(), "allowed on many hosts but not on one: {sql:?}");
        assert!(verdict.unknown_tables.is_empty(), "{sql:?}: {verdict:?}");
        for table in &verdict.tables {
            assert!(!self.deny.denied_tables.contains(table), "{sql:?}: {verdict:?}");
            assert!(schema::table(table).is_some_and(|t| t.name == table), "{sql:?}: {verdict:?}");
        }
        for name in identifiers(sql) {
            let is_denied = schema::table(&name).map_or(name.as_str(), |table| table.name);
            assert!(!self.deny.denied_tables.contains(is_denied), "{name} in {sql:?}");
            assert!(!self.deny.denied_functions.contains(&name), "{name} in {sql:?}");
            assert!(!self.deny.denied_columns.contains(&format!("*.{name}")), "{name} in {sql:?}");
        }
        self.needs_nothing_denied(sql);
        let canonical = canonical(sql);
        let again = self.guard.check(canonical, Scope::MultiHost, &self.deny);
        assert!(again.is_allowed() && again.tables == verdict.tables, "{sql:?} and {canonical:?}");
        true
    }

    /// A database without anything denied can prepare the statement, too.
    fn needs_nothing_denied(&self, sql: &str) {
        let Err(error) = self.plain.prepare(sql) else { return };
        let message = error.to_string();
        // The rest are differences between ordinary and virtual tables. These have only one schema.
        if let Some(name) = message.strip_prefix("no such table: ") {
            let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
            let is_allowed =
                schema::table(name).is_some_and(|t| !self.deny.denied_tables.contains(t.name));
            assert!(is_allowed, "{sql:?}: {message}");
        }
        for start in ["no such function", "no such column: pid_with", "no such column: sigurl"] {
            assert!(!message.starts_with(start), "{sql:?}: {message}");
        }
    }
}

/// The identifiers of a statement that is known to be well-formed, found in another way than the guard
/// finds them: everything in strings and comments is cut away first.
fn identifiers(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '\'' | '"' | '`' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(closing) = closing {
            let body = &rest[1..];
            let end = body.find(closing).expect("quotes of a well-formed statement are closed");
            if first != '\'' {
                names.push(body[..end].to_ascii_lowercase());
            }
            rest = &body[end + 1..];
        } else if first == '_' || first.is_alphabetic() {
            let is_inside = |c: char| c == '_' || c == '$' || c.is_alphanumeric() || !c.is_ascii();
            let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
            names.push(rest[..end].to_ascii_lowercase());
            rest = &rest[end..];
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    names
}
