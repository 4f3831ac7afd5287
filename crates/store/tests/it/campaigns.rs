// SPDX-License-Identifier: Apache-2.0
//! Campaigns on both engines.

use mimir_engine::campaign::spec;
use mimir_store::campaigns::{self, CampaignRecord, Filter};
use mimir_store::db::Db;
use mimir_store::{both_engines, hosts};
use mimir_wire::api::campaign::{CampaignKind, CampaignStatus, StopCode};
use mimir_wire::api::target::Target;

use crate::given::{
    HOSTILE, apply, assert_conflict, assert_missing, at, id, launch, new_campaign, offered, pages,
    read, refused, rows, shape, some_hosts, user, write,
};

fn found(db: &Db, filter: &Filter) -> Vec<String> {
    let page = |before: Option<&CampaignRecord>| {
        let (filter, before) = (filter.clone(), before.map(|campaign| campaign.no));
        read(db, move |tx| campaigns::list(tx, &filter, before, 2))
    };
    let list = pages(page);
    assert!(list.is_sorted_by_key(|campaign| -campaign.no), "newest first");
    let filter = filter.clone();
    let count = read(db, move |tx| campaigns::list_count(tx, &filter));
    assert_eq!(u64::try_from(list.len()).unwrap(), count);
    list.into_iter().map(|campaign| campaign.name).collect()
}

both_engines!(a_campaign_is_read_as_it_was_launched, |db: Db| {
    let hosts = some_hosts(&db, 3);
    let mut shape = shape();
    shape.parts = 3;
    let mut new = new_campaign(1, 2, &shape);
    new.name = HOSTILE.concat();
    new.target = Target::Hosts { host_ids: vec![id(1), id(2)] };
    let (given, host_nos) = (new.clone(), hosts[..2].to_vec());
    let no = write(&db, move |tx| campaigns::insert(tx, &given, &host_nos));
    let stored = read(&db, move |tx| campaigns::by_no(tx, no)).unwrap();
    assert_eq!(read(&db, |tx| campaigns::by_id(tx, id(1))), Some(stored.clone()));
    let expected = CampaignRecord {
        no,
        id: new.id,
        name: new.name,
        kind: new.kind,
        stop_reason: None,
        stopped_by: None,
        created_at: new.created_at,
        created_by: new.created_by,
        target: new.target,
        multi_host: new.multi_host,
        live_window_minutes: new.live_window_minutes,
        spec: new.spec,
        spec_sha256: new.spec_sha256,
        host_row_cap: new.host_row_cap,
        host_byte_cap: new.host_byte_cap,
        warnings: new.warnings,
        rows_dropped: false,
        revision: 1,
        next_seq: 0,
        ledger: new.ledger,
    };
    assert_eq!(stored, expected);
    assert_eq!(spec::sha256_hex(&stored.spec), stored.spec_sha256, "I7");
    assert_eq!(read(&db, move |tx| campaigns::parts(tx, no)), new.parts);
    assert!(read(&db, |tx| campaigns::parts(tx, 99)).is_empty());
    assert_eq!(read(&db, |tx| campaigns::by_no(tx, 99)), None);
    assert_eq!(read(&db, |tx| campaigns::by_id(tx, id(99))), None);
    let again = new_campaign(1, 0, &shape);
    let error = refused(&db, move |tx| campaigns::insert(tx, &again, &[]));
    assert_conflict(&error, "campaign.id");
});

both_engines!(locking_raises_the_revision, |db: Db| {
    let no = launch(&db, 1, &some_hosts(&db, 1), &shape());
    assert_eq!(write(&db, move |tx| campaigns::lock(tx, no)).unwrap().revision, 2);
    assert_eq!(write(&db, move |tx| campaigns::lock(tx, no)).unwrap().revision, 3);
    assert_eq!(write(&db, |tx| campaigns::lock(tx, 99)), None);
    assert_eq!(read(&db, campaigns::revisions), [(no, 3)]);
});

