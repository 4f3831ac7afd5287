// SPDX-License-Identifier: Apache-2.0
//! Result rows: whatever columns the query named, stamped with the host.

use std::io::Write;

use mimir_client::List;
use mimir_wire::api::page::RowPage;
use serde_json::{Map, Value};

use super::columns::{new_table, write_table};
use super::list::{bound, json, start, tell_more};
use super::{Format, csv_cell, visible};
use crate::console::Console;

/// The member that holds the host's id in a row of many hosts.
const HOST_ID: &str = "_host_id";
/// The member that holds the host's name in a row of many hosts.
const HOSTNAME: &str = "_hostname";
/// The widest cell that a stream of rows lines up; longer ones are printed whole.
const ALIGNED_CHARS: usize = 40;

type Row = Map<String, Value>;

fn cell<'a>(row: &'a Row, column: &str) -> std::borrow::Cow<'a, str> {
    match row.get(column) {
        None | Some(Value::Null) => "".into(),
        Some(Value::String(text)) => text.into(),
        Some(other) => other.to_string().into(),
    }
}

/// Prints a list of rows of many hosts.
pub(crate) fn rows(
    console: &mut Console,
    format: Format,
    list: &List<RowPage>,
    limit: Option<usize>,
) -> anyhow::Result<()> {
    let bound = bound(limit, format);
    let mut items = start(list, bound);
    items.load()?;
    let columns: Vec<String> = items.columns().unwrap_or_default().to_vec();
    let stamps = [HOST_ID, HOSTNAME];
    let own = columns.iter().map(String::as_str).filter(|column| !stamps.contains(column));
    let more = match format {
        Format::Json => json(console, Some(&columns), &mut items, bound)?,
        Format::Csv => {
            let columns: Vec<&str> = stamps.into_iter().chain(own).collect();
            let on_terminal = console.out_is_terminal;
            let mut csv = csv::Writer::from_writer(&mut console.out);
            csv.write_record(
                columns.iter().map(|column| csv_cell(column, on_terminal).into_owned()),
            )?;
            for row in items.by_ref().take(bound) {
                let row = row?;
                let cells = columns.iter().map(|column| cell(&row, column));
                csv.write_record(cells.map(|cell| csv_cell(&cell, on_terminal).into_owned()))?;
            }
            csv.flush()?;
            drop(csv);
            items.next().transpose()?.is_some()
        }
        Format::Table => {
            let columns: Vec<&str> = std::iter::once(HOSTNAME).chain(own).collect();
            let mut table = new_table(console);
            let titles = columns.iter().map(|column| match *column {
                HOSTNAME => "HOST".into(),
                column => visible(column).into_owned(),
            });
            table.set_header(titles);
            let mut count = 0;
            for row in items.by_ref().take(bound) {
                let row = row?;
                let cells = columns.iter().map(|column| cell(&row, column));
                table.add_row(cells.map(|cell| visible(&cell).into_owned()));
                count += 1;
            }
            if count == 0 {
                return Ok(console.say("There are no rows.")?);
            }
            write_table(console, &mut table)?;
            items.next().transpose()?.is_some()
        }
    };
    if more { tell_more(console, bound, items.total()) } else { Ok(()) }
}

/// Rows that are printed as they come, host by host, without knowing what follows. Columns are
/// those of the first rows; where later rows have others, a new header says so.
#[derive(Debug, Default)]
pub(crate) struct RowStream {
    columns: Vec<String>,
    widths: Vec<usize>,
}

impl RowStream {
    /// Lines of a table: lined up by the first rows' widths.
    pub(crate) fn table(&mut self, hostname: &str, rows: &[Row]) -> String {
        let mut text = String::new();
        for (i, row) in rows.iter().enumerate() {
            if self.is_new(row) {
                self.columns = row.keys().cloned().collect();
                self.widths = self.measure(hostname, &rows[i..]);
                let titles = std::iter::once("HOST".to_owned())
                    .chain(self.columns.iter().map(|column| visible(column).into_owned()));
                text.push_str(&line(titles, &self.widths));
            }
            let cells = std::iter::once(visible(hostname).into_owned())
                .chain(self.columns.iter().map(|column| visible(&cell(row, column)).into_owned()));
            text.push_str(&line(cells, &self.widths));
        }
        text
    }

    /// Records of CSV.
    ///
    /// # Errors
    /// When a record cannot be written.
    pub(crate) fn csv(
        &mut self,
        to: &mut dyn Write,
        on_terminal: bool,
        host: (&str, &str),
        rows: &[Row],
    ) -> anyhow::Result<()> {
        let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(to);
        for row in rows {
            if self.is_new(row) {
                self.columns = row.keys().cloned().collect();
                let columns = self.columns.iter().map(String::as_str);
                let header = [HOST_ID, HOSTNAME].into_iter().chain(columns);
                csv.write_record(header.map(|column| csv_cell(column, on_terminal).into_owned()))?;
            }
            let cells = self.columns.iter().map(|column| cell(row, column));
            let stamps = [host.0.into(), host.1.into()];
            let record = stamps.into_iter().chain(cells);
            csv.write_record(record.map(|cell| csv_cell(&cell, on_terminal).into_owned()))?;
        }
        csv.flush()?;
        Ok(())
    }

    /// Whether a row does not fit under the header that was printed last.
    fn is_new(&self, row: &Row) -> bool {
        self.columns.is_empty() || row.keys().any(|column| !self.columns.contains(column))
    }

    fn measure(&self, hostname: &str, rows: &[Row]) -> Vec<usize> {
        let chars = |text: &str| visible(text).chars().count();
        let first = chars(hostname).max("HOST".len());
        let rest = self.columns.iter().map(|column| {
            rows.iter()
                .map(|row| chars(&cell(row, column)))
                .filter(|width| *width <= ALIGNED_CHARS)
                .fold(chars(column), usize::max)
        });
        std::iter::once(first).chain(rest).collect()
    }
}

fn line(cells: impl Iterator<Item = String>, widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.zip(widths) {
        line.push_str(&format!("{cell:<width$}  "));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: Value) -> Row {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_stream_lines_up_and_neutralises() {
        let mut stream = RowStream::default();
        let rows = [
            row(serde_json::json!({"pid": "1", "path": "/sbin/init"})),
            row(serde_json::json!({"pid": "12345", "path": "\u{1b}[2Jx"})),
        ];
        let mut text = stream.table("web-1", &rows);
        text.push_str(&stream.table("db\n1", &rows[..1]));
        text.push_str(&stream.table("db-2", &[row(serde_json::json!({"other": null}))]));
        insta::assert_snapshot!(text, @r"
        HOST   pid    path
        web-1  1      /sbin/init
        web-1  12345  \x1b[2Jx
        db\n1  1      /sbin/init
        HOST  other
        db-2
        ");
    }

    #[test]
    fn a_stream_of_csv_has_one_header_and_no_formulas() {
        let mut stream = RowStream::default();
        let mut out = Vec::new();
        let rows = [row(serde_json::json!({"a": "=cmd()", "b": "x,y"}))];
        stream.csv(&mut out, false, ("id-1", "@evil"), &rows).unwrap();
        stream.csv(&mut out, false, ("id-2", "h"), &[row(serde_json::json!({"a": "1"}))]).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        _host_id,_hostname,a,b
        id-1,'@evil,'=cmd(),"x,y"
        id-2,h,1,
        "#);
    }
}
