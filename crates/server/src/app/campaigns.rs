// SPDX-License-Identifier: Apache-2.0
//! Campaigns: launch, read, stop, archive, drop rows.

use std::collections::HashSet;
use std::sync::Arc;

use mimir_engine::campaign::ledger::{CampaignLedger, reason};
use mimir_engine::campaign::{launch as rules, slots, spec};
use mimir_engine::limits::{STOP_REASON_CHARS_MAX, TARGET_HOSTS_MAX};
use mimir_store::campaigns::{self, CampaignRecord, NewCampaign};
use mimir_store::changes::{self, ChangeKind};
use mimir_store::idempotency::{self, Remembered};
use mimir_store::{Tx, audit, ledger, responses, saved_queries};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{
    Campaign, CampaignHead, CampaignKind, CampaignStatus, DropRowsRequest, FrozenPayload,
    LaunchRequest, Launched, StopCode, StopRequest,
};
use mimir_wire::api::page::Page;
use mimir_wire::api::problem::{FieldError, ProblemCode};
use mimir_wire::api::target::Target;
use mimir_wire::ids::{CampaignId, HostId};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::page::PageRequest;
use crate::app::queries::{self, Checked};
use crate::app::{App, Caller, audit_target, system_entry};
use crate::problem::{ApiError, ApiResult};

/// Characters of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 200;

/// A key under which a request may be repeated, and what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// SHA-256 of the body.
    pub body_hash: Vec<u8>,
}

impl Idempotency {
    /// Reads the header.
    ///
    /// # Errors
    /// `invalid_request` for an unusable key.
    pub fn new(key: &str, body: &[u8]) -> ApiResult<Self> {
        let chars = key.chars().count();
        if chars == 0 || chars > IDEMPOTENCY_KEY_CHARS_MAX || key.contains('\0') {
            let message =
                format!("Idempotency-Key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters.");
            return Err(ApiError::field("Idempotency-Key", message));
        }
        Ok(Self { key: key.to_owned(), body_hash: Sha256::digest(body).to_vec() })
    }
}

/// A launch that has been done, now or before under the same key.
#[derive(Debug)]
pub struct LaunchDone {
    /// What was answered.
    pub launched: Launched,
    /// Whether that was an earlier request.
    pub replayed: bool,
}

/// Launches a query campaign. The checks come in the order of the contract (section 4); the role
/// has been checked before.
///
/// # Errors
/// Each check's own code; then nothing was written.
pub async fn launch(
    app: &Arc<App>,
    caller: Caller,
    request: LaunchRequest,
    idempotency: Option<Idempotency>,
) -> ApiResult<LaunchDone> {
    if let Some(done) = replay(app, &caller, idempotency.clone()).await? {
        return Ok(done);
    }
    let settings = app.settings();
    if !settings.offline_campaigns_enabled {
        let detail = "Campaigns are disabled; an administrator can enable them in the settings.";
        return Err(ApiError::new(ProblemCode::CampaignsDisabled, detail));
    }
    let plan = plan(app, request).await?;
    let app_in = Arc::clone(app);
    let clock = app.clock.clone();
    let id = CampaignId::new(app.clock.uuid());
    let launched = app
        .write(move |tx| {
            // The time of the launch is taken under the launch lock: what counts for the slots.
            let holders = campaigns::lock_slots(tx, clock.now())?;
            let now = clock.now();
            slots::check(holders, &settings, caller.user.id, now).map_err(no_slot)?;
            let hosts = plan.hosts(tx)?;
            let ledger = CampaignLedger::new(
                u64::try_from(hosts.len()).unwrap_or(u64::MAX),
                1,
                now.plus_minutes(i64::try_from(plan.minutes).unwrap_or(i64::MAX)),
                settings.campaign_aggregate_row_cap,
            );
            let spec = spec::canonical(CampaignKind::Osquery, &[&plan.checked.sql]);
            let new = NewCampaign {
                id,
                name: rules::name(plan.name.as_deref(), &plan.checked.sql, now)
                    .map_err(|error| ApiError::invalid(vec![error]))?,
                kind: CampaignKind::Osquery,
                created_at: now,
                created_by: caller.user_ref(),
                multi_host: plan.target.is_multi_host(),
                target: plan.target.clone(),
                live_window_minutes: plan.minutes,
                parts: vec![plan.checked.sql.clone()],
                spec_sha256: spec::sha256_hex(&spec),
                spec,
                host_row_cap: settings.campaign_host_row_cap,
                host_byte_cap: settings.campaign_host_byte_cap,
                warnings: plan.checked.warnings.clone(),
                ledger,
            };
            let no = campaigns::insert(tx, &new, &hosts)?;
            changes::record(tx, ChangeKind::CampaignLaunched, Some(no), now)?;
            let host_ids = plan.host_ids_hash(&hosts);
            let details = json!({"sql": plan.checked.sql, "target": audited_target(&plan.target),
                "hosts": hosts.len(), "hosts_sha256": host_ids,
                "live_window_minutes": plan.minutes, "spec_sha256": new.spec_sha256});
            let entry =
                caller.entry("campaign.launch", audit_target("campaign", id, &new.name), details);
            audit::append(tx, &entry, now)?;
            let record = campaigns::by_no(tx, no)?
                .ok_or_else(|| ApiError::internal("a campaign just inserted is missing"))?;
            let launched = Launched {
                dispatched_hosts: record.ledger.coverage.targeted,
                campaign: show(&app_in, tx, record, now)?,
            };
            remember(tx, &caller, idempotency.as_ref(), &launched, now)?;
            Ok(launched)
        })
        .await?;
    Ok(LaunchDone { launched, replayed: false })
}

