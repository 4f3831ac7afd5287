// SPDX-License-Identifier: Apache-2.0
//! Reading responses and rows on both engines.

use mimir_store::column_sets::ColumnSets;
use mimir_store::db::Db;
use mimir_store::responses::{self, Filter, ResponseRecord};
use mimir_store::{both_engines, values};
use mimir_wire::api::campaign::Outcome;
use mimir_wire::osquery::QueryStats;

use crate::given::{
    answered, apply, at, failed, id, launch, pages, read, rows, shape, some_hosts, write,
};

/// Two parts, three hosts: 25 rows and none, an error with hostile text, 5 rows when it is late.
fn given(db: &Db) -> (i64, Vec<i64>) {
    let hosts = some_hosts(db, 3);
    let mut shape = shape();
    shape.parts = 2;
    let no = launch(db, 1, &hosts, &shape);
    let mut odd = rows(1, 5);
    odd.columns = r#"["name","we.ird \" col","pid"]"#.to_owned();
    odd.stats = None;
    let early = [
        answered(no, hosts[0], rows(0, 25)),
        answered(no, hosts[0], rows(1, 0)),
        answered(no, hosts[1], failed(0, Outcome::Error, "near \"'\": syntax error\n")),
    ];
    apply(db, &early, at(1_100));
    apply(db, &[answered(no, hosts[2], odd)], at(1_601));
    (no, hosts)
}

