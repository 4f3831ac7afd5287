// SPDX-License-Identifier: Apache-2.0
//! Checking SQL, and live queries.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use mimir_wire::api::live::{LiveQuery, LiveStarted};
use mimir_wire::api::query::{QueryCheck, QueryRequest};
use mimir_wire::ids::LiveQueryId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, Caller, live, queries};
use crate::http::extract::{Id, Json};
use crate::http::sse;
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(check))
        .routes(routes!(run))
        .routes(routes!(read))
        .routes(routes!(events))
        .routes(routes!(cancel))
}

/// Check SQL
///
/// Says what would be refused and what to know before it is sent. Refuses nothing itself.
#[utoipa::path(
    post, path = "/queries/check", tag = "queries", request_body = QueryRequest,
    responses((status = 200, description = "What the guard says", body = QueryCheck))
)]
async fn check(
    State(app): State<Arc<App>>,
    Json(request): Json<QueryRequest>,
) -> ApiResult<Answer<QueryCheck>> {
    queries::check(&app, request).await.map(Answer)
}

/// Run a live query
///
/// Goes to the targeted hosts that are online now; results stream and are not kept.
#[utoipa::path(
    post, path = "/queries/run", tag = "queries", request_body = QueryRequest,
    responses((status = 202, description = "It runs", body = LiveStarted))
)]
async fn run(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<QueryRequest>,
) -> ApiResult<(StatusCode, Answer<LiveStarted>)> {
    let started = live::run(&app, caller, request).await?;
    Ok((StatusCode::ACCEPTED, Answer(started)))
}

/// A live query
#[utoipa::path(
    get, path = "/queries/live/{id}", tag = "queries", params(("id" = LiveQueryId, Path)),
    responses((status = 200, description = "Its totals and how it ended", body = LiveQuery))
)]
async fn read(
    State(app): State<Arc<App>>,
    Id(id): Id<LiveQueryId>,
) -> ApiResult<Answer<LiveQuery>> {
    Ok(Answer(live::find(&app, id)?.show()))
}

/// Results of a live query, streamed
///
/// Events `host`, `totals` and `end`; `Last-Event-ID` goes on where the reader was.
#[utoipa::path(
    get, path = "/queries/live/{id}/events", tag = "queries", params(("id" = LiveQueryId, Path)),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream",
        body = String))
)]
async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<LiveQueryId>,
    headers: HeaderMap,
) -> ApiResult<sse::Events> {
    let found = live::find(&app, id)?;
    let from = sse::last_event_id(&headers)?;
    Ok(sse::live(app, caller, found, from))
}

/// End a live query
#[utoipa::path(
    post, path = "/queries/live/{id}/cancel", tag = "queries", params(("id" = LiveQueryId, Path)),
    responses((status = 200, description = "It has ended", body = LiveQuery))
)]
async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<LiveQueryId>,
) -> ApiResult<Answer<LiveQuery>> {
    live::cancel(&app, caller, id).await.map(Answer)
}
