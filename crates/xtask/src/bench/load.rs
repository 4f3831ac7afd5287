// SPDX-License-Identifier: Apache-2.0
//! A plain HTTP/1.1 client over TLS that costs less than what it measures: one thread a
//! connection, one request at a time, as osquery's own requests are. It is no client for anything
//! else: it reads answers with a `Content-Length` only.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// Longest wait for a byte.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes read at once.
const STEP_BYTES: usize = 16 * 1024;

/// A server to send requests to.
#[derive(Clone)]
pub struct Goal {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Goal {
    /// The server at `address`, known by the CA certificate in this file.
    pub fn new(address: &str, ca: &Path) -> anyhow::Result<Self> {
        let address: SocketAddr = address.parse()?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca)?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Each stock agent comes without a session to resume.
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(Self { address, tls: Arc::new(tls), name: ServerName::IpAddress(address.ip().into()) })
    }

    /// Opens a connection.
    pub fn connect(&self) -> anyhow::Result<Connection> {
        let tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let tls = ClientConnection::new(Arc::clone(&self.tls), self.name.clone())?;
        Ok(Connection { stream: StreamOwned::new(tls, tcp), buffer: Vec::new() })
    }
}

/// An open connection.
pub struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends a body and answers what comes back, which must be a success.
    pub fn post(&mut self, path: &str, body: &[u8], keep: bool) -> anyhow::Result<Vec<u8>> {
        // The server ends the connections of stock osquery by itself: it never uses one twice.
        let agent = if keep { "mimir-agent/0.1.0" } else { "osquery/5.23.1" };
        let length = body.len();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\
             User-Agent: {agent}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request)?;
        self.stream.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> anyhow::Result<Vec<u8>> {
        self.buffer.clear();
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = std::str::from_utf8(&self.buffer[..end])?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "the server answered {}", head.trim_end());
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .context("an answer without a length")?;
        let whole = end + length.1.trim().parse::<usize>()?;
        while self.buffer.len() < whole {
            self.more()?;
        }
        Ok(self.buffer[end..whole].to_vec())
    }

    fn more(&mut self) -> anyhow::Result<()> {
        let filled = self.buffer.len();
        self.buffer.resize(filled + STEP_BYTES, 0);
        let StreamOwned { conn, sock } = &mut self.stream;
        let read = loop {
            match conn.reader().read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => break read?,
            }
            if conn.read_tls(sock)? == 0 {
                bail!("the server closed the connection");
            }
            conn.process_new_packets()?;
        };
        self.buffer.truncate(filled + read);
        ensure!(read > 0, "the server ended the connection");
        Ok(())
    }
}

/// Sends `requests` bodies, spread over `threads` connections, or each on a connection of its own
/// when they are not kept.
pub fn send(
    goal: &Goal,
    path: &str,
    requests: u64,
    threads: u64,
    keep: bool,
    body: impl Fn(u64) -> Vec<u8> + Sync,
) -> anyhow::Result<()> {
    let one = &|thread: u64| -> anyhow::Result<()> {
        let mut kept = if keep { Some(goal.connect()?) } else { None };
        for n in (thread..requests).step_by(usize::try_from(threads)?) {
            let answer = match &mut kept {
                Some(kept) => kept.post(path, &body(n), true)?,
                None => goal.connect()?.post(path, &body(n), false)?,
            };
            ensure!(answer == b"{}", "{}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|thread| scope.spawn(move || one(thread))).collect();
        started.into_iter().try_for_each(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}
