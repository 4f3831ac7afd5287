// SPDX-License-Identifier: Apache-2.0
//! Saved queries.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use mimir_wire::api::page::Page;
use mimir_wire::api::saved_query::{NewSavedQuery, SavedQuery, SavedQueryVersion};
use mimir_wire::ids::SavedQueryId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::page::PageRequest;
use crate::app::{App, Caller, saved_queries};
use crate::http::extract::{Id, Json, Query};
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(read, replace, delete))
        .routes(routes!(versions))
}

/// Which saved queries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct SavedQueryParams {
    /// Text in the name, description or SQL.
    q: Option<String>,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List saved queries
///
/// In order of name.
#[utoipa::path(
    get, path = "/saved-queries", tag = "saved queries", params(SavedQueryParams),
    responses((status = 200, description = "A page of saved queries", body = Page<SavedQuery>))
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(params): Query<SavedQueryParams>,
) -> ApiResult<Answer<Page<SavedQuery>>> {
    let page = PageRequest::new(params.limit, params.cursor.as_deref())?;
    saved_queries::list(&app, params.q, page).await.map(Answer)
}

/// Save a query
#[utoipa::path(
    post, path = "/saved-queries", tag = "saved queries", request_body = NewSavedQuery,
    responses((status = 201, description = "The saved query", body = SavedQuery))
)]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(new): Json<NewSavedQuery>,
) -> ApiResult<(StatusCode, Answer<SavedQuery>)> {
    Ok((StatusCode::CREATED, Answer(saved_queries::create(&app, caller, new).await?)))
}

/// One saved query
#[utoipa::path(
    get, path = "/saved-queries/{id}", tag = "saved queries",
    params(("id" = SavedQueryId, Path)),
    responses((status = 200, description = "The saved query", body = SavedQuery))
)]
async fn read(
    State(app): State<Arc<App>>,
    Id(id): Id<SavedQueryId>,
) -> ApiResult<Answer<SavedQuery>> {
    saved_queries::read(&app, id).await.map(Answer)
}

/// Replace a saved query
///
/// Its earlier text is kept as a version.
#[utoipa::path(
    put, path = "/saved-queries/{id}", tag = "saved queries",
    params(("id" = SavedQueryId, Path)), request_body = NewSavedQuery,
    responses((status = 200, description = "The saved query as it is now", body = SavedQuery))
)]
async fn replace(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<SavedQueryId>,
    Json(new): Json<NewSavedQuery>,
) -> ApiResult<Answer<SavedQuery>> {
    saved_queries::put(&app, caller, id, new).await.map(Answer)
}

/// Delete a saved query
///
/// Campaigns launched from it are not touched.
#[utoipa::path(
    delete, path = "/saved-queries/{id}", tag = "saved queries",
    params(("id" = SavedQueryId, Path)),
    responses((status = 204, description = "Deleted"))
)]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<SavedQueryId>,
) -> ApiResult<StatusCode> {
    saved_queries::delete(&app, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Versions of a saved query
///
/// Every text it ever had, newest first, on one page; also of a deleted one.
#[utoipa::path(
    get, path = "/saved-queries/{id}/versions", tag = "saved queries",
    params(("id" = SavedQueryId, Path)),
    responses((status = 200, description = "All versions", body = Page<SavedQueryVersion>))
)]
async fn versions(
    State(app): State<Arc<App>>,
    Id(id): Id<SavedQueryId>,
) -> ApiResult<Answer<Page<SavedQueryVersion>>> {
    saved_queries::versions(&app, id).await.map(Answer)
}
