// SPDX-License-Identifier: Apache-2.0
//! Ledger rows, responses and result rows, page by page. A cursor into rows names the response
//! and the row in it, so that any page is reached without reading those before.

use std::sync::Arc;

use mimir_store::Tx;
use mimir_store::assignments::{self, AssignmentRecord};
use mimir_store::responses::{self, ResponseRecord};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{Assignment, Response};
use mimir_wire::api::page::{Page, RowPage};
use mimir_wire::api::settings::Settings;
use mimir_wire::ids::{CampaignId, HostId};
use serde_json::{Map, Value};

use crate::app::App;
use crate::app::campaigns::record;
use crate::app::hosts::status_of;
use crate::app::page::{PageRequest, encode};
use crate::export::{HOST_ID_COLUMN, HOSTNAME_COLUMN};
use crate::problem::{ApiError, ApiResult};
use crate::rows::decode;

/// Rows looked at for one filtered page at the most: a rare text in a large campaign is found page
/// by page, each answered in time.
const SCAN_ROWS_MAX: u64 = 50_000;
/// Responses fetched in one step.
const RESPONSES_STEP: u64 = 64;

/// Where a page of rows begins: sequence of the response, row in it.
pub type RowKey = (i64, i64);

fn assignment(app: &App, settings: &Settings, now: Timestamp, a: AssignmentRecord) -> Assignment {
    let seen = app.fleet.last_seen(a.host_no).unwrap_or(a.host_last_seen_at);
    let last_seen = seen.max(a.host_last_seen_at);
    let l = a.ledger;
    Assignment {
        host_id: a.host_id,
        hostname: a.hostname,
        state: l.state,
        outcome: l.outcome,
        late: l.late,
        attempts: u64::from(l.attempts),
        offered_at: l.offered_at,
        responded_at: l.responded_at,
        row_count: l.row_count,
        truncated: l.truncated,
        error: l.error,
        reason: l.reason,
        state_changed_at: l.state_changed_at,
        host_status: status_of(settings, last_seen, a.host_decommissioned, now),
        host_last_seen_at: last_seen,
    }
}

/// The ledger of a campaign.
///
/// # Errors
/// `not_found`.
pub async fn assignments(
    app: &Arc<App>,
    id: CampaignId,
    filter: assignments::Filter,
    page: PageRequest<(String, i64)>,
) -> ApiResult<Page<Assignment>> {
    let (app_in, settings, now) = (Arc::clone(app), app.settings(), app.clock.now());
    app.read(move |tx| {
        let no = record(tx, id)?.no;
        let after = page.after.as_ref().map(|(name, no)| (name.as_str(), *no));
        let found = assignments::list(tx, no, &filter, after, page.fetch())?;
        let total = assignments::list_count(tx, no, &filter)?;
        let key = |a: &AssignmentRecord| (a.hostname.clone(), a.host_no);
        Ok(page.page(found, Some(total), key, |a| assignment(&app_in, &settings, now, a)))
    })
    .await
}

/// Who has not answered, oldest contact first.
///
/// # Errors
/// `not_found`.
pub async fn pending(
    app: &Arc<App>,
    id: CampaignId,
    q: Option<String>,
    page: PageRequest<(i64, i64)>,
) -> ApiResult<Page<Assignment>> {
    let (app_in, settings, now) = (Arc::clone(app), app.settings(), app.clock.now());
    app.read(move |tx| {
        let no = record(tx, id)?.no;
        let after = page.after.map(|(seen, no)| (Timestamp::from_micros(seen), no));
        let found = assignments::pending(tx, no, q.as_deref(), after, page.fetch())?;
        let total = assignments::pending_count(tx, no, q.as_deref())?;
        let key = |a: &AssignmentRecord| (a.host_last_seen_at.micros(), a.host_no);
        Ok(page.page(found, Some(total), key, |a| assignment(&app_in, &settings, now, a)))
    })
    .await
}

fn response(r: ResponseRecord) -> Response {
    Response {
        host_id: r.host_id,
        hostname: r.hostname,
        row_count: r.row_count,
        stored_rows: r.stored_rows,
        truncated: r.truncated,
        late: r.late,
        outcome: r.outcome,
        error: r.error,
        received_at: r.received_at,
        stats: r.stats,
    }
}

/// Responses, newest first.
///
/// # Errors
/// `not_found`.
pub async fn responses(
    app: &Arc<App>,
    id: CampaignId,
    late: Option<bool>,
    page: PageRequest<i64>,
) -> ApiResult<Page<Response>> {
    app.read(move |tx| {
        let no = record(tx, id)?.no;
        let found = responses::list_newest(tx, no, late, page.after, page.fetch())?;
        let total = responses::list_count(tx, no, late)?;
        Ok(page.page(found, Some(total), |r| r.seq, response))
    })
    .await
}

/// Which rows are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// Of this host only.
    pub host: Option<HostId>,
    /// With this text in some cell, case ignored.
    pub contains: Option<String>,
    /// These columns only.
    pub columns: Option<Vec<String>>,
}

