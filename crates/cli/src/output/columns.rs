// SPDX-License-Identifier: Apache-2.0
//! What is shown of each kind of thing. A column names a member of the API's JSON by its path;
//! the table shows it for people, the CSV as it is.

use std::io::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::Coverage;
use serde::Serialize;
use serde_json::Value;

use super::{Format, age, coverage_bar, csv_cell, grouped, json_text, moment, percent, visible};
use crate::console::Console;
use crate::target;

/// Spaces between the columns of a table.
const GAP: u16 = 2;
/// Characters of a coverage bar in a list.
const BAR_CHARS: usize = 12;

/// How a member is shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is.
    Text,
    /// A count, thousands apart.
    Count,
    /// A time, as how long ago it was; in full where one thing is shown.
    Time,
    /// Whether something is so.
    Flag,
    /// A target, as it is written on the command line.
    Target,
    /// In CSV, and where one thing is shown; not in the table of a list.
    Detail,
    /// A time that is a detail.
    DetailTime,
    /// A campaign's coverage, as a bar with its share; not in CSV.
    Coverage,
}

/// A column, or a line where one thing is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    pub(crate) path: &'static str,
    kind: Kind,
}

/// A column: its title, the path of the member (dotted), how it is shown.
pub(crate) const fn col(title: &'static str, path: &'static str, kind: Kind) -> Column {
    Column { title, path, kind }
}

impl Column {
    pub(super) fn in_table(&self) -> bool {
        !matches!(self.kind, Kind::Detail | Kind::DetailTime)
    }

    pub(super) fn in_csv(&self) -> bool {
        self.kind != Kind::Coverage
    }

    pub(super) fn alignment(&self) -> CellAlignment {
        if self.kind == Kind::Count { CellAlignment::Right } else { CellAlignment::Left }
    }

    fn value<'a>(&self, item: &'a Value) -> &'a Value {
        self.path.split('.').fold(item, |value, member| &value[member])
    }

    /// The member for people, already harmless.
    pub(super) fn for_people(&self, item: &Value, now: Timestamp, in_full: bool) -> String {
        let value = self.value(item);
        let time = matches!(self.kind, Kind::Time | Kind::DetailTime);
        match (self.kind, value) {
            (_, Value::Null) => "–".into(),
            (Kind::Coverage, value) => match serde_json::from_value::<Coverage>(value.clone()) {
                Ok(coverage) => share(&coverage),
                Err(_) => plain(value, ", "),
            },
            (Kind::Count, Value::Number(n)) => n.as_u64().map_or_else(|| n.to_string(), grouped),
            (_, Value::Bool(yes)) => if *yes { "yes" } else { "no" }.into(),
            (Kind::Target, value) => match serde_json::from_value(value.clone()) {
                Ok(target) => visible(&target::write(&target)).into_owned(),
                Err(_) => plain(value, ", "),
            },
            (_, Value::String(text)) if time => match text.parse() {
                Ok(at) if in_full => moment(at, now),
                Ok(at) => age(at, now),
                Err(_) => visible(text).into_owned(),
            },
            (_, value) => plain(value, ", "),
        }
    }

    /// The member for programs.
    pub(super) fn for_csv(&self, item: &Value, on_terminal: bool) -> String {
        let cell = |text: &str| csv_cell(text, on_terminal).into_owned();
        match self.value(item) {
            Value::Null => String::new(),
            Value::String(text) => cell(text),
            value if self.kind == Kind::Target => match serde_json::from_value(value.clone()) {
                Ok(target) => cell(&target::write(&target)),
                Err(_) => cell(&value.to_string()),
            },
            Value::Array(items) if items.iter().all(Value::is_string) => {
                let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                cell(&items.join(";"))
            }
            value => cell(&value.to_string()),
        }
    }
}

fn share(coverage: &Coverage) -> String {
    let percent = percent(coverage.responded, coverage.targeted);
    format!("{} {percent}", coverage_bar(coverage, BAR_CHARS))
}

