// SPDX-License-Identifier: Apache-2.0
//! A unit of work on its way to a database thread and back: the caller's closure, what it
//! returned, and where the answer goes once the transaction's fate is known.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{DbError, Tx};

/// Work whose types are hidden from the thread that runs it.
pub(super) trait Job: Send {
    /// Runs the work, keeping its result; true when its changes shall be kept. May be called
    /// again after the changes of the last call were undone.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Tells the caller: the work's own error if it had one, else the fate of the transaction.
    fn finish(self: Box<Self>, fate: Result<(), DbError>);
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
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let outcome = run_caught(&mut self.work, tx);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
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
) -> Result<T, E> {
    // What the closure captured may be half-changed after a panic; it is never called again
    // then, so nobody sees it.
    let result = catch_unwind(AssertUnwindSafe(|| work(tx)))
        .unwrap_or_else(|payload| Err(E::from(DbError::panicked(&*payload))));
    if result.is_ok() && tx.has_failed() {
        return Err(E::from(DbError::Aborted));
    }
    result
}
