// SPDX-License-Identifier: Apache-2.0
//! Ledger rows and responses of a campaign, page by page. The rows inside responses are not here.

use std::sync::Arc;

use mimir_store::assignments::{self, AssignmentRecord};
use mimir_store::responses::{self, ResponseRecord};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{Assignment, Response};
use mimir_wire::api::page::Page;
use mimir_wire::api::settings::Settings;
use mimir_wire::ids::CampaignId;

use crate::app::App;
use crate::app::campaigns::record;
use crate::app::hosts::status_of;
use crate::app::page::PageRequest;
use crate::problem::ApiResult;

fn assignment(app: &App, settings: &Settings, now: Timestamp, a: AssignmentRecord) -> Assignment {
    let seen = app.fleet.last_seen(a.host_no).unwrap_or(a.host_last_seen_at);
    let last_seen = seen.max(a.host_last_seen_at);
    let l = a.ledger;
    Assignment {
        host_id: a.host_id,
        hostname: a.hostname,
        state: l.state,
        outcome: l.outcome,
        late: l.late,
        attempts: u64::from(l.attempts),
        offered_at: l.offered_at,
        responded_at: l.responded_at,
        row_count: l.row_count,
        truncated: l.truncated,
        error: l.error,
        reason: l.reason,
        state_changed_at: l.state_changed_at,
        host_status: status_of(settings, last_seen, a.host_decommissioned, now),
        host_last_seen_at: last_seen,
    }
}

/// The ledger of a campaign.
///
/// # Errors
/// `not_found`.
pub async fn assignments(
    app: &Arc<App>,
    id: CampaignId,
    filter: assignments::Filter,
    page: PageRequest<(String, i64)>,
) -> ApiResult<Page<Assignment>> {
    let (app_in, settings, now) = (Arc::clone(app), app.settings(), app.clock.now());
    app.read(move |tx| {
        let no = record(tx, id)?.no;
        let after = page.after.as_ref().map(|(name, no)| (name.as_str(), *no));
        let found = assignments::list(tx, no, &filter, after, page.fetch())?;
        let total = assignments::list_count(tx, no, &filter)?;
        let key = |a: &AssignmentRecord| (a.hostname.clone(), a.host_no);
        Ok(page.page(found, Some(total), key, |a| assignment(&app_in, &settings, now, a)))
    })
    .await
}

/// Who has not answered, oldest contact first.
///
/// # Errors
/// `not_found`.
pub async fn pending(
    app: &Arc<App>,
    id: CampaignId,
    q: Option<String>,
    page: PageRequest<(i64, i64)>,
) -> ApiResult<Page<Assignment>> {
    let (app_in, settings, now) = (Arc::clone(app), app.settings(), app.clock.now());
    app.read(move |tx| {
        let no = record(tx, id)?.no;
        let after = page.after.map(|(seen, no)| (Timestamp::from_micros(seen), no));
        let found = assignments::pending(tx, no, q.as_deref(), after, page.fetch())?;
        let total = assignments::pending_count(tx, no, q.as_deref())?;
        let key = |a: &AssignmentRecord| (a.host_last_seen_at.micros(), a.host_no);
        Ok(page.page(found, Some(total), key, |a| assignment(&app_in, &settings, now, a)))
    })
    .await
}

fn response(r: ResponseRecord) -> Response {
    Response {
        host_id: r.host_id,
        hostname: r.hostname,
        row_count: r.row_count,
        stored_rows: r.stored_rows,
        truncated: r.truncated,
        late: r.late,
        outcome: r.outcome,
        error: r.error,
        received_at: r.received_at,
        stats: r.stats,
    }
}

/// Responses, newest first.
///
/// # Errors
/// `not_found`.
pub async fn responses(
    app: &Arc<App>,
    id: CampaignId,
    filter: responses::Filter,
    page: PageRequest<i64>,
) -> ApiResult<Page<Response>> {
    app.read(move |tx| {
        let no = record(tx, id)?.no;
        let found = responses::list_newest(tx, no, &filter, page.after, page.fetch())?;
        let total = responses::list_count(tx, no, &filter)?;
        Ok(page.page(found, Some(total), |r| r.seq, response))
    })
    .await
}
