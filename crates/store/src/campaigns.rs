// SPDX-License-Identifier: Apache-2.0
//! Campaigns and their frozen payloads. The counters live in the campaign's row and change in the
//! same transaction as the ledger (I6); `revision` changes with every change a watcher may see.

use mimir_engine::campaign::ledger::{BulkMove, CampaignLedger};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{
    AssignmentState, CampaignKind, CampaignStatus, Coverage, StopCode,
};
use mimir_wire::api::target::Target;
use mimir_wire::api::user::UserRef;
use mimir_wire::ids::{CampaignId, HostId, UserId};

use crate::db::{Column, Row, Tx, Value};
use crate::words::Json;
use crate::{Result, contains_pattern, statements, values};

/// A campaign as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRecord {
    /// Its number inside the server.
    pub no: i64,
    /// Its id.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What its payload is.
    pub kind: CampaignKind,
    /// What the stop was explained with.
    pub stop_reason: Option<String>,
    /// Who stopped it.
    pub stopped_by: Option<UserRef>,
    /// When it was launched.
    pub created_at: Timestamp,
    /// Who launched it.
    pub created_by: UserRef,
    /// Whom it asks.
    pub target: Target,
    /// Whether the deny-list applies.
    pub multi_host: bool,
    /// Minutes of its live window.
    pub live_window_minutes: u64,
    /// Canonical form of its payload.
    pub spec: String,
    /// SHA-256 of it, hex.
    pub spec_sha256: String,
    /// Rows kept of each host.
    pub host_row_cap: u64,
    /// Bytes kept of each host.
    pub host_byte_cap: u64,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// Whether its raw rows were dropped.
    pub rows_dropped: bool,
    /// Changes with every change.
    pub revision: i64,
    /// Responses stored so far: the next one's sequence.
    pub next_seq: i64,
    /// What the rules need, counters included.
    pub ledger: CampaignLedger,
}

/// A campaign to insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCampaign {
    /// Its id.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What its payload is.
    pub kind: CampaignKind,
    /// When it is launched.
    pub created_at: Timestamp,
    /// Who launches it.
    pub created_by: UserRef,
    /// Whom it asks.
    pub target: Target,
    /// Whether the deny-list applies.
    pub multi_host: bool,
    /// Minutes of its live window.
    pub live_window_minutes: u64,
    /// Its queries.
    pub parts: Vec<String>,
    /// Canonical form of its payload.
    pub spec: String,
    /// SHA-256 of it, hex.
    pub spec_sha256: String,
    /// Rows kept of each host.
    pub host_row_cap: u64,
    /// Bytes kept of each host.
    pub host_byte_cap: u64,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// The ledger as the engine opened it.
    pub ledger: CampaignLedger,
}

/// Which campaigns to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The status; all but archived ones when absent.
    pub status: Option<CampaignStatus>,
    /// The kind.
    pub kind: Option<CampaignKind>,
    /// Part of the name or of the launching user's name.
    pub q: Option<String>,
    /// Who launched it.
    pub created_by: Option<UserId>,
}

/// The columns of [`record`], in its order.
macro_rules! columns {
    () => {
        "no, id, name, kind, status, stop_code, stop_reason, stopped_at, stopped_by, \
        stopped_by_name, discard_in_flight, stop_grace_minutes, created_at, created_by, \
        created_by_name, target, multi_host, live_window_minutes, live_until, parts, spec, \
        spec_sha256, host_row_cap, host_byte_cap, aggregate_row_cap, warnings, rows_dropped, \
        revision, next_seq, targeted, responded, pending, offered, late, lost, cancelled, \
        blocked, rejected, with_rows, empty, errors, denylisted, truncated, rows_stored, \
        rows_reported"
    };
}

