// SPDX-License-Identifier: Apache-2.0
//! CSV after RFC 4180: UTF-8, CRLF, a header row, quotes where needed, an absent cell is empty.
//!
//! Spreadsheets run a cell that begins with `=`, `+`, `-`, `@`, a tab, a line break or the
//! full-width forms of these signs as a formula, and cells come from machines that may be hostile.
//! Such a cell gets a single quote (`'`) in front, unless all of it is a plain number: `-5` and
//! `+4.2e3` stay what they are. A cell that already begins with quotes followed by such a sign
//! gets one more, so that taking one quote away always gives the original back. Column names are
//! treated alike.
//!
//! It does not protect someone who opens the file with another separator than the comma.

use std::borrow::Cow;
use std::io::Write;

use super::{
    ColumnSlots, ExportError, ExportSummary, HOST_ID_COLUMN, HOSTNAME_COLUMN, RowExport,
    output_names,
};

/// Bytes collected before they are handed on.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes CSV. Fields are put together here and not by crate `csv`, with which an export took
/// about a fifth longer; the tests read everything back with that crate.
pub struct CsvExport<W: Write> {
    out: W,
    buffer: Vec<u8>,
    slots: ColumnSlots,
    /// The host of the row before and its two fields: rows come host by host.
    host: (String, String),
    host_fields: Vec<u8>,
    summary: ExportSummary,
}

impl<W: Write> CsvExport<W> {
    /// A writer into `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            buffer: Vec::with_capacity(BUFFER_BYTES * 2),
            slots: ColumnSlots::default(),
            host: (String::new(), String::new()),
            host_fields: b",".to_vec(),
            summary: ExportSummary::default(),
        }
    }

    fn end_row(&mut self) -> Result<(), ExportError> {
        self.buffer.extend_from_slice(b"\r\n");
        if self.buffer.len() >= BUFFER_BYTES { self.hand_on() } else { Ok(()) }
    }

    fn hand_on(&mut self) -> Result<(), ExportError> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        // One giant row must not keep its memory.
        self.buffer.shrink_to(BUFFER_BYTES * 2);
        Ok(())
    }

    fn host(&mut self, host_id: &str, hostname: &str) {
        if self.host.0 == host_id && self.host.1 == hostname {
            return;
        }
        self.host = (host_id.to_owned(), hostname.to_owned());
        self.host_fields.clear();
        put_field(&mut self.host_fields, host_id);
        self.host_fields.push(b',');
        put_field(&mut self.host_fields, hostname);
    }
}

impl<W: Write + Send> RowExport for CsvExport<W> {
    fn begin(&mut self, columns: &[String]) -> Result<(), ExportError> {
        let names = output_names(columns);
        self.slots = ColumnSlots::new(names.iter().map(|(column, _)| column.as_str()));
        put_field(&mut self.buffer, HOST_ID_COLUMN);
        self.buffer.push(b',');
        put_field(&mut self.buffer, HOSTNAME_COLUMN);
        for (_, name) in &names {
            self.buffer.push(b',');
            put_field(&mut self.buffer, name);
        }
        self.end_row()
    }

    fn row(&mut self, host_id: &str, hostname: &str, line: &str) -> Result<(), ExportError> {
        let (values, left_out) = self.slots.sort(line)?;
        self.host(host_id, hostname);
        self.buffer.extend_from_slice(&self.host_fields);
        for value in values {
            self.buffer.push(b',');
            if let Some(value) = value {
                put_field(&mut self.buffer, &value.text()?);
            }
        }
        self.summary.rows += 1;
        self.summary.cells_left_out += left_out;
        self.end_row()
    }

    fn finish(mut self: Box<Self>) -> Result<ExportSummary, ExportError> {
        self.hand_on()?;
        self.out.flush()?;
        Ok(self.summary)
    }
}

/// Appends one field, guarded, and quoted where it must be.
fn put_field(buffer: &mut Vec<u8>, text: &str) {
    let text = guard(text);
    let bytes = text.as_bytes();
    // Looking at every byte, without stopping at a find, lets the compiler look at many at once.
    let special = |hit, byte: &u8| hit | matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if !bytes.iter().fold(false, special) {
        buffer.extend_from_slice(bytes);
        return;
    }
    buffer.push(b'"');
    for (number, part) in bytes.split(|byte| *byte == b'"').enumerate() {
        if number > 0 {
            buffer.extend_from_slice(b"\"\"");
        }
        buffer.extend_from_slice(part);
    }
    buffer.push(b'"');
}

