// SPDX-License-Identifier: Apache-2.0
//! What reading costs on a large fleet: `cargo run --profile quick --example read_cost`, with
//! `postgres` behind `--` for the other engine. Two campaigns of a million rows each (many hosts
//! with few rows, few hosts with many) lie below thousands of campaigns with one host.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use mimir_engine::campaign::ledger::CampaignLedger;
use mimir_engine::campaign::spec;
use mimir_server::app::page::PageRequest;
use mimir_server::app::rows::{RowQuery, rows};
use mimir_server::app::{App, AppConfig, history, schema, targets};
use mimir_server::clock::Clock;
use mimir_server::problem::ApiError;
use mimir_server::rows::{RowCaps, RowWriter};
use mimir_store::campaigns::{NewCampaign, insert};
use mimir_store::db::{Column, Engine};
use mimir_store::testing::TestDb;
use mimir_store::{DbError, Tx, values};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::CampaignKind;
use mimir_wire::api::page::RowPage;
use mimir_wire::api::target::Target;
use mimir_wire::api::user::UserRef;
use mimir_wire::ids::{CampaignId, HostId, UserId};

const HOSTS: i64 = 100_000;
const CAMPAIGNS: u32 = 5_000;
const SQL: &str = "SELECT pid, name, path, size FROM processes";

fn given_hosts(tx: &mut Tx<'_>, clock: &Clock) -> Result<(), DbError> {
    let now = clock.now();
    for n in 0..HOSTS {
        let (id, name) = (HostId::new(clock.uuid()), format!("host-{n:06}"));
        tx.execute_one(
            "insert into host (id, machine_key, hostname, host_identifier, hardware_uuid, \
             hardware_serial, instance_id, platform, os_name, os_version, arch, agent, \
             agent_version, ip_address, enrolled_at, last_seen_at, reenrollment_blocked) \
             values ($1, $1, $2, $1, $1, $1, $1, 'linux', 'Debian', '13', 'x86_64', 'osquery', \
             '5.23.1', '10.0.0.1', $3, $3, false)",
            &values![id, name, now],
        )?;
    }
    Ok(())
}

fn launched(
    tx: &mut Tx<'_>,
    clock: &Clock,
    hosts: &[i64],
    at: Timestamp,
) -> Result<(i64, CampaignId), DbError> {
    let (id, parts) = (CampaignId::new(clock.uuid()), vec![SQL.to_owned()]);
    let spec = spec::canonical(CampaignKind::Osquery, &[SQL]);
    let new = NewCampaign {
        id,
        name: "bench".to_owned(),
        kind: CampaignKind::Osquery,
        created_at: at,
        created_by: UserRef { id: UserId::new(clock.uuid()), username: "bench".to_owned() },
        target: Target::All {},
        multi_host: true,
        live_window_minutes: 10,
        parts,
        spec_sha256: spec::sha256_hex(&spec),
        spec,
        host_row_cap: 50_000,
        host_byte_cap: 64 << 20,
        warnings: Vec::new(),
        ledger: CampaignLedger::new(
            u64::try_from(hosts.len()).unwrap_or_default(),
            1,
            at.plus_minutes(10),
            10_000_000,
        ),
    };
    Ok((insert(tx, &new, hosts)?, id))
}

