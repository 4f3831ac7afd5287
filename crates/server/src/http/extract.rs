// SPDX-License-Identifier: Apache-2.0
//! What handlers take from a request. Each refusal is a problem with a sentence, never axum's own.

use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use mimir_wire::api::problem::{FieldError, ProblemCode};
use mimir_wire::ids;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::app::Caller;
use crate::http::body::{BodyBudget, BodyBytes, BodyError, read_body};
use crate::http::query_string;
use crate::problem::{ApiError, ApiResult};

/// A JSON body.
pub struct Json<T>(pub T);

/// The raw bytes of a body, bounded like any other.
pub struct Raw(pub BodyBytes);

/// How large a body may be and whose memory it takes; the gate says so for every request.
#[derive(Debug, Clone)]
pub struct BodyShare {
    /// The memory for all bodies together.
    pub budget: BodyBudget,
    /// Bytes of this one.
    pub bytes_max: usize,
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        let Some(BodyShare { budget, bytes_max }) = parts.extensions.get::<BodyShare>() else {
            return Err(ApiError::internal("a body is read that no gate has admitted"));
        };
        let body = read_body(budget, &parts.headers, body, *bytes_max).await;
        body.map(Self).map_err(|error| refuse_body(&error, *bytes_max))
    }
}

fn refuse_body(error: &BodyError, bytes_max: usize) -> ApiError {
    match error {
        BodyError::TooLarge { .. } => {
            let detail = format!("The body is larger than {bytes_max} bytes.");
            ApiError::new(ProblemCode::PayloadTooLarge, detail)
        }
        BodyError::Budget => ApiError::unavailable(
            "The server holds as many request bodies as it can; try again in a moment.",
        ),
        BodyError::TimedOut | BodyError::Io(_) | BodyError::Encoding => {
            ApiError::field("", format!("The request could not be read: {error}."))
                .with("broken_json", true)
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let Raw(body) = Raw::from_request(request, state).await?;
        parse(&body).map(Self)
    }
}

/// Reads a JSON body; an empty one reads as `{}`.
///
/// # Errors
/// `invalid_request`: with status 400 when it is no JSON, 422 when it is of another shape.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    let body = if body.is_empty() { b"{}" } else { body };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        let whole = || serde_json::from_slice::<IgnoredAny>(body).is_ok();
        if !error.inner().is_data() && whole() {
            // A number where a word must stand is a broken text to the parser of JSON.
            return ApiError::field(&field, "This value is of another kind than it must be.");
        }
        refuse(field, error.inner())
    })?;
    deserializer.end().map_err(|error| refuse(String::new(), &error))?;
    Ok(parsed)
}

fn refuse(field: String, error: &serde_json::Error) -> ApiError {
    if error.is_data() {
        let message = sentence(error);
        return ApiError::invalid(vec![FieldError { field, message }]);
    }
    let message = format!("The body is not valid JSON: {error}.");
    ApiError::invalid(vec![FieldError { field: String::new(), message }]).with("broken_json", true)
}

/// serde's message without the position, which means nothing to an operator.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// The query string, with unknown parameters refused by `T`.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let text = parts.uri.query().unwrap_or_default();
        query_string::parse(text).map(Self).map_err(|(field, error)| {
            ApiError::field(&field, format!("The query string: {error}."))
        })
    }
}

/// An id that has a kind to name when there is no such thing.
pub trait PathId: FromStr + Send {
    /// What the id is of.
    const KIND: &'static str;
}

macro_rules! path_ids {
    ($($type:ty => $kind:literal),+ $(,)?) => {
        $(impl PathId for $type {
            const KIND: &'static str = $kind;
        })+
    };
}

path_ids! {
    ids::HostId => "host",
    ids::CampaignId => "campaign",
    ids::LiveQueryId => "live query",
    ids::SavedQueryId => "saved query",
    ids::UserId => "user",
    ids::ApiKeyId => "API key",
    ids::EnrollmentSecretId => "enrolment secret",
    ids::IndicatorId => "indicator",
}

/// The one id in the path. A text that is no id names nothing: 404, not 422.
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: PathId> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let text = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|path| path.0.parse().ok());
        id.map(Self).ok_or_else(|| ApiError::not_found(T::KIND))
    }
}

/// Two ids in the path.
pub struct Ids<A, B>(pub A, pub B);

impl<S: Send + Sync, A: PathId, B: PathId> FromRequestParts<S> for Ids<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let pair = axum::extract::Path::<(String, String)>::from_request_parts(parts, state).await;
        let Ok(axum::extract::Path((a, b))) = pair else {
            return Err(ApiError::not_found(A::KIND));
        };
        let a = a.parse().map_err(|_| ApiError::not_found(A::KIND))?;
        let b = b.parse().map_err(|_| ApiError::not_found(B::KIND))?;
        Ok(Self(a, b))
    }
}

/// The caller, whom the gate has authenticated.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::new(ProblemCode::Unauthenticated, "Sign in, or send an API key.")
        })
    }
}

/// The address a request came from, as the gate found it.
#[derive(Debug, Clone, Default)]
pub struct ClientAddress(pub String);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
