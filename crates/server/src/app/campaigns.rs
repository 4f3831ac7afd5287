// SPDX-License-Identifier: Apache-2.0
//! Campaigns after their launch: read, stop, archive, drop rows.

use std::sync::Arc;

use mimir_engine::campaign::ledger::reason;
use mimir_engine::campaign::spec;
use mimir_engine::limits::STOP_REASON_CHARS_MAX;
use mimir_store::campaigns::{self, CampaignRecord};
use mimir_store::changes::{self, ChangeKind};
use mimir_store::{Tx, audit, ledger, responses};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{
    Campaign, CampaignHead, CampaignStatus, DropRowsRequest, FrozenPayload, StopCode, StopRequest,
};
use mimir_wire::api::page::Page;
use mimir_wire::api::problem::ProblemCode;
use mimir_wire::ids::CampaignId;
use serde_json::json;

use crate::app::page::PageRequest;
use crate::app::{App, Caller, audit_target, system_entry};
use crate::problem::{ApiError, ApiResult};

/// A campaign without its payload, as the API shows it.
pub fn head(record: CampaignRecord, now: Timestamp) -> CampaignHead {
    let l = &record.ledger;
    let mut warnings = record.warnings;
    if l.stop_code == Some(StopCode::AutoStoppedAggregateRowCap) {
        warnings.push(format!(
            "Stopped by itself: {} rows were stored and the cap for all hosts together is {}. \
             The response that reached it was kept whole.",
            l.coverage.rows_stored, l.aggregate_row_cap
        ));
    }
    CampaignHead {
        id: record.id,
        name: record.name,
        kind: record.kind,
        status: l.status,
        complete: l.complete(),
        stop_code: l.stop_code,
        stop_reason: record.stop_reason,
        stopped_at: l.stopped_at,
        stopped_by: record.stopped_by,
        discard_in_flight: l.discard_in_flight,
        created_at: record.created_at,
        created_by: record.created_by,
        target: record.target,
        live_window_minutes: record.live_window_minutes,
        live_until: l.live_until,
        live: l.live(now),
        rows_dropped: record.rows_dropped,
        warnings,
        coverage: l.coverage,
    }
}

/// What a list says in place of queries that are not those that were launched.
const ALTERED: &str = "The stored queries are not those that were launched (spec_sha256 does not \
     fit); nothing of this campaign is offered any more. Restore the database from a backup.";

/// Whether a campaign's queries are those that were launched (I7).
pub fn is_intact(record: &CampaignRecord, parts: &[String]) -> bool {
    let texts: Vec<&str> = parts.iter().map(String::as_str).collect();
    spec::sha256_hex(&record.spec) == record.spec_sha256
        && spec::canonical(record.kind, &texts) == record.spec
}

/// A campaign as the API shows it. Its payload is verified against its hash (I7).
///
/// # Errors
/// `internal` when the stored payload is not what was launched; else when the database fails.
pub fn show(
    _app: &App,
    tx: &mut Tx<'_>,
    record: CampaignRecord,
    now: Timestamp,
) -> ApiResult<Campaign> {
    let parts = campaigns::parts(tx, record.no)?;
    if !is_intact(&record, &parts) {
        let detail = format!("I7: the payload of campaign {} was altered", record.id);
        return Err(ApiError::internal(detail));
    }
    Ok(whole(record, &parts, now))
}

fn whole(record: CampaignRecord, parts: &[String], now: Timestamp) -> Campaign {
    let frozen = FrozenPayload { sql: parts.join(";\n"), spec_sha256: record.spec_sha256.clone() };
    Campaign { head: head(record, now), frozen }
}

/// The record of a campaign.
///
/// # Errors
/// `not_found`.
pub fn record(tx: &mut Tx<'_>, id: CampaignId) -> ApiResult<CampaignRecord> {
    campaigns::by_id(tx, id)?.ok_or_else(|| ApiError::not_found("campaign"))
}

