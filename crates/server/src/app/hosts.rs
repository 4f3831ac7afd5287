// SPDX-License-Identifier: Apache-2.0
//! Hosts as operators see them: listing, status, decommissioning. How hosts enrol and poll is not
//! here.

use std::sync::Arc;

use mimir_engine::campaign::ledger::Event;
use mimir_store::changes::ChangeKind;
use mimir_store::hosts::{Filter, HostRecord, Order, SortBy, SortValue};
use mimir_store::ledger::{Happened, Item};
use mimir_store::{Tx, assignments, campaigns, changes, enrolment, ledger};
use mimir_wire::Timestamp;
use mimir_wire::api::host::{Decommission, Host, HostCounts, HostStatus};
use mimir_wire::api::page::Page;
use mimir_wire::api::settings::Settings;
use mimir_wire::api::target::Platform;
use mimir_wire::ids::HostId;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::caller::target;
use crate::app::page::{PageRequest, foreign_cursor};
use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};

/// Place of a host in a list: what the list is ordered by, and its number to tell equals apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostKey {
    /// In the order of names.
    Name(String, i64),
    /// In the order of last contacts, in microseconds.
    Seen(i64, i64),
    /// In the order of enrolment, in microseconds.
    Enrolled(i64, i64),
}

impl HostKey {
    fn of(host: &HostRecord, by: SortBy) -> Self {
        match by {
            SortBy::Hostname => Self::Name(host.facts.hostname.clone(), host.no),
            SortBy::LastSeen => Self::Seen(host.last_seen_at.micros(), host.no),
            SortBy::Enrolled => Self::Enrolled(host.enrolled_at.micros(), host.no),
        }
    }

    /// The place for the store, if it is one of a list in this order.
    fn place(&self, by: SortBy) -> Option<(SortValue, i64)> {
        let time = |micros: i64| SortValue::Time(Timestamp::from_micros(micros));
        match (self, by) {
            (Self::Name(name, no), SortBy::Hostname) => Some((SortValue::Name(name.clone()), *no)),
            (Self::Seen(at, no), SortBy::LastSeen) => Some((time(*at), *no)),
            (Self::Enrolled(at, no), SortBy::Enrolled) => Some((time(*at), *no)),
            _ => None,
        }
    }
}

/// Which hosts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostQuery {
    /// Part of the name, identifier, serial, UUID or address.
    pub q: Option<String>,
    /// How recently they were heard of.
    pub status: Option<HostStatus>,
    /// Their operating system.
    pub platform: Option<Platform>,
}

/// The bounds of the three statuses at this time: online is at or after the first, offline
/// before the second.
pub fn status_bounds(settings: &Settings, now: Timestamp) -> (Timestamp, Timestamp) {
    let before =
        |seconds: u64| now.plus_secs(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_neg());
    (before(settings.host_online_s), before(settings.host_offline_s))
}

/// The status of a host that was last heard of at this time.
pub fn status_of(
    settings: &Settings,
    last_seen: Timestamp,
    decommissioned: bool,
    now: Timestamp,
) -> HostStatus {
    let (online_from, offline_before) = status_bounds(settings, now);
    if decommissioned {
        HostStatus::Decommissioned
    } else if last_seen >= online_from {
        HostStatus::Online
    } else if last_seen >= offline_before {
        HostStatus::Stale
    } else {
        HostStatus::Offline
    }
}

/// A host as the API shows it, with the freshest contact this replica knows of.
pub fn show(app: &App, record: HostRecord, now: Timestamp) -> Host {
    let stored = record.last_seen_at;
    let last_seen_at = app.fleet.last_seen(record.no).map_or(stored, |seen| seen.max(stored));
    let decommissioned = record.decommissioned_at.is_some();
    let status = status_of(&app.settings(), last_seen_at, decommissioned, now);
    let facts = record.facts;
    Host {
        id: record.id,
        hostname: facts.hostname,
        host_identifier: facts.host_identifier,
        hardware_uuid: facts.hardware_uuid,
        hardware_serial: facts.hardware_serial,
        platform: facts.platform,
        os_name: facts.os_name,
        os_version: facts.os_version,
        arch: facts.arch,
        agent: facts.agent,
        agent_version: facts.agent_version,
        ip_address: facts.ip_address,
        status,
        enrolled_at: record.enrolled_at,
        last_seen_at,
        decommissioned_at: record.decommissioned_at,
        clone_seen_at: record.clone_seen_at,
    }
}

/// Hosts in this order. A filter on status goes by the stored contacts, which may be a few
/// seconds older than those shown; a host whose status has changed since is left out of the page
/// rather than shown under a status that was not asked for.
///
/// # Errors
/// When the database fails.
pub async fn list(
    app: &Arc<App>,
    query: HostQuery,
    order: Order,
    page: PageRequest<HostKey>,
) -> ApiResult<Page<Host>> {
    let now = app.clock.now();
    let filter = filter(&query, &app.settings(), now);
    let shown_by = Arc::clone(app);
    app.read(move |tx| {
        let after = match &page.after {
            None => None,
            Some(key) => Some(key.place(order.by).ok_or_else(foreign_cursor)?),
        };
        let records = mimir_store::hosts::list(tx, &filter, order, after, page.fetch())?;
        let total = mimir_store::hosts::list_count(tx, &filter)?;
        let key = |host: &HostRecord| HostKey::of(host, order.by);
        let mut page = page.page(records, Some(total), key, |host| show(&shown_by, host, now));
        page.items.retain(|host| query.status.is_none_or(|status| host.status == status));
        Ok(page)
    })
    .await
}

