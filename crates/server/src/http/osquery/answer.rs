// SPDX-License-Identifier: Apache-2.0
//! Answers to agents.

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use mimir_wire::osquery::FailureAnswer;
use serde::Serialize;

use crate::http::body::BodyError;
use crate::ingest::LaneError;
use crate::problem::ApiError;

/// A failure that an agent must see as one.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The node key is unknown: the agent forgets it and enrols again.
    #[error("unknown node key; enrol again")]
    UnknownNode,
    /// Two machines use one node key: this one enrols again and becomes a host of its own.
    #[error("this node key belongs to another machine; enrol again")]
    Clone,
    /// Enrolment was refused.
    #[error("{0}")]
    Refused(&'static str),
    /// The body could not be read.
    #[error("{0}")]
    Body(#[from] BodyError),
    /// The body is not what osquery sends.
    #[error("{0}")]
    Malformed(String),
    /// The answer could not be stored.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// The service failed.
    #[error("{}", .0.detail)]
    Service(ApiError),
    /// No such endpoint.
    #[error("no such endpoint")]
    NotFound,
    /// Agents only POST.
    #[error("agents use POST")]
    NotPost,
}

impl AgentError {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownNode | Self::Clone | Self::Refused(_) => StatusCode::UNAUTHORIZED,
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::Budget) | Self::Lane(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Body(BodyError::TimedOut) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Service(error) => error.status(),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}

impl IntoResponse for AgentError {
    fn into_response(self) -> Response {
        let node_invalid = matches!(self, Self::UnknownNode | Self::Clone);
        let answer = FailureAnswer { error: self.to_string(), node_invalid };
        let mut response = json(self.status(), &answer);
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

/// A JSON object with this status.
pub fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_else(|_| b"{\"error\":\"internal\"}".to_vec());
    with_type(status, Bytes::from(body))
}

/// `{}`: all is well, nothing to do.
pub fn empty() -> Response {
    with_type(StatusCode::OK, Bytes::from_static(b"{}"))
}

fn with_type(status: StatusCode, body: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body).into_response()
}

/// Fallback of the router.
pub async fn not_found() -> AgentError {
    AgentError::NotFound
}

/// Fallback for other methods.
pub async fn not_post() -> AgentError {
    AgentError::NotPost
}