/// The text as a spreadsheet may safely show it.
pub fn guard(text: &str) -> Cow<'_, str> {
    if is_risky(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

fn is_risky(text: &str) -> bool {
    // Nearly all cells begin with a letter, a digit or a slash.
    if text.as_bytes().first().is_none_or(|first| first.is_ascii_alphanumeric() || *first == b'/') {
        return false;
    }
    let bare = text.trim_start_matches('\'');
    let risky = bare.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    risky && !(bare.len() == text.len() && is_plain_number(text))
}

/// Whether all of it is an optional sign, digits, optionally a fraction and an exponent.
fn is_plain_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let mantissa = unsigned(mantissa);
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(&mantissa),
    };
    mantissa_fits && exponent.is_none_or(|exponent| digits(&unsigned(exponent)))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, exporter};
    use super::*;
    use proptest::prelude::*;

    fn export(columns: &[&str], rows: &[&str]) -> (String, ExportSummary) {
        let mut out = Vec::new();
        let mut export = exporter(Format::Csv, &mut out);
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        export.begin(&columns).unwrap();
        for row in rows {
            export.row("h-1", "web,1", row).unwrap();
        }
        let summary = export.finish().unwrap();
        (String::from_utf8(out).unwrap(), summary)
    }

    /// What a reader who knows our guard makes of a cell.
    fn unguard(cell: &str) -> &str {
        match cell.strip_prefix('\'') {
            Some(rest) if is_risky(rest) || is_risky(cell) => rest,
            _ => cell,
        }
    }

    #[test]
    fn rows_are_written_after_the_rfc() {
        let (text, summary) =
            export(&["a", "b"], &[r#"{"b":"x\"y","a":"1"}"#, r#"{"a":"l1\r\nl2"}"#, "{}"]);
        let wanted = "_host_id,_hostname,a,b\r\nh-1,\"web,1\",1,\"x\"\"y\"\r\n\
                      h-1,\"web,1\",\"l1\r\nl2\",\r\nh-1,\"web,1\",,\r\n";
        assert_eq!(text, wanted);
        assert_eq!(summary, ExportSummary { rows: 3, cells_left_out: 0 });
    }

    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        for risky in [
            "=1+1",
            "+1+1",
            "-1+1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "-",
            "+",
            "=",
            "--1",
            "-inf",
            "-1e",
            "-.5",
            "-5.",
            "+1e+",
            "-1 ",
            "-0x1",
            "\u{ff1d}1",
            "'=1",
            "''-x",
            "'-5",
        ] {
            assert_eq!(guard(risky), format!("'{risky}"), "{risky:?}");
        }
        for plain in ["", "a=1", "-5", "+5", "-4.25", "-1e9", "+1.5E-3", "0", "'", "it's", " =1"] {
            assert_eq!(guard(plain), plain);
        }
    }

    #[test]
    fn awkward_column_names_survive() {
        let columns = ["_host_id", "a.b", "q\"q", "c,d", "l\nf", "=cmd"];
        let row = r#"{"_host_id":"own","a.b":"1","q\"q":"2","c,d":"3","l\nf":"4","=cmd":"5"}"#;
        let (text, _) = export(&columns, &[row]);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let wanted = ["_host_id", "_hostname", "_host_id_2", "a.b", "q\"q", "c,d", "l\nf", "'=cmd"];
        assert_eq!(header, wanted);
        let row: Vec<_> =
            reader.records().next().unwrap().unwrap().iter().map(String::from).collect();
        assert_eq!(row, ["h-1", "web,1", "own", "1", "2", "3", "4", "5"]);
    }

    #[test]
    fn unannounced_cells_are_counted() {
        let (text, summary) = export(&["a"], &[r#"{"a":"1","z":"2"}"#]);
        assert!(text.ends_with("h-1,\"web,1\",1\r\n"));
        assert_eq!(summary.cells_left_out, 1);
    }

    #[test]
    fn a_receiver_that_is_gone_ends_the_export() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut export = exporter(Format::Csv, Gone);
        export.begin(&["a".to_owned()]).unwrap();
        let row = format!(r#"{{"a":"{}"}}"#, "x".repeat(BUFFER_BYTES * 2));
        assert!(matches!(export.row("h", "h", &row), Err(ExportError::Write(_))));
    }

    fn cell() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "['=+@\t\r\n\",;a1.e-]{0,6}", "[+-]?[0-9]{1,3}(\\.[0-9])?"]
    }

    proptest! {
        #[test]
        fn any_cells_are_read_back_and_none_is_a_formula(
            names in prop::collection::hash_set(cell(), 1..6),
            cells in prop::collection::vec(cell(), 18),
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let rows: Vec<&[String]> = cells.chunks(names.len()).collect();
            let lines: Vec<String> = rows.iter().map(|row| {
                let map: serde_json::Map<_, _> =
                    names.iter().cloned().zip(row.iter().map(|c| c.clone().into())).collect();
                serde_json::Value::from(map).to_string()
            }).collect();
            let columns: Vec<&str> = names.iter().map(String::as_str).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let (text, _) = export(&columns, &lines);
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let read: Vec<Vec<String>> = reader.records()
                .map(|record| record.unwrap().iter().map(String::from).collect()).collect();
            prop_assert_eq!(read.len(), rows.len() + 1);
            prop_assert_eq!(
                read[0][2..].iter().map(|c| unguard(c)).collect::<Vec<_>>(), columns);
            for (read, row) in read[1..].iter().zip(&rows) {
                for (at, cell) in read[2..].iter().enumerate() {
                    let wanted = row.get(at).map_or("", String::as_str);
                    prop_assert_eq!(unguard(cell), wanted);
                    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
                    prop_assert!(!formula || is_plain_number(cell));
                }
            }
        }
    }
}
