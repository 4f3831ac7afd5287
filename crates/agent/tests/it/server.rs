// SPDX-License-Identifier: Apache-2.0
//! A small server over TLS that behaves as Mimir's does towards one agent: it admits, offers each
//! query until it has an answer, keeps the first answer. A test scripts its failures.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Map, Value, json};

/// The secret that admits.
pub const SECRET: &str = "open sesame";

pub const ENROLL: &str = "/api/osquery/enroll";
pub const CONFIG: &str = "/api/osquery/config";
pub const READ: &str = "/api/osquery/distributed/read";
pub const WRITE: &str = "/api/osquery/distributed/write";
pub const LOG: &str = "/api/osquery/log";

/// A scripted reply, in the place of the usual one.
#[derive(Debug, Clone)]
pub enum Failure {
    /// This status and body; the request has no effect.
    Reply(u16, &'static str),
    /// As above with a Retry-After header.
    RetryAfter(u16, u64),
    /// The request has its effect, but the connection is cut before the reply.
    CutAfter,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its path.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Value,
}

/// What the server knows and does.
#[derive(Debug, Default)]
pub struct Script {
    /// Valid key; empty before an enrolment.
    pub key: String,
    /// Enrolments so far.
    pub enrolments: u32,
    /// Query name to SQL.
    pub offers: BTreeMap<String, String>,
    /// Query name to discovery query.
    pub discovery: BTreeMap<String, String>,
    /// Query name to rows, status and message of the first answer.
    pub answers: BTreeMap<String, (Value, i64, String)>,
    /// Result lines that were taken, in the order they came.
    pub results: Vec<Value>,
    /// Status lines that were taken.
    pub statuses: Vec<Value>,
    /// Result lines of this query are refused with status 400.
    pub refused_line: Option<&'static str>,
    /// Scripted failures by path, used up one by one.
    pub failures: BTreeMap<&'static str, VecDeque<Failure>>,
    /// Queries whose answers are refused with status 400.
    pub refused: Vec<&'static str>,
    /// The configuration.
    pub config: Value,
    /// Every request.
    pub seen: Vec<Seen>,
    /// TLS connections so far.
    pub connections: u32,
}

impl Script {
    /// Requests to a path.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// Scripts the next replies to a path.
    pub fn fail(&mut self, path: &'static str, failures: impl IntoIterator<Item = Failure>) {
        self.failures.entry(path).or_default().extend(failures);
    }

    /// Status, extra header line and body; `None` cuts the connection.
    fn reply(&mut self, seen: &Seen) -> Option<(u16, String, String)> {
        let failure = self.failures.get_mut(seen.path.as_str()).and_then(VecDeque::pop_front);
        match failure {
            Some(Failure::Reply(status, body)) => Some((status, String::new(), body.to_owned())),
            Some(Failure::RetryAfter(status, seconds)) => {
                Some((status, format!("Retry-After: {seconds}\r\n"), "busy".to_owned()))
            }
            Some(Failure::CutAfter) => {
                self.usual(seen);
                None
            }
            None => {
                let (status, body) = self.usual(seen);
                Some((status, String::new(), body.to_string()))
            }
        }
    }

    fn usual(&mut self, seen: &Seen) -> (u16, Value) {
        if seen.path == ENROLL {
            if seen.body["enroll_secret"] != SECRET {
                return (401, json!({"error": "wrong secret"}));
            }
            self.enrolments += 1;
            self.key = format!("key-{}", self.enrolments);
            return (200, json!({"node_key": self.key}));
        }
        let bearer = format!("NodeKey {}", self.key);
        let is_known = seen.headers.get("authorization") == Some(&bearer)
            && seen.body["node_key"] == Value::String(self.key.clone())
            && !self.key.is_empty();
        if !is_known {
            return (401, json!({"node_invalid": true, "error": "unknown node key"}));
        }
        match seen.path.as_str() {
            CONFIG => (200, self.config.clone()),
            READ => (200, self.offer()),
            WRITE => self.take(&seen.body),
            LOG => self.take_log(&seen.body),
            _ => (404, json!({"error": "no such path"})),
        }
    }

