// SPDX-License-Identifier: Apache-2.0
//! The audit trail: a hash chain, appended to in the transaction of what it records. The head
//! row's lock is held until commit, so that the chain has no forks and no gaps. Append last: the
//! head is the most contended row of the product.

use std::ops::ControlFlow;

use mimir_wire::Timestamp;
use mimir_wire::api::audit::{
    AuditActor, AuditEntry, AuditOutcome, AuditTarget, AuditVerification,
};
use serde_json::{Map, Value as JsonValue, json};
use sha2::{Digest, Sha256};

use crate::db::{Row, Tx};
use crate::words::{Json, json_text};
use crate::{Result, contains_pattern, statements, values};

/// An entry to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Who.
    pub actor: AuditActor,
    /// From where; empty for the system's own jobs.
    pub address: String,
    /// What, such as `campaign.launch`.
    pub action: String,
    /// To what.
    pub target: AuditTarget,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// What belongs to it; no secrets, no result rows.
    pub details: Map<String, JsonValue>,
}

/// Which entries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the actor's name.
    pub actor: Option<String>,
    /// The action, or its beginning.
    pub action: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not at or after.
    pub to: Option<Timestamp>,
}

statements! {
    BUMP = "update audit_head set seq = seq + 1 where id = 1 returning seq, hash";
    HEAD = "select seq, hash from audit_head where id = 1";
    SET_HASH = "update audit_head set hash = $1 where id = 1";
    INSERT = "insert into audit (seq, at, actor_id, actor_name, actor_role, api_key, address, \
        action, target_type, target_id, target_name, outcome, details, hash) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    LIST = "select seq, at, actor_id, actor_name, actor_role, api_key, address, action, \
        target_type, target_id, target_name, outcome, details, hash from audit \
        where seq < $1 and (cast($2 as text) is null or lower(actor_name) like $2 escape '\\') \
        and (cast($3 as text) is null or lower(action) like $3 escape '\\') \
        and at >= $4 and at < $5 order by seq desc limit $6";
    CHAIN = "select seq, at, actor_id, actor_name, actor_role, api_key, address, action, \
        target_type, target_id, target_name, outcome, details, hash from audit order by seq";
}

/// Appends an entry; answers its sequence.
///
/// # Errors
/// When the database fails; then the action it records must fail too.
pub fn append(tx: &mut Tx<'_>, entry: &NewEntry, now: Timestamp) -> Result<i64> {
    let head = tx.query_one(BUMP, &[])?;
    let (seq, previous): (i64, Vec<u8>) = (head.get(0)?, head.get(1)?);
    let details = json_text(&entry.details);
    let hash = chain_hash(&previous, seq, now, entry, &details);
    let actor = &entry.actor;
    let target = &entry.target;
    tx.execute_one(
        INSERT,
        &values![
            seq,
            now,
            actor.id.as_deref(),
            actor.username.as_str(),
            actor.role.as_deref(),
            actor.api_key.as_deref(),
            entry.address.as_str(),
            entry.action.as_str(),
            target.kind.as_str(),
            target.id.as_deref(),
            target.name.as_deref(),
            entry.outcome,
            details,
            hash.as_slice(),
        ],
    )?;
    tx.execute_one(SET_HASH, &values![hash.as_slice()])?;
    Ok(seq)
}

/// SHA-256 over the hash before and everything an entry says, in a fixed JSON form.
fn chain_hash(
    previous: &[u8],
    seq: i64,
    at: Timestamp,
    entry: &NewEntry,
    details: &str,
) -> Vec<u8> {
    let (actor, target) = (&entry.actor, &entry.target);
    let said = json!([
        seq,
        at.micros(),
        actor.id,
        actor.username,
        actor.role,
        actor.api_key,
        entry.address,
        entry.action,
        target.kind,
        target.id,
        target.name,
        entry.outcome.as_str(),
        details,
    ]);
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(said.to_string().as_bytes());
    hasher.finalize().to_vec()
}

/// One stored entry with its sequence and raw details.
struct Stored {
    seq: i64,
    at: Timestamp,
    entry: NewEntry,
    details: String,
    hash: Vec<u8>,
}

fn stored(row: &Row) -> Result<Stored> {
    let actor = AuditActor {
        id: row.get(2)?,
        username: row.get(3)?,
        role: row.get(4)?,
        api_key: row.get(5)?,
    };
    let target = AuditTarget { kind: row.get(8)?, id: row.get(9)?, name: row.get(10)? };
    let details: String = row.get(12)?;
    let parsed = row.get::<Json<Map<String, JsonValue>>>(12).map(|json| json.0);
    let entry = NewEntry {
        actor,
        address: row.get(6)?,
        action: row.get(7)?,
        target,
        outcome: row.get(11)?,
        // Details that were tampered with must not hide the entry from the one who looks.
        details: parsed.unwrap_or_default(),
    };
    Ok(Stored { seq: row.get(0)?, at: row.get(1)?, entry, details, hash: row.get(13)? })
}

/// Entries older than `before` (a sequence), newest first.
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<AuditEntry>> {
    let action = filter.action.as_deref().map(|action| contains_pattern(action)[1..].to_owned());
    let rows = tx.query(
        LIST,
        &values![
            before.unwrap_or(i64::MAX),
            filter.actor.as_deref().map(contains_pattern),
            action,
            filter.from.map_or(i64::MIN, Timestamp::micros),
            filter.to.map_or(i64::MAX, Timestamp::micros),
            limit
        ],
    )?;
    rows.iter().map(|row| stored(row).map(into_entry)).collect()
}

fn into_entry(stored: Stored) -> AuditEntry {
    let NewEntry { actor, address, action, target, outcome, details } = stored.entry;
    AuditEntry {
        id: stored.seq.to_string(),
        at: stored.at,
        actor,
        address,
        action,
        target,
        outcome,
        details,
        hash: hex::encode(stored.hash),
    }
}

/// Walks the whole chain.
///
/// # Errors
/// When the database fails; a broken chain is an answer, not an error.
pub fn verify(tx: &mut Tx<'_>) -> Result<AuditVerification> {
    let head = tx.query_one(HEAD, &[])?;
    let (head_seq, head_hash): (i64, Vec<u8>) = (head.get(0)?, head.get(1)?);
    let mut previous: Vec<u8> = Vec::new();
    let mut entries = 0_i64;
    let mut first_bad = None;
    tx.for_each(CHAIN, &[], |row| {
        let at_seq = row.get::<i64>(0)?;
        let fits = stored(&row).is_ok_and(|s| {
            s.seq == entries + 1
                && s.hash == chain_hash(&previous, s.seq, s.at, &s.entry, &s.details)
        });
        if !fits {
            // A gap is blamed on the entry that should have stood there.
            first_bad = Some(at_seq.min(entries + 1).to_string());
            return Ok(ControlFlow::Break(()));
        }
        entries += 1;
        previous = row.get(13)?;
        Ok(ControlFlow::Continue(()))
    })?;
    if first_bad.is_none() && (entries != head_seq || previous != head_hash) {
        // The chain's end is missing, or the head was changed.
        first_bad = Some((entries + 1).min(head_seq.max(1)).to_string());
    }
    Ok(AuditVerification {
        ok: first_bad.is_none(),
        entries: entries.unsigned_abs(),
        first_bad,
        head: (!previous.is_empty()).then(|| hex::encode(&previous)),
    })
}
