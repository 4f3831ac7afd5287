// SPDX-License-Identifier: Apache-2.0
//! The options that bound a query and choose who answers it, and the command line of the process
//! of a query.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::limits::{
    MIB, QUERY_BYTES_MAX, QUERY_MEMORY_BYTES_MAX, QUERY_ROWS_MAX, QUERY_SECONDS_MAX,
    WATCHDOG_CPU_PERCENT_MAX, WATCHDOG_CPU_SECONDS_MAX,
};
use crate::sql::{Engine, Osqueryi, QueryLimits, UnusableProgram};
use crate::worker::Orders;

/// Bounds of each query, and who answers.
#[derive(Debug, Args)]
pub struct LimitArgs {
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
    /// Mebibytes of memory that a query may take; it is ended beyond that.
    #[arg(long, value_name = "MIB", default_value_t = QUERY_MEMORY_BYTES_MAX / MIB,
          value_parser = clap::value_parser!(u64).range(32..=65_536))]
    query_memory_mib_max: u64,
    /// Share of all processors, in percent, above which a query is ended if it lasts.
    #[arg(long, value_name = "PERCENT", default_value_t = WATCHDOG_CPU_PERCENT_MAX,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    query_cpu_percent_max: u32,
    /// Seconds without a pause for which a query may exceed that share.
    #[arg(long, value_name = "S", default_value_t = WATCHDOG_CPU_SECONDS_MAX,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    query_cpu_seconds_max: u64,
    /// Who answers: the agent's own tables, or an installed osqueryi under the same bounds.
    #[arg(long, value_enum, default_value_t = EngineName::Builtin)]
    engine: EngineName,
    /// The program for --engine osqueryi.
    #[arg(long, value_name = "FILE", default_value = "/usr/bin/osqueryi")]
    osqueryi_path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// The agent's own tables.
    Builtin,
    /// An installed osqueryi.
    Osqueryi,
}

impl LimitArgs {
    /// The bounds of each query.
    pub fn limits(&self) -> QueryLimits {
        QueryLimits {
            rows_max: self.query_rows_max,
            bytes_max: self.query_mib_max * MIB,
            time_max: Duration::from_secs(self.query_seconds_max),
            memory_max: self.query_memory_mib_max * MIB,
            cpu_percent_max: self.query_cpu_percent_max,
            cpu_time_max: Duration::from_secs(self.query_cpu_seconds_max),
        }
    }

    /// Who answers.
    ///
    /// # Errors
    /// When the chosen program cannot be used.
    pub fn engine(&self) -> Result<Engine, UnusableProgram> {
        let program = Engine::own_program();
        Ok(match self.engine {
            EngineName::Builtin => Engine::Worker { program },
            EngineName::Osqueryi => {
                Engine::Osqueryi { program, osqueryi: Osqueryi::at(&self.osqueryi_path)? }
            }
        })
    }
}

/// What the agent tells the process of a query on its command line; not for people.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    #[arg(long)]
    memory_bytes: Option<u64>,
    #[arg(long)]
    cpu_seconds: Option<u64>,
    #[arg(long)]
    exec: Option<PathBuf>,
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

impl WorkerArgs {
    /// The orders in it.
    pub fn orders(self) -> Orders {
        let arguments = self.arguments;
        Orders {
            memory_max: self.memory_bytes,
            cpu_seconds_max: self.cpu_seconds,
            program: self.exec.map(|program| (program, arguments)),
        }
    }
}
