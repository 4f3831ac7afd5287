// SPDX-License-Identifier: Apache-2.0
//! Time and randomness of the running server: the only place that asks the system for either.
//! Everything else gets them as arguments, so that tests can hold the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use mimir_wire::Timestamp;
use uuid::Uuid;

/// The server's clock. Clones share it.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    shift_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn system() -> Self {
        Self { start: Instant::now(), shift_micros: Arc::new(AtomicI64::new(0)) }
    }

    /// The time of day.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(micros.saturating_add(self.shift_micros.load(Ordering::Relaxed)))
    }

    /// A point in monotonic time, for measuring how long something takes.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Monotonic time since the server started, moved along by [`Clock::advance`].
    pub fn elapsed(&self) -> Duration {
        let shift = u64::try_from(self.shift_micros.load(Ordering::Relaxed)).unwrap_or(0);
        self.start.elapsed() + Duration::from_micros(shift)
    }

    /// Moves both times along: tests reach the end of a window without waiting for it.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.shift_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// A new id that sorts by time (UUID version 7).
    pub fn uuid(&self) -> Uuid {
        let micros = self.now().micros().max(0).unsigned_abs();
        let (secs, nanos) = (micros / 1_000_000, micros % 1_000_000 * 1000);
        let nanos = u32::try_from(nanos).unwrap_or(0);
        let at = uuid::Timestamp::from_unix(uuid::NoContext, secs, nanos);
        Uuid::new_v7(at)
    }
}

/// Random bytes from the operating system.
///
/// # Panics
/// When the operating system has none: nothing safe can be done without.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
