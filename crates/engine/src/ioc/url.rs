// SPDX-License-Identifier: Apache-2.0
//! URLs, as far as an indicator needs them: scheme and host are normalised, the rest stays as it
//! is written, because that is what somebody saw.

use super::{domain, value};

/// The parts of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Url<'a> {
    scheme: &'a str,
    /// User and password with their `@`, or empty.
    user: &'a str,
    /// Name or address.
    pub host: &'a str,
    /// The port with its `:`, or empty.
    port: &'a str,
    /// From the first `/`, `?` or `#` on.
    rest: &'a str,
}

/// The parts of a text of the form `scheme://host…`.
pub(super) fn split(text: &str) -> Option<Url<'_>> {
    let (scheme, after) = text.split_once("://")?;
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let starts_well = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    if !starts_well || !scheme.chars().all(is_scheme) {
        return None;
    }
    let end = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let (user, place) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let port_at = place.rfind(':').filter(|at| {
        place[at + 1..].chars().all(|c| c.is_ascii_digit()) && !place[*at..].contains(']')
    });
    let (host, port) = place.split_at(port_at.unwrap_or(place.len()));
    Some(Url { scheme, user, host, port, rest })
}

/// The normal form: scheme and host in lower case, the host as `xn--` where needed.
///
/// # Errors
/// Why it is no URL, in words.
pub(super) fn normalise(text: &str) -> Result<String, String> {
    let with_scheme;
    let text = if text.contains("://") {
        text
    } else {
        with_scheme = format!("http://{text}");
        &with_scheme
    };
    let Some(url) = split(text) else {
        return Err("A URL begins with a scheme such as `https://`.".to_owned());
    };
    if text.contains(char::is_whitespace) {
        return Err("A URL has no blanks; write `%20`.".to_owned());
    }
    if url.host.is_empty() && !url.scheme.eq_ignore_ascii_case("file") {
        return Err("The URL names no host.".to_owned());
    }
    let host = if url.host.is_empty() || url.host.starts_with('[') {
        url.host.to_ascii_lowercase()
    } else if let Ok(address) = value::strict_ipv4(url.host) {
        address.to_string()
    } else {
        // A number at the end is an address in another notation: it stays as it was seen.
        domain::normalise(url.host).unwrap_or_else(|_| url.host.to_ascii_lowercase())
    };
    let scheme = url.scheme.to_ascii_lowercase();
    Ok(format!("{scheme}://{}{host}{}{}", url.user, url.port, url.rest))
}
