// SPDX-License-Identifier: Apache-2.0
//! Which columns a campaign's rows have, kept while it grows: responses are only added, in order
//! of their sequence, so whoever counted once looks at the new ones alone. It keeps nothing across
//! processes, and it is not for one host's columns, which are few.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use mimir_engine::limits::COLUMNS_MAX;

use crate::db::Tx;
use crate::words::Json;
use crate::{DbError, Result, statements, values};

/// Bytes of lists that are kept for a campaign. Honest hosts have a few lists between them; where
/// each has one of its own, keeping them would cost more than looking again.
const KEPT_BYTES_MAX: usize = 64 << 10;

statements! {
    NEXT_SEQ = "select next_seq from campaign where no = $1";
    ALL = "select columns, count(*), min(seq) from response \
        where campaign_no = $1 group by columns";
    NEW = "select columns, count(*), min(seq) from response \
        where campaign_no = $1 and seq >= $2 group by columns";
}

/// The lists of columns that a campaign's responses have, and how many have each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnSets {
    /// Responses below this sequence are counted.
    until: i64,
    /// By list: responses that have it and the first of them.
    lists: HashMap<Vec<String>, (u64, i64)>,
}

impl ColumnSets {
    /// Counts responses that came since the last time; answers false when there are too many
    /// lists to be kept, and then nothing is. The transaction must be a snapshot.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub fn follow(&mut self, tx: &mut Tx<'_>, campaign_no: i64) -> Result<bool> {
        let Some(next) = tx.query_opt(NEXT_SEQ, &values![campaign_no])? else { return Ok(true) };
        let next: i64 = next.get(0)?;
        if next <= self.until {
            return Ok(true);
        }
        // Reading all in the order of the table costs less than by the index of sequences.
        let (sql, params) = match self.until {
            0 => (ALL, values![campaign_no].to_vec()),
            until => (NEW, values![campaign_no, until].to_vec()),
        };
        let mut lists = self.lists.clone();
        let mut bytes: usize = lists.keys().map(|list| bytes_of(list)).sum();
        tx.for_each::<DbError>(sql, &params, |row| {
            let list = row.get::<Json<Vec<String>>>(0)?.0;
            let (count, first): (u64, i64) = (row.get(1)?, row.get(2)?);
            bytes += if lists.contains_key(&list) { 0 } else { bytes_of(&list) };
            if bytes > KEPT_BYTES_MAX {
                return Ok(ControlFlow::Break(()));
            }
            lists.entry(list).or_insert((0, first)).0 += count;
            Ok(ControlFlow::Continue(()))
        })?;
        let fits = bytes <= KEPT_BYTES_MAX;
        *self = if fits { Self { until: next, lists } } else { Self::default() };
        Ok(fits)
    }

    /// Whether it has counted further than another.
    pub fn is_ahead_of(&self, other: &Self) -> bool {
        self.until > other.until
    }

    /// The columns, as [`crate::responses::columns`] lists them.
    pub fn columns(&self) -> Vec<String> {
        let mut lists: Vec<_> = self.lists.iter().collect();
        lists.sort_by_key(|(_, (count, first))| (Reverse(*count), *first));
        let mut gathered = Gathered::default();
        for (list, _) in lists {
            if gathered.take(list.clone()).is_break() {
                break;
            }
        }
        gathered.done().0
    }
}

/// About what a list takes in memory.
fn bytes_of(list: &[String]) -> usize {
    list.iter().map(|column| size_of::<String>() + column.len()).sum()
}

/// Columns as they come from lists, those that most responses have first.
#[derive(Default)]
pub(crate) struct Gathered {
    columns: Vec<String>,
    seen: HashSet<String>,
    more: bool,
}

impl Gathered {
    /// Takes a list; breaks when no more columns fit.
    pub(crate) fn take(&mut self, listed: Vec<String>) -> ControlFlow<()> {
        // An answer with a full list has probably more columns than it could list.
        self.more |= listed.len() >= COLUMNS_MAX;
        for column in listed {
            if self.seen.contains(&column) {
                continue;
            }
            if self.columns.len() == COLUMNS_MAX {
                self.more = true;
                return ControlFlow::Break(());
            }
            self.seen.insert(column.clone());
            self.columns.push(column);
        }
        ControlFlow::Continue(())
    }

    /// The columns, and whether there are more.
    pub(crate) fn done(self) -> (Vec<String>, bool) {
        (self.columns, self.more)
    }
}
