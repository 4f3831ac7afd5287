// SPDX-License-Identifier: Apache-2.0
//! The picture of the fleet in memory: who may speak, when each host was last heard of, and which
//! hosts have work. A poll that finds nothing is answered from here without touching the database.
//!
//! Truth is the ledger: everything here can be thrown away and built again from the database at
//! any time, and a test proves that the result is equal.

mod board;
mod hosts;

use std::sync::RwLock;
use std::time::Duration;

use tokio::sync::Notify;

pub use board::{Board, BoardCampaign, BoardPart, Handout, Offered};
pub use hosts::{HostEntry, Hosts};

/// The picture.
pub struct Fleet {
    hosts: RwLock<Hosts>,
    board: RwLock<Board>,
    /// Wakes held reads when there may be work.
    pub wake: Notify,
}

/// A poisoned lock means that a thread panicked while it held it. The picture is a cache whose
/// worst fault is a repeated offer, so it is used on.
macro_rules! guard {
    ($lock:expr, $how:ident) => {
        $lock.$how().unwrap_or_else(std::sync::PoisonError::into_inner)
    };
}

impl Fleet {
    /// An empty picture.
    #[expect(clippy::new_without_default, reason = "made once, on purpose")]
    pub fn new() -> Self {
        Self {
            hosts: RwLock::new(Hosts::default()),
            board: RwLock::new(Board::default()),
            wake: Notify::new(),
        }
    }

    /// Looks at the hosts.
    pub fn hosts<T>(&self, look: impl FnOnce(&Hosts) -> T) -> T {
        look(&guard!(self.hosts, read))
    }

    /// Changes the hosts.
    pub fn hosts_mut<T>(&self, change: impl FnOnce(&mut Hosts) -> T) -> T {
        change(&mut guard!(self.hosts, write))
    }

    /// Looks at the work.
    pub fn board<T>(&self, look: impl FnOnce(&Board) -> T) -> T {
        look(&guard!(self.board, read))
    }

    /// Changes the work.
    pub fn board_mut<T>(&self, change: impl FnOnce(&mut Board) -> T) -> T {
        change(&mut guard!(self.board, write))
    }

    /// When a host was last heard of on this replica or, as far as known, on any other.
    pub fn last_seen(&self, no: i64) -> Option<mimir_wire::Timestamp> {
        self.hosts(|hosts| hosts.by_no(no).map(|host| host.last_seen()))
    }

    /// What to hand to a host that asks, if anything. Almost always nothing, after a look at a few
    /// bitmaps under a shared lock.
    pub fn hand_out(&self, no: i64, now: mimir_wire::Timestamp, elapsed: Duration) -> Handout {
        if !self.board(|board| board.concerns(no)) {
            return Handout::default();
        }
        metrics::counter!("mimir_poll_hits_total").increment(1);
        self.board_mut(|board| board.hand_out(no, now, elapsed))
    }
}
