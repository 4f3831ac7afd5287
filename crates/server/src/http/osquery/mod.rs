// SPDX-License-Identifier: Apache-2.0
//! The agents' endpoints, with every quirk of osquery's TLS client (`osquery-protocol`): status
//! codes are ignored there and an empty body is success, so a failure is always a JSON object with
//! `error`, and nothing is acknowledged before it is stored.

mod answer;
mod config;
mod enroll;
mod log;
mod read;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::post;
use http::{HeaderMap, header};
use mimir_wire::osquery::{NodeRequest, repair_utf8};

use crate::app::App;
use crate::fleet::HostEntry;
use crate::http::body::{BodyBudget, BodyBytes};
use crate::secret::token_hash;

pub use answer::AgentError;

/// What the endpoints share.
#[derive(Clone)]
pub struct AgentState {
    /// The service.
    pub app: Arc<App>,
    /// Memory for bodies.
    pub budget: BodyBudget,
    /// Memory for bodies of agents that have proven who they are.
    pub known_budget: BodyBudget,
    /// Cancelled when the server stops: held reads end.
    pub stop: tokio_util::sync::CancellationToken,
}

/// The endpoints, under our own prefix and under the one that other managers use.
pub fn router(state: AgentState) -> Router {
    let endpoints = Router::new()
        .route("/enroll", post(enroll::enroll))
        .route("/config", post(config::config))
        .route("/distributed/read", post(read::read))
        .route("/distributed/write", post(write::write))
        .route("/log", post(log::log))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::not_post)
        .with_state(state);
    Router::new().nest("/api/osquery", endpoints.clone()).nest("/api/v1/osquery", endpoints)
}

/// The node key of the header (osquery 5.23.0 and later).
fn header_key(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("nodekey").then(|| key.trim()).filter(|key| !key.is_empty())
}

/// The node key of a body. Everything else in it is skipped without being built.
fn body_key(body: &[u8]) -> Option<String> {
    let request: NodeRequest = serde_json::from_str(&repair_utf8(body)).ok()?;
    Some(request.node_key.0).filter(|key| !key.is_empty())
}

/// The host that speaks, by its node key; it is heard of now.
fn identify(app: &App, key: Option<&str>) -> Result<Arc<HostEntry>, AgentError> {
    let now = app.clock.now();
    let hash = token_hash(key.ok_or(AgentError::UnknownNode)?);
    let host = app.fleet.hosts(|hosts| hosts.by_key(&hash, now).cloned());
    let host = host.ok_or(AgentError::UnknownNode)?;
    host.seen(now);
    Ok(host)
}

/// Like [`identify`]. With several replicas a key that is unknown here may have been given out by
/// another one a moment ago, and calling it invalid would make the agent enrol once more.
async fn identify_fresh(app: &Arc<App>, key: Option<&str>) -> Result<Arc<HostEntry>, AgentError> {
    let found = identify(app, key);
    if found.is_ok() || key.is_none() || !app.is_shared() {
        return found;
    }
    app.catch_up().await;
    identify(app, key)
}

/// Who speaks, from the header or else from a small body.
async fn identify_request(
    state: &AgentState,
    request: Request,
    body_max: usize,
) -> Result<Arc<HostEntry>, AgentError> {
    let (parts, body) = request.into_parts();
    let body = crate::http::body::read_body(&state.budget, &parts.headers, body, body_max).await?;
    if let Some(key) = header_key(&parts.headers) {
        return identify_fresh(&state.app, Some(key)).await;
    }
    let (key, _) = key_of(body).await;
    identify_fresh(&state.app, key.as_deref()).await
}

/// Bytes of a body that are searched for a key at once; reading more takes too long for an async
/// thread, and anybody can send it.
const KEY_BYTES_MAX: usize = 64 * 1024;

/// The node key of a body, however large, and the body.
async fn key_of(body: BodyBytes) -> (Option<String>, BodyBytes) {
    if body.len() <= KEY_BYTES_MAX {
        return (body_key(&body), body);
    }
    let found = crate::blocking::run(move || (body_key(&body), body)).await;
    // The search does not panic; if it ever did, this request must fail and nothing else.
    found.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
