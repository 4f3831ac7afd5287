// SPDX-License-Identifier: Apache-2.0
//! The command line of `mimir-agent`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::{Args, Parser, Subcommand};

use crate::host::{Host, Identity};
use crate::limits::{MIB, QUERY_BYTES_MAX, QUERY_ROWS_MAX, QUERY_SECONDS_MAX};
use crate::print::{self, Format};
use crate::sql::{QueryLimits, Runner};

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

/// Bounds of each query.
#[derive(Debug, Args)]
struct LimitArgs {
    /// Rows that an answer may have.
    #[arg(long, value_name = "ROWS", default_value_t = QUERY_ROWS_MAX,
          value_parser = clap::value_parser!(u64).range(1..))]
    query_rows_max: u64,
    /// Mebibytes that an answer may have.
    #[arg(long, value_name = "MIB", default_value_t = QUERY_BYTES_MAX / MIB,
          value_parser = clap::value_parser!(u64).range(1..=256))]
    query_mib_max: u64,
    /// Seconds that a query may run.
    #[arg(long, value_name = "S", default_value_t = QUERY_SECONDS_MAX,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    query_seconds_max: u64,
}

impl LimitArgs {
    fn limits(&self) -> QueryLimits {
        QueryLimits {
            rows_max: self.query_rows_max,
            bytes_max: self.query_mib_max * MIB,
            time_max: Duration::from_secs(self.query_seconds_max),
        }
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Query(args) => query(&args),
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
    let host = Arc::new(Host::new(Identity::ephemeral(), now_unix()));
    let runner = Runner::new(host, args.limits.limits(), Arc::default());
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

/// Seconds since 1970.
fn now_unix() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
