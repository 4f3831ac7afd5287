// SPDX-License-Identifier: Apache-2.0
//! Hearing what other servers announce with `pg_notify`. Notices are hints: one can be lost while
//! the connection is down, so each new connection is announced too, and whoever listens then
//! looks for what was missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;

use super::connect::Target;
use super::error::from_postgres;
use crate::db::{DbError, monotonic};

/// How often the thread looks whether it shall end.
const LOOK: Duration = Duration::from_millis(250);
/// How often a quiet connection is asked whether it is alive.
const PROBE: Duration = Duration::from_secs(20);
/// The longest pause between attempts to connect; the first is one `LOOK`.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What a listener is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The listener is connected, for the first time or again; notices may have been missed.
    Connected,
    /// Somebody announced this text.
    Message(String),
}

/// Dropping it ends the listening soon after; a call-back under way is not waited for.
#[derive(Debug)]
pub struct Listener {
    stop: Arc<AtomicBool>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Listener {
    /// A listener that never hears anything, for databases with a single server.
    pub(in crate::db) fn silent() -> Self {
        Self { stop: Arc::new(AtomicBool::new(true)) }
    }

    pub(super) fn start(
        target: Target,
        channel: &str,
        callback: Box<dyn FnMut(Notice) + Send>,
    ) -> Result<Self, DbError> {
        let plain = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
        if channel.is_empty() || !channel.chars().all(plain) {
            return Err(DbError::Usage(format!("`{channel}` is no name of a channel")));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let ear = Ear {
            target,
            listen: format!("listen \"{channel}\""),
            callback,
            stop: Arc::clone(&stop),
        };
        std::thread::Builder::new()
            .name("postgres-listen".to_owned())
            .spawn(move || ear.listen_on())
            .map_err(|error| DbError::Unavailable(format!("cannot start a thread: {error}")))?;
        Ok(Self { stop })
    }
}

struct Ear {
    target: Target,
    listen: String,
    callback: Box<dyn FnMut(Notice) + Send>,
    stop: Arc<AtomicBool>,
}

impl Ear {
    fn listen_on(mut self) {
        let mut pause = LOOK;
        while !self.stopped() {
            let connected = self.target.connect().and_then(|mut client| {
                client.batch_execute(&self.listen).map_err(|error| from_postgres(&error))?;
                Ok(client)
            });
            let error = match connected {
                Ok(client) => {
                    pause = LOOK;
                    match self.hear(client) {
                        Ok(()) => return,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            tracing::warn!(%error, "not listening for notices; connecting again");
            let until = monotonic::now() + pause;
            while monotonic::now() < until && !self.stopped() {
                std::thread::sleep(LOOK);
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Passes on notices until it shall end (`Ok`) or the connection breaks.
    fn hear(&mut self, mut client: Client) -> Result<(), DbError> {
        (self.callback)(Notice::Connected);
        let mut heard = monotonic::now();
        while !self.stopped() {
            {
                let mut notices = client.notifications();
                let mut notices = notices.timeout_iter(LOOK);
                while let Some(notice) = notices.next().map_err(|error| from_postgres(&error))? {
                    heard = monotonic::now();
                    (self.callback)(Notice::Message(notice.payload().to_owned()));
                }
            }
            if heard.elapsed() >= PROBE {
                client.simple_query("").map_err(|error| from_postgres(&error))?;
                heard = monotonic::now();
            }
            if client.is_closed() {
                return Err(DbError::Unavailable("the server closed the connection".to_owned()));
            }
        }
        Ok(())
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
