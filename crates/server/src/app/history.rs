// SPDX-License-Identifier: Apache-2.0
//! The ledger read along time: what one host was asked, and how the answers to one campaign came
//! in.

use std::sync::Arc;

use mimir_engine::campaign::ledger::AssignmentLedger;
use mimir_engine::limits::{COMPLETION_POINTS_DEFAULT, COMPLETION_POINTS_MAX};
use mimir_store::campaigns::CampaignRecord;
use mimir_store::history::{self, Answers, CampaignBrief};
use mimir_store::{Tx, hosts};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{
    CampaignStatus, Completion, CompletionPoint, HostCampaign, HostCampaignHead,
};
use mimir_wire::api::page::Page;
use mimir_wire::ids::{CampaignId, HostId};

use crate::app::App;
use crate::app::campaigns::record;
use crate::app::page::{PageRequest, encode};
use crate::problem::{ApiError, ApiResult};

/// Campaigns in which the host is looked up in one step.
const CAMPAIGNS_STEP: u64 = 256;
/// Campaigns walked for one page at the most: a host that took part in none of the last ten
/// thousand is answered in time, with a cursor to those before.
const CAMPAIGNS_WALKED_MAX: u64 = 10_000;

/// The campaigns of a host, newest first. The cursor is a campaign's number.
///
/// # Errors
/// `not_found`.
pub async fn of_host(
    app: &Arc<App>,
    id: HostId,
    page: PageRequest<i64>,
) -> ApiResult<Page<HostCampaign>> {
    app.read(move |tx| {
        let host = hosts::by_id(tx, id)?.ok_or_else(|| ApiError::not_found("host"))?;
        walk(tx, host.no, &page)
    })
    .await
}

fn walk(tx: &mut Tx<'_>, host_no: i64, page: &PageRequest<i64>) -> ApiResult<Page<HostCampaign>> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let (mut before, mut walked) = (page.after.unwrap_or(i64::MAX), 0);
    let mut items = Vec::new();
    loop {
        let briefs = history::briefs_before(tx, before, CAMPAIGNS_STEP)?;
        let Some(last) = briefs.last().map(|brief| brief.no) else { break };
        let nos: Vec<i64> = briefs.iter().map(|brief| brief.no).collect();
        let mut found = history::assignments_of_host(tx, host_no, &nos)?.into_iter().peekable();
        for brief in briefs {
            let Some((no, ledger)) = found.next_if(|(no, _)| *no == brief.no) else { continue };
            if items.len() == limit {
                // There is one more than fits: the next page begins behind the last that does.
                let next_cursor = items.last().map(|(no, _)| encode(no));
                return Ok(page_of(items, next_cursor));
            }
            items.push((no, shown(brief, ledger)));
        }
        (before, walked) = (last, walked + CAMPAIGNS_STEP);
        if walked >= CAMPAIGNS_WALKED_MAX {
            return Ok(page_of(items, Some(encode(&before))));
        }
    }
    Ok(page_of(items, None))
}

fn page_of(items: Vec<(i64, HostCampaign)>, next_cursor: Option<String>) -> Page<HostCampaign> {
    let items = items.into_iter().map(|(_, item)| item).collect();
    Page { items, next_cursor, total: None }
}

fn shown(brief: CampaignBrief, l: AssignmentLedger) -> HostCampaign {
    HostCampaign {
        campaign: HostCampaignHead {
            id: brief.id,
            name: brief.name,
            kind: brief.kind,
            status: brief.status,
            created_at: brief.created_at,
            live_until: brief.live_until,
        },
        state: l.state,
        outcome: l.outcome,
        late: l.late,
        attempts: u64::from(l.attempts),
        offered_at: l.offered_at,
        responded_at: l.responded_at,
        row_count: l.row_count,
        stored_rows: l.stored_rows,
        truncated: l.truncated,
        error: l.error,
        reason: l.reason,
        state_changed_at: l.state_changed_at,
    }
}

