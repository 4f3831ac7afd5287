// SPDX-License-Identifier: Apache-2.0
//! What `mimir doctor` and the start-up log say about a certificate: how long it lasts and which
//! names it covers. It judges nothing else; whether agents trust it is decided on the agents.

use std::path::Path;

use mimir_wire::Timestamp;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;
use x509_cert::der::Decode;

use super::{TlsError, read_chain};

/// Days before its end from which a certificate is worth a warning.
pub const EXPIRY_WARNING_DAYS: i64 = 30;

const SECONDS_PER_DAY: i64 = 86_400;

/// The leaf certificate of a PEM file.
#[derive(Debug, Clone)]
pub struct CertificateInfo {
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    der: rustls::pki_types::CertificateDer<'static>,
}

/// Reads the first certificate of a PEM file.
///
/// # Errors
/// When the file cannot be read or its first certificate is broken.
pub fn inspect(path: &Path) -> Result<CertificateInfo, TlsError> {
    let leaf = read_chain(path)?.swap_remove(0);
    let broken = |error: &dyn std::fmt::Display| TlsError::Content {
        path: path.to_owned(),
        reason: format!("the first certificate is broken: {error}."),
    };
    let parsed = x509_cert::Certificate::from_der(&leaf).map_err(|error| broken(&error))?;
    ParsedCertificate::try_from(&leaf).map_err(|error| broken(&error))?;
    let validity = parsed.tbs_certificate.validity;
    let time = |time: x509_cert::time::Time| {
        Timestamp::from_secs(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
    };
    Ok(CertificateInfo {
        not_before: time(validity.not_before),
        not_after: time(validity.not_after),
        der: leaf,
    })
}

impl CertificateInfo {
    /// Whole days of validity left at `now`; negative once it has ended.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        let micros = self.not_after.micros_since(now);
        micros.div_euclid(SECONDS_PER_DAY * mimir_wire::time::MICROS_PER_SECOND)
    }

    /// A sentence for the operator when the certificate is not valid yet, has ended, or will end
    /// soon; `None` when all is well.
    pub fn warning(&self, now: Timestamp) -> Option<String> {
        if now < self.not_before {
            return Some(format!(
                "The TLS certificate is not valid before {}; check this machine's clock.",
                self.not_before
            ));
        }
        let days = self.days_left(now);
        let remedy = "put a new one in its place and restart the server";
        if now > self.not_after {
            Some(format!(
                "The TLS certificate ended on {} and agents refuse it; {remedy}.",
                self.not_after
            ))
        } else if days < EXPIRY_WARNING_DAYS {
            Some(format!(
                "The TLS certificate ends in {days} days, on {}; {remedy}.",
                self.not_after
            ))
        } else {
            None
        }
    }

    /// The names among `names` (DNS names or IP addresses) that the certificate does not cover.
    pub fn names_not_covered<'n>(&self, names: &'n [String]) -> Vec<&'n str> {
        let Ok(parsed) = ParsedCertificate::try_from(&self.der) else {
            return names.iter().map(String::as_str).collect();
        };
        let covers = |name: &str| {
            ServerName::try_from(name)
                .is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
        };
        names.iter().map(String::as_str).filter(|name| !covers(name)).collect()
    }
}
