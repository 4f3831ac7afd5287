// SPDX-License-Identifier: Apache-2.0
//! Prints an answer: an aligned table for people, JSON or CSV for programs.

use std::io::{self, Write};

use crate::sql::Answer;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// An aligned table.
    #[default]
    Table,
    /// An array of objects.
    Json,
    /// Comma-separated values with a header line.
    Csv,
}

/// Writes the answer.
///
/// # Errors
/// When the output cannot be written to.
pub fn write(answer: &Answer, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => write_table(answer, out),
        Format::Json => {
            write_json(answer, out)?;
            writeln!(out)
        }
        Format::Csv => write_csv(answer, out),
    }
}

/// Writes the rows as a JSON array of objects, one row a line; this is also what travels to the
/// server.
///
/// # Errors
/// When the output cannot be written to.
pub fn write_json(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> =
        answer.columns.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    out.write_all(b"[")?;
    for (index, row) in answer.rows().enumerate() {
        out.write_all(if index == 0 { b"{" } else { b",\n{" })?;
        for (column, (name, value)) in names.iter().zip(row).enumerate() {
            write!(out, "{}{name}:", if column == 0 { "" } else { "," })?;
            serde_json::to_writer(&mut *out, &value)?;
        }
        out.write_all(b"}")?;
    }
    out.write_all(b"]")
}

fn write_csv(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let header = answer.columns.iter().map(String::as_str).collect();
    for record in std::iter::once(header).chain(answer.rows()) {
        // The kind of the error matters: a reader that has left is none.
        writer.write_record(record).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            other => io::Error::other(format!("{other:?}")),
        })?;
    }
    writer.flush()
}

fn write_table(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let mut table = comfy_table::Table::new();
    table.set_header(answer.columns.iter().map(|name| printable(name)));
    for row in answer.rows() {
        table.add_row(row.into_iter().map(printable));
    }
    writeln!(out, "{}", table.trim_fmt())
}

/// Control characters shown as their escapes: a file name must not drive the terminal.
fn printable(text: &str) -> String {
    let shown =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let mut answer = Answer::new(vec!["pid".into(), "name".into()]);
        for cell in ["1", "init", "2", "a\"b,\n\u{1b}[1m"] {
            answer.push(cell);
        }
        answer
    }

    fn printed(format: Format) -> String {
        let mut out = Vec::new();
        write(&answer(), format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_an_array_of_objects() {
        assert_eq!(
            printed(Format::Json),
            "[{\"pid\":\"1\",\"name\":\"init\"},\n\
             {\"pid\":\"2\",\"name\":\"a\\\"b,\\n\\u001b[1m\"}]\n"
        );
        let mut out = Vec::new();
        write_json(&Answer::default(), &mut out).unwrap();
        assert_eq!(out, b"[]");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(printed(Format::Csv), "pid,name\n1,init\n2,\"a\"\"b,\n\u{1b}[1m\"\n");
    }

    #[test]
    fn the_table_does_not_drive_the_terminal() {
        let text = printed(Format::Table);
        assert!(text.contains("init") && text.contains("\\u{1b}[1m") && !text.contains('\u{1b}'));
    }
}
