// SPDX-License-Identifier: Apache-2.0
//! Turns what SQLite or the guard found wrong with a text into a sentence for the operator.

use std::collections::BTreeSet;

use rusqlite::{Error, ErrorCode, ffi};

use crate::functions::{self, SQLITE_OF_OSQUERY};
use crate::module::Refused;
use crate::token::{Kind, Token};
use crate::verdict::{SqlError, SqlErrorCode as Code};

/// A name SQLite looked for and did not find; an unknown table may have it, or be it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missing {
    Table(String),
    Column {
        name: String,
        /// Written with a table before it.
        is_qualified: bool,
    },
}

/// The name that is missing, when that is what is wrong.
pub(crate) fn missing(error: &Error) -> Option<Missing> {
    let (message, _) = parts(error);
    if let Some(name) = message.strip_prefix("no such table: ") {
        let name = name.to_ascii_lowercase();
        let bare = name.strip_prefix("main.").or_else(|| name.strip_prefix("temp."));
        return Some(Missing::Table(bare.unwrap_or(&name).to_owned()));
    }
    let column = |name: &str, is_qualified| Missing::Column { name: name.to_owned(), is_qualified };
    if let Some(name) = message.strip_prefix("no such column: ") {
        return Some(match name.rsplit_once('.') {
            Some((_, name)) => column(name, true),
            None => column(name, false),
        });
    }
    // Either side of the join may be the unknown table.
    let name = message.strip_prefix("cannot join using column ")?;
    Some(column(name.split_once(" - ")?.0, true))
}

/// Whether the error may vanish once the columns of the unknown tables are known.
pub(crate) fn may_be_columns(error: &Error) -> bool {
    let (message, _) = parts(error);
    [
        "ambiguous column name",
        "SELECTs to the left and right",
        "sub-select returns",
        "no such column",
    ]
    .iter()
    .any(|start| message.starts_with(start))
        || message.contains(" values for ")
        || message.contains("ORDER BY term")
        || message.contains("row value misused")
}

/// The sentence for what SQLite reports.
pub(crate) fn explain(error: &Error) -> SqlError {
    let (message, offset) = parts(error);
    let rest = |start: &str| message.strip_prefix(start).map(str::to_owned);
    let explained = if let Some(name) = rest("no such column: ") {
        let text =
            format!("There is no column `{name}`. Check the name and the table it belongs to.");
        SqlError::new(Code::UnknownColumn, text)
    } else if let Some(name) = rest("ambiguous column name: ") {
        let text = format!("More than one table has a column `{name}`. Write the table before it.");
        SqlError::new(Code::AmbiguousColumn, text)
    } else if let Some(name) = rest("no such function: ") {
        unknown_function(&name)
    } else if let Some(name) = rest("wrong number of arguments to function ") {
        let text = format!("`{name}` is called with a wrong number of arguments.");
        SqlError::new(Code::UnknownFunction, text)
    } else if let Some(name) = rest("no such table: ") {
        let text = format!("There is no table `{name}`. Leave out what stands before the point.");
        SqlError::new(Code::Other, text)
    } else if message.ends_with(" may not be modified") {
        refused_action("a change of a table")
    } else if is_syntax(&message) {
        SqlError::new(Code::Syntax, format!("This is not well-formed SQL: {message}."))
    } else if is_too_complex(error, &message) {
        too_complex()
    } else if matches!(
        error,
        Error::SqliteFailure(ffi::Error { code: ErrorCode::OutOfMemory, .. }, _)
    ) {
        SqlError::new(Code::Internal, "The server is short of memory. Try again.")
    } else {
        SqlError::new(Code::Other, format!("osquery would refuse this query: {message}."))
    };
    SqlError { offset, ..explained }
}

/// SQLite's message and the byte offset it gives.
fn parts(error: &Error) -> (String, Option<usize>) {
    match error {
        Error::SqlInputError { msg, offset, .. } => (msg.clone(), usize::try_from(*offset).ok()),
        Error::SqliteFailure(_, Some(message)) => (message.clone(), None),
        other => (other.to_string(), None),
    }
}

fn is_syntax(message: &str) -> bool {
    message.ends_with("syntax error")
        || message.starts_with("unrecognized token")
        || message.starts_with("incomplete input")
        || message.starts_with("near ")
}

fn is_too_complex(error: &Error, message: &str) -> bool {
    let code = match error {
        Error::SqliteFailure(inner, _) | Error::SqlInputError { error: inner, .. } => inner.code,
        _ => return false,
    };
    matches!(code, ErrorCode::OperationInterrupted | ErrorCode::TooBig)
        || [
            "too large",
            "too many",
            "too deep",
            "too big",
            "overflow",
            "ecursion limit",
            "interrupted",
        ]
        .iter()
        .any(|part| message.contains(part))
}

