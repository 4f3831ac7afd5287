// SPDX-License-Identifier: Apache-2.0
//! Indicators of compromise. What a text means, what warns and how it is shown is the engine's
//! (`engine::ioc`); here they are kept, found and changed. Importing many is in [`import`].

mod checks;
mod import;

use std::sync::Arc;

use mimir_engine::ioc;
use mimir_store::indicators::{self, IndicatorRecord};
use mimir_store::{Tx, audit};
use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{
    DetectRequest, Detected, Indicator, IndicatorFilter, IndicatorPatch, IndicatorType,
    NewIndicator, Severity,
};
use mimir_wire::api::page::Page;
use mimir_wire::api::user::UserRef;
use mimir_wire::ids::IndicatorId;
use serde_json::{Map, Value, json};

pub use self::import::import;
use crate::app::page::PageRequest;
use crate::app::{App, Caller, audit_target};
use crate::problem::{ApiError, ApiResult};

/// Indicators the filter finds, newest first; the cursor is the number of the last one.
///
/// # Errors
/// When the database fails.
pub async fn list(
    app: &Arc<App>,
    mut filter: IndicatorFilter,
    page: PageRequest<i64>,
) -> ApiResult<Page<Indicator>> {
    // No text of ours has a NUL, and PostgreSQL takes none.
    filter.source = filter.source.map(|source| source.replace('\0', " "));
    // What the console shows can be pasted into a search.
    filter.q = filter.q.map(|q| q.replace("[.]", ".").replace("hxxp", "http"));
    let now = app.clock.now();
    app.read(move |tx| {
        let found = indicators::list(tx, &filter, now, page.after, page.fetch())?;
        let total = indicators::list_count(tx, &filter, now)?;
        Ok(page.page(found, Some(total), |record| record.no, |record| show(record, now)))
    })
    .await
}

/// One indicator.
///
/// # Errors
/// `not_found`.
pub async fn read(app: &Arc<App>, id: IndicatorId) -> ApiResult<Indicator> {
    let now = app.clock.now();
    app.read(move |tx| Ok(show(find(tx, id)?, now))).await
}

fn find(tx: &mut Tx<'_>, id: IndicatorId) -> ApiResult<IndicatorRecord> {
    indicators::by_id(tx, id)?.ok_or_else(|| ApiError::not_found("indicator"))
}

/// Says what a text would be taken for, and whether there is that indicator already.
///
/// # Errors
/// When the database fails; a text that is no indicator is an answer.
pub async fn detect(app: &Arc<App>, request: DetectRequest) -> ApiResult<Detected> {
    let mut detected = detected(&request.value, request.kind);
    let Some(kind) = detected.kind else { return Ok(detected) };
    app.read(move |tx| {
        let ids = indicators::ids_of(tx, &[(kind, &detected.value)])?;
        detected.existing_id = ids.first().copied().flatten();
        Ok(detected.clone())
    })
    .await
}

/// What a text is taken for; `existing_id` is not looked up.
pub(crate) fn detected(text: &str, kind: Option<IndicatorType>) -> Detected {
    ioc::detect::detect(text, kind)
}

/// Adds an indicator.
///
/// # Errors
/// `invalid_request` naming every bad member, with `warnings` when the false-positive guard
/// objects; `conflict` with `existing_id` when it is there already.
pub async fn create(app: &Arc<App>, caller: Caller, new: NewIndicator) -> ApiResult<Indicator> {
    let now = app.clock.now();
    let new = checks::new_indicator(new, now)?;
    let record = checked_record(app, new, caller.user_ref(), now);
    app.write(move |tx| {
        insert(tx, &caller, &record, now)?;
        Ok(show(find(tx, record.id)?, now))
    })
    .await
}

/// A record of what was checked, with an id of its own.
pub(crate) fn checked_record(
    app: &App,
    new: checks::Checked,
    by: UserRef,
    now: Timestamp,
) -> IndicatorRecord {
    IndicatorRecord {
        no: 0,
        id: IndicatorId::new(app.clock.uuid()),
        kind: new.kind,
        value: new.value,
        severity: new.severity,
        description: new.description,
        tags: new.tags,
        source: "manual".to_owned(),
        active: true,
        expires_at: new.expires_at,
        kept_despite: new.kept_despite,
        created_by: by,
        created_at: now,
        updated_at: now,
    }
}

