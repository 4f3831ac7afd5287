// SPDX-License-Identifier: Apache-2.0
//! One campaign, as `show` and every change of it print it.

use std::fmt::Write as _;

use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{Campaign, CampaignHead, CampaignStatus, Coverage, StopCode};

use crate::context::Context;
use crate::output::{
    Column, Format, Kind, col, counted, coverage_bar, grouped, moment, percent, visible,
};
use crate::target;

/// Characters of the coverage bar.
const BAR_CHARS: usize = 40;

pub(super) const COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("NAME", "name", Kind::Text),
    col("STATUS", "status", Kind::Text),
    col("LIVE", "live", Kind::Flag),
    col("COMPLETE", "complete", Kind::Flag),
    col("LAUNCHED", "created_at", Kind::Time),
    col("BY", "created_by.username", Kind::Text),
    col("HOSTS", "coverage.targeted", Kind::Count),
    col("ANSWERED", "coverage", Kind::Coverage),
    col("ROWS", "coverage.rows_stored", Kind::Count),
    col("KIND", "kind", Kind::Detail),
    col("TARGET", "target", Kind::Detail),
    col("LIVE WINDOW", "live_window_minutes", Kind::Detail),
    col("LIVE UNTIL", "live_until", Kind::DetailTime),
    col("RESPONDED", "coverage.responded", Kind::Detail),
    col("PENDING", "coverage.pending", Kind::Detail),
    col("OFFERED", "coverage.offered", Kind::Detail),
    col("LATE", "coverage.late", Kind::Detail),
    col("LOST", "coverage.lost", Kind::Detail),
    col("CANCELLED", "coverage.cancelled", Kind::Detail),
    col("BLOCKED", "coverage.blocked", Kind::Detail),
    col("REJECTED", "coverage.rejected", Kind::Detail),
    col("WITH ROWS", "coverage.with_rows", Kind::Detail),
    col("EMPTY", "coverage.empty", Kind::Detail),
    col("ERRORS", "coverage.errors", Kind::Detail),
    col("DENYLISTED", "coverage.denylisted", Kind::Detail),
    col("TRUNCATED", "coverage.truncated", Kind::Detail),
    col("ROWS REPORTED", "coverage.rows_reported", Kind::Detail),
    col("STOP CODE", "stop_code", Kind::Detail),
    col("STOP REASON", "stop_reason", Kind::Detail),
    col("STOPPED", "stopped_at", Kind::DetailTime),
    col("STOPPED BY", "stopped_by.username", Kind::Detail),
    col("SHA-256", "frozen.spec_sha256", Kind::Detail),
    col("SQL", "frozen.sql", Kind::Detail),
];

pub(super) fn print(campaign: &Campaign, context: &mut Context<'_>) -> anyhow::Result<()> {
    match context.format() {
        Format::Table => {
            let text = describe(campaign, context.now());
            Ok(context.console.out.write_all(text.as_bytes())?)
        }
        Format::Json | Format::Csv => context.print(COLUMNS, campaign),
    }
}

fn describe(campaign: &Campaign, now: Timestamp) -> String {
    let Campaign { head, frozen } = campaign;
    let by = visible(&head.created_by.username);
    let mut text = String::new();
    let mut line = |title: &str, value: &str| {
        let _ = writeln!(text, "{title:<10}{value}");
    };
    line("Campaign", &head.id.to_string());
    line("Name", &visible(&head.name));
    line("Status", &status(head, now));
    line("Launched", &format!("{} by {by}", moment(head.created_at, now)));
    line("Target", &visible(&target::write(&head.target)));
    let coverage = &head.coverage;
    let answered = percent(coverage.responded, coverage.targeted);
    line("Coverage", &format!("{} {answered} answered", coverage_bar(coverage, BAR_CHARS)));
    line("", &states(coverage));
    line("Answers", &answers(coverage));
    line("Rows", &rows(head));
    for warning in &head.warnings {
        line("Warning", &visible(warning));
    }
    line("SHA-256", &visible(&frozen.spec_sha256));
    for (i, sql) in frozen.sql.lines().enumerate() {
        line(if i == 0 { "SQL" } else { "" }, &visible(sql));
    }
    text
}

