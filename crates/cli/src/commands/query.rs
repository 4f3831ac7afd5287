// SPDX-License-Identifier: Apache-2.0
//! `mimir query run|check`: what comes back from the hosts that are online now is printed as it
//! comes.

use std::io::Write as _;

use clap::{Args, Subcommand};
use mimir_client::{Client, LiveEvent};
use mimir_wire::Timestamp;
use mimir_wire::api::live::{LiveEnd, LiveEndReason, LiveHostEvent, LiveStarted, LiveTotals};
use mimir_wire::api::query::{QueryCheck, QueryRequest};
use mimir_wire::api::target::Target;
use mimir_wire::time::MICROS_PER_SECOND;
use serde::Serialize;

use super::sql::SqlArgs;
use crate::context::Context;
use crate::interrupt::on_interrupt;
use crate::output::{Column, Format, Kind, RowStream, col, counted, grouped, json_text, visible};
use crate::progress::Progress;
use crate::target;

#[derive(Debug, Subcommand)]
pub(crate) enum QueryCommand {
    /// Ask the hosts that are online now and print their rows as they come
    #[command(after_help = "\
Examples:
  mimir query run --sql 'SELECT name, pid FROM processes' --target all
  mimir query run --sql 'SELECT * FROM users' --target os:linux,darwin --output csv > users.csv
  mimir query run --sql-file ports.sql --target hosts:0193b3a0-5f2e-7c41-9d6e-2b1f4c7a9e10

Nothing is kept: use `mimir campaign launch` to reach offline hosts and keep the answers. With
--output json each line is one event, as the API streams it. Ctrl-C cancels the query on the
hosts that have not got it yet.")]
    Run(QueryArgs),
    /// See what the server thinks of a statement; nothing is sent to hosts
    #[command(after_help = "Fails (exit code 1) when the statement could not be sent as it is.")]
    Check(QueryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    sql: SqlArgs,
    /// Whom to ask: all, hosts:ID,ID or os:linux,darwin
    #[arg(long, value_name = "TARGET", value_parser = target::parse)]
    target: Target,
}

pub(crate) fn run(command: QueryCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        QueryCommand::Check(args) => {
            let request = QueryRequest { sql: args.sql.read(context)?, target: args.target };
            check(&client.check_query(&request)?, context)
        }
        QueryCommand::Run(args) => {
            let request = QueryRequest { sql: args.sql.read(context)?, target: args.target };
            run_live(&client, &request, context)
        }
    }
}

const CHECK_COLUMNS: &[Column] = &[
    col("ACCEPTABLE", "ok", Kind::Flag),
    col("TABLES", "tables", Kind::Text),
    col("PLATFORMS", "platforms", Kind::Text),
    col("ERROR", "error", Kind::Text),
    col("ERROR AT BYTE", "error_offset", Kind::Count),
];

fn check(check: &QueryCheck, context: &mut Context<'_>) -> anyhow::Result<()> {
    context.print(CHECK_COLUMNS, check)?;
    if context.format() == Format::Table {
        let out = &mut context.console.out;
        for blocked in &check.blocked {
            writeln!(out, "blocked  {}: {}", visible(&blocked.table), visible(&blocked.reason))?;
        }
        for warning in &check.warnings {
            let table = warning.table.as_deref().map(|table| format!("{}: ", visible(table)));
            let table = table.unwrap_or_default();
            writeln!(out, "warning  {table}{}", visible(&warning.message))?;
        }
    }
    if check.ok { Ok(()) } else { anyhow::bail!("the statement cannot be sent as it is") }
}

fn run_live(
    client: &Client,
    request: &QueryRequest,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let started = client.run_query(request)?;
    let events = client.live_events(started.id)?;
    let canceller = client.clone();
    // When the cancelling fails, the window ends the query all the same.
    on_interrupt(move || drop(canceller.cancel_live_query(started.id)));
    let mut printer = Printer::new(context, &started)?;
    for event in events {
        if let Some(end) = printer.event(&event?)? {
            return printer.end(end);
        }
    }
    anyhow::bail!("the stream of results ended without saying why; the result is incomplete")
}

/// Prints events in one of the formats.
struct Printer<'a, 'c> {
    context: &'a mut Context<'c>,
    progress: Progress,
    rows: RowStream,
    totals: LiveTotals,
    expires_at: Timestamp,
}

