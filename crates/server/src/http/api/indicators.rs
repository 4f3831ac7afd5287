// SPDX-License-Identifier: Apache-2.0
//! Indicators of compromise: reading a text as one, keeping, listing, importing them.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use mimir_wire::api::indicator::{
    DetectRequest, Detected, ImportRequest, ImportResult, Indicator, IndicatorFilter,
    IndicatorPatch, IndicatorType, NewIndicator, Severity,
};
use mimir_wire::api::page::Page;
use mimir_wire::ids::IndicatorId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::page::PageRequest;
use crate::app::{App, Caller, indicators};
use crate::http::extract::{Id, Json, Query};
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(detect))
        .routes(routes!(import))
        .routes(routes!(read, change, delete))
}

/// Which indicators.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct IndicatorParams {
    /// Text in the value, defanged or not, in the description or in a tag.
    q: Option<String>,
    /// Only this type.
    #[serde(rename = "type")]
    kind: Option<IndicatorType>,
    /// Only this severity.
    severity: Option<Severity>,
    /// Only with this tag.
    tag: Option<String>,
    /// Only with this source.
    source: Option<String>,
    /// Only active and not expired, or only the others.
    active: Option<bool>,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List indicators
///
/// Newest first.
#[utoipa::path(
    get, path = "/indicators", tag = "indicators", params(IndicatorParams),
    responses((status = 200, description = "A page of indicators", body = Page<Indicator>))
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(params): Query<IndicatorParams>,
) -> ApiResult<Answer<Page<Indicator>>> {
    let IndicatorParams { q, kind, severity, tag, source, active, limit, cursor } = params;
    let page = PageRequest::new(limit, cursor.as_deref())?;
    let filter = IndicatorFilter { q, kind, severity, tag, source, active };
    indicators::list(&app, filter, page).await.map(Answer)
}

/// Add an indicator
///
/// Its type is detected when absent. A value that is likely to match what is harmless is refused
/// with `warnings` unless `keep_anyway` is set; one that is there already with 409 and
/// `existing_id`.
#[utoipa::path(
    post, path = "/indicators", tag = "indicators", request_body = NewIndicator,
    responses((status = 201, description = "The indicator", body = Indicator))
)]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(new): Json<NewIndicator>,
) -> ApiResult<(StatusCode, Answer<Indicator>)> {
    Ok((StatusCode::CREATED, Answer(indicators::create(&app, caller, new).await?)))
}

/// Say what a text would be taken for
#[utoipa::path(
    post, path = "/indicators/detect", tag = "indicators", request_body = DetectRequest,
    responses((status = 200, description = "What it was taken for", body = Detected))
)]
async fn detect(
    State(app): State<Arc<App>>,
    Json(request): Json<DetectRequest>,
) -> ApiResult<Answer<Detected>> {
    indicators::detect(&app, request).await.map(Answer)
}

/// Import indicators
///
/// Lines, CSV, a STIX 2.1 bundle or a MISP event, all at once or not at all. Duplicates are no
/// error; what was not taken is listed with its reason.
#[utoipa::path(
    post, path = "/indicators/import", tag = "indicators", request_body = ImportRequest,
    responses((status = 200, description = "What came of it", body = ImportResult))
)]
async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<ImportRequest>,
) -> ApiResult<Answer<ImportResult>> {
    indicators::import(&app, caller, request).await.map(Answer)
}

/// One indicator
#[utoipa::path(
    get, path = "/indicators/{id}", tag = "indicators", params(("id" = IndicatorId, Path)),
    responses((status = 200, description = "The indicator", body = Indicator))
)]
async fn read(
    State(app): State<Arc<App>>,
    Id(id): Id<IndicatorId>,
) -> ApiResult<Answer<Indicator>> {
    indicators::read(&app, id).await.map(Answer)
}

/// Change an indicator
///
/// Its type and value never change. Hunts that were launched keep what was frozen.
#[utoipa::path(
    patch, path = "/indicators/{id}", tag = "indicators", params(("id" = IndicatorId, Path)),
    request_body = IndicatorPatch,
    responses((status = 200, description = "The indicator as it is now", body = Indicator))
)]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<IndicatorId>,
    Json(patch): Json<IndicatorPatch>,
) -> ApiResult<Answer<Indicator>> {
    indicators::patch(&app, caller, id, patch).await.map(Answer)
}

/// Delete an indicator
///
/// Hunts, matches and alerts keep their copies of it. It may be added again, as another one.
#[utoipa::path(
    delete, path = "/indicators/{id}", tag = "indicators", params(("id" = IndicatorId, Path)),
    responses((status = 204, description = "Deleted"))
)]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<IndicatorId>,
) -> ApiResult<StatusCode> {
    indicators::delete(&app, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
