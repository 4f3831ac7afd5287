// SPDX-License-Identifier: Apache-2.0
//! P4: large answers through parsing, caps, compression and the store, as MB of JSON for a second
//! of processor time, beside zstd of the same level over the same text and nothing else. The way
//! through a running server, with TLS and HTTP, is shown too.

use std::time::Duration;

use anyhow::ensure;
use mimir_server::rows::RowWriter;
use mimir_store::Db;
use mimir_store::db::DatabaseUrl;
use mimir_wire::osquery::{WriteSink, read_write_body, repair_utf8};

use super::load::send;
use super::report::{Measured, Pairs, Target};
use super::setting::Setting;
use super::usage::{cpu_of, timed};
use super::world::{World, node_key, poll};
use super::{data, p3, stored};

/// What is measured.
pub const WHAT: &str = "large answers: JSON parsed, capped, compressed, stored, per second of CPU";
const WHAT_SERVER: &str = "the same through a running server, with TLS and HTTP";

const ID: &str = "5c.1.0.00000000000000000000000000000000";
/// Rows of a large answer: about 5 MB.
const ROWS: u64 = 25_000;
/// Large answers in a run.
const ANSWERS: u64 = 8;

/// Measures it.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    let alone = setting.once("P4", setting.hosts, measure_at)?;
    Ok(vec![alone, setting.once("P4 server", 1, |setting, _| measure_server(setting))?])
}

/// P4 with a fleet of this size, all of it targeted by the campaign.
pub fn measure_at(setting: &Setting<'_>, hosts: u64) -> anyhow::Result<Measured> {
    let rows = setting.scaled(ROWS);
    let folder = super::world::filled(hosts.max(ANSWERS), |_| Ok(()))?;
    let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("data/mimir.db")))?;
    let bodies: Vec<Vec<u8>> =
        (1..=ANSWERS).map(|host| data::body("k", ID, &data::rows(host, rows))).collect();
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    let mut pairs = Pairs::default();
    for run in 0..=setting.runs() {
        let campaign = stored::campaign(&db, run as u64, hosts.max(ANSWERS))?;
        let ((), bare) = timed(|| bodies.iter().try_for_each(|body| compress(body)))?;
        let all =
            || (1..).zip(&bodies).try_for_each(|(host, body)| one(&db, campaign, host, body, rows));
        let ((), took) = timed(all)?;
        if run > 0 {
            pairs.push(rate(took), rate(bare));
        }
    }
    let note = "Without TLS and HTTP. The floor is zstd, level 1, in pieces of the same size.";
    Ok(pairs.higher("P4", WHAT, hosts, "MB/s", Target::RatioAtLeast(0.5), note))
}

/// The text alone, in pieces as large as chunks are.
fn compress(body: &[u8]) -> anyhow::Result<()> {
    let mut zstd = zstd::bulk::Compressor::new(1)?;
    zstd.include_checksum(true)?;
    let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(CHUNK_BYTES));
    for piece in body.chunks(CHUNK_BYTES) {
        out.clear();
        zstd.compress_to_buffer(piece, &mut out)?;
        std::hint::black_box(&out);
    }
    Ok(())
}

/// Bytes of a chunk of 1,000 rows.
const CHUNK_BYTES: usize = 200_000;

struct Sink(RowWriter);

impl WriteSink for Sink {
    fn begin(&mut self, name: &str) -> bool {
        name == ID
    }

    fn row(&mut self, line: &[u8]) -> bool {
        self.0.push(line)
    }
}

fn one(db: &Db, campaign: i64, host: u64, body: &[u8], rows: u64) -> anyhow::Result<()> {
    let mut sink = Sink(RowWriter::new(data::WIDE));
    let read = read_write_body(&repair_utf8(body), &mut sink)?;
    ensure!(read.entries[0].row_count == rows, "not all rows were read");
    let stored = sink.0.finish()?;
    ensure!(stored.stored_rows == rows, "not all rows are stored");
    stored::store(db, vec![stored::answer(campaign, host, rows, stored.chunks)])
}

fn measure_server(setting: &Setting<'_>) -> anyhow::Result<Measured> {
    let rows = setting.scaled(ROWS);
    let world = World::with_hosts(setting.programs, ANSWERS)?;
    let texts: Vec<String> = (1..=ANSWERS).map(|host| data::rows(host, rows)).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    let mut pairs = Pairs::default();
    for run in 0..=setting.runs() {
        let all = || texts.iter().try_for_each(|text| compress(text.as_bytes()));
        let ((), bare) = timed(all)?;
        let launched = world.launch(run as u64)?;
        let mut kept = world.goal.connect()?;
        let ids = (1..=ANSWERS).map(|host| {
            p3::offered(&kept.post("/api/osquery/distributed/read", &poll(host), true)?)
        });
        let ids: Vec<String> = ids.collect::<anyhow::Result<_>>()?;
        let start = cpu_of(world.rig.pid())?;
        let body = |n: u64| data::body(&node_key(n + 1), &ids[n as usize], &texts[n as usize]);
        send(&world.goal, "/api/osquery/distributed/write", ANSWERS, 2, true, body)?;
        let took = cpu_of(world.rig.pid())? - start;
        let coverage = world.rig.client.campaign(launched.campaign.head.id)?.head.coverage;
        ensure!(coverage.rows_stored == ANSWERS * rows, "not all rows are stored");
        world.stop(&launched)?;
        if run > 0 {
            pairs.push(rate(took), rate(bare));
        }
    }
    let note = "Processor time of the server's process, TLS and HTTP included.";
    Ok(pairs.higher("P4 server", WHAT_SERVER, ANSWERS, "MB/s", Target::Shown, note))
}