/// One campaign.
///
/// # Errors
/// `not_found`.
pub async fn read(app: &Arc<App>, id: CampaignId) -> ApiResult<Campaign> {
    let (app_in, now) = (Arc::clone(app), app.clock.now());
    app.read(move |tx| {
        let record = record(tx, id)?;
        show(&app_in, tx, record, now)
    })
    .await
}

/// Campaigns, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    app: &Arc<App>,
    filter: campaigns::Filter,
    page: PageRequest<i64>,
) -> ApiResult<Page<Campaign>> {
    let now = app.clock.now();
    app.read(move |tx| {
        let total = campaigns::list_count(tx, &filter)?;
        let mut found = Vec::new();
        for record in campaigns::list(tx, &filter, page.after, page.fetch())? {
            let parts = campaigns::parts(tx, record.no)?;
            found.push((record, parts));
        }
        // An altered payload must not hide the other campaigns, nor be shown as if it were good.
        let show = |(mut record, mut parts): (CampaignRecord, Vec<String>)| {
            if !is_intact(&record, &parts) {
                parts.clear();
                record.warnings.push(ALTERED.to_owned());
            }
            whole(record, &parts, now)
        };
        Ok(page.page(found, Some(total), |(record, _)| record.no, show))
    })
    .await
}

/// Locks a campaign for a change.
fn lock(tx: &mut Tx<'_>, id: CampaignId) -> ApiResult<CampaignRecord> {
    let no = record(tx, id)?.no;
    campaigns::lock(tx, no)?.ok_or_else(|| ApiError::not_found("campaign"))
}

/// Stops a campaign.
///
/// # Errors
/// `already_stopped`, `invalid_request`, `not_found`.
pub async fn stop(
    app: &Arc<App>,
    caller: Caller,
    id: CampaignId,
    request: StopRequest,
) -> ApiResult<Campaign> {
    let why = request.reason.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let why = why.map(|text| text.replace('\0', ""));
    if why.as_ref().is_some_and(|text| text.chars().count() > STOP_REASON_CHARS_MAX) {
        let message = format!("The reason has more than {STOP_REASON_CHARS_MAX} characters.");
        return Err(ApiError::field("reason", message));
    }
    let (app_in, clock) = (Arc::clone(app), app.clock.clone());
    let grace = app.settings().stop_grace_minutes;
    app.write(move |tx| {
        let no = record(tx, id)?.no;
        let now = clock.now();
        // What is on the wire must be known as offered before the stop sorts by state.
        let behind = app_in.lane.noted_behind(no);
        if !behind.is_empty() {
            ledger::apply(tx, &behind, now)?;
        }
        let mut campaign = lock(tx, id)?;
        let discard = request.discard_in_flight;
        let Some(bulk) = campaign.ledger.stop(discard, grace, now) else {
            let detail = "This campaign is stopped already; nothing was changed.";
            return Err(ApiError::new(ProblemCode::AlreadyStopped, detail));
        };
        debug_assert_eq!(bulk.reason, reason::STOPPED);
        campaigns::bulk_move(tx, no, &bulk, now)?;
        campaigns::update_ledger(tx, no, &campaign.ledger, campaign.next_seq)?;
        campaigns::set_stopped_by(tx, no, why.as_deref(), Some(&caller.user_ref()))?;
        changes::record(tx, ChangeKind::CampaignStatus, Some(no), now)?;
        let details = json!({"reason": why, "discard_in_flight": discard,
            "coverage": campaign.ledger.coverage});
        let target = audit_target("campaign", id, &campaign.name);
        audit::append(tx, &caller.entry("campaign.stop", target, details), now)?;
        let stopped = record(tx, id)?;
        show(&app_in, tx, stopped, now)
    })
    .await
}

