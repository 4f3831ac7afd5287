// SPDX-License-Identifier: Apache-2.0
//! API keys.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use mimir_wire::api::page::Page;
use mimir_wire::api::user::{ApiKey, CreatedApiKey, NewApiKey};
use mimir_wire::ids::ApiKeyId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::app::page::PageRequest;
use crate::app::{App, Caller, accounts};
use crate::http::extract::{Id, Json, Query};
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(revoke))
}

/// List API keys
///
/// One's own, newest first; everybody's for an administrator.
#[utoipa::path(
    get, path = "/api-keys", tag = "users", params(PageParams),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>))
)]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(params): Query<PageParams>,
) -> ApiResult<Answer<Page<ApiKey>>> {
    let page = PageRequest::new(params.limit, params.cursor.as_deref())?;
    accounts::list_keys(&app, caller, page).await.map(Answer)
}

/// Make an API key
///
/// It has the caller's rights. The answer is the only time its secret is shown.
#[utoipa::path(
    post, path = "/api-keys", tag = "users", request_body = NewApiKey,
    responses((status = 201, description = "The key", body = CreatedApiKey))
)]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(new): Json<NewApiKey>,
) -> ApiResult<(StatusCode, Answer<CreatedApiKey>)> {
    Ok((StatusCode::CREATED, Answer(accounts::create_key(&app, caller, new).await?)))
}

/// Revoke an API key
///
/// One's own; anybody's for an administrator.
#[utoipa::path(
    post, path = "/api-keys/{id}/revoke", tag = "users", params(("id" = ApiKeyId, Path)),
    responses((status = 200, description = "The key as it is now", body = ApiKey))
)]
async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<ApiKeyId>,
) -> ApiResult<Answer<ApiKey>> {
    accounts::revoke_key(&app, caller, id).await.map(Answer)
}
