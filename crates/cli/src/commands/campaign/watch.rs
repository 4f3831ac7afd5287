// SPDX-License-Identifier: Apache-2.0
//! `mimir campaign watch`: follows the events of a campaign until it is complete, stopped, or its
//! live window closes.

use std::io::Write as _;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mimir_client::{CampaignEvent, Client, ClientError};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{CampaignHead, CampaignStatus, Coverage, Outcome, ResponseEvent};
use serde::Serialize;

use super::{IdArgs, show};
use crate::context::Context;
use crate::output::{
    Format, counted, coverage_bar, csv_cell, grouped, json_text, percent, short_time, visible,
};
use crate::progress::Progress;

/// Characters of the coverage bar.
const BAR_CHARS: usize = 30;
/// How soon the server is asked again when its clock says that the window is still open.
const WINDOW_RECHECK: Duration = Duration::from_secs(1);
/// Without a window to wait for, how often waiting begins anew.
const NO_DEADLINE: Duration = Duration::from_secs(3_600);
/// How long it must be quiet at the end before nothing more is expected.
const SETTLING: Duration = Duration::from_millis(300);
/// Events that may wait for a slow terminal.
const EVENTS_WAITING: usize = 1_024;

/// Follow a campaign: answers as they come, late ones too
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir campaign watch ID
  mimir campaign watch ID --until window && mimir campaign export ID --format csv --out now.csv

Ends when the campaign is complete or stopped. With --output json each line is one event, as the
API streams it.")]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// Until when: `complete` (every host has come to its end) or `window` (also when the live
    /// window closes)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Until::Complete,
          hide_possible_values = true)]
    until: Until,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Until {
    Complete,
    Window,
}

type Incoming = Receiver<Result<CampaignEvent, ClientError>>;

