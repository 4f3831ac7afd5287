// SPDX-License-Identifier: Apache-2.0
//! What a process gives up before it runs a query: priority, memory, processor time, files. The
//! host comes first, so whatever of this the system does not allow is simply not done; the agent
//! watches from outside as well.

use std::fs;
use std::io;

use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

use crate::limits::{QUERY_NICE, QUERY_OOM_SCORE};

/// `IOPRIO_WHO_PROCESS` of `ioprio_set(2)`, for which the C library has no name.
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
/// The lowest level (7) of the class "best effort" (2). The idle class could starve a query until
/// its deadline on a busy disk.
const IOPRIO_LOWEST: libc::c_int = (2 << 13) | 7;

/// Lets everything else on the machine go first, and dies with the agent.
pub fn lower_priority() {
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    drop(fs::write("/proc/self/oom_score_adj", QUERY_OOM_SCORE.to_string()));
    lower_scheduling();
    // A core dump would hold what the query has read.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}

#[expect(unsafe_code, reason = "neither call takes a pointer; nix has no safe form of them")]
fn lower_scheduling() {
    unsafe {
        libc::nice(QUERY_NICE);
        libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_LOWEST);
    }
}

/// Bounds memory and processor time.
///
/// # Errors
/// When the system refuses.
pub fn limit(memory_max: Option<u64>, cpu_seconds_max: Option<u64>) -> io::Result<()> {
    if let Some(bytes) = memory_max {
        // Counts what a process can write to alone: not its program, nor what it only reserves.
        setrlimit(Resource::RLIMIT_DATA, bytes, bytes)?;
    }
    if let Some(seconds) = cpu_seconds_max {
        setrlimit(Resource::RLIMIT_CPU, seconds, seconds)?;
    }
    Ok(())
}

/// Writes no file from now on.
///
/// # Errors
/// When the system refuses.
pub fn forbid_files() -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?)
}
