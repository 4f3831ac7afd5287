// SPDX-License-Identifier: Apache-2.0
//! Requests over real TLS. Each opens a connection with a full handshake, since osquery keeps
//! neither connections nor sessions (`osquery/remote/http_client.cpp`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http::{self, Answer};
use super::{Answering, Request, Transport, TransportError};
use crate::agent::Job;
use crate::fleet::SetupError;

/// A shared connection that was idle for longer is not used: servers close theirs after some
/// thirty seconds, and a request that is sent meanwhile is lost.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// Port of an address without one.
const DEFAULT_PORT: u16 = 443;

/// What becomes of a connection after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connections {
    /// As osquery: the old socket stays open and idle until the same thread of the same host
    /// sends again, then it is closed without TLS close_notify and a new one is opened. Costs an
    /// open socket for each host and thread.
    #[default]
    Lingering,
    /// Closed at once after the answer: for load from many hosts on one machine.
    Closed,
    /// Used again while the server allows it, as `mimir-agent` does and osquery never.
    KeptAlive,
    /// Kept, and used by whichever host sends next: a large fleet of kept connections in little
    /// memory. The node key tells the server who speaks.
    Shared,
}

/// Posts over TLS to one server.
pub struct TlsTransport {
    connector: TlsConnector,
    target: Target,
    connections: Connections,
    sources: u32,
    kept: Mutex<HashMap<(u32, Job), TlsStream<TcpStream>>>,
    /// Shared ones with the time of their last answer; the last one in is the first one out.
    idle: Mutex<Vec<(Instant, TlsStream<TcpStream>)>>,
    opened: AtomicU64,
}

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    host: String,
    port: u16,
    name: ServerName<'static>,
    /// Value of the `Host` header.
    authority: String,
}

