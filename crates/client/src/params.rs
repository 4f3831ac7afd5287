// SPDX-License-Identifier: Apache-2.0
//! Query strings. Everything but RFC 3986's unreserved characters is percent-encoded.

use std::fmt::{Display, Write as _};

/// The parameters of a request, in the order they were added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(String);

impl Params {
    /// Adds a parameter.
    pub(crate) fn add(&mut self, name: &str, value: impl Display) {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        encode(&mut self.0, name);
        self.0.push('=');
        encode(&mut self.0, &value.to_string());
    }

    /// Adds a parameter if it has a value.
    pub(crate) fn add_some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// The query string with its `?`, or nothing.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn encode(into: &mut String, text: &str) {
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_one_parameter() {
        let mut params = Params::default();
        params.add("q", "a b&limit=1#ü");
        params.add_some("late", Some(true));
        params.add_some("state", None::<bool>);
        assert_eq!(params.as_str(), "?q=a%20b%26limit%3D1%23%C3%BC&late=true");
    }

    #[test]
    fn no_parameters_leave_no_question_mark() {
        assert_eq!(Params::default().as_str(), "");
    }
}
