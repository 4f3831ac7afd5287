// SPDX-License-Identifier: Apache-2.0
//! Campaigns: launch, list, read, stop, archive.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use mimir_store::campaigns::Filter;
use mimir_wire::api::campaign::{
    Campaign, CampaignKind, CampaignStatus, Completion, DropRowsRequest, LaunchRequest, Launched,
    StopRequest,
};
use mimir_wire::api::page::Page;
use mimir_wire::ids::{CampaignId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::launch::{Idempotency, launch as launch_campaign};
use crate::app::page::PageRequest;
use crate::app::{App, Caller};
use crate::app::{campaigns, history};
use crate::http::extract::{Id, Json, Query, Raw, parse};
use crate::problem::{ApiError, ApiResult};

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list, launch))
        .routes(routes!(read))
        .routes(routes!(completion))
        .routes(routes!(stop))
        .routes(routes!(archive))
        .routes(routes!(unarchive))
        .routes(routes!(drop_rows))
}

/// Launch a campaign
///
/// Freezes the SQL and writes one assignment for each targeted host, online or not. With an
/// `Idempotency-Key` a repeated request answers what the first one did.
#[utoipa::path(
    post, path = "/campaigns", tag = "campaigns", request_body = LaunchRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Remembered for 24 hours")),
    responses((status = 201, description = "Launched", body = Launched))
)]
async fn launch(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Raw(body): Raw,
) -> ApiResult<Response> {
    let request = parse::<LaunchRequest>(&body)?;
    let key = headers.get("idempotency-key").map(|value| value.to_str());
    let key = key
        .transpose()
        .map_err(|_| ApiError::field("Idempotency-Key", "Idempotency-Key is not plain text."))?;
    let key = key.map(|key| Idempotency::new(key, &body)).transpose()?;
    let done = launch_campaign(&app, caller, request, key).await?;
    let mut response = (StatusCode::CREATED, Answer(done.launched)).into_response();
    if done.replayed {
        let replayed = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotency-replayed", replayed);
    }
    Ok(response)
}

/// Which campaigns.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct CampaignParams {
    /// The status; all but archived ones when absent.
    status: Option<CampaignStatus>,
    /// The kind.
    kind: Option<CampaignKind>,
    /// Text in the name or in the name of who launched it.
    q: Option<String>,
    /// Id of the user who launched them.
    created_by: Option<UserId>,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List campaigns
///
/// Newest first.
#[utoipa::path(
    get, path = "/campaigns", tag = "campaigns", params(CampaignParams),
    responses((status = 200, description = "A page of campaigns", body = Page<Campaign>))
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(params): Query<CampaignParams>,
) -> ApiResult<Answer<Page<Campaign>>> {
    let CampaignParams { status, kind, q, created_by, limit, cursor } = params;
    let page = PageRequest::new(limit, cursor.as_deref())?;
    campaigns::list(&app, Filter { status, kind, q, created_by }, page).await.map(Answer)
}

/// A campaign
#[utoipa::path(
    get, path = "/campaigns/{id}", tag = "campaigns", params(("id" = CampaignId, Path)),
    responses((status = 200, description = "The campaign", body = Campaign))
)]
async fn read(State(app): State<Arc<App>>, Id(id): Id<CampaignId>) -> ApiResult<Answer<Campaign>> {
    campaigns::read(&app, id).await.map(Answer)
}

/// Which points.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct CompletionParams {
    /// Points wanted; 100 when absent, 200 at the most.
    #[param(minimum = 1, maximum = 200)]
    points: Option<u64>,
}

/// How the hosts answered over time
///
/// Rising sums of answers and of late ones, at the ends of equal stretches of time.
#[utoipa::path(
    get, path = "/campaigns/{id}/completion", tag = "campaigns",
    params(("id" = CampaignId, Path), CompletionParams),
    responses((status = 200, description = "The course so far", body = Completion))
)]
async fn completion(
    State(app): State<Arc<App>>,
    Id(id): Id<CampaignId>,
    Query(params): Query<CompletionParams>,
) -> ApiResult<Answer<Completion>> {
    history::completion(&app, id, params.points).await.map(Answer)
}

/// Stop a campaign
///
/// By default hosts that were offered the query may still answer for the grace time.
#[utoipa::path(
    post, path = "/campaigns/{id}/stop", tag = "campaigns", params(("id" = CampaignId, Path)),
    request_body = StopRequest,
    responses((status = 200, description = "Stopped", body = Campaign))
)]
async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
    Json(request): Json<StopRequest>,
) -> ApiResult<Answer<Campaign>> {
    campaigns::stop(&app, caller, id, request).await.map(Answer)
}

/// Hide a stopped campaign from the default list
#[utoipa::path(
    post, path = "/campaigns/{id}/archive", tag = "campaigns", params(("id" = CampaignId, Path)),
    responses((status = 200, description = "Archived", body = Campaign))
)]
async fn archive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> ApiResult<Answer<Campaign>> {
    campaigns::set_archived(&app, caller, id, true).await.map(Answer)
}

/// Show an archived campaign in the default list again
#[utoipa::path(
    post, path = "/campaigns/{id}/unarchive", tag = "campaigns", params(("id" = CampaignId, Path)),
    responses((status = 200, description = "Stopped, no longer archived", body = Campaign))
)]
async fn unarchive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> ApiResult<Answer<Campaign>> {
    campaigns::set_archived(&app, caller, id, false).await.map(Answer)
}

/// Remove the raw rows of a stopped campaign
///
/// Its record, ledger and counts stay. `confirm` is the campaign's name.
#[utoipa::path(
    post, path = "/campaigns/{id}/drop-rows", tag = "campaigns", params(("id" = CampaignId, Path)),
    request_body = DropRowsRequest,
    responses((status = 200, description = "The rows are gone", body = Campaign))
)]
async fn drop_rows(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
    Json(request): Json<DropRowsRequest>,
) -> ApiResult<Answer<Campaign>> {
    campaigns::drop_rows(&app, caller, id, request).await.map(Answer)
}
