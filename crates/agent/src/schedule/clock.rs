// SPDX-License-Identifier: Apache-2.0
//! When a scheduled query is due.
//!
//! Time is counted in seconds that never jump: the machine's clock is read once at the start, as
//! in osquery, and the monotonic one from then on. A query is due at the multiples of its
//! interval, shifted by an amount that depends on host and query, so that a restart changes
//! nothing and hosts that start together do not act together. Times that were missed, because
//! another query ran, are made up for by one run.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// Seconds that never jump.
#[derive(Debug, Clone, Copy)]
pub struct Ticks {
    start: Duration,
}

impl Ticks {
    /// A count that began at `now`, in Unix seconds, when `elapsed` was the time.
    pub fn new(now: i64, elapsed: Duration) -> Self {
        let now = Duration::from_secs(u64::try_from(now).unwrap_or(0));
        Self { start: now.saturating_sub(elapsed) }
    }

    /// The count at `elapsed`.
    pub fn at(self, elapsed: Duration) -> Duration {
        self.start + elapsed
    }
}

/// The seconds at which something recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurrence {
    /// Seconds between two times; at least 1.
    pub interval: u64,
    /// Seconds by which the multiples of the interval are shifted.
    pub phase: u64,
}

impl Recurrence {
    /// An interval made longer or shorter by at most `percent`, and a phase; both depend on
    /// `host`, `name` and `interval` alone.
    pub fn splayed(host: &str, name: &str, interval: u64, percent: u64) -> Self {
        let digest = Sha256::digest(format!("{host}\0{name}\0{interval}"));
        let number = |start: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest[start..start + 8]);
            u64::from_be_bytes(bytes)
        };
        let interval = interval.max(1);
        let spread = interval.saturating_mul(percent.min(100)) / 100;
        let least = (interval - spread).max(1);
        let interval = least + number(0) % (interval + spread - least + 1);
        Self { interval, phase: number(8) % interval }
    }

    /// The first time after `tick`.
    pub fn after(self, tick: Duration) -> Duration {
        let passed = (tick.as_secs() + self.phase) / self.interval;
        Duration::from_secs((passed + 1) * self.interval - self.phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn intervals_are_spread_by_a_tenth_and_stay() {
        let splayed = |host: &str| Recurrence::splayed(host, "q", 3_600, 10);
        let intervals: Vec<u64> =
            (0..500).map(|n| splayed(&format!("host-{n}")).interval).collect();
        assert!(intervals.iter().all(|interval| (3_240..=3_960).contains(interval)));
        assert!(intervals.iter().min().unwrap() < &3_300);
        assert!(intervals.iter().max().unwrap() > &3_900);
        assert_eq!(splayed("a"), splayed("a"));
        assert_ne!(splayed("a"), splayed("b"));
        assert_ne!(splayed("a"), Recurrence::splayed("a", "r", 3_600, 10));
        assert_eq!(Recurrence::splayed("a", "q", 3_600, 0).interval, 3_600);
        for percent in [0, 10, 100] {
            assert!(Recurrence::splayed("a", "q", 1, percent).interval >= 1);
        }
    }

    #[test]
    fn a_restart_does_not_move_the_times() {
        let recurrence = Recurrence::splayed("a", "q", 86_400, 10);
        let ticks = Ticks::new(NOW as i64, Duration::from_secs(5));
        let due = recurrence.after(ticks.at(Duration::from_secs(5)));
        let later = Ticks::new((due.as_secs() - 1) as i64, Duration::ZERO);
        assert_eq!(recurrence.after(later.at(Duration::from_millis(900))), due);
        assert_eq!(recurrence.after(due), due + Duration::from_secs(recurrence.interval));
    }

    #[test]
    fn missed_times_are_one() {
        let recurrence = Recurrence { interval: 10, phase: 3 };
        assert_eq!(recurrence.after(Duration::from_secs(6)), Duration::from_secs(7));
        assert_eq!(recurrence.after(Duration::from_secs(7)), Duration::from_secs(17));
        assert_eq!(recurrence.after(Duration::from_millis(99_500)), Duration::from_secs(107));
    }
}
