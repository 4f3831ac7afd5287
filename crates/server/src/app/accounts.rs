// SPDX-License-Identifier: Apache-2.0
//! Accounts and API keys: making, listing, changing, revoking. Signing in is in `auth`.

use std::sync::Arc;

use mimir_engine::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use mimir_engine::permission::Action;
use mimir_store::accounts::{self, Account};
use mimir_store::changes::{self, ChangeKind};
use mimir_store::{DbError, Tx};
use mimir_wire::api::page::Page;
use mimir_wire::api::problem::FieldError;
use mimir_wire::api::user::{
    ApiKey, Capability, CreatedApiKey, NewApiKey, NewUser, Role, User, UserPatch,
};
use mimir_wire::ids::{ApiKeyId, UserId};
use serde_json::{Map, Value, json};

use crate::app::caller::target;
use crate::app::page::PageRequest;
use crate::app::state::hop;
use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};
use crate::secret::{new_token, password_hash, token_hash};

/// What every API key begins with, so that scanners and people recognise one.
pub const KEY_PREFIX: &str = "mimir_";
/// Characters of an account's name.
const USERNAME_CHARS_MAX: usize = 64;
/// Characters of the name of a key or secret.
const LABEL_CHARS_MAX: usize = 100;

/// Accounts in order of name; the cursor is the last name of the page before.
///
/// # Errors
/// When the database fails.
pub async fn list(app: &Arc<App>, page: PageRequest<String>) -> ApiResult<Page<User>> {
    app.read(move |tx| {
        let after = page.after.as_deref().unwrap_or_default();
        let users = accounts::list(tx, after, page.fetch())?;
        let total = accounts::count(tx)?;
        Ok(page.page(users, Some(total), |user| user.username.clone(), |user| user))
    })
    .await
}

/// One account.
///
/// # Errors
/// `not_found`.
pub async fn read(app: &Arc<App>, id: UserId) -> ApiResult<User> {
    app.read(move |tx| Ok(find(tx, id)?.user)).await
}

fn find(tx: &mut Tx<'_>, id: UserId) -> ApiResult<Account> {
    accounts::by_id(tx, id)?.ok_or_else(|| ApiError::not_found("user"))
}

/// Makes an account with a one-time password.
///
/// # Errors
/// `invalid_request` naming every bad member; `conflict` when the name is taken.
pub async fn create(app: &Arc<App>, caller: Caller, new: NewUser) -> ApiResult<User> {
    let username = normal_username(&new.username);
    let errors: Vec<FieldError> =
        [check_username(&username), check_password("password", &new.password)]
            .into_iter()
            .flatten()
            .collect();
    if !errors.is_empty() {
        return Err(ApiError::invalid(errors));
    }
    let now = app.clock.now();
    let password_hash = hash_password(app, new.password).await?;
    let user = User {
        id: UserId::new(app.clock.uuid()),
        username,
        role: new.role,
        capabilities: once(new.capabilities),
        disabled: false,
        password_change_required: true,
        created_at: now,
    };
    let account = Account { user, password_hash };
    app.write(move |tx| {
        let user = &account.user;
        accounts::insert(tx, &account).map_err(|error| match error {
            DbError::Conflict { .. } => {
                let name = &user.username;
                ApiError::conflict(format!("An account “{name}” exists; choose another name."))
            }
            other => other.into(),
        })?;
        changes::record(tx, ChangeKind::Accounts, None, now)?;
        let details = json!({"role": user.role, "capabilities": user.capabilities});
        let entry = caller.entry("user.create", target("user", user.id, &*user.username), details);
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(user.clone())
    })
    .await
}

