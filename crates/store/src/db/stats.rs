// SPDX-License-Identifier: Apache-2.0
//! Counters of what a database has done, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a database has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Write transactions committed.
    pub commits: u64,
    /// Units of work in them (calls of `Db::write`).
    pub units: u64,
    /// The most units that shared one commit.
    pub largest_group: u64,
    /// Units of work that wait for their turn now.
    pub waiting: u64,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    commits: AtomicU64,
    units: AtomicU64,
    largest: AtomicU64,
}

impl Counters {
    /// Counts a commit of this many units.
    pub(super) fn add(&self, units: usize) {
        let units = units as u64;
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.units.fetch_add(units, Ordering::Relaxed);
        self.largest.fetch_max(units, Ordering::Relaxed);
    }

    pub(super) fn stats(&self, waiting: usize) -> Stats {
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            units: self.units.load(Ordering::Relaxed),
            largest_group: self.largest.load(Ordering::Relaxed),
            waiting: waiting as u64,
        }
    }
}
