// SPDX-License-Identifier: Apache-2.0
//! The process of one query: `mimir-agent worker`, started by the agent for a statement and gone
//! with its answer. A query that eats memory, runs for ever, hangs in the kernel or crashes takes
//! this process with it and nothing else.
//!
//! It confines itself first ([`confine`]), reads what to do from its standard input, and writes
//! rows to its standard output ([`protocol`]). It ends when its input ends: then the agent is
//! gone. The same program also starts an installed `osqueryi` under the same bounds.

mod confine;
pub mod protocol;

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::sql::{Cost, Job, QueryError};
use crate::tables::{Budget, read};
use crate::watchdog::cpu_times;
use protocol::{FrameWriter, Request};

/// What `mimir-agent worker` was asked for on its command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// Bytes of memory; no bound when absent.
    pub memory_max: Option<u64>,
    /// Seconds of processor time; no bound when absent.
    pub cpu_seconds_max: Option<u64>,
    /// A program to become, with its arguments, instead of answering a request.
    pub program: Option<(PathBuf, Vec<OsString>)>,
}

/// The process from start to end.
pub fn main(orders: &Orders) -> ExitCode {
    confine::lower_priority();
    // Without a bound on memory the agent's own watch remains, so this is no reason to give up.
    drop(confine::limit(orders.memory_max, orders.cpu_seconds_max));
    if let Some((program, arguments)) = &orders.program {
        let error = Command::new(program).args(arguments).exec();
        complain(&format!("cannot start {}: {error}", program.display()));
        return ExitCode::FAILURE;
    }
    // Nothing but the pipes is ever written by a query.
    drop(confine::forbid_files());
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn complain(text: &str) {
    // Nothing is left to do when even the error output is gone.
    drop(io::Write::write_all(&mut io::stderr(), format!("{text}\n").as_bytes()));
}

fn answer() -> io::Result<()> {
    let request = Request::read(&mut io::stdin().lock())?;
    end_with_the_agent()?;
    let mut writer = FrameWriter::new(io::stdout());
    let started = Instant::now();
    let memory = memory_peak();
    let outcome = run(&request, started, &mut writer);
    let (user, system) = cpu_times(&own("stat"));
    let cost = Cost {
        wall: started.elapsed(),
        user,
        system,
        memory: memory_peak().saturating_sub(memory),
    };
    writer.end(&outcome.map(|()| cost))
}

fn run(
    request: &Request,
    started: Instant,
    writer: &mut FrameWriter<io::Stdout>,
) -> Result<(), QueryError> {
    read::protect_known(request.protected());
    let deadline = started + request.limits.time_max;
    let job = Job {
        sql: request.sql.clone(),
        host: Arc::new(Host::restored(request.host.clone())),
        limits: request.limits,
        budget: Arc::new(Budget::new(deadline, Arc::default())),
    };
    job.run(writer)
}

/// Starts the thread that ends this process when the agent is gone, however that came about.
fn end_with_the_agent() -> io::Result<()> {
    std::thread::Builder::new().name("input".to_owned()).stack_size(64 * 1024).spawn(|| {
        let mut rest = [0; 64];
        while io::stdin().lock().read(&mut rest).is_ok_and(|count| count > 0) {}
        std::process::exit(1);
    })?;
    Ok(())
}

fn own(name: &str) -> String {
    let path = format!("/proc/self/{name}");
    read::own_text(path.as_ref(), crate::limits::PROC_FILE_BYTES_MAX).unwrap_or_default()
}

/// The most memory this process has had in use, in bytes.
fn memory_peak() -> u64 {
    let status = own("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// How long the agent waits for processor time of a query before the kernel ends it: the elapsed
/// time it may take, and a little more.
pub fn cpu_seconds(time_max: Duration) -> u64 {
    (time_max + crate::limits::QUERY_STUCK_GRACE).as_secs().saturating_add(1)
}
