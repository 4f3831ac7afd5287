// SPDX-License-Identifier: Apache-2.0
//! What osqueryd keeps in RocksDB and therefore survives the death of its worker: node key,
//! accepted queries, marks of running queries, accelerate expiry, buffered log lines.

use std::collections::{BTreeMap, VecDeque};

use mimir_wire::Timestamp;
use sha2::{Digest as _, Sha256};

/// A query that was started and not ended: its text's hash and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    sql_sha256: [u8; 32],
    since: Timestamp,
}

/// The database of one agent. Copying it makes a clone of the machine.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// The key of the last enrolment.
    pub node_key: Option<Box<str>>,
    /// Accepted queries that have not begun: name to SQL. Strings order by bytes, and that is
    /// the order of execution.
    pub pending: BTreeMap<String, String>,
    /// The distributed loop polls every 5 s until then.
    pub accelerated_until: Timestamp,
    /// Buffered lines: results, then status lines.
    pub(super) lines: [VecDeque<Box<str>>; 2],
    marks: Vec<Mark>,
    /// Not osquery's: counts tickets.
    pub(super) tickets: u32,
}

impl Disk {
    /// Whether the text was running when a worker died, less than `seconds` before `now`.
    pub fn is_denylisted(&self, sql: &str, seconds: u32, now: Timestamp) -> bool {
        let hash = hash(sql);
        self.marks.iter().any(|mark| mark.sql_sha256 == hash && !mark.is_expired(seconds, now))
    }

    /// Marks a text as running.
    pub(super) fn mark_running(&mut self, sql: &str, now: Timestamp) {
        self.unmark(sql);
        self.marks.push(Mark { sql_sha256: hash(sql), since: now });
    }

    /// The text ended in order.
    pub(super) fn unmark(&mut self, sql: &str) {
        let hash = hash(sql);
        self.marks.retain(|mark| mark.sql_sha256 != hash);
    }

    /// Drops marks older than `seconds`.
    pub(super) fn drop_expired_marks(&mut self, seconds: u32, now: Timestamp) {
        self.marks.retain(|mark| !mark.is_expired(seconds, now));
    }
}

impl Mark {
    fn is_expired(self, seconds: u32, now: Timestamp) -> bool {
        now >= self.since.plus_secs(seconds.into())
    }
}

fn hash(sql: &str) -> [u8; 32] {
    Sha256::digest(sql.as_bytes()).into()
}
