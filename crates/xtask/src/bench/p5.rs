// SPDX-License-Identifier: Apache-2.0
//! P5: a launch on the whole fleet, from the request until it is durable and answered, beside a
//! bare insert of as many rows of that size in one transaction.

use std::time::Instant;

use anyhow::ensure;

use super::floor::Bulk;
use super::report::{Measured, Pairs, Target};
use super::setting::Setting;

/// What is measured.
pub const WHAT: &str = "launch on the whole fleet, until durable and answered";
/// Longest time in milliseconds.
const TARGET_MS: f64 = 2_000.0;

/// Measures it.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    Ok(vec![setting.once("P5", setting.hosts, measure)?])
}

/// P5 with a fleet of this size.
pub fn measure(setting: &Setting<'_>, hosts: u64) -> anyhow::Result<Measured> {
    let world = setting.world(hosts)?;
    let mut bulk = Bulk::open(&world.rig.folder().join("bulk.db"))?;
    let mut pairs = Pairs::default();
    for run in 0..=setting.runs() {
        let bare = bulk.insert(hosts)?;
        let start = Instant::now();
        let launched = world.launch(1_000 + run as u64)?;
        let took = start.elapsed();
        ensure!(launched.dispatched_hosts == hosts, "not all hosts were targeted");
        world.stop(&launched)?;
        if run > 0 {
            pairs.push(took.as_secs_f64() * 1e3, bare.as_secs_f64() * 1e3);
        }
    }
    let note = "Time by the clock, not of the processor. The floor is SQLite alone, one prepared \
                statement, as durable.";
    let target = Target::RatioAndValueAtMost(2.0, TARGET_MS);
    Ok(pairs.lower("P5", WHAT, hosts, "ms", target, note))
}