statements! {
    LAUNCH_LOCK = "update launch_lock set launches = launches + 1 where id = 1 returning launches";
    SLOT_HOLDERS = "select id, name, live_until, created_by from campaign \
        where status = 'active' and live_until > $1 order by live_until";
    INSERT = "insert into campaign (id, name, kind, status, discard_in_flight, \
        stop_grace_minutes, created_at, created_by, created_by_name, target, multi_host, \
        live_window_minutes, live_until, parts, spec, spec_sha256, host_row_cap, host_byte_cap, \
        aggregate_row_cap, warnings, rows_dropped, revision, next_seq, targeted, responded, \
        pending, offered, late, lost, cancelled, blocked, rejected, with_rows, empty, errors, \
        denylisted, truncated, rows_stored, rows_reported) values ($1, $2, $3, $4, $5, 0, $6, $7, \
        $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $5, 1, 0, $20, 0, $20, 0, 0, 0, \
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0) returning no";
    INSERT_PART = "insert into campaign_part (campaign_no, part, sql) values ($1, $2, $3)";
    PARTS = "select sql from campaign_part where campaign_no = $1 order by part";
    BY_ID = concat!("select ", columns!(), " from campaign where id = $1");
    BY_NO = concat!("select ", columns!(), " from campaign where no = $1");
    LOCK = concat!("update campaign set revision = revision + 1 where no = $1 returning ",
        columns!());
    LIST = concat!("select ", columns!(), " from campaign where no < $1 \
        and ((cast($2 as text) is null and status <> 'archived') or status = $2) \
        and (cast($3 as text) is null or kind = $3) \
        and (cast($4 as text) is null or lower(name) like $4 escape '\\' \
            or lower(created_by_name) like $4 escape '\\') \
        and (cast($5 as text) is null or created_by = $5) order by no desc limit $6");
    LIST_COUNT = "select count(*) from campaign \
        where ((cast($1 as text) is null and status <> 'archived') or status = $1) \
        and (cast($2 as text) is null or kind = $2) \
        and (cast($3 as text) is null or lower(name) like $3 escape '\\' \
            or lower(created_by_name) like $3 escape '\\') \
        and (cast($4 as text) is null or created_by = $4)";
    WITH_WORK = concat!("select ", columns!(), " from campaign where status <> 'archived' \
        and (status = 'active' or offered > 0) order by no");
    REVISIONS = "select no, revision from campaign where status = 'active' order by no";
    UPDATE_LEDGER = "update campaign set status = $2, stop_code = $3, stopped_at = $4, \
        discard_in_flight = $5, stop_grace_minutes = $6, next_seq = $7, responded = $8, \
        pending = $9, offered = $10, late = $11, lost = $12, cancelled = $13, blocked = $14, \
        rejected = $15, with_rows = $16, empty = $17, errors = $18, denylisted = $19, \
        truncated = $20, rows_stored = $21, rows_reported = $22 where no = $1";
    SET_STOPPED_BY = "update campaign set stop_reason = $2, stopped_by = $3, \
        stopped_by_name = $4 where no = $1";
    SET_STATUS = "update campaign set status = $2 where no = $1";
    SET_ROWS_DROPPED = "update campaign set rows_dropped = $2 where no = $1";
    CANCEL_PENDING = "update assignment set state = 'cancelled', reason = $2, \
        state_changed_at = $3 where campaign_no = $1 and state = 'pending'";
    CANCEL_OFFERED = "update assignment set state = 'cancelled', reason = $2, \
        state_changed_at = $3 where campaign_no = $1 and state = 'offered'";
    IN_GRACE = "select no from campaign where status <> 'active' and offered > 0 order by no";
    ACTIVE_SUMS = "select count(*), cast(coalesce(sum(pending + offered), 0) as bigint) \
        from campaign where status = 'active'";
}

fn user_ref(row: &Row, id: usize, name: usize) -> Result<Option<UserRef>> {
    let id: Option<UserId> = row.get(id)?;
    let username: Option<String> = row.get(name)?;
    Ok(id.zip(username).map(|(id, username)| UserRef { id, username }))
}

fn coverage(row: &Row, first: usize) -> Result<Coverage> {
    let count = |n: usize| row.get::<u64>(first + n);
    Ok(Coverage {
        targeted: count(0)?,
        responded: count(1)?,
        pending: count(2)?,
        offered: count(3)?,
        late: count(4)?,
        lost: count(5)?,
        cancelled: count(6)?,
        blocked: count(7)?,
        rejected: count(8)?,
        with_rows: count(9)?,
        empty: count(10)?,
        errors: count(11)?,
        denylisted: count(12)?,
        truncated: count(13)?,
        rows_stored: count(14)?,
        rows_reported: count(15)?,
    })
}

fn ledger(row: &Row) -> Result<CampaignLedger> {
    Ok(CampaignLedger {
        status: row.get::<CampaignStatus>(4)?,
        stop_code: row.get::<Option<StopCode>>(5)?,
        stopped_at: row.get(7)?,
        discard_in_flight: row.get(10)?,
        stop_grace_minutes: row.get(11)?,
        live_until: row.get(18)?,
        parts: row.get(19)?,
        aggregate_row_cap: row.get(24)?,
        coverage: coverage(row, 29)?,
    })
}

fn record(row: &Row) -> Result<CampaignRecord> {
    Ok(CampaignRecord {
        no: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        stop_reason: row.get(6)?,
        stopped_by: user_ref(row, 8, 9)?,
        created_at: row.get(12)?,
        created_by: UserRef { id: row.get(13)?, username: row.get(14)? },
        target: row.get::<Json<Target>>(15)?.0,
        multi_host: row.get(16)?,
        live_window_minutes: row.get(17)?,
        spec: row.get(20)?,
        spec_sha256: row.get(21)?,
        host_row_cap: row.get(22)?,
        host_byte_cap: row.get(23)?,
        warnings: row.get::<Json<Vec<String>>>(25)?.0,
        rows_dropped: row.get(26)?,
        revision: row.get(27)?,
        next_seq: row.get(28)?,
        ledger: ledger(row)?,
    })
}