both_engines!(a_changed_ledger_is_stored_whole, |db: Db| {
    let no = launch(&db, 1, &some_hosts(&db, 28), &shape());
    let mut ledger = new_campaign(1, 28, &shape()).ledger;
    ledger.status = CampaignStatus::Stopped;
    ledger.stop_code = Some(StopCode::Operator);
    ledger.stopped_at = Some(at(1_234));
    (ledger.discard_in_flight, ledger.stop_grace_minutes) = (true, 77);
    let c = &mut ledger.coverage;
    (c.responded, c.pending, c.offered, c.lost) = (10, 1, 2, 3);
    (c.cancelled, c.blocked, c.rejected) = (4, 5, 3);
    (c.with_rows, c.empty, c.errors, c.denylisted) = (4, 3, 2, 1);
    (c.late, c.truncated, c.rows_stored, c.rows_reported) = (9, 8, 100, 200);
    let given = ledger.clone();
    write(&db, move |tx| campaigns::update_ledger(tx, no, &given, 42));
    let stored = read(&db, move |tx| campaigns::by_no(tx, no)).unwrap();
    assert_eq!((stored.ledger, stored.next_seq), (ledger.clone(), 42));

    assert_missing(&refused(&db, move |tx| campaigns::update_ledger(tx, 99, &ledger, 0)));
    write(&db, move |tx| campaigns::set_stopped_by(tx, no, Some(HOSTILE[0]), Some(&user(2))));
    write(&db, move |tx| campaigns::set_rows_dropped(tx, no));
    write(&db, move |tx| campaigns::set_status(tx, no, CampaignStatus::Archived));
    let stored = read(&db, move |tx| campaigns::by_no(tx, no)).unwrap();
    assert_eq!(stored.stop_reason.as_deref(), Some(HOSTILE[0]));
    assert_eq!((stored.stopped_by, stored.rows_dropped), (Some(user(2)), true));
    assert_eq!(stored.ledger.status, CampaignStatus::Archived);
    write(&db, move |tx| campaigns::set_stopped_by(tx, no, None, None));
    let stored = read(&db, move |tx| campaigns::by_no(tx, no)).unwrap();
    assert_eq!((stored.stop_reason, stored.stopped_by), (None, None));

    assert_missing(&refused(&db, |tx| campaigns::set_stopped_by(tx, 99, None, None)));
    assert_missing(&refused(&db, |tx| campaigns::set_rows_dropped(tx, 99)));
    let status = CampaignStatus::Stopped;
    assert_missing(&refused(&db, move |tx| campaigns::set_status(tx, 99, status)));
});

both_engines!(campaigns_are_filtered_searched_and_paged, |db: Db| {
    assert!(found(&db, &Filter::default()).is_empty());
    write(&db, |tx| {
        for (n, name) in (1..).zip(["100% sure", "under_score", "plain", "Hunt", "\\"]) {
            let mut new = new_campaign(n, 0, &shape());
            new.name = name.to_owned();
            if name == "Hunt" {
                (new.kind, new.created_by) = (CampaignKind::IocHunt, user(2));
            }
            let no = campaigns::insert(tx, &new, &[])?;
            if name == "plain" {
                campaigns::set_status(tx, no, CampaignStatus::Archived)?;
            }
        }
        Ok(())
    });
    let all = Filter::default;
    let q = |text: &str| Filter { q: Some(text.to_owned()), ..all() };
    assert_eq!(found(&db, &all()), ["\\", "Hunt", "under_score", "100% sure"]);
    let status = Some(CampaignStatus::Archived);
    assert_eq!(found(&db, &Filter { status, ..all() }), ["plain"]);
    let status = Some(CampaignStatus::Stopped);
    assert!(found(&db, &Filter { status, ..all() }).is_empty());
    let kind = Some(CampaignKind::IocHunt);
    assert_eq!(found(&db, &Filter { kind, ..all() }), ["Hunt"]);
    let created_by = Some(user(2).id);
    assert_eq!(found(&db, &Filter { created_by, ..all() }), ["Hunt"]);
    assert_eq!(found(&db, &q("%")), ["100% sure"]);
    assert_eq!(found(&db, &q("_")), ["under_score"]);
    assert_eq!(found(&db, &q("\\")), ["\\"]);
    assert_eq!(found(&db, &q("HUNT")), ["Hunt"]);
    assert_eq!(found(&db, &q("USER2")), ["Hunt"], "who launched it is searched");
    assert!(found(&db, &q("plain")).is_empty(), "archived ones only when asked for");
});

