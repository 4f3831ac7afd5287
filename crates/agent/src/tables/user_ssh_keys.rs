// SPDX-License-Identifier: Apache-2.0
//! `user_ssh_keys`: private keys in `~/.ssh`, whether a passphrase protects them, and of what kind
//! they are. The key itself is never shown.
//!
//! Kinds are those that osquery documents: `rsa`, `dsa`, `dh`, `ec`, `hmac`, `cmac` or empty,
//! which Ed25519 keys and protected keys of the older formats have.

use super::der::{self, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use super::{
    Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, glob, homes, integer, pem, text,
};
use crate::limits::USER_FILE_BYTES_MAX;

/// See the head of this file.
pub struct UserSshKeys;

const COLUMNS: &[Column] = &[
    bigint("uid").additional(),
    text("path").index(),
    integer("encrypted"),
    text("key_type"),
    text("key_group_name"),
    integer("key_length"),
    integer("key_security_bits"),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

impl Table for UserSshKeys {
    fn name(&self) -> &'static str {
        "user_ssh_keys"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn is_user_data(&self) -> bool {
        true
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for home in homes::of_scan(scan)? {
            for path in glob::expand_on_host(&home.directory.join(".ssh/%"), scan)? {
                let Some(content) = home.text(scan, &path, USER_FILE_BYTES_MAX) else { continue };
                let Some(key) = private_key(&content) else { continue };
                let row = scan
                    .row()
                    .set("uid", home.uid)
                    .set("path", path.as_path())
                    .set("encrypted", key.is_encrypted)
                    .set("key_type", key.kind.name())
                    .set("key_group_name", key.kind.group())
                    .set("key_length", key.kind.length())
                    .set("key_security_bits", key.kind.security_bits())
                    .set(NAMESPACE_COLUMN, 0);
                scan.push(row)?;
            }
        }
        Ok(())
    }
}

/// A private key in a file.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    is_encrypted: bool,
    kind: Kind,
}

/// What is known of a key without opening it. Lengths are in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Rsa { modulus: usize },
    Dsa { prime: usize, order: usize },
    Ec(Curve),
    Ed25519,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const fn bits(self) -> usize {
        match self {
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    /// By the content of its object identifier.
    fn by_identifier(identifier: &[u8]) -> Option<Self> {
        match identifier {
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => Some(Self::P256),
            [0x2b, 0x81, 4, 0, 0x22] => Some(Self::P384),
            [0x2b, 0x81, 4, 0, 0x23] => Some(Self::P521),
            _ => None,
        }
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Rsa { .. } => "rsa",
            Self::Dsa { .. } => "dsa",
            Self::Ec(_) => "ec",
            Self::Unknown | Self::Ed25519 => "",
        }
    }

    /// OpenSSL's name of the curve.
    const fn group(self) -> &'static str {
        match self {
            Self::Ec(Curve::P256) => "prime256v1",
            Self::Ec(Curve::P384) => "secp384r1",
            Self::Ec(Curve::P521) => "secp521r1",
            _ => "",
        }
    }

    fn length(self) -> Option<usize> {
        match self {
            Self::Unknown => None,
            Self::Rsa { modulus } => Some(modulus),
            Self::Dsa { prime, .. } => Some(prime),
            Self::Ec(curve) => Some(curve.bits()),
            // The order of the group, as OpenSSL counts.
            Self::Ed25519 => Some(253),
        }
    }

    /// Strength against the best known attack, as OpenSSL estimates it.
    fn security_bits(self) -> Option<usize> {
        match self {
            Self::Unknown => None,
            Self::Rsa { modulus } => Some(factoring_bits(modulus)),
            Self::Dsa { prime, order } => Some(factoring_bits(prime).min(order / 2)),
            Self::Ec(Curve::P521) => Some(256),
            Self::Ec(curve) => Some(curve.bits() / 2),
            Self::Ed25519 => Some(128),
        }
    }
}

