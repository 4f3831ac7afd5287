// SPDX-License-Identifier: Apache-2.0
//! Result rows, page by page: in the order they were stored, filtered, or sorted by a column. A
//! cursor names a response and a row in it, so that any page is reached without those before.

use std::ops::ControlFlow;
use std::sync::Arc;

use mimir_engine::limits::{
    PAGE_ROW_BYTES_MAX, ROW_CONDITIONS_MAX, ROWS_SEARCHED_BYTES_MAX, ROWS_SORTED_BYTES_MAX,
    ROWS_SORTED_MAX,
};
use mimir_store::Tx;
use mimir_store::campaigns::CampaignRecord;
use mimir_store::responses::{self, ResponseRecord};
use mimir_wire::api::page::RowPage;
use mimir_wire::ids::{CampaignId, HostId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::app::campaigns::record;
use crate::app::columns::CampaignColumns;
use crate::app::page::{PageRequest, encode, foreign_cursor};
use crate::app::row_scan::{self, Candidate, First, Sorting};
use crate::export::{HOST_ID_COLUMN, HOSTNAME_COLUMN};
use crate::problem::{ApiError, ApiResult};
use crate::rows::{LineFilter, Stamp, decode};

/// Rows looked at for one filtered page at the most: a rare text in a large campaign is found page
/// by page, each answered in time.
const SCAN_ROWS_MAX: u64 = 50_000;
/// Responses fetched in one step.
const RESPONSES_STEP: u64 = 64;
/// Columns that a refusal names.
const COLUMNS_NAMED_MAX: usize = 20;

/// A row's place: sequence of the response, row in it.
pub type RowKey = (i64, i64);

/// Where a page of rows begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowCursor {
    /// With this row or the next one that is wanted, in the order of commit.
    At(i64, i64),
    /// Behind this row, in the order of a column.
    Behind(i64, i64),
}

/// Which rows are wanted, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowQuery {
    /// Of this host only.
    pub host: Option<HostId>,
    /// With this text in some cell, case ignored.
    pub contains: Option<String>,
    /// With a text in a column, written `column:text`; all must hold.
    pub conditions: Vec<String>,
    /// These columns only.
    pub columns: Option<Vec<String>>,
    /// Sorted by this column; in the order of commit without one.
    pub sort: Option<String>,
    /// Largest first.
    pub descending: bool,
}

/// A query about one campaign's rows, its names resolved.
pub(crate) struct RowRead<'q> {
    pub campaign_no: i64,
    /// The host's number, when rows of one host are wanted.
    pub host_no: Option<i64>,
    pub filter: LineFilter,
    /// Whether rows say which host they are from.
    pub stamped: bool,
    pub limit: usize,
    columns: Option<&'q [String]>,
}

/// Rows of one host.
///
/// # Errors
/// `not_found` for an unknown campaign or a host that has no response in it; `invalid_request` for
/// an unknown column or more rows than can be sorted.
pub async fn host_rows(
    app: &Arc<App>,
    id: CampaignId,
    host: HostId,
    query: RowQuery,
    page: PageRequest<RowCursor>,
) -> ApiResult<RowPage> {
    let slot = slot(app, &query).await?;
    let kept = Arc::clone(app);
    app.read(move |tx| {
        let _held = &slot;
        let campaign = record(tx, id)?;
        let host = mimir_store::hosts::by_id(tx, host)?;
        let none = || ApiError::not_found("response of this host");
        let host_no = host.ok_or_else(none)?.no;
        if responses::of_host(tx, campaign.no, host_no)?.is_empty() {
            return Err(none());
        }
        read(tx, &kept.columns, &campaign, Some(host_no), &query, &page, false)
    })
    .await
}

/// Rows of all hosts, or of the one that `query` names.
///
/// # Errors
/// `not_found`; `invalid_request` for an unknown column or more rows than can be sorted.
pub async fn rows(
    app: &Arc<App>,
    id: CampaignId,
    query: RowQuery,
    page: PageRequest<RowCursor>,
) -> ApiResult<RowPage> {
    let slot = slot(app, &query).await?;
    let kept = Arc::clone(app);
    app.read(move |tx| {
        let _held = &slot;
        let campaign = record(tx, id)?;
        let host_no = match query.host {
            None => None,
            // No host has the number -1, and an unknown host has no rows.
            Some(id) => Some(mimir_store::hosts::by_id(tx, id)?.map_or(-1, |host| host.no)),
        };
        read(tx, &kept.columns, &campaign, host_no, &query, &page, true)
    })
    .await
}

