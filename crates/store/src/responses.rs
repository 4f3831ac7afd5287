// SPDX-License-Identifier: Apache-2.0
//! Reading responses and their rows. Rows are stored in compressed chunks; a page unpacks no more
//! chunks than it shows.

use mimir_wire::Timestamp;
use mimir_wire::api::campaign::Outcome;
use mimir_wire::ids::HostId;
use mimir_wire::osquery::QueryStats;

use crate::column_sets::Gathered;
use crate::db::{Row, Tx, Value};
use crate::words::Json;
use crate::{DbError, Result, contains_pattern, statements, values};

/// Sequences looked at in one step. A planner that knows nothing of a new campaign yet would sort
/// all of its responses for the first few.
const SEQ_WINDOW: i64 = 4096;

/// A response with its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRecord {
    /// Its place in the order of commits within the campaign.
    pub seq: i64,
    /// The host's number.
    pub host_no: i64,
    /// The host's id.
    pub host_id: HostId,
    /// The host's name.
    pub hostname: String,
    /// Which part it answers.
    pub part: u32,
    /// When it was committed.
    pub received_at: Timestamp,
    /// Whether that was after the live window closed.
    pub late: bool,
    /// What it was.
    pub outcome: Outcome,
    /// Rows reported.
    pub row_count: u64,
    /// Rows stored.
    pub stored_rows: u64,
    /// Whether rows were cut.
    pub truncated: bool,
    /// The host's message.
    pub error: Option<String>,
    /// Cost on the host.
    pub stats: Option<QueryStats>,
}

/// Which responses to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Late ones only, or timely ones only.
    pub late: Option<bool>,
    /// What they are.
    pub outcome: Option<Outcome>,
    /// Only those whose rows were cut, or only whole ones.
    pub truncated: Option<bool>,
    /// Part of the host's name.
    pub q: Option<String>,
}

/// A chunk of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRecord {
    /// The response it belongs to.
    pub seq: i64,
    /// Its place in the response.
    pub chunk: i64,
    /// The first row's place in the response.
    pub first_row: i64,
    /// Rows in it.
    pub row_count: i64,
    /// The compressed rows.
    pub data: Vec<u8>,
}

/// The columns of [`record`], in its order.
macro_rules! columns {
    () => {
        "r.seq, r.host_no, h.id, h.hostname, r.part, r.received_at, r.late, r.outcome, \
        r.row_count, r.stored_rows, r.truncated, r.error, r.stats"
    };
}

/// What [`Filter`] finds; its parameters are those of [`filter_params`].
macro_rules! found {
    () => {
        "(cast($2 as boolean) is null or r.late = $2) \
        and (cast($3 as text) is null or r.outcome = $3) \
        and (cast($4 as boolean) is null or r.truncated = $4) \
        and (cast($5 as text) is null or lower(h.hostname) like $5 escape '\\')"
    };
}

statements! {
    LIST = concat!("select ", columns!(), " from response r join host h on h.no = r.host_no \
        where r.campaign_no = $1 and r.seq > $2 \
        and (cast($3 as boolean) is null or r.late = $3) order by r.seq limit $4");
    LIST_NEWEST = concat!("select ", columns!(), " from response r \
        join host h on h.no = r.host_no where r.campaign_no = $1 and ", found!(), " \
        and r.seq < $6 order by r.seq desc limit $7");
    LIST_COUNT = concat!("select count(*) from response r join host h on h.no = r.host_no \
        where r.campaign_no = $1 and ", found!());
    ALL_COUNT = "select count(*) from response where campaign_no = $1";
    OF_HOST = concat!("select ", columns!(), " from response r join host h on h.no = r.host_no \
        where r.campaign_no = $1 and r.host_no = $2 order by r.part");
    WITH_ROWS = concat!("select ", columns!(), " from response r join host h on h.no = r.host_no \
        where r.campaign_no = $1 and r.seq >= $2 and r.seq < $3 and r.stored_rows > 0 \
        order by r.seq limit $4");
    NEXT_SEQ = "select next_seq from campaign where no = $1";
    COLUMN_SETS = "select columns, min(seq) from response where campaign_no = $1 \
        and (cast($2 as bigint) is null or host_no = $2) group by columns \
        order by count(*) desc, min(seq)";
    CHUNKS = "select seq, chunk, first_row, row_count, data from response_chunk \
        where campaign_no = $1 and seq = $2 and first_row + row_count > $3 \
        order by chunk limit $4";
    SIZES = "select seq, cast(sum(length(data)) as bigint) from response_chunk \
        where campaign_no = $1 and seq >= $2 and seq <= $3 group by seq order by seq";
    CHUNKS_BETWEEN = "select seq, chunk, first_row, row_count, data from response_chunk \
        where campaign_no = $1 and seq >= $2 and seq <= $3 order by seq, chunk";
    DROP_ROWS = "delete from response_chunk where campaign_no = $1";
    ANSWERED_SINCE = "select host_no, part, seq, outcome from response \
        where campaign_no = $1 and seq >= $2 order by seq";
}

fn record(row: &Row) -> Result<ResponseRecord> {
    Ok(ResponseRecord {
        seq: row.get(0)?,
        host_no: row.get(1)?,
        host_id: row.get(2)?,
        hostname: row.get(3)?,
        part: row.get(4)?,
        received_at: row.get(5)?,
        late: row.get(6)?,
        outcome: row.get(7)?,
        row_count: row.get(8)?,
        stored_rows: row.get(9)?,
        truncated: row.get(10)?,
        error: row.get(11)?,
        stats: row.get::<Option<Json<QueryStats>>>(12)?.map(|json| json.0),
    })
}

