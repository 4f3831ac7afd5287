// SPDX-License-Identifier: Apache-2.0
//! Makes sure that a text is one statement that reads, without a parser: for an engine that takes
//! several statements, commands and options in the same place.

use super::QueryError;

/// Words with which a statement that reads begins.
const FIRST_WORDS: [&str; 4] = ["SELECT", "WITH", "VALUES", "EXPLAIN"];

/// The one statement in `text`, without what stands around it.
///
/// # Errors
/// When there is none, there are several, or it does not read.
pub fn single(text: &str) -> Result<&str, QueryError> {
    let refuse = |message: &str| Err(QueryError::Sql(message.to_owned()));
    if text.contains('\0') {
        return refuse("the SQL holds a NUL character");
    }
    let start = skip_blank(text, 0);
    let end = statement_end(text, start);
    let statement = text[start..end].trim_end();
    if statement.is_empty() {
        return refuse("there is no SQL statement");
    }
    let mut rest = end;
    while text[rest..].starts_with(';') {
        rest = skip_blank(text, rest + 1);
    }
    if rest < text.len() {
        return refuse("only one statement is allowed");
    }
    let word = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    match FIRST_WORDS.iter().any(|first| first.eq_ignore_ascii_case(word)) {
        true => Ok(statement),
        false => refuse("only statements that read are allowed: SELECT, WITH, VALUES, EXPLAIN"),
    }
}

/// The end of the blanks and comments that start at `at`.
fn skip_blank(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        let comment = comment_length(&rest[blank..]);
        at += blank + comment;
        if comment == 0 {
            return at;
        }
    }
}

/// Bytes of the comment at the start of `rest`; 0 when there is none.
fn comment_length(rest: &str) -> usize {
    if rest.starts_with("--") {
        return rest.find('\n').map_or(rest.len(), |end| end + 1);
    }
    match rest.strip_prefix("/*") {
        Some(comment) => comment.find("*/").map_or(rest.len(), |end| end + 4),
        None => 0,
    }
}

/// Where the statement that starts at `at` ends: at a semicolon that is in no literal, name or
/// comment, or at the end.
fn statement_end(text: &str, mut at: usize) -> usize {
    while let Some(first) = text[at..].chars().next() {
        let quote = match first {
            ';' => return at,
            '\'' | '"' | '`' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        let comment = comment_length(&text[at..]);
        at += match quote {
            // A doubled quote ends one literal and starts the next, which comes to the same.
            Some(quote) => text[at + 1..].find(quote).map_or(text.len() - at, |end| end + 2),
            None if comment > 0 => comment,
            None => first.len_utf8(),
        };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_that_reads_is_taken() {
        for (text, statement) in [
            ("SELECT 1", "SELECT 1"),
            (" -- why\n/* so */ select 1 ; -- done", "select 1"),
            (
                "SELECT ';' AS \"a;b\", `c;`, [d;] -- ;\n, 'it''s;';",
                "SELECT ';' AS \"a;b\", `c;`, [d;] -- ;\n, 'it''s;'",
            ),
            ("WITH a AS (SELECT 1) SELECT * FROM a;;\n;", "WITH a AS (SELECT 1) SELECT * FROM a"),
            ("SELECT '--é' /* ; */ FROM t", "SELECT '--é' /* ; */ FROM t"),
            ("SELECT 'open", "SELECT 'open"),
        ] {
            assert_eq!(single(text).unwrap(), statement, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, reason) in [
            ("", "there is no SQL statement"),
            ("-- only a comment", "there is no SQL statement"),
            (";", "there is no SQL statement"),
            ("SELECT 1; SELECT 2", "only one statement is allowed"),
            ("SELECT 1; .exit", "only one statement is allowed"),
            ("SELECT 1 /* */; /* */ x", "only one statement is allowed"),
            (".tables", "only statements that read"),
            ("--help\n.shell", "only statements that read"),
            ("INSERT INTO t VALUES (1)", "only statements that read"),
            ("ATTACH 'x' AS y", "only statements that read"),
            ("PRAGMA journal_mode", "only statements that read"),
            ("SELECT 1\0", "NUL"),
        ] {
            let error = single(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
