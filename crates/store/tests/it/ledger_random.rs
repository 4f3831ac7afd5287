// SPDX-License-Identifier: Apache-2.0
//! Random batches on both engines at once: both must store exactly the same, and on both the
//! counters must equal the recount after every batch (I1, I3, I6, I8, I9).

use mimir_engine::campaign::ledger::{AssignmentLedger, Event, Verdict};
use mimir_store::campaigns::CampaignRecord;
use mimir_store::db::{Db, Engine};
use mimir_store::responses::{ChunkRecord, ResponseRecord};
use mimir_store::testing::TestDb;
use mimir_store::{assignments, campaigns, ledger, responses};
use mimir_wire::api::campaign::Outcome;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::given::{
    Shape, answered, at, failed, happened, launch, offered, read, rows, some_hosts, write,
};

const HOSTS: usize = 4;
const CAMPAIGNS: usize = 2;

/// What happens, with campaign and host by place.
#[derive(Debug, Clone)]
enum Step {
    Offer(u32),
    Lost,
    Blocked,
    Decommissioned,
    Rows { part: u32, rows: u64 },
    Failed { part: u32, denylisted: bool },
}

type Batch = Vec<(usize, usize, Step)>;

#[derive(Debug, Clone)]
struct Case {
    shape: Shape,
    batches: Vec<Batch>,
    /// The batch before which the first campaign is stopped, and how.
    stop: Option<(usize, bool)>,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..4_u32).prop_map(Step::Offer),
        1 => Just(Step::Lost),
        1 => Just(Step::Blocked),
        1 => Just(Step::Decommissioned),
        8 => (0..3_u32, 0..45_u64).prop_map(|(part, rows)| Step::Rows { part, rows }),
        2 => (0..3_u32, any::<bool>())
            .prop_map(|(part, denylisted)| Step::Failed { part, denylisted }),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let shape = (1..=2_u32, 10..60_u64, prop_oneof![20..120_u64, Just(100_000)]).prop_map(
        |(parts, host_row_cap, aggregate_row_cap)| Shape {
            parts,
            host_row_cap,
            aggregate_row_cap,
            live_until: at(1_350),
        },
    );
    let batch = prop::collection::vec((0..CAMPAIGNS, 0..=HOSTS, step()), 0..12);
    let batches = prop::collection::vec(batch, 1..6);
    let stop = prop::option::of((0..6_usize, any::<bool>()));
    (shape, batches, stop).prop_map(|(shape, batches, stop)| Case { shape, batches, stop })
}

/// All that is stored of a campaign, with hosts by place instead of number.
#[derive(Debug, PartialEq)]
struct Dump {
    record: CampaignRecord,
    assignments: Vec<AssignmentLedger>,
    responses: Vec<ResponseRecord>,
    chunks: Vec<ChunkRecord>,
}

fn dump(db: &Db, no: i64, hosts: &[i64], place: usize) -> Dump {
    let (derived, mut record, list, mut responses) = read(db, move |tx| {
        let filter = assignments::Filter::default();
        Ok((
            assignments::derived_coverage(tx, no)?,
            campaigns::by_no(tx, no)?.unwrap(),
            assignments::list(tx, no, &filter, None, 100)?,
            responses::list(tx, no, None, -1, 100)?,
        ))
    });
    assert_eq!(record.ledger.coverage, derived, "I6");
    record.ledger.assert_counts();
    for response in &mut responses {
        let cut = response.stored_rows < response.row_count;
        assert_eq!(response.truncated, cut, "I8");
        assert_eq!(response.late, response.received_at > record.ledger.live_until, "I9");
        let host = hosts.iter().position(|host| *host == response.host_no).unwrap();
        response.host_no = i64::try_from(host).unwrap();
    }
    for a in &list {
        assert!(a.ledger.stored_rows <= record.host_row_cap, "I8");
    }
    let seqs: Vec<i64> = responses.iter().map(|response| response.seq).collect();
    let chunks = read(db, move |tx| {
        let mut chunks = Vec::new();
        for seq in &seqs {
            chunks.extend(responses::chunks(tx, no, *seq, 0, 100)?);
        }
        Ok(chunks)
    });
    let rows: i64 = chunks.iter().map(|chunk| chunk.row_count).sum();
    assert_eq!(u64::try_from(rows).unwrap(), derived.rows_stored, "what is counted is stored");
    record.no = i64::try_from(place).unwrap();
    let assignments = list.into_iter().map(|a| a.ledger).collect();
    Dump { record, assignments, responses, chunks }
}

/// The verdicts of a batch, and all that is stored of both campaigns after it.
type After = (Vec<(usize, Verdict)>, Vec<Dump>);

/// Plays a case on one engine.
fn play(db: &Db, hosts: &[i64], case: &Case, first_id: u32) -> Vec<After> {
    let nos: Vec<i64> =
        (first_id..).take(CAMPAIGNS).map(|n| launch(db, n, hosts, &case.shape)).collect();
    let mut seen = Vec::new();
    for (place, batch) in case.batches.iter().enumerate() {
        let now = at(1_100 + 100 * i64::try_from(place).unwrap());
        if let Some((_, discard)) = case.stop.filter(|(before, _)| *before == place) {
            let no = nos[0];
            write(db, move |tx| {
                let mut record = campaigns::lock(tx, no)?.unwrap();
                if let Some(bulk) = record.ledger.stop(discard, 3, now) {
                    campaigns::bulk_move(tx, no, &bulk, now)?;
                }
                campaigns::update_ledger(tx, no, &record.ledger, record.next_seq)
            });
        }
        let items: Vec<ledger::Item> = batch
            .iter()
            .map(|(campaign, host, step)| {
                // One place more than there are hosts: a host that is not targeted.
                let host = hosts.get(*host).copied().unwrap_or(9_999);
                item(nos[*campaign], host, step)
            })
            .collect();
        let verdicts = write(db, move |tx| ledger::apply(tx, &items, now)).verdicts;
        let dumps = nos.iter().enumerate().map(|(n, no)| dump(db, *no, hosts, n)).collect();
        seen.push((verdicts, dumps));
    }
    seen
}

fn item(no: i64, host: i64, step: &Step) -> ledger::Item {
    match *step {
        Step::Offer(attempt) => offered(no, host, attempt, at(1_000 + i64::from(attempt))),
        Step::Lost => happened(no, host, Event::Lost),
        Step::Blocked => happened(no, host, Event::Blocked),
        Step::Decommissioned => happened(no, host, Event::Decommissioned),
        Step::Rows { part, rows: count } => answered(no, host, rows(part, count)),
        Step::Failed { part, denylisted } => {
            let outcome = if denylisted { Outcome::Denylisted } else { Outcome::Error };
            answered(no, host, failed(part, outcome, "it failed"))
        }
    }
}

#[test]
fn random_batches_are_stored_alike_and_counted_right() {
    let engines = [
        TestDb::migrated_memory(),
        TestDb::migrated(Engine::Sqlite),
        TestDb::migrated(Engine::Postgres),
    ];
    let hosts: Vec<Vec<i64>> =
        engines.iter().map(|db| some_hosts(db, u32::try_from(HOSTS).unwrap())).collect();
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() };
    let next = std::cell::Cell::new(1_u32);
    let outcome = TestRunner::new(config).run(&case(), |case| {
        let first_id = next.get();
        next.set(first_id + u32::try_from(CAMPAIGNS).unwrap());
        let mut played =
            engines.iter().zip(&hosts).map(|(db, hosts)| play(db, hosts, &case, first_id));
        let first = played.next().unwrap();
        for other in played {
            prop_assert_eq!(&other, &first);
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
