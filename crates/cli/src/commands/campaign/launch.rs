// SPDX-License-Identifier: Apache-2.0
//! `mimir campaign launch`. A launch whose answer gets lost is asked for again under the same
//! idempotency key, so that it happens once.

use std::io::Write as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{ArgGroup, Args};
use mimir_client::{Client, ClientError};
use mimir_wire::api::campaign::{LaunchRequest, Launched};
use mimir_wire::api::problem::ProblemCode;
use mimir_wire::api::target::Target;
use uuid::Uuid;

use super::show::COLUMNS;
use crate::commands::saved;
use crate::commands::sql::read_file;
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{Format, grouped, json, moment, visible};
use crate::target;

/// Attempts at a launch whose answer did not arrive, and the wait after each but the last.
const WAITS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];

/// Ask every targeted host, also those that are offline now
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir campaign launch --sql 'SELECT * FROM kernel_info' --target all --name 'Kernels'
  mimir campaign launch --saved 'Listening ports' --use-saved-target --live-window 60
  mimir campaign launch --sql-file find.sql --target hosts:ID,ID --output json

Hosts that are offline answer when they are back. Campaigns take `all` or `hosts:…`; the target
is frozen at launch.")]
#[command(group(ArgGroup::new("question").required(true).args(["sql", "sql_file", "saved"])))]
#[command(group(ArgGroup::new("whom").required(true).args(["target", "use_saved_target"])))]
pub(crate) struct LaunchArgs {
    /// One SELECT statement
    #[arg(long, value_name = "SQL")]
    sql: Option<String>,
    /// File with one SELECT statement, `-` for standard input
    #[arg(long, value_name = "FILE")]
    sql_file: Option<PathBuf>,
    /// Name or id of a saved query
    #[arg(long, value_name = "NAME")]
    saved: Option<String>,
    /// Whom to ask: all or hosts:ID,ID
    #[arg(long, value_name = "TARGET", value_parser = target::parse)]
    target: Option<Target>,
    /// Ask whom the saved query names
    #[arg(long)]
    use_saved_target: bool,
    /// A name; the first words of the SQL and the time without it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Minutes for which the campaign holds a slot; answers after them count as late
    /// [default: 10, at most 1440]
    #[arg(long, value_name = "MINUTES", allow_negative_numbers = true)]
    live_window: Option<i64>,
    /// A text that makes repeats of this launch answer the first one; valid for a day
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

pub(super) fn run(
    args: &LaunchArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    if args.use_saved_target && args.saved.is_none() {
        return Err(wrong_usage("`--use-saved-target` needs `--saved NAME`"));
    }
    let sql = match (&args.sql, &args.sql_file) {
        (None, Some(path)) => Some(read_file(path, context)?),
        (sql, _) => sql.clone(),
    };
    let saved = args.saved.as_deref().map(|name| saved::find(client, name)).transpose()?;
    let request = LaunchRequest {
        name: args.name.clone(),
        sql,
        saved_query_id: saved.map(|saved| saved.id),
        use_saved_target: args.use_saved_target.then_some(true),
        target: args.target.clone(),
        live_window_minutes: args.live_window,
    };
    let key = args.idempotency_key.clone().unwrap_or_else(fresh_key);
    let (launched, replayed) = launch(client, &request, &key)?;
    print(&launched, replayed && args.idempotency_key.is_some(), context)
}

#[expect(clippy::disallowed_methods, reason = "a launch from a shell is one of a kind")]
fn fresh_key() -> String {
    Uuid::new_v4().to_string()
}

fn launch(
    client: &Client,
    request: &LaunchRequest,
    key: &str,
) -> Result<(Launched, bool), ClientError> {
    for wait in WAITS {
        match client.launch_campaign(request, Some(key)) {
            Err(error)
                if error.is_transient() && error.code() != Some(ProblemCode::RateLimited) =>
            {
                thread::sleep(wait);
            }
            outcome => return outcome,
        }
    }
    client.launch_campaign(request, Some(key))
}

fn print(launched: &Launched, repeat: bool, context: &mut Context<'_>) -> anyhow::Result<()> {
    let head = &launched.campaign.head;
    if repeat {
        context.console.say("This launch was made before; nothing new was launched.")?;
    }
    match context.format() {
        Format::Json => json(context.console, launched),
        Format::Csv => context.print(COLUMNS, &launched.campaign),
        Format::Table => {
            let now = context.now();
            let out = &mut context.console.out;
            writeln!(out, "Campaign  {}", head.id)?;
            writeln!(out, "Name      {}", visible(&head.name))?;
            writeln!(out, "Hosts     {}", grouped(launched.dispatched_hosts))?;
            writeln!(out, "Live      until {}", moment(head.live_until, now))?;
            for warning in &head.warnings {
                context.console.say(&format!("warning: {}", visible(warning)))?;
            }
            context.console.say(&format!("Follow it with `mimir campaign watch {}`.", head.id))?;
            Ok(())
        }
    }
}
