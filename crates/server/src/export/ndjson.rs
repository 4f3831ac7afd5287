// SPDX-License-Identifier: Apache-2.0
//! NDJSON: one object a line, the host first, then the row's own cells as they were stored. The
//! only format that needs to know no columns and therefore leaves nothing out.

use std::collections::HashSet;
use std::io::{BufWriter, Write};

use super::{
    ExportError, ExportSummary, HOST_ID_COLUMN, HOSTNAME_COLUMN, RowExport, output_name, raw_name,
};
use crate::rows::{Cells, RowsError};

/// Bytes collected before they are handed on.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes NDJSON.
pub struct NdjsonExport<W: Write> {
    out: BufWriter<W>,
    /// The names a row's own `_host_id` and `_hostname` are written under, as JSON text.
    own_names: [(&'static str, String); 2],
    summary: ExportSummary,
}

impl<W: Write> NdjsonExport<W> {
    /// A writer into `out`.
    pub fn new(out: W) -> Self {
        Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            own_names: own_names(&[]),
            summary: ExportSummary::default(),
        }
    }

    /// Writes the cells of a row that may use a name of ours.
    fn renamed_cells(&mut self, line: &str) -> Result<(), ExportError> {
        for cell in Cells::new(line) {
            let cell = cell?;
            let name = cell.column.raw();
            let ours = self.own_names.iter().find(|(own, _)| *own == name);
            let name = ours.map_or(name, |(_, other)| other);
            write!(self.out, ",\"{name}\":\"{}\"", cell.value.raw())?;
        }
        Ok(self.out.write_all(b"}\n")?)
    }
}

fn own_names(columns: &[String]) -> [(&'static str, String); 2] {
    let taken: HashSet<&str> = columns.iter().map(String::as_str).collect();
    [HOST_ID_COLUMN, HOSTNAME_COLUMN].map(|own| (own, raw_name(&output_name(own, &taken))))
}

impl<W: Write + Send> RowExport for NdjsonExport<W> {
    fn begin(&mut self, columns: &[String]) -> Result<(), ExportError> {
        self.own_names = own_names(columns);
        Ok(())
    }

    fn row(&mut self, host_id: &str, hostname: &str, line: &str) -> Result<(), ExportError> {
        self.out.write_all(b"{\"_host_id\":")?;
        serde_json::to_writer(&mut self.out, host_id).map_err(std::io::Error::from)?;
        self.out.write_all(b",\"_hostname\":")?;
        serde_json::to_writer(&mut self.out, hostname).map_err(std::io::Error::from)?;
        self.summary.rows += 1;
        if line.contains("\"_host") {
            return self.renamed_cells(line);
        }
        match line.strip_prefix('{') {
            Some("}") => self.out.write_all(b"}\n")?,
            Some(cells) if cells.ends_with('}') => {
                self.out.write_all(b",")?;
                self.out.write_all(cells.as_bytes())?;
                self.out.write_all(b"\n")?;
            }
            _ => return Err(RowsError::Malformed.into()),
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ExportSummary, ExportError> {
        self.out.flush()?;
        Ok(self.summary)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, exporter};
    use serde_json::{Map, Value, json};

    fn export(columns: &[&str], rows: &[&str]) -> Vec<Value> {
        let mut out = Vec::new();
        let mut export = exporter(Format::Ndjson, &mut out);
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        export.begin(&columns).unwrap();
        for row in rows {
            export.row("h-1", "we\"b", row).unwrap();
        }
        assert_eq!(export.finish().unwrap().rows, rows.len() as u64);
        let text = String::from_utf8(out).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn rows_are_objects_with_the_host_first() {
        let rows = export(&[], &[r#"{"b":"ü\n","a":"=1"}"#, "{}"]);
        assert_eq!(
            rows[0],
            json!({"_host_id": "h-1", "_hostname": "we\"b", "b": "ü\n", "a": "=1"})
        );
        let keys: Vec<_> = rows[0].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["_host_id", "_hostname", "b", "a"]);
        assert_eq!(rows[1], json!({"_host_id": "h-1", "_hostname": "we\"b"}));
    }

    #[test]
    fn a_row_cannot_pass_for_another_hosts() {
        let row = r#"{"_host_id":"forged","x":"\"_host_id\":\"","_hostname":"y","_host_id_2":"z"}"#;
        let columns = ["_host_id", "x", "_hostname", "_host_id_2"];
        for announced in [&columns[..], &[]] {
            let read = export(announced, &[row]).remove(0);
            assert_eq!((&read["_host_id"], &read["_hostname"]), (&json!("h-1"), &json!("we\"b")));
            assert_eq!(read["_hostname_2"], "y");
            assert_eq!(read["x"], "\"_host_id\":\"");
        }
        let read = export(&columns, &[row]).remove(0);
        assert_eq!((&read["_host_id_3"], &read["_host_id_2"]), (&json!("forged"), &json!("z")));
    }

    #[test]
    fn a_damaged_row_ends_the_export() {
        for bad in ["", "{", "[]", "x", r#"{"_host_id":1}"#] {
            let mut export = exporter(Format::Ndjson, Vec::new());
            export.begin(&[]).unwrap();
            assert!(export.row("h", "h", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn any_name_and_value_are_read_back() {
        let mut row = Map::new();
        for text in ["", "a.b", "q\"", "c,d", "l\nf\u{1}", "\\u0041", "𝄞", "\u{7f}"] {
            row.insert(text.to_owned(), text.into());
        }
        let line = Value::from(row.clone()).to_string();
        let mut read = export(&[], &[&line]).remove(0);
        let read = read.as_object_mut().unwrap();
        read.shift_remove("_host_id");
        read.shift_remove("_hostname");
        assert_eq!(*read, row);
    }
}
