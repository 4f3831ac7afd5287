// SPDX-License-Identifier: Apache-2.0
//! Applying what hosts answered and what they were offered, many hosts at a time. For each
//! campaign: lock its row, load the assignments concerned, let the engine decide in order of
//! arrival, write everything back. All in the caller's transaction (I2, I3, I6).

use std::collections::{BTreeMap, HashMap, HashSet};

use mimir_engine::campaign::ledger::{Answer, AssignmentLedger, Event, Verdict};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::Outcome;

use crate::assignments::ledger_of;
use crate::campaigns::{self, CampaignRecord};
use crate::db::{Column, Tx, Value};
use crate::{Result, values};

/// A chunk of rows to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChunk {
    /// The first row's place in the response.
    pub first_row: u64,
    /// Rows in it.
    pub row_count: u64,
    /// The compressed rows.
    pub data: Vec<u8>,
}

/// One host's answer to one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnswer {
    /// Which part.
    pub part: u32,
    /// What it was.
    pub outcome: Outcome,
    /// Rows reported.
    pub row_count: u64,
    /// The host's message.
    pub error: Option<String>,
    /// Cost on the host, as JSON.
    pub stats: Option<String>,
    /// Columns of the rows, as a JSON list.
    pub columns: String,
    /// The rows to store, in order and without gaps.
    pub chunks: Vec<NewChunk>,
    /// Offers made of it so far, as far as this replica knows.
    pub attempts: u32,
    /// The last of them.
    pub offered_at: Option<Timestamp>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The host answered.
    Answer(NewAnswer),
    /// Something else.
    Event(Event),
}

/// What happened between a campaign and a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The campaign's number.
    pub campaign_no: i64,
    /// The host's number.
    pub host_no: i64,
    /// What.
    pub happened: Happened,
}

/// What became of the items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Verdict on each answer, by the item's place.
    pub verdicts: Vec<(usize, Verdict)>,
    /// Campaigns that stopped themselves, as they are now.
    pub auto_stopped: Vec<CampaignRecord>,
}

/// Applies items in order. Items of campaigns or assignments that do not exist are ignored.
///
/// # Errors
/// When the database fails; then nothing of all this is kept.
pub fn apply(tx: &mut Tx<'_>, items: &[Item], now: Timestamp) -> Result<Applied> {
    apply_at(tx, items, &|| now)
}

/// As [`apply`], with the time taken once a campaign's lock is held: however long another replica
/// made this one wait for it, an answer is late exactly when it is committed late (I9).
///
/// # Errors
/// As [`apply`].
pub fn apply_at(tx: &mut Tx<'_>, items: &[Item], clock: &dyn Fn() -> Timestamp) -> Result<Applied> {
    let mut by_campaign: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        by_campaign.entry(item.campaign_no).or_default().push(place);
    }
    let mut applied = Applied::default();
    // In ascending order of campaign on every replica, so that locks cannot form a ring.
    for (no, places) in by_campaign {
        let Some(record) = campaigns::lock(tx, no)? else {
            ignore(items, &places, &mut applied);
            continue;
        };
        let work = Work::load(tx, record, items, &places)?;
        work.run(tx, items, &places, clock(), &mut applied)?;
    }
    Ok(applied)
}

fn ignore(items: &[Item], places: &[usize], applied: &mut Applied) {
    for &place in places {
        if matches!(items[place].happened, Happened::Answer(_)) {
            applied.verdicts.push((place, Verdict::Ignore));
        }
    }
}

/// One campaign's share of a batch.
struct Work {
    campaign: CampaignRecord,
    assignments: HashMap<i64, AssignmentLedger>,
    stored: HashSet<(i64, u32)>,
    changed: HashSet<i64>,
    responses: Vec<Vec<Value>>,
    chunks: Vec<Vec<Value>>,
    auto_stopped: bool,
}

const ASSIGNMENT_KEY: [Column; 2] = [Column::int("campaign_no"), Column::int("host_no")];

