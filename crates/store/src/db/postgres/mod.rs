// SPDX-License-Identifier: Apache-2.0
//! PostgreSQL: a few threads, each with one connection, that take units of work from a common
//! queue. Threads of our own, because the synchronous driver must not run inside an async
//! runtime, not even to close a connection.

#[cfg(feature = "testing")]
mod admin;
mod connect;
mod error;
mod listen;
pub(super) mod statement;
mod types;
mod worker;

use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};

#[cfg(feature = "testing")]
pub(crate) use self::admin::{run_alone, with_lock};
use self::connect::Target;
pub use self::listen::{Listener, Notice};
use self::worker::{Mode, Task, Worker};
use super::job::{self, Job};
use super::stats::Counters;
use super::{DbError, Tx, monotonic};

/// Units of work that may wait; further callers block until there is room.
const QUEUE: usize = 4096;

/// A PostgreSQL database.
pub(super) struct Postgres {
    queue: Sender<Task>,
    target: Target,
}

impl Postgres {
    pub(super) fn open(
        url: &str,
        connections: usize,
        owner: u64,
        counters: &Arc<Counters>,
    ) -> Result<Self, DbError> {
        let target = Target::parse(url)?;
        let (queue, tasks) = bounded(QUEUE);
        for number in 0..connections.max(1) {
            let worker = Worker {
                target: target.clone(),
                owner,
                counters: Arc::clone(counters),
                session: None,
                failure: None,
            };
            let tasks = tasks.clone();
            std::thread::Builder::new()
                .name(format!("postgres-{number}"))
                .spawn(move || worker.work(&tasks))
                .map_err(|error| DbError::Unavailable(format!("cannot start a thread: {error}")))?;
        }
        let postgres = Self { queue, target };
        postgres.check()?;
        Ok(postgres)
    }

    /// Connects once, so that a wrong address is found at the start.
    fn check(&self) -> Result<(), DbError> {
        let (job, answer) = job::call(|tx: &mut Tx<'_>| {
            let encoding = tx.query_one("select current_setting('server_encoding')", &[])?;
            encoding.get::<String>(0)
        });
        self.read(job);
        let gone = || DbError::Unavailable("the database thread has ended".to_owned());
        let encoding = answer.recv().map_err(|_| gone())??;
        if encoding == "UTF8" {
            return Ok(());
        }
        let advice = "create the database with `encoding 'UTF8' template template0`";
        Err(DbError::Address(format!("the database's encoding is {encoding}; {advice}")))
    }

    pub(super) fn write(&self, job: Box<dyn Job>) {
        self.send(job, Mode::Write);
    }

    pub(super) fn read(&self, job: Box<dyn Job>) {
        self.send(job, Mode::Read);
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn send(&self, job: Box<dyn Job>, mode: Mode) {
        let task = Task { job, mode, queued: monotonic::now() };
        if let Err(unsent) = self.queue.send(task) {
            let gone = DbError::Unavailable("the database threads have ended".to_owned());
            unsent.into_inner().job.finish(Err(gone));
        }
    }

    pub(super) fn listen(
        &self,
        channel: &str,
        callback: Box<dyn FnMut(Notice) + Send>,
    ) -> Result<Listener, DbError> {
        Listener::start(self.target.clone(), channel, callback)
    }
}
