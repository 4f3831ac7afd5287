// SPDX-License-Identifier: Apache-2.0
//! Sending requests and reading answers: who speaks, how long to wait, what a refusal looks like.

use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use mimir_wire::api::problem::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{HeaderMap, Method, Request, Response, header};

use crate::builder::ClientBuilder;
use crate::error::{self, ClientError};
use crate::sse::RetryPolicy;

/// Bytes of an answer that is read whole; more is refused. Streams have no such bound.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// Characters of a foreign answer that are quoted in an error.
const EXCERPT_CHARS: usize = 200;

/// A client of one server. Cheap to clone; clones share connections and the sign-in.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    agent: ureq::Agent,
    origin: String,
    api_key: Option<String>,
    /// `name=value` of the session cookie, as the server named it.
    cookie: Mutex<Option<String>>,
    retries: RetryPolicy,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key or the cookie.
        f.debug_struct("Client").field("server", &self.inner.origin).finish_non_exhaustive()
    }
}

/// A whole answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, whatever the status.
    ///
    /// # Errors
    /// [`ClientError::Decode`] when it is not that.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::Decode {
            message: format!("the server's answer is not what was expected: {}", self.excerpt()),
            status: self.status,
            source: Some(error.into()),
        })
    }

    /// A header's text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer itself when it succeeded, the refusal otherwise.
    ///
    /// # Errors
    /// [`ClientError::Problem`] for a refusal, [`ClientError::Decode`] for anything else that is
    /// no success.
    pub fn success(self) -> Result<Self, ClientError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// What an answer without success says.
    fn refusal(&self) -> ClientError {
        if let Ok(problem) = serde_json::from_slice::<Problem>(&self.body) {
            return ClientError::Problem(Box::new(problem));
        }
        let hint = match self.status {
            300..=399 => " (redirects are not followed: give the server's own address)",
            502..=504 => " (is the server behind the proxy running?)",
            _ => "",
        };
        ClientError::Decode {
            message: format!(
                "the server answered {} with something that is not Mimir's{hint}: {}",
                self.status,
                self.excerpt()
            ),
            status: self.status,
            source: None,
        }
    }

    fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let mut excerpt: String = text.chars().take(EXCERPT_CHARS).collect();
        if text.chars().nth(EXCERPT_CHARS).is_some() {
            excerpt.push('…');
        }
        if excerpt.trim().is_empty() { "(empty)".into() } else { excerpt }
    }
}

impl Client {
    /// Starts to set up a client of the server at `server_url`, such as `https://mimir:8443`.
    pub fn builder(server_url: &str) -> ClientBuilder {
        ClientBuilder::new(server_url)
    }

    pub(crate) fn new(
        agent: ureq::Agent,
        origin: String,
        api_key: Option<String>,
        retries: RetryPolicy,
    ) -> Self {
        let inner = Inner { agent, origin, api_key, cookie: Mutex::new(None), retries };
        Self { inner: Arc::new(inner) }
    }

    /// The server's address without a slash at the end, which is also its origin.
    pub fn server(&self) -> &str {
        &self.inner.origin
    }

    pub(crate) fn retries(&self) -> RetryPolicy {
        self.inner.retries
    }

    /// One request with this client's credentials, to any path of the server (from the root:
    /// `/api/v1/hosts`, `/healthz`). A body is sent as JSON as it is. No status is an error.
    ///
    /// # Errors
    /// [`ClientError::Transport`] when there was no whole answer, [`ClientError::Setup`] for a
    /// method or path that cannot be sent.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<Answer, ClientError> {
        self.request_with(method, path, &[], body)
    }

    /// As [`Client::request`], with more headers; they replace those the client would send.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn request_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ClientError> {
        let response = self.send(method, path, headers, body)?;
        let answer = self.whole(response)?;
        self.keep_cookie(&answer);
        Ok(answer)
    }

    /// A reader over the body of a successful `GET`, as it comes.
    pub(crate) fn stream(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(HeaderMap, impl Read + Send + use<>), ClientError> {
        let response = self.send("GET", path, headers, None)?;
        if !response.status().is_success() {
            return Err(self.whole(response)?.refusal());
        }
        let (parts, body) = response.into_parts();
        Ok((parts.headers, body.into_with_config().limit(u64::MAX).reader()))
    }

    fn whole(&self, response: Response<ureq::Body>) -> Result<Answer, ClientError> {
        let (parts, body) = response.into_parts();
        let body = body
            .into_with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| error::broken_off(self.server(), io_error(error)))?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| ClientError::Setup(format!("`{method}` is no HTTP method")))?;
        let mut request = Request::builder()
            .method(&method)
            .uri(format!("{}{path}", self.inner.origin))
            .body(body.unwrap_or_default())
            .map_err(|_| ClientError::Setup(format!("`{path}` is no path of a server")))?;
        self.credentials(&method, request.headers_mut());
        if body.is_some() {
            let json = header::HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        for (name, value) in headers {
            let pair = header::HeaderName::from_bytes(name.as_bytes())
                .ok()
                .zip(header::HeaderValue::from_str(value).ok());
            let (name, value) =
                pair.ok_or_else(|| ClientError::Setup(format!("`{name}: {value}` is no header")))?;
            request.headers_mut().insert(name, value);
        }
        let agent = &self.inner.agent;
        let sent =
            if body.is_none() && matches!(method, Method::GET | Method::HEAD | Method::DELETE) {
                agent.run(request.map(|_| ()))
            } else {
                agent.run(request)
            };
        sent.map_err(|error| error::transport(self.server(), error))
    }

    fn credentials(&self, method: &Method, headers: &mut HeaderMap) {
        let value = |text: &str| header::HeaderValue::from_str(text).ok();
        if let Some(key) = self.inner.api_key.as_deref().map(|key| format!("Bearer {key}"))
            && let Some(mut key) = value(&key)
        {
            key.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, key);
        }
        let cookie = self.inner.cookie.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cookie) = cookie.as_deref().and_then(value) {
            headers.insert(header::COOKIE, cookie);
            // What a browser does by itself, and the server demands of changing requests.
            if *method != Method::GET
                && *method != Method::HEAD
                && let Some(origin) = value(&self.inner.origin)
            {
                headers.insert(header::ORIGIN, origin);
            }
        }
    }

    fn keep_cookie(&self, answer: &Answer) {
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let Ok(set) = set.to_str() else { continue };
            let mut pieces = set.split(';').map(str::trim);
            let Some((name, text)) = pieces.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let gone = text.is_empty() || pieces.any(|p| p.eq_ignore_ascii_case("max-age=0"));
            let kept = (!gone).then(|| format!("{name}={text}"));
            *self.inner.cookie.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }

    /// A call that answers a body.
    pub(crate) fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        self.exchange(method, path, &[], body)?.json()
    }

    /// A `GET` that answers a body.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call("GET", path, None::<&()>)
    }

    /// A `POST` without a body that answers the object it changed.
    pub(crate) fn act<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call("POST", path, None::<&()>)
    }

    /// A successful exchange; what it answered is the caller's to read.
    pub(crate) fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&impl Serialize>,
    ) -> Result<Answer, ClientError> {
        let bytes = body.map(serde_json::to_vec).transpose().map_err(|error| {
            ClientError::Setup(format!("the request cannot be written as JSON: {error}"))
        })?;
        self.request_with(method, path, headers, bytes.as_deref())?.success()
    }
}

/// The I/O error inside, or one around it: both say the same to whoever reads the chain.
fn io_error(error: ureq::Error) -> io::Error {
    match error {
        ureq::Error::Io(io) => io,
        other => io::Error::other(other),
    }
}
