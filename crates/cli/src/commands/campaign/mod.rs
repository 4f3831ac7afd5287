// SPDX-License-Identifier: Apache-2.0
//! `mimir campaign …`.

mod change;
mod completion;
mod export;
mod launch;
mod lists;
mod show;
mod watch;

use clap::Subcommand;
use mimir_wire::ids::CampaignId;

use super::LimitArgs;
use crate::context::Context;

/// The campaign a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct IdArgs {
    /// The campaign's id
    #[arg(value_name = "ID")]
    id: CampaignId,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Ask every targeted host, also those that are offline now
    Launch(launch::LaunchArgs),
    /// List campaigns
    List(lists::ListArgs),
    /// Show one campaign with its coverage and SQL
    Show(IdArgs),
    /// Follow a campaign: answers as they come, late ones too
    Watch(watch::WatchArgs),
    /// List the hosts that have not answered yet, oldest contact first
    Pending {
        #[command(flatten)]
        campaign: IdArgs,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// List the ledger: where every targeted host stands, and why
    Assignments(lists::AssignmentArgs),
    /// List what each host answered: rows, nothing, or an error
    Responses(lists::ResponseArgs),
    /// Show how the answers came in over time
    Completion(completion::CompletionArgs),
    /// List the rows of all hosts
    Rows(lists::RowArgs),
    /// Write all rows as CSV, NDJSON or Parquet
    Export(export::ExportArgs),
    /// Stop a campaign; what was answered stays
    Stop(change::StopArgs),
    /// Hide a stopped campaign from the list
    Archive(IdArgs),
    /// Put an archived campaign back into the list
    Unarchive(IdArgs),
    /// Remove the rows of a stopped campaign for good; its record, ledger and counts stay
    DropRows(change::DropRowsArgs),
}

pub(crate) fn run(command: CampaignCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        CampaignCommand::Launch(args) => launch::run(&args, &client, context),
        CampaignCommand::List(args) => lists::campaigns(args, &client, context),
        CampaignCommand::Show(IdArgs { id }) => show::print(&client.campaign(id)?, context),
        CampaignCommand::Watch(args) => watch::run(&args, &client, context),
        CampaignCommand::Pending { campaign: IdArgs { id }, limit } => {
            lists::pending(id, &limit, &client, context)
        }
        CampaignCommand::Assignments(args) => lists::assignments(args, &client, context),
        CampaignCommand::Responses(args) => lists::responses(args, &client, context),
        CampaignCommand::Completion(args) => completion::run(&args, &client, context),
        CampaignCommand::Rows(args) => lists::rows(args, &client, context),
        CampaignCommand::Export(args) => export::run(&args, &client, context),
        CampaignCommand::Stop(args) => change::stop(args, &client, context),
        CampaignCommand::Archive(IdArgs { id }) => {
            show::print(&client.archive_campaign(id)?, context)
        }
        CampaignCommand::Unarchive(IdArgs { id }) => {
            show::print(&client.unarchive_campaign(id)?, context)
        }
        CampaignCommand::DropRows(args) => change::drop_rows(&args, &client, context),
    }
}
