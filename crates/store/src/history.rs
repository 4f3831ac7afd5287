// SPDX-License-Identifier: Apache-2.0
//! The ledger read along time: the campaigns of one host, newest first, and how the answers of one
//! campaign came in.
//!
//! The ledger is keyed by campaign and host, so a host's campaigns have no index of their own: it
//! would cost every launch as many entries as it has hosts. Instead campaigns are walked, newest
//! first, and the host is looked up in each by the ledger's key.

use mimir_engine::campaign::ledger::AssignmentLedger;
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{CampaignKind, CampaignStatus};
use mimir_wire::ids::CampaignId;

use crate::assignments::ledger_of;
use crate::db::{Column, Row, Tx};
use crate::{Result, statements, values};

/// A campaign in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignBrief {
    /// Its number inside the server.
    pub no: i64,
    /// Its id.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What its payload is.
    pub kind: CampaignKind,
    /// Where it stands.
    pub status: CampaignStatus,
    /// When it was launched.
    pub created_at: Timestamp,
    /// When its live window closes.
    pub live_until: Timestamp,
}

/// Hosts that became `responded` within one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// The span's number, from 0.
    pub bucket: i64,
    /// Hosts.
    pub responded: u64,
    /// Those of them whose answer was late.
    pub late: u64,
}

statements! {
    BRIEFS_BEFORE = "select no, id, name, kind, status, created_at, live_until from campaign \
        where no < $1 order by no desc limit $2";
    ANSWERS_OVER_TIME = "select (responded_at - $2) / $3, count(*), count(case when late then 1 end) \
        from assignment where campaign_no = $1 and state = 'responded' group by 1 order by 1";
    LAST_RESPONSE = "select received_at from response where campaign_no = $1 \
        order by seq desc limit 1";
}

fn brief(row: &Row) -> Result<CampaignBrief> {
    Ok(CampaignBrief {
        no: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        status: row.get(4)?,
        created_at: row.get(5)?,
        live_until: row.get(6)?,
    })
}

/// Campaigns in brief, newest first, before number `before`.
///
/// # Errors
/// When the database fails.
pub fn briefs_before(tx: &mut Tx<'_>, before: i64, limit: u64) -> Result<Vec<CampaignBrief>> {
    tx.query(BRIEFS_BEFORE, &values![before, limit])?.iter().map(brief).collect()
}

/// The host's assignment in each of these campaigns that has one: the campaign's number and the
/// assignment, in the order of `campaign_nos`.
///
/// # Errors
/// When the database fails.
pub fn assignments_of_host(
    tx: &mut Tx<'_>,
    host_no: i64,
    campaign_nos: &[i64],
) -> Result<Vec<(i64, AssignmentLedger)>> {
    const COLUMNS: [&str; 14] = [
        "state",
        "outcome",
        "late",
        "attempts",
        "offered_at",
        "responded_at",
        "parts_answered",
        "row_count",
        "stored_rows",
        "truncated",
        "error",
        "reason",
        "state_changed_at",
        "campaign_no",
    ];
    let keys: Vec<_> = campaign_nos.iter().map(|no| values![*no, host_no].to_vec()).collect();
    let key = [Column::int("campaign_no"), Column::int("host_no")];
    let rows = tx.select_many("assignment", &key, &COLUMNS, &keys)?;
    rows.iter().map(|row| Ok((row.get(13)?, ledger_of(row, 0)?))).collect()
}

/// How many hosts became `responded` in each span of `width_us` microseconds from `from` on; spans
/// in which none did are left out. A host that answered before `from` has a negative span.
///
/// # Errors
/// When the database fails.
pub fn answers_over_time(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    from: Timestamp,
    width_us: i64,
) -> Result<Vec<Answers>> {
    let rows = tx.query(ANSWERS_OVER_TIME, &values![campaign_no, from, width_us])?;
    let answers =
        |row: &Row| Ok(Answers { bucket: row.get(0)?, responded: row.get(1)?, late: row.get(2)? });
    rows.iter().map(answers).collect()
}

/// When the last response of a campaign was committed.
///
/// # Errors
/// When the database fails.
pub fn last_response(tx: &mut Tx<'_>, campaign_no: i64) -> Result<Option<Timestamp>> {
    tx.query_opt(LAST_RESPONSE, &values![campaign_no])?.map(|row| row.get(0)).transpose()
}
