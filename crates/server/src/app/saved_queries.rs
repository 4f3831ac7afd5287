// SPDX-License-Identifier: Apache-2.0
//! Saved queries and their versions. Only the form of the SQL is checked here: whether it may be
//! sent to many hosts is decided when it is run or launched, by the deny-list of that moment.

use std::collections::HashSet;
use std::sync::Arc;

use mimir_engine::limits::{
    SAVED_QUERY_DESCRIPTION_CHARS_MAX, SAVED_QUERY_NAME_CHARS_MAX, TARGET_HOSTS_MAX,
};
use mimir_sqlguard::Scope;
use mimir_store::{DbError, Tx};
use mimir_wire::api::page::Page;
use mimir_wire::api::problem::FieldError;
use mimir_wire::api::saved_query::{NewSavedQuery, SavedQuery, SavedQueryVersion};
use mimir_wire::api::target::Target;
use mimir_wire::ids::SavedQueryId;
use serde_json::{Value, json};

use crate::app::caller::target;
use crate::app::page::PageRequest;
use crate::app::state::hop;
use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};

/// Saved queries in order of name; the cursor is the last name of the page before.
///
/// # Errors
/// When the database fails.
pub async fn list(
    app: &Arc<App>,
    q: Option<String>,
    page: PageRequest<String>,
) -> ApiResult<Page<SavedQuery>> {
    app.read(move |tx| {
        let after = page.after.as_deref().unwrap_or_default();
        let found = mimir_store::saved_queries::list(tx, q.as_deref(), after, page.fetch())?;
        let total = mimir_store::saved_queries::list_count(tx, q.as_deref())?;
        Ok(page.page(found, Some(total), |query| query.name.clone(), |query| query))
    })
    .await
}

/// One saved query.
///
/// # Errors
/// `not_found`.
pub async fn read(app: &Arc<App>, id: SavedQueryId) -> ApiResult<SavedQuery> {
    app.read(move |tx| find(tx, id)).await
}

fn find(tx: &mut Tx<'_>, id: SavedQueryId) -> ApiResult<SavedQuery> {
    let found = mimir_store::saved_queries::by_id(tx, id)?;
    found.ok_or_else(|| ApiError::not_found("saved query"))
}

/// Every text a saved query ever had, newest first; also of a deleted one.
///
/// # Errors
/// `not_found`.
pub async fn versions(app: &Arc<App>, id: SavedQueryId) -> ApiResult<Page<SavedQueryVersion>> {
    let items = app.read(move |tx| Ok(mimir_store::saved_queries::versions(tx, id)?)).await?;
    if items.is_empty() {
        return Err(ApiError::not_found("saved query"));
    }
    let total = Some(items.len() as u64);
    Ok(Page { items, next_cursor: None, total })
}

/// Saves a query.
///
/// # Errors
/// `invalid_request` naming every bad member; `conflict` when the name is taken.
pub async fn create(app: &Arc<App>, caller: Caller, new: NewSavedQuery) -> ApiResult<SavedQuery> {
    let new = checked(app, new).await?;
    let id = SavedQueryId::new(app.clock.uuid());
    let now = app.clock.now();
    app.write(move |tx| {
        mimir_store::saved_queries::insert(tx, id, &new, &caller.user_ref(), now)
            .map_err(|error| taken(error, &new.name))?;
        let what = target("saved_query", id, &*new.name);
        let entry = caller.entry("saved_query.create", what, details(&new, 1));
        mimir_store::audit::append(tx, &entry, now)?;
        find(tx, id)
    })
    .await
}

/// Replaces a saved query's text; the earlier one is kept as a version.
///
/// # Errors
/// As [`create`], and `not_found`.
pub async fn put(
    app: &Arc<App>,
    caller: Caller,
    id: SavedQueryId,
    new: NewSavedQuery,
) -> ApiResult<SavedQuery> {
    let new = checked(app, new).await?;
    let now = app.clock.now();
    app.write(move |tx| {
        let found = mimir_store::saved_queries::update(tx, id, &new, &caller.user_ref(), now)
            .map_err(|error| taken(error, &new.name))?;
        if !found {
            return Err(ApiError::not_found("saved query"));
        }
        let after = find(tx, id)?;
        let what = target("saved_query", id, &*new.name);
        let entry = caller.entry("saved_query.change", what, details(&new, after.version));
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(after)
    })
    .await
}

