// SPDX-License-Identifier: Apache-2.0
//! `log`: taken, so that agents do not hoard, and not kept: Mimir schedules no queries, and its
//! record is the campaign.

use axum::extract::{Request, State};
use axum::response::Response;
use mimir_engine::limits::LOG_BODY_BYTES_MAX;

use super::{AgentError, AgentState, answer, header_key, identify, identify_request};
use crate::http::body::BodyError;

/// Takes log lines.
pub async fn log(
    State(state): State<AgentState>,
    request: Request,
) -> Result<Response, AgentError> {
    let key = header_key(request.headers()).map(str::to_owned);
    match identify_request(&state, request, LOG_BODY_BYTES_MAX).await {
        Ok(_) => Ok(answer::empty()),
        // Refusing it would make the agent send the same lines for ever; they are not kept anyway.
        Err(AgentError::Body(BodyError::TooLarge { drained: true, .. })) => {
            if let Some(key) = key {
                identify(&state.app, Some(&key))?;
            }
            Ok(answer::empty())
        }
        Err(error) => Err(error),
    }
}
