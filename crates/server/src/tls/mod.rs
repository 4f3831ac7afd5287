// SPDX-License-Identifier: Apache-2.0
//! TLS of the service: one crypto provider, one way to build the server's configuration, and the
//! certificate that a first start makes.
//!
//! Deliberately absent: client certificates (agents authenticate by node key), reloading (a
//! restart takes a second and loses nothing), and any rule about names: the caller says which
//! names the certificate must cover.

mod files;
mod inspect;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub use files::{CA_FILE, CERT_FILE, TlsFiles, ensure_files};
pub use inspect::{CertificateInfo, EXPIRY_WARNING_DAYS, inspect};

/// Why TLS could not be set up. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried, as in "cannot read".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file's content is not what its place asks for.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A name that a certificate cannot cover.
    #[error(
        "`{0}` is neither a DNS name nor an IP address; give plain names such as \
         mimir.example.org, without scheme, port or wildcard"
    )]
    Name(String),
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// Installs aws-lc-rs as the process's only crypto provider; calling it again does nothing.
///
/// Every program that builds a TLS configuration calls this first: without an installed provider
/// rustls panics as soon as two providers are in the dependency graph.
pub fn install_provider() {
    // An error means that a provider is installed already, which is what was asked for.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The server's TLS configuration from a PEM certificate chain and its PEM private key.
///
/// TLS 1.2 and 1.3 with forward secrecy only (rustls has nothing else), HTTP/1.1 only, no client
/// certificates.
///
/// Sessions are never resumed. Stock osquery opens a fresh TLS context for each request and so
/// never presents a ticket, yet each ticket costs key derivations, a cache entry under a lock and
/// bytes in the one handshake that dominates the cost of a poll. The console and `mimir-agent`
/// keep their connections alive, and in TLS 1.3 resumption without early data saves no round
/// trip, so nobody misses it.
///
/// # Errors
/// When a file cannot be read, holds no certificate or key, or when the two do not match.
pub fn server_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    install_provider();
    let chain = read_chain(cert)?;
    let private_key = read_key(key)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .map_err(|error| TlsError::Content {
            path: cert.to_owned(),
            reason: format!(
                "the certificate cannot be used with the key {}: {error}. Give the certificate \
                 (with its chain, leaf first) and the private key that belongs to it.",
                key.display()
            ),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// The name this machine calls itself, if it is one that a certificate can cover.
pub fn machine_hostname() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let name = name.trim().to_ascii_lowercase();
    rustls::pki_types::DnsName::try_from(name.as_str()).is_ok().then_some(name)
}

/// The certificates of a PEM file, in order; at least one.
fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| TlsError::Content {
        path: path.to_owned(),
        reason: format!("not a PEM file of certificates: {error}."),
    })?;
    if chain.is_empty() {
        return Err(TlsError::Content {
            path: path.to_owned(),
            reason: "holds no certificate; give a PEM file with `BEGIN CERTIFICATE`.".to_owned(),
        });
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::Content {
        path: path.to_owned(),
        // The parser's own words are left out: nothing of a key file belongs into a log.
        reason: "holds no private key that can be read; give a PEM file with an unencrypted \
                 `BEGIN PRIVATE KEY`."
            .to_owned(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File {
        action: "cannot read",
        path: path.to_owned(),
        source,
    })
}
