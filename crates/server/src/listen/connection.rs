// SPDX-License-Identifier: Apache-2.0
//! One connection: its handshake, its requests, its end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{Counter, Gauge};
use mimir_engine::limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::address::{self, PeerAddr};
use super::stall::StallGuard;
use super::{ListenOptions, names};

/// Bytes read at once from a client that sends a large body.
const READ_BUFFER_BYTES_MAX: usize = 2 * limits::REQUEST_HEAD_BYTES_MAX;

/// Seconds between two log lines about clients that distrust the certificate.
const DISTRUST_LOG_S: u64 = 10;

/// What a client gets when a handler has failed by a defect. It reads as a problem document for
/// the API and as a failure for an agent, which then keeps its results.
const PANIC_BODY: &str = concat!(
    r#"{"type":"about:blank","title":"Internal error","status":500,"code":"internal","#,
    r#""detail":"The server failed on this request; its log says why.","#,
    r#""error":"internal error of the server"}"#
);

/// What all connections of one listener share.
pub struct Shared<S> {
    pub options: ListenOptions,
    /// Breaks every connection off.
    pub cut: CancellationToken,
    service: S,
    stop: CancellationToken,
    tls: Option<TlsAcceptor>,
    handshakes: Semaphore,
    http: http1::Builder,
    connections: Gauge,
    handshakes_done: Counter,
    started: tokio::time::Instant,
    distrust_logged_s: AtomicU64,
    proxy_warned: AtomicBool,
}

impl<S> Shared<S> {
    pub fn new(options: ListenOptions, service: S, stop: CancellationToken) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.head_max)
            .max_header_size(limits::REQUEST_HEAD_BYTES_MAX)
            .max_buf_size(READ_BUFFER_BYTES_MAX);
        Self {
            tls: options.tls.clone().map(TlsAcceptor::from),
            options,
            cut: CancellationToken::new(),
            service,
            stop,
            handshakes: Semaphore::new(limits::HANDSHAKES_MAX),
            http,
            connections: metrics::gauge!(names::CONNECTIONS),
            handshakes_done: metrics::counter!(names::TLS_HANDSHAKES, "result" => "done"),
            started: tokio::time::Instant::now(),
            distrust_logged_s: AtomicU64::new(0),
            proxy_warned: AtomicBool::new(false),
        }
    }

    /// Says once that somebody near speaks like a proxy that nobody has named.
    fn warn_of_proxy(&self, peer: IpAddr) {
        if !self.proxy_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "this peer sends X-Forwarded-For and is no trusted proxy; if it is one, name it in \
                 trusted_proxies, or all its clients count as one"
            );
        }
    }
}

/// Counts a connection as open while it lives.
struct Open<'s>(&'s Gauge);

impl<'s> Open<'s> {
    fn new(gauge: &'s Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Runs one connection to its end.
pub async fn run<S>(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared<S>>)
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let _open = Open::new(&shared.connections);
    // Answers are small and written whole; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = &shared.tls else {
        let stream = StallGuard::new(stream, shared.options.write_stall_max);
        return http(stream, peer, shared).await;
    };
    let shaken = tokio::select! {
        biased;
        shaken = tokio::time::timeout(
            shared.options.handshake_max,
            handshake(stream, acceptor, shared),
        ) => shaken,
        () = shared.stop.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            shared.handshakes_done.increment(1);
            http(stream, peer, shared).await;
        }
        Ok(Err(error)) => note_failed_handshake(&error, peer, shared),
        Err(_) => {
            metrics::counter!(names::TLS_HANDSHAKES, "result" => "timed_out").increment(1);
        }
    }
}

async fn handshake<S>(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    shared: &Shared<S>,
) -> io::Result<TlsStream<StallGuard<TcpStream>>> {
    // A client that sends nothing must not take a turn from one that does.
    stream.readable().await?;
    let turn = shared.handshakes.acquire().await;
    let stream = StallGuard::new(stream, shared.options.write_stall_max);
    let shaken = acceptor.accept(stream).await;
    drop(turn);
    shaken
}

/// Counts a failed handshake. A client that distrusts the certificate is worth a line in the log,
/// because that is how a wrongly installed agent looks from here.
fn note_failed_handshake<S>(error: &io::Error, peer: SocketAddr, shared: &Shared<S>) {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let result = match cause {
        Some(rustls::Error::AlertReceived(_)) => "refused_by_client",
        Some(rustls::Error::InvalidMessage(_)) => "not_tls",
        Some(rustls::Error::PeerIncompatible(_)) => "incompatible",
        Some(_) => "failed",
        None => "broken_off",
    };
    metrics::counter!(names::TLS_HANDSHAKES, "result" => result).increment(1);
    if result != "refused_by_client" || !may_log_distrust(shared) {
        tracing::debug!(%peer, %error, result, "TLS handshake failed");
        return;
    }
    tracing::info!(
        %peer, %error,
        "a client refused this server's certificate; give it the server's ca.pem and a name the \
         certificate covers"
    );
}

fn may_log_distrust<S>(shared: &Shared<S>) -> bool {
    let now = shared.started.elapsed().as_secs() + DISTRUST_LOG_S;
    let last = shared.distrust_logged_s.load(Ordering::Relaxed);
    let due = now >= last + DISTRUST_LOG_S;
    let swap = |now| {
        shared.distrust_logged_s.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
    };
    due && swap(now).is_ok()
}

async fn http<S, I>(stream: I, peer: SocketAddr, shared: &Arc<Shared<S>>)
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    I: AsyncRead + AsyncWrite + Unpin,
{
    let service = PerRequest { peer, shared: Arc::clone(shared) };
    let mut connection = pin!(shared.http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = shared.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = shared.cut.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        let reason = if error.is_timeout() {
            // Idle connections end this way too, so it is not a sign of an attack by itself.
            "slow_head"
        } else if error.is_parse_too_large() {
            "large_head"
        } else if error.is_parse() {
            "not_http"
        } else {
            "broken_off"
        };
        metrics::counter!(names::CONNECTIONS_CUT, "reason" => reason).increment(1);
        tracing::debug!(%peer, %error, reason, "connection ended");
    }
}

/// Hands requests of one connection to the service.
struct PerRequest<S> {
    peer: SocketAddr,
    shared: Arc<Shared<S>>,
}

impl<S> hyper::service::Service<Request<Incoming>> for PerRequest<S>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let proxies = self.shared.options.proxies.as_ref();
        let client = address::client(self.peer.ip(), request.headers(), proxies);
        if address::is_unnamed_proxy(self.peer.ip(), request.headers(), proxies) {
            self.shared.warn_of_proxy(self.peer.ip());
        }
        let close = never_reuses_connections(request.headers());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddr(self.peer));
        request.extensions_mut().insert(client);
        let answer = self.shared.service.clone().oneshot(request);
        Box::pin(async move {
            let mut response = match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(Ok(response)) => response,
                // The panic hook has logged what happened and where.
                Err(_) => after_panic(),
            };
            if close {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        })
    }
}

/// Whether the client is a stock osquery agent. It opens a new connection for each request but
/// leaves the old one open until then, so that each agent would pin several dead sockets.
fn never_reuses_connections(headers: &HeaderMap) -> bool {
    headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"osquery/"))
}

fn after_panic() -> Response<Body> {
    metrics::counter!(names::HTTP_PANICS).increment(1);
    let mut response = Response::new(Body::from(PANIC_BODY));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let problem = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, problem);
    response
}
