// SPDX-License-Identifier: Apache-2.0
//! Splits SQL into tokens the way SQLite's own tokenizer does.
//!
//! It knows no grammar. Where SQLite accepts less than one might think (a digit followed by letters,
//! an unterminated quote), the token is [`Kind::Illegal`], so nothing can hide behind a difference.

use std::borrow::Cow;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bare word: keyword or identifier.
    Word,
    /// An identifier in `"…"`, `` `…` `` or `[…]`.
    Quoted,
    /// A string in `'…'`. In some places SQLite takes it for an identifier.
    Text,
    /// A number or a blob.
    Literal,
    /// `?1`, `:name`, `@name`, `$name`, `#1`.
    Parameter,
    /// Punctuation, one byte at a time; operators of several bytes are several tokens.
    Symbol(u8),
    /// Nothing SQLite would accept.
    Illegal,
}

/// A token and where it starts, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

impl<'a> Token<'a> {
    /// The identifier without its quotes; for a string what it would be as an identifier.
    pub(crate) fn name(&self) -> Option<Cow<'a, str>> {
        match self.kind {
            Kind::Word => Some(Cow::Borrowed(self.text)),
            Kind::Quoted | Kind::Text => {
                let inner = &self.text[1..self.text.len() - 1];
                Some(match self.text.as_bytes()[0] {
                    b'[' => Cow::Borrowed(inner),
                    quote => {
                        let quote = char::from(quote);
                        let doubled = [quote, quote].iter().collect::<String>();
                        Cow::Owned(inner.replace(&doubled, &quote.to_string()))
                    }
                })
            }
            _ => None,
        }
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_symbol(&self, symbol: u8) -> bool {
        self.kind == Kind::Symbol(symbol)
    }
}

/// All tokens of a text; white space and comments are left out.
pub(crate) fn tokenize(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let skipped = blank(&bytes[at..]);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        let (kind, length) = one(&bytes[at..]);
        // An illegal byte may be the first of several; take the whole character.
        let mut end = at + length;
        while !sql.is_char_boundary(end) {
            end += 1;
        }
        tokens.push(Token { kind, text: &sql[at..end], start: at });
        at = end;
    }
    tokens
}

/// The length of white space or of a comment at the start; 0 when there is neither.
fn blank(rest: &[u8]) -> usize {
    match rest {
        [b' ' | b'\t' | b'\n' | b'\x0c' | b'\r', ..] => {
            // A vertical tab is white space only after other white space.
            rest.iter().take_while(|b| matches!(b, b' ' | b'\t'..=b'\r')).count()
        }
        [0xef, 0xbb, 0xbf, ..] => 3,
        [b'-', b'-', ..] => rest.iter().take_while(|b| **b != b'\n').count(),
        // `/*` at the very end is a slash and a star; an unterminated comment runs to the end.
        [b'/', b'*', body @ ..] if !body.is_empty() => {
            body.windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |p| p + 4)
        }
        _ => 0,
    }
}

fn one(rest: &[u8]) -> (Kind, usize) {
    match rest[0] {
        b'\'' => quoted(rest, Kind::Text),
        b'"' | b'`' => quoted(rest, Kind::Quoted),
        b'[' => match rest.iter().position(|b| *b == b']') {
            Some(end) => (Kind::Quoted, end + 1),
            None => (Kind::Illegal, rest.len()),
        },
        b'0'..=b'9' => number(rest),
        b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => number(rest),
        b'x' | b'X' if rest.get(1) == Some(&b'\'') => blob(rest),
        b'?' | b':' | b'@' | b'$' | b'#' => {
            (Kind::Parameter, 1 + rest[1..].iter().take_while(|b| is_name_byte(**b)).count())
        }
        first if is_name_byte(first) => {
            (Kind::Word, rest.iter().take_while(|b| is_name_byte(**b)).count())
        }
        symbol if b"()[],.;+-*/%=<>!|&~".contains(&symbol) => (Kind::Symbol(symbol), 1),
        _ => (Kind::Illegal, 1),
    }
}

