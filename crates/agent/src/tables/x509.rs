// SPDX-License-Identifier: Apache-2.0
//! What a certificate says, in OpenSSL's words, as osquery shows it. Nothing is verified here:
//! a certificate may say anything.

use x509_cert::certificate::{CertificateInner, Raw, TbsCertificateInner, Version};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, oid::AssociatedOid};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Time;

use super::der::{self, Elements, INTEGER};

/// A certificate, whatever its issuer thought of the rules for serial numbers.
pub struct Certificate(CertificateInner<Raw>);

/// Identifiers of algorithms and curves with OpenSSL's long names.
const LONG_NAMES: [(&str, &str); 32] = [
    ("1.2.840.10040.4.1", "dsaEncryption"),
    ("1.2.840.10040.4.3", "dsaWithSHA1"),
    ("1.2.840.10045.2.1", "id-ecPublicKey"),
    ("1.2.840.10045.3.1.1", "prime192v1"),
    ("1.2.840.10045.3.1.7", "prime256v1"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "secp224r1"),
    ("1.3.132.0.34", "secp384r1"),
    ("1.3.132.0.35", "secp521r1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("2.16.840.1.101.3.4.3.1", "dsa_with_SHA224"),
    ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256"),
    ("1.2.156.10197.1.501", "SM2-with-SM3"),
];

const RSA: &str = "rsaEncryption";
const DSA: &str = "dsaEncryption";
const ELLIPTIC: &str = "id-ecPublicKey";

/// Uses of a key in osquery's order: by OpenSSL's bits.
const USAGES: [(KeyUsages, &str); 9] = [
    (KeyUsages::EncipherOnly, "Encipher Only"),
    (KeyUsages::CRLSign, "CRL Sign"),
    (KeyUsages::KeyCertSign, "Key Cert Sign"),
    (KeyUsages::KeyAgreement, "Key Agreement"),
    (KeyUsages::DataEncipherment, "Data Encipherment"),
    (KeyUsages::KeyEncipherment, "Key Encipherment"),
    (KeyUsages::NonRepudiation, "Non Repudiation"),
    (KeyUsages::DigitalSignature, "Digital Signature"),
    (KeyUsages::DecipherOnly, "Decipher Only"),
];

impl Certificate {
    /// Reads one certificate, which may be followed by what OpenSSL notes about its trust.
    pub fn parse(content: &[u8]) -> Option<(Self, &[u8])> {
        let (_, body) = Elements::new(content).next()?;
        let header = body.as_ptr().addr() - content.as_ptr().addr();
        let der = &content[..header + body.len()];
        CertificateInner::from_der(der).ok().map(|parsed| (Self(parsed), der))
    }

    /// What the issuer signed.
    pub fn content(&self) -> &TbsCertificateInner<Raw> {
        &self.0.tbs_certificate
    }

    /// An extension, unless it is missing, repeated or broken.
    fn extension<'c, T: Decode<'c> + AssociatedOid>(&'c self) -> Option<T> {
        self.content().get::<T>().ok().flatten().map(|(_, extension)| extension)
    }

    /// Whether it may issue others, by OpenSSL's rules (`X509_check_ca`).
    pub fn is_authority(&self) -> bool {
        let usage = self.extension::<KeyUsage>();
        let signs = usage.as_ref().map(|usage| usage.0.contains(KeyUsages::KeyCertSign));
        if signs == Some(false) {
            return false;
        }
        match self.extension::<BasicConstraints>() {
            Some(constraints) => constraints.ca,
            // Before there were extensions, every root could.
            None => signs == Some(true) || (self.is_first_version() && self.is_self_issued()),
        }
    }

    fn is_first_version(&self) -> bool {
        self.content().version == Version::V1
    }

    fn is_self_issued(&self) -> bool {
        self.content().issuer == self.content().subject
    }

    /// Whether it names itself as its issuer, by OpenSSL's rules (`X509_check_issued`); the
    /// signature is not checked.
    pub fn is_self_signed(&self) -> bool {
        let usage = self.extension::<KeyUsage>();
        let may_sign = usage.is_none_or(|usage| usage.0.contains(KeyUsages::KeyCertSign));
        self.is_self_issued() && may_sign && self.is_own_authority()
    }

    /// Whether what it says of its issuer's key and serial number is true of itself.
    fn is_own_authority(&self) -> bool {
        let Some(authority) = self.extension::<AuthorityKeyIdentifier>() else { return true };
        let own = self.extension::<SubjectKeyIdentifier>();
        let is_key = match (&authority.key_identifier, &own) {
            (Some(named), Some(own)) => *named == own.0,
            _ => true,
        };
        let number = authority.authority_cert_serial_number.as_ref();
        let own_number = self.content().serial_number.as_bytes();
        is_key && number.is_none_or(|number| number.as_bytes() == own_number)
    }

    /// Uses of the key, with commas; empty when it does not say.
    pub fn key_usage(&self) -> String {
        let Some(usage) = self.extension::<KeyUsage>() else { return String::new() };
        let named = USAGES.iter().filter(|(flag, _)| usage.0.contains(*flag));
        named.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Identifier of its own key, hex.
    pub fn subject_key_id(&self) -> String {
        let identifier = self.extension::<SubjectKeyIdentifier>();
        identifier.map(|identifier| hex::encode(identifier.0.as_bytes())).unwrap_or_default()
    }

    /// Identifier of its issuer's key, hex.
    pub fn authority_key_id(&self) -> String {
        let identifier = self.extension::<AuthorityKeyIdentifier>();
        let key = identifier.and_then(|identifier| identifier.key_identifier);
        key.map(|key| hex::encode(key.as_bytes())).unwrap_or_default()
    }

    /// The serial number, hex, as OpenSSL prints a number: in whole bytes, with its sign.
    pub fn serial(&self) -> String {
        signed_hex(self.content().serial_number.as_bytes())
    }

    /// How it was signed; empty for what OpenSSL has no name for either.
    pub fn signing_algorithm(&self) -> &'static str {
        long_name(&self.0.signature_algorithm.oid)
    }

    /// The kind of its key.
    pub fn key_algorithm(&self) -> &'static str {
        long_name(&self.key().algorithm.oid)
    }

    fn key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.content().subject_public_key_info
    }

    /// Bits of the modulus in whole bytes, or the name of the curve.
    pub fn key_strength(&self) -> String {
        let key = self.key().subject_public_key.raw_bytes();
        let parameters = self.key().algorithm.parameters.as_ref();
        match self.key_algorithm() {
            RSA => Elements::new(key).sequence().and_then(|mut key| number_bits(&mut key)),
            DSA => parameters.and_then(|any| number_bits(&mut Elements::new(any.value()))),
            ELLIPTIC => {
                let curve = parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
                return curve.map_or("", |curve| long_name(&curve)).to_owned();
            }
            _ => None,
        }
        .map_or_else(String::new, |bits| bits.to_string())
    }

    /// When it becomes and ceases to be valid, in Unix seconds.
    pub fn validity(&self) -> (u64, u64) {
        let seconds = |time: Time| time.to_unix_duration().as_secs();
        let validity = &self.content().validity;
        (seconds(validity.not_before), seconds(validity.not_after))
    }
}