/// Sorting looks at every row, so only a few may do it at once; the others wait their turn. The
/// work holds the slot, not the request: it goes on when its reader is gone.
async fn slot(app: &App, query: &RowQuery) -> ApiResult<Option<OwnedSemaphorePermit>> {
    if query.sort.is_none() {
        return Ok(None);
    }
    let slot = Arc::clone(&app.sort_slots).acquire_owned().await;
    slot.map(Some).map_err(ApiError::internal)
}

fn read(
    tx: &mut Tx<'_>,
    kept: &CampaignColumns,
    campaign: &CampaignRecord,
    host_no: Option<i64>,
    query: &RowQuery,
    page: &PageRequest<RowCursor>,
    stamped: bool,
) -> ApiResult<RowPage> {
    // Of all hosts' rows all columns are shown, also while one host's are looked at.
    let mut columns = match host_no.filter(|_| !stamped) {
        Some(host_no) => responses::columns(tx, campaign.no, Some(host_no))?,
        None => kept.of(tx, campaign.no)?,
    };
    let conditions = conditions(&query.conditions, &columns, stamped)?;
    let read = RowRead {
        campaign_no: campaign.no,
        host_no,
        filter: LineFilter::new(query.contains.as_deref(), &conditions),
        stamped,
        limit: usize::try_from(page.limit).unwrap_or(usize::MAX),
        columns: query.columns.as_deref(),
    };
    let stored = stored_rows(tx, campaign, host_no)?;
    let mut rows = match (&query.sort, page.after) {
        (Some(column), after) => {
            check_sort(column, &columns, stamped, stored)?;
            let sorting = Sorting::new(column, query.descending);
            sorted(tx, &read, &sorting, after)?
        }
        (None, Some(RowCursor::Behind(..))) => return Err(foreign_cursor()),
        (None, after) if read.filter.is_empty() => {
            let mut rows = plain(tx, &read, start(after))?;
            rows.total = Some(stored);
            rows
        }
        (None, after) => filtered(tx, &read, start(after))?,
    };
    columns.retain(|column| read.shows(column));
    rows.columns = columns;
    Ok(rows)
}

fn start(after: Option<RowCursor>) -> RowKey {
    match after {
        Some(RowCursor::At(seq, row)) => (seq, row),
        _ => (0, 0),
    }
}

fn stored_rows(tx: &mut Tx<'_>, campaign: &CampaignRecord, host_no: Option<i64>) -> ApiResult<u64> {
    match host_no {
        _ if campaign.rows_dropped => Ok(0),
        None => Ok(campaign.ledger.coverage.rows_stored),
        Some(host_no) => {
            let answered = responses::of_host(tx, campaign.no, host_no)?;
            Ok(answered.iter().map(|response| response.stored_rows).sum())
        }
    }
}

/// Whether rows have this column. While no row is stored, any name may still become one.
fn is_known(column: &str, columns: &[String], stamped: bool) -> bool {
    let stamp = stamped && [HOST_ID_COLUMN, HOSTNAME_COLUMN].contains(&column);
    stamp || columns.is_empty() || columns.iter().any(|known| known == column)
}

fn unknown_column(field: &str, columns: &[String]) -> ApiError {
    let mut named: Vec<&str> = columns.iter().map(String::as_str).collect();
    let more = if named.len() > COLUMNS_NAMED_MAX { " …" } else { "" };
    named.truncate(COLUMNS_NAMED_MAX);
    let message = format!("No row has this column; there are {}{more}.", named.join(", "));
    ApiError::field(field, message)
}

/// Columns and texts of `column:text`. A column's name may have colons itself.
fn conditions(
    given: &[String],
    columns: &[String],
    stamped: bool,
) -> ApiResult<Vec<(String, String)>> {
    if given.len() > ROW_CONDITIONS_MAX {
        let message = format!("At most {ROW_CONDITIONS_MAX} conditions can be given.");
        return Err(ApiError::field("where", message));
    }
    let split = |text: &String| {
        let mut places = text.match_indices(':').map(|(at, _)| at).peekable();
        if places.peek().is_none() {
            let message = "Write a condition as `column:text`.";
            return Err(ApiError::field("where", message));
        }
        let place = places.find(|at| is_known(&text[..*at], columns, stamped));
        let place = place.ok_or_else(|| unknown_column("where", columns))?;
        Ok((text[..place].to_owned(), text[place + 1..].to_owned()))
    };
    given.iter().map(split).collect()
}

