// SPDX-License-Identifier: Apache-2.0
//! P3: answers of 40 rows, 64 in flight, durable before they are acknowledged: how many the
//! server takes for a second of processor time. Hosts are offered the query first; that is not
//! counted.
//!
//! Two floors: SQLite that writes the same compressed bytes, 64 in a transaction, and nothing
//! else; and a program that does what cannot be left out: TLS, HTTP, compression, that SQLite.

use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Context, ensure};
use mimir_wire::api::campaign::Launched;

use super::data;
use super::floor::{self, group_commit};
use super::load::{Goal, send};
use super::report::{Measured, Pairs, Target};
use super::setting::Setting;
use super::usage::cpu_of;
use super::world::{World, node_key, poll};

/// What is measured.
pub const WHAT: &str = "answers of 40 rows, 64 in flight, durable, per second of server CPU";
const WHAT_WHOLE: &str = "the same beside TLS, HTTP, zstd and SQLite";

const READ: &str = "/api/osquery/distributed/read";
const WRITE: &str = "/api/osquery/distributed/write";
/// Answers in a run.
const ANSWERS: u64 = 4_000;
/// Answers in flight.
const FLIGHT: u64 = 64;
/// Until offers are written, and who was heard of.
const QUIET: Duration = Duration::from_millis(2_500);

/// Measures it.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    let strict = setting.once("P3", setting.hosts, measure)?;
    Ok(vec![strict, setting.once("P3 whole", setting.hosts, measure_whole)?])
}

/// P3 with a fleet of this size.
pub fn measure(setting: &Setting<'_>, hosts: u64) -> anyhow::Result<Measured> {
    let world = setting.world(hosts)?;
    let answers = setting.scaled(ANSWERS).min(hosts);
    let blobs = (1..=answers).map(|host| {
        let chunks = data::chunks(host, data::ROWS)?;
        Ok(chunks.into_iter().flat_map(|chunk| chunk.data).collect())
    });
    let blobs: Vec<Vec<u8>> = blobs.collect::<anyhow::Result<_>>()?;
    let mut pairs = Pairs::default();
    // The first run finds everything cold and does not count.
    for run in 0..=setting.runs() {
        let file = world.rig.folder().join(format!("floor-{hosts}-{run}.db"));
        let bare = group_commit(&file, &blobs)?;
        let took = answered(setting, &world, answers, run as u64)?;
        if run > 0 {
            let rate = |time: Duration| answers as f64 / time.as_secs_f64();
            pairs.push(rate(took), rate(bare));
        }
    }
    let note = "The floor is SQLite alone: 64 blobs in a transaction.";
    Ok(pairs.higher("P3", WHAT, hosts, "/s", Target::RatioAtLeast(0.6), note))
}

fn measure_whole(setting: &Setting<'_>, hosts: u64) -> anyhow::Result<Measured> {
    let world = setting.world(hosts)?;
    let answers = setting.scaled(ANSWERS).min(hosts);
    let rows = bodies(answers);
    let mut pairs = Pairs::default();
    for run in 0..=setting.runs() {
        let file = world.rig.folder().join(format!("whole-{hosts}-{run}.db"));
        let floor = floor::Server::start(setting.programs, &world.rig.data(), Some(&file))?;
        let bare = Goal::new(&floor.address, &world.rig.data().join("ca.pem"))?;
        let start = cpu_of(floor.pid())?;
        let body = |n: u64| data::body(&node_key(n + 1), "5c.1.0", &rows[n as usize]);
        send(&bare, WRITE, answers, FLIGHT.min(answers), true, body)?;
        let least = cpu_of(floor.pid())? - start;
        let took = answered(setting, &world, answers, 100 + run as u64)?;
        if run > 0 {
            let rate = |time: Duration| answers as f64 / time.as_secs_f64();
            pairs.push(rate(took), rate(least));
        }
    }
    let note = "The floor takes the same bodies by hyper and rustls, compresses them and commits \
                all that wait together; it knows no rows, no caps, no ledger.";
    Ok(pairs.higher("P3 whole", WHAT_WHOLE, hosts, "/s", Target::Shown, note))
}

fn bodies(answers: u64) -> Vec<String> {
    (1..=answers).map(|host| data::rows(host, data::ROWS)).collect()
}

/// Asks hosts and has them answer; says what the answers cost the server.
fn answered(
    setting: &Setting<'_>,
    world: &World,
    answers: u64,
    mark: u64,
) -> anyhow::Result<Duration> {
    let launched = world.launch(mark)?;
    let rows = bodies(answers);
    let pause = if setting.smoke { Duration::from_millis(1) } else { QUIET };
    let took = in_flight(world, answers, &rows, pause)?;
    check(world, &launched, answers)?;
    world.stop(&launched)?;
    Ok(took)
}

fn check(world: &World, launched: &Launched, answers: u64) -> anyhow::Result<()> {
    let campaign = world.rig.client.campaign(launched.campaign.head.id)?;
    let coverage = campaign.head.coverage;
    let (responded, stored) = (coverage.responded, coverage.rows_stored);
    ensure!(responded == answers, "{responded} of {answers} hosts have responded");
    ensure!(stored == answers * data::ROWS, "{stored} rows are stored");
    Ok(())
}

/// All connections ask for work first; then, once that is noted, all answer.
fn in_flight(
    world: &World,
    answers: u64,
    rows: &[String],
    pause: Duration,
) -> anyhow::Result<Duration> {
    let threads = FLIGHT.min(answers);
    let barrier = Barrier::new(usize::try_from(threads)? + 1);
    let one = &|thread: u64| -> anyhow::Result<()> {
        let mine = || (thread..answers).step_by(threads as usize);
        let asked = (|| {
            let mut kept = world.goal.connect()?;
            let ids = mine().map(|n| offered(&kept.post(READ, &poll(n + 1), true)?));
            let ids: Vec<String> = ids.collect::<anyhow::Result<_>>()?;
            anyhow::Ok((kept, ids))
        })();
        // Also after a failure, or the others would wait for ever.
        barrier.wait();
        barrier.wait();
        let (mut kept, ids) = asked?;
        for (n, id) in mine().zip(&ids) {
            let body = data::body(&node_key(n + 1), id, &rows[n as usize]);
            let answer = kept.post(WRITE, &body, true)?;
            ensure!(answer == b"{}", "{}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|n| scope.spawn(move || one(n))).collect();
        barrier.wait();
        std::thread::sleep(pause);
        let start = cpu_of(world.rig.pid());
        barrier.wait();
        for thread in started {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(cpu_of(world.rig.pid())? - start?)
    })
}

/// The id of the campaign's query in the answer to a poll. Beside it stands the beacon.
pub fn offered(answer: &[u8]) -> anyhow::Result<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    let queries = answer["queries"].as_object().context("the host was offered nothing")?;
    let id = queries.keys().find(|id| id.starts_with('5')).context("no campaign was offered")?;
    Ok(id.clone())
}
