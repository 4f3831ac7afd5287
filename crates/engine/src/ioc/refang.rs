// SPDX-License-Identifier: Apache-2.0
//! Undoes what people do to indicators so that nobody follows them by accident: `hxxp`, `[.]`,
//! `(dot)`, quotes around a value and their mixtures.
//!
//! In paths and registry keys only bracketed dots are undone: there backslashes and parentheses
//! are part of the name.

use super::path;

/// A text as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refanged {
    /// The text.
    pub text: String,
    /// Whether it had been made harmless, as is done to names of the network only.
    pub was_defanged: bool,
}

/// How a dot is written where it must not make a link.
const BRACKETED_DOTS: &[&str] = &["[.]", "[dot]", "[d]", "[punkt]", "[.", ".]"];
/// The same in words that names of files may have.
const OTHER_DOTS: &[&str] = &["(.)", "{.}", "<.>", "(dot)", "{dot}", "<dot>", "(.", ".)"];
/// Other signs in brackets, and what they stand for.
const SIGNS: &[(&str, &str)] = &[
    ("[://]", "://"),
    ("[:]//", "://"),
    ("[:]", ":"),
    ("(:)", ":"),
    ("[/]", "/"),
    ("[//]", "//"),
    ("[@]", "@"),
    ("[at]", "@"),
    ("(at)", "@"),
    ("(@)", "@"),
];
/// Pairs around a value that are not part of it.
const QUOTES: &[(char, char)] = &[
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('<', '>'),
    ('\u{201c}', '\u{201d}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
];

/// The text as it was meant. Doing it again changes nothing.
pub(super) fn refang(raw: &str) -> Refanged {
    let mut text = raw.to_owned();
    let mut was_defanged = false;
    loop {
        let bare = unquote(&text);
        let (next, changed) =
            if path::looks_like_path(bare) { in_path(bare) } else { in_name(bare) };
        was_defanged |= changed;
        // Nearly every step shortens the text; the others (`hxxp`) cannot happen twice.
        if next == text {
            return Refanged { text, was_defanged };
        }
        text = next;
    }
}

/// Without white space, invisible marks, quotes and a separator of lists around it.
fn unquote(text: &str) -> &str {
    let mut text = text;
    loop {
        let trimmed = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        let trimmed = trimmed.strip_suffix([',', ';']).unwrap_or(trimmed);
        let inner = QUOTES.iter().find_map(|(open, close)| {
            trimmed.strip_prefix(*open).and_then(|rest| rest.strip_suffix(*close))
        });
        let inner = inner.or_else(|| {
            let rest = trimmed.strip_prefix('[')?.strip_suffix(']')?;
            let is_key = rest.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("hk"));
            is_key.then_some(rest)
        });
        let next = inner.unwrap_or(trimmed);
        if next.len() == text.len() {
            return text;
        }
        text = next;
    }
}

/// Marks that take no room and are found at the ends of copied text.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

fn in_path(text: &str) -> (String, bool) {
    let next = replace_all(&replace_all(text, "[.]", "."), "[dot]", ".");
    let changed = next != text;
    (next, changed)
}

fn in_name(text: &str) -> (String, bool) {
    let mut next = text.to_owned();
    for (written, meant) in SIGNS {
        next = replace_all(&next, written, meant);
    }
    for dot in BRACKETED_DOTS.iter().chain(OTHER_DOTS) {
        next = replace_all(&next, dot, ".");
    }
    next = scheme(&next);
    next = escaped_dots(next);
    next = spoken_dots(next);
    let changed = next != text;
    (next, changed)
}

/// `hxxp`, `hXXps`, `h**p`, `fxp` and `meow` before `:`; and slashes of any kind after it.
fn scheme(text: &str) -> String {
    let Some((name, rest)) = text.split_once(':') else { return text.to_owned() };
    let Some(rest) = rest.strip_prefix("//").or_else(|| rest.strip_prefix(r"\\")) else {
        return text.to_owned();
    };
    let lower = name.to_ascii_lowercase();
    let plain = match lower.as_str() {
        "hxxp" | "hxtp" | "htxp" | "h**p" | "httx" | "hxp" | "h__p" | "meow" => "http",
        "hxxps" | "hxtps" | "htxps" | "h**ps" | "hxps" | "h__ps" | "meows" => "https",
        "fxp" | "fxxp" | "f*p" => "ftp",
        "fxps" => "ftps",
        _ => name,
    };
    format!("{plain}://{rest}")
}

/// `evil\.example`, as in regular expressions. Other backslashes make it a path.
fn escaped_dots(text: String) -> String {
    let next = text.replace(r"\.", ".");
    if next.contains('\\') { text } else { next }
}

/// `evil dot example`, when nothing else has a blank.
fn spoken_dots(text: String) -> String {
    let next = replace_all(&text, " dot ", ".");
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if next != text && next.chars().all(is_host) { next } else { text }
}

/// Replaces without looking at the case of ASCII letters.
fn replace_all(text: &str, from: &str, to: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if !lower.contains(from) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(at) = lower[rest..].find(from) {
        out.push_str(&text[rest..rest + at]);
        out.push_str(to);
        rest += at + from.len();
    }
    out.push_str(&text[rest..]);
    out
}