/// Takes the launch lock and answers who holds concurrency slots now.
///
/// # Errors
/// When the database fails.
pub fn lock_slots(
    tx: &mut Tx<'_>,
    now: Timestamp,
) -> Result<Vec<mimir_engine::campaign::slots::Holder>> {
    tx.query_one(LAUNCH_LOCK, &[])?;
    let holder = |row: &Row| {
        Ok(mimir_engine::campaign::slots::Holder {
            id: row.get(0)?,
            name: row.get(1)?,
            live_until: row.get(2)?,
            user: row.get(3)?,
        })
    };
    tx.query(SLOT_HOLDERS, &values![now])?.iter().map(holder).collect()
}

/// Writes a campaign, its payload and its ledger: one assignment a host. Answers its number.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut Tx<'_>, new: &NewCampaign, host_nos: &[i64]) -> Result<i64> {
    let ledger = &new.ledger;
    assert_eq!(
        ledger.coverage.targeted,
        u64::try_from(host_nos.len()).unwrap_or(u64::MAX),
        "I1: one assignment a targeted host"
    );
    let row = tx.query_one(
        INSERT,
        &values![
            new.id,
            new.name.as_str(),
            new.kind,
            ledger.status,
            false,
            new.created_at,
            new.created_by.id,
            new.created_by.username.as_str(),
            &Json(&new.target),
            new.multi_host,
            new.live_window_minutes,
            ledger.live_until,
            ledger.parts,
            new.spec.as_str(),
            new.spec_sha256.as_str(),
            new.host_row_cap,
            new.host_byte_cap,
            ledger.aggregate_row_cap,
            &Json(&new.warnings),
            ledger.coverage.targeted
        ],
    )?;
    let no: i64 = row.get(0)?;
    for (part, sql) in (0_i64..).zip(&new.parts) {
        tx.execute_one(INSERT_PART, &values![no, part, sql.as_str()])?;
    }
    insert_assignments(tx, no, host_nos, new.created_at)?;
    Ok(no)
}

fn insert_assignments(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    host_nos: &[i64],
    now: Timestamp,
) -> Result<()> {
    const COLUMNS: [Column; 10] = [
        Column::int("campaign_no"),
        Column::int("host_no"),
        Column::text("state"),
        Column::bool("late"),
        Column::int("attempts"),
        Column::int("parts_answered"),
        Column::int("row_count"),
        Column::int("stored_rows"),
        Column::bool("truncated"),
        Column::int("state_changed_at"),
    ];
    let pending = AssignmentState::Pending;
    let row = |host_no: &i64| -> Vec<Value> {
        values![campaign_no, *host_no, pending, false, 0, 0, 0, 0, false, now].to_vec()
    };
    // In slices, so that the rows of a large fleet are never all in memory twice.
    for slice in host_nos.chunks(10_000) {
        let rows: Vec<_> = slice.iter().map(row).collect();
        tx.insert_many("assignment", &COLUMNS, &rows)?;
    }
    Ok(())
}

/// The numbers of these hosts, `None` for an id that is unknown or decommissioned; in order.
///
/// # Errors
/// When the database fails.
pub fn resolve_hosts(tx: &mut Tx<'_>, ids: &[HostId]) -> Result<Vec<Option<i64>>> {
    let keys: Vec<_> = ids.iter().map(|id| values![*id].to_vec()).collect();
    let rows =
        tx.select_many("host", &[Column::text("id")], &["id", "no", "decommissioned_at"], &keys)?;
    let mut found = std::collections::HashMap::with_capacity(rows.len());
    for row in rows {
        if row.get::<Option<i64>>(2)?.is_none() {
            found.insert(row.get::<HostId>(0)?, row.get::<i64>(1)?);
        }
    }
    Ok(ids.iter().map(|id| found.get(id).copied()).collect())
}

/// A campaign's queries, in order of part.
///
/// # Errors
/// When the database fails.
pub fn parts(tx: &mut Tx<'_>, no: i64) -> Result<Vec<String>> {
    tx.query(PARTS, &values![no])?.iter().map(|row| row.get(0)).collect()
}

/// The campaign of this id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut Tx<'_>, id: CampaignId) -> Result<Option<CampaignRecord>> {
    tx.query_opt(BY_ID, &values![id])?.as_ref().map(record).transpose()
}

/// The campaign of this number.
///
/// # Errors
/// When the database fails.
pub fn by_no(tx: &mut Tx<'_>, no: i64) -> Result<Option<CampaignRecord>> {
    tx.query_opt(BY_NO, &values![no])?.as_ref().map(record).transpose()
}

