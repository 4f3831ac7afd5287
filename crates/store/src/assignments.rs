// SPDX-License-Identifier: Apache-2.0
//! Reading the ledger: who answered, who is pending, and why.

use mimir_engine::campaign::ledger::AssignmentLedger;
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{AssignmentState, Coverage, Outcome};
use mimir_wire::ids::HostId;

use crate::db::{Column, Row, Tx, Value};
use crate::{Result, contains_pattern, statements, values};

/// A ledger row with its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentRecord {
    /// The host's number.
    pub host_no: i64,
    /// The host's id.
    pub host_id: HostId,
    /// The host's name.
    pub hostname: String,
    /// When the host was last heard of, to a few seconds.
    pub host_last_seen_at: Timestamp,
    /// Whether the host is cut off.
    pub host_decommissioned: bool,
    /// The assignment.
    pub ledger: AssignmentLedger,
}

/// Which assignments to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The states; any when empty.
    pub states: Vec<AssignmentState>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// Late ones only, or timely ones only.
    pub late: Option<bool>,
    /// Only those whose rows were cut, or only whole ones.
    pub truncated: Option<bool>,
    /// Part of the host's name.
    pub q: Option<String>,
}

/// The columns of [`ledger_of`], in its order.
macro_rules! columns {
    () => {
        "a.state, a.outcome, a.late, a.attempts, a.offered_at, a.responded_at, a.parts_answered, \
        a.row_count, a.stored_rows, a.truncated, a.error, a.reason, a.state_changed_at"
    };
}

/// What [`Filter`] finds; its parameters are those of [`filter_params`]. States are words without
/// wildcards, so a list of them between commas can be searched.
macro_rules! found {
    () => {
        "(cast($2 as text) is null or $2 like '%,' || a.state || ',%') \
        and (cast($3 as text) is null or a.outcome = $3) \
        and (cast($4 as boolean) is null or a.late = $4) \
        and (cast($5 as boolean) is null or a.truncated = $5) \
        and (cast($6 as text) is null or lower(h.hostname) like $6 escape '\\')"
    };
}

statements! {
    LIST = concat!("select ", columns!(), ", a.host_no, h.id, h.hostname, h.last_seen_at, \
        h.decommissioned_at is not null from assignment a join host h on h.no = a.host_no \
        where a.campaign_no = $1 and ", found!(), " \
        and (h.hostname, a.host_no) > ($7, $8) order by h.hostname, a.host_no limit $9");
    LIST_COUNT = concat!("select count(*) from assignment a join host h on h.no = a.host_no \
        where a.campaign_no = $1 and ", found!());
    PENDING = concat!("select ", columns!(), ", a.host_no, h.id, h.hostname, h.last_seen_at, \
        h.decommissioned_at is not null from assignment a join host h on h.no = a.host_no \
        where a.campaign_no = $1 and a.state in ('pending', 'offered') \
        and (cast($2 as text) is null or lower(h.hostname) like $2 escape '\\') \
        and (h.last_seen_at, a.host_no) > ($3, $4) \
        order by h.last_seen_at, a.host_no limit $5");
    PENDING_COUNT = "select count(*) from assignment a join host h on h.no = a.host_no \
        where a.campaign_no = $1 and a.state in ('pending', 'offered') \
        and (cast($2 as text) is null or lower(h.hostname) like $2 escape '\\')";
    OPEN_HOSTS = "select host_no, attempts, state from assignment where campaign_no = $1 \
        and state in ('pending', 'offered') order by host_no";
    OPEN_CAMPAIGNS_OF_HOST = "select a.campaign_no from campaign c join assignment a \
        on a.campaign_no = c.no and a.host_no = $1 \
        where (c.status = 'active' or c.offered > 0) and a.state in ('pending', 'offered') \
        order by a.campaign_no";
    COUNT_BY_STATE = "select state, count(*) from assignment where campaign_no = $1 group by state";
    COUNT_ANSWERS = "select count(case when late then 1 end), \
        count(case when outcome = 'rows' then 1 end), \
        count(case when outcome = 'empty' then 1 end), \
        count(case when outcome = 'error' then 1 end), \
        count(case when outcome = 'denylisted' then 1 end), \
        count(case when truncated then 1 end) \
        from assignment where campaign_no = $1 and state = 'responded'";
    COUNT_ROWS = "select cast(coalesce(sum(stored_rows), 0) as bigint), \
        cast(coalesce(sum(row_count), 0) as bigint) from response where campaign_no = $1";
}

pub(crate) fn ledger_of(row: &Row, first: usize) -> Result<AssignmentLedger> {
    Ok(AssignmentLedger {
        state: row.get(first)?,
        outcome: row.get(first + 1)?,
        late: row.get(first + 2)?,
        attempts: row.get(first + 3)?,
        offered_at: row.get(first + 4)?,
        responded_at: row.get(first + 5)?,
        parts_answered: row.get(first + 6)?,
        row_count: row.get(first + 7)?,
        stored_rows: row.get(first + 8)?,
        truncated: row.get(first + 9)?,
        error: row.get(first + 10)?,
        reason: row.get(first + 11)?,
        state_changed_at: row.get(first + 12)?,
    })
}

