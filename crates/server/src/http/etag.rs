// SPDX-License-Identifier: Apache-2.0
//! Answers that a browser may keep and ask again about: the tag says which version it has.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// What a kept answer may be used for: by this browser alone, after asking again.
const KEPT: HeaderValue = HeaderValue::from_static("private, no-cache");

/// A document of JSON with a tag, or 304 when the caller has it. `tag` is plain text without quotes.
pub fn json(asked: &HeaderMap, tag: &str, document: Bytes) -> Response {
    let quoted = HeaderValue::try_from(format!("\"{tag}\"")).ok();
    let mut response = if is_known(asked, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], Body::from(document)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, KEPT);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(quoted) = quoted {
        headers.insert(header::ETAG, quoted);
    }
    response
}

/// The tag of the same document in an encoding: a strong tag names bytes, not their meaning.
pub fn encoded(tag: &HeaderValue, encoding: &str) -> Option<HeaderValue> {
    let plain = tag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::try_from(format!("{plain}-{encoding}\"")).ok()
}

/// Whether one of the tags the caller knows is this one, in whatever encoding it got it.
pub fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let lines = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).any(|known| {
        let known = known.strip_prefix("W/").unwrap_or(known);
        let rest = known.strip_prefix('"').and_then(|known| known.strip_prefix(tag));
        known == "*" || matches!(rest, Some("\"" | "-gzip\"" | "-zstd\""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(known: &str) -> StatusCode {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(known).unwrap());
        json(&headers, "abc", Bytes::from_static(b"{}")).status()
    }

    #[test]
    fn a_known_tag_is_enough_however_it_was_sent() {
        for known in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc-gzip\"", "\"abc-zstd\"", "*"] {
            assert_eq!(status(known), StatusCode::NOT_MODIFIED, "{known}");
        }
        for other in ["\"abcd\"", "abc", "\"ab\"", "\"\"", "\"abc-br\""] {
            assert_eq!(status(other), StatusCode::OK, "{other}");
        }
    }

    #[test]
    fn each_encoding_has_a_tag_of_its_own() {
        let tag = HeaderValue::from_static("\"abc\"");
        assert_eq!(encoded(&tag, "gzip").unwrap(), "\"abc-gzip\"");
        assert_eq!(encoded(&HeaderValue::from_static("abc"), "gzip"), None);
    }
}
