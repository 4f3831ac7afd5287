// SPDX-License-Identifier: Apache-2.0
//! Watches the process of one query: its memory, and its share of the processors as osquery's
//! watchdog measures it. Says when it is too much; ending the process is the caller's part.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::limits::{PROC_FILE_BYTES_MAX, WATCHDOG_CPU_INTERVAL};
use crate::sql::{QueryError, QueryLimits};
use crate::tables::proc::ticks_to_millis;
use crate::tables::read;

/// What a process uses at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Bytes of memory that nobody else has.
    pub memory: u64,
    /// Processor time in user code so far.
    pub user: Duration,
    /// Processor time in the kernel so far.
    pub system: Duration,
}

impl Sample {
    /// Measures a process of this machine; `None` when it is gone.
    pub fn of(pid: u32, at: Instant) -> Option<Self> {
        let file = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            read::own_text(Path::new(&path), PROC_FILE_BYTES_MAX).ok()
        };
        let statm = file("statm")?;
        let mut pages = statm.split_whitespace().map(|text| text.parse::<u64>().unwrap_or(0));
        let (resident, shared) = (pages.nth(1)?, pages.next()?);
        let page_bytes = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
        let page_bytes = page_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(4096);
        let (user, system) = cpu_times(&file("stat")?);
        Some(Self { at, memory: resident.saturating_sub(shared) * page_bytes, user, system })
    }
}

/// User and system time in a line of `/proc/PID/stat`, with the kernel's clock tick as
/// resolution.
pub fn cpu_times(stat: &str) -> (Duration, Duration) {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = |index| fields.split_whitespace().nth(index).and_then(|text| text.parse().ok());
    let time = |index| Duration::from_millis(ticks_to_millis(ticks(index).unwrap_or(0)));
    (time(11), time(12))
}

/// Judges the samples of one process.
#[derive(Debug)]
pub struct Watchdog {
    limits: QueryLimits,
    processors: u32,
    /// The sample at which the current interval of processor time began.
    interval: Option<Sample>,
    /// For how long the share of the processors has been too large without a pause.
    busy: Duration,
    last: Option<Sample>,
    memory_peak: u64,
}

impl Watchdog {
    /// A watchdog for a machine with so many processors.
    pub fn new(limits: QueryLimits, processors: u32) -> Self {
        let processors = processors.max(1);
        Self {
            limits,
            processors,
            interval: None,
            busy: Duration::ZERO,
            last: None,
            memory_peak: 0,
        }
    }

    /// The last sample.
    pub fn last(&self) -> Option<Sample> {
        self.last
    }

    /// The largest memory seen.
    pub fn memory_peak(&self) -> u64 {
        self.memory_peak
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// When the process must be ended, and why.
    pub fn judge(&mut self, sample: Sample) -> Result<(), QueryError> {
        self.last = Some(sample);
        self.memory_peak = self.memory_peak.max(sample.memory);
        if sample.memory > self.limits.memory_max {
            return Err(QueryError::OutOfMemory(self.limits.memory_mib()));
        }
        let start = *self.interval.get_or_insert(sample);
        let elapsed = sample.at.saturating_duration_since(start.at);
        if elapsed < WATCHDOG_CPU_INTERVAL {
            return Ok(());
        }
        self.interval = Some(sample);
        let used = (sample.user + sample.system).saturating_sub(start.user + start.system);
        let percent = 100.0 * used.as_secs_f64() / elapsed.as_secs_f64();
        let is_busy = percent / f64::from(self.processors) > f64::from(self.limits.cpu_percent_max);
        self.busy = if is_busy { self.busy + elapsed } else { Duration::ZERO };
        if is_busy && self.busy >= self.limits.cpu_time_max {
            return Err(QueryError::TooBusy {
                percent: self.limits.cpu_percent_max,
                seconds: self.limits.cpu_time_max.as_secs(),
            });
        }
        Ok(())
    }
}

/// How many processors this process may use.
pub fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MIB;

    fn limits() -> QueryLimits {
        QueryLimits {
            memory_max: 100 * MIB,
            cpu_percent_max: 10,
            cpu_time_max: Duration::from_secs(3),
            ..QueryLimits::default()
        }
    }

    /// Samples a second apart, each with so many milliseconds of processor time.
    fn verdicts(processors: u32, millis: &[u64]) -> Vec<bool> {
        let mut watchdog = Watchdog::new(limits(), processors);
        let (start, mut used) = (Instant::now(), 0);
        let mut verdicts = Vec::new();
        for (second, spent) in std::iter::once(&0).chain(millis).enumerate() {
            used += spent;
            let sample = Sample {
                at: start + Duration::from_secs(second as u64),
                memory: MIB,
                user: Duration::from_millis(used / 2),
                system: Duration::from_millis(used - used / 2),
            };
            verdicts.push(watchdog.judge(sample).is_ok());
        }
        verdicts
    }

    #[test]
    fn a_lasting_share_of_all_processors_is_too_much() {
        assert_eq!(verdicts(1, &[101, 101, 101]), [true, true, true, false]);
        assert_eq!(verdicts(1, &[100, 100, 100, 100]), [true; 5], "the limit itself is allowed");
        assert_eq!(verdicts(10, &[1_000, 1_000, 1_000]), [true; 4], "one of ten is a tenth");
        assert_eq!(verdicts(2, &[900, 900, 0, 900, 900, 900])[5..], [true, false], "pauses count");
    }

    #[test]
    fn memory_is_too_much_at_once() {
        let mut watchdog = Watchdog::new(limits(), 1);
        let sample = |memory| Sample {
            at: Instant::now(),
            memory,
            user: Duration::ZERO,
            system: Duration::ZERO,
        };
        assert_eq!(watchdog.judge(sample(100 * MIB)), Ok(()));
        assert_eq!(watchdog.judge(sample(100 * MIB + 1)), Err(QueryError::OutOfMemory(100)));
        assert_eq!(watchdog.memory_peak(), 100 * MIB + 1);
    }

    #[test]
    fn this_process_can_be_measured() {
        let sample = Sample::of(std::process::id(), Instant::now()).unwrap();
        assert!(sample.memory > 100_000, "{sample:?}");
        assert_eq!(Sample::of(u32::MAX, Instant::now()), None);
    }
}
