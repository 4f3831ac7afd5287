// SPDX-License-Identifier: Apache-2.0
//! The server's own accept loop: TCP, TLS and HTTP/1.1 in front of any tower service, with a limit
//! on everything a client can make the server hold or wait for.
//!
//! | what a client can do | what bounds it |
//! |---|---|
//! | open many connections | a limit in all, and one for each address |
//! | start a handshake and stall | its time, and how many are in progress |
//! | send a head slowly, or none | [`limits::REQUEST_HEAD_S_MAX`], which idle connections share |
//! | send a huge head | [`limits::REQUEST_HEAD_BYTES_MAX`] (answered with 431) |
//! | not read its answer | [`limits::WRITE_STALL_S_MAX`] without a byte taken |
//!
//! Bodies are the business of `http::body`. Every refusal is counted; none is logged as an error,
//! because stock agents end connections as they please.

mod address;
mod connection;
mod stall;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use mimir_engine::limits;
use nix::errno::Errno;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::metrics as names;
use address::AddressCounts;
pub use address::{ClientAddr, Network, NotANetwork, PeerAddr, Proxies, network};
use connection::Shared;

/// Connections the system may hold before they are accepted.
const BACKLOG: u32 = 4096;
/// Pause after a failure to accept that only time can heal.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How to listen.
#[derive(Clone)]
pub struct ListenOptions {
    /// TLS, or plain HTTP without it.
    pub tls: Option<Arc<ServerConfig>>,
    /// The proxies in front, if there are any: what they write in `X-Forwarded-For` names the
    /// client, and they are free of the limit for each address, because they speak for many.
    pub proxies: Option<Proxies>,
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections open at once from one address.
    pub connections_per_address_max: usize,
    /// Longest TLS handshake.
    pub handshake_max: Duration,
    /// Longest time to the end of a request's head, counted from the connection's start or the
    /// end of the answer before.
    pub head_max: Duration,
    /// Longest time in which a client takes no byte of its answer.
    pub write_stall_max: Duration,
    /// Longest time for requests in progress to end after the stop.
    pub shutdown_max: Duration,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            tls: None,
            proxies: None,
            connections_max: limits::CONNECTIONS_MAX,
            connections_per_address_max: limits::CONNECTIONS_PER_ADDRESS_MAX,
            handshake_max: Duration::from_secs(limits::HANDSHAKE_S_MAX),
            head_max: Duration::from_secs(limits::REQUEST_HEAD_S_MAX),
            write_stall_max: Duration::from_secs(limits::WRITE_STALL_S_MAX),
            shutdown_max: Duration::from_secs(limits::SHUTDOWN_S_MAX),
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that had to be broken off because their requests did not end in time.
    pub connections_cut: usize,
}

/// Binds an address.
///
/// # Errors
/// When the address cannot be bound; the message says which and what to do.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let bound = || -> io::Result<TcpListener> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restart must not wait for old connections to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => "another process listens there; stop it or choose another",
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another",
            io::ErrorKind::AddrNotAvailable => "this machine has no such address",
            _ => {
                return io::Error::new(
                    error.kind(),
                    format!("cannot listen on {address}: {error}"),
                );
            }
        };
        io::Error::new(error.kind(), format!("cannot listen on {address}: {advice}"))
    })
}

/// Allows the process as many open files as the system lets it, and answers how many connections
/// fit beside its other files.
pub fn raise_open_files() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return limits::CONNECTIONS_MAX;
    };
    let wanted = hard.min((limits::CONNECTIONS_MAX + limits::OPEN_FILES_RESERVED) as u64).max(soft);
    let now = match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => wanted,
        Err(_) => soft,
    };
    let free =
        usize::try_from(now).unwrap_or(usize::MAX).saturating_sub(limits::OPEN_FILES_RESERVED);
    free.clamp(1, limits::CONNECTIONS_MAX)
}

/// Serves until `stop` is cancelled, then lets the requests in progress end.
///
/// Handlers find [`PeerAddr`] and [`ClientAddr`] among a request's extensions. Requests that wait
/// for something on purpose (held reads, event streams) must watch the same token.
pub async fn serve<S>(
    listener: TcpListener,
    options: ListenOptions,
    service: S,
    stop: CancellationToken,
) -> Drained
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let slots = Arc::new(Semaphore::new(options.connections_max));
    let addresses = AddressCounts::new(options.connections_per_address_max);
    let shared = Arc::new(Shared::new(options, service, stop.clone()));
    let refused_total = metrics::counter!(names::CONNECTIONS_REFUSED, "reason" => "total");
    let refused_address = metrics::counter!(names::CONNECTIONS_REFUSED, "reason" => "address");
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let Some((stream, peer)) = accepted else { continue };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            refused_total.increment(1);
            continue;
        };
        let proxies = shared.options.proxies.as_ref();
        let exempt = proxies.is_some_and(|proxies| proxies.trust(peer.ip()));
        let Some(counted) = addresses.enter(peer.ip(), exempt) else {
            refused_address.increment(1);
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            connection::run(stream, peer, &shared).await;
            drop((slot, counted));
        });
    }
    drop(listener);
    drain(&slots, &shared).await
}

/// Waits for all connections to end, and breaks off those that do not in time.
async fn drain<S>(slots: &Semaphore, shared: &Shared<S>) -> Drained {
    let all = shared.options.connections_max;
    let all_slots = u32::try_from(all).unwrap_or(u32::MAX);
    let ended = tokio::time::timeout(shared.options.shutdown_max, slots.acquire_many(all_slots));
    if ended.await.is_ok() {
        return Drained { connections_cut: 0 };
    }
    let connections_cut = all - slots.available_permits();
    let cut = u64::try_from(connections_cut).unwrap_or(u64::MAX);
    metrics::counter!(names::CONNECTIONS_CUT, "reason" => "shutdown").increment(cut);
    shared.cut.cancel();
    // Each task ends at its next poll; a handler that blocks its thread is not waited for.
    let _ = tokio::time::timeout(ACCEPT_PAUSE, slots.acquire_many(all_slots)).await;
    Drained { connections_cut }
}

/// The next connection; `None` after a failure, which must never end the loop.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            metrics::counter!(names::ACCEPT_ERRORS).increment(1);
            if lacks_resources(&error) {
                // The connection stays in the queue, so trying again at once would only spin.
                tracing::warn!(%error, "cannot accept connections; raise the limit of open files");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            None
        }
    }
}

fn lacks_resources(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM))
}
