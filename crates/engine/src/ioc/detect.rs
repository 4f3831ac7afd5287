// SPDX-License-Identifier: Apache-2.0
//! What a text that somebody typed or pasted means: the type, the normal form, what speaks
//! against it and what else it could be. The first type that fits in a fixed order is taken.

use mimir_wire::api::indicator::{Detected, IndicatorType as Type};

pub use super::defang::defang;
use super::refang::{Refanged, refang};
use super::{domain, path, url, value, warnings};
use crate::limits::INDICATOR_TEXT_BYTES_MAX;

/// Endings that are both suffixes of domains and of names of files, where a name of two labels is
/// more likely a file.
const FILE_SUFFIXES: &[&str] = &["cab", "md", "mov", "py", "sh", "so", "zip"];
/// Endings of names of files that are suffixes of domains too, where a name is more likely a
/// domain.
const ALSO_FILE_SUFFIXES: &[&str] =
    &["ai", "app", "bat", "bin", "cat", "cc", "com", "pl", "pm", "ps", "rs", "run"];
/// Words from which a text without a dot is a sentence rather than the name of a file.
const SENTENCE_WORDS: usize = 4;

/// Takes a text for what it most likely is, or for the type that is wanted. Never fails: what is
/// wrong is said in `reason`. `existing_id` is left to those who know what is stored.
pub fn detect(text: &str, wanted: Option<Type>) -> Detected {
    if text.len() > INDICATOR_TEXT_BYTES_MAX {
        return nothing(
            format!(
                "The text has {} bytes; an indicator has at most {INDICATOR_TEXT_BYTES_MAX}.",
                text.len()
            ),
            Vec::new(),
        );
    }
    let refanged = refang(text);
    let alternatives = || others(&refanged, None);
    let kind = match wanted.map_or_else(|| guess(&refanged), Ok) {
        Ok(kind) => kind,
        Err(reason) => return nothing(reason, alternatives()),
    };
    match value::normalise(kind, &refanged.text).and_then(|value| settled(kind, value)) {
        Ok(value) => Detected {
            kind: Some(kind),
            defanged: defang(kind, &value),
            huntable: kind != Type::Url,
            warnings: warnings::of(kind, &value),
            reason: None,
            alternatives: others(&refanged, Some(kind)),
            existing_id: None,
            value,
        },
        Err(reason) => nothing(reason, alternatives()),
    }
}

/// A value that is read as itself, plain and as it is shown. Odd ones, such as a URL with brackets
/// around its dots twice, would be another indicator the next time.
fn settled(kind: Type, value: String) -> Result<String, String> {
    let again = |text: &str| value::normalise(kind, &refang(text).text).ok();
    let is_settled = again(&value).as_ref() == Some(&value)
        && again(&defang(kind, &value)).as_ref() == Some(&value);
    if is_settled {
        Ok(value)
    } else {
        Err("The value can be read in more than one way; write it plainly.".to_owned())
    }
}

fn nothing(reason: String, alternatives: Vec<Type>) -> Detected {
    Detected {
        kind: None,
        value: String::new(),
        defanged: String::new(),
        huntable: false,
        warnings: Vec::new(),
        reason: Some(reason),
        alternatives,
        existing_id: None,
    }
}

/// Other types the text could be read as: those whose normal form it has, likely ones first.
fn others(refanged: &Refanged, taken: Option<Type>) -> Vec<Type> {
    let text = refanged.text.as_str();
    let fits = |kind: &Type| {
        let is_plausible = match kind {
            // Nearly everything could be the name of a file.
            Type::Filename => {
                taken != Some(Type::Ipv4)
                    && !text.contains([':', '@'])
                    && taken.is_none_or(|kind| kind != Type::Domain || is_file_like(text))
            }
            Type::Domain => {
                text.contains('.') && {
                    let host = url::split(text).map_or(text, |url| url.host);
                    domain::normalise(value::without_port(host))
                        .is_ok_and(|name| domain::has_known_suffix(&name))
                }
            }
            Type::Url => false,
            _ => true,
        };
        Some(*kind) != taken && is_plausible && value::normalise(*kind, text).is_ok()
    };
    Type::ALL.iter().copied().filter(|kind| fits(kind)).collect()
}

/// Whether the name ends like that of a file.
fn is_file_like(text: &str) -> bool {
    let Some((_, suffix)) = text.rsplit_once('.') else { return false };
    let suffix = suffix.to_ascii_lowercase();
    FILE_SUFFIXES.contains(&suffix.as_str()) || ALSO_FILE_SUFFIXES.contains(&suffix.as_str())
}