fn long_name(identifier: &ObjectIdentifier) -> &'static str {
    let dotted = identifier.to_string();
    LONG_NAMES.iter().find(|(known, _)| *known == dotted).map_or("", |(_, name)| name)
}

fn number_bits(elements: &mut Elements<'_>) -> Option<usize> {
    Some(der::bits(elements.expect(INTEGER)?).next_multiple_of(8))
}

/// Hex of a number in two's complement.
fn signed_hex(bytes: &[u8]) -> String {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if is_negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            let (negated, overflow) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (negated, overflow);
        }
    }
    let first = magnitude.iter().position(|byte| *byte != 0).unwrap_or(magnitude.len());
    match &magnitude[first..] {
        [] => "0".to_owned(),
        rest if is_negative => format!("-{}", hex::encode_upper(rest)),
        rest => hex::encode_upper(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_sign() {
        for (bytes, expected) in [
            (&[0][..], "0"),
            (&[1], "01"),
            (&[0, 0x80], "80"),
            (&[0x80], "-80"),
            (&[0xff], "-01"),
            (&[0xff, 0x00], "-0100"),
            (&[0x12, 0x34], "1234"),
        ] {
            assert_eq!(signed_hex(bytes), expected);
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for content in [&[][..], &[0x30], &[0x30, 3, 2, 1, 1], &[0x30, 0x84, 255, 255, 255, 255]] {
            assert!(Certificate::parse(content).is_none());
        }
    }
}
