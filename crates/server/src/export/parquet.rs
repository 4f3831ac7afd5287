// SPDX-License-Identifier: Apache-2.0
//! Parquet: all columns optional UTF-8 text (osquery has no other type), Snappy, flat. A cell that
//! a row does not have is null.
//!
//! Rows are collected into row groups bounded in rows and bytes; one group is what is in memory.
//! Page indexes are left out, because the library holds those of all groups until the end.

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{ByteArray, ByteArrayType};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{Type, TypePtr};
use bytes::Bytes;
use mimir_engine::limits;

use super::{
    ColumnSlots, ExportError, ExportSummary, HOST_ID_COLUMN, HOSTNAME_COLUMN, RowExport,
    output_names,
};

/// Bytes of bookkeeping a cell costs in memory besides its text.
const CELL_OVERHEAD_BYTES: usize = 16;

/// Writes Parquet.
pub struct ParquetExport<W: Write + Send> {
    /// Where to write; moves into the file's writer when the columns are known.
    out: Option<W>,
    file: Option<SerializedFileWriter<W>>,
    slots: ColumnSlots,
    /// Host id, hostname, then the announced columns.
    columns: Vec<Column>,
    group_rows: usize,
    group_bytes: usize,
    summary: ExportSummary,
}

/// The cells of one column in the current row group.
#[derive(Debug, Default)]
struct Column {
    text: Vec<u8>,
    /// End of each present cell in `text`.
    ends: Vec<usize>,
    /// For each row 1 if the cell is present, else 0; rows after the last present cell are added
    /// when the group is written, so that sparse columns cost nothing.
    levels: Vec<i16>,
}

impl Column {
    fn push(&mut self, row: usize, text: &str) {
        self.levels.resize(row, 0);
        self.levels.push(1);
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push(self.text.len());
    }

    /// Hands out the cells and their levels, leaving the column empty for the next group.
    fn take(&mut self, rows: usize) -> (Vec<ByteArray>, Vec<i16>) {
        self.levels.resize(rows, 0);
        let text = Bytes::from(std::mem::take(&mut self.text));
        let mut start = 0;
        let cells = std::mem::take(&mut self.ends)
            .into_iter()
            .map(|end| ByteArray::from(text.slice(std::mem::replace(&mut start, end)..end)))
            .collect();
        (cells, std::mem::take(&mut self.levels))
    }
}

impl<W: Write + Send> ParquetExport<W> {
    /// A writer into `out`.
    pub fn new(out: W) -> Self {
        Self {
            out: Some(out),
            file: None,
            slots: ColumnSlots::default(),
            columns: Vec::new(),
            group_rows: 0,
            group_bytes: 0,
            summary: ExportSummary::default(),
        }
    }

    fn push(&mut self, column: usize, text: &str) {
        self.group_bytes += text.len() + CELL_OVERHEAD_BYTES;
        self.columns[column].push(self.group_rows, text);
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        let file = self.file.as_mut().expect("`begin` is called before rows are written");
        let mut group = file.next_row_group()?;
        for column in &mut self.columns {
            let (cells, levels) = column.take(self.group_rows);
            let mut writer = group.next_column()?.expect("the schema has all columns");
            writer.typed::<ByteArrayType>().write_batch(&cells, Some(&levels), None)?;
            writer.close()?;
        }
        group.close()?;
        self.group_rows = 0;
        self.group_bytes = 0;
        Ok(())
    }
}