impl TlsTransport {
    /// A transport to `url` (`https://host[:port]`, or just `host[:port]`) that trusts the
    /// certificates of `ca_pem` and nothing else.
    ///
    /// # Errors
    /// When the address or the PEM text cannot be used.
    pub fn new(url: &str, ca_pem: &str, connections: Connections) -> Result<Self, SetupError> {
        let target = Target::parse(url)?;
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|e| SetupError::Tls(e.to_string()))?
                .with_root_certificates(roots(ca_pem)?)
                .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            target,
            connections,
            sources: 0,
            kept: Mutex::default(),
            idle: Mutex::default(),
            opened: AtomicU64::new(0),
        })
    }

    /// Spreads hosts over `count` source addresses 127.1.0.1, 127.1.0.2, … so that a large
    /// fleet does not run out of local ports. For a server on an IPv4 loopback address only.
    #[must_use]
    pub fn with_sources(mut self, count: u32) -> Self {
        self.sources = count;
        self
    }

    async fn exchange(&self, request: &Request) -> Result<Vec<u8>, TransportError> {
        let place = (request.host, request.job);
        let old = self.take(place);
        let again = matches!(self.connections, Connections::KeptAlive | Connections::Shared);
        if let (true, Some(mut stream)) = (again, old) {
            // A kept connection may have been closed meanwhile; that is no failure.
            if let Ok(answer) = self.one(&mut stream, request).await {
                return Ok(self.put_back(place, stream, answer));
            }
        }
        let mut stream = self.connect(request.host).await?;
        let answer = self.one(&mut stream, request).await?;
        Ok(self.put_back(place, stream, answer))
    }

    async fn one(
        &self,
        stream: &mut TlsStream<TcpStream>,
        request: &Request,
    ) -> Result<Answer, TransportError> {
        http::send(stream, &self.target.authority, request).await?;
        http::receive(stream).await
    }

    fn put_back(&self, place: (u32, Job), stream: TlsStream<TcpStream>, answer: Answer) -> Vec<u8> {
        let keep = match self.connections {
            Connections::Lingering => true,
            Connections::Closed => false,
            Connections::KeptAlive | Connections::Shared => answer.reusable,
        };
        match (keep, self.connections) {
            (false, _) => {}
            (true, Connections::Shared) => self.idle().push((Instant::now(), stream)),
            (true, _) => drop(self.lock().insert(place, stream)),
        }
        answer.body
    }

    /// The connection that was kept for this place, or any shared one.
    fn take(&self, place: (u32, Job)) -> Option<TlsStream<TcpStream>> {
        if self.connections != Connections::Shared {
            return self.lock().remove(&place);
        }
        let mut idle = self.idle();
        let (since, stream) = idle.pop()?;
        if since.elapsed() > IDLE_MAX {
            // Those below were idle for even longer.
            idle.clear();
            return None;
        }
        Some(stream)
    }

    async fn connect(&self, host: u32) -> Result<TlsStream<TcpStream>, TransportError> {
        let failed = |e| TransportError::failed("connecting", e);
        self.opened.fetch_add(1, Ordering::Relaxed);
        let addresses = tokio::net::lookup_host((self.target.host.as_str(), self.target.port))
            .await
            .map_err(failed)?;
        let mut connected = Err(TransportError::failed("connecting", "the name has no address"));
        for address in addresses {
            connected = self.connect_to(address, host).await.map_err(failed);
            if connected.is_ok() {
                break;
            }
        }
        let stream = connected?;
        stream.set_nodelay(true).map_err(failed)?;
        let handshake = self.connector.connect(self.target.name.clone(), stream).await;
        handshake.map_err(|e| TransportError::failed("TLS handshake", e))
    }

    async fn connect_to(&self, address: SocketAddr, host: u32) -> std::io::Result<TcpStream> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let (true, Some(source)) = (address.is_ipv4(), self.source(host)) {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        socket.connect(address).await
    }

    /// The source address of `host`, when they are spread.
    fn source(&self, host: u32) -> Option<IpAddr> {
        let nth = host.checked_rem(self.sources)? % 0x00FE_FFFF + 1;
        let base = u32::from(Ipv4Addr::new(127, 1, 0, 0));
        Some(IpAddr::V4(Ipv4Addr::from(base + nth)))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, TlsStream<TcpStream>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(u32, Job), TlsStream<TcpStream>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for TlsTransport {
    fn post(&self, request: Request) -> Answering<'_> {
        Box::pin(async move { self.exchange(&request).await })
    }

    fn disconnect(&self, host: u32) {
        let mut kept = self.lock();
        if !kept.is_empty() {
            kept.retain(|(owner, _), _| *owner != host);
        }
    }

    fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

fn roots(ca_pem: &str) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let certificate = certificate.map_err(|e| SetupError::CaPem(e.to_string()))?;
        roots.add(certificate).map_err(|e| SetupError::CaPem(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(SetupError::CaPem("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

impl Target {
    fn parse(url: &str) -> Result<Self, SetupError> {
        let bad = |why: &str| SetupError::Url(url.to_owned(), why.to_owned());
        if url.starts_with("http://") {
            return Err(bad("osquery speaks TLS only, so it must begin with https://"));
        }
        let rest = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
        if rest.is_empty() || rest.contains(['/', '?', '#', '@']) {
            return Err(bad("write it as https://host:port without a path"));
        }
        let (host, port) = split_port(rest).ok_or_else(|| bad("the port is no number"))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| bad("the host is neither a name nor an address"))?;
        // Beside the default port, the header names the port too.
        let authority = if port == DEFAULT_PORT { bracketed(host) } else { rest.to_owned() };
        Ok(Self { host: host.to_owned(), port, name, authority })
    }
}

/// Splits `host[:port]`, where an IPv6 address with a port is in brackets.
fn split_port(rest: &str) -> Option<(&str, u16)> {
    if let Some(inner) = rest.strip_prefix('[') {
        let (host, port) = inner.split_once(']')?;
        let port =
            if port.is_empty() { DEFAULT_PORT } else { port.strip_prefix(':')?.parse().ok()? };
        return Some((host, port));
    }
    match rest.split_once(':') {
        None => Some((rest, DEFAULT_PORT)),
        Some((host, port)) => Some((host, port.parse().ok()?)),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let target = |url: &str| {
            let target = Target::parse(url).unwrap();
            (target.host, target.port, target.authority)
        };
        let expect = |host: &str, port, authority: &str| (host.into(), port, authority.into());
        assert_eq!(target("https://localhost:8443/"), expect("localhost", 8443, "localhost:8443"));
        assert_eq!(target("mimir.example"), expect("mimir.example", 443, "mimir.example"));
        assert_eq!(target("https://[::1]:9"), expect("::1", 9, "[::1]:9"));
        assert_eq!(target("https://[::1]"), expect("::1", 443, "[::1]"));
    }

    #[test]
    fn bad_addresses_and_certificates_say_why() {
        for url in ["http://localhost", "", "https://", "https://h:x", "https://h/path", "a b"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
        assert!(roots("no pem").is_err());
    }
}
