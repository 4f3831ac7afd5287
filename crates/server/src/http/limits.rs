// SPDX-License-Identifier: Apache-2.0
//! Rate limits of the API. Signing in is limited per account and per address, so that neither
//! guessing one password from many places nor many passwords from one place gets far.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use mimir_wire::api::problem::ProblemCode;

use crate::problem::{ApiError, ApiResult};

/// Attempts an account may take at once.
const ATTEMPTS_PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// Attempts an address may take at once.
const ATTEMPTS_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// Time after which one more attempt is allowed.
const REFILL: Duration = Duration::from_secs(10);
/// Keys after which old ones are forgotten.
const KEYS_MAX: usize = 10_000;

/// Limits of signing in.
pub struct LoginLimits {
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<String>,
}

impl LoginLimits {
    /// Full buckets.
    #[expect(clippy::new_without_default, reason = "a limiter is made once, on purpose")]
    pub fn new() -> Self {
        let quota =
            |burst| Quota::with_period(REFILL).expect("a period above zero").allow_burst(burst);
        Self {
            accounts: RateLimiter::keyed(quota(ATTEMPTS_PER_ACCOUNT)),
            addresses: RateLimiter::keyed(quota(ATTEMPTS_PER_ADDRESS)),
        }
    }

    /// Takes one attempt.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub fn take(&self, account: &str, address: &str) -> ApiResult<()> {
        for (limiter, key) in [(&self.addresses, address), (&self.accounts, account)] {
            if limiter.len() > KEYS_MAX {
                limiter.retain_recent();
            }
            let key: String = key.chars().take(64).collect();
            if let Err(not_until) = limiter.check_key(&key) {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let seconds = wait.as_secs() + 1;
                let detail = format!("Too many attempts to sign in; try again in {seconds} s.");
                let retry_after_s = Some(seconds);
                return Err(ApiError {
                    retry_after_s,
                    ..ApiError::new(ProblemCode::RateLimited, detail)
                });
            }
        }
        Ok(())
    }
}
