// SPDX-License-Identifier: Apache-2.0
//! `certificates`: the authorities that the system trusts, from the bundles of Red Hat's and
//! Debian's systems, or the certificates in the PEM file that `path` names. Nothing is verified.

use std::io;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use super::x509::Certificate;
use super::{Column, Scan, Table, TableError, integer, pem, read, text, x509_names};
use crate::limits::CERTIFICATES_BYTES_MAX;

/// See the head of this file.
pub struct Certificates;

const COLUMNS: &[Column] = &[
    text("common_name"),
    text("subject"),
    text("subject2"),
    text("issuer"),
    text("issuer2"),
    integer("ca"),
    integer("self_signed"),
    text("not_valid_before"),
    text("not_valid_after"),
    text("signing_algorithm"),
    text("key_algorithm"),
    text("key_strength"),
    text("key_usage"),
    text("subject_key_id").nocase(),
    text("authority_key_id").nocase(),
    text("sha1").nocase(),
    text("path").additional(),
    text("serial").nocase(),
    text("sid").hidden(),
    text("store_location").hidden(),
    text("store").hidden(),
    text("username").hidden(),
    text("store_id").hidden(),
];

const BUNDLES: [&str; 2] =
    ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// What a certificate is called in a PEM file, today and in OpenSSL's older forms.
const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

impl Table for Certificates {
    fn name(&self) -> &'static str {
        "certificates"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let named = scan.equals("path");
        let paths = if named.is_empty() { BUNDLES.to_vec() } else { named };
        for path in paths.into_iter().map(PathBuf::from).filter(|path| path.is_absolute()) {
            let content = match read::text(&scan.host().at(&path), CERTIFICATES_BYTES_MAX) {
                Ok(content) => content,
                // A path that leads to no certificates has no rows; half a bundle would mislead.
                Err(error) if error.kind() != io::ErrorKind::FileTooLarge => continue,
                Err(error) => return Err(scan.unreadable(error)),
            };
            for block in pem::blocks(&content).filter(|block| LABELS.contains(&block.label)) {
                match Certificate::parse(&block.content) {
                    Some((certificate, der)) => push(scan, &certificate, der, &path)?,
                    None => tracing::warn!("{} holds an unreadable certificate", path.display()),
                }
            }
        }
        Ok(())
    }
}

fn push(
    scan: &mut Scan<'_>,
    certificate: &Certificate,
    der: &[u8],
    path: &Path,
) -> Result<(), TableError> {
    let (subject, issuer) = (&certificate.content().subject, &certificate.content().issuer);
    let (not_before, not_after) = certificate.validity();
    let row = scan
        .row()
        .set("common_name", x509_names::common_name(subject))
        .set("subject", x509_names::one_line(subject))
        .set("subject2", x509_names::spaced(subject))
        .set("issuer", x509_names::one_line(issuer))
        .set("issuer2", x509_names::spaced(issuer))
        .set("ca", certificate.is_authority())
        .set("self_signed", certificate.is_self_signed())
        .set("not_valid_before", not_before)
        .set("not_valid_after", not_after)
        .set("signing_algorithm", certificate.signing_algorithm())
        .set("key_algorithm", certificate.key_algorithm())
        .set("key_strength", certificate.key_strength())
        .set("key_usage", certificate.key_usage())
        .set("subject_key_id", certificate.subject_key_id())
        .set("authority_key_id", certificate.authority_key_id())
        .set("sha1", hex::encode(Sha1::digest(der)))
        .set("path", path)
        .set("serial", certificate.serial());
    scan.push(row)
}