/// Letters, digits, `_`, `$` and everything outside ASCII; the callers decide what may come first.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn quoted(rest: &[u8], kind: Kind) -> (Kind, usize) {
    let quote = rest[0];
    let mut at = 1;
    while at < rest.len() {
        if rest[at] != quote {
            at += 1;
        } else if rest.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return (kind, at + 1);
        }
    }
    (Kind::Illegal, rest.len())
}

fn number(rest: &[u8]) -> (Kind, usize) {
    let run = |from: usize, digit: fn(&u8) -> bool| {
        rest[from..].iter().take_while(|b| digit(b) || **b == b'_').count()
    };
    let mut at;
    if rest.len() > 2 && rest[0] == b'0' && matches!(rest[1], b'x' | b'X') {
        at = 2 + run(2, u8::is_ascii_hexdigit);
    } else {
        at = run(0, u8::is_ascii_digit);
        if rest.get(at) == Some(&b'.') {
            at += 1;
            at += run(at, u8::is_ascii_digit);
        }
        if matches!(rest.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
            if rest.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
                at += 1 + sign;
                at += run(at, u8::is_ascii_digit);
            }
        }
    }
    let tail = rest[at..].iter().take_while(|b| is_name_byte(**b)).count();
    if tail > 0 { (Kind::Illegal, at + tail) } else { (Kind::Literal, at) }
}

fn blob(rest: &[u8]) -> (Kind, usize) {
    let digits = rest[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
    match rest.get(2 + digits) {
        Some(b'\'') if digits % 2 == 0 => (Kind::Literal, digits + 3),
        _ => (Kind::Illegal, 2 + digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<String> {
        tokenize(sql)
            .iter()
            .map(|token| match token.kind {
                Kind::Word | Kind::Quoted => {
                    format!("id:{}", token.name().expect("a name"))
                }
                Kind::Text => format!("str:{}", token.name().expect("a name")),
                Kind::Literal => format!("lit:{}", token.text),
                Kind::Parameter => format!("par:{}", token.text),
                Kind::Symbol(byte) => char::from(byte).to_string(),
                Kind::Illegal => format!("bad:{}", token.text),
            })
            .collect()
    }

    #[test]
    fn all_quotings_give_the_same_name() {
        assert_eq!(words("curl \"curl\" `curl` [curl]"), ["id:curl"; 4]);
        assert_eq!(
            words("'it''s' \"a\"\"b\" `a``b` [a\"b]"),
            ["str:it's", "id:a\"b", "id:a`b", "id:a\"b"]
        );
    }

    #[test]
    fn comments_end_where_sqlite_ends_them() {
        assert_eq!(words("a--x\nb"), ["id:a", "id:b"]);
        assert_eq!(words("a/* ; */b"), ["id:a", "id:b"]);
        assert_eq!(words("a/*/b*/c"), ["id:a", "id:c"]);
        assert_eq!(words("a/*unterminated"), ["id:a"]);
        assert_eq!(words("a/*"), ["id:a", "/", "*"]);
        assert_eq!(words("a--x\rb"), ["id:a"]);
    }

    #[test]
    fn numbers_do_not_run_into_names() {
        assert_eq!(
            words("1 .5 1.5e-3 0xFF x'00ff'"),
            ["lit:1", "lit:.5", "lit:1.5e-3", "lit:0xFF", "lit:x'00ff'"]
        );
        assert_eq!(words("1curl"), ["bad:1curl"]);
        assert_eq!(words("1e5x 0xg x'0"), ["bad:1e5x", "bad:0xg", "bad:x'0"]);
        assert_eq!(words("x'zz'"), ["bad:x'", "id:zz", "bad:'"]);
    }

    #[test]
    fn what_is_not_sql_is_illegal() {
        assert_eq!(words("'open"), ["bad:'open"]);
        assert_eq!(words("[open"), ["bad:[open"]);
        assert_eq!(words("a\x0bb {"), ["id:a", "bad:\x0b", "id:b", "bad:{"]);
        assert_eq!(words("?1 :a @b $c #1"), ["par:?1", "par::a", "par:@b", "par:$c", "par:#1"]);
        assert_eq!(words("\u{feff}naïve\u{feff}"), ["id:naïve\u{feff}"]);
    }
}
