// SPDX-License-Identifier: Apache-2.0
//! Batches of what happened, applied on both engines; after each the counters must equal what the
//! ledger itself says (I6).

use mimir_engine::campaign::ledger::{Event, Verdict};
use mimir_store::campaigns::CampaignRecord;
use mimir_store::db::Db;
use mimir_store::ledger::{self, Item};
use mimir_store::{DbError, assignments, both_engines, campaigns, responses};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{AssignmentState, CampaignStatus, Outcome, StopCode};

use crate::given::{
    answered, apply, at, failed, happened, launch, offered, read, rows, shape, some_hosts, write,
};

const STORED: Verdict = Verdict::Store { late: false, auto_stop: false };

fn record(db: &Db, no: i64) -> CampaignRecord {
    let derived = read(db, move |tx| assignments::derived_coverage(tx, no));
    let record = read(db, move |tx| campaigns::by_no(tx, no)).unwrap();
    assert_eq!(record.ledger.coverage, derived, "I6");
    let responses = read(db, move |tx| responses::list(tx, no, None, -1, 1_000));
    let seqs: Vec<i64> = responses.iter().map(|response| response.seq).collect();
    assert_eq!(seqs, (0..record.next_seq).collect::<Vec<_>>(), "sequences without gaps");
    record
}

/// The verdicts of a batch, which come for every answer and in any order.
fn verdicts(db: &Db, items: &[Item], now: Timestamp) -> Vec<(usize, Verdict)> {
    let mut verdicts = apply(db, items, now).verdicts;
    verdicts.sort_by_key(|(place, _)| *place);
    verdicts
}

fn state(db: &Db, no: i64, host: i64) -> (AssignmentState, Option<String>) {
    let list =
        read(db, move |tx| assignments::list(tx, no, &assignments::Filter::default(), None, 1_000));
    let found = list.into_iter().find(|a| a.host_no == host).unwrap();
    (found.ledger.state, found.ledger.reason)
}

both_engines!(a_repeat_inside_one_batch_counts_once, |db: Db| {
    let hosts = some_hosts(&db, 2);
    let no = launch(&db, 1, &hosts, &shape());
    let batch = [
        offered(no, hosts[0], 1, at(1_001)),
        answered(no, hosts[0], rows(0, 3)),
        answered(no, hosts[0], rows(0, 9)),
        offered(no, hosts[0], 2, at(1_002)),
        answered(no, hosts[1], rows(0, 0)),
        answered(no, hosts[0], rows(0, 3)),
    ];
    let ignored = Verdict::Ignore;
    let expected = [(1, STORED), (2, ignored), (4, STORED), (5, ignored)];
    assert_eq!(verdicts(&db, &batch, at(1_003)), expected);
    let first = record(&db, no);
    let c = first.ledger.coverage;
    assert_eq!((c.responded, c.rows_stored, c.with_rows, c.empty), (2, 3, 1, 1));
    let again = [(1, ignored), (2, ignored), (4, ignored), (5, ignored)];
    assert_eq!(verdicts(&db, &batch, at(2_000)), again);
    assert_eq!(record(&db, no).ledger, first.ledger, "I3: a repeat moves nothing");
});

both_engines!(one_batch_serves_several_campaigns, |db: Db| {
    let hosts = some_hosts(&db, 2);
    let nos = [launch(&db, 1, &hosts, &shape()), launch(&db, 2, &hosts[..1], &shape())];
    let batch = [
        answered(nos[1], hosts[0], rows(0, 1)),
        answered(nos[0], hosts[1], rows(0, 2)),
        happened(nos[0], hosts[0], Event::Lost),
        answered(nos[1], hosts[1], rows(0, 1)),
        answered(nos[0], hosts[0], failed(0, Outcome::Denylisted, "denylisted")),
    ];
    let expected = [(0, STORED), (1, STORED), (3, Verdict::Ignore), (4, STORED)];
    assert_eq!(verdicts(&db, &batch, at(1_010)), expected);
    let c = record(&db, nos[0]).ledger.coverage;
    assert_eq!((c.responded, c.with_rows, c.denylisted, c.lost), (2, 1, 1, 0));
    let c = record(&db, nos[1]).ledger.coverage;
    assert_eq!((c.targeted, c.responded, c.rows_stored), (1, 1, 1));
});

