// SPDX-License-Identifier: Apache-2.0
//! Why a call did not give what was asked for. A cause stands in `source`, never in the message.

use std::error::Error;
use std::io;

use mimir_wire::api::problem::{Problem, ProblemCode};

type Cause = Box<dyn Error + Send + Sync>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused; its sentence, code and members are in the problem.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The request or the answer did not get through. Whether the server acted is unknown.
    #[error("{message}")]
    Transport {
        /// What happened and what to do about it.
        message: String,
        /// The cause below.
        #[source]
        source: Cause,
    },
    /// Something answered, but not as Mimir does.
    #[error("{message}")]
    Decode {
        /// What was wrong with the answer.
        message: String,
        /// The HTTP status it came with.
        status: u16,
        /// The cause below, if one.
        #[source]
        source: Option<Cause>,
    },
    /// The client could not be set up: bad address, key or certificate.
    #[error("{0}")]
    Setup(String),
    /// What was received could not be written where the caller wanted it.
    #[error("cannot write what the server sent")]
    Write(#[source] io::Error),
}

impl ClientError {
    /// The refusal's code, when the server refused.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// The refusal, when the server refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same call may succeed when it is made again shortly.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Problem(problem) => {
                matches!(problem.code, ProblemCode::Unavailable | ProblemCode::RateLimited)
            }
            // What a proxy says while the server behind it restarts.
            Self::Decode { status, .. } => matches!(status, 502..=504),
            Self::Setup(_) | Self::Write(_) => false,
        }
    }
}

/// The failure of reading from a connection that had been answered.
pub(crate) fn broken_off(server: &str, source: io::Error) -> ClientError {
    ClientError::Transport {
        message: format!("the connection to {server} broke off before the answer was complete"),
        source: source.into(),
    }
}

/// Says what a failed exchange means for whoever made the call.
pub(crate) fn transport(server: &str, error: ureq::Error) -> ClientError {
    let message = match &error {
        ureq::Error::HostNotFound => {
            format!("the name in {server} does not resolve; check the server's address")
        }
        ureq::Error::Timeout(_) => format!("{server} did not answer in time"),
        ureq::Error::Rustls(tls) => tls_message(server, tls),
        ureq::Error::Io(io) => match io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            Some(tls) => tls_message(server, tls),
            None => format!("cannot reach {server}; check the address and that it is running"),
        },
        _ => format!("cannot reach {server}; check the address and that it is running"),
    };
    ClientError::Transport { message, source: error.into() }
}

fn tls_message(server: &str, error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(
            // A bad signature: a CA of the same name, such as that of an earlier installation.
            Certificate::UnknownIssuer | Certificate::BadSignature,
        ) => format!(
            "the certificate of {server} comes from no certificate authority trusted here; \
             name the CA certificate that the server wrote at its first start"
        ),
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => format!("the certificate of {server} is for another name; use a name it holds"),
        rustls::Error::InvalidCertificate(_) => {
            format!("the certificate of {server} is not acceptable")
        }
        _ => format!("no TLS session with {server}; does it speak TLS at this address?"),
    }
}
