// SPDX-License-Identifier: Apache-2.0
//! P9: from the launch to rows in the operator's hands, with a real `mimir-agent` that waits in a
//! held read, on loopback. Both ways to ask are measured: a campaign, whose rows are fetched when
//! its stream says that they are stored, and a live query, whose rows come in the stream.
//!
//! The floor is what nothing can do without: one round trip of an HTTP request, and the time that
//! the query itself took on the host.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mimir_client::{CampaignEvent, Client, LiveEvent, RowFilter};
use mimir_wire::api::campaign::LaunchRequest;
use mimir_wire::api::query::QueryRequest;
use mimir_wire::api::target::Target;

use super::report::{self, Measured, Pairs};
use super::rig::Rig;
use super::setting::Setting;

/// What is measured.
pub const WHAT: &str = "launch → rows in the operator's hands, mimir-agent connected";
const WHAT_LIVE: &str = "the same with a live query: start, event `host` with its rows";
/// Runs of each kind, one after the other in turn.
const RUNS: usize = 31;
/// Runs before them that do not count: first connections, first pages of the database.
const WARM_UP: usize = 3;
/// Longest time in milliseconds.
const TARGET_MS: f64 = 100.0;
/// Time between two runs, in which the agent comes back to its held read. Operators do not ask
/// at the very moment in which the agent has just answered.
const PAUSE: Duration = Duration::from_millis(150);
/// Rows that are asked for.
const ROWS: usize = 20;

/// Measures it.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    let (runs, warm_up) = if setting.smoke { (1, 0) } else { (RUNS, WARM_UP) };
    let mut rig = Rig::start(setting.programs)?;
    rig.add_agent("bench-1")?;
    let (mut campaigns, mut lives) = (Pairs::default(), Pairs::default());
    for n in 0..warm_up + runs {
        let sql = format!(
            "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT {ROWS}) \
             SELECT r.n, {n} AS run, u.total_seconds FROM r, uptime u"
        );
        std::thread::sleep(PAUSE);
        let (took, query) = campaign(&rig.client, &sql)?;
        let trip = round_trip(&rig.client)?;
        std::thread::sleep(PAUSE);
        let live = live(&rig.client, &sql)?;
        if n >= warm_up {
            let floor = ms(trip + query);
            campaigns.push(ms(took), floor);
            // The same statement, so about as long on the host.
            lives.push(ms(live), floor);
        }
    }
    let note = "The floor is a GET of /healthz on an open connection and the query's own time on \
                the host.";
    let target = report::Target::ValueAtMost(TARGET_MS);
    Ok(vec![
        campaigns.lower("P9", WHAT, 1, "ms", target, note),
        lives.lower("P9 live", WHAT_LIVE, 1, "ms", target, note),
    ])
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Time from the launch of a campaign to its rows, and what the query took on the host.
fn campaign(client: &Client, sql: &str) -> anyhow::Result<(Duration, Duration)> {
    let request = LaunchRequest {
        sql: Some(sql.to_owned()),
        target: Some(Target::All {}),
        ..LaunchRequest::default()
    };
    let start = Instant::now();
    let (launched, _) = client.launch_campaign(&request, None)?;
    let id = launched.campaign.head.id;
    let answered = client.campaign_events(id, None)?.find_map(|event| match event {
        Ok(CampaignEvent::Response(response)) => Some(Ok(response)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let answered = answered.context("the stream ended without an answer")??;
    let rows = client.response_rows(id, answered.host_id, &RowFilter::default());
    let rows = rows.page(None, None)?.items.len();
    let took = start.elapsed();
    ensure!(rows == ROWS, "{rows} rows came");
    let responses = client.responses(id, &mimir_client::ResponseFilter::default());
    let stats = responses.iter().flatten().find_map(|response| response.stats);
    let query = stats.context("the agent did not say what the query took")?.wall_time_ms;
    Ok((took, Duration::from_millis(query)))
}

/// Time from the start of a live query to its rows.
fn live(client: &Client, sql: &str) -> anyhow::Result<Duration> {
    let request = QueryRequest { sql: sql.to_owned(), target: Target::All {} };
    let start = Instant::now();
    let started = client.run_query(&request)?;
    for event in client.live_events(started.id)? {
        if let LiveEvent::Host(host) = event? {
            let took = start.elapsed();
            ensure!(host.rows.len() == ROWS, "{} rows came: {:?}", host.rows.len(), host.error);
            return Ok(took);
        }
    }
    anyhow::bail!("the stream ended without an answer")
}

/// One request and its answer on an open connection: the best of a few.
fn round_trip(client: &Client) -> anyhow::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        ensure!(client.request("GET", "/healthz", None)?.status == 200, "the server is not well");
        best = best.min(start.elapsed());
    }
    Ok(best)
}
