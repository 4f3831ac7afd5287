// SPDX-License-Identifier: Apache-2.0
//! The audit trail.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use mimir_store::audit::Filter;
use mimir_wire::Timestamp;
use mimir_wire::api::audit::{AuditEntry, AuditVerification};
use mimir_wire::api::page::Page;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::page::PageRequest;
use crate::app::{App, audit};
use crate::http::extract::Query;
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(verify))
}

/// Which entries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct AuditParams {
    /// Part of the actor's name.
    actor: Option<String>,
    /// What was done, such as `campaign.launch`, or its beginning.
    action: Option<String>,
    /// Not before.
    from: Option<Timestamp>,
    /// Before.
    to: Option<Timestamp>,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List audit entries
///
/// Newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", params(AuditParams),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>))
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(params): Query<AuditParams>,
) -> ApiResult<Answer<Page<AuditEntry>>> {
    let AuditParams { actor, action, from, to, limit, cursor } = params;
    let page = PageRequest::new(limit, cursor.as_deref())?;
    audit::list(&app, Filter { actor, action, from, to }, page).await.map(Answer)
}

/// Verify the audit trail
///
/// Walks the whole chain of hashes and names the first entry that does not fit.
#[utoipa::path(
    get, path = "/audit/verify", tag = "audit",
    responses((status = 200, description = "Whether it is whole", body = AuditVerification))
)]
async fn verify(State(app): State<Arc<App>>) -> ApiResult<Answer<AuditVerification>> {
    audit::verify(&app).await.map(Answer)
}