fn check_sort(column: &str, columns: &[String], stamped: bool, stored: u64) -> ApiResult<()> {
    if !is_known(column, columns, stamped) {
        return Err(unknown_column("sort", columns));
    }
    if stored > ROWS_SORTED_MAX {
        let message = format!(
            "{stored} rows are stored and up to {ROWS_SORTED_MAX} can be sorted; filter to a host, \
             or export."
        );
        return Err(ApiError::field("sort", message));
    }
    Ok(())
}

impl RowRead<'_> {
    fn shows(&self, column: &str) -> bool {
        self.columns.is_none_or(|only| only.iter().any(|name| name == column))
    }

    /// Whether a row is wanted.
    pub(crate) fn takes(&self, host_id: &str, hostname: &str, line: &str) -> ApiResult<bool> {
        let stamp = Stamp { columns: [(HOST_ID_COLUMN, host_id), (HOSTNAME_COLUMN, hostname)] };
        let stamp = self.stamped.then_some(&stamp);
        self.filter.takes(line, stamp).map_err(ApiError::internal)
    }

    /// A row as the API shows it.
    fn shown(&self, host_id: &str, hostname: &str, line: &str) -> ApiResult<Map<String, Value>> {
        let cells: Map<String, Value> = serde_json::from_str(line).map_err(ApiError::internal)?;
        let mut row = Map::new();
        if self.stamped {
            row.insert(HOST_ID_COLUMN.to_owned(), host_id.into());
            row.insert(HOSTNAME_COLUMN.to_owned(), hostname.into());
        }
        // The stamp wins over a column of the same name: it is what says where a row is from.
        for (column, cell) in cells {
            if self.shows(&column) && !row.contains_key(&column) {
                row.insert(column, cell);
            }
        }
        Ok(row)
    }

    /// Responses with rows, from sequence `from` on.
    pub(crate) fn responses(
        &self,
        tx: &mut Tx<'_>,
        from: i64,
        limit: u64,
    ) -> ApiResult<Vec<ResponseRecord>> {
        let Some(host_no) = self.host_no else {
            return Ok(responses::with_rows(tx, self.campaign_no, from, limit)?);
        };
        let mut found = responses::of_host(tx, self.campaign_no, host_no)?;
        found.retain(|response| response.seq >= from && response.stored_rows > 0);
        found.sort_by_key(|response| response.seq);
        Ok(found)
    }
}

/// Rows of a page while it is filled.
#[derive(Default)]
struct Items {
    rows: Vec<Map<String, Value>>,
    weight: usize,
}

impl Items {
    fn push(
        &mut self,
        read: &RowRead<'_>,
        host_id: &str,
        hostname: &str,
        line: &str,
    ) -> ApiResult<()> {
        self.rows.push(read.shown(host_id, hostname, line)?);
        self.weight += row_scan::weight(line);
        Ok(())
    }

    /// Whether this row must wait for the next page; the first one never does.
    fn are_full(&self, limit: usize, line: &str) -> bool {
        let heavy = || self.weight + row_scan::weight(line) > PAGE_ROW_BYTES_MAX;
        self.rows.len() == limit || !self.rows.is_empty() && heavy()
    }
}

fn page(items: Vec<Map<String, Value>>, next: Option<RowCursor>) -> RowPage {
    let next_cursor = next.map(|next| encode(&next));
    RowPage { columns: Vec::new(), items, next_cursor, total: None }
}

/// A page in the order of commit: no more is unpacked than is shown.
fn plain(tx: &mut Tx<'_>, read: &RowRead<'_>, from: RowKey) -> ApiResult<RowPage> {
    let (mut seq, mut row) = from;
    let mut items = Items::default();
    loop {
        let found = read.responses(tx, seq, RESPONSES_STEP)?;
        let Some(last) = found.last().map(|response| response.seq) else { break };
        for response in &found {
            let from = if response.seq == seq { row } else { 0 };
            if let Some(row) = rows_of(tx, read, response, from, &mut items)? {
                return Ok(page(items.rows, Some(RowCursor::At(response.seq, row))));
            }
        }
        (seq, row) = (last + 1, 0);
    }
    Ok(page(items.rows, None))
}