/// Writes a new indicator with its audit entry.
///
/// # Errors
/// `conflict` with `existing_id` when kind and value are there already.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    caller: &Caller,
    record: &IndicatorRecord,
    now: Timestamp,
) -> ApiResult<()> {
    if indicators::insert_new(tx, std::slice::from_ref(record))? == 0 {
        let existing = indicators::ids_of(tx, &[(record.kind, &record.value)])?;
        let id = existing.first().copied().flatten();
        let detail = format!(
            "There is an indicator of the type {} with this value already: {}.",
            record.kind,
            id.map(|id| id.to_string()).unwrap_or_default()
        );
        return Err(ApiError::conflict(detail).with("existing_id", json!(id)));
    }
    let mut details = json!({"type": record.kind, "value": record.value,
        "severity": record.severity});
    if !record.kept_despite.is_empty() {
        let codes: Vec<_> = record.kept_despite.iter().map(|warning| warning.code).collect();
        details["kept_despite"] = json!(codes);
    }
    let what = audit_target("indicator", record.id, &*record.value);
    audit::append(tx, &caller.entry("indicator.create", what, details), now)?;
    Ok(())
}

/// Changes an indicator; a patch that changes nothing leaves no trace.
///
/// # Errors
/// `invalid_request` naming every bad member, `not_found`.
pub async fn patch(
    app: &Arc<App>,
    caller: Caller,
    id: IndicatorId,
    patch: IndicatorPatch,
) -> ApiResult<Indicator> {
    let now = app.clock.now();
    let patch = checks::patch(patch, now)?;
    app.write(move |tx| {
        let before = find(tx, id)?;
        let mut after = before.clone();
        let patch = patch.clone();
        after.severity = patch.severity.unwrap_or(before.severity);
        after.description = patch.description.unwrap_or(after.description);
        after.tags = patch.tags.unwrap_or(after.tags);
        after.active = patch.active.unwrap_or(before.active);
        after.expires_at = patch.expires_at.unwrap_or(before.expires_at);
        let details = differences(&before, &after);
        if details.is_empty() {
            return Ok(show(before, now));
        }
        after.updated_at = now;
        indicators::update(tx, &after)?;
        let what = audit_target("indicator", id, &*after.value);
        let entry = caller.entry("indicator.update", what, Value::Object(details));
        audit::append(tx, &entry, now)?;
        Ok(show(after, now))
    })
    .await
}

/// What a change changed, as before and after.
fn differences(before: &IndicatorRecord, after: &IndicatorRecord) -> Map<String, Value> {
    let mut found = Map::new();
    let mut compare = |name: &str, before: Value, after: Value| {
        if before != after {
            found.insert(name.to_owned(), json!({"from": before, "to": after}));
        }
    };
    compare("severity", json!(before.severity), json!(after.severity));
    compare("description", json!(before.description), json!(after.description));
    compare("tags", json!(before.tags), json!(after.tags));
    compare("active", json!(before.active), json!(after.active));
    compare("expires_at", json!(before.expires_at), json!(after.expires_at));
    found
}

/// Deletes an indicator; hunts, matches and alerts keep their copies.
///
/// # Errors
/// `not_found`.
pub async fn delete(app: &Arc<App>, caller: Caller, id: IndicatorId) -> ApiResult<()> {
    let now = app.clock.now();
    app.write(move |tx| {
        let record = find(tx, id)?;
        if !indicators::delete(tx, id)? {
            return Err(ApiError::not_found("indicator"));
        }
        let what = audit_target("indicator", id, &*record.value);
        let details = json!({"type": record.kind, "value": record.value});
        audit::append(tx, &caller.entry("indicator.delete", what, details), now)?;
        Ok(())
    })
    .await
}

/// An indicator as it is answered.
pub(crate) fn show(record: IndicatorRecord, now: Timestamp) -> Indicator {
    Indicator {
        id: record.id,
        kind: record.kind,
        defanged: ioc::detect::defang(record.kind, &record.value),
        value: record.value,
        severity: record.severity,
        description: record.description,
        tags: record.tags,
        source: record.source,
        active: record.active,
        expired: record.expires_at.is_some_and(|at| at <= now),
        expires_at: record.expires_at,
        kept_despite: record.kept_despite,
        created_by: record.created_by,
        created_at: record.created_at,
        updated_at: record.updated_at,
        // This version has no hunts yet: nothing was ever found.
        matched_hosts: 0,
        last_matched_at: None,
    }
}

/// The severity of an indicator that says none.
pub(crate) const SEVERITY_DEFAULT: Severity = Severity::Medium;
