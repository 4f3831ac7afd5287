// SPDX-License-Identifier: Apache-2.0
//! Who is calling: API keys, sessions, signing in and out, changing one's password. What a caller
//! may do is not decided here.

use std::sync::Arc;
use std::time::Duration;

use mimir_engine::limits::{PASSWORD_CHARS_MAX, SESSION_HOURS_MAX, SESSION_IDLE_HOURS};
use mimir_store::Tx;
use mimir_store::accounts::{self, Account, SessionRecord};
use mimir_store::changes::{self, ChangeKind};
use mimir_wire::Timestamp;
use mimir_wire::api::audit::{AuditOutcome, AuditTarget};
use mimir_wire::api::auth::{LoginRequest, PasswordRequest};
use mimir_wire::api::problem::ProblemCode;
use mimir_wire::api::user::User;
use serde_json::{Value, json};

use crate::app::accounts::{check_password, check_username, hash_password, normal_username};
use crate::app::caller::target;
use crate::app::state::hop;
use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};
use crate::secret::{new_token, password_fits, token_hash};

/// How exactly the last use of a session or key is known; a write a minute is affordable, one a
/// request is not.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// A hash that no password fits, as costly to compare with as a real one: trying an account that
/// does not exist takes the time of a wrong password.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A session that has just begun.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose it is.
    pub user: User,
    /// Its token, for the cookie; only its hash is stored.
    pub token: String,
}

/// The caller that holds this API key; `None` when the key is unknown or revoked or its account
/// is disabled.
///
/// # Errors
/// When the database fails.
pub async fn by_api_key(app: &Arc<App>, key: &str, address: String) -> ApiResult<Option<Caller>> {
    let hash = token_hash(key);
    let holder = app.read(move |tx| Ok(accounts::key_by_hash(tx, &hash)?)).await?;
    let Some(holder) = holder.filter(|holder| !holder.user.disabled) else { return Ok(None) };
    let now = app.clock.now();
    if holder.last_used_at.is_none_or(|last| touch_due(last, now)) {
        let id = holder.id;
        touched(app.write(move |tx| Ok(accounts::key_touch(tx, id, now)?)).await);
    }
    let api_key = Some((holder.id, holder.name));
    Ok(Some(Caller { user: holder.user, api_key, session: None, address }))
}

/// The caller whose session this is; `None` when it is unknown or over or its account is
/// disabled.
///
/// # Errors
/// When the database fails.
pub async fn by_session(app: &Arc<App>, token: &str, address: String) -> ApiResult<Option<Caller>> {
    let hash = token_hash(token);
    let session = app.read(move |tx| Ok(accounts::session_by_token(tx, &hash)?)).await?;
    let now = app.clock.now();
    let Some(session) = session.filter(|session| is_alive(session, now)) else { return Ok(None) };
    if touch_due(session.last_used_at, now) {
        touched(app.write(move |tx| Ok(accounts::session_touch(tx, &hash, now)?)).await);
    }
    Ok(Some(Caller { user: session.user, api_key: None, session: Some(hash), address }))
}

/// Whether a caller who was let in before would be let in now: for streams, which outlive the
/// request that opened them.
///
/// # Errors
/// When the database fails.
pub async fn is_still_in(app: &Arc<App>, caller: &Caller) -> ApiResult<bool> {
    let (session, user, now) = (caller.session, caller.user.id, app.clock.now());
    let key = caller.api_key.as_ref().map(|(id, _)| *id);
    app.read(move |tx| {
        if let Some(hash) = session {
            let session = accounts::session_by_token(tx, &hash)?;
            return Ok(session.is_some_and(|session| is_alive(&session, now)));
        }
        if let Some(id) = key
            && accounts::key_by_id(tx, id)?.is_none_or(|key| key.revoked_at.is_some())
        {
            return Ok(false);
        }
        Ok(accounts::by_id(tx, user)?.is_some_and(|account| !account.user.disabled))
    })
    .await
}

