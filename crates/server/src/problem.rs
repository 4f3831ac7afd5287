// SPDX-License-Identifier: Apache-2.0
//! Refusals: what an app function answers when it does not do what was asked. The text is written
//! for the operator; the inside of a failure is logged once, here, and never sent.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use mimir_engine::permission::Denied;
use mimir_store::DbError;
use mimir_wire::api::problem::{FieldError, Problem, ProblemCode};
use serde_json::{Map, Value, json};

/// A refusal or failure of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// Why, for programs.
    pub code: ProblemCode,
    /// Why and what to do, for the operator.
    pub detail: String,
    /// Members that belong to the code.
    pub extra: Map<String, Value>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u64>,
}

/// Result of an app function.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A refusal without further members.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), extra: Map::new(), retry_after_s: None }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// Input that is wrong in these places.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.first().map_or_else(String::new, |error| error.message.clone());
        Self::new(ProblemCode::InvalidRequest, detail).with("errors", json!(errors))
    }

    /// One member that is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.to_owned(), message: message.into() }])
    }

    /// No such thing.
    pub fn not_found(kind: &str) -> Self {
        Self::new(ProblemCode::NotFound, format!("There is no such {kind}."))
    }

    /// The thing's state does not allow it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::Conflict, detail)
    }

    /// The server cannot serve it now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let retry_after_s = Some(1);
        Self { retry_after_s, ..Self::new(ProblemCode::Unavailable, detail) }
    }

    /// A defect: `inside` goes to the log, the outside learns its request id only.
    pub fn internal(inside: impl std::fmt::Display) -> Self {
        let request_id = hex::encode(crate::clock::random::<8>());
        tracing::error!(request_id, error = %inside, "request failed");
        let detail = "The server failed on this request; the log has the cause.";
        Self::new(ProblemCode::Internal, detail).with("request_id", request_id)
    }

    /// The HTTP status of the code.
    pub fn status(&self) -> StatusCode {
        use ProblemCode as C;
        match self.code {
            C::Unauthenticated => StatusCode::UNAUTHORIZED,
            C::Forbidden | C::BadOrigin | C::PasswordChangeRequired | C::CapabilityRequired => {
                StatusCode::FORBIDDEN
            }
            C::NotFound => StatusCode::NOT_FOUND,
            C::IdempotencyKeyReused
            | C::CampaignsDisabled
            | C::MaxConcurrentHuntsReached
            | C::AlreadyStopped
            | C::Conflict => StatusCode::CONFLICT,
            C::InvalidRequest if self.extra.contains_key("broken_json") => StatusCode::BAD_REQUEST,
            C::InvalidRequest | C::OsFilterUnsupported | C::BlockedSql => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            C::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            C::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            C::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            C::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Unavailable(_) | DbError::Contention(_) | DbError::OutcomeUnknown(_) => {
                tracing::warn!(%error, "database unavailable");
                Self::unavailable("The database is not available; try again in a moment.")
            }
            DbError::Full => {
                tracing::error!(%error, "database full");
                Self::unavailable("The server's disk is full; nothing was changed.")
            }
            DbError::ReadOnly => {
                tracing::error!(%error, "database read-only");
                Self::unavailable("The server's database is read-only; nothing was changed.")
            }
            _ => Self::internal(error),
        }
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Forbidden => Self::new(
                ProblemCode::Forbidden,
                "Your role does not allow this; ask an administrator.",
            ),
            Denied::CapabilityRequired(capability) => Self::new(
                ProblemCode::CapabilityRequired,
                format!("This needs the capability {capability}; an administrator can grant it."),
            )
            .with("capability", capability.as_str()),
        }
    }
}

/// Marks a response as a refusal of this code, for what wraps the handlers.
#[derive(Debug, Clone)]
pub struct Refused(pub ApiError);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut extra = self.extra.clone();
        extra.remove("broken_json");
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: self.code,
            detail: self.detail.clone(),
            extra,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Refused(self));
        response
    }
}
