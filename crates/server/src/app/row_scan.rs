// SPDX-License-Identifier: Apache-2.0
//! Looks at stored rows one after the other, many responses to one look at the database and with
//! bounded memory, until somebody has seen enough; and where each has its place when sorted.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use mimir_engine::limits::{CELL_BYTES, PAGE_ROW_BYTES_MAX};
use mimir_store::Tx;
use mimir_store::responses::{self, ResponseRecord};

use crate::app::rows::{RowKey, RowRead};
use crate::export::{HOST_ID_COLUMN, HOSTNAME_COLUMN};
use crate::problem::{ApiError, ApiResult};
use crate::rows::{Cells, SortColumn, SortKey, decode};

/// Responses fetched in one step.
const RESPONSES_STEP: u64 = 256;
/// Compressed bytes of rows fetched in one step; one response may have more.
const STEP_BYTES_MAX: u64 = 8 << 20;

/// What looks at a row: the host's id as text, the response, the row's place in it, its line.
type Look<'l> = dyn FnMut(&str, &ResponseRecord, i64, &str) -> ApiResult<ControlFlow<()>> + 'l;

/// Shows `look` every stored row from `from` on, in the order of commit, until it has enough.
///
/// # Errors
/// Those of `look`, and the database's.
pub(crate) fn scan(
    tx: &mut Tx<'_>,
    read: &RowRead<'_>,
    from: RowKey,
    mut look: impl FnMut(&str, &ResponseRecord, i64, &str) -> ApiResult<ControlFlow<()>>,
) -> ApiResult<()> {
    let mut seq = from.0;
    loop {
        let found = read.responses(tx, seq, RESPONSES_STEP)?;
        let Some(last) = found.last().map(|response| response.seq) else { return Ok(()) };
        let mut rest = found.as_slice();
        for end in groups(tx, read, &found)? {
            let count = rest.iter().take_while(|response| response.seq <= end).count();
            let (group, behind) = rest.split_at(count);
            if look_at(tx, read.campaign_no, group, from, &mut look)?.is_break() {
                return Ok(());
            }
            rest = behind;
        }
        seq = last + 1;
    }
}

/// Cuts responses into groups that are fetched together: the last sequence of each. Between the
/// responses of one host lie those of others, so each of them is fetched by itself.
fn groups(tx: &mut Tx<'_>, read: &RowRead<'_>, found: &[ResponseRecord]) -> ApiResult<Vec<i64>> {
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(Vec::new()) };
    if read.host_no.is_some() {
        return Ok(found.iter().map(|response| response.seq).collect());
    }
    let mut groups: Vec<(i64, u64)> = Vec::new();
    for (seq, bytes) in responses::sizes(tx, read.campaign_no, first.seq, last.seq)? {
        match groups.last_mut() {
            Some((end, sum)) if *sum + bytes <= STEP_BYTES_MAX => {
                (*end, *sum) = (seq, *sum + bytes);
            }
            _ => groups.push((seq, bytes)),
        }
    }
    Ok(groups.into_iter().map(|(end, _)| end).collect())
}