/// Counts hosts by how recently they were heard of; the status in `query` is not looked at.
/// Contacts of the last few seconds may not be counted yet.
///
/// # Errors
/// When the database fails.
pub async fn counts(app: &Arc<App>, query: HostQuery) -> ApiResult<HostCounts> {
    let (settings, now) = (app.settings(), app.clock.now());
    let (online_from, offline_before) = status_bounds(&settings, now);
    let filter = filter(&HostQuery { status: None, ..query }, &settings, now);
    app.read(move |tx| {
        let counts = mimir_store::hosts::counts_found(tx, &filter, online_from, offline_before)?;
        Ok(HostCounts {
            online: counts.online,
            stale: counts.stale,
            offline: counts.offline,
            decommissioned: counts.decommissioned,
        })
    })
    .await
}

fn filter(query: &HostQuery, settings: &Settings, now: Timestamp) -> Filter {
    let (online_from, offline_before) = status_bounds(settings, now);
    let (seen_from, seen_before) = match query.status {
        Some(HostStatus::Online) => (Some(online_from), None),
        Some(HostStatus::Stale) => (Some(offline_before), Some(online_from)),
        Some(HostStatus::Offline) => (None, Some(offline_before)),
        Some(HostStatus::Decommissioned) | None => (None, None),
    };
    Filter {
        q: query.q.clone(),
        platform: query.platform,
        seen_from,
        seen_before,
        decommissioned: query.status.map(|status| status == HostStatus::Decommissioned),
    }
}

/// One host.
///
/// # Errors
/// `not_found`.
pub async fn read(app: &Arc<App>, id: HostId) -> ApiResult<Host> {
    let now = app.clock.now();
    let record = app.read(move |tx| find(tx, id)).await?;
    Ok(show(app, record, now))
}

fn find(tx: &mut Tx<'_>, id: HostId) -> ApiResult<HostRecord> {
    mimir_store::hosts::by_id(tx, id)?.ok_or_else(|| ApiError::not_found("host"))
}

/// Cuts a host off: its keys are worthless at once, what it was still asked is cancelled, its
/// history stays.
///
/// # Errors
/// `not_found`; `conflict` when it was decommissioned before.
pub async fn decommission(
    app: &Arc<App>,
    caller: Caller,
    id: HostId,
    request: Decommission,
) -> ApiResult<Host> {
    let now = app.clock.now();
    let record = app
        .write(move |tx| {
            // A launch that chooses its hosts at this moment must see the host gone, or be seen
            // here: else its assignment would stay open for ever.
            campaigns::lock_slots(tx, now)?;
            let host = find(tx, id)?;
            let block = request.block_reenrollment;
            if !mimir_store::hosts::decommission(tx, host.no, block, now)? {
                return Err(ApiError::conflict("This host is already decommissioned."));
            }
            enrolment::keys_delete(tx, host.no)?;
            let cancelled = cancel_assignments(tx, host.no, now)?;
            changes::record(tx, ChangeKind::HostDecommissioned, Some(host.no), now)?;
            let what = target("host", id, &*host.facts.hostname);
            let details = json!({"block_reenrollment": block, "campaigns": cancelled});
            let entry = caller.entry("host.decommission", what, details);
            mimir_store::audit::append(tx, &entry, now)?;
            Ok(HostRecord { decommissioned_at: Some(now), reenrollment_blocked: block, ..host })
        })
        .await?;
    Ok(show(app, record, now))
}

/// Ends what the host was still asked; answers in how many campaigns.
fn cancel_assignments(tx: &mut Tx<'_>, host_no: i64, now: Timestamp) -> ApiResult<usize> {
    let open = assignments::open_campaigns_of_host(tx, host_no)?;
    let happened = || Happened::Event(Event::Decommissioned);
    let item = |campaign_no| Item { campaign_no, host_no, happened: happened() };
    let items: Vec<Item> = open.into_iter().map(item).collect();
    ledger::apply(tx, &items, now)?;
    Ok(items.len())
}

#[cfg(test)]
mod tests {
    use mimir_engine::limits::default_settings;

    use super::*;

    #[test]
    fn status_turns_at_its_bounds() {
        let settings = default_settings();
        let now = Timestamp::from_secs(1_000_000);
        let status = |ago: i64, cut| status_of(&settings, now.plus_secs(-ago), cut, now);
        assert_eq!(status(0, false), HostStatus::Online);
        assert_eq!(status(600, false), HostStatus::Online);
        assert_eq!(status(601, false), HostStatus::Stale);
        assert_eq!(status(86_400, false), HostStatus::Stale);
        assert_eq!(status(86_401, false), HostStatus::Offline);
        assert_eq!(status(0, true), HostStatus::Decommissioned);
        // A contact that lies in the future (clocks differ) is fresh, not an error.
        assert_eq!(status(-100, false), HostStatus::Online);
    }
}