fn status(head: &CampaignHead, now: Timestamp) -> String {
    let mut status = head.status.to_string();
    if head.complete {
        status.push_str(", complete");
    }
    match (head.status, head.stopped_at) {
        (CampaignStatus::Active, _) if head.live => {
            let _ = write!(status, ", live until {}", moment(head.live_until, now));
        }
        (CampaignStatus::Active, _) => status.push_str(", live window closed"),
        (_, Some(at)) => {
            let _ = write!(status, ", stopped {} {}", moment(at, now), why_stopped(head));
        }
        (_, None) => {}
    }
    status
}

/// Who or what stopped a campaign and why, as it follows the word "stopped".
pub(super) fn why_stopped(head: &CampaignHead) -> String {
    let mut why = match (head.stop_code, &head.stopped_by) {
        (Some(StopCode::AutoStoppedAggregateRowCap), _) => {
            "by itself: it reached campaign_aggregate_row_cap".to_owned()
        }
        (_, Some(user)) => format!("by {}", visible(&user.username)),
        (_, None) => "by nobody known".to_owned(),
    };
    if let Some(reason) = head.stop_reason.as_deref().filter(|reason| !reason.is_empty()) {
        let _ = write!(why, ": {}", visible(reason));
    }
    if head.discard_in_flight {
        why.push_str(" (answers in flight are discarded)");
    }
    why
}

fn states(coverage: &Coverage) -> String {
    let mut states = format!(
        "{} of {} responded ({} late), {} pending ({} of them offered)",
        grouped(coverage.responded),
        grouped(coverage.targeted),
        grouped(coverage.late),
        grouped(coverage.pending + coverage.offered),
        grouped(coverage.offered)
    );
    let ends = [
        (coverage.lost, "lost"),
        (coverage.cancelled, "cancelled"),
        (coverage.blocked, "blocked"),
        (coverage.rejected, "rejected"),
    ];
    for (count, state) in ends.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(states, ", {} {state}", grouped(count));
    }
    states
}

fn answers(coverage: &Coverage) -> String {
    format!(
        "{} with rows, {} empty, {}, {} denylisted",
        grouped(coverage.with_rows),
        grouped(coverage.empty),
        counted(coverage.errors, "error"),
        grouped(coverage.denylisted)
    )
}

fn rows(head: &CampaignHead) -> String {
    let coverage = &head.coverage;
    let mut rows = if head.rows_dropped {
        "dropped".to_owned()
    } else {
        format!("{} stored", grouped(coverage.rows_stored))
    };
    let _ = write!(rows, " of {} reported", grouped(coverage.rows_reported));
    if coverage.truncated > 0 {
        let _ = write!(rows, "; rows truncated on {}", counted(coverage.truncated, "host"));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Campaign {
        serde_json::from_str(crate::commands::samples::CAMPAIGN).unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-23T17:00:00Z".parse().unwrap()
    }

    #[test]
    fn columns_exist() {
        let mut campaign = sample();
        campaign.head.stopped_by = Some(campaign.head.created_by.clone());
        crate::output::assert_columns(COLUMNS, &campaign);
    }

    #[test]
    fn an_active_campaign_is_described() {
        insta::assert_snapshot!(describe(&sample(), now()), @r"
        Campaign  0193b3a0-0000-7000-8000-000000000006
        Name      Kernels
        Status    active, live until 2026-11-23 17:04:00 UTC (in 4 min)
        Launched  2026-11-23 16:54:00 UTC (6 min ago) by ada
        Target    all
        Coverage  ███████████████████████▓▒░░░░░░░░░░░░░░· 61% answered
                  1,220 of 2,000 responded (20 late), 760 pending (60 of them offered), 5 lost, 10 cancelled, 3 blocked, 2 rejected
        Answers   300 with rows, 900 empty, 18 errors, 2 denylisted
        Rows      45,000 stored of 52,000 reported; rows truncated on 1 host
        SHA-256   ab12
        SQL       SELECT *
                  FROM kernel_info
        ");
    }

    #[test]
    fn a_stopped_campaign_says_who_and_why() {
        let mut campaign = sample();
        let head = &mut campaign.head;
        head.status = CampaignStatus::Stopped;
        head.stopped_at = Some(now().plus_minutes(-1));
        head.stopped_by = Some(head.created_by.clone());
        head.stop_reason = Some("enough\u{1b}[2J".into());
        assert_eq!(
            status(head, now()),
            "stopped, stopped 2026-11-23 16:59:00 UTC (1 min ago) by ada: enough\\x1b[2J"
        );
        head.stop_code = Some(StopCode::AutoStoppedAggregateRowCap);
        assert!(status(head, now()).contains("campaign_aggregate_row_cap"));
    }
}
