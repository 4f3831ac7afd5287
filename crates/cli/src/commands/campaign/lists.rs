// SPDX-License-Identifier: Apache-2.0
//! `mimir campaign list|pending|assignments|responses|rows`.

use clap::Args;
use mimir_client::{AssignmentFilter, CampaignFilter, Client, ResponseFilter, RowFilter};
use mimir_wire::api::campaign::{AssignmentState, CampaignKind, CampaignStatus, Outcome};
use mimir_wire::ids::{CampaignId, HostId};

use super::{IdArgs, show};
use crate::commands::{LimitArgs, word};
use crate::context::Context;
use crate::output::{self, Column, Kind, col};

#[derive(Debug, Args)]
#[command(after_help = "Archived campaigns are listed with --status archived.")]
pub(crate) struct ListArgs {
    /// active, stopped or archived
    #[arg(long, value_name = "STATUS", value_parser = word!(CampaignStatus))]
    status: Option<CampaignStatus>,
    /// osquery or ioc_hunt
    #[arg(long, value_name = "KIND", value_parser = word!(CampaignKind))]
    kind: Option<CampaignKind>,
    /// Text in the name or in the name of who launched it
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir campaign assignments ID --state lost,blocked
  mimir campaign assignments ID --outcome error --output csv")]
pub(crate) struct AssignmentArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// pending, offered, responded, lost, cancelled, blocked or rejected; several with commas
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = word!(AssignmentState))]
    state: Vec<AssignmentState>,
    /// rows, empty, error or denylisted
    #[arg(long, value_name = "OUTCOME", value_parser = word!(Outcome))]
    outcome: Option<Outcome>,
    /// Only late answers (true) or only those in time (false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    late: Option<bool>,
    /// Only hosts whose rows were cut (true) or only whole answers (false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    truncated: Option<bool>,
    /// Text in the host's name
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResponseArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// rows, empty, error or denylisted
    #[arg(long, value_name = "OUTCOME", value_parser = word!(Outcome))]
    outcome: Option<Outcome>,
    /// Only answers whose rows were cut (true) or only whole ones (false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    truncated: Option<bool>,
    /// Text in the host's name
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// Only late answers (true) or only those in time (false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    late: Option<bool>,
    #[command(flatten)]
    limit: LimitArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir campaign rows ID --host 0193b3a0-5f2e-7c41-9d6e-2b1f4c7a9e10
  mimir campaign rows ID --contains openssl --columns name,version --output csv
  mimir campaign rows ID --sort size --desc --where path=/usr --limit 20

`mimir campaign export` writes everything faster.")]
pub(crate) struct RowArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// Only rows of the host with this id
    #[arg(long, value_name = "ID")]
    host: Option<HostId>,
    /// Text in any column, case ignored
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// Text in this column, case ignored; may be given several times
    #[arg(long = "where", value_name = "COLUMN=TEXT", value_parser = condition)]
    conditions: Vec<(String, String)>,
    /// Sort by this column: numbers, then other texts
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// Largest first
    #[arg(long, requires = "sort")]
    desc: bool,
    /// Only these columns, comma separated
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    limit: LimitArgs,
}

/// Reads `column=text`.
fn condition(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(column, _)| !column.is_empty());
    let (column, text) = parts.ok_or("write COLUMN=TEXT")?;
    Ok((column.to_owned(), text.to_owned()))
}

