// SPDX-License-Identifier: Apache-2.0
//! Setting a client up: which server, which key, which certificates, how patient.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

use crate::error::ClientError;
use crate::sse::RetryPolicy;
use crate::transport::Client;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may be silent, before its answer and within it.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an unused connection is kept for the next call; below what servers close theirs after.
const IDLE_CONNECTION_AGE: Duration = Duration::from_secs(4);
/// Where systems keep the certificate authorities they trust, as one PEM file.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Builds a [`Client`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    server: String,
    api_key: Option<String>,
    ca_pem: Option<Vec<u8>>,
    silence: Duration,
    retries: RetryPolicy,
}

impl ClientBuilder {
    pub(crate) fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            api_key: None,
            ca_pem: None,
            silence: SILENCE_TIMEOUT,
            retries: RetryPolicy::default(),
        }
    }

    /// The API key that speaks; without one only public routes and a later sign-in work.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The certificate authority to trust, as PEM, instead of the system's.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }

    /// How long the server may be silent before a call fails (60 s unless told otherwise).
    pub fn silence_timeout(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// How event streams come back after a dropped connection.
    pub fn event_retries(mut self, retries: RetryPolicy) -> Self {
        self.retries = retries;
        self
    }

    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for an address that is none, for plain HTTP to another machine, for
    /// a key that cannot stand in a header, and for a certificate that cannot be read.
    pub fn build(self) -> Result<Client, ClientError> {
        let server = Server::parse(&self.server)?;
        if let Some(key) = &self.api_key
            && (key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()))
        {
            return Err(ClientError::Setup(
                "the API key is empty or holds characters that no key has; copy it again".into(),
            ));
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(self.silence))
            .timeout_per_read(Some(self.silence))
            .timeout_per_write(Some(self.silence))
            .max_idle_age(IDLE_CONNECTION_AGE)
            .user_agent(concat!("mimir-client/", env!("CARGO_PKG_VERSION")));
        if server.loopback {
            config = config.proxy(None);
        }
        if server.tls {
            config = config.tls_config(tls(self.ca_pem.as_deref())?);
        }
        Ok(Client::new(config.build().new_agent(), server.origin, self.api_key, self.retries))
    }
}

/// A server's address, taken apart.
struct Server {
    /// `https://name:port`, without a slash at the end.
    origin: String,
    tls: bool,
    loopback: bool,
}

impl Server {
    fn parse(text: &str) -> Result<Self, ClientError> {
        let bad = |why: &str| {
            ClientError::Setup(format!(
                "`{text}` is no server address ({why}); write it like https://mimir.example:8443"
            ))
        };
        let trimmed = text.trim();
        let full =
            if trimmed.contains("://") { trimmed.into() } else { format!("https://{trimmed}") };
        let uri: Uri = full.parse().map_err(|_| bad("not a URL"))?;
        let authority = uri.authority().ok_or_else(|| bad("no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("a user name does not belong here"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("it must end after the port"));
        }
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(bad("neither https nor http")),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let loopback = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !tls && !loopback {
            return Err(ClientError::Setup(format!(
                "`{text}` would send the key unencrypted; use https, plain http is for this \
                 machine alone"
            )));
        }
        let scheme = if tls { "https" } else { "http" };
        Ok(Self { origin: format!("{scheme}://{authority}"), tls, loopback })
    }
}

fn tls(ca_pem: Option<&[u8]>) -> Result<TlsConfig, ClientError> {
    let roots = match ca_pem {
        Some(pem) => certificates(pem).map_err(|why| {
            ClientError::Setup(format!("the CA certificate cannot be used: {why}"))
        })?,
        None => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in ureq::tls::parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(format!("not PEM ({error})")),
        }
    }
    if found.is_empty() { Err("it holds no PEM certificate".into()) } else { Ok(found) }
}

fn system_roots() -> Result<Vec<Certificate<'static>>, ClientError> {
    let named = std::env::var_os("SSL_CERT_FILE");
    let candidates =
        named.iter().map(Path::new).chain(SYSTEM_BUNDLES.iter().map(|path| Path::new(*path)));
    for path in candidates {
        if let Ok(pem) = std::fs::read(path)
            && let Ok(roots) = certificates(&pem)
        {
            return Ok(roots);
        }
    }
    Err(ClientError::Setup(
        "this system has no bundle of certificate authorities; name the server's CA certificate"
            .into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(server: &str) -> String {
        Client::builder(server).build().expect_err("should be refused").to_string()
    }

    #[test]
    fn addresses_are_normalised() {
        for (text, origin) in [
            ("https://mimir.example:8443/", "https://mimir.example:8443"),
            (" mimir.example ", "https://mimir.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(Server::parse(text).unwrap().origin, origin);
        }
    }

    #[test]
    fn plain_http_to_another_machine_is_refused() {
        assert!(refusal("http://10.0.0.1").contains("unencrypted"));
        assert!(refusal("http://127.0.0.1.evil.example").contains("unencrypted"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "ftp://x", "https://a@b", "https://x/api", "https://x?y=1", "https://"] {
            assert!(refusal(text).contains("https://mimir.example:8443"), "{text}");
        }
    }

    #[test]
    fn keys_and_certificates_are_looked_at_before_anything_is_sent() {
        let key = Client::builder("http://127.0.0.1").api_key("a\r\nX: y").build();
        assert!(key.err().unwrap().to_string().contains("API key"));
        let ca = Client::builder("https://x").ca_pem("not pem").build();
        assert!(ca.err().unwrap().to_string().contains("no PEM certificate"));
    }
}
