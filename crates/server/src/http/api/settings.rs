// SPDX-License-Identifier: Apache-2.0
//! Runtime settings.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use mimir_wire::api::settings::{Settings, SettingsPatch, SettingsSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, Caller, settings};
use crate::http::extract::Json;
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(read, change)).routes(routes!(describe))
}

/// Settings in force
#[utoipa::path(
    get, path = "/settings", tag = "settings",
    responses((status = 200, description = "All settings", body = Settings))
)]
async fn read(State(app): State<Arc<App>>) -> Answer<Settings> {
    Answer(app.settings().as_ref().clone())
}

/// What settings mean
///
/// Kind, range, default and meaning of each, and the deny-list of a new server with its reasons.
#[utoipa::path(
    get, path = "/settings/schema", tag = "settings",
    responses((status = 200, description = "All settings", body = SettingsSchema))
)]
async fn describe() -> Answer<SettingsSchema> {
    Answer(settings::described())
}

/// Change settings
///
/// Absent members stay. Every replica follows within a second.
#[utoipa::path(
    patch, path = "/settings", tag = "settings", request_body = SettingsPatch,
    responses((status = 200, description = "All settings as they are now", body = Settings))
)]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(patch): Json<SettingsPatch>,
) -> ApiResult<Answer<Settings>> {
    settings::patch(&app, caller, patch).await.map(Answer)
}