impl<W: Write + Send> RowExport for ParquetExport<W> {
    fn begin(&mut self, columns: &[String]) -> Result<(), ExportError> {
        let names = output_names(columns);
        self.slots = ColumnSlots::new(names.iter().map(|(column, _)| column.as_str()));
        let hosts = [HOST_ID_COLUMN, HOSTNAME_COLUMN].into_iter();
        let all: Vec<&str> = hosts.chain(names.iter().map(|(_, name)| name.as_str())).collect();
        self.columns.resize_with(all.len(), Column::default);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_created_by(concat!("mimir ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let out = self.out.take().expect("`begin` is called once");
        self.file = Some(SerializedFileWriter::new(out, schema(&all)?, Arc::new(properties))?);
        Ok(())
    }

    fn row(&mut self, host_id: &str, hostname: &str, line: &str) -> Result<(), ExportError> {
        let (values, left_out) = self.slots.sort(line)?;
        self.push(0, host_id);
        self.push(1, hostname);
        for (place, value) in values.into_iter().enumerate() {
            if let Some(value) = value {
                self.push(place + 2, &value.text()?);
            }
        }
        self.group_rows += 1;
        self.summary.rows += 1;
        self.summary.cells_left_out += left_out;
        let full = self.group_rows >= limits::EXPORT_GROUP_ROWS_MAX
            || self.group_bytes >= limits::EXPORT_GROUP_BYTES_MAX;
        if full { self.write_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<ExportSummary, ExportError> {
        self.write_group()?;
        let file = self.file.take().expect("`begin` is called before `finish`");
        file.into_inner()?.flush()?;
        Ok(self.summary)
    }
}

fn schema(names: &[&str]) -> Result<TypePtr, ExportError> {
    let column = |name: &&str| {
        Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(ConvertedType::UTF8)
            .with_logical_type(Some(LogicalType::String))
            .build()
            .map(Arc::new)
    };
    let fields = names.iter().map(column).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("rows").with_fields(fields).build()?))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, exporter};
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;

    type Read = Vec<Vec<(String, Option<String>)>>;

    fn export(columns: &[&str], rows: &[String]) -> (Read, usize) {
        let mut out = Vec::new();
        let mut export = exporter(Format::Parquet, &mut out);
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        export.begin(&columns).unwrap();
        for row in rows {
            export.row("h-1", "web", row).unwrap();
        }
        assert_eq!(export.finish().unwrap().rows, rows.len() as u64);
        let reader = SerializedFileReader::new(Bytes::from(out)).unwrap();
        let groups = reader.metadata().num_row_groups();
        let cell = |(name, field): (&String, &Field)| {
            let text = match field {
                Field::Null => None,
                Field::Str(text) => Some(text.clone()),
                other => panic!("{other:?} is no text"),
            };
            (name.clone(), text)
        };
        let rows = reader.get_row_iter(None).unwrap();
        let read = rows.map(|row| row.unwrap().get_column_iter().map(cell).collect()).collect();
        (read, groups)
    }

    fn row(cells: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        let hosts = [("_host_id", Some("h-1")), ("_hostname", Some("web"))];
        let all = hosts.iter().chain(cells);
        all.map(|(name, text)| ((*name).to_owned(), text.map(str::to_owned))).collect()
    }

    #[test]
    fn rows_come_back_with_absent_cells_as_null() {
        let rows = [r#"{"a":"1","b":"ü\u0000\n"}"#, "{}", r#"{"b":""}"#, r#"{"a":"-5"}"#];
        let (read, groups) = export(&["a", "b"], &rows.map(str::to_owned));
        let wanted = [
            row(&[("a", Some("1")), ("b", Some("ü\0\n"))]),
            row(&[("a", None), ("b", None)]),
            row(&[("a", None), ("b", Some(""))]),
            row(&[("a", Some("-5")), ("b", None)]),
        ];
        assert_eq!(read, wanted);
        assert_eq!(groups, 1);
    }

    #[test]
    fn awkward_column_names_survive() {
        let names = ["a.b", "q\"q", "c,d", "l\nf", "_hostname", "", "ü"];
        let cells: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), (*name).into())).collect();
        let (read, _) = export(&names, &[serde_json::Value::from(cells).to_string()]);
        let mut wanted: Vec<_> = names.iter().map(|name| (*name, Some(*name))).collect();
        wanted[4].0 = "_hostname_2";
        assert_eq!(read, [row(&wanted)]);
    }

    #[test]
    fn no_rows_or_columns_still_make_a_file() {
        assert_eq!(export(&["a"], &[]), (vec![], 0));
        assert_eq!(export(&[], &["{}".to_owned()]).0, [row(&[])]);
    }

    #[test]
    fn row_groups_are_bounded_in_bytes_and_rows() {
        let big = format!(r#"{{"a":"{}"}}"#, "x".repeat(limits::EXPORT_GROUP_BYTES_MAX / 3));
        let (read, groups) = export(&["a", "b"], &vec![big; 7]);
        assert_eq!((read.len(), groups), (7, 3));
        let mut export = ParquetExport::new(Vec::new());
        export.begin(&["a".to_owned()]).unwrap();
        for _ in 0..limits::EXPORT_GROUP_ROWS_MAX {
            export.row("", "", "{}").unwrap();
        }
        assert_eq!((export.group_rows, export.group_bytes), (0, 0));
    }
}
