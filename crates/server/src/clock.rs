// SPDX-License-Identifier: Apache-2.0
//! Time and randomness of the running server: the only place that asks the system for either.
//! Everything else gets them as arguments, so that tests can hold the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use mimir_wire::Timestamp;
use uuid::Uuid;

/// The server's clock. Clones share it.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    shift_micros: Arc<AtomicI64>,
    simulated: Option<SimulatedTime>,
}

/// A time that stands still until somebody moves it, in place of the system's: time of day and
/// monotonic time apart, so that the one may jump without the other. Clones share it.
#[derive(Debug, Clone)]
pub struct SimulatedTime(Arc<Simulated>);

#[derive(Debug)]
struct Simulated {
    /// Microseconds since 1970.
    now: AtomicI64,
    /// Microseconds of monotonic time.
    elapsed: AtomicU64,
    /// Tells the ids of one simulated process from those of others.
    process: u16,
    /// Ids made so far: they are counted, not drawn, so that a run can be repeated.
    ids: AtomicU64,
}

impl SimulatedTime {
    /// Stands at this time of day, for the simulated process of this number (below 4,096).
    pub fn new(now: Timestamp, process: u16) -> Self {
        let (now, elapsed) = (AtomicI64::new(now.micros()), AtomicU64::new(0));
        Self(Arc::new(Simulated { now, elapsed, process, ids: AtomicU64::new(0) }))
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.now.load(Ordering::Relaxed))
    }

    /// Monotonic time since it was made.
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.elapsed.load(Ordering::Relaxed))
    }

    /// Time passes.
    pub fn pass(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.0.elapsed.fetch_add(micros, Ordering::Relaxed);
        self.jump(i64::try_from(micros).unwrap_or(i64::MAX));
    }

    /// Somebody sets the time of day forward, or back when negative.
    pub fn jump(&self, micros: i64) {
        self.0.now.fetch_add(micros, Ordering::Relaxed);
    }

    fn id_bytes(&self) -> [u8; 10] {
        let number = self.0.ids.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&self.0.process.to_be_bytes());
        bytes[2..].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}

impl Clock {
    /// The system's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn system() -> Self {
        let (start, shift_micros) = (Instant::now(), Arc::new(AtomicI64::new(0)));
        Self { start, shift_micros, simulated: None }
    }

    /// A clock that goes by this time alone.
    pub fn simulated(time: SimulatedTime) -> Self {
        Self { simulated: Some(time), ..Self::system() }
    }

    /// The time of day.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        if let Some(time) = &self.simulated {
            return time.now();
        }
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
        if let Some(time) = &self.simulated {
            return time.elapsed();
        }
        let shift = u64::try_from(self.shift_micros.load(Ordering::Relaxed)).unwrap_or(0);
        self.start.elapsed() + Duration::from_micros(shift)
    }

    /// Moves both times along: tests reach the end of a window without waiting for it.
    pub fn advance(&self, by: Duration) {
        if let Some(time) = &self.simulated {
            return time.pass(by);
        }
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.shift_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// A new id that sorts by time (UUID version 7).
    pub fn uuid(&self) -> Uuid {
        let micros = self.now().micros().max(0).unsigned_abs();
        if let Some(time) = &self.simulated {
            return uuid::Builder::from_unix_timestamp_millis(micros / 1000, &time.id_bytes())
                .into_uuid();
        }
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