fn is_alive(session: &SessionRecord, now: Timestamp) -> bool {
    let hours = |hours: i64| hours * 60 * 60;
    !session.user.disabled
        && now < session.last_used_at.plus_secs(hours(SESSION_IDLE_HOURS))
        && now < session.created_at.plus_secs(hours(SESSION_HOURS_MAX))
}

fn touch_due(last: Timestamp, now: Timestamp) -> bool {
    now.micros_since(last) >= i64::try_from(TOUCH_EVERY.as_micros()).unwrap_or(i64::MAX)
}

/// Failing to note a use must not fail the request: a full disk would lock everybody out.
fn touched(result: ApiResult<u64>) {
    if let Err(error) = result {
        tracing::warn!(code = %error.code, "could not note the use of a session or key");
    }
}

/// Signs in. Success and failure are both recorded.
///
/// # Errors
/// `rate_limited`; `unauthenticated`, with the same words whatever was wrong.
pub async fn login(
    app: &Arc<App>,
    request: LoginRequest,
    address: String,
) -> ApiResult<NewSession> {
    let username = normal_username(&request.username);
    app.login_limits.take(&username, &address)?;
    // What cannot be a name is looked up nowhere: PostgreSQL refuses NUL in a text.
    let name = Some(username).filter(|name| check_username(name).is_none());
    let found = move |tx: &mut Tx<'_>| match &name {
        Some(name) => Ok(accounts::by_name(tx, name)?),
        None => Ok(None),
    };
    let account = app.read(found).await?;
    let hash = account.as_ref().map_or(NOBODYS_HASH, |account| &*account.password_hash);
    let fits = fits(app, request.password, hash.to_owned()).await?;
    match account {
        Some(account) if fits && !account.user.disabled => begin(app, account, address).await,
        account => Err(refuse_login(app, account.map(|account| account.user), &address).await),
    }
}

/// Compares a password with a hash while holding one of the slots for it.
async fn fits(app: &App, password: String, hash: String) -> ApiResult<bool> {
    // No stored password is longer, and hashing without bound would be a gift to an attacker.
    let password: String = password.chars().take(PASSWORD_CHARS_MAX + 1).collect();
    let _slot = app.password_slots.acquire().await.map_err(ApiError::internal)?;
    hop(move || Ok(password_fits(&password, &hash))).await
}

async fn begin(app: &Arc<App>, verified: Account, address: String) -> ApiResult<NewSession> {
    let token = new_token("");
    let hash = token_hash(&token);
    let now = app.clock.now();
    app.write(move |tx| {
        // Between the comparison and now the account may have been cut off or its password reset.
        let account = accounts::by_id(tx, verified.user.id)?
            .filter(|now| now.password_hash == verified.password_hash && !now.user.disabled)
            .ok_or_else(wrong)?;
        let user = account.user;
        accounts::session_insert(tx, &hash, user.id, now)?;
        let caller = Caller { user, api_key: None, session: Some(hash), address: address.clone() };
        let what = target("user", caller.user.id, &*caller.user.username);
        let entry = caller.entry("auth.login", what, Value::Null);
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(NewSession { user: caller.user, token: token.clone() })
    })
    .await
}

/// Records a refused attempt. A name that is no account's is not written down: people type their
/// password there by mistake.
async fn refuse_login(app: &Arc<App>, known: Option<User>, address: &str) -> ApiError {
    let what = AuditTarget {
        kind: "user".to_owned(),
        id: known.as_ref().map(|user| user.id.to_string()),
        name: known.as_ref().map(|user| user.username.clone()),
    };
    let disabled = known.as_ref().is_some_and(|user| user.disabled);
    let details = json!({"known_account": known.is_some(), "disabled": disabled});
    let entry = crate::app::audit::nobody("auth.login", what, details, address);
    let now = app.clock.now();
    let written = app.write(move |tx| Ok(mimir_store::audit::append(tx, &entry, now)?)).await;
    written.err().unwrap_or_else(wrong)
}

fn wrong() -> ApiError {
    let detail = "Wrong name or password, or the account is disabled.";
    ApiError::new(ProblemCode::Unauthenticated, detail)
}

