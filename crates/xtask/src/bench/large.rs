// SPDX-License-Identifier: Apache-2.0
//! P7 and growth: a campaign of 10 M rows of 100,000 hosts. A page at any cursor, opening the
//! campaign, exporting it with the memory that takes, and what a million rows take on disk.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use mimir_client::{Client, ExportFormat};
use mimir_server::app::page::encode;
use mimir_server::app::rows::RowCursor;
use mimir_server::rows::Chunk;
use mimir_store::Db;

use super::report::{Measured, Target, median};
use super::setting::Setting;
use super::usage::memory_of;
use super::world::World;
use super::{data, stored};

/// What is measured.
pub const WHAT: &str = "a page of 100 rows at any cursor of a campaign of 10 M rows";
/// Rows of each host.
const ROWS: u64 = 100;
/// Hosts whose rows differ; those of others are the same again, compressed by themselves too.
const KINDS: u64 = 2_000;
/// Cursors that pages are asked for at.
const CURSORS: u64 = 25;
/// Longest time of a page in milliseconds.
const TARGET_MS: f64 = 30.0;
/// Answers in one transaction while the database is filled.
const STEP: u64 = 5_000;
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_millis(50);

/// Measures it.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    let hosts = setting.hosts;
    let mut grown = 0;
    let world = World::with(setting.programs, hosts, |db| {
        let before = size(db)?;
        fill(db, hosts)?;
        grown = size(db)?.saturating_sub(before);
        Ok(())
    })?;
    let rows = hosts * ROWS;
    let at = Figure { hosts, rows };
    let mut measured = vec![pages(setting, &world, &at)?, opened(setting, &world, &at)?];
    let per_million = grown as f64 / (1 << 20) as f64 / (rows as f64 / 1e6);
    let note = format!("{} MiB for {rows} rows of {hosts} hosts, ledger included.", grown >> 20);
    measured.push(at.shown("database per million rows", per_million, "MiB", note));
    measured.extend(exported(&world, &at)?);
    Ok(measured)
}

/// What figures are about.
struct Figure {
    hosts: u64,
    rows: u64,
}

impl Figure {
    fn shown(&self, what: &str, value: f64, unit: &'static str, note: String) -> Measured {
        let (id, what) = ("growth".to_owned(), format!("{what}, {} rows", self.rows));
        let (hosts, target) = (self.hosts, Target::Shown);
        Measured { id, what, hosts, value, floor: None, ratio: None, unit, target, note }
    }
}

fn fill(db: &Db, hosts: u64) -> anyhow::Result<()> {
    let no = stored::campaign(db, 0, hosts)?;
    let kinds = (0..KINDS.min(hosts)).map(|kind| data::chunks(kind, ROWS));
    let kinds: Vec<Vec<Chunk>> = kinds.collect::<anyhow::Result<_>>()?;
    for from in (1..=hosts).step_by(usize::try_from(STEP)?) {
        let step = from..=hosts.min(from + STEP - 1);
        let chunks = |host: u64| kinds[(host % KINDS.min(hosts)) as usize].clone();
        let items = step.map(|host| stored::answer(no, host, ROWS, chunks(host))).collect();
        stored::store(db, items)?;
    }
    Ok(())
}

/// Bytes of the database, by what it says of itself.
fn size(db: &Db) -> anyhow::Result<u64> {
    let pages = "select page_count * page_size from pragma_page_count, pragma_page_size";
    Ok(db.read(move |tx| tx.query_one(pages, &[])?.get(0))?)
}

fn path(cursor: Option<RowCursor>) -> anyhow::Result<String> {
    let id = stored::campaign_id(0)?;
    let cursor = cursor.map(|cursor| format!("&cursor={}", encode(&cursor))).unwrap_or_default();
    Ok(format!("/api/v1/campaigns/{id}/rows?limit=100{cursor}"))
}