fn look_at(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    group: &[ResponseRecord],
    from: RowKey,
    look: &mut Look<'_>,
) -> ApiResult<ControlFlow<()>> {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return Ok(ControlFlow::Continue(()));
    };
    let mut of: Option<(&ResponseRecord, String)> = None;
    for chunk in responses::chunks_between(tx, campaign_no, first.seq, last.seq)? {
        if of.as_ref().is_none_or(|(response, _)| response.seq != chunk.seq) {
            let place = group.binary_search_by_key(&chunk.seq, |response| response.seq);
            of = place.ok().map(|at| (&group[at], group[at].host_id.to_string()));
        }
        let Some((response, host_id)) = &of else { continue };
        let from = if response.seq == from.0 { from.1 } else { 0 };
        if chunk.first_row + chunk.row_count <= from {
            continue;
        }
        let rows = decode(&chunk.data).map_err(ApiError::internal)?;
        for (row, line) in (chunk.first_row..).zip(rows.lines()) {
            if row >= from && look(host_id, response, row, line)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The column rows are sorted by, and the direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sorting {
    name: String,
    column: SortColumn,
    descending: bool,
}

/// A row's place in the order of a column. Equal values are in the order of commit, in either
/// direction, so no two rows have one place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    value: SortKey,
    row: RowKey,
    descending: bool,
}

impl Place {
    /// Where the row is stored.
    pub(crate) fn key(&self) -> RowKey {
        self.row
    }

    fn order(&self, other: &Self) -> Ordering {
        let order = self.value.compare(&other.value, self.descending);
        order.then(self.row.cmp(&other.row))
    }

    /// Whether the other one comes first.
    pub(crate) fn is_behind(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Greater
    }
}

impl Sorting {
    /// By this column.
    pub(crate) fn new(column: &str, descending: bool) -> Self {
        Self { name: column.to_owned(), column: SortColumn::new(column), descending }
    }

    /// The place of a row.
    ///
    /// # Errors
    /// When the row is damaged.
    pub(crate) fn of(
        &self,
        read: &RowRead<'_>,
        host_id: &str,
        response: &ResponseRecord,
        row: i64,
        line: &str,
    ) -> ApiResult<Place> {
        let value = match self.name.as_str() {
            HOSTNAME_COLUMN if read.stamped => SortKey::of(&response.hostname),
            HOST_ID_COLUMN if read.stamped => SortKey::of(host_id),
            _ => self.column.key(line).map_err(ApiError::internal)?,
        };
        Ok(Place { value, row: (response.seq, row), descending: self.descending })
    }

    /// The place of the row that is stored here, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn place(
        &self,
        tx: &mut Tx<'_>,
        read: &RowRead<'_>,
        (seq, row): RowKey,
    ) -> ApiResult<Option<Place>> {
        let found = read.responses(tx, seq, 1)?;
        let Some(response) = found.first().filter(|response| response.seq == seq) else {
            return Ok(None);
        };
        let chunks = responses::chunks(tx, read.campaign_no, seq, row, 1)?;
        let Some(chunk) = chunks.first().filter(|chunk| chunk.first_row <= row) else {
            return Ok(None);
        };
        let rows = decode(&chunk.data).map_err(ApiError::internal)?;
        let skip = usize::try_from(row - chunk.first_row).unwrap_or(usize::MAX);
        let Some(line) = rows.lines().nth(skip) else { return Ok(None) };
        self.of(read, &response.host_id.to_string(), response, row, line).map(Some)
    }
}

/// Bytes that a row takes on a page: its text, and what each cell takes besides.
pub(crate) fn weight(line: &str) -> usize {
    line.len() + Cells::new(line).count() * CELL_BYTES
}

/// A row that may be on the page.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub place: Place,
    /// See [`weight`].
    pub weight: usize,
    pub host_id: Box<str>,
    pub hostname: Box<str>,
    pub line: Box<str>,
}

impl Candidate {
    pub(crate) fn new(place: Place, host_id: &str, hostname: &str, line: &str) -> Self {
        let (host_id, hostname) = (host_id.into(), hostname.into());
        Self { place, weight: weight(line), host_id, hostname, line: line.into() }
    }
}

/// The first rows behind a place that fit on a page.
pub(crate) struct First {
    limit: usize,
    heap: BinaryHeap<Candidate>,
    weight: usize,
    /// The first row that did not fit: none from there on may be on the page, or rows between
    /// would be passed over.
    cut: Option<Place>,
}

impl First {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new(), weight: 0, cut: None }
    }

    /// Whether a row at this place could be on the page.
    pub(crate) fn wants(&self, place: &Place) -> bool {
        self.cut.as_ref().is_none_or(|cut| cut.is_behind(place))
    }

    /// Takes a row that is wanted and lets go of the last ones that no longer fit.
    pub(crate) fn take(&mut self, row: Candidate) {
        self.weight += row.weight;
        self.heap.push(row);
        let too_many = |first: &Self| {
            let heavy = first.weight > PAGE_ROW_BYTES_MAX && first.heap.len() > 1;
            heavy || first.heap.len() > first.limit
        };
        while too_many(self)
            && let Some(last) = self.heap.pop()
        {
            self.weight -= last.weight;
            self.cut = Some(last.place);
        }
    }

    /// The rows in order, and whether there are more behind them.
    pub(crate) fn finish(self) -> (Vec<Candidate>, bool) {
        (self.heap.into_sorted_vec(), self.cut.is_some())
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.order(&other.place)
    }
}