/// The campaign of this number, locked until the transaction ends: counters read here cannot
/// change under the caller on any replica. Its revision goes up.
///
/// # Errors
/// When the database fails.
pub fn lock(tx: &mut Tx<'_>, no: i64) -> Result<Option<CampaignRecord>> {
    tx.query_opt(LOCK, &values![no])?.as_ref().map(record).transpose()
}

/// Stores what the rules changed of a locked campaign.
///
/// # Errors
/// When the campaign is missing or the database fails.
pub fn update_ledger(
    tx: &mut Tx<'_>,
    no: i64,
    ledger: &CampaignLedger,
    next_seq: i64,
) -> Result<()> {
    ledger.assert_counts();
    let c = &ledger.coverage;
    tx.execute_one(
        UPDATE_LEDGER,
        &values![
            no,
            ledger.status,
            ledger.stop_code,
            ledger.stopped_at,
            ledger.discard_in_flight,
            ledger.stop_grace_minutes,
            next_seq,
            c.responded,
            c.pending,
            c.offered,
            c.late,
            c.lost,
            c.cancelled,
            c.blocked,
            c.rejected,
            c.with_rows,
            c.empty,
            c.errors,
            c.denylisted,
            c.truncated,
            c.rows_stored,
            c.rows_reported
        ],
    )
}

/// Carries out a bulk move of a locked campaign's assignments.
///
/// # Errors
/// When the database fails.
pub fn bulk_move(tx: &mut Tx<'_>, no: i64, bulk: &BulkMove, now: Timestamp) -> Result<u64> {
    let mut moved = 0;
    for state in bulk.from {
        let sql = match state {
            AssignmentState::Pending => CANCEL_PENDING,
            AssignmentState::Offered => CANCEL_OFFERED,
            other => unreachable!("no bulk move leaves {other}"),
        };
        moved += tx.execute(sql, &values![no, bulk.reason, now])?;
    }
    Ok(moved)
}

/// Stores who stopped a campaign and why.
///
/// # Errors
/// When the campaign is missing or the database fails.
pub fn set_stopped_by(
    tx: &mut Tx<'_>,
    no: i64,
    reason: Option<&str>,
    by: Option<&UserRef>,
) -> Result<()> {
    let (id, name) = (by.map(|by| by.id), by.map(|by| by.username.as_str()));
    tx.execute_one(SET_STOPPED_BY, &values![no, reason, id, name])
}

/// Stores a status.
///
/// # Errors
/// When the campaign is missing or the database fails.
pub fn set_status(tx: &mut Tx<'_>, no: i64, status: CampaignStatus) -> Result<()> {
    tx.execute_one(SET_STATUS, &values![no, status])
}

/// Notes that the raw rows were dropped.
///
/// # Errors
/// When the campaign is missing or the database fails.
pub fn set_rows_dropped(tx: &mut Tx<'_>, no: i64) -> Result<()> {
    tx.execute_one(SET_ROWS_DROPPED, &values![no, true])
}

/// Campaigns, newest first, older than number `before`.
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<CampaignRecord>> {
    let q = filter.q.as_deref().map(contains_pattern);
    let Filter { status, kind, created_by, .. } = *filter;
    let params = values![before.unwrap_or(i64::MAX), status, kind, q, created_by, limit];
    tx.query(LIST, &params)?.iter().map(record).collect()
}

/// How many campaigns the filter finds.
///
/// # Errors
/// When the database fails.
pub fn list_count(tx: &mut Tx<'_>, filter: &Filter) -> Result<u64> {
    let q = filter.q.as_deref().map(contains_pattern);
    tx.query_one(LIST_COUNT, &values![filter.status, filter.kind, q, filter.created_by])?.get(0)
}

/// Campaigns for which hosts may still be offered work or may still answer in time.
///
/// # Errors
/// When the database fails.
pub fn with_work(tx: &mut Tx<'_>) -> Result<Vec<CampaignRecord>> {
    tx.query(WITH_WORK, &[])?.iter().map(record).collect()
}

/// Number and revision of every active campaign.
///
/// # Errors
/// When the database fails.
pub fn revisions(tx: &mut Tx<'_>) -> Result<Vec<(i64, i64)>> {
    tx.query(REVISIONS, &[])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Numbers of stopped campaigns that still wait for offered hosts.
///
/// # Errors
/// When the database fails.
pub fn in_grace(tx: &mut Tx<'_>) -> Result<Vec<i64>> {
    tx.query(IN_GRACE, &[])?.iter().map(|row| row.get(0)).collect()
}

/// Active campaigns, and their assignments that are pending or offered.
///
/// # Errors
/// When the database fails.
pub fn active_sums(tx: &mut Tx<'_>) -> Result<(u64, u64)> {
    let row = tx.query_one(ACTIVE_SUMS, &[])?;
    Ok((row.get(0)?, row.get(1)?))
}
