// SPDX-License-Identifier: Apache-2.0
//! The certificate files of a data directory. A first start makes a small certificate authority
//! and a server certificate signed by it; later starts find them.
//!
//! Agents trust `ca.pem`, so the authority's key is kept (`ca.key`, 0600, beside the server's own
//! key): an operator who removes `server.pem` and `server.key` gets a new server certificate at
//! the next start, with other names or a new lease of life, and no agent needs to be touched.
//!
//! Nothing is ever overwritten. Each file appears whole or not at all (written aside, synced,
//! then linked into place), keys appear before the certificates made from them, and a start that
//! was cut off at any point is finished by the next one.

use std::io::{ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mimir_wire::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::{TlsError, read, read_chain, read_key};

/// The authority's certificate: what agents and clients trust.
pub const CA_FILE: &str = "ca.pem";
/// The authority's private key (0600).
const CA_KEY_FILE: &str = "ca.key";
/// The server's certificate.
pub const CERT_FILE: &str = "server.pem";
/// The server's private key (0600).
const KEY_FILE: &str = "server.key";

/// Years the authority's certificate lasts.
const CA_YEARS: u64 = 10;
/// Years a server certificate lasts; osquery sets no shorter bound on certificates it is given.
const CERT_YEARS: u64 = 5;
/// Certificates begin this long in the past, for agents whose clocks are behind.
const BACKDATED: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Names every certificate we make covers, besides the caller's.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The files that a server with its own certificate uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// What agents must trust.
    pub ca: PathBuf,
    /// The server's certificate.
    pub cert: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
    /// Whether this call made the server's certificate.
    pub created: bool,
}

/// Finds or makes the certificate files in `dir`, which must exist. `names` are DNS names and IP
/// addresses the certificate covers besides `localhost`; they matter only when it is made.
///
/// # Errors
/// When a file cannot be read or written, when a name is not one, or when the files that are
/// there do not belong together; the message says which to restore or remove.
pub fn ensure_files(dir: &Path, names: &[String], now: Timestamp) -> Result<TlsFiles, TlsError> {
    let at = |name: &str| dir.join(name);
    let (cert, key) = (at(CERT_FILE), at(KEY_FILE));
    let mut files = TlsFiles { ca: at(CA_FILE), cert, key, created: false };
    match (files.cert.exists(), files.key.exists()) {
        (true, true) => return Ok(files),
        (true, false) => {
            return Err(TlsError::Content {
                path: files.cert,
                reason: format!(
                    "its key {KEY_FILE} is missing. Put the key back, or remove {CERT_FILE} so \
                     that the next start makes both anew."
                ),
            });
        }
        (false, _) => {}
    }
    let ca_key = ensure_ca(dir, now)?;
    let server_key = ensure_key(&files.key)?;
    let issuer = Issuer::new(ca_params(&ca_key, now), ca_key);
    let leaf = leaf_params(names, now)?.signed_by(&server_key, &issuer)?;
    check_signed_by(leaf.der(), &files.ca, now)?;
    write_new(&files.cert, leaf.pem().as_bytes(), false)?;
    files.created = true;
    Ok(files)
}

/// Finds or makes the authority and answers its key.
fn ensure_ca(dir: &Path, now: Timestamp) -> Result<KeyPair, TlsError> {
    let (ca, key) = (dir.join(CA_FILE), dir.join(CA_KEY_FILE));
    if ca.exists() && !key.exists() {
        return Err(TlsError::Content {
            path: ca,
            reason: format!(
                "{CERT_FILE} must be made, but the authority's key {CA_KEY_FILE} is missing. Put \
                 {CA_KEY_FILE} back, or give a certificate of your own (tls_cert, tls_key), or \
                 remove {CA_FILE} to start a new authority, which every agent must then be given."
            ),
        });
    }
    let key_pair = ensure_key(&key)?;
    if !ca.exists() {
        let pem = ca_params(&key_pair, now).self_signed(&key_pair)?.pem();
        write_new(&ca, pem.as_bytes(), false)?;
    }
    Ok(key_pair)
}

/// Finds or makes a private key file.
fn ensure_key(path: &Path) -> Result<KeyPair, TlsError> {
    if !path.exists() {
        let key_pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        write_new(path, key_pair.serialize_pem().as_bytes(), true)?;
    }
    // Read back even when just written: another process may have been faster.
    read_key(path)?;
    let pem = String::from_utf8_lossy(&read(path)?).into_owned();
    KeyPair::from_pem(&pem).map_err(|_| TlsError::Content {
        path: path.to_owned(),
        reason: "holds a private key of a kind that cannot sign; remove it so that the next start \
                 makes another, or give a certificate of your own (tls_cert, tls_key)."
            .to_owned(),
    })
}