fn plain(value: &Value, between: &str) -> String {
    match value {
        Value::String(text) => visible(text).into_owned(),
        Value::Array(items) if items.is_empty() => "–".into(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| plain(item, between)).collect();
            items.join(between)
        }
        value => visible(&value.to_string()).into_owned(),
    }
}

/// A table without lines, as wide as the terminal at most; unbounded elsewhere.
pub(super) fn new_table(console: &Console) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if console.out_is_terminal {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(console.width);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table
}

/// Takes the padding off the outer edges and writes the table.
pub(super) fn write_table(console: &mut Console, table: &mut Table) -> anyhow::Result<()> {
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    for line in table.lines() {
        writeln!(console.out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Prints one thing.
pub(crate) fn object<T: Serialize>(
    console: &mut Console,
    format: Format,
    columns: &[Column],
    thing: &T,
) -> anyhow::Result<()> {
    let item = serde_json::to_value(thing)?;
    match format {
        Format::Json => json(console, thing),
        Format::Csv => csv_records(console, columns, std::iter::once(anyhow::Ok(item))),
        Format::Table => {
            let now = (console.now)();
            let mut table = new_table(console);
            for column in columns {
                table.add_row([title_case(column.title), column.for_people(&item, now, true)]);
            }
            write_table(console, &mut table)
        }
    }
}

/// Prints things that are all here.
pub(crate) fn things<T: Serialize>(
    console: &mut Console,
    format: Format,
    columns: &[Column],
    things: &[T],
) -> anyhow::Result<()> {
    match format {
        Format::Json => json(console, &things),
        Format::Csv => csv_records(console, columns, things.iter().map(serde_json::to_value)),
        Format::Table => {
            let mut table = list_table(console, columns);
            for thing in things {
                add(&mut table, columns, &serde_json::to_value(thing)?, (console.now)());
            }
            write_table(console, &mut table)
        }
    }
}

/// An empty table with the columns that belong into it.
pub(super) fn list_table(console: &Console, columns: &[Column]) -> Table {
    let mut table = new_table(console);
    let shown: Vec<_> = columns.iter().filter(|column| column.in_table()).collect();
    table.set_header(shown.iter().map(|column| column.title));
    for (i, column) in shown.iter().enumerate() {
        if let Some(place) = table.column_mut(i) {
            place.set_cell_alignment(column.alignment());
        }
    }
    table
}

/// Adds a line to such a table.
pub(super) fn add(table: &mut Table, columns: &[Column], item: &Value, now: Timestamp) {
    let shown = columns.iter().filter(|column| column.in_table());
    table.add_row(shown.map(|column| column.for_people(item, now, false)));
}

/// Writes a header and a record for each item.
pub(super) fn csv_records<E>(
    console: &mut Console,
    columns: &[Column],
    items: impl Iterator<Item = Result<Value, E>>,
) -> anyhow::Result<()>
where
    anyhow::Error: From<E>,
{
    let columns: Vec<_> = columns.iter().filter(|column| column.in_csv()).collect();
    let on_terminal = console.out_is_terminal;
    let mut csv = csv::Writer::from_writer(&mut console.out);
    csv.write_record(columns.iter().map(|column| column.path))?;
    for item in items {
        let item = item?;
        csv.write_record(columns.iter().map(|column| column.for_csv(&item, on_terminal)))?;
    }
    csv.flush()?;
    Ok(())
}

/// Prints a thing as the API writes it.
pub(crate) fn json<T: Serialize>(console: &mut Console, thing: &T) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(thing)?;
    writeln!(console.out, "{}", json_text(&text))?;
    Ok(())
}

/// `LAST SEEN` as it stands at the head of a line: `Last seen`.
fn title_case(title: &str) -> String {
    let lower = title.to_lowercase();
    let mut chars = lower.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Fails when a column names a member that the thing does not have.
#[cfg(test)]
pub(crate) fn assert_columns<T: Serialize>(columns: &[Column], sample: &T) {
    let item = serde_json::to_value(sample).unwrap();
    for column in columns {
        let mut value = &item;
        for member in column.path.split('.') {
            value = value.get(member).unwrap_or_else(|| panic!("no member `{}`", column.path));
        }
    }
}