/// Strength of a modulus of `bits`: the values of SP 800-57 where it names them, else the estimate
/// for the number field sieve in FIPS 140-2's implementation guidance, 7.5, in steps of 8.
fn factoring_bits(bits: usize) -> usize {
    match bits {
        0..8 => return 0,
        2_048 => return 112,
        3_072 => return 128,
        4_096 => return 152,
        6_144 => return 176,
        7_680 => return 192,
        8_192 => return 200,
        15_360 => return 256,
        _ => {}
    }
    let ln2 = std::f64::consts::LN_2;
    #[expect(clippy::cast_precision_loss, reason = "a length in bits is small")]
    let x = bits as f64 * ln2;
    let estimate = (1.923 * x.cbrt() * (x.ln() * x.ln()).cbrt() - 4.69) / ln2;
    let cap = match bits {
        0..=7_680 => 192,
        7_681..=15_360 => 256,
        _ => 1_200,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, clamped")]
    let estimate = estimate.max(0.0) as usize;
    ((estimate + 4) & !7).min(cap)
}

/// The first private key in a file, if there is one.
fn private_key(content: &str) -> Option<Key> {
    pem::blocks(content).find_map(|block| {
        let is_wrapped = block
            .headers
            .iter()
            .any(|header| header.starts_with("Proc-Type:") && header.contains("ENCRYPTED"));
        if is_wrapped && block.label.ends_with("PRIVATE KEY") {
            return Some(Key { is_encrypted: true, kind: Kind::Unknown });
        }
        let plain = |kind: Option<Kind>| kind.map(|kind| Key { is_encrypted: false, kind });
        match block.label {
            "ENCRYPTED PRIVATE KEY" => Some(Key { is_encrypted: true, kind: Kind::Unknown }),
            "OPENSSH PRIVATE KEY" => openssh(&block.content),
            "RSA PRIVATE KEY" => plain(rsa(&block.content)),
            "DSA PRIVATE KEY" => plain(dsa(&block.content)),
            "EC PRIVATE KEY" => plain(ec(&block.content)),
            "PRIVATE KEY" => plain(pkcs8(&block.content)),
            _ => None,
        }
    })
}

/// RFC 8017, A.1.2.
fn rsa(content: &[u8]) -> Option<Kind> {
    let mut key = Elements::new(content).sequence()?;
    key.expect(INTEGER)?;
    Some(Kind::Rsa { modulus: der::bits(key.expect(INTEGER)?) })
}

/// OpenSSL's own form: version, prime, order and more.
fn dsa(content: &[u8]) -> Option<Kind> {
    let mut key = Elements::new(content).sequence()?;
    key.expect(INTEGER)?;
    let (prime, order) = (key.expect(INTEGER)?, key.expect(INTEGER)?);
    Some(Kind::Dsa { prime: der::bits(prime), order: der::bits(order) })
}

/// RFC 5915.
fn ec(content: &[u8]) -> Option<Kind> {
    let mut key = Elements::new(content).sequence()?;
    key.expect(INTEGER)?;
    key.expect(OCTET_STRING)?;
    let identifier = Elements::new(key.expect(0xa0)?).expect(OBJECT_IDENTIFIER)?;
    Curve::by_identifier(identifier).map(Kind::Ec)
}

/// RFC 5208.
fn pkcs8(content: &[u8]) -> Option<Kind> {
    let mut key = Elements::new(content).sequence()?;
    key.expect(INTEGER)?;
    let mut algorithm = key.sequence()?;
    let identifier = algorithm.expect(OBJECT_IDENTIFIER)?;
    let inner = key.expect(OCTET_STRING)?;
    match identifier {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => rsa(inner),
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => {
            let (tag, parameters) = algorithm.next()?;
            let mut parameters = Elements::new(parameters);
            let (prime, order) = (parameters.expect(INTEGER)?, parameters.expect(INTEGER)?);
            let (prime, order) = (der::bits(prime), der::bits(order));
            (tag == SEQUENCE).then_some(Kind::Dsa { prime, order })
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => {
            Curve::by_identifier(algorithm.expect(OBJECT_IDENTIFIER)?).map(Kind::Ec)
        }
        [0x2b, 0x65, 0x70] => Some(Kind::Ed25519),
        _ => Some(Kind::Unknown),
    }
}

/// OpenSSH's own form (its PROTOCOL.key): the public half stands in the clear even when a
/// passphrase protects the private one.
fn openssh(content: &[u8]) -> Option<Key> {
    let mut rest = content.strip_prefix(b"openssh-key-v1\0")?;
    let cipher = string(&mut rest)?;
    let (_function, _parameters) = (string(&mut rest)?, string(&mut rest)?);
    let (_count, after) = rest.split_at_checked(4)?;
    rest = after;
    let mut public = string(&mut rest)?;
    let kind = match string(&mut public)? {
        b"ssh-rsa" => {
            string(&mut public)?;
            Kind::Rsa { modulus: der::bits(string(&mut public)?) }
        }
        b"ssh-dss" => {
            let (prime, order) = (string(&mut public)?, string(&mut public)?);
            Kind::Dsa { prime: der::bits(prime), order: der::bits(order) }
        }
        b"ecdsa-sha2-nistp256" | b"sk-ecdsa-sha2-nistp256@openssh.com" => Kind::Ec(Curve::P256),
        b"ecdsa-sha2-nistp384" => Kind::Ec(Curve::P384),
        b"ecdsa-sha2-nistp521" => Kind::Ec(Curve::P521),
        b"ssh-ed25519" | b"sk-ssh-ed25519@openssh.com" => Kind::Ed25519,
        _ => Kind::Unknown,
    };
    Some(Key { is_encrypted: cipher != b"none", kind })
}

/// Four bytes of length, then so many bytes.
fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_that_of_the_tables() {
        // As OpenSSL 3 says.
        for (bits, expected) in [
            (0, 0),
            (512, 56),
            (768, 72),
            (1_023, 80),
            (1_024, 80),
            (1_536, 96),
            (2_047, 112),
            (2_048, 112),
            (3_000, 128),
            (3_072, 128),
            (4_096, 152),
            (5_000, 160),
            (9_000, 208),
            (15_360, 256),
            (16_384, 272),
        ] {
            assert_eq!(factoring_bits(bits), expected, "{bits}");
        }
    }

    #[test]
    fn what_is_no_key_is_no_row() {
        for content in [
            "",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nAQID\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAQID\n-----END OPENSSH PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----\nMIQ=\n-----END EC PRIVATE KEY-----",
        ] {
            assert_eq!(private_key(content), None, "{content}");
        }
    }

    #[test]
    fn lengths_beyond_the_end_are_no_key() {
        let mut content = b"openssh-key-v1\0".to_vec();
        content.extend([0xff; 64]);
        assert_eq!(openssh(&content), None);
        content.truncate(17);
        assert_eq!(openssh(&content), None);
    }

    #[test]
    fn a_passphrase_hides_the_kind_in_older_formats() {
        let wrapped = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                       DEK-Info: AES-128-CBC,00\n\nAQID\n-----END RSA PRIVATE KEY-----\n";
        let pkcs8 = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n\
                     -----END ENCRYPTED PRIVATE KEY-----\n";
        for content in [wrapped, pkcs8] {
            let key = private_key(content);
            assert_eq!(key, Some(Key { is_encrypted: true, kind: Kind::Unknown }));
        }
    }
}
