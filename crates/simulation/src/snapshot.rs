// SPDX-License-Identifier: Apache-2.0
//! What is in the database, read with statements of this crate's own: the code under test has no
//! part in it. Nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};

use mimir_store::db::{Db, Row, Value};
use mimir_store::{DbError, Tx};
use mimir_wire::Timestamp;

/// A campaign's number, a host's number, a part.
pub type Key = (i64, i64, u32);

/// One state of the database, as far as the invariants speak of it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Version of the last change that replicas must learn of.
    pub head: i64,
    /// Campaigns by number.
    pub campaigns: BTreeMap<i64, Campaign>,
    /// Numbers of hosts that are not decommissioned.
    pub living: BTreeSet<i64>,
}

/// A campaign with its ledger and its responses.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its id, as the API says it.
    pub id: String,
    /// `active`, `stopped`, `archived`.
    pub status: String,
    /// What stopped it.
    pub stop_code: Option<String>,
    /// When it was stopped.
    pub stopped_at: Option<Timestamp>,
    /// Whether that stop throws answers away.
    pub discard: bool,
    /// Minutes for which answers are taken after a stop.
    pub grace_minutes: i64,
    /// End of the live window.
    pub live_until: Timestamp,
    /// The canonical form of what it asks.
    pub spec: String,
    /// Its hash.
    pub spec_sha256: String,
    /// The queries.
    pub parts: Vec<String>,
    /// Rows kept of each host.
    pub host_row_cap: i64,
    /// Rows at which it stops itself.
    pub aggregate_row_cap: i64,
    /// Whether its rows were dropped.
    pub rows_dropped: bool,
    /// The counters, by the names of the API.
    pub counters: BTreeMap<&'static str, i64>,
    /// The ledger, by host.
    pub ledger: BTreeMap<i64, Assignment>,
    /// Responses, by host and part; a list, so that two of one key are seen.
    pub responses: BTreeMap<(i64, u32), Vec<Response>>,
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its state.
    pub state: String,
    /// Why the server ended it.
    pub reason: Option<String>,
    /// What was answered.
    pub outcome: Option<String>,
    /// Whether an answer was late.
    pub late: bool,
    /// Offers noted.
    pub attempts: i64,
    /// Rows reported.
    pub row_count: i64,
    /// Rows stored.
    pub stored_rows: i64,
    /// Whether rows were cut.
    pub truncated: bool,
}

/// First row, rows and bytes of a chunk.
pub type Chunk = (i64, i64, i64);

/// A stored response, without its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its place in the order of commits.
    pub seq: i64,
    /// When it was committed.
    pub received_at: Timestamp,
    /// Whether that was late.
    pub late: bool,
    /// What it was.
    pub outcome: String,
    /// Rows reported.
    pub row_count: i64,
    /// Rows stored.
    pub stored_rows: i64,
    /// Whether rows were cut.
    pub truncated: bool,
    /// The host's message.
    pub error: Option<String>,
    /// First row, rows and bytes of its chunks, in order.
    pub chunks: Vec<Chunk>,
}

/// The counters of a campaign, by the names that column and API share.
pub const COUNTERS: [&str; 16] = [
    "targeted",
    "responded",
    "pending",
    "offered",
    "late",
    "lost",
    "cancelled",
    "blocked",
    "rejected",
    "with_rows",
    "empty",
    "errors",
    "denylisted",
    "truncated",
    "rows_stored",
    "rows_reported",
];

const CAMPAIGN_COLUMNS: &str = "no, id, status, stop_code, stopped_at, discard_in_flight, \
    stop_grace_minutes, live_until, spec, spec_sha256, host_row_cap, aggregate_row_cap, \
    rows_dropped";

impl Snapshot {
    /// Reads everything in one transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(db: &Db) -> Result<Self, DbError> {
        db.read(|tx| {
            let mut snapshot = Self {
                head: tx.query_one("select version from change_head", &[])?.get(0)?,
                ..Self::default()
            };
            for row in tx.query("select no from host where decommissioned_at is null", &[])? {
                snapshot.living.insert(row.get(0)?);
            }
            campaigns(tx, &mut snapshot)?;
            ledger(tx, &mut snapshot)?;
            responses(tx, &mut snapshot)?;
            Ok(snapshot)
        })
    }

    /// The response of this key, if there is exactly one or more.
    pub fn response(&self, (campaign, host, part): Key) -> Option<&Response> {
        self.campaigns.get(&campaign)?.responses.get(&(host, part))?.first()
    }

    /// The row of the ledger.
    pub fn assignment(&self, campaign: i64, host: i64) -> Option<&Assignment> {
        self.campaigns.get(&campaign)?.ledger.get(&host)
    }
}

impl Campaign {
    /// Parts that a host is asked.
    pub fn asked(&self, _host: i64) -> impl Iterator<Item = u32> + '_ {
        0..u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// A counter by its name.
    pub fn counter(&self, name: &str) -> i64 {
        self.counters.get(name).copied().unwrap_or_default()
    }
}

