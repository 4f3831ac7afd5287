// SPDX-License-Identifier: Apache-2.0
//! P6: memory of a server with a fleet and 50 active campaigns on all of it, while nobody asks.

use std::time::Duration;

use super::report::{Measured, Target};
use super::setting::Setting;
use super::usage::memory_of;
use super::world::World;

/// What is measured.
pub const WHAT: &str = "memory with 50 active campaigns on the whole fleet, idle, per host";
/// Active campaigns.
const CAMPAIGNS: u64 = 50;
/// Most bytes a host.
const TARGET: f64 = 1_536.0;
/// Until what launches need for a moment is given back.
const QUIET: Duration = Duration::from_secs(3);

/// Measures it at all sizes; the target is for the largest.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    setting.sizes().into_iter().map(|hosts| measure(setting, hosts)).collect()
}

fn measure(setting: &Setting<'_>, hosts: u64) -> anyhow::Result<Measured> {
    let world = World::with_hosts(setting.programs, hosts)?;
    let pause = if setting.smoke { Duration::ZERO } else { QUIET };
    std::thread::sleep(pause);
    let before = memory_of(world.rig.pid())?;
    for n in 0..setting.scaled(CAMPAIGNS) {
        world.launch(n)?;
    }
    std::thread::sleep(pause);
    let bytes = memory_of(world.rig.pid())?;
    let mib = |bytes: u64| bytes >> 20;
    let is_target = hosts == setting.hosts && !setting.smoke;
    Ok(Measured {
        id: "P6".to_owned(),
        what: WHAT.to_owned(),
        hosts,
        value: bytes as f64 / hosts as f64,
        floor: None,
        ratio: None,
        unit: "B",
        target: if is_target { Target::ValueAtMost(TARGET) } else { Target::Shown },
        note: format!(
            "{} MiB that belong to the process alone, {} MiB before the launches.",
            mib(bytes),
            mib(before)
        ),
    })
}
