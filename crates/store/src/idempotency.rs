// SPDX-License-Identifier: Apache-2.0
//! Remembered answers to requests with an `Idempotency-Key`.

use mimir_wire::Timestamp;
use mimir_wire::ids::UserId;

use crate::db::Tx;
use crate::{Result, statements, values};

/// A remembered answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// SHA-256 of the request's body.
    pub body_hash: Vec<u8>,
    /// The answer's status.
    pub status: u32,
    /// The answer's body.
    pub response: String,
}

statements! {
    GET = "select body_hash, status, response from idempotency \
           where account_id = $1 and idempotency_key = $2 and created_at > $3";
    FORGET = "delete from idempotency \
              where account_id = $1 and idempotency_key = $2 and created_at <= $3";
    PUT = "insert into idempotency \
           (account_id, idempotency_key, body_hash, status, response, created_at) \
           values ($1, $2, $3, $4, $5, $6)";
    PRUNE = "delete from idempotency where created_at <= $1";
}

/// What was answered to this key after `since`.
///
/// # Errors
/// When the database fails.
pub fn get(
    tx: &mut Tx<'_>,
    user: UserId,
    key: &str,
    since: Timestamp,
) -> Result<Option<Remembered>> {
    let row = tx.query_opt(GET, &values![user, key, since])?;
    row.map(|row| {
        Ok(Remembered { body_hash: row.get(0)?, status: row.get(1)?, response: row.get(2)? })
    })
    .transpose()
}

/// Remembers an answer, in the transaction of what it answers. An expired one is replaced.
///
/// # Errors
/// A conflict when another request with this key has just been answered; else when the database
/// fails.
pub fn put(
    tx: &mut Tx<'_>,
    user: UserId,
    key: &str,
    answer: &Remembered,
    now: Timestamp,
    expired_before: Timestamp,
) -> Result<()> {
    // Only an expired one: what another request has committed since this one looked must stay, so
    // that the insert below meets it.
    tx.execute(FORGET, &values![user, key, expired_before])?;
    let Remembered { body_hash, status, response } = answer;
    tx.execute_one(PUT, &values![user, key, body_hash.as_slice(), *status, response.as_str(), now])
}

/// Forgets answers given before `before`.
///
/// # Errors
/// When the database fails.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    tx.execute(PRUNE, &values![before])
}
