// SPDX-License-Identifier: Apache-2.0
//! The record of changes on both engines: a reader misses nothing, or is told so.

use mimir_store::changes::{self, Change, ChangeKind};
use mimir_store::db::Db;
use mimir_store::{DbError, Result, both_engines};

use crate::given::{at, read, write};

fn record(db: &Db, kind: ChangeKind, subject: Option<i64>, now: i64) -> i64 {
    write(db, move |tx| changes::record(tx, kind, subject, at(now)))
}

fn since(db: &Db, version: i64, limit: u64) -> Option<Vec<Change>> {
    read(db, move |tx| changes::since(tx, version, limit))
}

fn versions(changes: Option<Vec<Change>>) -> Option<Vec<i64>> {
    changes.map(|changes| changes.iter().map(|change| change.version).collect())
}

const KINDS: [ChangeKind; 7] = [
    ChangeKind::CampaignLaunched,
    ChangeKind::CampaignStatus,
    ChangeKind::Settings,
    ChangeKind::HostEnrolled,
    ChangeKind::HostDecommissioned,
    ChangeKind::Accounts,
    ChangeKind::LiveQuery,
];

both_engines!(changes_come_in_order_with_their_kind, |db: Db| {
    assert_eq!((read(&db, changes::head), since(&db, 0, 10)), (0, Some(Vec::new())));
    for (n, kind) in (1..).zip(KINDS) {
        assert_eq!(record(&db, kind, (n % 2 == 0).then_some(n * 10), n), n);
    }
    assert_eq!(read(&db, changes::head), 7);
    let all = since(&db, 0, 100).unwrap();
    for ((n, kind), change) in (1..).zip(KINDS).zip(&all) {
        let subject = (n % 2 == 0).then_some(n * 10);
        assert_eq!(*change, Change { version: n, kind: Some(kind), subject });
    }
    assert_eq!(versions(since(&db, 2, 3)), Some(vec![3, 4, 5]));
    assert_eq!(versions(since(&db, 7, 3)), Some(vec![]));
    let word = "update change_log set kind = 'of_a_later_version' where version = 7";
    write(&db, |tx| tx.execute(word, &[]));
    let later = since(&db, 6, 1).unwrap();
    assert_eq!((later[0].version, later[0].kind), (7, None));
});

both_engines!(a_change_that_is_undone_leaves_no_gap, |db: Db| {
    record(&db, ChangeKind::Settings, None, 1);
    let undone: Result<()> = db.write(|tx| {
        changes::record(tx, ChangeKind::Accounts, None, at(2))?;
        Err(DbError::Unsupported("on purpose"))
    });
    assert_eq!(undone, Err(DbError::Unsupported("on purpose")));
    record(&db, ChangeKind::Settings, None, 3);
    assert_eq!(versions(since(&db, 0, 9)), Some(vec![1, 2]));
});

both_engines!(a_reader_behind_what_was_pruned_is_told_so, |db: Db| {
    for n in 1..=5 {
        record(&db, ChangeKind::Settings, None, n * 10);
    }
    assert_eq!(write(&db, |tx| changes::prune(tx, at(30))), 2);
    assert_eq!(since(&db, 0, 9), None);
    assert_eq!(since(&db, 1, 9), None);
    assert_eq!(versions(since(&db, 2, 9)), Some(vec![3, 4, 5]));
    assert_eq!(write(&db, |tx| changes::prune(tx, at(1_000))), 3);
    assert_eq!(since(&db, 4, 9), None, "the last one is gone too");
    assert_eq!(versions(since(&db, 5, 9)), Some(vec![]), "who has seen all has missed nothing");
    assert_eq!(record(&db, ChangeKind::Accounts, None, 2_000), 6);
    assert_eq!(versions(since(&db, 5, 9)), Some(vec![6]));
    assert_eq!(since(&db, 4, 9), None);
});

both_engines!(a_clock_that_went_back_makes_no_gap_among_what_is_left, |db: Db| {
    for now in [10, 100, 20, 30, 110] {
        record(&db, ChangeKind::Settings, None, now);
    }
    assert_eq!(write(&db, |tx| changes::prune(tx, at(50))), 1);
    assert_eq!(since(&db, 0, 9), None);
    assert_eq!(versions(since(&db, 1, 9)), Some(vec![2, 3, 4, 5]));
    assert_eq!(write(&db, |tx| changes::prune(tx, at(105))), 3);
    assert_eq!(versions(since(&db, 4, 9)), Some(vec![5]));
});
