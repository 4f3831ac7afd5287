// SPDX-License-Identifier: Apache-2.0
//! `mimir host list|show|decommission`.

use clap::{Args, Subcommand};
use mimir_client::HostFilter;
use mimir_wire::api::host::{Decommission, HostStatus};
use mimir_wire::api::target::Platform;
use mimir_wire::ids::HostId;

use super::{LimitArgs, word};
use crate::context::Context;
use crate::output::{Column, Format, Kind, col, visible};

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

pub(crate) fn run(command: HostCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        HostCommand::List(ListArgs { q, status, platform, limit }) => {
            let hosts = client.hosts(&HostFilter { q, status, platform });
            context.print_list(COLUMNS, &hosts, limit.limit)
        }
        HostCommand::Show { id } => context.print(COLUMNS, &client.host(id)?),
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
    use mimir_wire::api::host::Host;

    #[test]
    fn columns_exist() {
        let host: Host = serde_json::from_str(crate::commands::samples::HOST).unwrap();
        crate::output::assert_columns(super::COLUMNS, &host);
    }
}
