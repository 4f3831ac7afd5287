// SPDX-License-Identifier: Apache-2.0
//! The part of STIX patterns that can be looked for: comparisons with `=` and `IN`, joined by
//! `AND` and `OR`. Everything about order, time and negation is refused.

use mimir_wire::api::indicator::IndicatorType as Type;

/// Parentheses within each other.
const DEPTH_MAX: usize = 32;
/// Alternatives that one pattern may have after its parentheses are resolved.
const ALTERNATIVES_MAX: usize = 1_000;

/// Something a pattern means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// An indicator, of a type if the pattern says which.
    Indicator(Option<Type>, String),
    /// The name of a file whose digest is in the same comparison.
    NameOfDigest(String),
    /// A comparison that can't be looked for, and why.
    Unsupported(String, String),
}

/// The type of a digest by the name STIX has for it.
pub(super) fn digest_type(name: &str) -> Option<Type> {
    match name.trim_matches('\'').to_ascii_uppercase().replace(['-', '_'], "").as_str() {
        "SHA256" => Some(Type::FileHashSha256),
        "SHA1" => Some(Type::FileHashSha1),
        "MD5" => Some(Type::FileHashMd5),
        _ => None,
    }
}

/// One comparison: an object's path and a value.
#[derive(Debug, Clone)]
struct Term {
    path: String,
    value: String,
}

/// What must hold together.
type Group = Vec<Term>;

/// What a pattern means.
///
/// # Errors
/// Why it can't be read, in words.
pub(super) fn read(pattern: &str) -> Result<Vec<Meant>, String> {
    let tokens = tokens(pattern)?;
    let mut reader = Reader { tokens: &tokens, depth: 0 };
    let mut groups = Vec::new();
    loop {
        reader.expect("[")?;
        groups.extend(reader.any()?);
        reader.expect("]")?;
        match reader.next() {
            None => break,
            // What is observed apart is looked for apart.
            Some(Token::Word(word)) if is_word(word, "AND") || is_word(word, "OR") => {}
            Some(_) => return Err("Patterns over time or in an order are not read.".to_owned()),
        }
    }
    Ok(groups.into_iter().flat_map(meanings).collect())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word, an object's path or an operator.
    Word(String),
    /// A text in quotes, without them.
    Text(String),
}

fn is_word(word: &str, known: &str) -> bool {
    word.eq_ignore_ascii_case(known)
}

fn tokens(pattern: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '\'' => tokens.push(Token::Text(quoted(&mut chars)?)),
            '[' | ']' | '(' | ')' | ',' | '=' | '!' | '<' | '>' => {
                tokens.push(Token::Word(c.to_string()));
            }
            c => {
                let mut word = c.to_string();
                while let Some(next) = chars.peek().copied() {
                    match next {
                        // `hashes.'SHA-256'` and `values[*]` belong to the path.
                        '\'' if word.ends_with('.') => {
                            chars.next();
                            word.push_str(&quoted(&mut chars)?);
                        }
                        '[' if word.contains(':') => {
                            word.extend(chars.by_ref().take_while(|c| *c != ']'));
                            word.push(']');
                        }
                        c if c.is_whitespace() || "[](),=!<>'".contains(c) => break,
                        c => {
                            word.push(c);
                            chars.next();
                        }
                    }
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\'' => return Ok(text),
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    Err("A text of the pattern has no closing quote.".to_owned())
}

struct Reader<'t> {
    tokens: &'t [Token],
    depth: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn accept(&mut self, known: &str) -> bool {
        let fits = matches!(self.tokens.first(), Some(Token::Word(word)) if is_word(word, known));
        if fits {
            self.tokens = &self.tokens[1..];
        }
        fits
    }

    fn expect(&mut self, known: &str) -> Result<(), String> {
        if self.accept(known) { Ok(()) } else { Err(format!("The pattern lacks a `{known}`.")) }
    }

    /// Groups of which any may hold.
    fn any(&mut self) -> Result<Vec<Group>, String> {
        let mut groups = self.all()?;
        while self.accept("OR") {
            groups.extend(self.all()?);
            bounded(&groups)?;
        }
        Ok(groups)
    }

    fn all(&mut self) -> Result<Vec<Group>, String> {
        let mut groups = self.one()?;
        while self.accept("AND") {
            let others = self.one()?;
            if groups.len() * others.len() > ALTERNATIVES_MAX {
                return Err(too_many());
            }
            let join = |group: &Group| {
                others.iter().map(|other| [group.as_slice(), other].concat()).collect::<Vec<_>>()
            };
            groups = groups.iter().flat_map(join).collect();
        }
        Ok(groups)
    }

    fn one(&mut self) -> Result<Vec<Group>, String> {
        if self.accept("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(format!("The pattern has more than {DEPTH_MAX} nested parentheses."));
            }
            let groups = self.any()?;
            self.expect(")")?;
            self.depth -= 1;
            return Ok(groups);
        }
        let Some(Token::Word(path)) = self.next() else {
            return Err("The pattern ends where a comparison is expected.".to_owned());
        };
        if !path.contains(':') {
            return Err(format!("`{path}` is not read in patterns; only comparisons are."));
        }
        let values = if self.accept("=") {
            vec![self.value()?]
        } else if self.accept("IN") {
            self.set()?
        } else {
            return Err(
                "Only `=` and `IN` are looked for; this pattern compares otherwise.".to_owned()
            );
        };
        let term = |value| vec![Term { path: path.clone(), value }];
        let groups: Vec<Group> = values.into_iter().map(term).collect();
        bounded(&groups)?;
        Ok(groups)
    }

    fn value(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Text(text) | Token::Word(text)) => Ok(text.clone()),
            None => Err("The pattern ends where a value is expected.".to_owned()),
        }
    }

    fn set(&mut self) -> Result<Vec<String>, String> {
        self.expect("(")?;
        let mut values = vec![self.value()?];
        while self.accept(",") {
            values.push(self.value()?);
        }
        self.expect(")")?;
        Ok(values)
    }
}