/// Changes an account. A new password is a one-time password and ends the account's sessions, as
/// cutting it off does; API keys stay unless the patch revokes them too. A patch that changes
/// nothing is not recorded.
///
/// # Errors
/// `not_found`; `invalid_request`; `conflict` when nobody could administer the server any more.
pub async fn patch(
    app: &Arc<App>,
    caller: Caller,
    id: UserId,
    patch: UserPatch,
) -> ApiResult<User> {
    let new_hash = match &patch.password {
        None => None,
        Some(password) => {
            if let Some(error) = check_password("password", password) {
                return Err(ApiError::invalid(vec![error]));
            }
            Some(hash_password(app, password.clone()).await?)
        }
    };
    let now = app.clock.now();
    app.write(move |tx| {
        // Its lock is held until commit: of two changes at once, such as two administrators
        // taking each other's role, the second sees what the first has done.
        changes::record(tx, ChangeKind::Accounts, None, now)?;
        let before = find(tx, id)?.user;
        let mut after = before.clone();
        after.role = patch.role.unwrap_or(before.role);
        after.disabled = patch.disabled.unwrap_or(before.disabled);
        if let Some(capabilities) = patch.capabilities.clone() {
            after.capabilities = once(capabilities);
        }
        after.password_change_required |= new_hash.is_some();
        let mut details = differences(&before, &after);
        if new_hash.is_some() {
            details.insert("password".to_owned(), json!("reset"));
        }
        if patch.revoke_api_keys == Some(true) {
            let revoked = accounts::keys_revoke(tx, id, now)?;
            if revoked > 0 {
                details.insert("api_keys_revoked".to_owned(), json!(revoked));
            }
        }
        if details.is_empty() {
            return Ok(before);
        }
        keep_an_admin(tx, &before, &after)?;
        accounts::update(tx, id, after.role, &after.capabilities, after.disabled)?;
        if let Some(hash) = &new_hash {
            accounts::set_password(tx, id, hash, true)?;
        }
        if new_hash.is_some() || after.disabled {
            accounts::sessions_delete(tx, id)?;
        }
        let what = target("user", id, &*after.username);
        let entry = caller.entry("user.change", what, Value::Object(details));
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(after)
    })
    .await
}

/// Refuses to leave the server without an administrator who can sign in.
fn keep_an_admin(tx: &mut Tx<'_>, before: &User, after: &User) -> ApiResult<()> {
    let administers = |user: &User| user.role == Role::Admin && !user.disabled;
    if administers(before) && !administers(after) && accounts::count_admins(tx)? <= 1 {
        let detail = "This is the last administrator who can sign in; make another one first.";
        return Err(ApiError::conflict(detail));
    }
    Ok(())
}

fn differences(before: &User, after: &User) -> Map<String, Value> {
    let pairs = [
        ("role", json!(before.role), json!(after.role)),
        ("capabilities", json!(before.capabilities), json!(after.capabilities)),
        ("disabled", json!(before.disabled), json!(after.disabled)),
    ];
    pairs
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| (name.to_owned(), json!({"from": old, "to": new})))
        .collect()
}

/// API keys, newest first: one's own, or everybody's for who manages accounts.
///
/// # Errors
/// When the database fails.
pub async fn list_keys(
    app: &Arc<App>,
    caller: Caller,
    page: PageRequest<ApiKeyId>,
) -> ApiResult<Page<ApiKey>> {
    let of = if manages(&caller) { None } else { Some(caller.user.id) };
    app.read(move |tx| {
        let keys = accounts::key_list(tx, of, page.after, page.fetch())?;
        Ok(page.page(keys, None, |key| key.id, |key| key))
    })
    .await
}

/// Makes an API key with the caller's rights; its secret is in this answer and nowhere else.
///
/// # Errors
/// `invalid_request` for a bad name.
pub async fn create_key(
    app: &Arc<App>,
    caller: Caller,
    new: NewApiKey,
) -> ApiResult<CreatedApiKey> {
    let name = check_label("name", &new.name)?;
    let now = app.clock.now();
    let id = ApiKeyId::new(app.clock.uuid());
    let key = new_token(KEY_PREFIX);
    let hash = token_hash(&key);
    app.write(move |tx| {
        accounts::key_insert(tx, id, caller.user.id, &name, &hash, now)?;
        changes::record(tx, ChangeKind::Accounts, None, now)?;
        let entry = caller.entry("api_key.create", target("api_key", id, &*name), Value::Null);
        mimir_store::audit::append(tx, &entry, now)?;
        let api_key = ApiKey {
            id,
            name: name.clone(),
            user: caller.user_ref(),
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        };
        Ok(CreatedApiKey { api_key, key: key.clone() })
    })
    .await
}

