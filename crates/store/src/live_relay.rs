// SPDX-License-Identifier: Apache-2.0
//! Live queries on their way between replicas: what one replica starts or hears, all must know,
//! for any host and any reader may be with any of them. Nothing here outlives the live query.

use mimir_wire::Timestamp;
use mimir_wire::ids::LiveQueryId;

use crate::db::Tx;
use crate::{Result, dialect, statements, values};

/// Held from a message's number to its commit, so that numbers become visible in order: a reader
/// that has seen one would otherwise pass over a lower one that is committed later. Any constant
/// number, unlike other lock keys.
const ORDER_LOCK: i64 = 0x6d69_6d69_7203;

/// One message of the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relayed {
    /// Its place in the order of messages.
    pub seq: i64,
    /// The live query it is about.
    pub live_id: LiveQueryId,
    /// What it says, as JSON.
    pub payload: String,
}

statements! {
    PUT = "insert into live_relay (live_id, kind, payload, created_at) \
           values ($1, $2, $3, $4) returning seq";
    SINCE = "select seq, live_id, payload from live_relay where seq > $1 order by seq limit $2";
    HEAD = "select coalesce(max(seq), 0) from live_relay";
    PRUNE = "delete from live_relay where created_at < $1";
}

/// Adds a message; answers its sequence. Messages become visible in order of sequence.
///
/// # Errors
/// When the database fails.
pub fn put(
    tx: &mut Tx<'_>,
    live_id: LiveQueryId,
    kind: &str,
    payload: &str,
    now: Timestamp,
) -> Result<i64> {
    dialect::advisory_lock(tx, ORDER_LOCK)?;
    tx.query_one(PUT, &values![live_id, kind, payload, now])?.get(0)
}

/// Messages after `seq`, in order, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn since(tx: &mut Tx<'_>, seq: i64, limit: u64) -> Result<Vec<Relayed>> {
    let rows = tx.query(SINCE, &values![seq, limit])?;
    rows.iter()
        .map(|row| Ok(Relayed { seq: row.get(0)?, live_id: row.get(1)?, payload: row.get(2)? }))
        .collect()
}

/// The last sequence given out and still stored.
///
/// # Errors
/// When the database fails.
pub fn head(tx: &mut Tx<'_>) -> Result<i64> {
    tx.query_one(HEAD, &[])?.get(0)
}

/// Forgets messages stored before `before`.
///
/// # Errors
/// When the database fails.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    tx.execute(PRUNE, &values![before])
}
