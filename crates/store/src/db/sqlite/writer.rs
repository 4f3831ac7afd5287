// SPDX-License-Identifier: Apache-2.0
//! The one thread that writes to a SQLite file. Work that waits while a commit is under way is
//! put into the next transaction together (group commit), so that many small changes share one
//! flush to disk. Each unit runs in a savepoint: its failure undoes only itself. Callers are
//! answered after the commit, never before.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;

use super::error::from_sqlite;
use crate::db::job::{Job, Ran};
use crate::db::stats::Counters;
use crate::db::tx::{Backend, Tx};
use crate::db::{DbError, monotonic, nesting};

/// The most units of work in one transaction.
const GROUP_MAX: usize = 256;
/// After this time no further unit joins a transaction, so that the first need not wait long.
const GROUP_TIME: Duration = Duration::from_millis(50);
/// Units of work that may wait; further callers block until there is room.
const QUEUE: usize = 4096;

/// The queue to the writer thread; dropping it ends the thread after what is queued.
pub(in crate::db) struct Writer {
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        conn: Connection,
        owner: u64,
        counters: Arc<Counters>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_all(&conn, &jobs, owner, &counters))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn send(&self, job: Box<dyn Job>) {
        let Some(queue) = &self.queue else { return };
        if let Err(unsent) = queue.send(job) {
            let gone = DbError::Unavailable("the writer thread has ended".to_owned());
            unsent.into_inner().finish(Err(gone));
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return };
        // The last handle may be dropped by the writer thread itself, inside a unit of work.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the SQLite writer thread had panicked");
        }
    }
}

fn write_all(conn: &Connection, jobs: &Receiver<Box<dyn Job>>, owner: u64, counters: &Counters) {
    let _inside = nesting::enter(owner);
    while let Ok(first) = jobs.recv() {
        write_group(conn, first, jobs, counters);
    }
}

/// Runs `first` and what else waits in one transaction.
fn write_group(
    conn: &Connection,
    first: Box<dyn Job>,
    jobs: &Receiver<Box<dyn Job>>,
    counters: &Counters,
) {
    if let Err(error) = run(conn, "begin immediate") {
        first.finish(Err(error));
        return;
    }
    let started = monotonic::now();
    let mut group: Vec<Box<dyn Job>> = Vec::new();
    let mut next = Some(first);
    while let Some(mut job) = next {
        let ran = run_unit(conn, job.as_mut());
        if ran.is_err() || conn.is_autocommit() {
            // Some failures (a full disk, an I/O error) make SQLite undo the whole transaction.
            // The one that failed is told so, the others start over, each for itself.
            roll_back(conn);
            job.finish(ran.and(Err(DbError::Aborted)));
            group.into_iter().for_each(|job| write_alone(conn, job, counters));
            return;
        }
        group.push(job);
        let room = group.len() < GROUP_MAX && started.elapsed() < GROUP_TIME;
        next = if room { jobs.try_recv().ok() } else { None };
    }
    match run(conn, "commit") {
        Ok(()) => {
            counters.add(group.len());
            group.into_iter().for_each(|job| job.finish(Ok(())));
        }
        Err(DbError::Constraint { .. }) if group.len() > 1 => {
            // A rule that is checked at commit was broken by one of them: find out by whom.
            roll_back(conn);
            group.into_iter().for_each(|job| write_alone(conn, job, counters));
        }
        Err(error) => {
            roll_back(conn);
            group.into_iter().for_each(|job| job.finish(Err(error.clone())));
        }
    }
}

/// Runs one unit in a transaction of its own and answers its caller.
pub(super) fn write_alone(conn: &Connection, mut job: Box<dyn Job>, counters: &Counters) {
    let result = run(conn, "begin immediate")
        .and_then(|()| run_unit(conn, job.as_mut()))
        .and_then(|()| if conn.is_autocommit() { Err(DbError::Aborted) } else { Ok(()) })
        .and_then(|()| run(conn, "commit"));
    match &result {
        Ok(()) => counters.add(1),
        Err(_) => roll_back(conn),
    }
    job.finish(result);
}

/// Runs a unit in a savepoint, which is undone unless the unit wants its changes kept. An error
/// says that the savepoint itself did not work.
fn run_unit(conn: &Connection, job: &mut dyn Job) -> Result<(), DbError> {
    run(conn, "savepoint unit")?;
    let ran = job.run(&mut Tx::new(Backend::Sqlite(conn)));
    if conn.is_autocommit() {
        return Ok(());
    }
    if ran != Ran::Keep {
        run(conn, "rollback to savepoint unit")?;
    }
    run(conn, "release savepoint unit")
}

/// Ends whatever transaction is open; SQLite may have ended it already.
pub(super) fn roll_back(conn: &Connection) {
    if !conn.is_autocommit()
        && let Err(error) = run(conn, "rollback")
    {
        tracing::error!(%error, "could not roll back");
    }
}

pub(super) fn run(conn: &Connection, sql: &str) -> Result<(), DbError> {
    conn.prepare_cached(sql)
        .and_then(|mut statement| statement.raw_execute())
        .map(drop)
        .map_err(|error| from_sqlite(&error))
}
