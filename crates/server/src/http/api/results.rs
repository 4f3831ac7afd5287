// SPDX-License-Identifier: Apache-2.0
//! What a campaign found and who has not answered: ledger, responses, rows, export, events.

use std::sync::Arc;

use axum::Json as Answer;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response as HttpResponse};
use http::{HeaderMap, HeaderName, header};
use mimir_store::assignments::Filter;
use mimir_store::responses;
use mimir_wire::api::campaign::{Assignment, AssignmentState, Outcome, Response};
use mimir_wire::api::page::{Page, RowPage};
use mimir_wire::ids::{CampaignId, HostId};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::page::PageRequest;
use crate::app::{App, Caller, answers, campaigns, export, rows};
use crate::http::api::ListOrder;
use crate::http::extract::{Id, Ids, Query};
use crate::http::sse;
use crate::problem::{ApiError, ApiResult};

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(assignments))
        .routes(routes!(pending))
        .routes(routes!(responses))
        .routes(routes!(host_rows))
        .routes(routes!(all_rows))
        .routes(routes!(export_rows))
        .routes(routes!(events))
}

/// Which assignments.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct AssignmentParams {
    /// Where they stand: states, separated by commas.
    #[param(value_type = Option<Vec<AssignmentState>>, style = Form, explode = false)]
    state: Option<String>,
    /// What was answered.
    outcome: Option<Outcome>,
    /// Late ones only, or timely ones only.
    late: Option<bool>,
    /// Only those whose rows were cut, or only whole ones.
    truncated: Option<bool>,
    /// Text in the host's name.
    q: Option<String>,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The ledger
///
/// One row for each targeted host, in order of name.
#[utoipa::path(
    get, path = "/campaigns/{id}/assignments", tag = "campaigns",
    params(("id" = CampaignId, Path), AssignmentParams),
    responses((status = 200, description = "A page of assignments", body = Page<Assignment>))
)]
async fn assignments(
    State(app): State<Arc<App>>,
    Id(id): Id<CampaignId>,
    Query(params): Query<AssignmentParams>,
) -> ApiResult<Answer<Page<Assignment>>> {
    let AssignmentParams { state, outcome, late, truncated, q, limit, cursor } = params;
    let page = PageRequest::new(limit, cursor.as_deref())?;
    let states = states(state.as_deref().unwrap_or_default())?;
    let filter = Filter { states, outcome, late, truncated, q };
    answers::assignments(&app, id, filter, page).await.map(Answer)
}

/// The states in a list.
fn states(list: &str) -> ApiResult<Vec<AssignmentState>> {
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    let state = |word: &str| {
        AssignmentState::from_word(word).ok_or_else(|| {
            let known: Vec<_> = AssignmentState::ALL.iter().map(|state| state.as_str()).collect();
            let message = format!("`{word}` is no state; there are {}.", known.join(", "));
            ApiError::field("state", message)
        })
    };
    words.map(state).collect()
}

/// Which pending hosts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct PendingParams {
    /// Text in the host's name.
    q: Option<String>,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Who has not answered
///
/// Pending and offered hosts, oldest contact first.
#[utoipa::path(
    get, path = "/campaigns/{id}/pending", tag = "campaigns",
    params(("id" = CampaignId, Path), PendingParams),
    responses((status = 200, description = "A page of assignments", body = Page<Assignment>))
)]
async fn pending(
    State(app): State<Arc<App>>,
    Id(id): Id<CampaignId>,
    Query(params): Query<PendingParams>,
) -> ApiResult<Answer<Page<Assignment>>> {
    let page = PageRequest::new(params.limit, params.cursor.as_deref())?;
    answers::pending(&app, id, params.q, page).await.map(Answer)
}

/// Which responses.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct ResponseParams {
    /// Late ones only, or timely ones only.
    late: Option<bool>,
    /// What they are.
    outcome: Option<Outcome>,
    /// Only those whose rows were cut, or only whole ones.
    truncated: Option<bool>,
    /// Text in the host's name.
    q: Option<String>,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Who has answered
///
/// Newest first.
#[utoipa::path(
    get, path = "/campaigns/{id}/responses", tag = "campaigns",
    params(("id" = CampaignId, Path), ResponseParams),
    responses((status = 200, description = "A page of responses", body = Page<Response>))
)]
async fn responses(
    State(app): State<Arc<App>>,
    Id(id): Id<CampaignId>,
    Query(params): Query<ResponseParams>,
) -> ApiResult<Answer<Page<Response>>> {
    let ResponseParams { late, outcome, truncated, q, limit, cursor } = params;
    let page = PageRequest::new(limit, cursor.as_deref())?;
    let filter = responses::Filter { late, outcome, truncated, q };
    answers::responses(&app, id, filter, page).await.map(Answer)
}

/// Which rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct HostRowParams {
    /// With this text in some cell, case ignored.
    contains: Option<String>,
    /// `column:text`: with this text in this column, case ignored. May be given several times; all
    /// must hold.
    r#where: Vec<String>,
    /// These columns only, separated by commas.
    columns: Option<String>,
    /// Sorted by this column; in the order of commit when absent.
    sort: Option<String>,
    /// `asc` when absent.
    #[param(inline)]
    order: ListOrder,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl HostRowParams {
    fn read(self) -> ApiResult<(rows::RowQuery, PageRequest<rows::RowCursor>)> {
        let page = PageRequest::new(self.limit, self.cursor.as_deref())?;
        let query = rows::RowQuery {
            host: None,
            contains: self.contains,
            conditions: self.r#where,
            columns: self.columns.map(|list| list.split(',').map(str::to_owned).collect()),
            sort: self.sort,
            descending: self.order.is_descending(),
        };
        Ok((query, page))
    }
}

