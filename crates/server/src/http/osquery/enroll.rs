// SPDX-License-Identifier: Apache-2.0
//! `enroll`.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use mimir_engine::limits::AGENT_BODY_BYTES_MAX;
use mimir_wire::osquery::{EnrollAnswer, EnrollRequest, repair_utf8};

use super::{AgentError, AgentState, answer};
use crate::app::enrol::enrol;
use crate::http::body::read_body;
use crate::listen::ClientAddr;

/// Admits a machine.
pub async fn enroll(
    State(state): State<AgentState>,
    request: Request,
) -> Result<Response, AgentError> {
    let (parts, body) = request.into_parts();
    let body = read_body(&state.budget, &parts.headers, body, AGENT_BODY_BYTES_MAX).await?;
    let text = repair_utf8(&body);
    let enrolment: EnrollRequest = serde_json::from_str(&text)
        .map_err(|error| AgentError::Malformed(format!("not an enrolment: {error}")))?;
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let address = parts.extensions.get::<ClientAddr>().map(|client| client.0.to_string());
    let admitted =
        enrol(&state.app, enrolment, user_agent.unwrap_or_default(), address.unwrap_or_default())
            .await
            .map_err(AgentError::Service)?;
    match admitted {
        Ok(node_key) => Ok(answer::json(StatusCode::OK, &EnrollAnswer { node_key })),
        Err(refusal) => Err(AgentError::Refused(refusal.sentence())),
    }
}
