// SPDX-License-Identifier: Apache-2.0
//! The server, as the loop sees it: requests to five endpoints and a verdict on each reply.
//!
//! Unlike osqueryd, the agent honours the HTTP status: only a 2xx with a JSON object and without
//! `error` is success. A proxy's empty 502 must not make it throw an answer away.

mod body;
mod http;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::limits::RETRY_AFTER_MAX;

pub use body::write_body;
pub use http::{HttpTransport, TransportError};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Ask for a node key.
    Enroll,
    /// Fetch the configuration.
    Config,
    /// Ask for queries.
    Read,
    /// Deliver answers.
    Write,
    /// Deliver log lines.
    Log,
}

impl Endpoint {
    /// Path below the server's address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Enroll => "/api/osquery/enroll",
            Self::Config => "/api/osquery/config",
            Self::Read => "/api/osquery/distributed/read",
            Self::Write => "/api/osquery/distributed/write",
            Self::Log => "/api/osquery/log",
        }
    }
}

/// One request.
#[derive(Debug)]
pub struct Request<'r> {
    /// What for.
    pub endpoint: Endpoint,
    /// The key for the `Authorization` header.
    pub node_key: Option<&'r str>,
    /// JSON.
    pub body: &'r [u8],
    /// Whether the body is compressed with gzip.
    pub gzip: bool,
    /// How long the server may wait for work before it answers.
    pub hold: Option<Duration>,
}

/// A reply, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The `Retry-After` header in seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

/// Carries requests to the server.
pub trait Transport {
    /// Sends a request and waits for the reply.
    ///
    /// # Errors
    /// When there is no reply.
    fn post(&mut self, request: &Request<'_>) -> Result<Reply, TransportError>;
}

/// Why a request did not do what it was for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There was no reply.
    #[error("no answer from the server: {0}")]
    Unreachable(String),
    /// The server does not know the node key.
    #[error("the server no longer accepts this agent's node key ({0})")]
    NodeInvalid(String),
    /// The server said no.
    #[error("the server refused with status {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The reason it gave, shortened.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

impl CallError {
    /// How long the server wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the server is overloaded rather than unwilling: then waiting helps.
    pub fn is_overload(&self) -> bool {
        matches!(self, Self::Refused { status: 429 | 502 | 503 | 504, .. })
    }
}

/// Sends a request and judges the reply.
///
/// # Errors
/// See [`CallError`].
pub fn call(
    transport: &mut dyn Transport,
    request: &Request<'_>,
) -> Result<Map<String, Value>, CallError> {
    let reply = transport.post(request).map_err(|error| CallError::Unreachable(error.0))?;
    judge(&reply)
}

/// The verdict on a reply.
///
/// # Errors
/// See [`CallError`].
pub fn judge(reply: &Reply) -> Result<Map<String, Value>, CallError> {
    let object = match serde_json::from_slice(&reply.body) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    };
    let reason = || match object.as_ref().and_then(|object| object.get("error")) {
        Some(Value::String(text)) => shorten(text),
        Some(other) => shorten(&other.to_string()),
        None => shorten(&String::from_utf8_lossy(&reply.body)),
    };
    // Said with any status, as for osqueryd.
    if object.as_ref().and_then(|object| object.get("node_invalid")) == Some(&Value::Bool(true)) {
        return Err(CallError::NodeInvalid(reason()));
    }
    let is_success = (200..300).contains(&reply.status);
    match object {
        Some(object) if is_success && !object.contains_key("error") => Ok(object),
        _ => Err(CallError::Refused {
            status: reply.status,
            message: reason(),
            retry_after: reply.retry_after.map(|wait| wait.min(RETRY_AFTER_MAX)),
        }),
    }
}

/// A reason short and plain enough for a log line.
fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> Result<usize, CallError> {
        let reply = Reply { status, retry_after: None, body: body.as_bytes().to_vec() };
        judge(&reply).map(|object| object.len())
    }

    #[test]
    fn only_an_object_without_error_under_2xx_is_success() {
        assert_eq!(verdict(200, "{}"), Ok(0));
        assert_eq!(verdict(201, "{\"queries\":{}}"), Ok(1));
        for (status, body) in [
            (200, ""),
            (200, "null"),
            (200, "[]"),
            (200, "<html>"),
            (200, "{\"error\":null}"),
            (502, ""),
            (503, "{}"),
            (301, "{}"),
            (401, "{\"node_invalid\":false}"),
        ] {
            let verdict = verdict(status, body);
            assert!(matches!(verdict, Err(CallError::Refused { .. })), "{status} {body}");
        }
    }

    #[test]
    fn an_invalid_node_is_told_with_any_status() {
        for status in [200, 401, 500] {
            let verdict = verdict(status, "{\"node_invalid\":true,\"error\":\"unknown\"}");
            assert_eq!(verdict, Err(CallError::NodeInvalid("unknown".to_owned())));
        }
        assert!(matches!(
            verdict(200, "{\"node_invalid\":\"true\",\"error\":\"\"}"),
            Err(CallError::Refused { .. })
        ));
    }
}