/// Milliseconds until a request is answered.
fn time(client: &Client, path: &str) -> anyhow::Result<f64> {
    let start = Instant::now();
    let answer = client.request("GET", path, None)?.success()?;
    let took = start.elapsed().as_secs_f64() * 1e3;
    ensure!(answer.body.len() > 100, "{path} is nearly empty");
    Ok(took)
}

/// The worst of many cursors, each by the median of several requests.
fn pages(setting: &Setting<'_>, world: &World, at: &Figure) -> anyhow::Result<Measured> {
    let client = &world.rig.client;
    let (mut worst, mut all) = (0.0_f64, Vec::new());
    let last = i64::try_from(at.hosts)? - 1;
    for n in 0..CURSORS {
        // Across the whole campaign, also within a host's rows; the last one too.
        let seq = last * i64::try_from(n)? / (i64::try_from(CURSORS)? - 1);
        let path = path(Some(RowCursor::At(seq, i64::try_from(n)? * 3)))?;
        let times = (0..setting.runs()).map(|_| time(client, &path));
        let middle = median(times.collect::<anyhow::Result<_>>()?);
        worst = worst.max(middle);
        all.push(middle);
    }
    let is_target = !setting.smoke && at.hosts >= 100_000;
    Ok(Measured {
        id: "P7".to_owned(),
        what: WHAT.to_owned(),
        hosts: at.hosts,
        value: worst,
        floor: None,
        ratio: None,
        unit: "ms",
        target: if is_target { Target::ValueAtMost(TARGET_MS) } else { Target::Shown },
        note: format!(
            "The slowest of {CURSORS} cursors, each by the median of {} requests; half of them \
             take at most {:.1} ms. {} rows.",
            setting.runs(),
            median(all),
            at.rows
        ),
    })
}

/// What the console asks for when a campaign is opened.
fn opened(setting: &Setting<'_>, world: &World, at: &Figure) -> anyhow::Result<Measured> {
    let (client, id) = (&world.rig.client, stored::campaign_id(0)?);
    let mut times = Vec::new();
    for _ in 0..setting.runs() {
        let campaign = time(client, &format!("/api/v1/campaigns/{id}"))?;
        let completion = time(client, &format!("/api/v1/campaigns/{id}/completion"))?;
        let responses = time(client, &format!("/api/v1/campaigns/{id}/responses?limit=50"))?;
        times.push([campaign, completion, responses, time(client, &path(None)?)?]);
    }
    let part = |n: usize| median(times.iter().map(|times| times[n]).collect());
    let note = format!(
        "The campaign {:.1}, its course {:.1}, its newest responses {:.1}, its first rows {:.1} ms.",
        part(0),
        part(1),
        part(2),
        part(3)
    );
    let whole = (0..4).map(part).sum();
    Ok(at.shown("opening the campaign", whole, "ms", note))
}

/// Counts and forgets.
#[derive(Default)]
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

fn exported(world: &World, at: &Figure) -> anyhow::Result<Vec<Measured>> {
    let pid = world.rig.pid();
    let before = memory_of(pid)?;
    let (done, start) = (AtomicBool::new(false), Instant::now());
    let (bytes, most) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(memory_of(pid).unwrap_or(0));
                std::thread::sleep(LOOK);
            }
            most
        });
        let mut out = Count::default();
        let exported =
            world.rig.client.export_campaign(stored::campaign_id(0)?, ExportFormat::Csv, &mut out);
        done.store(true, Ordering::Relaxed);
        let most = looking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        exported?;
        anyhow::Ok((out.0, most))
    })?;
    let took = start.elapsed().as_secs_f64();
    ensure!(bytes > at.rows * 50, "the file is too short");
    let mb = bytes as f64 / 1e6;
    let note = format!("{mb:.0} MB of CSV through TLS to a client of the same machine.");
    let grown = most.saturating_sub(before) as f64 / (1 << 20) as f64;
    let memory = "Most memory during the export, beyond that before it.".to_owned();
    Ok(vec![
        at.shown("CSV export of the campaign", took, "s", note),
        at.shown("memory of that export", grown, "MiB", memory),
    ])
}