/// Makes an API key worthless. Another's key looks like none to who does not manage accounts.
///
/// # Errors
/// `not_found`; `conflict` when it was revoked before.
pub async fn revoke_key(app: &Arc<App>, caller: Caller, id: ApiKeyId) -> ApiResult<ApiKey> {
    let now = app.clock.now();
    app.write(move |tx| {
        let key = accounts::key_by_id(tx, id)?
            .filter(|key| key.user.id == caller.user.id || manages(&caller))
            .ok_or_else(|| ApiError::not_found("API key"))?;
        if !accounts::key_revoke(tx, id, now)? {
            return Err(ApiError::conflict("This API key is already revoked."));
        }
        changes::record(tx, ChangeKind::Accounts, None, now)?;
        let details = json!({"of": key.user.username});
        let entry = caller.entry("api_key.revoke", target("api_key", id, &*key.name), details);
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(ApiKey { revoked_at: Some(now), ..key })
    })
    .await
}

fn manages(caller: &Caller) -> bool {
    caller.may(Action::UsersManage).is_ok()
}

/// Names compare without case.
pub(crate) fn normal_username(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What is wrong with an account's name.
pub(crate) fn check_username(username: &str) -> Option<FieldError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    let fits = (1..=USERNAME_CHARS_MAX).contains(&username.chars().count())
        && username.chars().all(allowed);
    (!fits).then(|| FieldError {
        field: "username".to_owned(),
        message: format!(
            "Give a name of 1 to {USERNAME_CHARS_MAX} letters, digits and the signs . _ - @."
        ),
    })
}

/// What is wrong with a new password.
pub(crate) fn check_password(field: &str, password: &str) -> Option<FieldError> {
    let fits = (PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&password.chars().count());
    (!fits).then(|| FieldError {
        field: field.to_owned(),
        message: format!(
            "Give a password of {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters."
        ),
    })
}

/// The name of a key or secret, trimmed.
pub(crate) fn check_label(field: &str, text: &str) -> ApiResult<String> {
    let text = text.trim();
    let fits = (1..=LABEL_CHARS_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control);
    if fits {
        return Ok(text.to_owned());
    }
    let message =
        format!("Give a name of 1 to {LABEL_CHARS_MAX} characters without control characters.");
    Err(ApiError::field(field, message))
}

/// Hashes a password while holding one of the slots for it.
pub(crate) async fn hash_password(app: &App, password: String) -> ApiResult<String> {
    let _slot = app.password_slots.acquire().await.map_err(ApiError::internal)?;
    hop(move || Ok(password_hash(&password))).await
}

fn once(mut capabilities: Vec<Capability>) -> Vec<Capability> {
    capabilities.sort();
    capabilities.dedup();
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_folded_and_bounded() {
        assert_eq!(normal_username("  Ada.Lovelace@Example.org "), "ada.lovelace@example.org");
        for good in ["a", "ada", "a_b-c.d@e", &"x".repeat(64)] {
            assert_eq!(check_username(good), None, "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", "a\0", &"x".repeat(65)] {
            assert!(check_username(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        assert!(check_password("password", &"ä".repeat(13)).is_some());
        assert_eq!(check_password("password", &"ä".repeat(14)), None);
        assert_eq!(check_password("password", &"x".repeat(256)), None);
        assert!(check_password("password", &"x".repeat(257)).is_some());
    }

    #[test]
    fn labels_are_trimmed_and_bounded() {
        assert_eq!(check_label("name", " laptops ").unwrap(), "laptops");
        for bad in ["", "  ", "a\nb", "a\0b", &"x".repeat(101)] {
            assert!(check_label("name", bad).is_err(), "{bad}");
        }
    }
}