impl Work {
    fn load(
        tx: &mut Tx<'_>,
        campaign: CampaignRecord,
        items: &[Item],
        places: &[usize],
    ) -> Result<Self> {
        let no = campaign.no;
        let hosts: HashSet<i64> = places.iter().map(|&place| items[place].host_no).collect();
        let keys: Vec<_> = hosts.iter().map(|host| values![no, *host].to_vec()).collect();
        let columns = [
            "host_no",
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
        ];
        let mut assignments = HashMap::with_capacity(keys.len());
        for row in tx.select_many("assignment", &ASSIGNMENT_KEY, &columns, &keys)? {
            assignments.insert(row.get(0)?, ledger_of(&row, 1)?);
        }
        let answers: HashSet<(i64, u32)> = places
            .iter()
            .filter_map(|&place| match &items[place].happened {
                Happened::Answer(answer) => Some((items[place].host_no, answer.part)),
                Happened::Event(_) => None,
            })
            .collect();
        let key = |(host, part): &(i64, u32)| values![no, *host, *part].to_vec();
        let keys: Vec<_> = answers.iter().map(key).collect();
        let response_key =
            [Column::int("campaign_no"), Column::int("host_no"), Column::int("part")];
        let mut stored = HashSet::new();
        for row in tx.select_many("response", &response_key, &["host_no", "part"], &keys)? {
            stored.insert((row.get(0)?, row.get(1)?));
        }
        Ok(Self {
            campaign,
            assignments,
            stored,
            changed: HashSet::new(),
            responses: Vec::new(),
            chunks: Vec::new(),
            auto_stopped: false,
        })
    }

    fn run(
        mut self,
        tx: &mut Tx<'_>,
        items: &[Item],
        places: &[usize],
        now: Timestamp,
        applied: &mut Applied,
    ) -> Result<()> {
        for &place in places {
            let item = &items[place];
            match &item.happened {
                Happened::Event(event) => self.event(item.host_no, event, now),
                Happened::Answer(answer) => {
                    let verdict = self.answer(tx, item.host_no, answer, now)?;
                    applied.verdicts.push((place, verdict));
                }
            }
        }
        self.write(tx)?;
        if self.auto_stopped {
            applied.auto_stopped.push(self.campaign);
        }
        Ok(())
    }

    fn event(&mut self, host_no: i64, event: &Event, now: Timestamp) {
        let Some(assignment) = self.assignments.get_mut(&host_no) else { return };
        if self.campaign.ledger.apply(assignment, event, now) {
            self.changed.insert(host_no);
        }
    }

    fn answer(
        &mut self,
        tx: &mut Tx<'_>,
        host_no: i64,
        answer: &NewAnswer,
        now: Timestamp,
    ) -> Result<Verdict> {
        let part_exists = answer.part < self.campaign.ledger.parts;
        let Some(a) = self.assignments.get_mut(&host_no).filter(|_| part_exists) else {
            return Ok(Verdict::Ignore);
        };
        // I8 across the parts of a hunt: chunks that would pass the host's cap are cut off.
        // Once the rows of a campaign were dropped, a late answer must not bring any back.
        let room = match self.campaign.rows_dropped {
            true => 0,
            false => self.campaign.host_row_cap.saturating_sub(a.stored_rows),
        };
        let fits = |chunk: &&NewChunk| chunk.first_row + chunk.row_count <= room;
        let kept: Vec<&NewChunk> = answer.chunks.iter().take_while(fits).collect();
        let stored_rows = kept.iter().map(|chunk| chunk.row_count).sum();
        let facts = Answer {
            outcome: answer.outcome,
            row_count: answer.row_count,
            stored_rows,
            error: answer.error.clone(),
        };
        let key = (host_no, answer.part);
        let verdict = self.campaign.ledger.answer(a, &facts, self.stored.contains(&key), now);
        if verdict == Verdict::Ignore {
            return Ok(verdict);
        }
        // The answer proves the offer, whether or not it has been written behind.
        a.attempts = a.attempts.max(answer.attempts).max(1);
        a.offered_at = a.offered_at.max(answer.offered_at);
        self.changed.insert(host_no);
        if let Verdict::Store { late, auto_stop } = verdict {
            self.stored.insert(key);
            self.book(host_no, answer, &kept, &facts, late, now);
            if auto_stop {
                self.auto_stop(tx, now)?;
            }
        }
        Ok(verdict)
    }

