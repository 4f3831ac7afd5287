// SPDX-License-Identifier: Apache-2.0
//! From an address to a connection: the address's options, encryption, time limits. Encryption is
//! all or nothing: with `sslrootcert=FILE` the server must prove its name with a certificate of
//! that authority; encryption without such proof is not offered.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::{Config, SslMode};
use postgres::{Client, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::from_connect;
use crate::db::DbError;

/// How long one attempt to connect to one address may take, unless the address says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is probed after this time, this often, this many times.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
/// What was sent must be acknowledged within this time, or the connection counts as broken.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// How to reach a server.
#[derive(Clone)]
pub(super) struct Target {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, DbError> {
        let (url, options) = take_tls_options(url)?;
        let mut config = Config::from_str(&url).map_err(|error| {
            let source = std::error::Error::source(&error);
            let source = source.map_or(String::new(), |source| format!(": {source}"));
            DbError::Address(format!("{error}{source}"))
        })?;
        let tls = match (options.mode.as_deref(), options.root) {
            (Some("disable"), _) | (None | Some("prefer" | "allow"), None) => None,
            (_, Some(root)) => Some(tls(&root)?),
            (Some(mode), None) => {
                return Err(DbError::Address(format!(
                    "sslmode={mode} needs sslrootcert=FILE, the certificate of the authority that \
                     the server's certificate is checked with (PEM; the system's own list often is \
                     /etc/ssl/certs/ca-certificates.crt)"
                )));
            }
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        config
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .notice_callback(|notice| tracing::debug!(message = notice.message(), "PostgreSQL"));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("mimir");
        }
        Ok(Self { config, tls })
    }

    pub(super) fn connect(&self) -> Result<Client, DbError> {
        let client = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        client.map_err(|error| from_connect(&error))
    }
}

/// The options of an address that the driver does not know.
#[derive(Default)]
struct TlsOptions {
    mode: Option<String>,
    root: Option<PathBuf>,
}

fn take_tls_options(url: &str) -> Result<(String, TlsOptions), DbError> {
    let mut taken = TlsOptions::default();
    let Some((place, options)) = url.split_once('?') else {
        return Ok((url.to_owned(), taken));
    };
    let mut left = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", mode)) => {
                let known = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
                if !known.contains(&mode) {
                    let text = format!("sslmode={mode}: write one of {}", known.join(", "));
                    return Err(DbError::Address(text));
                }
                taken.mode = Some(mode.to_owned());
            }
            Some(("sslrootcert", path)) => taken.root = Some(percent_decoded(path)?.into()),
            _ => left.push(option),
        }
    }
    let mark = if left.is_empty() { "" } else { "?" };
    Ok((format!("{place}{mark}{}", left.join("&")), taken))
}

fn percent_decoded(text: &str) -> Result<String, DbError> {
    let wrong = || DbError::Address(format!("sslrootcert={text} is not a percent-encoded path"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digits = rest.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(byte.ok_or_else(wrong)?);
            rest = &rest[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn tls(root: &Path) -> Result<MakeRustlsConnect, DbError> {
    let unusable = |reason: &dyn std::fmt::Display| {
        DbError::Address(format!("sslrootcert {}: {reason}", root.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"holds no PEM certificate"));
    }
    // The provider is named, because several libraries of the program could bring one.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Target::parse(url).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn takes_its_own_options_and_leaves_the_others() {
        let (url, options) =
            take_tls_options("postgres://h/d?sslmode=require&a=b&sslrootcert=%2Fx%20y.pem")
                .unwrap();
        assert_eq!(url, "postgres://h/d?a=b");
        assert_eq!(options.mode.as_deref(), Some("require"));
        assert_eq!(options.root, Some(PathBuf::from("/x y.pem")));
        assert_eq!(take_tls_options("postgres://h/d?sslmode=disable").unwrap().0, "postgres://h/d");
    }

    #[test]
    fn never_encrypts_without_checking_the_server() {
        assert!(Target::parse("postgres://h/d").is_ok_and(|target| target.tls.is_none()));
        assert!(refusal("postgres://h/d?sslmode=require").contains("sslrootcert"));
        assert!(refusal("postgres://h/d?sslmode=verify-full").contains("sslrootcert"));
        assert!(refusal("postgres://h/d?sslmode=sometimes").contains("prefer"));
        assert!(refusal("postgres://h/d?sslrootcert=/does/not/exist").contains("/does/not/exist"));
        assert!(refusal("postgres://h/d?sslrootcert=%zz").contains("percent"));
    }

    #[test]
    fn refuses_options_that_nobody_knows() {
        assert!(refusal("postgres://h/d?colour=blue").contains("colour"));
    }

    #[test]
    fn a_refused_address_does_not_show_its_password() {
        for url in ["postgres://u:s3c@h:x/d", "postgres://u:s3c@h/d?x=y"] {
            let text = refusal(url);
            assert!(!text.is_empty() && !text.contains("s3c"), "{url}: {text}");
        }
    }
}
