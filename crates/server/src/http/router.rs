// SPDX-License-Identifier: Apache-2.0
//! All routes in one place, and what wraps every answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderName, HeaderValue, StatusCode, header};
use mimir_engine::limits::{BODIES_BYTES_MAX, KNOWN_BODIES_BYTES_MAX};
use mimir_wire::api::problem::ProblemCode;
use serde_json::json;

use crate::app::App;
use crate::http::body::BodyBudget;
use crate::http::console;
use crate::http::gate::{self, API_PREFIX};
use crate::http::osquery::{self, AgentState};
use crate::listen::ClientAddr;
use crate::metrics::Metrics;
use crate::problem::ApiError;

/// Everything a listener serves.
pub fn router(app: &Arc<App>, metrics: Option<Metrics>) -> Router {
    let known_budget = BodyBudget::new(KNOWN_BODIES_BYTES_MAX);
    let budget = BodyBudget::new(BODIES_BYTES_MAX - KNOWN_BODIES_BYTES_MAX);
    let stop = app.stopping.clone();
    Router::new()
        .merge(osquery::router(AgentState { app: Arc::clone(app), budget, known_budget, stop }))
        .merge(console(app, metrics))
}

/// Everything but the agents' endpoints.
pub fn console(app: &Arc<App>, metrics: Option<Metrics>) -> Router {
    let (api, _) = super::api::router().split_for_parts();
    let api = api
        .route_layer(middleware::from_fn_with_state(Arc::clone(app), gate::gate))
        .fallback(no_operation)
        .method_not_allowed_fallback(no_operation)
        .with_state(Arc::clone(app));
    let status = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(move |state, request| render(state, metrics.clone(), request)))
        .with_state(Arc::clone(app));
    Router::new()
        .nest(API_PREFIX, api)
        .merge(status)
        .fallback(console::page)
        .layer(middleware::from_fn(harden))
}

async fn no_operation() -> ApiError {
    ApiError::not_found("operation; see /api/v1/openapi.json")
}

/// The process lives.
async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

/// The process can serve: the database answers.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.stopping.is_cancelled() {
        return ApiError::unavailable("The server is stopping.").into_response();
    }
    match app.read(|tx| Ok(mimir_store::changes::head(tx)?)).await {
        Ok(_) => Json(json!({"status": "ready"})).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn render(
    State(app): State<Arc<App>>,
    metrics: Option<Metrics>,
    request: Request,
) -> Response {
    if !app.config.metrics_public {
        let address = request.extensions().get::<ClientAddr>().map(|client| client.0.to_string());
        match gate::authenticate(&app, request.headers(), address.unwrap_or_default()).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                let detail = "Metrics need an API key; --metrics-public opens them to everybody.";
                return ApiError::new(ProblemCode::Unauthenticated, detail).into_response();
            }
            Err(error) => return error.into_response(),
        }
    }
    match metrics {
        None => (StatusCode::NOT_FOUND, "metrics are not installed\n").into_response(),
        Some(metrics) => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], metrics.render()).into_response()
        }
    }
}

/// Nothing of an answer is ever run or framed; the console's files have a policy of their own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// Headers that every answer to a browser carries.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::CACHE_CONTROL, "no-store");
    set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    response
}
