// SPDX-License-Identifier: Apache-2.0
//! The accept loop from the outside: real sockets on loopback, bytes written by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Extension;
use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::tls;

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Drained>,
    entered: Arc<Notify>,
    release: Arc<Notify>,
    metrics: names::Metrics,
}

fn app(entered: Arc<Notify>, release: Arc<Notify>) -> Router {
    let wait = move || async move {
        entered.notify_one();
        release.notified().await;
        "waited"
    };
    let who = |Extension(PeerAddr(peer)): Extension<PeerAddr>,
               Extension(ClientAddr(client)): Extension<ClientAddr>| async move {
        format!("{} {client}", peer.ip())
    };
    let calls = Arc::new(AtomicUsize::new(0));
    let count = move || async move { calls.fetch_add(1, Ordering::Relaxed).to_string() };
    Router::new()
        .route("/wait", get(wait))
        .route("/who", get(who))
        .route("/count", get(count))
        .route("/echo", post(|body: String| async move { body }))
        .route("/big", get(|| async { vec![b'x'; 64 << 20] }))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
}

async fn start(options: ListenOptions) -> Server {
    let metrics = names::install();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let stop = CancellationToken::new();
    let router = app(Arc::clone(&entered), Arc::clone(&release));
    let task = tokio::spawn(serve(listener, options, router, stop.clone()));
    Server { address, stop, task, entered, release, metrics }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` on a new connection and reads until the server closes it.
    async fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await
    }

    /// Waits until a metric's line, given without its value, has at least `value`.
    async fn metric(&self, line: &str, value: f64) {
        let found = || {
            let text = self.metrics.render();
            let rest = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(' '));
            rest.is_some_and(|rest| rest.parse::<f64>().unwrap() >= value)
        };
        until(line, found).await;
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let bound = tokio::time::Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(tokio::time::Instant::now() < bound, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn read_to_end<S: AsyncReadExt + Unpin>(stream: &mut S) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes));
    // Whether the end is orderly is the platform's affair; what matters is what came before.
    let _ = read.await.expect("the server closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one answer with a `Content-Length` and leaves the connection open.
async fn read_answer<S: AsyncReadExt + Unpin>(stream: &mut S) -> String {
    let mut text = String::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        text.push(char::from(byte[0]));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() == length {
                return text;
            }
        }
    }
}

fn get_request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

#[tokio::test]
async fn stock_agents_are_told_to_close_and_others_keep_their_connection() {
    let server = start(ListenOptions::default()).await;
    let text = server.exchange(&get_request("/count", "User-Agent: osquery/5.23.1\r\n")).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.to_ascii_lowercase().contains("connection: close"), "{text}");
    let mut kept = server.connect().await;
    for wanted in ["1", "2", "3"] {
        let request = get_request("/count", "User-Agent: mimir-agent/1\r\n");
        kept.write_all(request.as_bytes()).await.unwrap();
        let text = read_answer(&mut kept).await;
        assert!(text.ends_with(&format!("\r\n\r\n{wanted}")), "{text}");
        assert!(!text.to_ascii_lowercase().contains("connection: close"), "{text}");
    }
}

#[tokio::test]
async fn handlers_learn_who_asks() {
    let forged = "X-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n";
    let server = start(ListenOptions::default()).await;
    let text = server.exchange(&get_request("/who", forged)).await;
    assert!(text.ends_with("127.0.0.1 127.0.0.1"), "{text}");
    let behind =
        start(ListenOptions { proxies: Some(Proxies::default()), ..Default::default() }).await;
    let text = behind.exchange(&get_request("/who", forged)).await;
    assert!(text.ends_with("127.0.0.1 203.0.113.7"), "{text}");
}

#[tokio::test]
async fn a_panic_is_a_failed_request_that_agents_understand() {
    let server = start(ListenOptions::default()).await;
    let text = server.exchange(&get_request("/panic", "Connection: close\r\n")).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 500"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["status"], &body["code"]), (&500.into(), &"internal".into()));
    assert!(body["error"].is_string());
    server.metric("mimir_http_panics_total", 1.0).await;
}

#[tokio::test]
async fn heads_are_bounded_in_size_and_time() {
    let server = start(ListenOptions::default()).await;
    let padding = format!("X-Pad: {}\r\n", "p".repeat(limits::REQUEST_HEAD_BYTES_MAX));
    let text = server.exchange(&get_request("/count", &padding)).await;
    assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    server.metric("mimir_connections_cut_total{reason=\"large_head\"}", 1.0).await;
    let impatient = ListenOptions { head_max: Duration::from_millis(400), ..Default::default() };
    let server = start(impatient).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /count HTTP/1.1\r\nHost: ").await.unwrap();
    let text = read_to_end(&mut slow).await;
    assert!(!text.contains("200"), "{text}");
    // An idle connection ends the same way, after its first request.
    let mut idle = server.connect().await;
    idle.write_all(get_request("/count", "").as_bytes()).await.unwrap();
    let text = read_to_end(&mut idle).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("\r\n\r\n0"), "{text}");
}

#[tokio::test]
async fn connections_are_bounded_in_all_and_for_each_address() {
    let server = start(ListenOptions { connections_max: 2, ..Default::default() }).await;
    let mut first = server.connect().await;
    first.write_all(get_request("/wait", "").as_bytes()).await.unwrap();
    server.entered.notified().await;
    let mut second = server.connect().await;
    second.write_all(get_request("/count", "").as_bytes()).await.unwrap();
    read_answer(&mut second).await;
    let mut third = server.connect().await;
    assert_eq!(read_to_end(&mut third).await, "");
    server.metric("mimir_connections_refused_total{reason=\"total\"}", 1.0).await;
    drop(second);
    // Once one has ended there is room again.
    let mut answered = false;
    for _ in 0..1000 {
        let mut stream = server.connect().await;
        let _ = stream.write_all(get_request("/count", "Connection: close\r\n").as_bytes()).await;
        answered = read_to_end(&mut stream).await.contains("200 OK");
        if answered {
            break;
        }
    }
    assert!(answered);
    let narrow = ListenOptions { connections_per_address_max: 1, ..Default::default() };
    let server = start(narrow.clone()).await;
    let mut held = server.connect().await;
    held.write_all(get_request("/wait", "").as_bytes()).await.unwrap();
    server.entered.notified().await;
    assert_eq!(read_to_end(&mut server.connect().await).await, "");
    server.metric("mimir_connections_refused_total{reason=\"address\"}", 1.0).await;
    let server = start(ListenOptions { proxies: Some(Proxies::default()), ..narrow }).await;
    let mut held = server.connect().await;
    held.write_all(get_request("/wait", "").as_bytes()).await.unwrap();
    server.entered.notified().await;
    let text = server.exchange(&get_request("/count", "Connection: close\r\n")).await;
    assert!(text.contains("200 OK"), "a trusted proxy speaks for many: {text}");
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_off() {
    let impatient =
        ListenOptions { write_stall_max: Duration::from_millis(50), ..Default::default() };
    let server = start(impatient).await;
    let mut stream = server.connect().await;
    stream.write_all(get_request("/big", "").as_bytes()).await.unwrap();
    server.metric("mimir_connections_cut_total{reason=\"stalled_reader\"}", 1.0).await;
}

#[tokio::test]
async fn stopping_lets_requests_end_and_closes_idle_connections() {
    let server = start(ListenOptions::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(get_request("/count", "").as_bytes()).await.unwrap();
    read_answer(&mut idle).await;
    let mut busy = server.connect().await;
    busy.write_all(get_request("/wait", "").as_bytes()).await.unwrap();
    server.entered.notified().await;
    server.stop.cancel();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert!(!server.task.is_finished());
    server.release.notify_one();
    let text = read_to_end(&mut busy).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("waited"), "{text}");
    assert_eq!(server.task.await.unwrap(), Drained { connections_cut: 0 });
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let options = ListenOptions { shutdown_max: Duration::from_millis(50), ..Default::default() };
    let server = start(options).await;
    let mut busy = server.connect().await;
    busy.write_all(get_request("/wait", "").as_bytes()).await.unwrap();
    server.entered.notified().await;
    server.stop.cancel();
    assert_eq!(server.task.await.unwrap(), Drained { connections_cut: 1 });
    assert_eq!(read_to_end(&mut busy).await, "");
}

/// A server with a certificate of its own, and the roots that trust it.
async fn start_tls(options: ListenOptions) -> (Server, rustls::RootCertStore) {
    use rustls::pki_types::pem::PemObject;
    let dir = tempfile::tempdir().unwrap();
    let now = crate::clock::Clock::system().now();
    let files = tls::ensure_files(dir.path(), &[], now).unwrap();
    let tls = tls::server_config(&files.cert, &files.key).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let ca = rustls::pki_types::CertificateDer::from_pem_file(&files.ca).unwrap();
    roots.add(ca).unwrap();
    (start(ListenOptions { tls: Some(tls), ..options }).await, roots)
}

type Version = &'static rustls::SupportedProtocolVersion;

fn client(roots: &rustls::RootCertStore, version: Version) -> Arc<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_protocol_versions(&[version]);
    Arc::new(builder.with_root_certificates(roots.clone()).with_no_client_auth())
}

/// One request on a new connection: the answer, the version spoken, and the kind of handshake.
async fn tls_exchange(
    server: &Server,
    client: &Arc<rustls::ClientConfig>,
) -> io::Result<(String, rustls::ProtocolVersion, rustls::HandshakeKind)> {
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(client));
    let name = "localhost".try_into().unwrap();
    let mut stream = connector.connect(name, server.connect().await).await?;
    let request = get_request("/count", "User-Agent: osquery/5.23.1\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    // An error here would mean that the end came without `close_notify`, which stock agents take
    // for a broken answer.
    stream.read_to_string(&mut text).await?;
    let connection = stream.get_ref().1;
    Ok((text, connection.protocol_version().unwrap(), connection.handshake_kind().unwrap()))
}

#[tokio::test]
async fn tls_serves_both_versions_ends_orderly_and_never_resumes() {
    let (server, roots) = start_tls(ListenOptions::default()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let trusting = client(&roots, version);
        // The second exchange could resume what the first one stored.
        for _ in 0..2 {
            let (text, spoken, kind) = tls_exchange(&server, &trusting).await.unwrap();
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            assert_eq!(spoken, version.version);
            assert_ne!(kind, rustls::HandshakeKind::Resumed);
        }
        let distrusting = client(&rustls::RootCertStore::empty(), version);
        assert!(tls_exchange(&server, &distrusting).await.is_err());
    }
    server.metric("mimir_tls_handshakes_total{result=\"done\"}", 4.0).await;
    server.metric("mimir_tls_handshakes_total{result=\"refused_by_client\"}", 2.0).await;
}

#[tokio::test]
async fn a_client_without_tls_or_patience_ends_quickly() {
    let options = ListenOptions { handshake_max: Duration::from_millis(500), ..Default::default() };
    let (server, _) = start_tls(options).await;
    let text = server.exchange(&get_request("/count", "")).await;
    assert!(!text.contains("HTTP"), "{text}");
    server.metric("mimir_tls_handshakes_total{result=\"not_tls\"}", 1.0).await;
    let mut silent = server.connect().await;
    assert_eq!(read_to_end(&mut silent).await, "");
    server.metric("mimir_tls_handshakes_total{result=\"timed_out\"}", 1.0).await;
    // The beginning of a record, and then nothing.
    let mut stalled = server.connect().await;
    stalled.write_all(&[0x16, 0x03]).await.unwrap();
    assert_eq!(read_to_end(&mut stalled).await, "");
    server.metric("mimir_tls_handshakes_total{result=\"timed_out\"}", 2.0).await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let held = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = held.local_addr().unwrap();
    let error = bind(address).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("another process"), "{error}");
    assert!(lacks_resources(&io::Error::from_raw_os_error(Errno::EMFILE as i32)));
    assert!(!lacks_resources(&io::ErrorKind::ConnectionAborted.into()));
    assert!(raise_open_files() >= 1);
}
