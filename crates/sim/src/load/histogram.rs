// SPDX-License-Identifier: Apache-2.0
//! Times counted in buckets of growing width: 32 to every doubling, so that a percentile is off by
//! at most three per cent, in a few kilobytes and without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Buckets to a doubling.
const STEPS: u64 = 32;
/// Bits of [`STEPS`].
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Doublings above the first [`STEPS`] microseconds: up to about an hour.
const DOUBLINGS: usize = 27;
const BUCKETS: usize = STEPS as usize * (DOUBLINGS + 1);

/// See the head of this file.
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

/// What a histogram says, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Times {
    /// Times counted.
    pub count: u64,
    /// Half of them took at most this.
    pub p50_ms: f64,
    /// Nine in ten.
    pub p90_ms: f64,
    /// 99 in a hundred.
    pub p99_ms: f64,
    /// 999 in a thousand.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The mean.
    pub mean_ms: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            sum_us: AtomicU64::new(0),
            max_us: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    pub(crate) fn count(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    pub(crate) fn times(&self) -> Times {
        let counts: Vec<u64> =
            self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        if count == 0 {
            return Times::default();
        }
        let max = self.max_us.load(Ordering::Relaxed);
        let at = |share: f64| {
            let wanted = (count as f64 * share).ceil().max(1.0) as u64;
            let mut seen = 0;
            let place = counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            milliseconds(highest(place.unwrap_or(BUCKETS - 1)).min(max))
        };
        Times {
            count,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: milliseconds(max),
            mean_ms: milliseconds(self.sum_us.load(Ordering::Relaxed) / count),
        }
    }
}

/// The bucket of a time in microseconds.
fn bucket(us: u64) -> usize {
    if us < STEPS {
        return us as usize;
    }
    let doubling = us.ilog2() - STEP_BITS;
    let step = (us >> doubling) - STEPS;
    let place = (u64::from(doubling) + 1) * STEPS + step;
    (place as usize).min(BUCKETS - 1)
}

/// The longest time that falls into a bucket, in microseconds.
fn highest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket / STEPS {
        0 => bucket,
        doubling => ((STEPS + bucket % STEPS + 1) << (doubling - 1)) - 1,
    }
}

/// With three digits behind the point.
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_falls_into_a_bucket_that_reaches_just_to_it() {
        for us in (0..100_000).chain((100_000..4_000_000_000).step_by(1_234_577)) {
            let end = highest(bucket(us));
            assert!(end >= us && end as f64 <= us as f64 * 1.032 + 1.0, "{us} {end}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_those_of_the_times() {
        let histogram = Histogram::default();
        assert_eq!(histogram.times(), Times::default());
        for ms in 1..=1000 {
            histogram.count(Duration::from_millis(ms));
        }
        let times = histogram.times();
        let near = |value: f64, wanted: f64| (value / wanted - 1.0).abs() < 0.035;
        assert!(near(times.p50_ms, 500.0) && near(times.p99_ms, 990.0), "{times:?}");
        assert!(near(times.p999_ms, 999.0) && near(times.mean_ms, 500.5), "{times:?}");
        assert_eq!((times.count, times.max_ms), (1000, 1000.0));
    }
}
