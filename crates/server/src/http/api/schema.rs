// SPDX-License-Identifier: Apache-2.0
//! What hosts can be asked.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use mimir_wire::api::schema::Schema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, schema};
use crate::http::etag;
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(read))
}

/// Tables, columns and functions
///
/// For completion in editors, with what the deny-list in force refuses when more than one host is
/// targeted. Changes only with the server's version and the deny-list: ask again with
/// `If-None-Match`.
#[utoipa::path(
    get, path = "/schema", tag = "queries",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` that is known")),
    responses(
        (status = 200, description = "All of it", body = Schema),
        (status = 304, description = "It is what the caller has"),
    )
)]
async fn read(State(app): State<Arc<App>>, headers: HeaderMap) -> ApiResult<Response> {
    let schema = schema::read(&app).await?;
    Ok(etag::json(&headers, &schema.etag, schema.json.clone()))
}
