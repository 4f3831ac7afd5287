// SPDX-License-Identifier: Apache-2.0
//! Reading the ledger on both engines.

use mimir_engine::campaign::ledger::Event;
use mimir_store::assignments::{self, AssignmentRecord, Filter};
use mimir_store::db::Db;
use mimir_store::{both_engines, hosts};
use mimir_wire::api::campaign::{AssignmentState, Outcome};

use crate::given::{
    answered, apply, at, failed, happened, host, launch, offered, pages, read, rows, shape, write,
};

/// Six hosts with a tie in their names, one campaign, one host in each of six situations.
fn given(db: &Db) -> (i64, Vec<i64>) {
    let names = ["same", "same", "100%", "A_b", "last", "aXb"];
    let hosts: Vec<i64> =
        write(db, move |tx| (1..).zip(names).map(|(n, name)| host(tx, n, name)).collect());
    let no = launch(db, 1, &hosts, &shape());
    let items = [
        offered(no, hosts[0], 2, at(1_010)),
        answered(no, hosts[1], rows(0, 3)),
        answered(no, hosts[2], failed(0, Outcome::Error, "no such table: x")),
        happened(no, hosts[3], Event::Blocked),
        happened(no, hosts[4], Event::Lost),
    ];
    apply(db, &items, at(1_020));
    (no, hosts)
}

fn found(db: &Db, no: i64, filter: Filter) -> Vec<String> {
    let (list, count) = read(db, move |tx| {
        let list = assignments::list(tx, no, &filter, None, 100)?;
        Ok((list, assignments::list_count(tx, no, &filter)?))
    });
    assert_eq!(u64::try_from(list.len()).unwrap(), count);
    list.into_iter().map(|assignment| assignment.hostname).collect()
}

both_engines!(assignments_are_filtered_and_paged, |db: Db| {
    let (no, hosts) = given(&db);
    let all = Filter::default;
    assert_eq!(found(&db, no, all()), ["100%", "A_b", "aXb", "last", "same", "same"]);
    assert!(found(&db, 99, all()).is_empty());
    let state = |state| Filter { states: vec![state], ..all() };
    assert_eq!(found(&db, no, state(AssignmentState::Pending)), ["aXb"]);
    assert_eq!(found(&db, no, state(AssignmentState::Responded)), ["100%", "same"]);
    assert_eq!(found(&db, no, state(AssignmentState::Blocked)), ["A_b"]);
    assert!(found(&db, no, state(AssignmentState::Rejected)).is_empty());
    let states = vec![AssignmentState::Pending, AssignmentState::Blocked];
    assert_eq!(found(&db, no, Filter { states, ..all() }), ["A_b", "aXb"]);
    assert_eq!(found(&db, no, Filter { truncated: Some(false), ..all() }).len(), 6);
    assert!(found(&db, no, Filter { truncated: Some(true), ..all() }).is_empty());
    let outcome = Some(Outcome::Error);
    assert_eq!(found(&db, no, Filter { outcome, ..all() }), ["100%"]);
    assert!(found(&db, no, Filter { late: Some(true), ..all() }).is_empty());
    assert_eq!(found(&db, no, Filter { late: Some(false), ..all() }).len(), 6);
    let q = |text: &str| Filter { q: Some(text.to_owned()), ..all() };
    assert_eq!(found(&db, no, q("%")), ["100%"]);
    assert_eq!(found(&db, no, q("a_B")), ["A_b"]);

    let page = |after: Option<&AssignmentRecord>, limit| {
        let after = after.map(|a| (a.hostname.clone(), a.host_no));
        read(&db, move |tx| {
            let after = after.as_ref().map(|(name, no)| (name.as_str(), *no));
            assignments::list(tx, no, &Filter::default(), after, limit)
        })
    };
    let listed = page(None, 100);
    assert_eq!(listed[4].host_no, hosts[0], "a tie is ordered by number");
    for limit in [1, 2, 5] {
        assert_eq!(pages(|after| page(after, limit)), listed);
    }
});

