// SPDX-License-Identifier: Apache-2.0
//! Rate limits of the API. Signing in is limited per account and per address, so that neither
//! guessing one password from many places nor many passwords from one place gets far. Enrolments
//! are limited per machine.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use mimir_wire::api::problem::ProblemCode;

use crate::listen::network;
use crate::problem::{ApiError, ApiResult};

/// Attempts an account may take at once.
const ATTEMPTS_PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// Attempts an address may take at once.
const ATTEMPTS_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// Enrolments a machine may send at once. An agent may well send each of a few twice.
const ENROLMENTS_PER_MACHINE: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// Time after which one more attempt is allowed.
const REFILL: Duration = Duration::from_secs(10);
/// Keys after which old ones are forgotten.
const KEYS_MAX: usize = 10_000;

/// Limits of signing in and of enrolling.
pub struct LoginLimits {
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<String>,
    machines: DefaultKeyedRateLimiter<String>,
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
            machines: RateLimiter::keyed(quota(ENROLMENTS_PER_MACHINE)),
        }
    }

    /// Takes one attempt.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub fn take(&self, account: &str, address: &str) -> ApiResult<()> {
        self.take_address(address)?;
        take(&self.accounts, account)
    }

    /// Takes one attempt of an address, whatever the account. Of an IPv6 address its /64 counts:
    /// everybody who has one such address has them all.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub fn take_address(&self, address: &str) -> ApiResult<()> {
        let of = address.parse::<IpAddr>().map(|address| network(address).to_string());
        take(&self.addresses, of.as_deref().unwrap_or(address))
    }

    /// Takes one enrolment of a machine.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub fn take_machine(&self, machine: &str) -> ApiResult<()> {
        take(&self.machines, machine)
    }
}

fn take(limiter: &DefaultKeyedRateLimiter<String>, key: &str) -> ApiResult<()> {
    if limiter.len() > KEYS_MAX {
        limiter.retain_recent();
        limiter.shrink_to_fit();
    }
    let key: String = key.chars().take(64).collect();
    limiter.check_key(&key).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        let seconds = wait.as_secs() + 1;
        let detail = format!("Too many attempts; try again in {seconds} s.");
        let retry_after_s = Some(seconds);
        ApiError { retry_after_s, ..ApiError::new(ProblemCode::RateLimited, detail) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_ipv6_has_one_bucket() {
        let limits = LoginLimits::new();
        for n in 0..ATTEMPTS_PER_ADDRESS.get() {
            limits.take(&format!("user{n}"), &format!("2001:db8:1:2::{n:x}")).unwrap();
        }
        let refused = limits.take("other", "2001:db8:1:2:ffff::1").unwrap_err();
        assert_eq!(refused.code, ProblemCode::RateLimited);
        limits.take("other", "2001:db8:1:3::1").unwrap();
        limits.take("other", "198.51.100.1").unwrap();
    }
}