/// The first line of JSON: what the launch answered.
#[derive(Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
enum Start<'a> {
    Started(&'a LiveStarted),
}

impl<'a, 'c> Printer<'a, 'c> {
    fn new(context: &'a mut Context<'c>, started: &LiveStarted) -> anyhow::Result<Self> {
        let skipped = match started.offline {
            0 => String::new(),
            1 => "; skipping 1 that is not online".to_owned(),
            n => format!("; skipping {} that are not online", grouped(n)),
        };
        context.console.say(&format!(
            "Asking {} of {}{skipped}.",
            grouped(started.online),
            counted(started.targeted, "host")
        ))?;
        let progress = Progress::new(context.console.err_is_terminal);
        let mut printer = Self {
            context,
            progress,
            rows: RowStream::default(),
            totals: LiveTotals::default(),
            expires_at: started.expires_at,
        };
        if printer.context.format() == Format::Json {
            printer.json(&Start::Started(started))?;
        }
        Ok(printer)
    }

    /// Prints an event; gives the end when it is that.
    fn event(&mut self, event: &LiveEvent) -> anyhow::Result<Option<LiveEnd>> {
        if self.context.format() == Format::Json {
            self.json(event)?;
        }
        match event {
            LiveEvent::Host(host) => self.host(host)?,
            LiveEvent::Totals(totals) => self.totals = *totals,
            LiveEvent::End(end) => return Ok(Some(*end)),
        }
        let left = self.expires_at.micros_since(self.context.now()) / MICROS_PER_SECOND;
        let LiveTotals { online, answered, errors, rows, .. } = self.totals;
        self.progress.set(format!(
            "{} of {} answered, {}, {}, {} s left",
            grouped(answered),
            counted(online, "host"),
            counted(errors, "error"),
            counted(rows, "row"),
            left.max(0)
        ));
        Ok(None)
    }

    fn host(&mut self, host: &LiveHostEvent) -> anyhow::Result<()> {
        let Self { context, progress, rows, .. } = self;
        let format = context.format();
        let console = &mut *context.console;
        progress.aside(|| {
            if let Some(error) = &host.error {
                console.say(&format!("{}: {}", visible(&host.hostname), visible(error)))?;
            }
            match format {
                Format::Table => {
                    let text = rows.table(&host.hostname, &host.rows);
                    console.out.write_all(text.as_bytes())?;
                }
                Format::Csv => {
                    let id = host.host_id.to_string();
                    let terminal = console.out_is_terminal;
                    rows.csv(&mut console.out, terminal, (&id, &host.hostname), &host.rows)?;
                }
                Format::Json => {}
            }
            Ok(console.out.flush()?)
        })
    }

    fn json(&mut self, event: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(event)?;
        let out = &mut self.context.console.out;
        self.progress.aside(|| {
            writeln!(out, "{}", json_text(&text))?;
            Ok(out.flush()?)
        })
    }

    fn end(self, end: LiveEnd) -> anyhow::Result<()> {
        let Self { context, progress, totals, .. } = self;
        drop(progress);
        let why = match end.reason {
            LiveEndReason::Complete => "All hosts that were asked have answered",
            LiveEndReason::Window => "The window closed before all hosts answered",
            LiveEndReason::Cancelled => "Cancelled",
            LiveEndReason::RowCap => "The row cap was reached",
        };
        context.console.say(&format!(
            "{why}: {} of {} answered, {}, {}.",
            grouped(totals.answered),
            grouped(totals.online),
            counted(totals.errors, "error"),
            counted(totals.rows, "row")
        ))?;
        if end.truncated {
            context.console.say(
                "warning: more rows came than one live query may have (live_query_row_cap); \
                 some are missing here. Narrow the query, or launch it as a campaign.",
            )?;
        }
        if end.reason == LiveEndReason::Cancelled {
            anyhow::bail!("the query was cancelled; the result is incomplete");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_exist() {
        let check = QueryCheck {
            ok: true,
            tables: vec![],
            platforms: vec![],
            blocked: vec![],
            warnings: vec![],
            error: None,
            error_offset: None,
        };
        crate::output::assert_columns(CHECK_COLUMNS, &check);
    }
}