pub(super) fn run(
    args: &WatchArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let id = args.campaign.id;
    // Events first, then the state: what happens in between is seen twice rather than never.
    let events = client.campaign_events(id, None)?;
    let mut head = client.campaign(id)?.head;
    let (sender, incoming) = mpsc::sync_channel(EVENTS_WAITING);
    thread::spawn(move || {
        for event in events {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    let mut printer = Printer::new(context, &head)?;
    while !is_over(&head, args.until) {
        match next(&incoming, &head, args.until, printer.context.now()) {
            Ok(event) => {
                let event = event?;
                printer.event(&event)?;
                match event {
                    CampaignEvent::Coverage(coverage) => head.coverage = coverage,
                    CampaignEvent::Status(now) => head = *now,
                    CampaignEvent::Response(_) => {}
                }
            }
            Err(RecvTimeoutError::Timeout) => head = client.campaign(id)?.head,
            Err(RecvTimeoutError::Disconnected) => {
                anyhow::bail!("the stream of events ended; watch again to go on")
            }
        }
    }
    // The counts may have come before the last answers they count.
    while let Ok(Ok(event)) = incoming.recv_timeout(SETTLING) {
        printer.event(&event)?;
    }
    printer.end(&client.campaign(id)?.head)
}

/// The next event, waiting for it at most until the live window closes, if that is an end.
fn next(
    incoming: &Incoming,
    head: &CampaignHead,
    until: Until,
    now: Timestamp,
) -> Result<Result<CampaignEvent, ClientError>, RecvTimeoutError> {
    let wait = match until {
        Until::Complete => NO_DEADLINE,
        Until::Window => {
            let micros = head.live_until.micros_since(now).max(0).unsigned_abs();
            Duration::from_micros(micros).max(WINDOW_RECHECK)
        }
    };
    incoming.recv_timeout(wait)
}

fn is_over(head: &CampaignHead, until: Until) -> bool {
    let open = head.coverage.pending + head.coverage.offered;
    head.complete
        || open == 0
        || head.status != CampaignStatus::Active
        || (until == Until::Window && !head.live)
}

struct Printer<'a, 'c> {
    context: &'a mut Context<'c>,
    progress: Progress,
    shown: Coverage,
}

impl<'a, 'c> Printer<'a, 'c> {
    fn new(context: &'a mut Context<'c>, head: &CampaignHead) -> anyhow::Result<Self> {
        let progress = Progress::new(context.console.err_is_terminal);
        if context.format() == Format::Csv {
            let header =
                "received_at,host_id,hostname,outcome,row_count,stored_rows,late,truncated";
            writeln!(context.console.out, "{header}")?;
        }
        let mut printer = Self { context, progress, shown: Coverage::default() };
        printer.coverage(&head.coverage)?;
        Ok(printer)
    }

    fn event(&mut self, event: &CampaignEvent) -> anyhow::Result<()> {
        if self.context.format() == Format::Json {
            return self.json(event);
        }
        match event {
            CampaignEvent::Coverage(coverage) => self.coverage(coverage),
            CampaignEvent::Response(response) => self.response(response),
            CampaignEvent::Status(_) => Ok(()),
        }
    }

    /// The counts: in the moving line of a terminal, else on a line of their own when they
    /// differ from the last.
    fn coverage(&mut self, coverage: &Coverage) -> anyhow::Result<()> {
        if self.shown == *coverage {
            return Ok(());
        }
        self.shown = *coverage;
        self.progress.set(line(coverage));
        if self.context.format() == Format::Table && !self.progress.is_drawn() {
            writeln!(self.context.console.out, "{}", line(coverage))?;
            self.context.console.out.flush()?;
        }
        Ok(())
    }

    fn response(&mut self, response: &ResponseEvent) -> anyhow::Result<()> {
        let Self { context, progress, .. } = self;
        let csv = context.format() == Format::Csv;
        let on_terminal = context.console.out_is_terminal;
        let out = &mut context.console.out;
        progress.aside(|| {
            if csv {
                writeln!(out, "{}", record(response, on_terminal)?)?;
            } else {
                writeln!(out, "{}", answer(response))?;
            }
            Ok(out.flush()?)
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

    fn end(mut self, head: &CampaignHead) -> anyhow::Result<()> {
        if self.context.format() == Format::Json {
            self.json(&CampaignEvent::Status(Box::new(head.clone())))?;
        }
        let Self { context, progress, shown } = self;
        let was_drawn = progress.is_drawn();
        drop(progress);
        let why = if head.status != CampaignStatus::Active {
            format!("Stopped {}.", show::why_stopped(head))
        } else if head.complete || head.coverage.pending + head.coverage.offered == 0 {
            "Complete: every host has come to its end.".to_owned()
        } else {
            "The live window is closed; hosts that are still pending answer later.".to_owned()
        };
        if context.format() == Format::Table && (was_drawn || shown != head.coverage) {
            writeln!(context.console.out, "{}", line(&head.coverage))?;
        }
        Ok(context.console.say(&why)?)
    }
}

/// The counts in one line.
fn line(coverage: &Coverage) -> String {
    let mut line = format!(
        "{} {} of {} answered ({}), {} late, {} pending",
        coverage_bar(coverage, BAR_CHARS),
        grouped(coverage.responded),
        grouped(coverage.targeted),
        percent(coverage.responded, coverage.targeted),
        grouped(coverage.late),
        grouped(coverage.pending + coverage.offered)
    );
    let rest = [
        (coverage.errors, if coverage.errors == 1 { "error" } else { "errors" }),
        (coverage.denylisted, "denylisted"),
        (coverage.lost, "lost"),
        (coverage.cancelled, "cancelled"),
        (coverage.blocked, "blocked"),
        (coverage.rejected, "rejected"),
    ];
    for (count, word) in rest.into_iter().filter(|(count, _)| *count > 0) {
        line.push_str(&format!(", {} {word}", grouped(count)));
    }
    line.push_str(&format!(", {}", counted(coverage.rows_stored, "row")));
    line
}

/// One host's answer in one line.
fn answer(response: &ResponseEvent) -> String {
    let what = match response.outcome {
        Outcome::Rows if response.truncated => format!(
            "{} of {} rows (truncated)",
            grouped(response.stored_rows),
            grouped(response.row_count)
        ),
        Outcome::Rows => counted(response.row_count, "row"),
        Outcome::Empty => "no rows".to_owned(),
        Outcome::Error => "error".to_owned(),
        Outcome::Denylisted => "denylisted".to_owned(),
    };
    let late = if response.late { ", late" } else { "" };
    format!("{}  {}  {what}{late}", short_time(response.received_at), visible(&response.hostname))
}

fn record(response: &ResponseEvent, on_terminal: bool) -> anyhow::Result<String> {
    let mut csv = csv::WriterBuilder::new().from_writer(Vec::new());
    csv.write_record([
        response.received_at.to_string().as_str(),
        &response.host_id.to_string(),
        &csv_cell(&response.hostname, on_terminal),
        response.outcome.as_str(),
        &response.row_count.to_string(),
        &response.stored_rows.to_string(),
        &response.late.to_string(),
        &response.truncated.to_string(),
    ])?;
    let bytes = csv.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::campaign::Campaign;

    use super::*;

    fn head() -> CampaignHead {
        let campaign: Campaign = serde_json::from_str(crate::commands::samples::CAMPAIGN).unwrap();
        campaign.head
    }

    #[test]
    fn it_is_over_when_nothing_more_can_come_or_the_window_was_the_end() {
        let over = |change: fn(&mut CampaignHead)| {
            let mut head = head();
            change(&mut head);
            (is_over(&head, Until::Complete), is_over(&head, Until::Window))
        };
        assert_eq!(over(|_| {}), (false, false));
        assert_eq!(over(|head| head.live = false), (false, true));
        assert_eq!(over(|head| head.complete = true), (true, true));
        assert_eq!(over(|head| head.status = CampaignStatus::Stopped), (true, true));
        assert_eq!(over(|head| head.coverage.pending = 0), (false, false));
        let done = over(|head| (head.coverage.pending, head.coverage.offered) = (0, 0));
        assert_eq!(done, (true, true));
    }

    #[test]
    fn counts_and_answers_are_lines() {
        insta::assert_snapshot!(line(&head().coverage), @"█████████████████▓▒░░░░░░░░░░· 1,220 of 2,000 answered (61%), 20 late, 760 pending, 18 errors, 2 denylisted, 5 lost, 10 cancelled, 3 blocked, 2 rejected, 45,000 rows");
        let response = ResponseEvent {
            host_id: "0193b3a0-0000-7000-8000-000000000001".parse().unwrap(),
            hostname: "web\u{1b}[2J-1".into(),
            row_count: 60_000,
            stored_rows: 50_000,
            late: true,
            outcome: Outcome::Rows,
            truncated: true,
            received_at: "2026-11-23T17:00:00Z".parse().unwrap(),
        };
        insta::assert_snapshot!(answer(&response), @r"2026-11-23 17:00:00 UTC  web\x1b[2J-1  50,000 of 60,000 rows (truncated), late");
        let response = ResponseEvent { hostname: "=cmd()".into(), ..response };
        insta::assert_snapshot!(
            record(&response, false).unwrap(),
            @"2026-11-23T17:00:00.000000Z,0193b3a0-0000-7000-8000-000000000001,'=cmd(),rows,60000,50000,true,true"
        );
    }
}