/// Rows of one host.
///
/// # Errors
/// `not_found` for an unknown campaign or a host that has no response in it.
pub async fn host_rows(
    app: &Arc<App>,
    id: CampaignId,
    host: HostId,
    page: PageRequest<RowKey>,
) -> ApiResult<RowPage> {
    app.read(move |tx| {
        let campaign = record(tx, id)?;
        let no = campaign.no;
        let host_no = mimir_store::hosts::by_id(tx, host)?.map(|host| host.no);
        let answered = match host_no {
            Some(host_no) => responses::of_host(tx, no, host_no)?,
            None => Vec::new(),
        };
        if answered.is_empty() {
            return Err(ApiError::not_found("response of this host"));
        }
        let filter = RowFilter { host: Some(host), ..RowFilter::default() };
        let mut rows = collect(tx, no, &filter, &page, false)?;
        rows.columns = responses::columns(tx, no, host_no)?;
        let stored = answered.iter().map(|r| r.stored_rows).sum();
        rows.total = Some(if campaign.rows_dropped { 0 } else { stored });
        Ok(rows)
    })
    .await
}

/// Rows of all hosts.
///
/// # Errors
/// `not_found`.
pub async fn rows(
    app: &Arc<App>,
    id: CampaignId,
    filter: RowFilter,
    page: PageRequest<RowKey>,
) -> ApiResult<RowPage> {
    app.read(move |tx| {
        let campaign = record(tx, id)?;
        let mut rows = collect(tx, campaign.no, &filter, &page, true)?;
        let wanted = |column: &String| {
            filter.columns.as_ref().is_none_or(|columns| columns.contains(column))
        };
        rows.columns = responses::columns(tx, campaign.no, None)?;
        rows.columns.retain(wanted);
        let unfiltered = filter.host.is_none() && filter.contains.is_none();
        rows.total =
            (unfiltered && !campaign.rows_dropped).then_some(campaign.ledger.coverage.rows_stored);
        Ok(rows)
    })
    .await
}

/// Gathers a page of rows.
struct Gather<'f> {
    filter: &'f RowFilter,
    needle: Option<String>,
    stamped: bool,
    limit: usize,
    items: Vec<Map<String, Value>>,
    scanned: u64,
    next: Option<RowKey>,
}

fn collect(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    filter: &RowFilter,
    page: &PageRequest<RowKey>,
    stamped: bool,
) -> ApiResult<RowPage> {
    let mut gather = Gather {
        filter,
        needle: filter.contains.as_ref().map(|text| text.to_lowercase()),
        stamped,
        limit: usize::try_from(page.limit).unwrap_or(usize::MAX),
        items: Vec::new(),
        scanned: 0,
        next: None,
    };
    let (mut seq, mut row) = page.after.unwrap_or((0, 0));
    loop {
        let found = responses::with_rows(tx, campaign_no, filter.host, seq, RESPONSES_STEP)?;
        let Some(last) = found.last().map(|r| r.seq) else { break };
        for response in &found {
            let from = if response.seq == seq { row } else { 0 };
            if !gather.response(tx, campaign_no, response, from)? {
                return Ok(gather.page());
            }
        }
        (seq, row) = (last + 1, 0);
    }
    Ok(gather.page())
}

impl Gather<'_> {
    /// Takes the rows of a response from row `from` on; answers whether more are wanted.
    fn response(
        &mut self,
        tx: &mut Tx<'_>,
        campaign_no: i64,
        response: &ResponseRecord,
        mut from: i64,
    ) -> ApiResult<bool> {
        loop {
            let chunks = responses::chunks(tx, campaign_no, response.seq, from, 1)?;
            let Some(chunk) = chunks.first() else { return Ok(true) };
            let rows = decode(&chunk.data).map_err(ApiError::internal)?;
            let skip = usize::try_from(from - chunk.first_row).unwrap_or(0);
            for (place, line) in (from..).zip(rows.lines().skip(skip)) {
                if self.items.len() == self.limit || self.scanned >= SCAN_ROWS_MAX {
                    self.next = Some((response.seq, place));
                    return Ok(false);
                }
                self.scanned += 1;
                self.line(response, line)?;
            }
            from = chunk.first_row + chunk.row_count;
        }
    }

    fn line(&mut self, response: &ResponseRecord, line: &str) -> ApiResult<()> {
        let cells: Map<String, Value> = serde_json::from_str(line).map_err(ApiError::internal)?;
        if let Some(needle) = &self.needle {
            let found = |cell: &Value| {
                cell.as_str().is_some_and(|text| text.to_lowercase().contains(needle))
            };
            if !cells.values().any(found) && !response.hostname.to_lowercase().contains(needle) {
                return Ok(());
            }
        }
        let mut row = Map::new();
        if self.stamped {
            row.insert(HOST_ID_COLUMN.to_owned(), response.host_id.to_string().into());
            row.insert(HOSTNAME_COLUMN.to_owned(), response.hostname.as_str().into());
        }
        let wanted = |column: &str| {
            self.filter.columns.as_ref().is_none_or(|only| only.iter().any(|c| c == column))
        };
        // The stamp wins over a column of the same name: it is what says where a row is from.
        for (column, cell) in cells {
            if wanted(&column) && !row.contains_key(&column) {
                row.insert(column, cell);
            }
        }
        self.items.push(row);
        Ok(())
    }

    fn page(self) -> RowPage {
        let next_cursor = self.next.map(|key| encode(&key));
        RowPage { columns: Vec::new(), items: self.items, next_cursor, total: None }
    }
}
