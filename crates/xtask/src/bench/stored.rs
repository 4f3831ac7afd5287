// SPDX-License-Identifier: Apache-2.0
//! Campaigns and answers written into a database directly, by the store's own functions: what
//! measurements of reading begin with.

use mimir_engine::campaign::ledger::CampaignLedger;
use mimir_engine::campaign::spec;
use mimir_server::rows::Chunk;
use mimir_store::Db;
use mimir_store::campaigns::{NewCampaign, insert};
use mimir_store::ledger::{Happened, Item, NewAnswer, NewChunk, apply};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{CampaignKind, Outcome};
use mimir_wire::api::target::Target;
use mimir_wire::api::user::UserRef;
use mimir_wire::ids::{CampaignId, UserId};

/// When everything here happened.
pub const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);
/// The columns of the rows in `data`.
const COLUMNS: &str = r#"["pid","name","path","cmdline","cwd","uid","resident_size","start_time"]"#;
const SQL: &str = "SELECT pid, name, path, cmdline FROM processes";

/// The id of the `n`th campaign made here.
pub fn campaign_id(n: u64) -> anyhow::Result<CampaignId> {
    Ok(serde_json::from_value(format!("01950000-0000-7000-8000-{n:012x}").into())?)
}

/// Launches the `n`th campaign on the hosts 1 to `hosts`; answers its number.
pub fn campaign(db: &Db, n: u64, hosts: u64) -> anyhow::Result<i64> {
    let user: UserId = serde_json::from_value("01960000-0000-7000-8000-000000000001".into())?;
    let payload = spec::canonical(CampaignKind::Osquery, &[SQL]);
    let new = NewCampaign {
        id: campaign_id(n)?,
        name: format!("bench {n}"),
        kind: CampaignKind::Osquery,
        created_at: NOW,
        created_by: UserRef { id: user, username: "bench".to_owned() },
        target: Target::All {},
        multi_host: true,
        live_window_minutes: 10,
        parts: vec![SQL.to_owned()],
        spec_sha256: spec::sha256_hex(&payload),
        spec: payload,
        host_row_cap: 1_000_000_000,
        host_byte_cap: 1 << 40,
        warnings: Vec::new(),
        ledger: CampaignLedger::new(hosts, 1, NOW.plus_minutes(10), 1_000_000_000),
    };
    let nos: Vec<i64> = (1..=i64::try_from(hosts)?).collect();
    Ok(db.write(move |tx| insert(tx, &new, &nos))?)
}

/// A host's answer with these rows.
pub fn answer(campaign_no: i64, host: u64, rows: u64, chunks: Vec<Chunk>) -> Item {
    let chunk = |chunk: Chunk| NewChunk {
        first_row: chunk.first_row,
        row_count: u64::from(chunk.row_count),
        data: chunk.data,
    };
    let answer = NewAnswer {
        part: 0,
        outcome: Outcome::Rows,
        row_count: rows,
        error: None,
        stats: None,
        columns: COLUMNS.to_owned(),
        chunks: chunks.into_iter().map(chunk).collect(),
        attempts: 1,
        offered_at: None,
    };
    let host_no = i64::try_from(host).unwrap_or(i64::MAX);
    Item { campaign_no, host_no, happened: Happened::Answer(answer) }
}

/// Stores answers in one transaction.
pub fn store(db: &Db, items: Vec<Item>) -> anyhow::Result<()> {
    db.write(move |tx| apply(tx, &items, NOW).map(drop))?;
    Ok(())
}
