// SPDX-License-Identifier: Apache-2.0
//! A small TLS server that writes down what arrives and answers from a script.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mimir_sim::{Endpoint, Fleet, FleetBuilder};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest time anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Number of its connection, from 0.
    pub connection: usize,
    pub peer: IpAddr,
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Arrived {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status and body with `Content-Length`.
    Body(u16, Vec<u8>),
    /// Exactly these bytes, then the end without close_notify.
    Raw(Vec<u8>),
    /// The connection ends without an answer.
    Drop,
    /// No answer, the connection stays open.
    Never,
}

impl From<&str> for Reply {
    fn from(json: &str) -> Self {
        Self::Body(200, json.as_bytes().to_vec())
    }
}

#[derive(Default)]
struct State {
    arrived: Vec<Arrived>,
    accepted: usize,
    closed: Vec<usize>,
    resumed: usize,
    enrolled: usize,
    script: HashMap<&'static str, VecDeque<Reply>>,
    always: HashMap<&'static str, Reply>,
}

pub struct FakeServer {
    pub url: String,
    pub ca_pem: String,
    state: Arc<Mutex<State>>,
}

impl FakeServer {
    /// Answers `{}`, and enrolments with K1, K2, …, until told otherwise.
    pub async fn start() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certified = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State::default()));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(accept(listener, acceptor, state.clone()));
        Self { url, ca_pem: certified.cert.pem(), state }
    }

    pub fn fleet(&self) -> FleetBuilder {
        Fleet::builder(&self.url, &self.ca_pem)
            .seed(7)
            .enroll_secret("s3cret")
            .mix(mimir_sim::Mix::uniform())
    }

    /// The next request to `endpoint` that has no reply yet gets this one.
    pub fn next(&self, endpoint: Endpoint, reply: impl Into<Reply>) -> &Self {
        let mut state = self.state.lock().unwrap();
        state.script.entry(endpoint.path()).or_default().push_back(reply.into());
        drop(state);
        self
    }

    /// Requests to `endpoint` without a reply of their own get this one.
    pub fn always(&self, endpoint: Endpoint, reply: impl Into<Reply>) -> &Self {
        self.state.lock().unwrap().always.insert(endpoint.path(), reply.into());
        self
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.state.lock().unwrap().arrived.clone()
    }

    pub fn to(&self, endpoint: Endpoint) -> Vec<Arrived> {
        let arrived = self.arrived();
        arrived.into_iter().filter(|request| request.path == endpoint.path()).collect()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().accepted
    }

    /// Connections the client has closed.
    pub fn closed(&self) -> Vec<usize> {
        self.state.lock().unwrap().closed.clone()
    }

    pub fn resumed(&self) -> usize {
        self.state.lock().unwrap().resumed
    }

    /// Forgets what arrived.
    pub fn clear(&self) {
        self.state.lock().unwrap().arrived.clear();
    }
}

/// Waits until `check` holds.
pub async fn wait_until(what: &str, check: impl Fn() -> bool) {
    let waiting = async {
        while !check() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited in vain: {what}");
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = {
            let mut state = state.lock().unwrap();
            state.accepted += 1;
            state.accepted - 1
        };
        let (acceptor, state) = (acceptor.clone(), state.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            if stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                state.lock().unwrap().resumed += 1;
            }
            serve(stream, number, &state).await;
            state.lock().unwrap().closed.push(number);
        });
    }
}

async fn serve(mut stream: TlsStream<TcpStream>, number: usize, state: &Mutex<State>) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, number, &mut buffer).await {
        let reply = state.lock().unwrap().reply(request);
        match reply {
            Reply::Body(status, body) => {
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
                stream.flush().await.unwrap();
            }
            Reply::Raw(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                stream.flush().await.unwrap();
                return;
            }
            Reply::Drop => return,
            Reply::Never => std::future::pending().await,
        }
    }
}

async fn read_request(
    stream: &mut TlsStream<TcpStream>,
    connection: usize,
    buffer: &mut Vec<u8>,
) -> Option<Arrived> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let peer = stream.get_ref().0.peer_addr().ok()?.ip();
    Some(Arrived { connection, peer, path, headers, body: buffer.drain(..length).collect() })
}

impl State {
    fn reply(&mut self, request: Arrived) -> Reply {
        let path = request.path.clone();
        self.arrived.push(request);
        let scripted = self.script.get_mut(path.as_str()).and_then(VecDeque::pop_front);
        if let Some(reply) = scripted.or_else(|| self.always.get(path.as_str()).cloned()) {
            return reply;
        }
        if path == Endpoint::Enroll.path() {
            self.enrolled += 1;
            return Reply::from(format!("{{\"node_key\": \"K{}\"}}", self.enrolled).as_str());
        }
        Reply::from("{}")
    }
}
