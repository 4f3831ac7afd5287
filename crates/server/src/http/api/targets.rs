// SPDX-License-Identifier: Apache-2.0
//! Counting the hosts a target names.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use mimir_wire::api::target::{TargetCount, TargetCountRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, targets};
use crate::http::extract::Json;
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(count))
}

/// Count the hosts a target names
///
/// How many there are now and how recently they were heard of. Changes nothing.
#[utoipa::path(
    post, path = "/targets/count", tag = "hosts", request_body = TargetCountRequest,
    responses((status = 200, description = "The counts", body = TargetCount))
)]
async fn count(
    State(app): State<Arc<App>>,
    Json(request): Json<TargetCountRequest>,
) -> ApiResult<Answer<TargetCount>> {
    targets::count(&app, &request.target).await.map(Answer)
}
