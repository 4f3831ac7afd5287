// SPDX-License-Identifier: Apache-2.0
//! What a load shows: a line while it runs, the report at its end.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use mimir_sim::load::{Load, LoadReport, Times};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use crate::console::Console;
use crate::context::Context;
use crate::output::{Format, visible};
use crate::progress::Progress;

/// Kinds of errors that the table lists.
const KINDS_SHOWN: usize = 12;

/// The line while it runs: figures since the last one.
pub(super) struct Live {
    last: LoadReport,
    told: usize,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { last: LoadReport::default(), told: 0 }
    }

    /// Draws on a terminal, writes a line elsewhere. What the scenario did is a line anywhere.
    pub(super) fn show(
        &mut self,
        now: &LoadReport,
        progress: &Progress,
        console: &mut Console,
    ) -> io::Result<()> {
        for event in &now.events[self.told.min(now.events.len())..] {
            let text = format!("{} {}", clock(event.at_s), visible(&event.what));
            progress.aside(|| console.say(&text))?;
        }
        self.told = now.events.len();
        let line = line(&self.last, now);
        self.last = now.clone();
        if progress.is_drawn() {
            progress.set(line);
            return Ok(());
        }
        // The first look comes before anything has happened.
        if now.requests.sent > 0 { console.say(&line) } else { Ok(()) }
    }
}

fn line(before: &LoadReport, now: &LoadReport) -> String {
    let seconds = (now.seconds - before.seconds).max(0.001);
    let rate = |before: u64, now: u64| (now - before) as f64 / seconds;
    let mut line = format!(
        "{} {} of {} hosts, {} away · {:.0} polls/s · {:.0} answers/s · {} answered",
        clock(now.seconds),
        now.hosts.enrolled,
        now.hosts.total,
        now.hosts.away,
        rate(before.polls, now.polls),
        rate(before.answers.acknowledged, now.answers.acknowledged),
        now.answers.acknowledged,
    );
    let read = now.latencies.read;
    let _ = write!(line, " · p50 {:.1} p99 {:.1} ms", read.p50_ms, read.p99_ms);
    let errors = now.error_count();
    if errors > 0 {
        let _ = write!(line, " · {errors} errors");
    }
    line
}

/// Minutes and seconds.
fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// What this program itself took: a load generator must not be what limits the load.
#[derive(Debug, Serialize)]
struct Generator {
    /// Seconds of processor time.
    cpu_seconds: f64,
    /// Most memory it held at once, in bytes.
    memory_bytes_max: u64,
}

/// The report with what only this process knows.
#[derive(Debug, Serialize)]
struct Full<'r> {
    server: &'r str,
    #[serde(flatten)]
    report: LoadReport,
    generator: Generator,
}

/// Prints the report, and writes it to a file if asked for.
pub(super) fn report(
    load: &Load,
    server: &str,
    file: Option<&Path>,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let full = Full { server, report: load.report(), generator: generator() };
    let json = serde_json::to_string_pretty(&full)?;
    let to_output = file == Some(Path::new("-"));
    if let Some(path) = file.filter(|_| !to_output) {
        fs::write(path, format!("{json}\n"))
            .with_context(|| format!("cannot write the report to {}", path.display()))?;
    }
    let text = match context.format() {
        _ if to_output => format!("{json}\n"),
        Format::Json => format!("{json}\n"),
        _ => table(&full),
    };
    context.console.out.write_all(text.as_bytes())?;
    Ok(())
}

fn generator() -> Generator {
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0;
    match usage {
        Ok(usage) => Generator {
            cpu_seconds: seconds(usage.user_time()) + seconds(usage.system_time()),
            // Linux counts in KiB.
            memory_bytes_max: u64::try_from(usage.max_rss()).unwrap_or(0) * 1024,
        },
        Err(_) => Generator { cpu_seconds: 0.0, memory_bytes_max: 0 },
    }
}

fn table(full: &Full<'_>) -> String {
    let Full { report, generator, .. } = full;
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<22}{value}");
    };
    let per_second = |count: u64| count as f64 / report.seconds.max(0.001);
    let hosts = report.hosts;
    row("Time", format!("{:.1} s", report.seconds));
    row("Hosts", format!("{}, {} enrolled, {} away", hosts.total, hosts.enrolled, hosts.away));
    row("Polls", format!("{} ({:.1}/s)", report.polls, per_second(report.polls)));
    let answers = report.answers;
    row(
        "Answers",
        format!(
            "{} acknowledged ({:.1}/s), {} rows, {} empty, {} SQL errors, {} denylisted",
            answers.acknowledged,
            per_second(answers.acknowledged),
            answers.rows,
            answers.empty,
            answers.sql_errors,
            answers.denylisted
        ),
    );
    let requests = report.requests;
    row(
        "Requests",
        format!(
            "{} on {} connections, {} KiB sent, {} KiB received",
            requests.sent,
            requests.connections,
            requests.sent_bytes / 1024,
            requests.received_bytes / 1024
        ),
    );
    for (name, times) in [
        ("Enrolment", report.latencies.enroll),
        ("Config", report.latencies.config),
        ("Poll", report.latencies.read),
        ("Answer", report.latencies.write),
        ("Late by", report.delays),
    ] {
        row(name, times_of(&times));
    }
    let faults = report.faults;
    row(
        "Disturbed",
        format!(
            "{} duplicated, {} lost, {} workers died, {} stuck",
            faults.duplicated, faults.lost, faults.deaths, faults.stuck
        ),
    );
    row("Errors", report.error_count().to_string());
    let mut errors: Vec<_> = report.errors.iter().collect();
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (kind, count) in errors.into_iter().take(KINDS_SHOWN) {
        row(&format!("  {count}"), visible(kind).to_string());
    }
    row(
        "This program",
        format!(
            "{:.1} s of processor time, {} MiB of memory",
            generator.cpu_seconds,
            generator.memory_bytes_max >> 20
        ),
    );
    text
}

fn times_of(times: &Times) -> String {
    if times.count == 0 {
        return "none".to_owned();
    }
    format!(
        "{} in p50 {:.1}, p90 {:.1}, p99 {:.1}, at most {:.1} ms",
        times.count, times.p50_ms, times.p90_ms, times.p99_ms, times.max_ms
    )
}
