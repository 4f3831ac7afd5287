// SPDX-License-Identifier: Apache-2.0
//! `mimir host list|show|campaigns|count|decommission`.

use clap::{Args, Subcommand};
use mimir_client::{HostFilter, HostSort};
use mimir_wire::api::host::{Decommission, HostStatus};
use mimir_wire::api::target::{Platform, Target};
use mimir_wire::ids::HostId;

use super::{LimitArgs, word};
use crate::context::Context;
use crate::output::{Column, Format, Kind, col, visible};
use crate::target;

#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// List hosts
    #[command(after_help = "\
Examples:
  mimir host list --status offline
  mimir host list --q web- --platform linux --output json | jq -r '.items[].id'")]
    List(ListArgs),
    /// Show one host
    Show {
        /// The host's id
        #[arg(value_name = "ID")]
        id: HostId,
    },
    /// List the campaigns a host was asked in, newest first, with its answers
    Campaigns {
        /// The host's id
        #[arg(value_name = "ID")]
        id: HostId,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Count the hosts that a target names, by status
    #[command(after_help = "\
Examples:
  mimir host count
  mimir host count --target os:linux,darwin")]
    Count {
        /// all, hosts:ID,ID or os:PLATFORM,PLATFORM
        #[arg(long, value_name = "TARGET", value_parser = target::parse, default_value = "all")]
        target: Target,
    },
    /// Cut a host off at once; its history stays
    #[command(after_help = "\
The host's key becomes worthless and its open assignments are cancelled. The machine may enrol
again with a valid secret as a new host, unless --block-reenrollment is given.")]
    Decommission {
        /// The host's id
        #[arg(value_name = "ID")]
        id: HostId,
        /// Refuse the same machine should it try to enrol again
        #[arg(long)]
        block_reenrollment: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Text in the name, identifier, serial number or address
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// online, stale, offline or decommissioned
    #[arg(long, value_name = "STATUS", value_parser = word!(HostStatus))]
    status: Option<HostStatus>,
    /// linux, darwin or windows
    #[arg(long, value_name = "PLATFORM", value_parser = word!(Platform))]
    platform: Option<Platform>,
    /// hostname, last_seen or enrolled
    #[arg(long, value_name = "ORDER", value_parser = word!(HostSort))]
    sort: Option<HostSort>,
    /// Largest or latest first
    #[arg(long)]
    desc: bool,
    #[command(flatten)]
    limit: LimitArgs,
}

const COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("HOST", "hostname", Kind::Text),
    col("STATUS", "status", Kind::Text),
    col("LAST SEEN", "last_seen_at", Kind::Time),
    col("PLATFORM", "platform", Kind::Text),
    col("SYSTEM", "os_name", Kind::Text),
    col("VERSION", "os_version", Kind::Text),
    col("ADDRESS", "ip_address", Kind::Text),
    col("AGENT", "agent", Kind::Text),
    col("AGENT VERSION", "agent_version", Kind::Text),
    col("ARCHITECTURE", "arch", Kind::Detail),
    col("IDENTIFIER", "host_identifier", Kind::Detail),
    col("HARDWARE UUID", "hardware_uuid", Kind::Detail),
    col("SERIAL NUMBER", "hardware_serial", Kind::Detail),
    col("ENROLLED", "enrolled_at", Kind::DetailTime),
    col("DECOMMISSIONED", "decommissioned_at", Kind::DetailTime),
    col("CLONE SEEN", "clone_seen_at", Kind::DetailTime),
];

const CAMPAIGN_COLUMNS: &[Column] = &[
    col("CAMPAIGN", "campaign.id", Kind::Text),
    col("NAME", "campaign.name", Kind::Text),
    col("LAUNCHED", "campaign.created_at", Kind::Time),
    col("STATE", "state", Kind::Text),
    col("REASON", "reason", Kind::Text),
    col("OUTCOME", "outcome", Kind::Text),
    col("LATE", "late", Kind::Flag),
    col("ROWS", "row_count", Kind::Count),
    col("TRUNCATED", "truncated", Kind::Flag),
    col("ERROR", "error", Kind::Text),
    col("ANSWERED", "responded_at", Kind::Time),
    col("CAMPAIGN STATUS", "campaign.status", Kind::Detail),
    col("KIND", "campaign.kind", Kind::Detail),
    col("LIVE UNTIL", "campaign.live_until", Kind::DetailTime),
    col("OFFERS", "attempts", Kind::Detail),
    col("OFFERED", "offered_at", Kind::DetailTime),
    col("STORED", "stored_rows", Kind::Detail),
    col("SINCE", "state_changed_at", Kind::DetailTime),
];

const COUNT_COLUMNS: &[Column] = &[
    col("TARGETED", "targeted", Kind::Count),
    col("ONLINE", "online", Kind::Count),
    col("STALE", "stale", Kind::Count),
    col("OFFLINE", "offline", Kind::Count),
];

pub(crate) fn run(command: HostCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        HostCommand::List(ListArgs { q, status, platform, sort, desc, limit }) => {
            let filter = HostFilter { q, status, platform, sort, descending: desc };
            let hosts = client.hosts(&filter);
            context.print_list(COLUMNS, &hosts, limit.limit)
        }
        HostCommand::Show { id } => context.print(COLUMNS, &client.host(id)?),
        HostCommand::Campaigns { id, limit } => {
            context.print_list(CAMPAIGN_COLUMNS, &client.host_campaigns(id), limit.limit)
        }
        HostCommand::Count { target } => {
            context.print(COUNT_COLUMNS, &client.count_target(&target)?)
        }
        HostCommand::Decommission { id, block_reenrollment } => {
            if context.console.input_is_terminal {
                let name = client.host(id)?.hostname;
                context.confirm(&format!("Cut off host {} ({id})?", visible(&name)))?;
            }
            let request = Decommission { block_reenrollment };
            let host = client.decommission_host(id, &request)?;
            if context.format() == Format::Table {
                let name = visible(&host.hostname);
                return Ok(context.console.say(&format!("Host {name} ({id}) is cut off."))?);
            }
            context.print(COLUMNS, &host)
        }
    }
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::campaign::HostCampaign;
    use mimir_wire::api::host::Host;
    use mimir_wire::api::target::TargetCount;

    use crate::commands::samples;
    use crate::output::assert_columns;

    #[test]
    fn columns_exist() {
        let host: Host = serde_json::from_str(samples::HOST).unwrap();
        assert_columns(super::COLUMNS, &host);
        let campaign: HostCampaign = serde_json::from_str(samples::HOST_CAMPAIGN).unwrap();
        assert_columns(super::CAMPAIGN_COLUMNS, &campaign);
        assert_columns(super::COUNT_COLUMNS, &TargetCount::default());
    }
}
