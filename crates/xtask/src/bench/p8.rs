// SPDX-License-Identifier: Apache-2.0
//! P8: a campaign's rows as CSV, as MB of stored JSON for a second of processor time, beside
//! decompressing the same blobs and nothing else. Memory while it runs is looked at in `large`.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, ensure};
use mimir_server::app::{App, AppConfig, Caller, export};
use mimir_server::clock::Clock;
use mimir_server::rows::Chunk;
use mimir_store::Db;
use mimir_store::db::DatabaseUrl;
use mimir_wire::api::user::{Role, User};
use mimir_wire::ids::UserId;

use super::report::{Measured, Pairs, Target};
use super::setting::Setting;
use super::usage::timed;
use super::{data, stored, world};

/// What is measured.
pub const WHAT: &str = "CSV export of 1 M rows, stored JSON per second of CPU";
/// Hosts that have answered …
const HOSTS: u64 = 2_000;
/// … and rows of each.
const ROWS: u64 = 500;

/// Counts what it is given.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Measures it.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    let hosts = setting.scaled(HOSTS);
    let mut blobs: Vec<Chunk> = Vec::new();
    let folder = world::filled(hosts, |db| fill(db, hosts, &mut blobs))?;
    let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("data/mimir.db")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let app = App::open(db, Clock::system(), AppConfig::default())?;
    let begin = export::begin(&app, caller(), stored::campaign_id(0)?, "csv");
    let begun = runtime.block_on(begin).map_err(|error| anyhow::anyhow!(error.detail))?;
    let (mut pairs, mut bytes, mut written) = (Pairs::default(), 0_usize, 0);
    for run in 0..=setting.runs() {
        let (unpacked, bare) = timed(|| unpack(&blobs))?;
        let mut out = Count(0);
        let ((), took) = timed(|| Ok(export::write(&app, &begun, &mut out)?))?;
        ensure!(out.0 > hosts * ROWS * 50, "the file is too short");
        (bytes, written) = (unpacked, out.0);
        let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        if run > 0 {
            pairs.push(rate(took), rate(bare));
        }
    }
    let note = format!(
        "{} rows, {} MB of JSON become {} MB of CSV; from the database to a sink, without TLS. \
         The floor is zstd.",
        hosts * ROWS,
        bytes / 1_000_000,
        written / 1_000_000
    );
    Ok(vec![pairs.higher("P8", WHAT, hosts, "MB/s", Target::RatioAtLeast(0.3), &note)])
}

fn fill(db: &Db, hosts: u64, blobs: &mut Vec<Chunk>) -> anyhow::Result<()> {
    let no = stored::campaign(db, 0, hosts)?;
    let mut items = Vec::new();
    for host in 1..=hosts {
        let chunks = data::chunks(host, ROWS)?;
        blobs.extend(chunks.iter().cloned());
        items.push(stored::answer(no, host, ROWS, chunks));
    }
    stored::store(db, items)
}

fn unpack(blobs: &[Chunk]) -> anyhow::Result<usize> {
    let mut zstd = zstd::bulk::Decompressor::new()?;
    let mut out = Vec::with_capacity(1 << 20);
    blobs.iter().try_fold(0, |sum, blob| {
        out.clear();
        let bytes = zstd.decompress_to_buffer(&blob.data, &mut out).context("a damaged blob")?;
        std::hint::black_box(&out);
        Ok(sum + bytes)
    })
}

fn caller() -> Caller {
    let clock = Clock::system();
    let user = User {
        id: UserId::new(clock.uuid()),
        username: "bench".to_owned(),
        role: Role::Admin,
        capabilities: Vec::new(),
        disabled: false,
        password_change_required: false,
        created_at: clock.now(),
    };
    Caller { user, api_key: None, session: None, address: String::new() }
}
