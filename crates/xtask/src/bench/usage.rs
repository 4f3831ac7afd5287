// SPDX-License-Identifier: Apache-2.0
//! What processes use, looked at from outside: processor time by the clock that the kernel keeps
//! for each process, memory by `/proc`.

use std::time::Duration;

use anyhow::Context;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// Processor time that a process has used, user and system, all of its threads; also those that
/// have ended.
///
/// # Errors
/// When there is no such process.
pub fn cpu_of(pid: u32) -> anyhow::Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid.try_into()?))?;
    read(clock).with_context(|| format!("process {pid}"))
}

/// Processor time that this process has used.
///
/// # Errors
/// When the clock cannot be read.
pub fn cpu_here() -> anyhow::Result<Duration> {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// Runs `work`; answers what it gave and the processor time that this process used meanwhile.
///
/// # Errors
/// Those of `work`.
pub fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Duration)> {
    let start = cpu_here()?;
    let done = work()?;
    Ok((done, cpu_here()?.saturating_sub(start)))
}

fn read(clock: ClockId) -> anyhow::Result<Duration> {
    Ok(Duration::from_nanos(u64::try_from(clock.now()?.num_nanoseconds())?))
}

/// Bytes of memory that belong to a process alone: not what it has mapped of files.
///
/// # Errors
/// When there is no such process.
pub fn memory_of(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).context("the kernel does not say how much memory it has")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_from_inside_and_outside() {
        let outside = cpu_of(std::process::id()).unwrap();
        let (sum, used) = timed(|| Ok((0..5_000_000_u64).fold(0, |sum, n| sum ^ (n * n)))).unwrap();
        assert!(sum != 1 && used > Duration::ZERO);
        assert!(cpu_of(std::process::id()).unwrap() > outside);
        assert!(memory_of(std::process::id()).unwrap() > 64 << 10);
    }
}
