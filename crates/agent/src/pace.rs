// SPDX-License-Identifier: Apache-2.0
//! When the loop acts: its clock, its waits, its jitter, and how it is told to stop. Behind a
//! trait, so that tests run years in no time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Time and chance, as the loop uses them.
pub trait Pace {
    /// Seconds since 1970, from the machine's clock, which may jump.
    fn now(&self) -> i64;
    /// Time since some fixed moment, which never goes back.
    fn elapsed(&self) -> Duration;
    /// Waits, or returns early when the agent is told to stop.
    fn wait(&mut self, time: Duration);
    /// A random number below 1.
    fn random(&mut self) -> f64;
    /// Whether the agent has been told to stop.
    fn is_stopping(&self) -> bool;
    /// Notes whether the loop only waits for the server, so that it may be ended at once.
    fn set_idle(&mut self, idle: bool);
}

/// How the agent is told to stop.
#[derive(Debug, Default)]
pub struct Stop {
    requested: Arc<AtomicBool>,
    idle: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Stop {
    /// Ends waits and running queries.
    pub fn request(&self) {
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.requested.store(true, Ordering::SeqCst);
        self.wake.notify_all();
    }

    /// The flag, for those who look at it often.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.requested)
    }

    /// Whether the loop only waits for the server.
    pub fn is_idle(&self) -> bool {
        self.idle.load(Ordering::SeqCst)
    }
}

/// The machine's time and chance.
#[derive(Debug)]
pub struct RealPace {
    stop: Arc<Stop>,
    started: Instant,
}

impl RealPace {
    /// A pace that ends its waits when `stop` says so.
    pub fn new(stop: Arc<Stop>) -> Self {
        Self { stop, started: Instant::now() }
    }
}

/// Seconds since 1970; 0 for a clock before that.
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Pace for RealPace {
    fn now(&self) -> i64 {
        unix_now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn wait(&mut self, time: Duration) {
        let guard = self.stop.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let asleep = |_: &mut ()| !self.stop.requested.load(Ordering::SeqCst);
        drop(self.stop.wake.wait_timeout_while(guard, time, asleep));
    }

    fn random(&mut self) -> f64 {
        // Without randomness there is no jitter, which is only less polite.
        getrandom::u32().map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0))
    }

    fn is_stopping(&self) -> bool {
        self.stop.requested.load(Ordering::SeqCst)
    }

    fn set_idle(&mut self, idle: bool) {
        self.stop.idle.store(idle, Ordering::SeqCst);
    }
}

/// `time` spread by a fifth to both sides, so that agents that start together drift apart.
pub fn jittered(time: Duration, random: f64) -> Duration {
    time.mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0))
}

/// How long to wait after the `failures`-th failure in a row: 1 s, 2 s, 4 s … to `max`, each
/// between half and all of it; never less than the server asks for.
pub fn backoff(
    failures: u32,
    max: Duration,
    retry_after: Option<Duration>,
    random: f64,
) -> Duration {
    let doubled = 2_u64.saturating_pow(failures.saturating_sub(1).min(32));
    let whole = Duration::from_secs(doubled).min(max);
    let wait = whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0));
    // Everybody was told the same time, so it is spread upwards.
    let asked = retry_after.map(|asked| asked + asked.mul_f64(0.2 * random.clamp(0.0, 1.0)));
    wait.max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(60);

    #[test]
    fn waits_double_up_to_a_bound() {
        let seconds = |failures| backoff(failures, MAX, None, 1.0).as_secs();
        assert_eq!([1, 2, 3, 6, 7, 100].map(seconds), [1, 2, 4, 32, 60, 60]);
        assert_eq!(backoff(3, MAX, None, 0.0), Duration::from_secs(2));
    }

    #[test]
    fn the_server_may_ask_for_more() {
        let asked = Some(Duration::from_secs(100));
        assert_eq!(backoff(1, MAX, asked, 0.0), Duration::from_secs(100));
        assert_eq!(backoff(1, MAX, asked, 1.0), Duration::from_secs(120));
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        assert_eq!(jittered(Duration::from_secs(10), 0.0), Duration::from_secs(8));
        assert_eq!(jittered(Duration::from_secs(10), 1.0), Duration::from_secs(12));
    }
}
