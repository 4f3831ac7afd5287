// SPDX-License-Identifier: Apache-2.0
//! The TOML file: flat, one key a line, unknown keys refused. Messages give line numbers and never
//! repeat a line, because it may hold a password.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key};

/// A value as a source gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// One text.
    One(String),
    /// A list of texts.
    Many(Vec<String>),
}

/// A value of the file, with the line it stands on (from 1).
pub type Entry = (&'static Key, Raw, usize);

/// Reads the file's text: what it says and what is wrong with it, the latter as sentences that
/// begin with the line number.
pub fn read(text: &str) -> (Vec<Entry>, Vec<String>) {
    let line_of =
        |at: usize| text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(span.start.min(text.len())));
            let problem = format!("line {line}: this is not TOML: {}.", error.message());
            return (Vec::new(), vec![problem]);
        }
    };
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in table.into_inner() {
        let line = line_of(name.span().start);
        let Some(key) = Key::named(name.get_ref()) else {
            problems.push(format!("line {line}: {}", unknown(name.get_ref())));
            continue;
        };
        match raw(&value) {
            Some(raw) => entries.push((key, raw, line)),
            None => problems.push(format!(
                "line {line}: {} must be a text, a number, true, false or a list of texts.",
                key.name
            )),
        }
    }
    entries.sort_by_key(|(_, _, line)| *line);
    problems.sort();
    (entries, problems)
}

fn raw(value: &Spanned<DeValue<'_>>) -> Option<Raw> {
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    };
    match value.get_ref() {
        DeValue::Array(items) => {
            items.iter().map(|item| one(item.get_ref())).collect::<Option<_>>().map(Raw::Many)
        }
        value => one(value).map(Raw::One),
    }
}

/// A sentence about a key that does not exist, with the one that was probably meant.
pub fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(64).collect();
    match similar(name) {
        Some(key) => format!("there is no key `{shown}`; did you mean `{}`?", key.name),
        None => {
            let all: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            format!("there is no key `{shown}`; the keys are {}.", all.join(", "))
        }
    }
}

/// The key whose name is at most two slips of the pen away.
pub fn similar(name: &str) -> Option<&'static Key> {
    const SLIPS_MAX: usize = 2;
    let distances = KEYS.iter().map(|key| (distance(name, key.name), key));
    let (slips, key) = distances.min_by_key(|(slips, _)| *slips)?;
    (slips <= SLIPS_MAX).then_some(key)
}

/// Letters to insert, remove or replace to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (number, left) in from.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (place, right) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_with_their_lines() {
        let (entries, problems) = read(
            "# mine\nlisten = \"[::]:1\"\n\ninsecure_http = true\ntls_names = [\"a\", \"b\"]\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        let entries: Vec<_> =
            entries.into_iter().map(|(key, raw, line)| (key.name, raw, line)).collect();
        assert_eq!(
            entries,
            [
                ("listen", Raw::One("[::]:1".into()), 2),
                ("insecure_http", Raw::One("true".into()), 4),
                ("tls_names", Raw::Many(vec!["a".into(), "b".into()]), 5),
            ]
        );
    }

    #[test]
    fn mistakes_are_found_all_at_once_and_by_line() {
        let (_, problems) = read("\nlissten = \"x\"\n[server]\nport = 1\n");
        assert_eq!(problems[0], "line 2: there is no key `lissten`; did you mean `listen`?");
        assert!(
            problems[1].starts_with("line 3: there is no key `server`; the keys are data_dir,")
        );
        let (_, problems) = read("listen = 2026-01-01\ndata_dir = [[\"x\"]]\n");
        assert!(problems[0].contains("line 1: listen must be a text"), "{problems:?}");
        assert!(problems[1].contains("line 2: data_dir"), "{problems:?}");
    }

    #[test]
    fn a_broken_line_is_not_repeated() {
        let (entries, problems) = read("listen = \"x\"\ndatabase = \"postgres://u:hunter2@h/d\n");
        assert!(entries.is_empty());
        assert!(problems[0].starts_with("line 2: this is not TOML"), "{problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
        let (_, problems) = read("listen = \"x\"\nlisten = \"y\"\n");
        assert!(problems[0].starts_with("line 2: "), "{problems:?}");
    }
}