/// The type a text has by its looks.
fn guess(refanged: &Refanged) -> Result<Type, String> {
    let text = refanged.text.as_str();
    if text.is_empty() {
        return Err("There is nothing to look for.".to_owned());
    }
    if url::split(text).is_some() {
        return Ok(Type::Url);
    }
    if path::split_hive(text).is_some() {
        return Ok(Type::RegistryKey);
    }
    if let Some(style) = path::style(text) {
        let segments = text.split('/').filter(|part| !part.is_empty()).count();
        if style == path::Style::Unix && segments < 2 {
            return Err("A path with one segment is too little to tell; choose the type yourself."
                .to_owned());
        }
        return Ok(Type::Filepath);
    }
    if let Some(reason) = known_other(text) {
        return Err(reason);
    }
    if value::strict_ipv4(value::without_port(text)).is_ok() || text.ends_with("/32") {
        return Ok(Type::Ipv4);
    }
    if let Some(kind) = digest(text)? {
        return Ok(kind);
    }
    if is_domain(refanged) {
        return Ok(Type::Domain);
    }
    if is_link(text) {
        return Ok(Type::Url);
    }
    guess_name(text)
}

/// What is left: the name of a file, unless it is clearly none.
fn guess_name(text: &str) -> Result<Type, String> {
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.contains('.') {
        return Err("This looks like a version number or an incomplete address. Choose the type \
                    file name if it is the name of a file."
            .to_owned());
    }
    if !text.contains('.') && text.split_whitespace().count() >= SENTENCE_WORDS {
        return Err(
            "This looks like a sentence. Choose the type file name if it is the name of a \
                    file."
                .to_owned(),
        );
    }
    Ok(Type::Filename)
}

/// What can be told but not looked for.
fn known_other(text: &str) -> Option<String> {
    let reason = if let Some((0, name, _)) = value::named_digest(text) {
        format!(
            "{name} is not a digest that hosts can be searched for; give SHA-256, SHA-1 or MD5."
        )
    } else if text.split_once('/').is_some_and(|(address, bits)| {
        (bits != "32" || is_ipv6(address)) && is_ip(address) && bits.parse::<u8>().is_ok()
    }) {
        "Ranges of addresses are not looked for; give single addresses.".to_owned()
    } else if is_ipv6(text) {
        "IPv6 addresses are not looked for; there is no type for them.".to_owned()
    } else if is_email(text) {
        "E-mail addresses are not looked for; give the domain alone.".to_owned()
    } else {
        return None;
    };
    Some(reason)
}

fn is_ip(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

fn is_ipv6(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let bare = inner.map_or(text, |(address, _)| address);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    bare.parse::<std::net::Ipv6Addr>().is_ok()
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && !user.contains(char::is_whitespace)
            && domain::normalise(host).is_ok_and(|name| domain::has_known_suffix(&name))
    })
}

fn digest(text: &str) -> Result<Option<Type>, String> {
    let (promised, bare) = match value::named_digest(text) {
        Some((promised, _, rest)) => (Some(promised), rest),
        None => (None, text),
    };
    let is_hex = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex && promised.is_none() {
        return Ok(None);
    }
    if !is_hex || promised.is_some_and(|digits| digits != bare.len()) {
        return Err("What follows the name of the digest is no such digest.".to_owned());
    }
    match bare.len() {
        64 => Ok(Some(Type::FileHashSha256)),
        40 => Ok(Some(Type::FileHashSha1)),
        32 => Ok(Some(Type::FileHashMd5)),
        56 | 96 | 128 => Err(format!(
            "A digest of {} digits is none that hosts can be searched for; give SHA-256, SHA-1 or \
             MD5.",
            bare.len()
        )),
        _ => Ok(None),
    }
}

fn is_domain(refanged: &Refanged) -> bool {
    let text = value::without_port(&refanged.text);
    let Ok(name) = domain::normalise(text) else { return false };
    let labels: Vec<_> = name.split('.').collect();
    let Some(suffix) = labels.last().filter(|_| labels.len() >= 2) else { return false };
    let is_file = labels.len() == 2 && FILE_SUFFIXES.contains(suffix) && !refanged.was_defanged;
    domain::has_known_suffix(&name) && !is_file
}

/// `evil.example/path` without a scheme.
fn is_link(text: &str) -> bool {
    let Some((host, _)) = text.split_once('/') else { return false };
    let host = value::without_port(host);
    value::strict_ipv4(host).is_ok()
        || (host.contains('.')
            && domain::normalise(host).is_ok_and(|name| domain::has_known_suffix(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_decides() {
        for (text, kind, value) in [
            ("hxxps[:]//EVIL[.]com/a", Type::Url, "https://evil.com/a"),
            (r"HKCU\Software\X", Type::RegistryKey, r"HKEY_CURRENT_USER\Software\X"),
            (r"c:\\x\\y.exe", Type::Filepath, r"C:\x\y.exe"),
            ("1[.]2[.]3[.]4", Type::Ipv4, "1.2.3.4"),
            ("evil[.]zip", Type::Domain, "evil.zip"),
            ("evil.zip", Type::Filename, "evil.zip"),
            ("a.com", Type::Domain, "a.com"),
            ("evil.exe", Type::Filename, "evil.exe"),
        ] {
            let found = detect(text, None);
            assert_eq!((found.kind, found.value.as_str()), (Some(kind), value), "{text}");
        }
    }
}
