// SPDX-License-Identifier: Apache-2.0
//! Making foreign text harmless: for terminals, where control characters command, for
//! spreadsheets, where formulas run, and for JSON that is shown on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters that change what a terminal does or what a reader sees: controls, direction marks,
/// and those that leave no trace.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// The text with every treacherous character written out: `\n`, `\x1b`, `\u{202e}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            '\t' => clean.push_str("\\t"),
            c if !is_treacherous(c) => clean.push(c),
            c if u32::from(c) < 0x100 => write!(clean, "\\x{:02x}", u32::from(c)).unwrap_or(()),
            c => write!(clean, "\\u{{{:x}}}", u32::from(c)).unwrap_or(()),
        }
    }
    Cow::Owned(clean)
}

/// JSON text in which treacherous characters stand as `\uXXXX`. The value stays the same: beyond
/// the white space between its parts, such characters can only be inside strings.
pub(crate) fn json_text(json: &str) -> Cow<'_, str> {
    let unsafe_in_json = |c: char| c != '\n' && is_treacherous(c);
    if !json.contains(unsafe_in_json) {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if unsafe_in_json(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(clean, "\\u{unit:04x}").unwrap_or(());
            }
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// A cell that no spreadsheet takes for a formula: one that begins like it gets an apostrophe, as
/// in the server's exports. A plain number such as `-5` is none; a cell that begins with
/// apostrophes before such a sign gets one more, so that taking one away gives it back.
/// Beyond that it is faithful, except on a terminal, which comes to no harm.
pub(crate) fn csv_cell(text: &str, on_terminal: bool) -> Cow<'_, str> {
    if is_risky(text) {
        let escaped = format!("'{text}");
        return if on_terminal { visible(&escaped).into_owned().into() } else { escaped.into() };
    }
    if on_terminal { visible(text) } else { Cow::Borrowed(text) }
}

fn is_risky(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    let formula = bare.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    formula && !(bare.len() == text.len() && is_plain_number(text))
}

/// Whether all of it is an optional sign, digits, optionally a fraction and an exponent.
fn is_plain_number(text: &str) -> bool {
    let is_number = text.parse::<f64>().is_ok();
    // Without digits it is one of the words that a float also reads, such as `-inf`.
    is_number && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_written_out() {
        for (text, shown) in [
            ("plain ü 你", "plain ü 你"),
            ("\u{1b}[31mred\u{1b}]0;title\u{7}", "\\x1b[31mred\\x1b]0;title\\x07"),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\x00"),
            ("\u{9b}2J\u{7f}", "\\x9b2J\\x7f"),
            ("exe\u{202e}gpj.x", "exe\\u{202e}gpj.x"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn json_keeps_its_value_and_loses_its_controls() {
        let value = serde_json::json!({"a\u{9b}": "b\u{202e}\u{e0041}\n\u{1b}"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let clean = json_text(&text);
        assert!(!clean.contains(['\u{9b}', '\u{202e}', '\u{e0041}', '\u{1b}']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&clean).unwrap(), value);
    }

    #[test]
    fn formulas_do_not_run() {
        for text in
            ["=1+1", "+1+1", "-x", "-inf", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "\u{ff1d}1"]
        {
            assert_eq!(csv_cell(text, false), format!("'{text}"));
        }
        assert_eq!(csv_cell("=\u{1b}[2J", true), "'=\\x1b[2J");
        assert_eq!(csv_cell("a\u{1b}\n", false), "a\u{1b}\n");
        for text in ["", "1", "-5", "+4.2e3", "a=b", " x", "'a"] {
            assert_eq!(csv_cell(text, false), text);
        }
    }
}
