// SPDX-License-Identifier: Apache-2.0
//! Enrolment secrets and kits.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, header};
use mimir_wire::api::enrollment::{
    CreatedEnrollmentSecret, EnrollmentKitRequest, EnrollmentSecret, NewEnrollmentSecret,
};
use mimir_wire::api::page::Page;
use mimir_wire::ids::EnrollmentSecretId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::app::page::PageRequest;
use crate::app::{App, Caller, enrollment_kits, enrollment_secrets};
use crate::http::extract::{Id, Json, Query};
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(kit))
}

/// List enrolment secrets
///
/// Without their values, newest first.
#[utoipa::path(
    get, path = "/enrollment-secrets", tag = "enrollment", params(PageParams),
    responses((status = 200, description = "A page of secrets", body = Page<EnrollmentSecret>))
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(params): Query<PageParams>,
) -> ApiResult<Answer<Page<EnrollmentSecret>>> {
    let page = PageRequest::new(params.limit, params.cursor.as_deref())?;
    enrollment_secrets::list(&app, page).await.map(Answer)
}

/// Make an enrolment secret
///
/// The answer is the only time its value is shown.
#[utoipa::path(
    post, path = "/enrollment-secrets", tag = "enrollment", request_body = NewEnrollmentSecret,
    responses((status = 201, description = "The secret", body = CreatedEnrollmentSecret))
)]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(new): Json<NewEnrollmentSecret>,
) -> ApiResult<(StatusCode, Answer<CreatedEnrollmentSecret>)> {
    let secret = enrollment_secrets::create(&app, caller, new).await?;
    Ok((StatusCode::CREATED, Answer(secret)))
}

/// Revoke an enrolment secret
///
/// Hosts that enrolled with it stay.
#[utoipa::path(
    post, path = "/enrollment-secrets/{id}/revoke", tag = "enrollment",
    params(("id" = EnrollmentSecretId, Path)),
    responses((status = 200, description = "The secret as it is now", body = EnrollmentSecret))
)]
async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<EnrollmentSecretId>,
) -> ApiResult<Answer<EnrollmentSecret>> {
    enrollment_secrets::revoke(&app, caller, id).await.map(Answer)
}

/// Download an enrolment kit
///
/// What an agent needs to enrol: flags, start script, CA certificate and the secret, as a gzipped
/// tar with one directory.
#[utoipa::path(
    post, path = "/enrollment-kits", tag = "enrollment", request_body = EnrollmentKitRequest,
    responses((status = 200, description = "An attachment", body = String,
        content_type = "application/gzip"))
)]
async fn kit(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<EnrollmentKitRequest>,
) -> ApiResult<impl IntoResponse> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let kit = enrollment_kits::make(&app, caller, request, host).await?;
    let disposition = format!("attachment; filename=\"{}\"", kit.file_name);
    let kind = "application/gzip".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], kit.bytes))
}
