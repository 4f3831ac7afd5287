// SPDX-License-Identifier: Apache-2.0
//! A rough look at a SELECT: which table, which columns, whether it filters, how many rows at
//! most. Enough to make answers look right; no parser, and never used to decide anything else.

/// What could be made out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sketch {
    /// The first name after `FROM`, in lower case; `None` for `SELECT 1`.
    pub(super) table: Option<String>,
    /// Source column and the name in the answer; empty means all.
    pub(super) columns: Vec<(String, String)>,
    /// `SELECT count(...)` without further columns: the column's name.
    pub(super) count: Option<String>,
    /// There is a `WHERE`.
    pub(super) filtered: bool,
    /// The smallest `LIMIT`.
    pub(super) limit: Option<usize>,
}

impl Sketch {
    pub(super) fn of(sql: &str) -> Self {
        let words = words(sql);
        let is = |at: usize, word: &str| {
            words.get(at).is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        let mut sketch = Self::default();
        // The innermost SELECT names the table: the last one before the first FROM <name>.
        let from = (0..words.len()).find(|&at| is(at, "from") && is_name(words.get(at + 1)));
        let end = from.unwrap_or(words.len());
        sketch.table = from.map(|at| unquoted(&words[at + 1]).to_ascii_lowercase());
        let select = (0..end).rev().find(|&at| is(at, "select"));
        sketch.read_columns(&words[select.map_or(end, |at| at + 1)..end]);
        sketch.filtered = (0..words.len()).any(|at| is(at, "where"));
        let limits = (0..words.len()).filter(|&at| is(at, "limit"));
        sketch.limit = limits.filter_map(|at| words.get(at + 1)?.parse::<usize>().ok()).min();
        sketch
    }

    fn read_columns(&mut self, words: &[String]) {
        for item in split_commas(words) {
            let item: Vec<&str> =
                item.iter().map(String::as_str).filter(|w| !is_noise(w)).collect();
            let Some(first) = item.first() else { continue };
            let alias = match item.iter().rposition(|word| word.eq_ignore_ascii_case("as")) {
                Some(at) => item.get(at + 1).map(|name| unquoted(name).to_owned()),
                None => None,
            };
            if first.eq_ignore_ascii_case("count") {
                let name = alias.unwrap_or_else(|| item.concat());
                self.count = Some(name);
                continue;
            }
            if item.contains(&"*") {
                self.columns.clear();
                return;
            }
            // `p.path` names the column after the point.
            let source = item
                [..item.iter().position(|w| w.eq_ignore_ascii_case("as")).unwrap_or(item.len())]
                .iter()
                .rfind(|word| is_name(Some(&(**word).to_owned())) || is_number(word))
                .map_or_else(|| item.concat(), |word| unquoted(word).to_owned());
            let shown = alias.unwrap_or_else(|| source.clone());
            self.columns.push((source, shown));
        }
        if !self.columns.is_empty() {
            self.count = None;
        }
    }
}

/// Splits into names, numbers, quoted texts and single other characters; comments are left out.
fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("--") => {
                rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest.split_once("*/").map_or("", |(_, after)| after).trim_start();
                continue;
            }
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words
}

fn split_commas(words: &[String]) -> Vec<&[String]> {
    let mut items = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => {
                items.push(&words[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&words[start..]);
    items
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_name(word: Option<&String>) -> bool {
    word.and_then(|word| word.chars().next())
        .is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '"' | '`'))
}

fn is_number(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit())
}

fn is_noise(word: &str) -> bool {
    word.eq_ignore_ascii_case("distinct") || word.eq_ignore_ascii_case("all")
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '`', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(sql: &str) -> Vec<(String, String)> {
        Sketch::of(sql).columns
    }

    fn same(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn tables_columns_and_limits_are_seen() {
        let sketch = Sketch::of("SELECT pid, name FROM Processes WHERE on_disk = 0 LIMIT 5;");
        assert_eq!(sketch.table.as_deref(), Some("processes"));
        assert_eq!(sketch.columns, same(&["pid", "name"]));
        assert!(sketch.filtered);
        assert_eq!(sketch.limit, Some(5));
        assert_eq!(columns("select * from users"), []);
        assert_eq!(columns("SELECT DISTINCT u.username FROM users u"), same(&["username"]));
        assert_eq!(
            columns("SELECT uid AS id, \"shell\" FROM users"),
            [("uid".into(), "id".into()), ("shell".into(), "shell".into())]
        );
    }

    #[test]
    fn wrapped_and_odd_texts_do_no_harm() {
        let sketch =
            Sketch::of("SELECT * FROM (SELECT pid FROM listening_ports) LIMIT 50000 -- from x");
        assert_eq!(sketch.table.as_deref(), Some("listening_ports"));
        assert_eq!((sketch.columns, sketch.limit), (same(&["pid"]), Some(50_000)));
        assert_eq!(Sketch::of("SELECT 1").columns, same(&["1"]));
        assert_eq!(Sketch::of("SELECT count(*) FROM users").count.as_deref(), Some("count(*)"));
        assert_eq!(Sketch::of("SELECT COUNT(*) AS n FROM users").count.as_deref(), Some("n"));
        for odd in ["", "FROM", "SELECT 'x", "/* open", "SELECT FROM FROM", "é\"", "SELECT ,,("] {
            drop(Sketch::of(odd));
        }
    }
}
