// SPDX-License-Identifier: Apache-2.0
//! Time of a fleet: how long things really take, and what the clocks of the hosts show.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mimir_wire::Timestamp;
use tokio::time::Instant;

use crate::agent::DEADLINE;

/// What becomes of waits between attempts and of slow queries.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Waits {
    /// They take as long as they say.
    Real,
    /// They take this many times as long.
    Scaled(f64),
    /// They take no time; the host's clock goes on as if they had. For tests.
    #[default]
    Skipped,
}

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Real time from the start of a request to its answer, both sendings together.
    pub deadline: Duration,
    /// Waits between attempts, and slow queries.
    pub waits: Waits,
    /// Interval of the distributed loop in [`super::Fleet::run_for`]. `None` is what the agent
    /// would do by its config, multiplied by [`Waits::Scaled`].
    pub distributed_interval: Option<Duration>,
    /// The same for the logger.
    pub logger_period: Option<Duration>,
    /// Interval of config fetches; `None` is osquery's default: once at start.
    pub config_refresh: Option<Duration>,
    /// Hosts begin spread over this time. Zero is osquery's habit: all together.
    pub start_spread: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            deadline: DEADLINE,
            waits: Waits::default(),
            distributed_interval: None,
            logger_period: None,
            config_refresh: None,
            start_spread: Duration::ZERO,
        }
    }
}

impl Timing {
    /// Real time that an interval of the agent takes in a running fleet.
    pub(super) fn scaled(&self, interval: Duration) -> Duration {
        match self.waits {
            Waits::Scaled(factor) => interval.mul_f64(factor.max(0.0)),
            Waits::Real | Waits::Skipped => interval,
        }
    }
}

/// The clock that all hosts of a fleet share; each adds its own waits and skew.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    base: Timestamp,
    advanced_us: AtomicI64,
}

impl Clock {
    pub(super) fn new(base: Timestamp) -> Self {
        Self { origin: Instant::now(), base, advanced_us: AtomicI64::new(0) }
    }

    pub(super) fn now(&self) -> Timestamp {
        let elapsed = micros(self.origin.elapsed());
        let advanced = self.advanced_us.load(Ordering::Relaxed);
        plus_micros(self.base, elapsed.saturating_add(advanced))
    }

    /// Real time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn advance(&self, by: Duration) {
        self.advanced_us.fetch_add(micros(by), Ordering::Relaxed);
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn plus_micros(time: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(time.micros().saturating_add(micros))
}
