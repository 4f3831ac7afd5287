// SPDX-License-Identifier: Apache-2.0
//! How requests travel: the trait that a fleet sends through, and [`tls::TlsTransport`], which
//! opens connections as osquery's HTTP client does. Re-sending, deadlines and judgement of the
//! answer are the agent's, so that an in-process transport is imitated through as well.

mod http;
pub mod tls;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::agent::Job;

pub use tls::{Connections, TlsTransport};

/// The five endpoints an agent talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Enrolment.
    Enroll,
    /// Configuration.
    Config,
    /// Queries for the host.
    Read,
    /// Results of queries.
    Write,
    /// Result and status lines.
    Log,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Enroll, Self::Config, Self::Read, Self::Write, Self::Log];

    /// Its path on the server.
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

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// A request as the agent composed it; `Host` and `Content-Length` are the transport's.
#[derive(Debug, Clone)]
pub struct Request {
    /// Index of the host in the fleet: it decides which kept connection is used.
    pub host: u32,
    /// The thread of the agent that sends.
    pub job: Job,
    /// Where to.
    pub endpoint: Endpoint,
    /// Headers in order.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON by intention.
    pub body: Bytes,
}

impl Request {
    /// The value of a header, by its exact name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// Why no answer came. An answer that came is never an error here, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The agent's deadline passed. The only failure that is not re-sent at once.
    #[error("the request timed out")]
    TimedOut,
    /// Everything else: name, connect, TLS, reset, short answer.
    #[error("{doing}{}{why}", if why.is_empty() { "" } else { ": " })]
    Failed {
        /// What failed, in words that are the same every time.
        doing: &'static str,
        /// Why; may be empty.
        why: String,
    },
}

impl TransportError {
    /// A failure with a cause.
    pub fn failed(doing: &'static str, cause: impl fmt::Display) -> Self {
        Self::Failed { doing, why: cause.to_string() }
    }

    /// A failure that says it all in itself.
    pub const fn of(what: &'static str) -> Self {
        Self::Failed { doing: what, why: String::new() }
    }

    /// What it is counted as: what failed, without the cause.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TimedOut => "no answer within the deadline",
            Self::Failed { doing, .. } => doing,
        }
    }
}

/// What [`Transport::post`] answers.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>>;

/// Carries a POST and brings the answer's body back, whatever its status.
pub trait Transport: Send + Sync {
    /// Sends `request` once. The caller drops the future when its deadline passes.
    fn post(&self, request: Request) -> Answering<'_>;

    /// The worker of `host` died: connections kept for it end with it.
    fn disconnect(&self, host: u32) {
        let _ = host;
    }

    /// Connections opened so far, each with a full handshake attempted.
    fn opened(&self) -> u64 {
        0
    }
}

/// A closure from request to answer is a transport: a server inside the same process.
impl<F> Transport for F
where
    F: Fn(Request) -> Result<Vec<u8>, TransportError> + Send + Sync,
{
    fn post(&self, request: Request) -> Answering<'_> {
        Box::pin(std::future::ready(self(request)))
    }
}