fn bounded(groups: &[Group]) -> Result<(), String> {
    if groups.len() > ALTERNATIVES_MAX { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> String {
    format!("The pattern has more than {ALTERNATIVES_MAX} alternatives.")
}

/// What the comparisons that must hold together mean.
fn meanings(group: Group) -> Vec<Meant> {
    let find = |path: &str| group.iter().find(|term| term.path == path).map(|term| &term.value);
    let folder = find("file:parent_directory_ref.path");
    let key = find("windows-registry-key:key");
    let has_digest = group.iter().any(|term| term.path.starts_with("file:hashes."));
    let is_value_name =
        |path: &str| path.starts_with("windows-registry-key:values[") && path.ends_with("].name");
    let has_value_name = group.iter().any(|term| is_value_name(&term.path));
    let has_name = find("file:name").is_some();
    let mut meant: Vec<Meant> = Vec::new();
    for Term { path, value } in &group {
        let indicator = |kind, value: String| Meant::Indicator(kind, value);
        let one = match path.as_str() {
            "file:name" if has_digest => Meant::NameOfDigest(value.clone()),
            "file:name" => match folder {
                Some(folder) => indicator(Some(Type::Filepath), joined(folder, value)),
                None if value.contains(['/', '\\']) => {
                    indicator(Some(Type::Filepath), value.clone())
                }
                None => indicator(Some(Type::Filename), value.clone()),
            },
            "file:parent_directory_ref.path" if has_name || has_digest => continue,
            "file:parent_directory_ref.path" => indicator(Some(Type::Filepath), value.clone()),
            "process:name" | "process:image_ref.name" => {
                indicator(Some(Type::Filename), value.clone())
            }
            "ipv4-addr:value" => indicator(Some(Type::Ipv4), value.clone()),
            "domain-name:value" => indicator(Some(Type::Domain), value.clone()),
            "url:value" => indicator(Some(Type::Url), value.clone()),
            "network-traffic:dst_ref.value" | "network-traffic:src_ref.value" => {
                indicator(None, value.clone())
            }
            "windows-registry-key:key" if has_value_name => continue,
            "windows-registry-key:key" => indicator(Some(Type::RegistryKey), value.clone()),
            path if is_value_name(path) && key.is_some() => indicator(
                Some(Type::RegistryKey),
                format!("{}\\{value}", key.map_or("", String::as_str)),
            ),
            path => match path.strip_prefix("file:hashes.").map(digest_type) {
                Some(Some(kind)) => indicator(Some(kind), value.clone()),
                _ => {
                    let reason = format!("Hosts can't be searched for `{path}`.");
                    Meant::Unsupported(value.clone(), reason)
                }
            },
        };
        meant.push(one);
    }
    meant
}

fn joined(folder: &str, name: &str) -> String {
    let separator = if folder.contains('\\') { '\\' } else { '/' };
    format!("{}{separator}{name}", folder.trim_end_matches(['/', '\\']))
}
