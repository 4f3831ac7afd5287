// SPDX-License-Identifier: Apache-2.0
//! One server process: the real service with its whole router, on the common database, without
//! sockets and without threads. Its death is the loss of everything it has in memory.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use mimir_server::app::{App, AppConfig};
use mimir_server::clock::{Clock, SimulatedTime};
use mimir_server::http::router::router;
use mimir_server::{ingest, jobs};
use mimir_store::db::{Db, Faults};
use tower::ServiceExt as _;

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// A request that a replica is at.
pub type Answering = Pin<Box<dyn Future<Output = Reply>>>;

type Door = Box<dyn Fn(Request<Full<Bytes>>) -> Answering>;

/// Who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The machine of this number, in this many-eth exchange.
    Machine(usize, u64),
    /// Nobody: a copy, or one that was given up.
    Nobody(usize),
}

impl Origin {
    /// The machine that sent it.
    pub const fn machine(self) -> usize {
        match self {
            Self::Machine(machine, _) | Self::Nobody(machine) => machine,
        }
    }
}

/// A request that waits inside a replica.
pub struct Waiting {
    /// Who asked.
    pub origin: Origin,
    /// What.
    pub asked: mimir_sim::transport::Request,
    answering: Answering,
}

/// See the module.
pub struct Replica {
    /// The service.
    pub app: Arc<App>,
    /// What happens at its writes.
    pub faults: Faults,
    /// Its clock.
    pub time: SimulatedTime,
    /// Version of the changes that it must know of.
    pub known: i64,
    /// Offers that it has made and not written yet: campaign and host.
    pub unwritten: Vec<(i64, i64)>,
    /// Requests it is at.
    pub waiting: Vec<Waiting>,
    door: Door,
}

impl Replica {
    /// Starts a process on the database.
    ///
    /// # Errors
    /// When it cannot start.
    pub fn start(db: &Db, time: SimulatedTime, shared: bool, known: i64) -> anyhow::Result<Self> {
        let faults = Faults::new();
        let config = AppConfig { shared_database: shared, ..AppConfig::default() };
        let clock = Clock::simulated(time.clone());
        let app = App::open_without_threads(db.with_faults(faults.clone()), clock, config)?;
        let router = router(&app, None);
        let door: Door = Box::new(move |request| {
            let answer = router.clone().oneshot(request);
            Box::pin(async move {
                let response = match answer.await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                let status = response.status();
                let body = response.into_body().collect().await;
                Reply { status, body: body.map(|body| body.to_bytes()).unwrap_or_default() }
            })
        });
        let (unwritten, waiting) = (Vec::new(), Vec::new());
        Ok(Self { app, faults, time, known, unwritten, waiting, door })
    }

    /// Sends a request; the answer, if it is there at once.
    pub fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, Answering> {
        let mut answering = (self.door)(request);
        match poll(&mut answering) {
            Some(reply) => Ok(reply),
            None => Err(answering),
        }
    }

    /// Keeps a request that is not answered yet.
    pub fn hold(
        &mut self,
        origin: Origin,
        asked: mimir_sim::transport::Request,
        answering: Answering,
    ) {
        self.waiting.push(Waiting { origin, asked, answering });
    }

    /// Requests that are answered by now.
    pub fn answered(&mut self) -> Vec<(Origin, mimir_sim::transport::Request, Reply)> {
        let mut ready = Vec::new();
        let mut still = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting) {
            match poll(&mut waiting.answering) {
                Some(reply) => ready.push((waiting.origin, waiting.asked, reply)),
                None => still.push(waiting),
            }
        }
        self.waiting = still;
        ready
    }

    /// The lane takes a turn.
    pub fn lane(&mut self, behind_is_due: bool) {
        while ingest::take_turn(&self.app, behind_is_due) {}
    }

    /// The jobs take the turn of this number, which decides which are due.
    pub fn jobs(&mut self, ticks: u64) {
        jobs::take_turn(&self.app, ticks);
    }

    /// What an orderly stop does last.
    pub fn flush(&mut self) {
        while ingest::flush_behind(&self.app) {}
        // A failure here is one of those that were planned.
        drop(jobs::flush_seen(&self.app));
    }
}

fn poll(answering: &mut Answering) -> Option<Reply> {
    match answering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(reply) => Some(reply),
        Poll::Pending => None,
    }
}