    fn offer(&self) -> Value {
        let open = self.offers.iter().filter(|(name, _)| !self.answers.contains_key(*name));
        let queries: Map<String, Value> =
            open.map(|(name, sql)| (name.clone(), json!(sql))).collect();
        match (queries.is_empty(), self.discovery.is_empty()) {
            (true, _) => json!({}),
            (false, true) => json!({ "queries": queries }),
            (false, false) => json!({ "queries": queries, "discovery": self.discovery }),
        }
    }

    fn take(&mut self, body: &Value) -> (u16, Value) {
        let queries = body["queries"].as_object().expect("an object of queries");
        if queries.keys().any(|name| self.refused.contains(&name.as_str())) {
            return (400, json!({"error": "this answer is not liked"}));
        }
        for (name, rows) in queries {
            let status = body["statuses"][name].as_i64().expect("a status");
            let message = body["messages"][name].as_str().expect("a message").to_owned();
            self.answers.entry(name.clone()).or_insert((rows.clone(), status, message));
        }
        (200, json!({}))
    }
}

impl Script {
    fn take_log(&mut self, body: &Value) -> (u16, Value) {
        let lines = body["data"].as_array().expect("lines").clone();
        if self.refused_line.is_some_and(|name| lines.iter().any(|line| line["name"] == name)) {
            return (400, json!({"error": "this line is not liked"}));
        }
        match body["log_type"].as_str() {
            Some("result") => self.results.extend(lines),
            Some("status") => self.statuses.extend(lines),
            other => panic!("log_type {other:?}"),
        }
        (200, json!({}))
    }
}

/// The server, listening until it is dropped.
pub struct Server {
    /// Its address.
    pub url: String,
    /// The authority behind its certificate.
    pub ca: PathBuf,
    /// File with the secret.
    pub secret: PathBuf,
    directory: tempfile::TempDir,
    script: Arc<Mutex<Script>>,
    ending: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
    port: u16,
}

impl Server {
    /// Starts a server that has nothing to offer.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (ca, secret) = (directory.path().join("ca.pem"), directory.path().join("secret"));
        let (config, authority) = certificates();
        std::fs::write(&ca, authority).unwrap();
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(Script { config: json!({}), ..Script::default() }));
        let ending = Arc::new(AtomicBool::new(false));
        let listener = {
            let (script, ending) = (Arc::clone(&script), Arc::clone(&ending));
            std::thread::spawn(move || {
                for stream in socket.incoming() {
                    if ending.load(Ordering::SeqCst) {
                        break;
                    }
                    let Ok(stream) = stream else { continue };
                    let (script, config) = (Arc::clone(&script), Arc::clone(&config));
                    std::thread::spawn(move || serve(stream, config, &script));
                }
            })
        };
        let url = format!("https://127.0.0.1:{port}");
        Self { url, ca, secret, directory, script, ending, listener: Some(listener), port }
    }

    /// What the server knows and does.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// A directory that lives as long as the server.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        self.listener.take().map(JoinHandle::join);
    }
}

/// A server configuration and the authority that its certificate comes from, as PEM.
fn certificates() -> (Arc<ServerConfig>, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (Arc::new(config), authority.pem())
}

/// Serves one connection until the agent closes it.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, script: &Mutex<Script>) {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut is_first = true;
    while let Some(seen) = request(&mut stream) {
        let mut script = script.lock().unwrap();
        script.connections += u32::from(std::mem::take(&mut is_first));
        script.seen.push(seen.clone());
        let Some((status, header, body)) = script.reply(&seen) else { return };
        drop(script);
        let reply =
            format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {}\r\n\r\n{body}", body.len());
        if stream.get_mut().write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn request(stream: &mut impl BufRead) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).ok()?;
        body = plain;
    }
    Some(Seen { path, headers, body: serde_json::from_slice(&body).ok()? })
}
