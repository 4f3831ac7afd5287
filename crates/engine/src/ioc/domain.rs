// SPDX-License-Identifier: Apache-2.0
//! Domain names: their normal form, and where the registered part of one begins.
//!
//! The public suffix list is compiled in; which names exist is not known here.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// The normal form: lower case, without a dot at its end, other scripts as `xn--`.
///
/// # Errors
/// Why it is no name, in words.
pub(super) fn normalise(text: &str) -> Result<String, String> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let bare = bare.strip_prefix("*.").or_else(|| bare.strip_prefix('.')).unwrap_or(bare);
    let ascii = Uts46::new()
        .to_ascii(bare.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Verify)
        .map(Cow::into_owned)
        .map_err(|_| {
            "This is no domain name: labels have 1 to 63 characters, the name at most 253, \
             separated by single dots."
                .to_owned()
        })?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !ascii.chars().all(is_host) {
        return Err("A domain name has letters, digits, `-` and `_` only.".to_owned());
    }
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.chars().all(|c| c.is_ascii_digit()) {
        return Err("A domain name does not end with a number.".to_owned());
    }
    if ascii.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
        return Err("A label of a domain name does not begin or end with `-`.".to_owned());
    }
    Ok(ascii)
}

/// Whether the name ends with a suffix that the public suffix list has.
pub(super) fn has_known_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// Whether the name is nothing but a public suffix.
pub(super) fn is_suffix(name: &str) -> bool {
    has_known_suffix(name) && psl::domain(name.as_bytes()).is_none()
}
