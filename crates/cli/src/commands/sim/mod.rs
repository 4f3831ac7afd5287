// SPDX-License-Identifier: Apache-2.0
//! `mimir sim`: a virtual fleet over TLS that puts load on a server. What the hosts do is
//! `mimir_sim::load`'s; here are the options, the live line and the report.

mod options;
mod show;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use mimir_sim::load::{Aim, Load};
use tokio::sync::oneshot;

use self::options::PlanArgs;
use super::serve::{Signals, runtime};
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{Format, visible};
use crate::progress::Progress;

/// How often the live line is made anew.
const LIVE: Duration = Duration::from_secs(1);
/// How often a line is written where there is no terminal.
const LINES: Duration = Duration::from_secs(5);
/// The exit code of a process that a second signal ended, as shells count SIGINT.
const CUT_SHORT: i32 = 130;

/// Put load on a server: a fleet of virtual hosts that enrol, poll and answer over TLS
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir sim --server https://localhost:8443 --ca data/ca.pem --enroll-secret-file secret --hosts 1000
  mimir sim … --preset hostile --hosts 200 --duration 5m --report report.json
  mimir sim … --hosts 100000 --interval 60s --connection kept --spread 5m

Hosts behave as osqueryd does: a new TLS connection for each request, one immediate second try,
queries in the order of their names, one write for all of them. They enrol at every start, so the
same seed is the same hosts with new node keys; they stay in the server's list until you take them
out. Times are numbers with ms, s, m, h or d; shares are numbers from 0 to 1, or percent.

Ctrl-C ends the load and prints the report; a second one ends the program at once.")]
pub(crate) struct SimArgs {
    /// File with the secret that hosts enrol with
    #[arg(long, value_name = "FILE", env = "MIMIR_ENROLL_SECRET_FILE")]
    enroll_secret_file: PathBuf,
    /// Write the report as JSON to a file, or to the standard output with `-`
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Aim at a server on another machine: the fleet enrols there and answers its queries
    #[arg(long)]
    i_own_this_fleet: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(args: &SimArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.format() == Format::Csv {
        return Err(wrong_usage("the report is a table or json; give another --output"));
    }
    let scenario = args.plan.scenario()?;
    let aim = aim(args, context)?;
    let open_files = raise_open_files();
    if scenario.plan.parallel as u64 > open_files.saturating_sub(OPEN_FILES_RESERVED) {
        return Err(wrong_usage(format!(
            "{} requests at once need as many open files, and {open_files} are allowed here; \
             lower --parallel, or raise the limit with `ulimit -n`",
            scenario.plan.parallel
        )));
    }
    let hosts = scenario.plan.hosts;
    let load = Load::new(&aim, scenario).map_err(|error| wrong_usage(error.to_string()))?;
    context
        .console
        .say(&format!("{hosts} virtual hosts for {}; Ctrl-C ends them.", visible(&aim.url)))?;
    let load = Arc::new(load);
    runtime()?.block_on(drive(&load, context))?;
    show::report(&load, &aim.url, args.report.as_deref(), context)
}

/// Runs the load and shows how it goes until it ends.
async fn drive(load: &Arc<Load>, context: &mut Context<'_>) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let running = {
        let load = Arc::clone(load);
        // The channel also ends when this function does.
        tokio::spawn(async move { load.run(async { drop(stopped.await) }).await })
    };
    tokio::pin!(running);
    let mut stop = Some(stop);
    let progress = Progress::new(context.console.err_is_terminal);
    let mut timer = tokio::time::interval(if progress.is_drawn() { LIVE } else { LINES });
    let mut live = show::Live::new();
    loop {
        tokio::select! {
            ended = &mut running => return ended.context("the virtual fleet broke off"),
            _ = timer.tick() => live.show(&load.report(), &progress, context.console)?,
            _ = signals.next() => match stop.take() {
                Some(stop) => drop(stop.send(())),
                None => std::process::exit(CUT_SHORT),
            },
        }
    }
}

/// Where the load goes, if it may.
fn aim(args: &SimArgs, context: &Context<'_>) -> anyhow::Result<Aim> {
    let access = context.access()?;
    if !args.i_own_this_fleet && !is_this_machine(&access.server) {
        return Err(wrong_usage(format!(
            "{} is not on this machine. Virtual hosts appear in its list beside real ones, are \
             counted by its campaigns and load it as much as you ask. If that server is yours to \
             load, say so with --i-own-this-fleet",
            visible(&access.server)
        )));
    }
    let ca_pem = access.ca.ok_or_else(|| {
        wrong_usage("virtual hosts trust one CA and no other: give its certificate with --ca FILE")
    })?;
    Ok(Aim { url: access.server, ca_pem, enroll_secret: secret(&args.enroll_secret_file)? })
}

fn secret(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the enrolment secret {}", path.display()))?;
    match text.trim() {
        "" => Err(wrong_usage(format!("{} holds no enrolment secret", path.display()))),
        secret => Ok(secret.to_owned()),
    }
}

/// Whether an address is of the loopback network. Only what is written counts: a name may point
/// elsewhere tomorrow.
fn is_this_machine(server: &str) -> bool {
    let rest = server.trim().trim_start_matches("https://").trim_end_matches('/');
    let host = match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => rest.rsplit_once(':').map_or(rest, |(host, _)| host),
    };
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Open files beside connections: standard streams, certificates, the timer of the runtime.
const OPEN_FILES_RESERVED: u64 = 32;

/// Allows as many open files as this process may; answers how many.
fn raise_open_files() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return u64::MAX };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for here in ["https://localhost:8443", "localhost", "https://127.0.0.1:1/", "[::1]:8443"] {
            assert!(is_this_machine(here), "{here}");
        }
        for elsewhere in [
            "https://mimir.example",
            "10.0.0.1:8443",
            "https://localhost.evil",
            "[2001:db8::1]",
            "",
        ] {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }
}
