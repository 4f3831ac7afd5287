// SPDX-License-Identifier: Apache-2.0
//! Launching a campaign: the checks in the order of the contract, then everything in one
//! transaction.

use std::sync::Arc;

use mimir_engine::campaign::ledger::CampaignLedger;
use mimir_engine::campaign::{launch as rules, slots, spec};
use mimir_store::campaigns::{self, NewCampaign};
use mimir_store::changes::{self, ChangeKind};
use mimir_store::idempotency::{self, Remembered};
use mimir_store::{Tx, audit, saved_queries};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{CampaignKind, LaunchRequest, Launched};
use mimir_wire::api::problem::{FieldError, ProblemCode};
use mimir_wire::api::target::Target;
use mimir_wire::ids::CampaignId;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::campaigns::show;
use crate::app::queries::{self, Checked};
use crate::app::targets::{all_known, audited_target, check_hosts, once};
use crate::app::{App, Caller, audit_target};
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
