// SPDX-License-Identifier: Apache-2.0
//! Notices a transaction that is opened from inside another one on the same database: it would
//! wait for its own thread for ever. Such a call gets an error instead.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::DbError;

thread_local! {
    /// The databases in whose transactions this thread is.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A number for a newly opened database, unique in this process.
pub(super) fn new_owner() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Marks this thread as being inside a transaction on `owner` until the mark is dropped.
pub(super) fn enter(owner: u64) -> Mark {
    INSIDE.with_borrow_mut(|inside| inside.push(owner));
    Mark(owner)
}

/// Refuses when this thread is inside a transaction on `owner`.
pub(super) fn refuse_nested(owner: u64) -> Result<(), DbError> {
    if INSIDE.with_borrow(|inside| inside.contains(&owner)) {
        let text = "a transaction was opened inside another one; use the outer `Tx`";
        return Err(DbError::Usage(text.to_owned()));
    }
    Ok(())
}

/// See [`enter`].
pub(super) struct Mark(u64);

impl Drop for Mark {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| {
            if let Some(position) = inside.iter().rposition(|owner| *owner == self.0) {
                inside.remove(position);
            }
        });
    }
}