/// Deletes a saved query; its versions and the campaigns launched from it stay.
///
/// # Errors
/// `not_found`.
pub async fn delete(app: &Arc<App>, caller: Caller, id: SavedQueryId) -> ApiResult<()> {
    let now = app.clock.now();
    app.write(move |tx| {
        let query = find(tx, id)?;
        if !mimir_store::saved_queries::delete(tx, id)? {
            return Err(ApiError::not_found("saved query"));
        }
        let what = target("saved_query", id, &*query.name);
        let details = json!({"version": query.version});
        let entry = caller.entry("saved_query.delete", what, details);
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(())
    })
    .await
}

/// What the audit trail keeps of a text. Named hosts are counted only: there may be a hundred
/// thousand, and the version has them.
fn details(new: &NewSavedQuery, version: u64) -> Value {
    let scope = match &new.target {
        Target::Hosts { host_ids } => json!({"type": "hosts", "host_count": host_ids.len()}),
        other => json!(other),
    };
    json!({"sql": new.sql, "target": scope, "version": version})
}

fn taken(error: DbError, name: &str) -> ApiError {
    match error {
        DbError::Conflict { .. } => {
            ApiError::conflict(format!("A saved query named “{name}” exists; choose another name."))
        }
        other => other.into(),
    }
}

/// The request with its name trimmed and its hosts named once, when nothing is wrong with it.
async fn checked(app: &Arc<App>, mut new: NewSavedQuery) -> ApiResult<NewSavedQuery> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, message: String| {
        errors.push(FieldError { field: field.to_owned(), message });
    };
    new.name = new.name.trim().to_owned();
    if !(1..=SAVED_QUERY_NAME_CHARS_MAX).contains(&new.name.chars().count()) {
        refuse("name", format!("Give a name of 1 to {SAVED_QUERY_NAME_CHARS_MAX} characters."));
    }
    if new.name.chars().any(char::is_control) {
        refuse("name", "The name has a control character; remove it.".to_owned());
    }
    if new.description.chars().count() > SAVED_QUERY_DESCRIPTION_CHARS_MAX {
        let message = format!(
            "The description has more than {SAVED_QUERY_DESCRIPTION_CHARS_MAX} characters."
        );
        refuse("description", message);
    }
    if new.description.contains('\0') {
        refuse("description", "The description has a NUL character; remove it.".to_owned());
    }
    if let Err(error) = check_target(&mut new.target) {
        errors.push(error);
    }
    let (guard, sql) = (Arc::clone(app), new.sql.clone());
    let deny = app.deny_list();
    // On one host everything that is well-formed is allowed, tables of extensions included.
    let verdict = hop(move || Ok(guard.guard.check(&sql, Scope::SingleHost, &deny))).await?;
    if let Some(error) = verdict.error {
        errors.push(FieldError { field: "sql".to_owned(), message: error.message });
    }
    if errors.is_empty() { Ok(new) } else { Err(ApiError::invalid(errors)) }
}

fn check_target(target: &mut Target) -> Result<(), FieldError> {
    let wrong = |field: &str, message: String| Err(FieldError { field: field.to_owned(), message });
    match target {
        Target::All {} => Ok(()),
        Target::Hosts { host_ids } => {
            let mut seen = HashSet::new();
            host_ids.retain(|id| seen.insert(*id));
            match host_ids.len() {
                0 => wrong("target.host_ids", "Name at least one host.".to_owned()),
                1..=TARGET_HOSTS_MAX => Ok(()),
                _ => {
                    let message = format!("Name at most {TARGET_HOSTS_MAX} hosts.");
                    wrong("target.host_ids", message)
                }
            }
        }
        Target::OsIn { platforms } => {
            platforms.sort();
            platforms.dedup();
            if platforms.is_empty() {
                return wrong("target.platforms", "Name at least one platform.".to_owned());
            }
            Ok(())
        }
    }
}