async fn replay(
    app: &Arc<App>,
    caller: &Caller,
    idempotency: Option<Idempotency>,
) -> ApiResult<Option<LaunchDone>> {
    let Some(Idempotency { key, body_hash }) = idempotency else { return Ok(None) };
    let (user, since) = (caller.user.id, idempotency_horizon(app.clock.now()));
    let found = app.read(move |tx| Ok(idempotency::get(tx, user, &key, since)?)).await?;
    let Some(found) = found else { return Ok(None) };
    if found.body_hash != body_hash {
        let detail = "This Idempotency-Key was used for another request; use a new one.";
        return Err(ApiError::new(ProblemCode::IdempotencyKeyReused, detail));
    }
    let launched = serde_json::from_str(&found.response).map_err(ApiError::internal)?;
    Ok(Some(LaunchDone { launched, replayed: true }))
}

/// Hosts that an audit entry names one by one; longer lists are told by count and hash.
const AUDITED_HOSTS_MAX: usize = 100;

/// A target as the audit trail tells it: its rule, and its hosts while they are few.
pub fn audited_target(target: &Target) -> serde_json::Value {
    match target {
        Target::Hosts { host_ids } if host_ids.len() > AUDITED_HOSTS_MAX => {
            json!({"type": "hosts", "hosts": host_ids.len()})
        }
        target => json!(target),
    }
}

/// Before this time, remembered answers are forgotten.
pub fn idempotency_horizon(now: Timestamp) -> Timestamp {
    now.plus_minutes(-60 * mimir_engine::limits::IDEMPOTENCY_HOURS)
}

fn remember(
    tx: &mut Tx<'_>,
    caller: &Caller,
    idempotency: Option<&Idempotency>,
    launched: &Launched,
    now: Timestamp,
) -> ApiResult<()> {
    let Some(Idempotency { key, body_hash }) = idempotency else { return Ok(()) };
    let response = serde_json::to_string(launched).map_err(ApiError::internal)?;
    let answer = Remembered { body_hash: body_hash.clone(), status: 201, response };
    let horizon = idempotency_horizon(now);
    match idempotency::put(tx, caller.user.id, key, &answer, now, horizon) {
        Err(mimir_store::DbError::Conflict { .. }) => Err(ApiError::conflict(
            "A request with this Idempotency-Key is being carried out; repeat it in a moment.",
        )),
        other => Ok(other?),
    }
}

/// A valid request: what is to be asked, of whom.
struct Plan {
    name: Option<String>,
    minutes: u64,
    target: Target,
    checked: Checked,
}

impl Plan {
    /// Numbers of the targeted hosts, as they are at this moment of the transaction.
    fn hosts(&self, tx: &mut Tx<'_>) -> ApiResult<Vec<i64>> {
        match &self.target {
            Target::All {} => Ok(mimir_store::hosts::living_nos(tx)?),
            Target::Hosts { host_ids } => {
                let found = campaigns::resolve_hosts(tx, host_ids)?;
                let mut nos = all_known(host_ids, found)?;
                nos.sort_unstable();
                Ok(nos)
            }
            Target::OsIn { .. } => Err(os_filter()),
        }
    }

    /// What the audit trail says of whom was asked: a hash of the list of host numbers.
    fn host_ids_hash(&self, nos: &[i64]) -> String {
        let mut hasher = Sha256::new();
        nos.iter().for_each(|no| hasher.update(no.to_be_bytes()));
        hex::encode(hasher.finalize())
    }
}

async fn plan(app: &Arc<App>, request: LaunchRequest) -> ApiResult<Plan> {
    let mut errors = Vec::new();
    let minutes = rules::live_window(request.live_window_minutes)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    if let Err(error) = rules::name(request.name.as_deref(), "", app.clock.now()) {
        errors.push(error);
    }
    let saved = saved_query(app, &request, &mut errors).await?;
    let sql = request.sql.clone().or_else(|| saved.as_ref().map(|(sql, _)| sql.clone()));
    let use_saved = request.use_saved_target.unwrap_or(false);
    let target = if use_saved { saved.map(|(_, target)| target) } else { request.target };
    if target.is_none() {
        let message = "Say whom to ask: `target`, or a saved query with `use_saved_target`.";
        errors.push(field("target", message));
    }
    let (Some(sql), Some(target), true) = (sql, target, errors.is_empty()) else {
        return Err(ApiError::invalid(errors));
    };
    let target = once(target);
    let verdict = queries::parse(app, &sql, &target)?;
    let target = check_hosts(app, target).await?;
    if matches!(target, Target::OsIn { .. }) {
        return Err(os_filter());
    }
    let checked = queries::admit(&sql, &verdict)?;
    Ok(Plan { name: request.name, minutes, target, checked })
}

