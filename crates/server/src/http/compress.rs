// SPDX-License-Identifier: Apache-2.0
//! Compresses answers of the API to those who can unpack them: JSON that is read and whole in
//! memory. Streams of events, exports and small answers stay as they are, and so does what changing
//! requests are answered: their answers hold new secrets beside text the caller chose, and the size
//! of the two compressed together would tell of the one to whoever can choose the other.

use std::io::Write as _;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;

use crate::app::hop;
use crate::http::etag;
use crate::problem::{ApiError, ApiResult};

/// Bytes below which an answer fits in a packet or two anyway.
const BYTES_MIN: u64 = 1024;
/// Bytes above which compressing takes a thread of its own.
const BYTES_INLINE_MAX: usize = 64 * 1024;
/// Levels that cost less time than the network saves.
const ZSTD_LEVEL: i32 = 1;
const GZIP_LEVEL: flate2::Compression = flate2::Compression::fast();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Zstd,
    Gzip,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    fn compress(self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL),
            Self::Gzip => {
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), GZIP_LEVEL);
                gzip.write_all(plain)?;
                gzip.finish()
            }
        }
    }
}

/// The middleware.
pub async fn compress(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET;
    let encoding = accepted(request.headers());
    let response = next.run(request).await;
    if !is_read || !is_worth_it(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Also what is sent as it is would have been sent otherwise to another caller.
    parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(encoding) = encoding else { return Response::from_parts(parts, body) };
    match packed(body, encoding).await {
        Ok(bytes) => {
            let name = HeaderValue::from_static(encoding.name());
            parts.headers.insert(header::CONTENT_ENCODING, name);
            parts.headers.remove(header::CONTENT_LENGTH);
            if let Some(tag) = parts.headers.get(header::ETAG)
                && let Some(tag) = etag::encoded(tag, encoding.name())
            {
                parts.headers.insert(header::ETAG, tag);
            }
            Response::from_parts(parts, Body::from(bytes))
        }
        Err(error) => error.into_response(),
    }
}

fn is_worth_it(response: &Response) -> bool {
    let headers = response.headers();
    let json = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let size = response.body().size_hint().exact();
    response.status() == StatusCode::OK
        && json.is_some_and(|kind| kind.split(';').next() == Some("application/json"))
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::CONTENT_DISPOSITION)
        && size.is_some_and(|size| size >= BYTES_MIN)
}

async fn packed(body: Body, encoding: Encoding) -> ApiResult<Bytes> {
    let plain = body.collect().await.map_err(ApiError::internal)?.to_bytes();
    let is_small = plain.len() <= BYTES_INLINE_MAX;
    let work = move || encoding.compress(&plain).map(Bytes::from).map_err(ApiError::internal);
    if is_small { work() } else { hop(work).await }
}

/// The best encoding that the caller takes, if any. One with `q=0` is one it does not take.
fn accepted(headers: &HeaderMap) -> Option<Encoding> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    let offers: Vec<&str> =
        lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).collect();
    let takes = |encoding: Encoding| {
        offers.iter().any(|offer| {
            let (name, weight) = offer.split_once(';').unwrap_or((offer, "q=1"));
            let weight =
                weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(encoding.name()) && weight.is_some_and(|q| q > 0.0)
        })
    };
    [Encoding::Zstd, Encoding::Gzip].into_iter().find(|encoding| takes(*encoding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_takes_is_chosen() {
        let chosen = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepted(&headers)
        };
        for (value, encoding) in [
            ("gzip, deflate, br, zstd", Some(Encoding::Zstd)),
            ("gzip;q=0.5, identity", Some(Encoding::Gzip)),
            ("GZIP", Some(Encoding::Gzip)),
            ("zstd;q=0, gzip; q=0.1", Some(Encoding::Gzip)),
            ("gzip;q=0", None),
            ("gzip;q=much", None),
            ("br, *", None),
            ("", None),
        ] {
            assert_eq!(chosen(value), encoding, "{value}");
        }
        assert_eq!(accepted(&HeaderMap::new()), None);
    }
}
