// SPDX-License-Identifier: Apache-2.0
//! `config`: the little that agents must be told. The whole answer is the config.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use mimir_engine::limits::AGENT_BODY_BYTES_MAX;
use serde_json::json;

use super::{AgentError, AgentState, answer, identify_request};

/// The config of a host.
pub async fn config(
    State(state): State<AgentState>,
    request: Request,
) -> Result<Response, AgentError> {
    identify_request(&state, request, AGENT_BODY_BYTES_MAX).await?;
    let interval = state.app.settings().agent_poll_interval_s;
    let config = json!({
        "options": {"disable_distributed": false, "distributed_interval": interval},
        "schedule": {},
    });
    Ok(answer::json(StatusCode::OK, &config))
}