both_engines!(hosts_of_a_target_are_found_in_order, |db: Db| {
    let nos = some_hosts(&db, 3);
    let second = nos[1];
    write(&db, move |tx| hosts::decommission(tx, second, false, at(5)));
    let ids = [3, 9, 2, 1, 3].map(id);
    let found = read(&db, move |tx| campaigns::resolve_hosts(tx, &ids));
    assert_eq!(found, [Some(nos[2]), None, None, Some(nos[0]), Some(nos[2])]);
    assert!(read(&db, |tx| campaigns::resolve_hosts(tx, &[])).is_empty());
});

both_engines!(slots_and_work_follow_status_and_time, |db: Db| {
    let hosts = some_hosts(&db, 2);
    let (mut early, late) = (shape(), shape());
    early.live_until = at(1_300);
    let nos = [
        launch(&db, 1, &hosts, &late),
        launch(&db, 2, &hosts, &early),
        launch(&db, 3, &hosts, &late),
    ];
    let holders = |now| -> Vec<_> {
        let held = write(&db, move |tx| campaigns::lock_slots(tx, at(now)));
        assert!(held.iter().all(|holder| holder.user == user(1).id));
        held.into_iter().map(|holder| holder.name).collect()
    };
    assert_eq!(holders(1_299)[0], "Campaign 2", "the first to be free comes first");
    assert_eq!(holders(1_299).len(), 3);
    assert_eq!(holders(1_300).len(), 2, "free at the end of the window");
    assert!(holders(1_600).is_empty());
    let work = || -> Vec<i64> { read(&db, campaigns::with_work).iter().map(|c| c.no).collect() };
    assert_eq!(work(), nos);
    assert_eq!(read(&db, campaigns::active_sums), (3, 6));

    apply(&db, &[offered(nos[0], hosts[0], 1, at(1_010))], at(1_010));
    for no in [nos[0], nos[1]] {
        write(&db, move |tx| {
            let mut record = campaigns::lock(tx, no)?.unwrap();
            let bulk = record.ledger.stop(false, 60, at(1_020)).unwrap();
            campaigns::bulk_move(tx, no, &bulk, at(1_020))?;
            campaigns::update_ledger(tx, no, &record.ledger, record.next_seq)
        });
    }
    assert_eq!(holders(1_021), ["Campaign 3"]);
    assert_eq!(work(), [nos[0], nos[2]], "stopped, but one host may still answer");
    assert_eq!(read(&db, campaigns::in_grace), [nos[0]]);
    assert_eq!(read(&db, campaigns::active_sums), (1, 2));
    let revisions = read(&db, campaigns::revisions);
    assert_eq!(revisions.iter().map(|(no, _)| *no).collect::<Vec<_>>(), [nos[2]]);
    let item = crate::given::answered(nos[0], hosts[0], rows(0, 1));
    apply(&db, &[item], at(1_030));
    assert_eq!((work(), read(&db, campaigns::in_grace)), (vec![nos[2]], vec![]));
});

both_engines!(a_bulk_move_touches_its_campaign_and_states_only, |db: Db| {
    let hosts = some_hosts(&db, 3);
    let nos = [launch(&db, 1, &hosts, &shape()), launch(&db, 2, &hosts, &shape())];
    apply(&db, &[offered(nos[0], hosts[0], 1, at(1_010))], at(1_010));
    let stopped = |no, discard| {
        write(&db, move |tx| {
            let mut record = campaigns::lock(tx, no)?.unwrap();
            let bulk = record.ledger.stop(discard, 60, at(1_020)).unwrap();
            let moved = campaigns::bulk_move(tx, no, &bulk, at(1_020))?;
            campaigns::update_ledger(tx, no, &record.ledger, record.next_seq)?;
            Ok(moved)
        })
    };
    assert_eq!(stopped(nos[0], false), 2);
    assert_eq!(
        read(&db, move |tx| campaigns::by_no(tx, nos[1])).unwrap().ledger.coverage.pending,
        3
    );
    assert_eq!(stopped(nos[1], true), 3);
});

/// The engine's word is law: a ledger that does not add up is never stored.
#[test]
#[should_panic(expected = "I1")]
fn a_campaign_needs_one_assignment_a_host() {
    let test = mimir_store::testing::TestDb::migrated_memory();
    let outcome = test.write::<_, mimir_store::DbError>(|tx| {
        campaigns::insert(tx, &new_campaign(1, 2, &shape()), &[1])
    });
    panic!("{}", outcome.unwrap_err());
}
