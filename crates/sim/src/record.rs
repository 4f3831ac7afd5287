// SPDX-License-Identifier: Apache-2.0
//! What an observer beside the agent wrote down: each body that was sent and what came of it,
//! and each result whose delivery the server acknowledged. A crash test compares the second list
//! with what the server stored. The record is no part of the agent: it survives every death.

use bytes::Bytes;
use mimir_wire::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::agent::Finished;
use crate::rows::Rows;
use crate::transport::{Endpoint, Request};

/// How much is written down. A large fleet keeps less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recording {
    /// Nothing.
    Off,
    /// Sizes and hashes.
    Hashes,
    /// Sizes, hashes, bodies and rows.
    #[default]
    Everything,
}

/// What came of a body that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// No answer yet, or the worker died before it came.
    Open,
    /// The agent took the answer for success.
    Acknowledged,
    /// An answer came and the agent took it for failure, with this reason.
    Refused(String),
    /// No answer came: a transport failure with this reason.
    Failed(String),
    /// No answer came before the deadline.
    TimedOut,
}

/// One body that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where to.
    pub endpoint: Endpoint,
    /// When, by the host's clock.
    pub at: Timestamp,
    /// Whether it is the immediate second sending after a transport failure.
    pub resend: bool,
    /// Bytes of the body.
    pub body_len: usize,
    /// SHA-256 of the body.
    pub body_sha256: [u8; 32],
    /// The body, with [`Recording::Everything`].
    pub body: Option<Bytes>,
    /// What came of it.
    pub fate: Fate,
}

/// One result that the server has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The query's name as offered.
    pub name: String,
    /// Status as sent: 0 is success.
    pub status: i64,
    /// Message as sent.
    pub message: String,
    /// Rows as sent.
    pub row_count: u64,
    /// SHA-256 of the rows, see [`Rows::sha256`].
    pub rows_sha256: [u8; 32],
    /// The rows, with [`Recording::Everything`].
    pub rows: Option<Rows>,
    /// When the acknowledgement came, by the host's clock.
    pub at: Timestamp,
}

/// Everything written down about one agent.
#[derive(Debug, Clone, Default)]
pub struct Record {
    level: Recording,
    /// Bodies in order of sending.
    pub sent: Vec<Sent>,
    /// Results in order of acknowledgement. A query that ran twice may be in here twice.
    pub acknowledged: Vec<Acknowledged>,
    /// Log lines that the server has acknowledged.
    pub acknowledged_lines: u64,
}

impl Record {
    /// An empty record that keeps as much as `level` says.
    pub fn new(level: Recording) -> Self {
        Self { level, ..Self::default() }
    }

    /// Bodies sent to `endpoint`.
    pub fn sent_to(&self, endpoint: Endpoint) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.endpoint == endpoint)
    }

    /// Writes down a sending; answers its place for [`Record::settle`].
    pub(crate) fn send(&mut self, request: &Request, resend: bool, at: Timestamp) -> usize {
        if self.level == Recording::Off {
            return 0;
        }
        self.sent.push(Sent {
            endpoint: request.endpoint,
            at,
            resend,
            body_len: request.body.len(),
            body_sha256: Sha256::digest(&request.body).into(),
            body: (self.level == Recording::Everything).then(|| request.body.clone()),
            fate: Fate::Open,
        });
        self.sent.len() - 1
    }

    /// Writes down what came of the sending at `place`.
    pub(crate) fn settle(&mut self, place: usize, fate: Fate) {
        if let Some(sent) = self.sent.get_mut(place) {
            sent.fate = fate;
        }
    }

    /// Writes down an acknowledged result.
    pub(crate) fn acknowledge(&mut self, result: Finished, at: Timestamp) {
        if self.level == Recording::Off {
            return;
        }
        self.acknowledged.push(Acknowledged {
            name: result.name,
            status: result.status,
            message: result.message,
            row_count: result.rows.count(),
            rows_sha256: result.rows.sha256(),
            rows: (self.level == Recording::Everything).then_some(result.rows),
            at,
        });
    }
}