fn campaigns(tx: &mut Tx<'_>, snapshot: &mut Snapshot) -> Result<(), DbError> {
    let sql =
        format!("select {CAMPAIGN_COLUMNS}, {} from campaign order by no", COUNTERS.join(", "));
    let first_counter = CAMPAIGN_COLUMNS.split(',').count();
    for row in tx.query(&sql, &[])? {
        let mut counters = BTreeMap::new();
        for (at, name) in COUNTERS.into_iter().enumerate() {
            counters.insert(name, row.get(first_counter + at)?);
        }
        snapshot.campaigns.insert(row.get(0)?, campaign(&row, counters)?);
    }
    let sql = "select campaign_no, sql from campaign_part order by campaign_no, part";
    for row in tx.query(sql, &[])? {
        if let Some(campaign) = snapshot.campaigns.get_mut(&row.get(0)?) {
            campaign.parts.push(row.get(1)?);
        }
    }
    Ok(())
}

fn campaign(row: &Row, counters: BTreeMap<&'static str, i64>) -> Result<Campaign, DbError> {
    Ok(Campaign {
        id: row.get(1)?,
        status: row.get(2)?,
        stop_code: row.get(3)?,
        stopped_at: row.get(4)?,
        discard: row.get(5)?,
        grace_minutes: row.get(6)?,
        live_until: row.get(7)?,
        spec: row.get(8)?,
        spec_sha256: row.get(9)?,
        host_row_cap: row.get(10)?,
        aggregate_row_cap: row.get(11)?,
        rows_dropped: row.get(12)?,
        parts: Vec::new(),
        counters,
        ledger: BTreeMap::new(),
        responses: BTreeMap::new(),
    })
}

fn ledger(tx: &mut Tx<'_>, snapshot: &mut Snapshot) -> Result<(), DbError> {
    let sql = "select campaign_no, host_no, state, reason, outcome, late, attempts, row_count, \
        stored_rows, truncated from assignment";
    for row in tx.query(sql, &[])? {
        let assignment = Assignment {
            state: row.get(2)?,
            reason: row.get(3)?,
            outcome: row.get(4)?,
            late: row.get(5)?,
            attempts: row.get(6)?,
            row_count: row.get(7)?,
            stored_rows: row.get(8)?,
            truncated: row.get(9)?,
        };
        if let Some(campaign) = snapshot.campaigns.get_mut(&row.get(0)?) {
            campaign.ledger.insert(row.get(1)?, assignment);
        }
    }
    Ok(())
}

fn responses(tx: &mut Tx<'_>, snapshot: &mut Snapshot) -> Result<(), DbError> {
    let mut chunks: BTreeMap<(i64, i64), Vec<Chunk>> = BTreeMap::new();
    let sql = "select campaign_no, seq, first_row, row_count, length(data) from response_chunk \
        order by campaign_no, seq, chunk";
    for row in tx.query(sql, &[])? {
        let chunk = (row.get(2)?, row.get(3)?, row.get(4)?);
        chunks.entry((row.get(0)?, row.get(1)?)).or_default().push(chunk);
    }
    let sql = "select campaign_no, host_no, part, seq, received_at, late, outcome, row_count, \
        stored_rows, truncated, error from response";
    for row in tx.query(sql, &[])? {
        let (no, seq) = (row.get(0)?, row.get(3)?);
        let response = Response {
            seq,
            received_at: row.get(4)?,
            late: row.get(5)?,
            outcome: row.get(6)?,
            row_count: row.get(7)?,
            stored_rows: row.get(8)?,
            truncated: row.get(9)?,
            error: row.get(10)?,
            chunks: chunks.remove(&(no, seq)).unwrap_or_default(),
        };
        if let Some(campaign) = snapshot.campaigns.get_mut(&no) {
            campaign.responses.entry((row.get(1)?, row.get(2)?)).or_default().push(response);
        }
    }
    Ok(())
}

/// The stored rows of a response, each as a line of JSON.
///
/// # Errors
/// When the database fails or a chunk is damaged.
pub fn rows(db: &Db, campaign: i64, seq: i64) -> anyhow::Result<Vec<String>> {
    let chunks = db.read(move |tx| {
        let sql = "select data from response_chunk where campaign_no = $1 and seq = $2 \
            order by chunk";
        let found = tx.query(sql, &[Value::from(campaign), Value::from(seq)])?;
        found.iter().map(|row| row.get::<Vec<u8>>(0)).collect::<Result<Vec<_>, DbError>>()
    })?;
    let mut lines = Vec::new();
    for chunk in chunks {
        let text = String::from_utf8(zstd::decode_all(chunk.as_slice())?)?;
        lines.extend(text.lines().map(str::to_owned));
    }
    Ok(lines)
}

/// The host that a node key belongs to, whether or not it is still valid.
///
/// # Errors
/// When the database fails.
pub fn host_of_key(db: &Db, key: &str) -> Result<Option<i64>, DbError> {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(key.as_bytes()).to_vec();
    db.read(move |tx| {
        let sql = "select host_no from node_key where key_hash = $1";
        tx.query_opt(sql, &[Value::from(hash.clone())])?.map(|row| row.get(0)).transpose()
    })
}