/// Rows of one host
///
/// In the order its agent sent them, or sorted as `GET /campaigns/{id}/rows` is.
#[utoipa::path(
    get, path = "/campaigns/{id}/responses/{host_id}/rows", tag = "campaigns",
    params(("id" = CampaignId, Path), ("host_id" = HostId, Path), HostRowParams),
    responses((status = 200, description = "A page of rows", body = RowPage))
)]
async fn host_rows(
    State(app): State<Arc<App>>,
    Ids(id, host): Ids<CampaignId, HostId>,
    Query(params): Query<HostRowParams>,
) -> ApiResult<Answer<RowPage>> {
    let (query, page) = params.read()?;
    rows::host_rows(&app, id, host, query, page).await.map(Answer)
}

/// Which rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct RowParams {
    /// Of this host only.
    host: Option<HostId>,
    /// With this text in some cell or in the host's name, case ignored.
    contains: Option<String>,
    /// `column:text`: with this text in this column, case ignored. May be given several times; all
    /// must hold. `_hostname` and `_host_id` are columns too.
    r#where: Vec<String>,
    /// These columns only, separated by commas.
    columns: Option<String>,
    /// Sorted by this column; in the order of commit when absent.
    sort: Option<String>,
    /// `asc` when absent.
    #[param(inline)]
    order: ListOrder,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Rows of all hosts
///
/// In order of commit, or sorted by a column: numbers come first and compare as numbers, other
/// texts follow, the case of letters ignored; rows without the column come last. Up to 1,000,000
/// rows, or 1 GiB of them, can be sorted. A page may hold fewer rows than `limit` and still have a
/// next one: with `contains` or `where` and without `sort` the search goes on there, and rows of
/// megabytes are spread over more pages.
#[utoipa::path(
    get, path = "/campaigns/{id}/rows", tag = "campaigns",
    params(("id" = CampaignId, Path), RowParams),
    responses((status = 200, description = "A page of rows, stamped with `_host_id` and \
        `_hostname`", body = RowPage))
)]
async fn all_rows(
    State(app): State<Arc<App>>,
    Id(id): Id<CampaignId>,
    Query(params): Query<RowParams>,
) -> ApiResult<Answer<RowPage>> {
    let RowParams { host, contains, r#where, columns, sort, order, limit, cursor } = params;
    let read = HostRowParams { contains, r#where, columns, sort, order, limit, cursor }.read();
    let (query, page) = read?;
    rows::rows(&app, id, rows::RowQuery { host, ..query }, page).await.map(Answer)
}

/// The header that says whether an export has not all columns.
const COLUMNS_CUT: &str = "mimir-columns-cut";

/// Which format.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportParams {
    /// `csv`, `ndjson` or `parquet`.
    #[serde(default = "csv")]
    format: String,
}

fn csv() -> String {
    "csv".to_owned()
}

/// Export all rows
///
/// Streamed; CSV cells that a spreadsheet would run as a formula are escaped with `'`. A file of
/// CSV or Parquet has at most 2,000 columns: when rows have more, the header `Mimir-Columns-Cut`
/// is `true`. NDJSON has all cells.
#[utoipa::path(
    get, path = "/campaigns/{id}/export", tag = "campaigns",
    params(("id" = CampaignId, Path), ExportParams),
    responses((status = 200, description = "An attachment in the format asked for", content(
        (String = "text/csv"),
        (String = "application/x-ndjson"),
        (String = "application/vnd.apache.parquet"),
    )))
)]
async fn export_rows(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
    Query(params): Query<ExportParams>,
) -> ApiResult<HttpResponse> {
    let begun = export::begin(&app, caller, id, &params.format).await?;
    let headers = [
        (header::CONTENT_TYPE, begun.format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", begun.file_name)),
        (HeaderName::from_static(COLUMNS_CUT), begun.columns_cut.to_string()),
    ];
    // A few pieces in flight: the writer waits for a slow receiver instead of filling memory.
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let out = ChannelWriter { sender: sender.clone() };
        if let Err(error) = export::write(&app, &begun, out) {
            tracing::warn!(%error, "export broke off");
            // The receiver must see a broken body, not a short one.
            drop(sender.blocking_send(Err(std::io::Error::other("export broke off"))));
        }
    });
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

struct ChannelWriter {
    sender: mpsc::Sender<std::io::Result<Bytes>>,
}

impl std::io::Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        self.sender.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where a stream begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Whence {
    /// With the campaign's first response.
    #[default]
    Start,
    /// With the next response: those stored already are left out.
    Now,
}

/// Where a stream begins.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct EventParams {
    /// `start` when absent. `Last-Event-ID` wins over it.
    #[param(inline)]
    from: Whence,
}

/// Events of a campaign, streamed
///
/// Events `status`, `coverage` and `response`; `Last-Event-ID` goes on where the reader was.
#[utoipa::path(
    get, path = "/campaigns/{id}/events", tag = "campaigns",
    params(("id" = CampaignId, Path), EventParams),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream",
        body = String))
)]
async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
    Query(params): Query<EventParams>,
    headers: HeaderMap,
) -> ApiResult<sse::Events> {
    let left_off = sse::last_event_id(&headers)?;
    let record = app.read(move |tx| campaigns::record(tx, id)).await?;
    let from = left_off.or((params.from == Whence::Now).then_some(record.next_seq));
    Ok(sse::campaign(app, caller, &record, from))
}
