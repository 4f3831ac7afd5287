// SPDX-License-Identifier: Apache-2.0
//! Accounts, their sessions and their API keys. Secrets are stored as hashes only.

use mimir_wire::Timestamp;
use mimir_wire::api::user::{ApiKey, Capability, Role, User, UserRef};
use mimir_wire::ids::{ApiKeyId, UserId};

use crate::db::{Row, Tx};
use crate::words::Json;
use crate::{Result, statements, values};

/// An account with what signing in needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What may be shown.
    pub user: User,
    /// The password's hash, in PHC form.
    pub password_hash: String,
}

/// An API key found by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key's id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub user: User,
    /// When its use was last noted.
    pub last_used_at: Option<Timestamp>,
}

/// A session found by its token's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Whose it is.
    pub user: User,
    /// When it began.
    pub created_at: Timestamp,
    /// When its use was last noted.
    pub last_used_at: Timestamp,
}

statements! {
    BY_NAME = "select id, username, role, capabilities, disabled, password_change_required, \
        created_at, password_hash from account where username = $1";
    BY_ID = "select id, username, role, capabilities, disabled, password_change_required, \
        created_at, password_hash from account where id = $1";
    LIST = "select id, username, role, capabilities, disabled, password_change_required, \
        created_at from account where username > $1 order by username limit $2";
    COUNT = "select count(*) from account";
    COUNT_ADMINS = "select count(*) from account where role = 'admin' and not disabled";
    INSERT = "insert into account (id, username, password_hash, role, capabilities, \
        password_change_required, disabled, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    UPDATE = "update account set role = $2, capabilities = $3, disabled = $4 where id = $1";
    SET_PASSWORD = "update account set password_hash = $2, password_change_required = $3 \
        where id = $1";
    SESSION_INSERT = "insert into session (token_hash, account_id, created_at, last_used_at) \
        values ($1, $2, $3, $3)";
    SESSION_BY_TOKEN = "select a.id, a.username, a.role, a.capabilities, a.disabled, \
        a.password_change_required, a.created_at, s.created_at, s.last_used_at \
        from session s join account a on a.id = s.account_id where s.token_hash = $1";
    SESSION_TOUCH = "update session set last_used_at = $2 where token_hash = $1";
    SESSION_DELETE = "delete from session where token_hash = $1";
    SESSIONS_DELETE = "delete from session where account_id = $1";
    SESSIONS_PRUNE = "delete from session where last_used_at < $1 or created_at < $2";
    KEY_INSERT = "insert into api_key (id, account_id, name, key_hash, created_at) \
        values ($1, $2, $3, $4, $5)";
    KEY_BY_HASH = "select a.id, a.username, a.role, a.capabilities, a.disabled, \
        a.password_change_required, a.created_at, k.id, k.name, k.last_used_at \
        from api_key k join account a on a.id = k.account_id \
        where k.key_hash = $1 and k.revoked_at is null";
    KEY_TOUCH = "update api_key set last_used_at = $2 where id = $1";
    KEY_LIST = "select k.id, k.name, a.id, a.username, k.created_at, k.last_used_at, k.revoked_at \
        from api_key k join account a on a.id = k.account_id \
        where (cast($1 as text) is null or k.account_id = $1) and k.id < $2 \
        order by k.id desc limit $3";
    KEY_BY_ID = "select k.id, k.name, a.id, a.username, k.created_at, k.last_used_at, \
        k.revoked_at from api_key k join account a on a.id = k.account_id where k.id = $1";
    KEY_REVOKE = "update api_key set revoked_at = $2 where id = $1 and revoked_at is null";
    KEYS_REVOKE = "update api_key set revoked_at = $2 \
        where account_id = $1 and revoked_at is null";
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.get(0)?,
        username: row.get(1)?,
        role: row.get(2)?,
        capabilities: row.get::<Json<Vec<Capability>>>(3)?.0,
        disabled: row.get(4)?,
        password_change_required: row.get(5)?,
        created_at: row.get(6)?,
    })
}

fn account(row: &Row) -> Result<Account> {
    Ok(Account { user: user(row)?, password_hash: row.get(7)? })
}

/// The account of this name (names are stored in lower case).
///
/// # Errors
/// When the database fails.
pub fn by_name(tx: &mut Tx<'_>, username: &str) -> Result<Option<Account>> {
    tx.query_opt(BY_NAME, &values![username])?.as_ref().map(account).transpose()
}

/// The account of this id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut Tx<'_>, id: UserId) -> Result<Option<Account>> {
    tx.query_opt(BY_ID, &values![id])?.as_ref().map(account).transpose()
}

/// Accounts in order of name, after `after`.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, after: &str, limit: u64) -> Result<Vec<User>> {
    tx.query(LIST, &values![after, limit])?.iter().map(user).collect()
}

/// How many accounts there are.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>) -> Result<u64> {
    tx.query_one(COUNT, &[])?.get(0)
}

/// How many administrators can sign in.
///
/// # Errors
/// When the database fails.
pub fn count_admins(tx: &mut Tx<'_>) -> Result<u64> {
    tx.query_one(COUNT_ADMINS, &[])?.get(0)
}

/// Adds an account.
///
/// # Errors
/// A conflict when the name is taken; else when the database fails.
pub fn insert(tx: &mut Tx<'_>, account: &Account) -> Result<()> {
    let user = &account.user;
    tx.execute_one(
        INSERT,
        &values![
            user.id,
            user.username.as_str(),
            account.password_hash.as_str(),
            user.role,
            &Json(&user.capabilities),
            user.password_change_required,
            user.disabled,
            user.created_at
        ],
    )
}