fn unknown_function(name: &str) -> SqlError {
    let text = if name.eq_ignore_ascii_case("regexp") {
        "osquery has no REGEXP. Use `regex_match(column, pattern, 0) IS NOT NULL`, or LIKE."
            .to_owned()
    } else {
        format!("osquery has no function `{name}`. Check the name.")
    };
    SqlError::new(Code::UnknownFunction, text)
}

/// The sentence for what the authorizer denied.
pub(crate) fn refused(refused: &Refused) -> SqlError {
    match refused {
        Refused::Table(name) => refused_table(name),
        Refused::Action(action) => refused_action(action),
        // SQLite here has it, so the name exists; osquery's release of SQLite has not.
        Refused::Function(name) if functions::is_newer(name) => SqlError::new(
            Code::UnknownFunction,
            format!(
                "osquery's SQLite {SQLITE_OF_OSQUERY} has no function `{name}`. Write it in another way."
            ),
        ),
        Refused::Function(name) => unknown_function(name),
    }
}

pub(crate) fn refused_table(name: &str) -> SqlError {
    let text = format!("`{name}` belongs to SQLite itself and may not be queried.");
    SqlError::new(Code::NotAllowed, text)
}

pub(crate) fn refused_action(action: &str) -> SqlError {
    let text = format!("The query contains {action}. Only reading with SELECT is allowed.");
    SqlError::new(Code::NotAllowed, text)
}

pub(crate) fn too_complex() -> SqlError {
    let text = "The query is nested or multiplied too far. Split it, or use fewer sub-queries.";
    SqlError::new(Code::TooComplex, text)
}

pub(crate) fn too_many_unknown(most: usize) -> SqlError {
    let text = format!("The query names more than {most} tables that osquery does not have.");
    SqlError::new(Code::TooComplex, text)
}

pub(crate) fn unresolved(names: &BTreeSet<String>) -> SqlError {
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "The columns of {names} are not known here, so the query can't be checked as it is written. \
         Name the columns instead of `*` and write the table before each."
    );
    SqlError::new(Code::UnresolvedColumns, text)
}

/// The sentence for a token that is none.
pub(crate) fn illegal(token: &Token<'_>) -> SqlError {
    let text = match token.text.as_bytes()[0] {
        b'\'' => "A string is not closed: a `'` is missing.".to_owned(),
        b'"' | b'`' | b'[' => "A quoted name is not closed.".to_owned(),
        b'0'..=b'9' | b'.' => format!("`{}` is neither a number nor a name.", shown(token.text)),
        b'x' | b'X' => "A blob must be an even number of hexadecimal digits in quotes.".to_owned(),
        _ => format!("`{}` does not belong into SQL.", shown(token.text)),
    };
    SqlError::new(Code::IllegalCharacter, text).at(token.start)
}

/// The sentence for a text that starts with something else than a `SELECT`.
pub(crate) fn not_select(first: &Token<'_>) -> SqlError {
    let text = match first.text.to_ascii_lowercase().as_str() {
        "explain" => "EXPLAIN is not allowed. Send the SELECT itself.".to_owned(),
        "values" => {
            "A query starts with SELECT or WITH. Write SELECT instead of VALUES.".to_owned()
        }
        ";" => "The query starts with a semicolon. Remove it.".to_owned(),
        "(" => "A query starts with SELECT or WITH. Remove the parentheses around it.".to_owned(),
        _ if first.kind == Kind::Word => {
            format!("{} is not allowed. A query starts with SELECT or WITH.", shown(first.text))
        }
        _ => "A query starts with SELECT or WITH.".to_owned(),
    };
    SqlError::new(Code::NotSelect, text).at(first.start)
}

/// Text of the query that goes into a sentence: short and without control characters.
fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(CHARACTERS_MAX).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Error {
        Error::SqliteFailure(ffi::Error::new(1), Some(message.to_owned()))
    }

    #[test]
    fn missing_names_are_read_from_the_message() {
        let column = |name: &str, is_qualified| {
            Some(Missing::Column { name: name.to_owned(), is_qualified })
        };
        assert_eq!(missing(&failure("no such column: e.foo")), column("foo", true));
        assert_eq!(missing(&failure("no such column: foo")), column("foo", false));
        let using = "cannot join using column foo - column not present in both tables";
        assert_eq!(missing(&failure(using)), column("foo", true));
        let table = Some(Missing::Table("foo".to_owned()));
        assert_eq!(missing(&failure("no such table: main.Foo")), table);
        assert_eq!(missing(&failure("near \"x\": syntax error")), None);
    }
}