both_engines!(what_is_unknown_leaves_no_trace, |db: Db| {
    let hosts = some_hosts(&db, 2);
    let no = launch(&db, 1, &hosts[..1], &shape());
    let before = record(&db, no);
    let batch = [
        answered(999, hosts[0], rows(0, 1)),
        answered(no, hosts[1], rows(0, 1)),
        answered(no, 999, rows(0, 1)),
        answered(no, hosts[0], rows(1, 1)),
        answered(no, hosts[0], rows(u32::MAX, 1)),
        happened(999, hosts[0], Event::Lost),
        happened(no, 999, Event::Blocked),
        offered(no, hosts[1], 1, at(1_001)),
    ];
    let applied = apply(&db, &batch, at(1_010));
    assert_eq!(applied.verdicts.len(), 5);
    assert!(applied.verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Ignore));
    assert!(applied.auto_stopped.is_empty());
    assert_eq!(record(&db, no).ledger, before.ledger);
    assert_eq!(apply(&db, &[], at(1_010)), ledger::Applied::default());
});

both_engines!(an_answer_after_the_rows_were_dropped_brings_no_rows_back, |db: Db| {
    let hosts = some_hosts(&db, 1);
    let no = launch(&db, 1, &hosts, &shape());
    apply(&db, &[offered(no, hosts[0], 1, at(1_001))], at(1_001));
    write(&db, move |tx| campaigns::set_rows_dropped(tx, no));
    assert_eq!(verdicts(&db, &[answered(no, hosts[0], rows(0, 3))], at(1_010)), [(0, STORED)]);
    let chunks = write(&db, move |tx| responses::drop_rows(tx, no));
    let c = record(&db, no).ledger.coverage;
    assert_eq!((chunks, c.responded, c.rows_stored, c.rows_reported), (0, 1, 0, 3));
    assert_eq!(c.truncated, 1, "I8: none of its rows is kept");
});

both_engines!(the_cap_stops_the_campaign_in_mid_batch, |db: Db| {
    let hosts = some_hosts(&db, 8);
    let mut shape = shape();
    shape.aggregate_row_cap = 30;
    let no = launch(&db, 1, &hosts, &shape);
    apply(&db, &[offered(no, hosts[6], 1, at(1_001))], at(1_001));
    let batch = [
        offered(no, hosts[0], 1, at(1_002)),
        happened(no, hosts[1], Event::Lost),
        answered(no, hosts[2], rows(0, 20)),
        answered(no, hosts[3], rows(0, 20)),
        answered(no, hosts[4], rows(0, 20)),
        answered(no, hosts[2], rows(0, 20)),
        offered(no, hosts[5], 1, at(1_003)),
        answered(no, hosts[1], rows(0, 1)),
    ];
    let applied = apply(&db, &batch, at(1_010));
    let stops = Verdict::Store { late: false, auto_stop: true };
    let expected =
        [(2, STORED), (3, stops), (4, Verdict::Reject), (5, Verdict::Ignore), (7, Verdict::Reject)];
    assert_eq!(applied.verdicts, expected);
    let stored = record(&db, no);
    let told = &applied.auto_stopped[..];
    assert_eq!(told, [CampaignRecord { revision: stored.revision, ..stored.clone() }]);
    assert_eq!(stored.ledger.status, CampaignStatus::Stopped);
    assert_eq!(stored.ledger.stop_code, Some(StopCode::AutoStoppedAggregateRowCap));
    assert_eq!(stored.ledger.stopped_at, Some(at(1_010)));
    let c = stored.ledger.coverage;
    assert_eq!((c.responded, c.rows_stored, c.rejected, c.cancelled), (2, 40, 2, 4));
    assert_eq!(c.pending + c.offered + c.lost, 0);
    for host in [hosts[0], hosts[5], hosts[6], hosts[7]] {
        let cancelled = (AssignmentState::Cancelled, Some("auto_stopped".to_owned()));
        assert_eq!(state(&db, no, host), cancelled);
    }
    let later = [answered(no, hosts[6], rows(0, 1)), answered(no, hosts[4], rows(0, 1))];
    let expected = [(0, Verdict::Reject), (1, Verdict::Ignore)];
    assert_eq!(verdicts(&db, &later, at(1_011)), expected);
    assert_eq!(record(&db, no).ledger.coverage.rejected, 3);
});