const ASSIGNMENT_COLUMNS: &[Column] = &[
    col("HOST", "hostname", Kind::Text),
    col("STATE", "state", Kind::Text),
    col("SINCE", "state_changed_at", Kind::Time),
    col("REASON", "reason", Kind::Text),
    col("OUTCOME", "outcome", Kind::Text),
    col("LATE", "late", Kind::Flag),
    col("OFFERS", "attempts", Kind::Count),
    col("ROWS", "row_count", Kind::Count),
    col("TRUNCATED", "truncated", Kind::Flag),
    col("ERROR", "error", Kind::Text),
    col("HOST STATUS", "host_status", Kind::Text),
    col("LAST SEEN", "host_last_seen_at", Kind::Time),
    col("OFFERED", "offered_at", Kind::DetailTime),
    col("RESPONDED", "responded_at", Kind::DetailTime),
    col("HOST ID", "host_id", Kind::Detail),
];
const PENDING_COLUMNS: &[Column] = &[
    col("HOST", "hostname", Kind::Text),
    col("STATE", "state", Kind::Text),
    col("OFFERS", "attempts", Kind::Count),
    col("OFFERED", "offered_at", Kind::Time),
    col("HOST STATUS", "host_status", Kind::Text),
    col("LAST SEEN", "host_last_seen_at", Kind::Time),
    col("HOST ID", "host_id", Kind::Text),
];
const RESPONSE_COLUMNS: &[Column] = &[
    col("HOST", "hostname", Kind::Text),
    col("OUTCOME", "outcome", Kind::Text),
    col("ROWS", "row_count", Kind::Count),
    col("STORED", "stored_rows", Kind::Count),
    col("TRUNCATED", "truncated", Kind::Flag),
    col("LATE", "late", Kind::Flag),
    col("RECEIVED", "received_at", Kind::Time),
    col("WALL MS", "stats.wall_time_ms", Kind::Count),
    col("ERROR", "error", Kind::Text),
    col("HOST ID", "host_id", Kind::Detail),
    col("USER CPU MS", "stats.user_time", Kind::Detail),
    col("SYSTEM CPU MS", "stats.system_time", Kind::Detail),
    col("MEMORY BYTES", "stats.memory", Kind::Detail),
];

pub(super) fn campaigns(
    args: ListArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let ListArgs { status, kind, q, limit } = args;
    let campaigns = client.campaigns(&CampaignFilter { status, kind, q, created_by: None });
    context.print_list(show::COLUMNS, &campaigns, limit.limit)
}

pub(super) fn pending(
    id: CampaignId,
    limit: &LimitArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    context.print_list(PENDING_COLUMNS, &client.pending(id), limit.limit)
}

pub(super) fn assignments(
    args: AssignmentArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let AssignmentArgs { campaign: IdArgs { id }, outcome, late, truncated, q, limit, .. } = args;
    let filter = AssignmentFilter { states: args.state, outcome, late, truncated, q };
    let ledger = client.assignments(id, &filter);
    context.print_list(ASSIGNMENT_COLUMNS, &ledger, limit.limit)
}

pub(super) fn responses(
    args: ResponseArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let ResponseArgs { campaign: IdArgs { id }, outcome, truncated, q, late, limit } = args;
    let responses = client.responses(id, &ResponseFilter { late, outcome, truncated, q });
    context.print_list(RESPONSE_COLUMNS, &responses, limit.limit)
}

pub(super) fn rows(
    args: RowArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let RowArgs { campaign: IdArgs { id }, limit, .. } = args;
    let rows = RowFilter {
        host: args.host,
        contains: args.contains,
        conditions: args.conditions,
        columns: args.columns,
        sort: args.sort,
        descending: args.desc,
    };
    let rows = client.rows(id, &rows);
    output::rows(context.console, context.global.output, &rows, limit.limit)
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::campaign::{Assignment, Response};
    use mimir_wire::osquery::QueryStats;

    use super::*;
    use crate::commands::samples;
    use crate::output::assert_columns;

    #[test]
    fn columns_exist() {
        let assignment: Assignment = serde_json::from_str(samples::ASSIGNMENT).unwrap();
        assert_columns(ASSIGNMENT_COLUMNS, &assignment);
        assert_columns(PENDING_COLUMNS, &assignment);
        let mut response: Response = serde_json::from_str(samples::RESPONSE).unwrap();
        response.stats = Some(QueryStats::default());
        assert_columns(RESPONSE_COLUMNS, &response);
    }
}