    fn book(
        &mut self,
        host_no: i64,
        answer: &NewAnswer,
        kept: &[&NewChunk],
        facts: &Answer,
        late: bool,
        now: Timestamp,
    ) {
        let (no, seq) = (self.campaign.no, self.campaign.next_seq);
        self.campaign.next_seq += 1;
        self.responses.push(
            values![
                no,
                host_no,
                answer.part,
                seq,
                now,
                late,
                facts.outcome,
                facts.row_count,
                facts.stored_rows,
                facts.truncated(),
                facts.error.as_deref(),
                answer.stats.as_deref(),
                answer.columns.as_str()
            ]
            .to_vec(),
        );
        for (place, chunk) in (0_i64..).zip(kept) {
            let NewChunk { first_row, row_count, data } = chunk;
            let row = values![no, seq, place, *first_row, *row_count, data.as_slice()];
            self.chunks.push(row.to_vec());
        }
    }

    /// The bulk statement runs before this batch's own changes are written, so that what is
    /// already answered in memory ends as answered; assignments in memory are moved alike.
    fn auto_stop(&mut self, tx: &mut Tx<'_>, now: Timestamp) -> Result<()> {
        let bulk = self.campaign.ledger.auto_stop(now);
        campaigns::bulk_move(tx, self.campaign.no, &bulk, now)?;
        for assignment in self.assignments.values_mut() {
            bulk.apply(assignment, now);
        }
        self.auto_stopped = true;
        Ok(())
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<()> {
        if self.changed.is_empty() && self.responses.is_empty() {
            return Ok(());
        }
        tx.insert_many("response", &RESPONSE_COLUMNS, &self.responses)?;
        tx.insert_many("response_chunk", &CHUNK_COLUMNS, &self.chunks)?;
        let row = |host_no: &i64| assignment_row(self.campaign.no, *host_no, &self.assignments);
        let rows: Vec<_> = self.changed.iter().map(row).collect();
        tx.update_many("assignment", &ASSIGNMENT_KEY, &ASSIGNMENT_COLUMNS, &rows)?;
        let CampaignRecord { no, ledger, next_seq, .. } = &self.campaign;
        campaigns::update_ledger(tx, *no, ledger, *next_seq)
    }
}

const RESPONSE_COLUMNS: [Column; 13] = [
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
    Column::text("error"),
    Column::text("stats"),
    Column::text("columns"),
];

const CHUNK_COLUMNS: [Column; 6] = [
    Column::int("campaign_no"),
    Column::int("seq"),
    Column::int("chunk"),
    Column::int("first_row"),
    Column::int("row_count"),
    Column::blob("data"),
];

const ASSIGNMENT_COLUMNS: [Column; 13] = [
    Column::text("state"),
    Column::text("outcome"),
    Column::bool("late"),
    Column::int("attempts"),
    Column::int("offered_at"),
    Column::int("responded_at"),
    Column::int("parts_answered"),
    Column::int("row_count"),
    Column::int("stored_rows"),
    Column::bool("truncated"),
    Column::text("error"),
    Column::text("reason"),
    Column::int("state_changed_at"),
];

fn assignment_row(
    campaign_no: i64,
    host_no: i64,
    assignments: &HashMap<i64, AssignmentLedger>,
) -> Vec<Value> {
    let a = &assignments[&host_no];
    values![
        campaign_no,
        host_no,
        a.state,
        a.outcome,
        a.late,
        a.attempts,
        a.offered_at,
        a.responded_at,
        a.parts_answered,
        a.row_count,
        a.stored_rows,
        a.truncated,
        a.error.as_deref(),
        a.reason.as_deref(),
        a.state_changed_at
    ]
    .to_vec()
}
