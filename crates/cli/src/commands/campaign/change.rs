// SPDX-License-Identifier: Apache-2.0
//! `mimir campaign stop|drop-rows`.

use clap::Args;
use mimir_client::Client;
use mimir_wire::api::campaign::StopRequest;

use super::{IdArgs, show};
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::visible;

#[derive(Debug, Args)]
#[command(after_help = "\
Hosts that have not been offered the query are cancelled. Hosts that have may still answer for the
time of the setting stop_grace_minutes; with --discard-in-flight their answers are thrown away.")]
pub(crate) struct StopArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// Why, for the record; at most 1,000 characters
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Throw away answers that are on their way
    #[arg(long)]
    discard_in_flight: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DropRowsArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// The campaign's name; asked for on a terminal
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

pub(super) fn stop(
    args: StopArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let StopArgs { campaign: IdArgs { id }, reason, discard_in_flight } = args;
    let campaign = client.stop_campaign(id, &StopRequest { reason, discard_in_flight })?;
    show::print(&campaign, context)
}

pub(super) fn drop_rows(
    args: &DropRowsArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let id = args.campaign.id;
    let confirm = match &args.confirm {
        Some(name) => name.clone(),
        None => {
            let name = client.campaign(id)?.head.name;
            let question = format!(
                "All rows of campaign “{}” will be removed for good. Type its name: ",
                visible(&name)
            );
            context.ask(&question)?.ok_or_else(|| {
                wrong_usage("removing rows cannot be undone; give the name with `--confirm NAME`")
            })?
        }
    };
    show::print(&client.drop_campaign_rows(id, &confirm)?, context)
}
