// SPDX-License-Identifier: Apache-2.0
//! HTTPS to one server: its certificate must come from the given authority and name the host.
//! Connections are kept open; nothing is redirected; no proxy is taken from the environment.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::{Reply, Request, Transport};
use crate::VERSION;
use crate::limits::{
    CONNECT_WAIT_MAX, ETC_FILE_BYTES_MAX, MIB, REPLY_BYTES_MAX, REQUEST_WAIT_MAX,
    UPLOAD_WAIT_PER_MIB,
};
use crate::tables::read;

/// Why there was no reply, or no way to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// See the head of this file.
#[derive(Debug)]
pub struct HttpTransport {
    agent: ureq::Agent,
    server: String,
}

impl HttpTransport {
    /// A transport to `server`, an address such as `https://mimir.example.org:8443`, that trusts
    /// the certificates in the PEM file `ca` and nobody else.
    ///
    /// # Errors
    /// When the address or the file is unusable.
    pub fn new(server: &str, ca: &Path) -> Result<Self, TransportError> {
        let server = server.trim_end_matches('/');
        let uri: Uri = server.parse().map_err(|_| bad_address(server))?;
        if uri.scheme_str() != Some("https") || uri.host().is_none() || uri.query().is_some() {
            return Err(bad_address(server));
        }
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .root_certs(RootCerts::Specific(Arc::new(authorities(ca)?)))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(format!("mimir-agent/{VERSION}"))
            .accept("application/json")
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(Duration::from_secs(90))
            .timeout_connect(Some(CONNECT_WAIT_MAX))
            .build();
        Ok(Self { agent: config.new_agent(), server: server.to_owned() })
    }

    fn try_post(&self, request: &Request<'_>) -> Result<Reply, ureq::Error> {
        let mebibytes = u32::try_from(request.body.len() as u64 / MIB).unwrap_or(u32::MAX);
        let wait = REQUEST_WAIT_MAX
            + request.hold.unwrap_or_default()
            + UPLOAD_WAIT_PER_MIB.saturating_mul(mebibytes);
        let url = format!("{}{}", self.server, request.endpoint.path());
        let mut builder = self.agent.post(&url).header("Content-Type", "application/json");
        if let Some(key) = request.node_key {
            builder = builder.header("Authorization", format!("NodeKey {key}"));
        }
        if request.gzip {
            builder = builder.header("Content-Encoding", "gzip");
        }
        if let Some(hold) = request.hold {
            builder = builder.header("Prefer", format!("wait={}", hold.as_secs()));
        }
        let builder = builder.config().timeout_global(Some(wait)).build();
        let mut response = builder.send(request.body)?;
        let header = response.headers().get("Retry-After").and_then(|value| value.to_str().ok());
        let seconds = header.and_then(|text| text.trim().parse().ok());
        Ok(Reply {
            status: response.status().as_u16(),
            retry_after: seconds.map(Duration::from_secs),
            body: response.body_mut().with_config().limit(REPLY_BYTES_MAX).read_to_vec()?,
        })
    }
}

impl Transport for HttpTransport {
    /// A request that fails without a time-out is sent once more at once: the server may just
    /// have closed the connection that was kept open. Every request is safe to repeat.
    fn post(&mut self, request: &Request<'_>) -> Result<Reply, TransportError> {
        let reply = match self.try_post(request) {
            Err(ureq::Error::Io(error)) if is_cut(&error) => self.try_post(request),
            other => other,
        };
        reply.map_err(|error| TransportError(error.to_string()))
    }
}

/// Whether a connection broke, as opposed to never having come about.
fn is_cut(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn bad_address(server: &str) -> TransportError {
    TransportError(format!("`{server}` is no server address; write https://HOST[:PORT]"))
}

fn authorities(ca: &Path) -> Result<Vec<Certificate<'static>>, TransportError> {
    let unusable = |reason: String| {
        TransportError(format!("the CA file {} is unusable: {reason}", ca.display()))
    };
    let pem =
        read::own_bytes(ca, ETC_FILE_BYTES_MAX).map_err(|error| unusable(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(unusable(error.to_string())),
        }
    }
    if certificates.is_empty() {
        return Err(unusable("it holds no certificate in PEM form".to_owned()));
    }
    Ok(certificates)
}