fn field(field: &str, message: &str) -> FieldError {
    FieldError { field: field.to_owned(), message: message.to_owned() }
}

fn os_filter() -> ApiError {
    ApiError::new(ProblemCode::OsFilterUnsupported, rules::OS_FILTER_SENTENCE)
}

async fn saved_query(
    app: &Arc<App>,
    request: &LaunchRequest,
    errors: &mut Vec<FieldError>,
) -> ApiResult<Option<(String, Target)>> {
    let id = match (&request.sql, request.saved_query_id) {
        (Some(_), Some(_)) => {
            errors.push(field("saved_query_id", "Give either `sql` or `saved_query_id`."));
            return Ok(None);
        }
        (None, None) => {
            errors.push(field("sql", "Give the SQL to ask, or a `saved_query_id`."));
            return Ok(None);
        }
        (Some(_), None) => {
            if request.use_saved_target == Some(true) {
                let message = "`use_saved_target` needs a `saved_query_id`.";
                errors.push(field("use_saved_target", message));
            }
            return Ok(None);
        }
        (None, Some(id)) => id,
    };
    let saved = app.read(move |tx| Ok(saved_queries::by_id(tx, id)?)).await?;
    if saved.is_none() {
        errors.push(field("saved_query_id", "There is no such saved query."));
    }
    Ok(saved.map(|saved| (saved.sql, saved.target)))
}

/// A host that is listed twice is still one host, also for the deny-list.
pub fn once(target: Target) -> Target {
    let Target::Hosts { host_ids } = target else { return target };
    let mut seen = HashSet::new();
    Target::Hosts { host_ids: host_ids.into_iter().filter(|id| seen.insert(*id)).collect() }
}

/// Each host once; refuses an empty or an overlong list.
///
/// # Errors
/// `invalid_request`.
pub fn distinct_hosts(ids: &[HostId]) -> ApiResult<Vec<HostId>> {
    if ids.is_empty() {
        let message = "The list of hosts is empty; name at least one. It never means all hosts.";
        return Err(ApiError::field("target.host_ids", message));
    }
    if ids.len() > TARGET_HOSTS_MAX {
        let message = format!("At most {TARGET_HOSTS_MAX} hosts can be listed.");
        return Err(ApiError::field("target.host_ids", message));
    }
    let mut seen = HashSet::new();
    Ok(ids.iter().copied().filter(|id| seen.insert(*id)).collect())
}

/// The numbers found, or a refusal that names what was not found.
///
/// # Errors
/// `invalid_request` naming the first unknown hosts.
pub fn all_known(ids: &[HostId], found: Vec<Option<i64>>) -> ApiResult<Vec<i64>> {
    let unknown: Vec<String> = ids
        .iter()
        .zip(&found)
        .filter(|(_, no)| no.is_none())
        .map(|(id, _)| id.to_string())
        .collect();
    if unknown.is_empty() {
        return Ok(found.into_iter().flatten().collect());
    }
    let shown = unknown.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let message = format!("{} unknown or decommissioned: {shown}.", plural(unknown.len()));
    Err(ApiError::field("target.host_ids", message))
}

fn plural(n: usize) -> String {
    if n == 1 { "1 host is".to_owned() } else { format!("{n} hosts are") }
}

async fn check_hosts(app: &Arc<App>, target: Target) -> ApiResult<Target> {
    let Target::Hosts { host_ids } = &target else { return Ok(target) };
    let ids = distinct_hosts(host_ids)?;
    let wanted = ids.clone();
    let found = app.read(move |tx| Ok(campaigns::resolve_hosts(tx, &wanted)?)).await?;
    all_known(&ids, found)?;
    Ok(Target::Hosts { host_ids: ids })
}

fn no_slot(refused: slots::NoSlot) -> ApiError {
    let detail = format!(
        "{} of {} concurrent campaigns are running; the next slot frees at {}. Wait, or stop one.",
        refused.active.len(),
        refused.limit,
        refused.next_slot_at
    );
    let active: Vec<_> = refused
        .active
        .iter()
        .map(|h| json!({"id": h.id, "name": h.name, "live_until": h.live_until}))
        .collect();
    ApiError::new(ProblemCode::MaxConcurrentHuntsReached, detail)
        .with("limit", refused.limit)
        .with("active", active)
        .with("next_slot_at", refused.next_slot_at.to_string())
}

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
