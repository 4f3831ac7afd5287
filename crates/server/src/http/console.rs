// SPDX-License-Identifier: Apache-2.0
//! The web console: files built by `web/`, part of this program. Builds for development read them
//! from the disk at each request, so that a rebuilt console shows at once.
//!
//! Every address that is no file answers `index.html`: which page it is, is decided in the browser.
//! Below `/api` there are no pages: a program with a wrong path must be told so.
//! Nothing here is secret and nothing is computed; the API is where rights are checked.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::Embed;

use crate::http::etag;
use crate::problem::ApiError;

/// What `npm run build` leaves in `web/dist`; nothing of use when it was not run.
#[derive(Embed)]
#[folder = "../../web/dist"]
struct Files;

/// What the console's pages may do: load code and data from this server only, be framed by nobody.
/// Inline styles are allowed because the component library sets its variables by them; inline
/// scripts and strings that become markup are not (`web/public/start.js` has the one policy).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types default",
);
/// Files under this path have their hash in their name.
const HASHED: &str = "assets/";
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// What every browser that runs the console unpacks, best first: suffix of the file, name.
const ENCODINGS: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];

/// One file.
struct File {
    bytes: Cow<'static, [u8]>,
    hash: [u8; 32],
}

fn embedded(path: &str) -> Option<File> {
    let file = Files::get(path)?;
    Some(File { hash: file.metadata.sha256_hash(), bytes: file.data })
}

/// Answers whatever no other route has.
pub async fn page(request: Request) -> Response {
    serve(&embedded, request.method(), request.uri().path(), request.headers())
}

fn serve(
    files: &impl Fn(&str) -> Option<File>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return ApiError::not_found("page").into_response();
    }
    let path = path.trim_start_matches('/');
    if let Some(kind) = content_type(path) {
        let found = file(files, path, kind, headers);
        return found.unwrap_or_else(|| ApiError::not_found("file").into_response());
    }
    let is_operation = path == "api" || path.starts_with("api/");
    if is_operation || !takes_html(headers) {
        return ApiError::not_found("page").into_response();
    }
    let index = file(files, "index.html", "text/html; charset=utf-8", headers);
    index.unwrap_or_else(|| not_built().into_response())
}

/// What a file is, by its name; `None` for addresses of pages.
fn content_type(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "woff2" => Some("font/woff2"),
        _ => None,
    }
}

/// Programs that ask for JSON get the problem, not a page.
fn takes_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html") || accept.contains("*/*"))
}

fn file(
    files: &impl Fn(&str) -> Option<File>,
    path: &str,
    kind: &'static str,
    headers: &HeaderMap,
) -> Option<Response> {
    let plain = files(path)?;
    let tag = hex::encode(&plain.hash[..16]);
    let cached = if path.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
    let mut response = if etag::is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        packed(files, path, plain, headers)
    };
    let all = response.headers_mut();
    all.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    all.insert(header::CACHE_CONTROL, cached);
    all.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    all.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    // One tag for all encodings of a file: weak, because their bytes differ.
    if let Ok(tag) = HeaderValue::try_from(format!("W/\"{tag}\"")) {
        all.insert(header::ETAG, tag);
    }
    Some(response)
}

/// The file as it is, or as it was compressed when the console was built.
fn packed(
    files: &impl Fn(&str) -> Option<File>,
    path: &str,
    plain: File,
    headers: &HeaderMap,
) -> Response {
    for (suffix, name) in ENCODINGS {
        if accepts(headers, name)
            && let Some(file) = files(&format!("{path}{suffix}"))
        {
            let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static(name));
            return ([encoding], Body::from(file.bytes)).into_response();
        }
    }
    Body::from(plain.bytes).into_response()
}

/// Whether the browser names the encoding and does not rule it out.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        name.trim().eq_ignore_ascii_case(encoding)
            && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// What a browser sees of a server that was built without the console.
fn not_built() -> impl IntoResponse {
    Html(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Mimir</title>\
         <body style=\"font:16px/1.5 sans-serif;max-width:40em;margin:3em auto;padding:0 1em\">\
         <h1>Mimir is running, without its console</h1>\
         <p>This server was built without the web console. To build it, install Node.js 20.19 or \
         newer, run <code>npm install &amp;&amp; npm run build</code> in the folder <code>web</code> \
         and build the server again.</p>\
         <p>Everything works from the command line: <code>mimir login</code>, then \
         <code>mimir campaign launch --help</code>. The API is described at \
         <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p>",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

    fn built(path: &str) -> Option<File> {
        let bytes: &'static [u8] = match path {
            "index.html" => b"<html>",
            "assets/a-1234.js" => b"plain",
            "assets/a-1234.js.br" => b"brotli",
            "assets/a-1234.js.gz" => b"gzip",
            "icon.svg" => b"<svg/>",
            _ => return None,
        };
        Some(File { bytes: Cow::Borrowed(bytes), hash: [bytes[0]; 32] })
    }

    fn ask(path: &str, pairs: &[(&'static str, &str)]) -> Response {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        serve(&built, &Method::GET, path, &headers)
    }

    fn header_of(response: &Response, name: header::HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn every_page_is_the_one_document_and_is_asked_about_again() {
        for path in ["/", "/campaigns", "/campaigns/0197b2a0-0000-7000-8000-00000000dead"] {
            let response = ask(path, &[("accept", BROWSER)]);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(header_of(&response, header::CONTENT_TYPE), "text/html; charset=utf-8");
            assert_eq!(header_of(&response, header::CACHE_CONTROL), "no-cache");
            let policy = header_of(&response, header::CONTENT_SECURITY_POLICY);
            assert!(policy.contains("script-src 'self';"), "{policy}");
        }
    }

    #[test]
    fn what_is_missing_is_never_the_document() {
        for path in ["/assets/gone-1.js", "/robots.svg", "/index.html.js"] {
            assert_eq!(ask(path, &[("accept", "*/*")]).status(), StatusCode::NOT_FOUND, "{path}");
        }
        let program = ask("/campaigns", &[("accept", "application/json")]);
        assert_eq!(program.status(), StatusCode::NOT_FOUND);
        let changing = serve(&built, &Method::POST, "/", &HeaderMap::new());
        assert_eq!(changing.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn files_come_as_small_as_the_browser_takes_them() {
        let packed = |accepted: &str| {
            let response = ask("/assets/a-1234.js", &[("accept-encoding", accepted)]);
            header_of(&response, header::CONTENT_ENCODING).to_owned()
        };
        assert_eq!(packed("gzip, deflate, br, zstd"), "br");
        assert_eq!(packed("gzip;q=1.0, br;q=0"), "gzip");
        assert_eq!(packed("identity"), "");
        let hashed = ask("/assets/a-1234.js", &[]);
        assert!(header_of(&hashed, header::CACHE_CONTROL).contains("immutable"));
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let first = ask("/icon.svg", &[]);
        let tag = header_of(&first, header::ETAG).to_owned();
        let again = ask("/icon.svg", &[("if-none-match", &tag)]);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(ask("/icon.svg", &[("if-none-match", "\"x\"")]).status(), StatusCode::OK);
    }

    #[test]
    fn compressed_copies_have_no_address_of_their_own() {
        let response = ask("/assets/a-1234.js.gz", &[("accept", "application/json")]);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
