// SPDX-License-Identifier: Apache-2.0
//! Enrolment secrets and node keys. Both are stored as hashes only.

use mimir_wire::Timestamp;
use mimir_wire::api::enrollment::EnrollmentSecret;
use mimir_wire::api::user::UserRef;
use mimir_wire::ids::{EnrollmentSecretId, UserId};

use crate::db::{Row, Tx};
use crate::{Result, statements, values};

/// A node key in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKey {
    /// SHA-256 of the key.
    pub key_hash: Vec<u8>,
    /// Whose it is.
    pub host_no: i64,
    /// When it stops being valid, once replaced.
    pub expires_at: Option<Timestamp>,
}

statements! {
    SECRET_INSERT = "insert into enrollment_secret (id, name, secret_hash, max_uses, uses, \
        created_at, created_by, created_by_name) values ($1, $2, $3, $4, 0, $5, $6, $7)";
    SECRET_BY_HASH = "select id, name, max_uses, uses, created_at, created_by, created_by_name, \
        revoked_at from enrollment_secret where secret_hash = $1";
    SECRET_BY_ID = "select id, name, max_uses, uses, created_at, created_by, created_by_name, \
        revoked_at from enrollment_secret where id = $1";
    SECRET_LIST = "select id, name, max_uses, uses, created_at, created_by, created_by_name, \
        revoked_at from enrollment_secret where id < $1 order by id desc limit $2";
    SECRET_REVOKE = "update enrollment_secret set revoked_at = $2 \
        where id = $1 and revoked_at is null";
    SECRET_USE = "update enrollment_secret set uses = uses + 1 where id = $1 \
        and revoked_at is null and (max_uses is null or uses < max_uses)";
    KEY_INSERT = "insert into node_key (key_hash, host_no, created_at) values ($1, $2, $3)";
    KEYS_EXPIRE = "update node_key set expires_at = $2 \
        where host_no = $1 and expires_at is null";
    KEYS_DELETE = "delete from node_key where host_no = $1";
    KEY_DELETE = "delete from node_key where key_hash = $1";
    KEYS_PRUNE = "delete from node_key where expires_at < $1";
    KEYS_ALL = "select key_hash, host_no, expires_at from node_key";
    KEYS_OF_HOST = "select key_hash, host_no, expires_at from node_key where host_no = $1";
}

fn secret(row: &Row) -> Result<EnrollmentSecret> {
    let by: Option<UserId> = row.get(5)?;
    let by_name: Option<String> = row.get(6)?;
    Ok(EnrollmentSecret {
        id: row.get(0)?,
        name: row.get(1)?,
        max_uses: row.get(2)?,
        uses: row.get(3)?,
        created_at: row.get(4)?,
        created_by: by.zip(by_name).map(|(id, username)| UserRef { id, username }),
        revoked_at: row.get(7)?,
    })
}

/// Adds a secret.
///
/// # Errors
/// When the database fails.
pub fn secret_insert(tx: &mut Tx<'_>, secret: &EnrollmentSecret, hash: &[u8]) -> Result<()> {
    let by = secret.created_by.as_ref();
    tx.execute_one(
        SECRET_INSERT,
        &values![
            secret.id,
            secret.name.as_str(),
            hash,
            secret.max_uses,
            secret.created_at,
            by.map(|by| by.id),
            by.map(|by| by.username.as_str())
        ],
    )
}

/// The secret of this hash, revoked or not.
///
/// # Errors
/// When the database fails.
pub fn secret_by_hash(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<EnrollmentSecret>> {
    tx.query_opt(SECRET_BY_HASH, &values![hash])?.as_ref().map(secret).transpose()
}

/// The secret of this id.
///
/// # Errors
/// When the database fails.
pub fn secret_by_id(tx: &mut Tx<'_>, id: EnrollmentSecretId) -> Result<Option<EnrollmentSecret>> {
    tx.query_opt(SECRET_BY_ID, &values![id])?.as_ref().map(secret).transpose()
}

/// Secrets, newest first.
///
/// # Errors
/// When the database fails.
pub fn secret_list(
    tx: &mut Tx<'_>,
    before: Option<EnrollmentSecretId>,
    limit: u64,
) -> Result<Vec<EnrollmentSecret>> {
    let before = before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    tx.query(SECRET_LIST, &values![before, limit])?.iter().map(secret).collect()
}

/// Revokes a secret; answers whether it was alive.
///
/// # Errors
/// When the database fails.
pub fn secret_revoke(tx: &mut Tx<'_>, id: EnrollmentSecretId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(SECRET_REVOKE, &values![id, now])? == 1)
}

/// Consumes one use; answers whether there was one left.
///
/// # Errors
/// When the database fails.
pub fn secret_use(tx: &mut Tx<'_>, id: EnrollmentSecretId) -> Result<bool> {
    Ok(tx.execute(SECRET_USE, &values![id])? == 1)
}

/// Gives a host a new key; the keys it had stay valid until `old_until`.
///
/// # Errors
/// When the database fails.
pub fn key_replace(
    tx: &mut Tx<'_>,
    host_no: i64,
    key_hash: &[u8],
    now: Timestamp,
    old_until: Timestamp,
) -> Result<()> {
    tx.execute(KEYS_EXPIRE, &values![host_no, old_until])?;
    tx.execute_one(KEY_INSERT, &values![key_hash, host_no, now])
}

/// Takes all keys from a host.
///
/// # Errors
/// When the database fails.
pub fn keys_delete(tx: &mut Tx<'_>, host_no: i64) -> Result<u64> {
    tx.execute(KEYS_DELETE, &values![host_no])
}

/// Forgets one key.
///
/// # Errors
/// When the database fails.
pub fn key_delete(tx: &mut Tx<'_>, key_hash: &[u8]) -> Result<u64> {
    tx.execute(KEY_DELETE, &values![key_hash])
}

/// Forgets keys that expired before `before`.
///
/// # Errors
/// When the database fails.
pub fn keys_prune(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    tx.execute(KEYS_PRUNE, &values![before])
}

/// All keys, or those of one host.
///
/// # Errors
/// When the database fails.
pub fn keys(tx: &mut Tx<'_>, of_host: Option<i64>) -> Result<Vec<NodeKey>> {
    let rows = match of_host {
        None => tx.query(KEYS_ALL, &[])?,
        Some(host_no) => tx.query(KEYS_OF_HOST, &values![host_no])?,
    };
    let key = |row: &Row| {
        Ok(NodeKey { key_hash: row.get(0)?, host_no: row.get(1)?, expires_at: row.get(2)? })
    };
    rows.iter().map(key).collect()
}
