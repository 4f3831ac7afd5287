// SPDX-License-Identifier: Apache-2.0
//! Failures on demand at the boundary of a write transaction, for tests and the simulation: what
//! a caller of [`Db::write`](super::Db::write) may meet when its process dies or its connection
//! breaks. Only in builds with the feature `testing`; a handle without faults never comes here.

use std::sync::{Arc, Mutex, PoisonError};

use super::DbError;

/// What happens at a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the commit: nothing is kept, and the handle is dead from then on.
    DiesBefore,
    /// The process dies right after the commit: everything is kept, the caller never hears of
    /// it, and the handle is dead from then on.
    DiesAfter,
    /// The database refuses this once: nothing is kept.
    Refused,
    /// The commit is done and its answer is lost once.
    Unknown,
}

#[derive(Debug, Default)]
struct State {
    /// Writes begun.
    writes: u64,
    /// Writes that were committed.
    commits: u64,
    /// Failures that have happened.
    met: u64,
    /// At which write something happens, and what.
    planned: Vec<(u64, Fault)>,
    dead: bool,
}

/// The failures of one handle. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// None planned.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans a failure of the `nth` write from now on, the next one being the first.
    pub fn plan(&self, nth: u64, fault: Fault) {
        let mut state = self.state();
        let at = state.writes + nth;
        state.planned.push((at, fault));
    }

    /// Nothing that was planned happens any more.
    pub fn forget(&self) {
        self.state().planned.clear();
    }

    /// The process is gone: every further call fails.
    pub fn kill(&self) {
        self.state().dead = true;
    }

    /// Whether the process is gone.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Failures that have happened.
    pub fn met(&self) -> u64 {
        self.state().met
    }

    /// Write transactions committed through this handle.
    pub fn commits(&self) -> u64 {
        self.state().commits
    }

    /// Refuses everything that a dead process would do.
    pub(super) fn alive(&self) -> Result<(), DbError> {
        if self.is_dead() { Err(gone()) } else { Ok(()) }
    }

    /// A write begins: the failure that it meets, if any.
    pub(super) fn begin(&self) -> Result<Option<Fault>, DbError> {
        self.alive()?;
        let mut state = self.state();
        state.writes += 1;
        let now = state.writes;
        let place = state.planned.iter().position(|(at, _)| *at == now);
        state.met += u64::from(place.is_some());
        Ok(place.map(|place| state.planned.swap_remove(place).1))
    }

    /// The work of the write succeeded; whether it may be committed.
    pub(super) fn before_commit(&self, fault: Option<Fault>) -> Result<(), DbError> {
        match fault {
            Some(Fault::DiesBefore) => {
                self.kill();
                Err(gone())
            }
            Some(Fault::Refused) => Err(DbError::Unavailable("refused for a test".to_owned())),
            Some(Fault::DiesAfter | Fault::Unknown) | None => Ok(()),
        }
    }

    /// The write was committed; what its caller hears.
    pub(super) fn after_commit(&self, fault: Option<Fault>) -> Result<(), DbError> {
        self.state().commits += 1;
        match fault {
            Some(Fault::DiesAfter) => {
                self.kill();
                Err(gone())
            }
            Some(Fault::Unknown) => {
                Err(DbError::OutcomeUnknown("the answer was lost for a test".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

fn gone() -> DbError {
    DbError::Unavailable("the process has ended, for a test".to_owned())
}