/// Every one of these hosts has answered `rows` rows.
fn answered(
    tx: &mut Tx<'_>,
    no: i64,
    hosts: &[i64],
    rows: usize,
    at: Timestamp,
) -> Result<(), DbError> {
    const RESPONSE: [Column; 11] = [
        Column::int("campaign_no"),
        Column::int("host_no"),
        Column::int("part"),
        Column::int("seq"),
        Column::int("received_at"),
        Column::bool("late"),
        Column::text("outcome"),
        Column::int("row_count"),
        Column::int("stored_rows"),
        Column::bool("truncated"),
        Column::text("columns"),
    ];
    let names = "[\"pid\",\"name\",\"path\",\"size\"]";
    let count = i64::try_from(rows).unwrap_or_default();
    let mut responses = Vec::new();
    for (seq, host) in (0_i64..).zip(hosts) {
        let received = at.plus_secs(seq % 1200);
        responses.push(
            values![no, *host, 0, seq, received, false, "rows", count, count, false, names]
                .to_vec(),
        );
        let mut writer = RowWriter::new(RowCaps { rows: 1 << 30, bytes: 1 << 40 });
        for n in 0..rows {
            let mixed = (n as u64 * 7919 + *host as u64 * 104_729) % 1_000_003;
            let line = format!(
                "{{\"pid\":\"{n}\",\"name\":\"process {}\",\"path\":\"/usr/lib/{mixed:x}/bin/run\",\
                 \"size\":\"{mixed}\"}}",
                mixed % 97
            );
            writer.push(line.as_bytes());
        }
        let stored = writer.finish().map_err(|error| DbError::Usage(error.to_string()))?;
        let mut first = 0_i64;
        for (chunk, part) in (0_i64..).zip(stored.chunks) {
            let held = i64::from(part.row_count);
            tx.execute_one(
                "insert into response_chunk (campaign_no, seq, chunk, first_row, row_count, data) \
                 values ($1, $2, $3, $4, $5, $6)",
                &values![no, seq, chunk, first, held, part.data],
            )?;
            first += held;
        }
    }
    tx.insert_many("response", &RESPONSE, &responses)?;
    tx.execute(
        "update assignment set state = 'responded', outcome = 'rows', responded_at = \
         (select received_at from response r where r.campaign_no = assignment.campaign_no \
         and r.host_no = assignment.host_no) where campaign_no = $1",
        &values![no],
    )?;
    let (total, asked) =
        (count * i64::try_from(hosts.len()).unwrap_or_default(), hosts.len() as u64);
    tx.execute_one(
        "update campaign set rows_stored = $2, rows_reported = $2, responded = $3, pending = 0, \
         with_rows = $3, next_seq = $3 where no = $1",
        &values![no, total, asked],
    )
}

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures and tells")]
async fn time<T>(
    what: impl Display,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, String> {
    let start = Instant::now();
    let done = work.await.map_err(|error| error.detail)?;
    println!("{what}: {:.1?}", start.elapsed());
    Ok(done)
}

async fn page(app: &Arc<App>, what: &str, id: CampaignId, query: RowQuery) -> Result<(), String> {
    let ask = |cursor: Option<String>| {
        let query = query.clone();
        async move {
            let page = PageRequest::new(Some(100), cursor.as_deref())?;
            rows(app, id, query, page).await
        }
    };
    let first: RowPage = time(format!("{what}, first page"), ask(None)).await?;
    if first.next_cursor.is_some() {
        time(format!("{what}, second page"), ask(first.next_cursor)).await?;
    }
    Ok(())
}

async fn measure(
    app: &Arc<App>,
    wide: CampaignId,
    deep: CampaignId,
    host: HostId,
) -> Result<(), String> {
    for _ in 0..2 {
        time("course over time, 100,000 answers", history::completion(app, wide, None)).await?;
        let page = PageRequest { limit: 50, after: None };
        time("campaigns of a host in two of 5,002", history::of_host(app, host, page)).await?;
        let all = Target::All {};
        time("target of 100,000 hosts", targets::count(app, &all)).await?;
        time("schema", schema::read(app)).await?;
    }
    for (shape, id) in [("100,000 x 10 rows", wide), ("20 x 50,000 rows", deep)] {
        let by = |column: &str| RowQuery { sort: Some(column.to_owned()), ..RowQuery::default() };
        let with =
            |text: &str| RowQuery { conditions: vec![text.to_owned()], ..RowQuery::default() };
        page(app, &format!("{shape}, as stored"), id, RowQuery::default()).await?;
        page(app, &format!("{shape}, by number"), id, by("size")).await?;
        page(app, &format!("{shape}, by text"), id, by("path")).await?;
        page(app, &format!("{shape}, by host"), id, by("_hostname")).await?;
        page(app, &format!("{shape}, a rare text"), id, with("path:nowhere")).await?;
        let rare = RowQuery { contains: Some("nowhere".to_owned()), ..by("size") };
        page(app, &format!("{shape}, by number, a rare text"), id, rare).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let postgres = std::env::args().any(|argument| argument == "postgres");
    let engine = if postgres { Engine::Postgres } else { Engine::Sqlite };
    let prepared = tokio::task::spawn_blocking(move || {
        let test = TestDb::migrated(engine);
        let clock = Clock::system();
        let now = clock.now().plus_minutes(-60);
        let made = clock.clone();
        test.db().write(move |tx| given_hosts(tx, &made))?;
        let nos = test.db().read(mimir_store::hosts::living_nos)?;
        let (made, all) = (clock.clone(), nos.clone());
        let (wide, deep) = test.db().write(move |tx| {
            let (no, wide) = launched(tx, &made, &all, now)?;
            answered(tx, no, &all, 10, now)?;
            let (no, deep) = launched(tx, &made, &all[..20], now)?;
            answered(tx, no, &all[..20], 50_000, now)?;
            for _ in 0..CAMPAIGNS {
                launched(tx, &made, &all[30..31], now)?;
            }
            Ok::<_, DbError>((wide, deep))
        })?;
        let first = nos[0];
        let host = test.db().read(move |tx| mimir_store::hosts::brief_by_no(tx, first))?;
        let app = App::open(test.db().clone(), clock, AppConfig::default())?;
        Ok::<_, DbError>((test, app, wide, deep, host))
    });
    let (test, app, wide, deep, host) = prepared.await??;
    let host = host.ok_or("the host is there")?.id;
    measure(&app, wide, deep, host).await?;
    drop((app, test));
    Ok(())
}