both_engines!(an_assignment_tells_where_it_stands, |db: Db| {
    let (no, hosts) = given(&db);
    let list = read(&db, move |tx| assignments::list(tx, no, &Filter::default(), None, 9));
    let of = |host_no| list.iter().find(|a| a.host_no == host_no).unwrap();
    let open = of(hosts[0]);
    assert_eq!((open.ledger.state, open.ledger.attempts), (AssignmentState::Offered, 2));
    assert_eq!(open.ledger.offered_at, Some(at(1_010)));
    assert_eq!(open.ledger.state_changed_at, at(1_020));
    let answer = of(hosts[1]);
    assert_eq!((answer.ledger.outcome, answer.ledger.row_count), (Some(Outcome::Rows), 3));
    assert_eq!(answer.ledger.responded_at, Some(at(1_020)));
    assert_eq!((answer.host_last_seen_at, answer.host_decommissioned), (at(2), false));
    assert_eq!(of(hosts[2]).ledger.error.as_deref(), Some("no such table: x"));
    assert_eq!(of(hosts[3]).ledger.reason.as_deref(), Some("blocked_sql"));
    let untouched = of(hosts[5]);
    assert_eq!((untouched.ledger.attempts, untouched.ledger.offered_at), (0, None));
    assert_eq!(untouched.ledger.state_changed_at, at(1_000));

    let gone = hosts[1];
    write(&db, move |tx| hosts::decommission(tx, gone, false, at(2_000)));
    let list = read(&db, move |tx| assignments::list(tx, no, &Filter::default(), None, 9));
    assert!(list.iter().all(|a| a.host_decommissioned == (a.host_no == gone)));
});

both_engines!(who_waits_is_listed_by_last_contact, |db: Db| {
    let (no, hosts) = given(&db);
    let pending = |q: Option<&'static str>, after, limit| {
        read(&db, move |tx| assignments::pending(tx, no, q, after, limit))
    };
    let numbers = |list: &[AssignmentRecord]| list.iter().map(|a| a.host_no).collect::<Vec<_>>();
    assert_eq!(numbers(&pending(None, None, 9)), [hosts[0], hosts[5]]);
    let seen = [(hosts[5], at(-7)), (hosts[0], at(-7))];
    write(&db, move |tx| hosts::set_last_seen(tx, &seen));
    for limit in [1, 9] {
        let listed = pages(|after: Option<&AssignmentRecord>| {
            pending(None, after.map(|a| (a.host_last_seen_at, a.host_no)), limit)
        });
        assert_eq!(numbers(&listed), [hosts[0], hosts[5]], "a tie is ordered by number");
    }
    assert_eq!(numbers(&pending(Some("X"), None, 9)), [hosts[5]]);
    let count =
        |q: Option<&'static str>| read(&db, move |tx| assignments::pending_count(tx, no, q));
    assert_eq!([count(None), count(Some("X")), count(Some("_"))], [2, 1, 0]);
});

both_engines!(the_picture_is_built_from_what_is_open, |db: Db| {
    let (no, hosts) = given(&db);
    let other = launch(&db, 2, &hosts[..2], &shape());
    let open = read(&db, move |tx| assignments::open_hosts(tx, no));
    let expected =
        [(hosts[0], 2, AssignmentState::Offered), (hosts[5], 0, AssignmentState::Pending)];
    assert_eq!(open, expected);
    assert!(read(&db, |tx| assignments::open_hosts(tx, 99)).is_empty());

    let campaigns = |host| read(&db, move |tx| assignments::open_campaigns_of_host(tx, host));
    assert_eq!(campaigns(hosts[0]), [no, other]);
    assert_eq!(campaigns(hosts[1]), [other], "the first one is answered");
    assert_eq!(campaigns(hosts[2]), Vec::<i64>::new());
    assert_eq!(campaigns(99), Vec::<i64>::new());

    let first = hosts[0];
    let of_host = read(&db, move |tx| assignments::of_host(tx, &[other, 99, no], first));
    let expected = [(other, 0, AssignmentState::Pending), (no, 2, AssignmentState::Offered)];
    assert_eq!(of_host, expected);
});