/// How the hosts of a campaign answered over time.
///
/// # Errors
/// `not_found`; `invalid_request` for a number of points out of range.
pub async fn completion(
    app: &Arc<App>,
    id: CampaignId,
    points: Option<u64>,
) -> ApiResult<Completion> {
    let points = points.unwrap_or(COMPLETION_POINTS_DEFAULT);
    if !(1..=COMPLETION_POINTS_MAX).contains(&points) {
        let message = format!("points is {points}; give 1 to {COMPLETION_POINTS_MAX}.");
        return Err(ApiError::field("points", message));
    }
    let now = app.clock.now();
    app.read(move |tx| {
        let campaign = record(tx, id)?;
        let to = end_of(&campaign, history::last_response(tx, campaign.no)?, now);
        let from = campaign.created_at;
        let span = Span::new(from, to, points);
        let answers = history::answers_over_time(tx, campaign.no, from, span.width_us)?;
        Ok(Completion {
            from,
            live_until: campaign.ledger.live_until,
            to,
            targeted: campaign.ledger.coverage.targeted,
            points: span.cumulated(&answers),
        })
    })
    .await
}

/// Where the course of a campaign ends: now while answers may come, else with the last that came.
fn end_of(campaign: &CampaignRecord, last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let ledger = &campaign.ledger;
    let open = ledger.status == CampaignStatus::Active && !ledger.complete()
        || ledger.coverage.offered > 0;
    let end = if open { now } else { last.unwrap_or(campaign.created_at) };
    end.max(last.unwrap_or(end)).max(campaign.created_at)
}

/// A stretch of time in equal parts.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
    width_us: i64,
    parts: i64,
}

impl Span {
    fn new(from: Timestamp, to: Timestamp, parts: u64) -> Self {
        let (from, to) = (from.micros(), to.micros().max(from.micros()));
        let parts = i64::try_from(parts).unwrap_or(i64::MAX);
        // One more than the exact share, so that `to` itself lies in the last part.
        Self { from, to, width_us: to.saturating_sub(from) / parts + 1, parts }
    }

    /// Sums up to the end of each part in which something was answered.
    fn cumulated(&self, answers: &[Answers]) -> Vec<CompletionPoint> {
        let mut points: Vec<CompletionPoint> = Vec::new();
        let (mut responded, mut late) = (0, 0);
        for part in answers {
            (responded, late) = (responded + part.responded, late + part.late);
            // Clocks of replicas differ by a little: an answer may seem to come before the launch.
            let part = part.bucket.clamp(0, self.parts - 1);
            let end = self.from.saturating_add((part + 1).saturating_mul(self.width_us));
            let at = Timestamp::from_micros(end.min(self.to));
            let point = CompletionPoint { at, responded, late };
            match points.last_mut() {
                Some(last) if last.at == at => *last = point,
                _ => points.push(point),
            }
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn answers(bucket: i64, responded: u64, late: u64) -> Answers {
        Answers { bucket, responded, late }
    }

    #[test]
    fn every_moment_lies_in_a_part() {
        for (length, parts) in [(0, 1), (1, 1), (10, 3), (100, 200), (86_400_000_000, 7)] {
            let span = Span::new(at(5), at(5 + length), parts);
            assert!(length / span.width_us < i64::try_from(parts).unwrap(), "{length} / {parts}");
        }
    }

    #[test]
    fn points_only_rise_and_end_at_the_end() {
        let span = Span::new(at(100), at(200), 10);
        let points = span.cumulated(&[
            answers(-1, 1, 0),
            answers(0, 2, 0),
            answers(4, 3, 1),
            answers(12, 1, 1),
        ]);
        let point = |micros, responded, late| CompletionPoint { at: at(micros), responded, late };
        assert_eq!(points, [point(111, 3, 0), point(155, 6, 1), point(200, 7, 2)]);
        assert_eq!(span.cumulated(&[]), []);
    }
}