both_engines!(responses_come_in_order_of_commit, |db: Db| {
    let (no, hosts) = given(&db);
    let all = read(&db, move |tx| responses::list(tx, no, None, -1, 9));
    let first = ResponseRecord {
        seq: 0,
        host_no: hosts[0],
        host_id: id(1),
        hostname: "host-1".to_owned(),
        part: 0,
        received_at: at(1_100),
        late: false,
        outcome: Outcome::Rows,
        row_count: 25,
        stored_rows: 25,
        truncated: false,
        error: None,
        stats: Some(QueryStats { wall_time_ms: 12, user_time: 10, system_time: 1, memory: 4_096 }),
    };
    assert_eq!(all[0], first);
    assert_eq!(all.iter().map(|r| r.seq).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(all[2].error.as_deref(), Some("near \"'\": syntax error\n"));
    assert_eq!((all[3].late, all[3].received_at, &all[3].stats), (true, at(1_601), &None));
    for limit in [1, 3] {
        let forward = pages(|after: Option<&ResponseRecord>| {
            let after = after.map_or(-1, |response| response.seq);
            read(&db, move |tx| responses::list(tx, no, None, after, limit))
        });
        assert_eq!(forward, all);
        let mut backward = pages(|before: Option<&ResponseRecord>| {
            let before = before.map(|response| response.seq);
            read(&db, move |tx| responses::list_newest(tx, no, &Filter::default(), before, limit))
        });
        backward.reverse();
        assert_eq!(backward, all);
    }
    let late = |late| read(&db, move |tx| responses::list(tx, no, Some(late), -1, 9));
    assert_eq!((late(true), late(false)), (all[3..].to_vec(), all[..3].to_vec()));
    let filter = |late| Filter { late, ..Filter::default() };
    let found = |filter: Filter| {
        let counted = filter.clone();
        let listed = read(&db, move |tx| responses::list_newest(tx, no, &filter, None, 9));
        let count = read(&db, move |tx| responses::list_count(tx, no, &counted));
        assert_eq!(count, listed.len() as u64, "{listed:?}");
        listed
    };
    assert_eq!(found(filter(Some(false)))[0], all[2]);
    assert_eq!([None, Some(true), Some(false)].map(|late| found(filter(late)).len()), [4, 1, 3]);
    let name = all[0].hostname.to_uppercase();
    let by_name = found(Filter { q: Some(name), ..Filter::default() });
    assert!(!by_name.is_empty() && by_name.iter().all(|r| r.hostname == all[0].hostname));
    let outcome = Some(Outcome::Error);
    assert_eq!(found(Filter { outcome, ..Filter::default() }), all[2..3]);
    for cut in [true, false] {
        let is = |r: &&ResponseRecord| r.truncated == cut;
        let truncated = Some(cut);
        let listed = found(Filter { truncated, ..Filter::default() });
        assert_eq!(listed.len(), all.iter().filter(is).count());
        assert!(listed.iter().all(|r| r.truncated == cut));
    }
    assert!(read(&db, |tx| responses::list(tx, 99, None, -1, 9)).is_empty());
});

both_engines!(a_host_has_one_response_a_part, |db: Db| {
    let (no, hosts) = given(&db);
    let of = |host| read(&db, move |tx| responses::of_host(tx, no, host));
    let parts: Vec<_> = of(hosts[0]).iter().map(|r| (r.part, r.row_count)).collect();
    assert_eq!(parts, [(0, 25), (1, 0)]);
    assert_eq!(of(hosts[2]).len(), 1);
    assert!(of(99).is_empty());
    let answered = read(&db, move |tx| responses::answered_since(tx, no, 2));
    let expected = [(hosts[1], 0, 2, Outcome::Error), (hosts[2], 1, 3, Outcome::Rows)];
    assert_eq!(answered, expected);
    assert!(read(&db, move |tx| responses::answered_since(tx, no, 4)).is_empty());
});

both_engines!(rows_are_read_chunk_by_chunk, |db: Db| {
    let (no, hosts) = given(&db);
    let chunks =
        |seq, from_row, limit| read(&db, move |tx| responses::chunks(tx, no, seq, from_row, limit));
    let all = chunks(0, 0, 9);
    let places: Vec<_> = all.iter().map(|c| (c.chunk, c.first_row, c.row_count)).collect();
    assert_eq!(places, [(0, 0, 10), (1, 10, 10), (2, 20, 5)]);
    assert_eq!(all[2].data, b"part 0 chunk 2");
    assert_eq!(chunks(0, 9, 1), all[..1], "row 9 is the last of the first chunk");
    assert_eq!(chunks(0, 10, 1), all[1..2]);
    assert_eq!(chunks(0, 24, 9), all[2..]);
    assert!(chunks(0, 25, 9).is_empty());
    assert!(chunks(1, 0, 9).is_empty());

    let with_rows = |from| -> Vec<i64> {
        let found = read(&db, move |tx| responses::with_rows(tx, no, from, 9));
        found.iter().map(|response| response.seq).collect()
    };
    assert_eq!(with_rows(0), [0, 3]);
    assert_eq!(with_rows(1), [3]);

    let sizes = read(&db, move |tx| responses::sizes(tx, no, 0, 9));
    let first: usize = all.iter().map(|chunk| chunk.data.len()).sum();
    assert_eq!((sizes.len(), sizes[0]), (2, (0, first as u64)));
    let between = |from, to| read(&db, move |tx| responses::chunks_between(tx, no, from, to));
    assert_eq!((between(0, 2), between(1, 2)), (all, vec![]));
    assert_eq!((between(0, 3).len(), between(3, 3).len()), (4, 1));

    let columns = |host| read(&db, move |tx| responses::columns(tx, no, host));
    assert_eq!(columns(None), ["pid", "name", "we.ird \" col"], "in order of appearance");
    assert_eq!(columns(Some(hosts[2])), ["name", "we.ird \" col", "pid"]);
    assert!(columns(Some(hosts[1])).is_empty());
});

// Responses without rows may lie between those that have some, as many as there are hosts.
both_engines!(responses_with_rows_are_found_over_long_gaps, |db: Db| {
    let (no, _) = given(&db);
    write(&db, move |tx| {
        let moved = "update response set seq = 90000 where campaign_no = $1 and seq = 3";
        tx.execute_one(moved, &values![no])?;
        let next = "update campaign set next_seq = 90001 where no = $1";
        tx.execute_one(next, &values![no])
    });
    let with_rows = |from, limit| -> Vec<i64> {
        let found = read(&db, move |tx| responses::with_rows(tx, no, from, limit));
        found.iter().map(|response| response.seq).collect()
    };
    assert_eq!((with_rows(0, 9), with_rows(0, 1)), (vec![0, 90_000], vec![0]));
    assert_eq!((with_rows(90_000, 1), with_rows(90_001, 1)), (vec![90_000], vec![]));
});

both_engines!(dropping_rows_keeps_the_record, |db: Db| {
    let (no, hosts) = given(&db);
    let other = launch(&db, 2, &hosts, &shape());
    apply(&db, &[answered(other, hosts[0], rows(0, 3))], at(1_100));
    let before = read(&db, move |tx| responses::list(tx, no, None, -1, 9));
    assert_eq!(write(&db, move |tx| responses::drop_rows(tx, no)), 4, "chunks");
    assert_eq!(write(&db, move |tx| responses::drop_rows(tx, no)), 0);
    assert_eq!(read(&db, move |tx| responses::list(tx, no, None, -1, 9)), before);
    assert!(read(&db, move |tx| responses::chunks(tx, no, 0, 0, 9)).is_empty());
    assert_eq!(read(&db, move |tx| responses::chunks(tx, other, 0, 0, 9)).len(), 1);
    let derived = read(&db, move |tx| mimir_store::assignments::derived_coverage(tx, no));
    let stored = read(&db, move |tx| mimir_store::campaigns::by_no(tx, no)).unwrap();
    assert_eq!(derived, stored.ledger.coverage, "I6 and I10");
});

// Counting on from where one stopped says the same as counting everything again.
both_engines!(columns_are_kept_while_a_campaign_grows, |db: Db| {
    let hosts = some_hosts(&db, 12);
    let no = launch(&db, 1, &hosts, &shape());
    let mut kept = ColumnSets::default();
    let mut follow = || {
        let mut sets = kept.clone();
        let before = sets.clone();
        let (fits, sets) = read(&db, move |tx| Ok((sets.follow(tx, no)?, sets.clone())));
        assert!(fits);
        assert_eq!(sets.is_ahead_of(&before), sets != before);
        kept = sets;
        kept.columns()
    };
    assert!(follow().is_empty());
    for (host, list) in hosts.iter().zip(["a", "b", "b", "c", "", "c", "c", "a", "a", "a"]) {
        let mut answer = rows(0, 2);
        answer.columns = if list.is_empty() { "[]".into() } else { format!(r#"["x","{list}"]"#) };
        apply(&db, &[answered(no, *host, answer)], at(1_100));
        let all = read(&db, move |tx| responses::columns(tx, no, None));
        assert_eq!(follow(), all);
        assert_eq!(follow(), all, "nothing is counted twice");
    }
    assert_eq!(follow(), ["x", "a", "c", "b"]);

    let mut answer = rows(0, 2);
    answer.columns = format!(r#"["{}"]"#, "n".repeat(70_000));
    apply(&db, &[answered(no, hosts[11], answer)], at(1_100));
    let mut full = kept.clone();
    let (fits, full) = read(&db, move |tx| Ok((full.follow(tx, no)?, full.clone())));
    assert_eq!((fits, full), (false, ColumnSets::default()));
});