/// Takes the rows of a response from row `from` on until the page is full; then answers the first
/// row that is left.
fn rows_of(
    tx: &mut Tx<'_>,
    read: &RowRead<'_>,
    response: &ResponseRecord,
    mut from: i64,
    items: &mut Items,
) -> ApiResult<Option<i64>> {
    let host_id = response.host_id.to_string();
    loop {
        let chunks = responses::chunks(tx, read.campaign_no, response.seq, from, 1)?;
        let Some(chunk) = chunks.first() else { return Ok(None) };
        let rows = decode(&chunk.data).map_err(ApiError::internal)?;
        let skip = usize::try_from(from - chunk.first_row).unwrap_or(0);
        for (place, line) in (from..).zip(rows.lines().skip(skip)) {
            if items.are_full(read.limit, line) {
                return Ok(Some(place));
            }
            items.push(read, &host_id, &response.hostname, line)?;
        }
        from = chunk.first_row + chunk.row_count;
    }
}

/// A page of the rows that a filter takes, in the order of commit.
fn filtered(tx: &mut Tx<'_>, read: &RowRead<'_>, from: RowKey) -> ApiResult<RowPage> {
    let (mut items, mut rows, mut bytes, mut next) = (Items::default(), 0, 0, None);
    row_scan::scan(tx, read, from, |host_id, response, row, line| {
        let tired = rows >= SCAN_ROWS_MAX || bytes >= ROWS_SEARCHED_BYTES_MAX;
        let stop = tired || items.rows.len() == read.limit;
        (rows, bytes) = (rows + 1, bytes + line.len());
        let wanted = !stop && read.takes(host_id, &response.hostname, line)?;
        if stop || wanted && items.are_full(read.limit, line) {
            next = Some(RowCursor::At(response.seq, row));
            return Ok(ControlFlow::Break(()));
        }
        if wanted {
            items.push(read, host_id, &response.hostname, line)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // Who has looked at everything knows how many there are.
    let total = (from == (0, 0) && next.is_none()).then_some(items.rows.len() as u64);
    Ok(RowPage { total, ..page(items.rows, next) })
}

fn too_large_to_sort() -> ApiError {
    let gib = ROWS_SORTED_BYTES_MAX >> 30;
    let message = format!(
        "The rows have more than {gib} GiB, and no more can be sorted; filter to a host, or export."
    );
    ApiError::field("sort", message)
}

/// A page in the order of a column: the first rows behind the cursor, of all rows.
fn sorted(
    tx: &mut Tx<'_>,
    read: &RowRead<'_>,
    sorting: &Sorting,
    after: Option<RowCursor>,
) -> ApiResult<RowPage> {
    let behind = match after {
        None => None,
        Some(RowCursor::Behind(seq, row)) => {
            let place = sorting.place(tx, read, (seq, row))?;
            Some(place.ok_or_else(foreign_cursor)?)
        }
        Some(RowCursor::At(..)) => return Err(foreign_cursor()),
    };
    let (mut first, mut total, mut bytes) = (First::new(read.limit), 0, 0);
    row_scan::scan(tx, read, (0, 0), |host_id, response, row, line| {
        bytes += line.len();
        if bytes > ROWS_SORTED_BYTES_MAX {
            return Err(too_large_to_sort());
        }
        if !read.takes(host_id, &response.hostname, line)? {
            return Ok(ControlFlow::Continue(()));
        }
        total += 1;
        let place = sorting.of(read, host_id, response, row, line)?;
        let is_behind = behind.as_ref().is_none_or(|behind| place.is_behind(behind));
        if is_behind && first.wants(&place) {
            first.take(Candidate::new(place, host_id, &response.hostname, line));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let (best, more) = first.finish();
    let next = best.last().filter(|_| more).map(|last| last.place.key());
    let next = next.map(|(seq, row)| RowCursor::Behind(seq, row));
    let shown = |row: &Candidate| read.shown(&row.host_id, &row.hostname, &row.line);
    let items = best.iter().map(shown).collect::<ApiResult<Vec<_>>>()?;
    Ok(RowPage { total: Some(total), ..page(items, next) })
}
