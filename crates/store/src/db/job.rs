// SPDX-License-Identifier: Apache-2.0
//! A unit of work on its way to a database thread and back: the caller's closure, what it
//! returned, and where the answer goes once the transaction's fate is known.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{DbError, Tx};

/// Work whose types are hidden from the thread that runs it.
pub(super) trait Job: Send {
    /// Runs the work and remembers its result. May be called again after the changes of the last
    /// call were undone, unless it panicked.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;

    /// Tells the caller: the work's own error if it had one, else the fate of the transaction.
    fn finish(self: Box<Self>, fate: Result<(), DbError>);
}

/// What is to be done with the changes of a unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// It succeeded.
    Keep,
    /// It failed.
    Undo,
    /// It panicked, so what it captured may be half-changed: it must not be called again.
    Panicked,
}

struct Call<T, E, F> {
    work: F,
    outcome: Option<Result<T, E>>,
    reply: Sender<Result<T, E>>,
}

/// Packs `work`; its answer arrives at the receiver.
pub(super) fn call<T, E, F>(work: F) -> (Box<dyn Job>, Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    let (reply, answer) = bounded(1);
    (Box::new(Call { work, outcome: None, reply }), answer)
}

impl<T, E, F> Job for Call<T, E, F>
where
    T: Send,
    E: From<DbError> + Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let (ran, outcome) = run_caught(&mut self.work, tx);
        self.outcome = Some(outcome);
        ran
    }

    fn finish(self: Box<Self>, fate: Result<(), DbError>) {
        let answer = match (self.outcome, fate) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(fate)) => Err(E::from(fate)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(E::from(DbError::Usage("the work was never run".to_owned()))),
        };
        // A caller that is gone (its thread panicked) needs no answer.
        let _ = self.reply.send(answer);
    }
}

/// Runs `work`; a panic and a swallowed failure of a statement become errors.
pub(super) fn run_caught<T, E: From<DbError>>(
    work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    tx: &mut Tx<'_>,
) -> (Ran, Result<T, E>) {
    match catch_unwind(AssertUnwindSafe(|| work(tx))) {
        Err(payload) => (Ran::Panicked, Err(E::from(DbError::panicked(&*payload)))),
        Ok(Ok(_)) if tx.has_failed() => (Ran::Undo, Err(E::from(DbError::Aborted))),
        Ok(Ok(value)) => (Ran::Keep, Ok(value)),
        Ok(Err(error)) => (Ran::Undo, Err(error)),
    }
}