/// The authority's certificate. All of it but the dates follows from its key, so that a later
/// start can sign with it without reading it back.
fn ca_params(key: &KeyPair, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    let id = params.key_identifier(key);
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Mimir");
    name.push(DnType::CommonName, format!("Mimir CA {}", hex::encode(&id[..4])));
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now, CA_YEARS);
    params
}

fn leaf_params(names: &[String], now: Timestamp) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::OrganizationName, "Mimir");
    distinguished.push(DnType::CommonName, "Mimir server");
    params.distinguished_name = distinguished;
    let mut all: Vec<&str> = LOCAL_NAMES.to_vec();
    for name in names.iter().map(String::as_str) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    params.subject_alt_names = all.into_iter().map(san).collect::<Result<_, _>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, now, CERT_YEARS);
    Ok(params)
}

fn san(name: &str) -> Result<SanType, TlsError> {
    match ServerName::try_from(name) {
        Ok(ServerName::IpAddress(address)) => Ok(SanType::IpAddress(IpAddr::from(address))),
        Ok(ServerName::DnsName(_)) => Ok(SanType::DnsName(name.try_into()?)),
        _ => Err(TlsError::Name(name.to_owned())),
    }
}

fn set_validity(params: &mut CertificateParams, now: Timestamp, years: u64) {
    let micros = u64::try_from(now.micros()).unwrap_or(0);
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
    let years = u32::try_from(years).expect("a certificate lasts a few years");
    params.not_before = now.checked_sub(BACKDATED).unwrap_or(SystemTime::UNIX_EPOCH).into();
    params.not_after = (now + YEAR * years).into();
}

/// Refuses a certificate that agents with this `ca.pem` would refuse, before it is written: it
/// happens when `ca.pem` and `ca.key` come from different places, or when `ca.pem` has ended.
fn check_signed_by(leaf: &CertificateDer<'_>, ca: &Path, now: Timestamp) -> Result<(), TlsError> {
    super::install_provider();
    let refuse = |error: rustls::Error| TlsError::Content {
        path: ca.to_owned(),
        reason: format!(
            "agents that trust it would refuse a certificate signed with {CA_KEY_FILE}: {error}. \
             Put back the {CA_FILE} that belongs to {CA_KEY_FILE}, or remove both to start a new \
             authority, which every agent must then be given."
        ),
    };
    let mut roots = rustls::RootCertStore::empty();
    for root in read_chain(ca)? {
        roots.add(root).map_err(refuse)?;
    }
    let seconds = u64::try_from(now.micros() / mimir_wire::time::MICROS_PER_SECOND).unwrap_or(0);
    let parsed = ParsedCertificate::try_from(leaf).map_err(refuse)?;
    let algorithms =
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    rustls::client::verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &roots,
        &[],
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        algorithms.all,
    )
    .map_err(refuse)
}

