// SPDX-License-Identifier: Apache-2.0
//! The dashboard's counts.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use mimir_wire::api::host::DashboardSummary;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, dashboard};
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(summary))
}

/// Counts of hosts and of work under way
#[utoipa::path(
    get, path = "/dashboard/summary", tag = "dashboard",
    responses((status = 200, description = "The counts", body = DashboardSummary))
)]
async fn summary(State(app): State<Arc<App>>) -> ApiResult<Answer<DashboardSummary>> {
    dashboard::summary(&app).await.map(Answer)
}
