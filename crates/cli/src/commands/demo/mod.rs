// SPDX-License-Identifier: Apache-2.0
//! `mimir demo`: a server, a few real agents and a virtual fleet on this machine, and a campaign
//! that one host answers late. It builds nothing and leaves nothing running.
//!
//! The commands it shows are run as they stand, through the same code as from a shell.

mod agents;
mod folder;
mod story;
mod virtual_fleet;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use mimir_server::config::{Config, Sources};
use mimir_server::metrics;
use mimir_server::serve::{self, Running};
use tokio::runtime::Runtime;

use super::serve::{Signals, runtime, start_log};
use crate::context::Context;
use crate::output::visible;
use folder::Folder;

/// Where the demonstration listens unless told otherwise; when that is taken, on any free port.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8443);
/// The exit code of a process that a second signal ended, as shells count SIGINT.
const CUT_SHORT: i32 = 130;
/// How long the end waits for one thing to happen before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// See it work: a server, a small fleet and a campaign on this machine, for trying out
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir demo
  mimir demo --virtual 200 --data-dir /tmp/mimir-demo

Starts a server on loopback, three mimir-agent processes (real agents that answer with this
machine's own data) and some virtual hosts (whose answers are made up), launches a campaign while
one agent is stopped, and shows how its answer comes late. Then it goes on serving until Ctrl-C.
Everything is kept in the data directory, which is emptied at the next start.")]
pub(crate) struct DemoArgs {
    /// Directory for database, certificates and logs; made if it is not there
    #[arg(long, value_name = "DIR", default_value = ".demo")]
    data_dir: PathBuf,
    /// Go on with what an earlier demonstration left there
    #[arg(long)]
    keep: bool,
    /// Address and port [default: 127.0.0.1:8443, or a free port when that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// How many virtual hosts
    #[arg(long = "virtual", value_name = "N", default_value_t = 12,
          value_parser = clap::value_parser!(u16).range(0..=2_000))]
    virtual_hosts: u16,
    /// The program mimir-agent [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// End when all has been shown, instead of going on to serve
    #[arg(long)]
    exit_when_done: bool,
}

/// Whether somebody wants the demonstration to end.
#[derive(Debug, Clone, Default)]
struct Halt(Arc<AtomicBool>);

impl Halt {
    fn is_called(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sleeps, but not beyond a call to end.
    fn pause(&self, time: Duration) -> anyhow::Result<()> {
        let mut left = time;
        while !left.is_zero() {
            self.check()?;
            let step = left.min(LOOK_AGAIN);
            thread::sleep(step);
            left -= step;
        }
        self.check()
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.is_called(), "the demonstration was ended before all was shown");
        Ok(())
    }
}

pub(crate) fn run(args: &DemoArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
    // The commands that are shown must not find another server's key.
    context.console.sign_in_file = None;
    let agent = agents::program(args.agent.as_deref())?;
    let (listen, taken) = address(args.listen)?;
    let folder = Folder::open(&args.data_dir, args.keep)?;
    let config = config(&folder, listen)?;
    let log = folder.create_file("server.log")?;
    start_log(&config, std::sync::Mutex::new(log), false);
    let runtime = runtime()?;
    let halt = Halt::default();
    runtime.block_on(async { anyhow::Ok(tokio::spawn(watch(Signals::new()?, halt.clone()))) })?;
    if taken {
        context.console.say(&format!("Port {} is taken, so a free one is used.", LISTEN.port()))?;
    }
    let server = runtime.block_on(serve::start(&config, Some(metrics::install())))?;
    let shown = show(args, context, &runtime, &server, &folder, &agent, &halt);
    context.console.out.flush()?;
    let stopped = runtime.block_on(server.stop());
    shown?;
    stopped.context("the server did not stop cleanly")
}

/// Everything between the server's start and its end. What was started here is ended here.
fn show(
    args: &DemoArgs,
    context: &mut Context<'_>,
    runtime: &Runtime,
    server: &Running,
    folder: &Folder,
    agent: &std::path::Path,
    halt: &Halt,
) -> anyhow::Result<()> {
    let access = folder.access(server)?;
    let hosts = usize::from(args.virtual_hosts);
    let mut story = story::Story::new(context, &access, halt)?;
    story.open(hosts, server.address)?;
    let mut agents = agents::Agents::new(agent, folder, &access)?;
    agents.start_all()?;
    let fleet = virtual_fleet::start(runtime, &access, hosts)?;
    let told = story.tell(&mut agents, hosts);
    let told = told.and_then(|()| story.farewell(args.exit_when_done));
    while told.is_ok() && !args.exit_when_done && !halt.is_called() {
        thread::sleep(LOOK_AGAIN);
    }
    // A call to end is expected once everything is told, so it is no failure then.
    drop(agents);
    runtime.block_on(fleet.stop());
    told?;
    let place = visible(&folder.path().display().to_string()).into_owned();
    context.console.say(&format!("Ended; what was stored is in {place}."))?;
    Ok(())
}

/// Notes the first signal; the second ends the process.
async fn watch(mut signals: Signals, halt: Halt) {
    signals.next().await;
    halt.0.store(true, Ordering::Relaxed);
    signals.next().await;
    std::process::exit(CUT_SHORT);
}

/// The address to listen on, and whether the usual one was taken.
fn address(wanted: Option<SocketAddr>) -> anyhow::Result<(SocketAddr, bool)> {
    if let Some(wanted) = wanted {
        anyhow::ensure!(
            wanted.ip().is_loopback(),
            "the demonstration shows its keys, so it listens on loopback only, not on {wanted}"
        );
        return Ok((wanted, false));
    }
    match TcpListener::bind(LISTEN) {
        Ok(_) => Ok((LISTEN, false)),
        Err(_) => Ok((SocketAddr::new(LISTEN.ip(), 0), true)),
    }
}

/// The server's configuration; neither file nor environment have a say in a demonstration.
fn config(folder: &Folder, listen: SocketAddr) -> anyhow::Result<Config> {
    let text = |path: PathBuf| -> anyhow::Result<String> {
        path.into_os_string().into_string().ok().context("the path of --data-dir is no Unicode")
    };
    let flags = vec![
        ("data_dir", text(folder.path().to_owned())?),
        ("listen", listen.to_string()),
        ("print_bootstrap", text(folder.bootstrap_file())?),
    ];
    Ok(Config::load(&Sources { flags, ..Sources::default() })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_loopback_only() {
        assert!(address(Some("0.0.0.0:1".parse().unwrap())).is_err());
        let local = "[::1]:7".parse().unwrap();
        assert_eq!(address(Some(local)).unwrap(), (local, false));
    }

    #[test]
    fn a_call_to_end_ends_a_pause() {
        let halt = Halt::default();
        halt.pause(Duration::ZERO).unwrap();
        halt.0.store(true, Ordering::Relaxed);
        assert!(halt.pause(Duration::from_secs(3_600)).is_err());
    }
}
