// SPDX-License-Identifier: Apache-2.0
//! The threads that hold the connections to PostgreSQL. Each takes units of work from the common
//! queue and runs each in its own transaction: again when it got into the way of another one or
//! when the connection broke before the commit, never again once a commit was sent.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use postgres::{Client, IsolationLevel};

use super::connect::Target;
use super::error::from_postgres;
use super::statement::{Cache, PgTx};
use crate::db::job::{Job, Ran};
use crate::db::stats::Counters;
use crate::db::tx::{Backend, Tx};
use crate::db::{DbError, monotonic, nesting};

/// How often a unit is run in all.
const ATTEMPTS: u32 = 6;
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// How long a unit waits for a server that cannot be reached, from when it was queued.
const RECONNECT_WAIT: Duration = Duration::from_secs(5);
/// The pause between attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

/// A unit of work in the queue.
pub(super) struct Task {
    pub(super) job: Box<dyn Job>,
    pub(super) mode: Mode,
    pub(super) queued: Instant,
}

/// What a unit may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
}

/// A thread's connection, made when it is needed.
pub(super) struct Worker {
    pub(super) target: Target,
    pub(super) owner: u64,
    pub(super) counters: Arc<Counters>,
    pub(super) session: Option<Session>,
    /// When connecting failed last, and why.
    pub(super) failure: Option<(Instant, DbError)>,
}

pub(super) struct Session {
    client: Client,
    cache: Cache,
}

/// How an attempt ended.
enum End {
    /// Finished; this is the fate of the transaction.
    Done(Result<(), DbError>),
    /// Nothing was kept and another attempt may help.
    Again(DbError),
}

impl Worker {
    pub(super) fn work(mut self, tasks: &Receiver<Task>) {
        let _inside = nesting::enter(self.owner);
        while let Ok(mut task) = tasks.recv() {
            let fate = self.run(&mut task);
            task.job.finish(fate);
        }
    }

    fn run(&mut self, task: &mut Task) -> Result<(), DbError> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let session = self.connected(task.queued + RECONNECT_WAIT)?;
            let end = attempt_once(session, task);
            if session.client.is_closed() {
                self.session = None;
            }
            match end {
                End::Done(fate) => {
                    if fate.is_ok() && task.mode == Mode::Write {
                        self.counters.add(1);
                    }
                    return fate;
                }
                End::Again(error) if attempt == ATTEMPTS => return Err(error),
                End::Again(error) => {
                    tracing::debug!(attempt, %error, "transaction is tried again");
                    std::thread::sleep(spread(pause));
                    pause *= 2;
                }
            }
        }
        Ok(())
    }

    /// The connection, made anew if there is none, until `deadline`.
    fn connected(&mut self, deadline: Instant) -> Result<&mut Session, DbError> {
        while self.session.is_none() {
            // While a server is down, units that have waited long enough fail at once instead
            // of each waiting for an attempt of its own.
            if let Some((when, error)) = &self.failure
                && monotonic::now() >= deadline
                && when.elapsed() < RECONNECT_WAIT
            {
                return Err(error.clone());
            }
            match self.target.connect() {
                Ok(client) => {
                    self.failure = None;
                    self.session = Some(Session { client, cache: Cache::default() });
                }
                Err(error) => {
                    self.failure = Some((monotonic::now(), error.clone()));
                    if !error.is_retryable() || monotonic::now() >= deadline {
                        return Err(error);
                    }
                    std::thread::sleep(RECONNECT_PAUSE);
                }
            }
        }
        self.session.as_mut().ok_or_else(|| DbError::Unavailable("no connection".to_owned()))
    }
}

fn attempt_once(session: &mut Session, task: &mut Task) -> End {
    let builder = session.client.build_transaction();
    let started = match task.mode {
        Mode::Write => builder.isolation_level(IsolationLevel::ReadCommitted).start(),
        Mode::Read => {
            builder.isolation_level(IsolationLevel::RepeatableRead).read_only(true).start()
        }
    };
    let transaction = match started {
        Ok(transaction) => transaction,
        Err(error) => return again_or_done(from_postgres(&error)),
    };
    let pg = PgTx { transaction, cache: &mut session.cache };
    let mut tx = Tx::new(Backend::Postgres(pg));
    let ran = task.job.run(&mut tx);
    let trouble = tx.take_trouble();
    let Backend::Postgres(PgTx { transaction, .. }) = tx.backend else {
        return End::Done(Err(DbError::Usage("the transaction changed its engine".to_owned())));
    };
    match (ran, trouble, task.mode) {
        (Ran::Keep, _, Mode::Write) => match transaction.commit() {
            Ok(()) => End::Done(Ok(())),
            Err(error) => commit_failed(from_postgres(&error)),
        },
        // What was read is good, whatever happens to the connection now.
        (Ran::Keep, _, Mode::Read) => {
            drop(transaction);
            End::Done(Ok(()))
        }
        (Ran::Undo, Some(trouble), _) => {
            drop(transaction);
            End::Again(trouble)
        }
        (Ran::Undo | Ran::Panicked, ..) => {
            drop(transaction);
            End::Done(Err(DbError::Aborted))
        }
    }
}

fn again_or_done(error: DbError) -> End {
    if error.is_retryable() { End::Again(error) } else { End::Done(Err(error)) }
}

/// A commit that the server refused was not done; one whose answer is missing may have been.
fn commit_failed(error: DbError) -> End {
    match error {
        DbError::Contention(_) => End::Again(error),
        DbError::Unavailable(reason) => End::Done(Err(DbError::OutcomeUnknown(reason))),
        error => End::Done(Err(error)),
    }
}

/// A pause of between half and all of `pause`, so that two that collided part.
fn spread(pause: Duration) -> Duration {
    // Every hasher starts from another random number; that is all the randomness needed.
    let random = (RandomState::new().build_hasher().finish() % 1024) as u32;
    pause / 2 + pause / 2 * random / 1024
}
