// SPDX-License-Identifier: Apache-2.0
//! The normal form of a value of each type: what is stored, compared and looked for. Two texts
//! that mean the same indicator have the same normal form.

use std::net::Ipv4Addr;

use mimir_wire::api::indicator::IndicatorType;

use super::{domain, path, url};
use crate::limits::INDICATOR_VALUE_BYTES_MAX;

/// The normal form of a refanged text as a value of this type.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn normalise(kind: IndicatorType, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("There is nothing to look for.".to_owned());
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!(
            "The value has the control character U+{:04X}; remove it.",
            u32::from(c)
        ));
    }
    let value = match kind {
        IndicatorType::FileHashSha256 => digest(text, "SHA-256", 64),
        IndicatorType::FileHashSha1 => digest(text, "SHA-1", 40),
        IndicatorType::FileHashMd5 => digest(text, "MD5", 32),
        IndicatorType::Filename => file_name(text),
        IndicatorType::Filepath => path::normalise(text),
        IndicatorType::RegistryKey => path::normalise_key(text),
        IndicatorType::Ipv4 => ipv4(text),
        IndicatorType::Domain => domain_name(text),
        IndicatorType::Url => url::normalise(text),
    }?;
    if value.len() > INDICATOR_VALUE_BYTES_MAX {
        return Err(format!(
            "The value has {} bytes; at most {INDICATOR_VALUE_BYTES_MAX} are allowed.",
            value.len()
        ));
    }
    Ok(value)
}

/// Names before a digest, as reports write them, and the hex digits each promises; 0 for digests
/// that hosts cannot be searched for.
const DIGEST_NAMES: &[(&str, usize)] = &[
    ("sha256", 64),
    ("sha-256", 64),
    ("sha1", 40),
    ("sha-1", 40),
    ("md5", 32),
    ("sha512", 0),
    ("sha-512", 0),
    ("sha384", 0),
    ("sha224", 0),
    ("imphash", 0),
    ("ssdeep", 0),
    ("tlsh", 0),
    ("authentihash", 0),
    ("pehash", 0),
    ("vhash", 0),
    ("sha3-256", 0),
    ("blake3", 0),
    ("crc32", 0),
    ("ja3", 0),
    ("ja3s", 0),
    ("ja4", 0),
];

/// A digest with its name before it: the digits promised (0 for a digest that cannot be looked
/// for), the name, and the rest.
pub(super) fn named_digest(text: &str) -> Option<(usize, &'static str, &str)> {
    let (name, rest) = text.split_once([':', '='])?;
    let name = name.trim().to_ascii_lowercase();
    let (name, digits) = DIGEST_NAMES.iter().find(|(known, _)| *known == name)?;
    Some((*digits, name, rest.trim()))
}

fn digest(text: &str, name: &str, digits: usize) -> Result<String, String> {
    let bare = match named_digest(text) {
        Some((promised, _, rest)) if promised == digits => rest,
        Some((_, other, _)) => return Err(format!("This is named {other}, not {name}.")),
        None => text,
    };
    let is_hex = bare.bytes().all(|b| b.is_ascii_hexdigit());
    if bare.len() != digits || !is_hex {
        return Err(format!("A {name} digest has {digits} hexadecimal digits."));
    }
    Ok(bare.to_ascii_lowercase())
}

/// Bytes of a file's name that file systems allow.
const FILE_NAME_BYTES_MAX: usize = 255;

fn file_name(text: &str) -> Result<String, String> {
    if text.contains(['/', '\\']) {
        return Err("A file name has no `/` or `\\`; this is a path.".to_owned());
    }
    if text.contains(['*', '?']) {
        return Err("Patterns such as `*` are not looked for; give the whole name.".to_owned());
    }
    if matches!(text, "." | "..") {
        return Err(format!("`{text}` is a directory, not a file name."));
    }
    if text.len() > FILE_NAME_BYTES_MAX {
        return Err(format!("A file name has at most {FILE_NAME_BYTES_MAX} bytes."));
    }
    Ok(text.to_owned())
}

/// Four numbers from 0 to 255 without leading zeros: with them some programs read octal numbers.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn strict_ipv4(text: &str) -> Result<Ipv4Addr, String> {
    // The standard library refuses leading zeros too.
    text.parse().map_err(|_| {
        "An IPv4 address has four numbers from 0 to 255 without leading zeros.".to_owned()
    })
}

fn ipv4(text: &str) -> Result<String, String> {
    let host = url::split(text).map_or(text, |url| url.host);
    if let Some((address, bits)) = host.split_once('/') {
        return match (strict_ipv4(address), bits) {
            (Ok(address), "32") => Ok(address.to_string()),
            (Ok(_), _) => {
                Err("Ranges of addresses are not looked for; give single addresses.".to_owned())
            }
            (Err(error), _) => Err(error),
        };
    }
    strict_ipv4(without_port(host)).map(|address| address.to_string())
}

fn domain_name(text: &str) -> Result<String, String> {
    let host = url::split(text).map_or(text, |url| url.host);
    if host.contains('@') {
        return Err("E-mail addresses are not looked for; give the domain alone.".to_owned());
    }
    let name = domain::normalise(without_port(host))?;
    if !name.contains('.') && !domain::has_known_suffix(&name) {
        return Err("A domain name has at least two labels, such as `evil.example`.".to_owned());
    }
    Ok(name)
}

/// Without a port at the end.
pub(super) fn without_port(text: &str) -> &str {
    match text.split_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => text,
    }
}
