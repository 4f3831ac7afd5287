// SPDX-License-Identifier: Apache-2.0
//! Where work that blocks is done: on threads that are made for it, so that no request waits for
//! another one's database. A thread that simulates a server has such work done at once, on itself:
//! nothing then runs beside anything else, and a run can be repeated exactly.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static AT_ONCE: Cell<bool> = const { Cell::new(false) };
}

/// The work panicked, or the server is going down.
#[derive(Debug, thiserror::Error)]
#[error("work on a thread of its own did not end: {0:?}")]
pub struct Unfinished(Box<dyn Any + Send>);

impl Unfinished {
    /// What the work panicked with.
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.0
    }
}

/// From now on, what this thread waits for is done at once on this thread.
pub fn at_once_on_this_thread() {
    AT_ONCE.set(true);
}

/// Does work that blocks and waits for its end.
///
/// # Errors
/// [`Unfinished`].
pub async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unfinished> {
    if AT_ONCE.get() {
        return catch_unwind(AssertUnwindSafe(work)).map_err(Unfinished);
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Unfinished(error.try_into_panic().unwrap_or_else(|error| Box::new(error.to_string())))
    })
}