fn record(row: &Row) -> Result<AssignmentRecord> {
    Ok(AssignmentRecord {
        ledger: ledger_of(row, 0)?,
        host_no: row.get(13)?,
        host_id: row.get(14)?,
        hostname: row.get(15)?,
        host_last_seen_at: row.get(16)?,
        host_decommissioned: row.get(17)?,
    })
}

/// Assignments in order of host name, after the host `after` (name and number).
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    filter: &Filter,
    after: Option<(&str, i64)>,
    limit: u64,
) -> Result<Vec<AssignmentRecord>> {
    let (name, no) = after.unwrap_or(("", -1));
    let mut params = filter_params(campaign_no, filter).to_vec();
    params.extend(values![name, no, limit]);
    tx.query(LIST, &params)?.iter().map(record).collect()
}

/// How many assignments the filter finds.
///
/// # Errors
/// When the database fails.
pub fn list_count(tx: &mut Tx<'_>, campaign_no: i64, filter: &Filter) -> Result<u64> {
    tx.query_one(LIST_COUNT, &filter_params(campaign_no, filter))?.get(0)
}

fn filter_params(campaign_no: i64, filter: &Filter) -> [Value; 6] {
    let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    let states = (!states.is_empty()).then(|| format!(",{},", states.join(",")));
    let q = filter.q.as_deref().map(contains_pattern);
    values![campaign_no, states, filter.outcome, filter.late, filter.truncated, q]
}

/// Assignments that wait for an answer, oldest contact first, after (contact, number).
///
/// # Errors
/// When the database fails.
pub fn pending(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    q: Option<&str>,
    after: Option<(Timestamp, i64)>,
    limit: u64,
) -> Result<Vec<AssignmentRecord>> {
    let (seen, no) = after.unwrap_or((Timestamp::from_micros(i64::MIN), -1));
    let params = values![campaign_no, q.map(contains_pattern), seen, no, limit];
    tx.query(PENDING, &params)?.iter().map(record).collect()
}

/// How many assignments wait for an answer.
///
/// # Errors
/// When the database fails.
pub fn pending_count(tx: &mut Tx<'_>, campaign_no: i64, q: Option<&str>) -> Result<u64> {
    tx.query_one(PENDING_COUNT, &values![campaign_no, q.map(contains_pattern)])?.get(0)
}

/// Host number, attempts and state of every assignment that waits for an answer: what the fleet
/// picture is built from.
///
/// # Errors
/// When the database fails.
pub fn open_hosts(tx: &mut Tx<'_>, campaign_no: i64) -> Result<Vec<(i64, u32, AssignmentState)>> {
    tx.query(OPEN_HOSTS, &values![campaign_no])?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .collect()
}

/// Campaigns that wait for an answer of this host.
///
/// # Errors
/// When the database fails.
pub fn open_campaigns_of_host(tx: &mut Tx<'_>, host_no: i64) -> Result<Vec<i64>> {
    tx.query(OPEN_CAMPAIGNS_OF_HOST, &values![host_no])?.iter().map(|row| row.get(0)).collect()
}

/// One assignment each of `hosts` in a campaign: number, attempts, state.
///
/// # Errors
/// When the database fails.
pub fn of_host(
    tx: &mut Tx<'_>,
    campaign_nos: &[i64],
    host_no: i64,
) -> Result<Vec<(i64, u32, AssignmentState)>> {
    let keys: Vec<_> = campaign_nos.iter().map(|no| values![*no, host_no].to_vec()).collect();
    let rows = tx.select_many(
        "assignment",
        &[Column::int("campaign_no"), Column::int("host_no")],
        &["campaign_no", "attempts", "state"],
        &keys,
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

/// The counts derived from the ledger and the responses themselves (I6): what the campaign's own
/// counters must equal. For proofs and `mimir doctor`, never on a request's path.
///
/// # Errors
/// When the database fails.
pub fn derived_coverage(tx: &mut Tx<'_>, campaign_no: i64) -> Result<Coverage> {
    let mut c = Coverage::default();
    for row in tx.query(COUNT_BY_STATE, &values![campaign_no])? {
        let count: u64 = row.get(1)?;
        c.targeted += count;
        *match row.get(0)? {
            AssignmentState::Pending => &mut c.pending,
            AssignmentState::Offered => &mut c.offered,
            AssignmentState::Responded => &mut c.responded,
            AssignmentState::Lost => &mut c.lost,
            AssignmentState::Cancelled => &mut c.cancelled,
            AssignmentState::Blocked => &mut c.blocked,
            AssignmentState::Rejected => &mut c.rejected,
        } = count;
    }
    let row = tx.query_one(COUNT_ANSWERS, &values![campaign_no])?;
    (c.late, c.with_rows, c.empty) = (row.get(0)?, row.get(1)?, row.get(2)?);
    (c.errors, c.denylisted, c.truncated) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let row = tx.query_one(COUNT_ROWS, &values![campaign_no])?;
    (c.rows_stored, c.rows_reported) = (row.get(0)?, row.get(1)?);
    Ok(c)
}
