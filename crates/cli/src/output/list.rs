// SPDX-License-Identifier: Apache-2.0
//! Lists: everything the filter names, page by page. JSON and CSV are written as pages come; a
//! table has to know its items first, so it has a limit, which is always told.

use std::io::Write;

use mimir_client::{Items, List, PageBody};
use serde::Serialize;
use serde_json::Value;

use super::columns::{add, csv_records, list_table, write_table};
use super::{Column, Format, grouped, json_text};
use crate::console::Console;

/// Items in a table when no limit is given.
pub(super) const TABLE_ITEMS: usize = 1_000;
/// Items a page has at most.
const PAGE_ITEMS_MAX: usize = 500;

/// How many items to show: the given number (0 for all), or by format.
pub(super) fn bound(limit: Option<usize>, format: Format) -> usize {
    match (limit, format) {
        (Some(0), _) | (None, Format::Json | Format::Csv) => usize::MAX,
        (Some(limit), _) => limit,
        (None, Format::Table) => TABLE_ITEMS,
    }
}

/// Starts to read a list of which at most `bound` items are wanted, and one more to know whether
/// there are more.
pub(super) fn start<P: PageBody>(list: &List<P>, bound: usize) -> Items<P> {
    let page = bound.saturating_add(1).min(PAGE_ITEMS_MAX);
    list.iter_by(u32::try_from(page).unwrap_or(1))
}

/// Prints a list of things.
pub(crate) fn list<P>(
    console: &mut Console,
    format: Format,
    columns: &[Column],
    list: &List<P>,
    limit: Option<usize>,
) -> anyhow::Result<()>
where
    P: PageBody,
    P::Item: Serialize,
{
    let bound = bound(limit, format);
    let mut items = start(list, bound);
    let more = match format {
        Format::Table => table(console, columns, &mut items, bound)?,
        Format::Json => json(console, None, &mut items, bound)?,
        Format::Csv => {
            let records = items.by_ref().take(bound).map(|item| {
                let item = item?;
                anyhow::Ok(serde_json::to_value(item)?)
            });
            csv_records(console, columns, records)?;
            items.next().transpose()?.is_some()
        }
    };
    if more { tell_more(console, bound, items.total()) } else { Ok(()) }
}

fn table<P>(
    console: &mut Console,
    columns: &[Column],
    items: &mut Items<P>,
    bound: usize,
) -> anyhow::Result<bool>
where
    P: PageBody,
    P::Item: Serialize,
{
    let now = (console.now)();
    let mut table = list_table(console, columns);
    let mut count = 0;
    for item in items.by_ref().take(bound) {
        add(&mut table, columns, &serde_json::to_value(item?)?, now);
        count += 1;
    }
    if count == 0 {
        console.say("There is nothing to show.")?;
        return Ok(false);
    }
    write_table(console, &mut table)?;
    Ok(items.next().transpose()?.is_some())
}

/// Writes the API's page shape with all items in it, one a line.
pub(super) fn json<P>(
    console: &mut Console,
    columns: Option<&[String]>,
    items: &mut Items<P>,
    bound: usize,
) -> anyhow::Result<bool>
where
    P: PageBody,
    P::Item: Serialize,
{
    write!(console.out, "{{")?;
    if let Some(columns) = columns {
        write!(console.out, "\"columns\": {}, ", json_text(&serde_json::to_string(columns)?))?;
    }
    write!(console.out, "\"items\": [")?;
    let mut between = "\n";
    for item in items.by_ref().take(bound) {
        let text = serde_json::to_string(&item?)?;
        write!(console.out, "{between}{}", json_text(&text))?;
        between = ",\n";
    }
    let total = items.total().map_or(Value::Null, Value::from);
    write!(console.out, "\n], \"next_cursor\": null, \"total\": {total}}}\n")?;
    Ok(items.next().transpose()?.is_some())
}

/// Says that not everything was shown. Never silent.
pub(super) fn tell_more(
    console: &mut Console,
    bound: usize,
    total: Option<u64>,
) -> anyhow::Result<()> {
    let of = total.map_or_else(String::new, |total| format!(" of {}", grouped(total)));
    let shown = grouped(bound as u64);
    console.say(&format!("Only the first {shown}{of} are shown; `--limit 0` shows all."))?;
    Ok(())
}