/// Hides a stopped campaign from the default list, or shows it again.
///
/// # Errors
/// `conflict` when its status does not allow it; `not_found`.
pub async fn set_archived(
    app: &Arc<App>,
    caller: Caller,
    id: CampaignId,
    archived: bool,
) -> ApiResult<Campaign> {
    let (app_in, now) = (Arc::clone(app), app.clock.now());
    app.write(move |tx| {
        let campaign = lock(tx, id)?;
        let (from, to, action) = if archived {
            (CampaignStatus::Stopped, CampaignStatus::Archived, "campaign.archive")
        } else {
            (CampaignStatus::Archived, CampaignStatus::Stopped, "campaign.unarchive")
        };
        let status = campaign.ledger.status;
        if status != from {
            let detail = format!("The campaign is {status}; only a {from} one can become {to}.");
            return Err(ApiError::conflict(detail));
        }
        campaigns::set_status(tx, campaign.no, to)?;
        changes::record(tx, ChangeKind::CampaignStatus, Some(campaign.no), now)?;
        let target = audit_target("campaign", id, &campaign.name);
        audit::append(tx, &caller.entry(action, target, json!({})), now)?;
        let changed = record(tx, id)?;
        show(&app_in, tx, changed, now)
    })
    .await
}

/// Removes the raw rows of a stopped or archived campaign (I10); its record stays.
///
/// # Errors
/// `conflict` for an active one or when it was done before; `invalid_request` when the name is
/// not confirmed.
pub async fn drop_rows(
    app: &Arc<App>,
    caller: Caller,
    id: CampaignId,
    request: DropRowsRequest,
) -> ApiResult<Campaign> {
    let (app_in, now) = (Arc::clone(app), app.clock.now());
    app.write(move |tx| {
        let campaign = lock(tx, id)?;
        if campaign.ledger.status == CampaignStatus::Active {
            let detail = "The campaign is active; stop it before its rows are dropped.";
            return Err(ApiError::conflict(detail));
        }
        if campaign.rows_dropped {
            return Err(ApiError::conflict("The rows of this campaign were dropped before."));
        }
        if request.confirm != campaign.name {
            let message = format!("Type the campaign's name to confirm: {}", campaign.name);
            return Err(ApiError::field("confirm", message));
        }
        responses::drop_rows(tx, campaign.no)?;
        campaigns::set_rows_dropped(tx, campaign.no)?;
        changes::record(tx, ChangeKind::CampaignStatus, Some(campaign.no), now)?;
        let target = audit_target("campaign", id, &campaign.name);
        let details = json!({"rows_stored": campaign.ledger.coverage.rows_stored});
        audit::append(tx, &caller.entry("campaign.drop_rows", target, details), now)?;
        let changed = record(tx, id)?;
        show(&app_in, tx, changed, now)
    })
    .await
}

/// Ends what is still offered in stopped campaigns whose grace time has passed. Blocking.
///
/// # Errors
/// When the database fails.
pub fn end_grace(app: &App) -> Result<(), mimir_store::DbError> {
    let now = app.clock.now();
    // Looked at without the lock first: a grace time is long, and taking the lock is a write.
    let due = app.db.read(move |tx| {
        let mut due = Vec::new();
        for no in campaigns::in_grace(tx)? {
            let record = campaigns::by_no(tx, no)?;
            if record.is_some_and(|mut record| record.ledger.end_grace(now).is_some()) {
                due.push(no);
            }
        }
        Ok::<_, mimir_store::DbError>(due)
    })?;
    for no in due {
        app.db.write(move |tx| {
            let Some(mut campaign) = campaigns::lock(tx, no)? else { return Ok(()) };
            let Some(bulk) = campaign.ledger.end_grace(now) else { return Ok(()) };
            let ended = campaigns::bulk_move(tx, no, &bulk, now)?;
            campaigns::update_ledger(tx, no, &campaign.ledger, campaign.next_seq)?;
            let target = audit_target("campaign", campaign.id, &campaign.name);
            let details = json!({"cancelled": ended});
            audit::append(tx, &system_entry("campaign.end_grace", target, details), now)?;
            Ok::<_, mimir_store::DbError>(())
        })?;
        app.watch.changed(no);
    }
    Ok(())
}
