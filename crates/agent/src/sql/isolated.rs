// SPDX-License-Identifier: Apache-2.0
//! Runs a statement in a process of its own: the agent's side of [`crate::worker`].

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;

use super::child::{Running, Stuck};
use super::{Answer, Cost, QueryError, QueryLimits};
use crate::host::Host;
use crate::tables::read;
use crate::worker::cpu_seconds;
use crate::worker::protocol::{Request, read_answer};

/// What every table about the agent itself has in its name.
const OWN_TABLES: &str = "osquery_";

/// Whether the statement may look at tables about the agent itself. A name in SQL stands in its
/// text as it is, whatever quotes are around it.
pub fn is_about_the_agent(sql: &str) -> bool {
    sql.to_ascii_lowercase().contains(OWN_TABLES)
}

/// Runs one statement.
///
/// # Errors
/// See [`QueryError`].
pub fn run(
    program: &Path,
    sql: &str,
    host: &Host,
    limits: QueryLimits,
    stop: &AtomicBool,
    stuck: &Stuck,
) -> Result<(Answer, Cost), QueryError> {
    let snapshot = host.snapshot(is_about_the_agent(sql));
    let request = Request::new(sql, limits, snapshot, &read::protected());
    let mut command = launcher(program, limits);
    let mut running = Running::start(&mut command, limits, stuck)?;
    let Some((mut input, mut output)) = running.pipes() else {
        return Err(QueryError::Unavailable("it has no pipes".to_owned()));
    };
    let (sender, receiver) = sync_channel(1);
    let talk = move || {
        let answer =
            request.write(&mut input).and_then(|()| read_answer(&mut output, limits.bytes_max));
        // Nobody waits any more for a query that was ended.
        drop(sender.send(answer));
        // Until here its input stays open: the process ends with it.
        drop(input);
    };
    std::thread::Builder::new()
        .name("query".to_owned())
        .spawn(talk)
        .map_err(|error| QueryError::Unavailable(format!("no thread for it: {error}")))?;
    match running.wait_for(&receiver, stop)? {
        Ok(outcome) => {
            // Threads of it may still hang; nothing of what it does now matters.
            running.end();
            let wall = running.started().elapsed();
            outcome.map(|(answer, cost)| (answer, Cost { wall, ..cost }))
        }
        Err(error) => {
            tracing::debug!("the process of a query ended early: {error}");
            let status = running.finish();
            Err(running.autopsy(status))
        }
    }
}

/// The command that starts a process under the bounds of a query.
pub fn launcher(program: &Path, limits: QueryLimits) -> Command {
    let mut command = Command::new(program);
    command
        .arg("worker")
        .args(["--memory-bytes", &limits.memory_max.to_string()])
        .args(["--cpu-seconds", &cpu_seconds(limits.time_max).to_string()]);
    command
}
