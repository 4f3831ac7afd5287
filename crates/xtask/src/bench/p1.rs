// SPDX-License-Identifier: Apache-2.0
//! P1 and P2: what a poll that finds nothing costs the server, on a connection of its own as
//! stock osquery makes them, and on one that is kept.
//!
//! The time that passes until the server has noted who was heard of belongs to the cost: each
//! host polls once a run, as hosts do between two such notes, and the clock is read behind it.
//! What the server does while nobody asks is taken off.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::floor;
use super::load::{Goal, send};
use super::report::{Measured, Pairs, Target};
use super::setting::Setting;
use super::usage::cpu_of;
use super::world::poll;

/// What P1 measures.
pub const WHAT_NEW: &str = "a poll without work on a new TLS connection, server CPU";
/// What P2 measures.
pub const WHAT_KEPT: &str = "a poll without work on a kept connection, server CPU";

const PATH: &str = "/api/osquery/distributed/read";
/// Polls in a run on new connections.
const NEW: u64 = 2_000;
/// Polls in a run on kept connections.
const KEPT: u64 = 20_000;
/// Connections at a time.
const THREADS: u64 = 8;
/// Longest time until the server has noted who was heard of.
const NOTED: Duration = Duration::from_millis(2_500);
/// Among hosts in order, far ones are neighbours: a prime.
const STRIDE: u64 = 7_919;

/// Measures P1.
pub fn run_new(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    Ok(vec![setting.once("P1", setting.hosts, measure_new)?])
}

/// Measures P2.
pub fn run_kept(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    Ok(vec![setting.once("P2", setting.hosts, measure_kept)?])
}

/// P1 with a fleet of this size.
pub fn measure_new(setting: &Setting<'_>, hosts: u64) -> anyhow::Result<Measured> {
    let note = "The floor is hyper and rustls with the same TLS settings, answering `{}`.";
    let pairs = measure(setting, hosts, NEW, false)?;
    Ok(pairs.lower("P1", WHAT_NEW, hosts, "µs", Target::RatioAtMost(1.15), note))
}

/// P2 with a fleet of this size.
pub fn measure_kept(setting: &Setting<'_>, hosts: u64) -> anyhow::Result<Measured> {
    let note = "The same floor. Mimir's share holds the note of who was heard of.";
    let pairs = measure(setting, hosts, KEPT, true)?;
    Ok(pairs.lower("P2", WHAT_KEPT, hosts, "µs", Target::RatioAtMost(1.6), note))
}

fn measure(setting: &Setting<'_>, hosts: u64, polls: u64, keep: bool) -> anyhow::Result<Pairs> {
    let world = setting.world(hosts)?;
    let ca = world.rig.data().join("ca.pem");
    let floor = floor::Server::start(setting.programs, &world.rig.data(), None)?;
    let bare = Goal::new(&floor.address, &ca)?;
    let polls = setting.scaled(polls).min(hosts);
    let pause = if setting.smoke { Duration::ZERO } else { NOTED };
    let cost = |goal: &Goal, pid: u32, polls: u64, pause: Duration| -> anyhow::Result<f64> {
        let start = cpu_of(pid)?;
        send(goal, PATH, polls, THREADS.min(polls), keep, |n| poll(n * STRIDE % hosts + 1))?;
        std::thread::sleep(pause);
        Ok((cpu_of(pid)? - start).as_secs_f64() * 1e6)
    };
    let pid = world.rig.pid();
    // First connections, first pages, threads that are started: not counted.
    cost(&bare, floor.pid(), polls.min(500), Duration::ZERO)?;
    cost(&world.goal, pid, polls.min(500), pause)?;
    let (start, begun) = (cpu_of(pid)?, Instant::now());
    std::thread::sleep(pause);
    let idle = (cpu_of(pid)? - start).as_secs_f64() * 1e6 / begun.elapsed().as_secs_f64().max(1e-3);
    let mut pairs = Pairs::default();
    for _ in 0..setting.runs() {
        let least = cost(&bare, floor.pid(), polls, Duration::ZERO)?;
        let begun = Instant::now();
        let all = cost(&world.goal, pid, polls, pause)?;
        let own = all - idle * begun.elapsed().as_secs_f64();
        ensure!(own > 0.0 || setting.smoke, "nothing was measured");
        pairs.push(own / polls as f64, least / polls as f64);
    }
    Ok(pairs)
}