/// Responses in order of commit, after sequence `after` (-1 for the first).
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    late: Option<bool>,
    after: i64,
    limit: u64,
) -> Result<Vec<ResponseRecord>> {
    tx.query(LIST, &values![campaign_no, after, late, limit])?.iter().map(record).collect()
}

/// Responses, newest first, before sequence `before`.
///
/// # Errors
/// When the database fails.
pub fn list_newest(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    filter: &Filter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<ResponseRecord>> {
    let mut params = filter_params(campaign_no, filter).to_vec();
    params.extend(values![before.unwrap_or(i64::MAX), limit]);
    tx.query(LIST_NEWEST, &params)?.iter().map(record).collect()
}

/// How many responses the filter finds.
///
/// # Errors
/// When the database fails.
pub fn list_count(tx: &mut Tx<'_>, campaign_no: i64, filter: &Filter) -> Result<u64> {
    if *filter == Filter::default() {
        return tx.query_one(ALL_COUNT, &values![campaign_no])?.get(0);
    }
    tx.query_one(LIST_COUNT, &filter_params(campaign_no, filter))?.get(0)
}

fn filter_params(campaign_no: i64, filter: &Filter) -> [Value; 5] {
    let q = filter.q.as_deref().map(contains_pattern);
    values![campaign_no, filter.late, filter.outcome, filter.truncated, q]
}

/// A host's responses, one a part.
///
/// # Errors
/// When the database fails.
pub fn of_host(tx: &mut Tx<'_>, campaign_no: i64, host_no: i64) -> Result<Vec<ResponseRecord>> {
    tx.query(OF_HOST, &values![campaign_no, host_no])?.iter().map(record).collect()
}

/// Responses that have rows, in order of commit, from sequence `from` on.
///
/// # Errors
/// When the database fails.
pub fn with_rows(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    from: i64,
    limit: u64,
) -> Result<Vec<ResponseRecord>> {
    let Some(end) = tx.query_opt(NEXT_SEQ, &values![campaign_no])? else { return Ok(Vec::new()) };
    // Sequences are not negative; walking up from a place that a cursor made up would never end.
    let (end, mut from): (i64, i64) = (end.get(0)?, from.max(0));
    let mut found: Vec<ResponseRecord> = Vec::new();
    while from < end && (found.len() as u64) < limit {
        let until = from.saturating_add(SEQ_WINDOW);
        let params = values![campaign_no, from, until, limit - found.len() as u64];
        for row in tx.query(WITH_ROWS, &params)? {
            found.push(record(&row)?);
        }
        from = until;
    }
    Ok(found)
}

/// The columns of a campaign's rows, or of one host's: those that most responses have come first,
/// and at most [`COLUMNS_MAX`]. So a few hosts that invent columns neither push out those of the
/// others nor widen every row of an export without bound.
///
/// # Errors
/// When the database fails.
pub fn columns(tx: &mut Tx<'_>, campaign_no: i64, host_no: Option<i64>) -> Result<Vec<String>> {
    Ok(columns_and_more(tx, campaign_no, host_no)?.0)
}

/// The same, and whether there are more columns than are listed.
///
/// # Errors
/// When the database fails.
pub fn columns_and_more(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    host_no: Option<i64>,
) -> Result<(Vec<String>, bool)> {
    let mut gathered = Gathered::default();
    tx.for_each::<DbError>(COLUMN_SETS, &values![campaign_no, host_no], |row| {
        Ok(gathered.take(row.get::<Json<Vec<String>>>(0)?.0))
    })?;
    Ok(gathered.done())
}

/// Chunks of a response that hold rows from `from_row` on, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn chunks(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    seq: i64,
    from_row: i64,
    limit: u64,
) -> Result<Vec<ChunkRecord>> {
    let rows = tx.query(CHUNKS, &values![campaign_no, seq, from_row, limit])?;
    rows.into_iter().map(chunk).collect()
}

fn chunk(mut row: Row) -> Result<ChunkRecord> {
    Ok(ChunkRecord {
        seq: row.get(0)?,
        chunk: row.get(1)?,
        first_row: row.get(2)?,
        row_count: row.get(3)?,
        data: row.take(4)?,
    })
}

/// Compressed bytes of the rows of each response from sequence `from` to `to`, in order.
///
/// # Errors
/// When the database fails.
pub fn sizes(tx: &mut Tx<'_>, campaign_no: i64, from: i64, to: i64) -> Result<Vec<(i64, u64)>> {
    let rows = tx.query(SIZES, &values![campaign_no, from, to])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// All chunks of the responses from sequence `from` to `to`, in order: bound them by what
/// [`sizes`] says.
///
/// # Errors
/// When the database fails.
pub fn chunks_between(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    from: i64,
    to: i64,
) -> Result<Vec<ChunkRecord>> {
    tx.query(CHUNKS_BETWEEN, &values![campaign_no, from, to])?.into_iter().map(chunk).collect()
}

/// Removes all rows of a campaign (I10: the only way rows go); responses and counts stay.
///
/// # Errors
/// When the database fails.
pub fn drop_rows(tx: &mut Tx<'_>, campaign_no: i64) -> Result<u64> {
    tx.execute(DROP_ROWS, &values![campaign_no])
}

/// An answer that was stored: host, part, sequence, outcome.
pub type Answered = (i64, u32, i64, Outcome);

/// What was answered from sequence `from` on.
///
/// # Errors
/// When the database fails.
pub fn answered_since(tx: &mut Tx<'_>, campaign_no: i64, from: i64) -> Result<Vec<Answered>> {
    tx.query(ANSWERED_SINCE, &values![campaign_no, from])?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .collect()
}
