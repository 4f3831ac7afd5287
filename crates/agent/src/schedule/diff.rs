// SPDX-License-Identifier: Apache-2.0
//! What changed between two runs of a query: rows as texts of JSON, compared whole. Equal rows
//! count each for itself.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::sql::Answer;

/// The change from one run to the next.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference<'r> {
    /// Rows that are gone, in their old order.
    pub removed: Vec<&'r str>,
    /// Rows that are new, in their order.
    pub added: Vec<&'r str>,
}

impl Difference<'_> {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

/// Compares rows, one a line.
pub fn difference<'r>(old: &'r str, new: &'r str) -> Difference<'r> {
    let mut unmatched: HashMap<&str, u32> = HashMap::new();
    for row in old.lines() {
        *unmatched.entry(row).or_default() += 1;
    }
    let mut take = |row: &str| match unmatched.get_mut(row) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let added = new.lines().filter(|row| !take(row)).collect();
    let removed = old.lines().filter(|row| take(row)).collect();
    Difference { removed, added }
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Control characters as the text `\xHH`, as osquery does in everything it compares.
    pub is_escaped: bool,
    /// Numbers as numbers.
    pub numerics: bool,
}

/// The rows of an answer, one JSON object a line.
pub fn rows(answer: &Answer, form: Form) -> String {
    let names: Vec<String> = answer.columns.iter().map(|name| json(name)).collect();
    let mut text = String::new();
    for row in answer.typed_rows() {
        for (column, (name, (value, is_number))) in names.iter().zip(row).enumerate() {
            text.push(if column == 0 { '{' } else { ',' });
            text.push_str(name);
            text.push(':');
            if is_number && form.numerics && is_json_number(value) {
                text.push_str(value);
            } else if form.is_escaped {
                text.push_str(&json(&escaped(value)));
            } else {
                text.push_str(&json(value));
            }
        }
        text.push_str("}\n");
    }
    text
}

/// Infinity, for one, is none.
fn is_json_number(value: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(value).is_ok()
}

/// A text as JSON.
pub fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn escaped(value: &str) -> std::borrow::Cow<'_, str> {
    if !value.chars().any(|c| c.is_ascii_control()) {
        return value.into();
    }
    let mut text = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        if c.is_ascii_control() {
            // Writing to a text cannot fail.
            let _ = write!(text, "\\x{:02X}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_count_each_for_itself() {
        let change = difference("a\nb\na\nc\n", "c\na\nd\nd\n");
        assert_eq!((change.removed, change.added), (vec!["a", "b"], vec!["d", "d"]));
        assert!(difference("a\nb\n", "b\na\n").is_empty());
        assert_eq!(difference("", "a\n").added, ["a"]);
        assert_eq!(difference("a\n", "").removed, ["a"]);
    }

    #[test]
    fn rows_are_lines_of_json() {
        let mut answer = Answer::new(vec!["a".into(), "b\"".into()]);
        for cell in ["1", "x\ny\u{7f}\u{e4}", "", "\\"] {
            answer.push(cell);
        }
        let form = |is_escaped, numerics| rows(&answer, Form { is_escaped, numerics });
        assert_eq!(
            form(true, false),
            "{\"a\":\"1\",\"b\\\"\":\"x\\\\x0Ay\\\\x7F\u{e4}\"}\n{\"a\":\"\",\"b\\\"\":\"\\\\\"}\n"
        );
        assert!(form(false, false).starts_with("{\"a\":\"1\",\"b\\\"\":\"x\\ny\u{7f}"));
        assert_eq!(form(false, true).lines().count(), 2);
    }

    #[test]
    fn numbers_can_be_numbers() {
        let mut answer = Answer::new(vec!["a".into(), "b".into()]);
        for (value, is_number) in [("1", true), ("1", false), ("-1.5e+20", true), ("Inf", true)] {
            if is_number { answer.push_number(value) } else { answer.push(value) }
        }
        let form = |numerics| rows(&answer, Form { is_escaped: false, numerics });
        assert_eq!(form(true), "{\"a\":1,\"b\":\"1\"}\n{\"a\":-1.5e+20,\"b\":\"Inf\"}\n");
        assert!(form(false).starts_with("{\"a\":\"1\",\"b\":\"1\"}\n"));
    }
}