both_engines!(the_host_cap_holds_over_all_parts, |db: Db| {
    let hosts = some_hosts(&db, 3);
    let mut shape = shape();
    (shape.parts, shape.host_row_cap) = (2, 30);
    let no = launch(&db, 1, &hosts, &shape);
    let batch = [
        answered(no, hosts[0], rows(0, 25)),
        answered(no, hosts[0], rows(1, 25)),
        answered(no, hosts[1], rows(0, 20)),
        answered(no, hosts[1], rows(1, 25)),
        answered(no, hosts[2], rows(0, 30)),
        answered(no, hosts[2], rows(1, 0)),
    ];
    apply(&db, &batch, at(1_010));
    let c = record(&db, no).ledger.coverage;
    assert_eq!((c.responded, c.truncated), (3, 2));
    let kept = |host| -> Vec<_> {
        let list = read(&db, move |tx| responses::of_host(tx, no, host));
        list.iter().map(|r| (r.stored_rows, r.row_count, r.truncated)).collect()
    };
    // Chunks of ten: one that does not fit as a whole is not kept.
    assert_eq!(kept(hosts[0]), [(25, 25, false), (0, 25, true)]);
    assert_eq!(kept(hosts[1]), [(20, 20, false), (10, 25, true)]);
    assert_eq!(kept(hosts[2]), [(30, 30, false), (0, 0, false)]);
    for (seq, chunks) in [(0, 3), (1, 0), (2, 2), (3, 1), (4, 3), (5, 0)] {
        let found = read(&db, move |tx| responses::chunks(tx, no, seq, 0, 9));
        assert_eq!(found.len(), chunks, "response {seq}");
    }
});

both_engines!(a_host_that_counted_its_rows_stores_fewer, |db: Db| {
    let hosts = some_hosts(&db, 1);
    let no = launch(&db, 1, &hosts, &shape());
    let mut answer = rows(0, 20);
    answer.row_count = 5_000_000;
    apply(&db, &[answered(no, hosts[0], answer)], at(1_010));
    let c = record(&db, no).ledger.coverage;
    assert_eq!((c.rows_stored, c.rows_reported, c.truncated), (20, 5_000_000, 1));
});

both_engines!(an_answer_proves_its_offer, |db: Db| {
    let hosts = some_hosts(&db, 2);
    let no = launch(&db, 1, &hosts, &shape());
    let mut answer = rows(0, 1);
    (answer.attempts, answer.offered_at) = (2, Some(at(1_005)));
    let mut forgotten = rows(0, 1);
    (forgotten.attempts, forgotten.offered_at) = (0, None);
    let batch = [answered(no, hosts[0], answer), answered(no, hosts[1], forgotten)];
    apply(&db, &batch, at(1_700));
    let filter = assignments::Filter::default();
    let list = read(&db, move |tx| assignments::list(tx, no, &filter, None, 9));
    assert_eq!((list[0].ledger.attempts, list[0].ledger.offered_at), (2, Some(at(1_005))));
    assert_eq!((list[1].ledger.attempts, list[1].ledger.offered_at), (1, None));
    assert!(list.iter().all(|a| a.ledger.late && a.ledger.responded_at == Some(at(1_700))));
    assert_eq!(record(&db, no).ledger.coverage.late, 2);
});

both_engines!(a_batch_that_fails_keeps_nothing, |db: Db| {
    let hosts = some_hosts(&db, 2);
    let no = launch(&db, 1, &hosts, &shape());
    let before = record(&db, no);
    let unstorable = failed(0, Outcome::Error, "a\0b");
    let batch = [answered(no, hosts[0], rows(0, 5)), answered(no, hosts[1], unstorable)];
    let error = db.write(move |tx| ledger::apply(tx, &batch, at(1_010))).unwrap_err();
    assert!(matches!(error, DbError::Parameter { .. }), "{error:?}");
    assert_eq!(record(&db, no), before);
});

both_engines!(a_stop_between_two_batches_is_final, |db: Db| {
    let hosts = some_hosts(&db, 3);
    let no = launch(&db, 1, &hosts, &shape());
    apply(&db, &[offered(no, hosts[0], 1, at(1_001))], at(1_001));
    write(&db, move |tx| {
        let mut record = campaigns::lock(tx, no)?.unwrap();
        let bulk = record.ledger.stop(false, 60, at(1_010)).unwrap();
        campaigns::bulk_move(tx, no, &bulk, at(1_010))?;
        campaigns::update_ledger(tx, no, &record.ledger, record.next_seq)
    });
    let batch = [
        offered(no, hosts[1], 1, at(1_011)),
        happened(no, hosts[2], Event::Lost),
        answered(no, hosts[1], rows(0, 1)),
        answered(no, hosts[0], rows(0, 1)),
    ];
    // The offer that is told too late moves nothing; its answer proves that it was made.
    assert_eq!(verdicts(&db, &batch, at(1_012)), [(2, STORED), (3, STORED)]);
    let c = record(&db, no).ledger.coverage;
    assert_eq!((c.responded, c.rejected, c.cancelled), (2, 0, 1));
    assert_eq!(state(&db, no, hosts[2]).1.as_deref(), Some("stopped"));
});
