// SPDX-License-Identifier: Apache-2.0
//! The command line of `mimir-agent`.

mod limit_args;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use nix::sys::signal::{SigSet, Signal};
use uuid::Uuid;

use crate::host::{Host, Identity};
use crate::limits::{STOP_LOOK_INTERVAL, STOP_WAIT_MAX};
use crate::pace::{RealPace, Stop, unix_now};
use crate::print::{self, Format};
use crate::remote::HttpTransport;
use crate::service::{Service, Settings};
use crate::sql::Runner;
use crate::state::State;
use crate::tables::read;
use crate::worker;
use limit_args::{LimitArgs, WorkerArgs};

/// Answers SQL about this machine, here or for a Mimir server.
#[derive(Debug, Parser)]
#[command(name = "mimir-agent", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one statement on this machine and print its rows.
    Query(QueryArgs),
    /// Answer the queries of a Mimir server until stopped.
    Run(RunArgs),
    /// The process of one query; started by the agent itself.
    #[command(hide = true)]
    Worker(WorkerArgs),
}

#[derive(Debug, Args)]
struct QueryArgs {
    /// The statement, such as "SELECT pid, name FROM processes".
    sql: String,
    /// Print an array of objects.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values with a header line.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Address of the server.
    #[arg(long, value_name = "URL")]
    server: String,
    /// PEM file with the authority that signed the server's certificate; no other is trusted.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// File with the secret that admits this machine.
    #[arg(long, value_name = "FILE")]
    enroll_secret_file: PathBuf,
    /// Directory for what must survive a restart; one for each agent.
    #[arg(long, value_name = "DIR")]
    state_dir: PathBuf,
    /// What this host calls itself; its hardware UUID when absent.
    #[arg(long, value_name = "ID")]
    host_identifier: Option<String>,
    /// Seconds between polls; the server's configuration decides when absent.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    poll_interval: Option<u64>,
    /// Be a host of its own: report a host name, UUID and serial number made from
    /// --host-identifier. For demonstrations and tests with several agents on one machine.
    #[arg(long, requires = "host_identifier")]
    virtual_identity: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Query(args) => query(&args),
        Command::Run(args) => run(&args),
        Command::Worker(args) => return worker::main(&args.orders()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even the error output is gone.
            drop(writeln!(io::stderr(), "error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn query(args: &QueryArgs) -> anyhow::Result<()> {
    let host = Arc::new(Host::new(Identity::ephemeral(), unix_now()));
    let runner = Runner::new(host, args.limits.limits(), Arc::default());
    let runner = runner.with_engine(args.limits.engine()?);
    let (answer, _cost) = runner.run(&args.sql)?;
    let format = match (args.json, args.csv) {
        (true, _) => Format::Json,
        (_, true) => Format::Csv,
        _ => Format::Table,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match print::write(&answer, format, &mut out).and_then(|()| out.flush()) {
        // `mimir-agent query … | head` is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn run(args: &RunArgs) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let stop = Arc::new(Stop::default());
    // Before any other thread exists, so that all of them leave the signals to this one.
    stop_on_signals(&stop)?;
    let mut state = State::open(&args.state_dir)?;
    keep_from_tables(&args.state_dir);
    keep_from_tables(&args.enroll_secret_file);
    let new_id = || Uuid::new_v4().to_string();
    let instance_id = state.id("instance_id", new_id)?;
    let identity = match &args.host_identifier {
        Some(id) if args.virtual_identity => Identity::virtual_machine(id, &instance_id),
        _ => Identity::of_machine(&state.id("host_uuid", new_id)?, &instance_id),
    };
    let settings = Settings {
        enroll_secret_file: args.enroll_secret_file.clone(),
        host_identifier: args.host_identifier.clone().unwrap_or_else(|| identity.uuid.clone()),
        poll_interval: args.poll_interval.map(Duration::from_secs),
    };
    let transport = HttpTransport::new(&args.server, &args.ca)?;
    let host = Arc::new(Host::new(identity, unix_now()));
    show_flags(&host, args);
    let runner = Runner::new(host, args.limits.limits(), stop.flag());
    let runner = runner.with_engine(args.limits.engine()?);
    let pace = RealPace::new(stop);
    Service::new(settings, state, runner, transport, pace).run()?;
    Ok(())
}

/// Shows in `osquery_flags` what the command line decides. Where the secret lies, not the secret.
fn show_flags(host: &Host, args: &RunArgs) {
    let flag = |name, value: &str| host.facts.set_flag(name, value);
    let server = args.server.split_once("://").map_or(args.server.as_str(), |(_, rest)| rest);
    // An address may carry a password before the host.
    let server = server.rsplit_once('@').map_or(server, |(_, host)| host);
    flag("tls_hostname", server.split('/').next().unwrap_or_default());
    flag("tls_server_certs", &args.ca.to_string_lossy());
    flag("enroll_secret_path", &args.enroll_secret_file.to_string_lossy());
    if let Some(id) = &args.host_identifier {
        flag("host_identifier", "specified");
        flag("specified_identifier", id);
    }
    if let Some(seconds) = args.poll_interval {
        flag("distributed_interval", &seconds.to_string());
    }
}

/// The node key and the secret must not be readable through any table. A secret that is not there
/// yet is reported when it is needed.
fn keep_from_tables(path: &Path) {
    if let Err(error) = read::protect(path) {
        tracing::warn!("{} cannot be kept from tables: {error}", path.display());
    }
}

/// Starts the thread that waits for SIGTERM and SIGINT and then stops the agent: at once when
/// the loop only waits for the server, else when the running query has been put back.
fn stop_on_signals(stop: &Arc<Stop>) -> anyhow::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    let stop = Arc::clone(stop);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while signals.wait().is_err() {}
        stop.request();
        let asked = Instant::now();
        while !stop.is_idle() && asked.elapsed() < STOP_WAIT_MAX {
            std::thread::sleep(STOP_LOOK_INTERVAL);
        }
        std::process::exit(0);
    })?;
    Ok(())
}