/// Writes a file that must not exist yet, whole or not at all. If another process made it in the
/// meantime, theirs stays.
fn write_new(path: &Path, content: &[u8], secret: bool) -> Result<(), TlsError> {
    let failed = |source| TlsError::File { action: "cannot write", path: path.to_owned(), source };
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.new", std::process::id()));
    let aside = PathBuf::from(aside);
    // Left by a process of the same number that was cut off here.
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    let written = options.open(&aside).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    // A link, unlike a rename, fails when the target exists.
    let linked = written.and_then(|()| match std::fs::hard_link(&aside, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let removed = std::fs::remove_file(&aside);
    linked.and(removed).map_err(failed)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{inspect, server_config};

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_first_start_makes_files_and_a_later_one_keeps_them() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure_files(dir.path(), &names(&["mimir.example", "10.1.2.3"]), NOW).unwrap();
        assert!(files.created);
        assert_eq!(mode(&files.key), 0o600);
        assert_eq!(mode(&dir.path().join("ca.key")), 0o600);
        server_config(&files.cert, &files.key).unwrap();
        let info = inspect(&files.cert).unwrap();
        let asked = names(&["localhost", "127.0.0.1", "::1", "mimir.example", "10.1.2.3"]);
        assert_eq!(info.names_not_covered(&asked), Vec::<&str>::new());
        assert_eq!(info.names_not_covered(&names(&["other.example"])), ["other.example"]);
        let before = std::fs::read(&files.cert).unwrap();
        let again = ensure_files(dir.path(), &names(&["new.example"]), NOW).unwrap();
        assert!(!again.created);
        assert_eq!(std::fs::read(&files.cert).unwrap(), before);
        let listed = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(listed, 4, "nothing written aside may be left");
    }

    #[test]
    fn a_new_server_certificate_is_trusted_through_the_old_authority() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure_files(dir.path(), &[], NOW).unwrap();
        let ca = std::fs::read(&files.ca).unwrap();
        std::fs::remove_file(&files.cert).unwrap();
        std::fs::remove_file(&files.key).unwrap();
        let later = NOW.plus_secs(86_400 * 365 * 4);
        let again = ensure_files(dir.path(), &names(&["new.example"]), later).unwrap();
        assert!(again.created);
        assert_eq!(std::fs::read(&files.ca).unwrap(), ca);
        let leaf = read_chain(&again.cert).unwrap();
        check_signed_by(&leaf[0], &files.ca, later).unwrap();
        assert_eq!(
            inspect(&again.cert).unwrap().names_not_covered(&names(&["new.example"])),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn a_start_cut_off_anywhere_is_finished_by_the_next() {
        // The order in which files appear; each prefix is a state a crash can leave.
        let order = ["ca.key", "ca.pem", "server.key", "server.pem"];
        let whole = tempfile::tempdir().unwrap();
        ensure_files(whole.path(), &[], NOW).unwrap();
        for present in 0..order.len() {
            let dir = tempfile::tempdir().unwrap();
            for name in &order[..present] {
                std::fs::copy(whole.path().join(name), dir.path().join(name)).unwrap();
            }
            let files = ensure_files(dir.path(), &[], NOW).unwrap();
            server_config(&files.cert, &files.key).unwrap();
            for name in &order[..present] {
                let kept = std::fs::read(dir.path().join(name)).unwrap();
                assert_eq!(kept, std::fs::read(whole.path().join(name)).unwrap());
            }
        }
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused_with_a_remedy() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = ensure_files(one.path(), &[], NOW).unwrap();
        let other = ensure_files(two.path(), &[], NOW).unwrap();
        let error = server_config(&files.cert, &other.key).unwrap_err().to_string();
        assert!(error.contains("private key that belongs to it"), "{error}");
        std::fs::copy(two.path().join("ca.pem"), &files.ca).unwrap();
        std::fs::remove_file(&files.cert).unwrap();
        let error = ensure_files(one.path(), &[], NOW).unwrap_err().to_string();
        assert!(error.contains("remove both to start a new authority"), "{error}");
        assert!(!files.cert.exists());
        std::fs::remove_file(one.path().join("ca.key")).unwrap();
        let error = ensure_files(one.path(), &[], NOW).unwrap_err().to_string();
        assert!(error.contains("ca.key is missing"), "{error}");
        std::fs::remove_file(&other.key).unwrap();
        let error = ensure_files(two.path(), &[], NOW).unwrap_err().to_string();
        assert!(error.contains("server.key is missing"), "{error}");
    }

    #[test]
    fn broken_files_are_refused_without_showing_them() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure_files(dir.path(), &[], NOW).unwrap();
        std::fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n").unwrap();
        let error = format!("{:?}", server_config(&files.cert, &files.key).unwrap_err());
        assert!(error.contains("holds no private key") && !error.contains("c2VjcmV0"), "{error}");
        std::fs::write(&files.cert, "").unwrap();
        let error = server_config(&files.cert, &files.key).unwrap_err().to_string();
        assert!(error.contains("holds no certificate"), "{error}");
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["bücher.example", "https://mimir.example", "a b", "", "*.example"] {
            let error = ensure_files(dir.path(), &names(&[name]), NOW).unwrap_err();
            assert!(matches!(error, TlsError::Name(refused) if refused == name));
        }
        assert!(!dir.path().join("server.pem").exists());
    }

    #[test]
    fn the_end_of_a_certificate_is_foretold() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure_files(dir.path(), &[], NOW).unwrap();
        let info = inspect(&files.cert).unwrap();
        assert_eq!(info.days_left(NOW), 5 * 365);
        assert_eq!(info.warning(NOW), None);
        let near = NOW.plus_secs(86_400 * (5 * 365 - 29));
        assert!(info.warning(near).unwrap().contains("ends in 29 days"));
        assert!(info.warning(near.plus_secs(86_400 * 30)).unwrap().contains("ended on"));
        assert!(info.warning(NOW.plus_secs(-86_400 * 2)).unwrap().contains("clock"));
        assert_eq!(inspect(&files.ca).unwrap().days_left(NOW), 3650);
    }
}
