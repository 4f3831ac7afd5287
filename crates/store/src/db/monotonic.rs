// SPDX-License-Identifier: Apache-2.0
//! The one place of this crate that reads a clock: for how long to wait and when to give up.
//! No time that is stored or shown comes from here; those are arguments.

use std::time::Instant;

/// A point to measure waiting from.
#[expect(
    clippy::disallowed_methods,
    reason = "waiting for a disk, a server or a lock is measured in real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