/// Stores role, capabilities and whether the account is cut off.
///
/// # Errors
/// When the account is missing or the database fails.
pub fn update(
    tx: &mut Tx<'_>,
    id: UserId,
    role: Role,
    capabilities: &[Capability],
    disabled: bool,
) -> Result<()> {
    tx.execute_one(UPDATE, &values![id, role, &Json(capabilities), disabled])
}

/// Stores a password's hash, and whether it must be changed at the next sign-in.
///
/// # Errors
/// When the account is missing or the database fails.
pub fn set_password(tx: &mut Tx<'_>, id: UserId, hash: &str, must_change: bool) -> Result<()> {
    tx.execute_one(SET_PASSWORD, &values![id, hash, must_change])
}

/// Begins a session.
///
/// # Errors
/// When the database fails.
pub fn session_insert(
    tx: &mut Tx<'_>,
    token_hash: &[u8],
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    tx.execute_one(SESSION_INSERT, &values![token_hash, user, now])
}

/// The session of this token.
///
/// # Errors
/// When the database fails.
pub fn session_by_token(tx: &mut Tx<'_>, token_hash: &[u8]) -> Result<Option<SessionRecord>> {
    let row = tx.query_opt(SESSION_BY_TOKEN, &values![token_hash])?;
    row.map(|row| {
        Ok(SessionRecord { user: user(&row)?, created_at: row.get(7)?, last_used_at: row.get(8)? })
    })
    .transpose()
}

/// Notes that a session was used.
///
/// # Errors
/// When the database fails.
pub fn session_touch(tx: &mut Tx<'_>, token_hash: &[u8], now: Timestamp) -> Result<u64> {
    tx.execute(SESSION_TOUCH, &values![token_hash, now])
}

/// Ends a session; answers how many there were.
///
/// # Errors
/// When the database fails.
pub fn session_delete(tx: &mut Tx<'_>, token_hash: &[u8]) -> Result<u64> {
    tx.execute(SESSION_DELETE, &values![token_hash])
}

/// Ends all sessions of an account.
///
/// # Errors
/// When the database fails.
pub fn sessions_delete(tx: &mut Tx<'_>, user: UserId) -> Result<u64> {
    tx.execute(SESSIONS_DELETE, &values![user])
}

/// Forgets sessions unused since `idle_before` or begun before `begun_before`.
///
/// # Errors
/// When the database fails.
pub fn sessions_prune(
    tx: &mut Tx<'_>,
    idle_before: Timestamp,
    begun_before: Timestamp,
) -> Result<u64> {
    tx.execute(SESSIONS_PRUNE, &values![idle_before, begun_before])
}

/// Adds an API key.
///
/// # Errors
/// When the database fails.
pub fn key_insert(
    tx: &mut Tx<'_>,
    id: ApiKeyId,
    user: UserId,
    name: &str,
    key_hash: &[u8],
    now: Timestamp,
) -> Result<()> {
    tx.execute_one(KEY_INSERT, &values![id, user, name, key_hash, now])
}

/// The living API key of this hash, with whose it is.
///
/// # Errors
/// When the database fails.
pub fn key_by_hash(tx: &mut Tx<'_>, key_hash: &[u8]) -> Result<Option<KeyHolder>> {
    let row = tx.query_opt(KEY_BY_HASH, &values![key_hash])?;
    row.map(|row| {
        Ok(KeyHolder {
            user: user(&row)?,
            id: row.get(7)?,
            name: row.get(8)?,
            last_used_at: row.get(9)?,
        })
    })
    .transpose()
}

/// Notes that a key was used.
///
/// # Errors
/// When the database fails.
pub fn key_touch(tx: &mut Tx<'_>, id: ApiKeyId, now: Timestamp) -> Result<u64> {
    tx.execute(KEY_TOUCH, &values![id, now])
}

fn api_key(row: &Row) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get(1)?,
        user: UserRef { id: row.get(2)?, username: row.get(3)? },
        created_at: row.get(4)?,
        last_used_at: row.get(5)?,
        revoked_at: row.get(6)?,
    })
}

/// API keys, newest first: those of one account, or all. Ids are version 7 and sort by time.
///
/// # Errors
/// When the database fails.
pub fn key_list(
    tx: &mut Tx<'_>,
    of: Option<UserId>,
    before: Option<ApiKeyId>,
    limit: u64,
) -> Result<Vec<ApiKey>> {
    let before = before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    tx.query(KEY_LIST, &values![of, before, limit])?.iter().map(api_key).collect()
}

/// One API key, revoked or not.
///
/// # Errors
/// When the database fails.
pub fn key_by_id(tx: &mut Tx<'_>, id: ApiKeyId) -> Result<Option<ApiKey>> {
    tx.query_opt(KEY_BY_ID, &values![id])?.as_ref().map(api_key).transpose()
}

/// Revokes all keys of an account; answers how many were alive.
///
/// # Errors
/// When the database fails.
pub fn keys_revoke(tx: &mut Tx<'_>, account: UserId, now: Timestamp) -> Result<u64> {
    tx.execute(KEYS_REVOKE, &values![account, now])
}

/// Revokes a key; answers whether it was alive.
///
/// # Errors
/// When the database fails.
pub fn key_revoke(tx: &mut Tx<'_>, id: ApiKeyId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(KEY_REVOKE, &values![id, now])? == 1)
}