/// Signs out: the session's token is worthless at once.
///
/// # Errors
/// `conflict` for an API key, which has no session.
pub async fn logout(app: &Arc<App>, caller: Caller) -> ApiResult<()> {
    let Some(session) = caller.session else {
        let detail = "An API key has no session to end; revoke the key instead.";
        return Err(ApiError::conflict(detail));
    };
    let now = app.clock.now();
    app.write(move |tx| {
        accounts::session_delete(tx, &session)?;
        changes::record(tx, ChangeKind::Accounts, None, now)?;
        let what = target("user", caller.user.id, &*caller.user.username);
        mimir_store::audit::append(tx, &caller.entry("auth.logout", what, Value::Null), now)?;
        Ok(())
    })
    .await
}

/// Changes the caller's own password and ends all sessions of the account. A caller with a
/// session gets a new one: whoever holds a copy of the old token is out as well.
///
/// # Errors
/// `rate_limited`; `invalid_request` for a wrong current or a bad new password; `conflict` when
/// it was changed from elsewhere at the same moment.
pub async fn password(
    app: &Arc<App>,
    caller: Caller,
    request: PasswordRequest,
) -> ApiResult<Option<NewSession>> {
    app.login_limits.take(&caller.user.username, &caller.address)?;
    let id = caller.user.id;
    let account = app.read(move |tx| Ok(accounts::by_id(tx, id)?)).await?;
    let account = account.ok_or_else(|| ApiError::not_found("user"))?;
    if !fits(app, request.current.clone(), account.password_hash.clone()).await? {
        return Err(refuse_password(app, &caller).await);
    }
    if let Some(error) = check_password("new", &request.new) {
        return Err(ApiError::invalid(vec![error]));
    }
    if request.new == request.current {
        return Err(ApiError::field("new", "The new password is the current one; choose another."));
    }
    let new_hash = hash_password(app, request.new).await?;
    store_password(app, caller, account.password_hash, new_hash).await
}

async fn store_password(
    app: &Arc<App>,
    caller: Caller,
    old_hash: String,
    new_hash: String,
) -> ApiResult<Option<NewSession>> {
    let now = app.clock.now();
    let token = caller.session.map(|_| new_token(""));
    let id = caller.user.id;
    app.write(move |tx| {
        changes::record(tx, ChangeKind::Accounts, None, now)?;
        let account = accounts::by_id(tx, id)?.filter(|now| now.password_hash == old_hash);
        if account.is_none() {
            let detail = "The password was changed from elsewhere; sign in with that one.";
            return Err(ApiError::conflict(detail));
        }
        accounts::set_password(tx, id, &new_hash, false)?;
        let ended = accounts::sessions_delete(tx, id)?;
        if let Some(token) = &token {
            accounts::session_insert(tx, &token_hash(token), id, now)?;
        }
        let what = target("user", id, &*caller.user.username);
        let entry = caller.entry("auth.password", what, json!({"sessions_ended": ended}));
        mimir_store::audit::append(tx, &entry, now)?;
        let user = User { password_change_required: false, ..caller.user.clone() };
        Ok(token.clone().map(|token| NewSession { user, token }))
    })
    .await
}

/// Records that the current password was wrong: somebody at a borrowed session may be guessing.
async fn refuse_password(app: &Arc<App>, caller: &Caller) -> ApiError {
    let what = target("user", caller.user.id, &*caller.user.username);
    let details = json!({"reason": "wrong current password"});
    let entry = caller.entry_with("auth.password", what, details, AuditOutcome::Refused);
    let now = app.clock.now();
    let written = app.write(move |tx| Ok(mimir_store::audit::append(tx, &entry, now)?)).await;
    let wrong = || ApiError::field("current", "This is not the current password.");
    written.err().unwrap_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_account_costs_what_a_known_one_does() {
        let parameters = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        let real = crate::secret::password_hash("correct horse battery");
        assert_eq!(parameters(NOBODYS_HASH), parameters(&real));
        assert_eq!(NOBODYS_HASH.len(), real.len());
        assert!(!password_fits("correct horse battery", NOBODYS_HASH));
        assert!(!password_fits("", NOBODYS_HASH));
    }
}
