// SPDX-License-Identifier: Apache-2.0
//! The floors: the least a program can do for the same effect. A hyper and rustls server that
//! answers a constant over the same TLS settings, as a process of its own; the same with a store
//! behind it; and SQLite by itself, without anything of Mimir around it.

use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use mimir_server::tls;
use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

use super::usage;

/// Answers in one transaction at the most, as many as are in flight.
const GROUP: usize = 64;

/// What the stored floor hands to its writer.
type Job = (Vec<u8>, oneshot::Sender<()>);

/// `xtask bench-floor ADDRESS CERT KEY [FILE]`: answers `{}` to everything; with a file, once the
/// body lies in it, compressed.
pub fn serve(words: &[&str]) -> anyhow::Result<()> {
    let (address, cert, key, file) = match words {
        [address, cert, key] => (address, cert, key, None),
        [address, cert, key, file] => (address, cert, key, Some(Path::new(file))),
        _ => bail!("give an address, a certificate, its key, and perhaps a file"),
    };
    let acceptor = TlsAcceptor::from(tls::server_config(Path::new(cert), Path::new(key))?);
    let store = file.map(start_writer).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (tcp, _) = listener.accept().await?;
            let (acceptor, store) = (acceptor.clone(), store.clone());
            tokio::spawn(async move {
                tcp.set_nodelay(true).ok();
                let Ok(stream) = acceptor.accept(tcp).await else { return };
                let service = service_fn(|request| answer(request, store.clone()));
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new());
                drop(http.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    })
}

async fn answer(
    request: Request<Incoming>,
    store: Option<mpsc::Sender<Job>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    if let (Some(store), Ok(body)) = (store, body) {
        let (done, stored) = oneshot::channel();
        let packed = zstd::bulk::compress(&body, 1).unwrap_or_default();
        drop(store.send((packed, done)).await);
        drop(stored.await);
    }
    let json = hyper::header::HeaderValue::from_static("application/json");
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    Ok(response)
}

fn start_writer(file: &Path) -> anyhow::Result<mpsc::Sender<Job>> {
    let (sender, mut jobs) = mpsc::channel::<Job>(4 * GROUP);
    let mut blobs = Blobs::open(file)?;
    std::thread::spawn(move || {
        while let Some(first) = jobs.blocking_recv() {
            let mut group = vec![first];
            while let Some(job) = (group.len() < GROUP).then(|| jobs.try_recv().ok()).flatten() {
                group.push(job);
            }
            let written = blobs.commit(group.iter().map(|(packed, _)| packed.as_slice()));
            written.expect("the floor can write");
            for (_, done) in group {
                // Who does not wait any more needs no answer.
                let _ = done.send(());
            }
        }
    });
    Ok(sender)
}

/// A table of blobs.
struct Blobs {
    db: Connection,
    next: i64,
}

impl Blobs {
    fn open(file: &Path) -> anyhow::Result<Self> {
        let db = open(file)?;
        db.execute_batch("create table blobs (no integer primary key, data blob not null) strict")?;
        Ok(Self { db, next: 0 })
    }

    fn commit<'b>(&mut self, blobs: impl Iterator<Item = &'b [u8]>) -> anyhow::Result<()> {
        let tx = self.db.transaction()?;
        let mut insert = tx.prepare_cached("insert into blobs (no, data) values (?1, ?2)")?;
        for blob in blobs {
            self.next += 1;
            insert.execute(params![self.next, blob])?;
        }
        drop(insert);
        Ok(tx.commit()?)
    }
}

/// A database as durable as Mimir's.
fn open(file: &Path) -> anyhow::Result<Connection> {
    let db = Connection::open(file)?;
    db.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4096; \
         pragma cache_size = -65536",
    )?;
    Ok(db)
}

/// Writes blobs, as many in a transaction as are in flight; answers the processor time.
pub fn group_commit(file: &Path, blobs: &[Vec<u8>]) -> anyhow::Result<Duration> {
    let mut store = Blobs::open(file)?;
    let all = || blobs.chunks(GROUP).try_for_each(|g| store.commit(g.iter().map(Vec::as_slice)));
    Ok(usage::timed(all)?.1)
}

/// A table like the ledger, into which rows are inserted and nothing else happens.
pub struct Bulk {
    db: Connection,
    campaigns: i64,
}

impl Bulk {
    /// In a new file.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        let db = open(file)?;
        db.execute_batch(
            "create table ledger (campaign_no integer not null, host_no integer not null, \
             state text not null, late integer not null, attempts integer not null, \
             parts_answered integer not null, row_count integer not null, \
             stored_rows integer not null, truncated integer not null, \
             state_changed_at integer not null, \
             primary key (campaign_no, host_no)) strict, without rowid",
        )?;
        Ok(Self { db, campaigns: 0 })
    }

    /// Inserts a row for each host in one transaction; answers how long it took.
    pub fn insert(&mut self, hosts: u64) -> anyhow::Result<Duration> {
        self.campaigns += 1;
        let start = Instant::now();
        let tx = self.db.transaction()?;
        let mut insert = tx.prepare_cached(
            "insert into ledger values (?1, ?2, 'pending', 0, 0, 0, 0, 0, 0, 1700000000000000)",
        )?;
        for host in 1..=hosts {
            insert.execute(params![self.campaigns, i64::try_from(host)?])?;
        }
        drop(insert);
        tx.commit()?;
        Ok(start.elapsed())
    }
}

/// A floor that runs as a process.
pub struct Server {
    process: std::process::Child,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// Starts it with the certificate of a data directory.
    pub fn start(programs: &Path, data: &Path, file: Option<&Path>) -> anyhow::Result<Self> {
        let address = super::rig::free_address()?;
        let mut command = std::process::Command::new(programs.join("xtask"));
        command.args(["bench-floor", &address]);
        command.args([data.join("server.pem"), data.join("server.key")]).args(file);
        let process = command.spawn().context("cannot start the floor")?;
        let server = Self { process, address };
        super::rig::wait("the floor", || std::net::TcpStream::connect(&server.address).ok())?;
        Ok(server)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
