// SPDX-License-Identifier: Apache-2.0
//! Hosts on both engines.

use mimir_store::both_engines;
use mimir_store::db::Db;
use mimir_store::hosts::{self, Filter, HostRecord, Order, SortBy, SortValue, StatusCounts};
use mimir_wire::Timestamp;
use mimir_wire::api::target::Platform;

use crate::given::{
    HOSTILE, assert_conflict, assert_missing, at, facts, host, id, pages, read, refused,
    some_hosts, write,
};

/// Names of the hosts that a search finds, in the list's order; the count must agree.
fn found(db: &Db, filter: &Filter) -> Vec<String> {
    let filter = filter.clone();
    let (list, count) = read(db, move |tx| {
        Ok((
            hosts::list(tx, &filter, Order::default(), None, 1_000)?,
            hosts::list_count(tx, &filter)?,
        ))
    });
    assert_eq!(u64::try_from(list.len()).unwrap(), count);
    list.into_iter().map(|host| host.facts.hostname).collect()
}

fn search(q: &str) -> Filter {
    Filter { q: Some(q.to_owned()), ..Filter::default() }
}

both_engines!(a_host_is_read_as_it_was_written, |db: Db| {
    let no = write(&db, |tx| host(tx, 1, "alpha"));
    let record = read(&db, |tx| hosts::by_id(tx, id(1))).unwrap();
    assert_eq!((record.no, record.id), (no, id(1)));
    assert_eq!(record.facts, facts("alpha"));
    assert_eq!((record.enrolled_at, record.last_seen_at), (at(1), at(1)));
    assert_eq!((record.decommissioned_at, record.clone_seen_at), (None, None));
    assert!(!record.reenrollment_blocked);
    assert_eq!(read(&db, |tx| hosts::by_machine(tx, "machine-1")), Some(record));

    let mut changed = facts("beta");
    changed.platform = None;
    let new = changed.clone();
    write(&db, move |tx| hosts::update_facts(tx, no, &new, at(9)));
    write(&db, move |tx| hosts::clone_seen(tx, no, at(8)));
    let record = read(&db, |tx| hosts::by_id(tx, id(1))).unwrap();
    assert_eq!((record.facts, record.enrolled_at), (changed, at(1)));
    assert_eq!((record.last_seen_at, record.clone_seen_at), (at(9), Some(at(8))));

    assert_eq!(read(&db, |tx| hosts::by_id(tx, id(2))), None);
    assert_eq!(read(&db, |tx| hosts::by_machine(tx, "machine-2")), None);
    assert_eq!(read(&db, |tx| hosts::brief_by_no(tx, 99)), None);
    assert_missing(&refused(&db, |tx| hosts::update_facts(tx, 99, &facts("x"), at(1))));
    assert_missing(&refused(&db, |tx| hosts::clone_seen(tx, 99, at(1))));
});

both_engines!(one_living_host_a_machine, |db: Db| {
    let no = write(&db, |tx| host(tx, 1, "alpha"));
    let error = refused(&db, |tx| hosts::insert(tx, id(2), "machine-1", &facts("b"), at(1)));
    assert_conflict(&error, "host.machine_key");
    let error = refused(&db, |tx| hosts::insert(tx, id(1), "machine-2", &facts("b"), at(1)));
    assert_conflict(&error, "host.id");

    assert!(write(&db, move |tx| hosts::decommission(tx, no, false, at(5))));
    assert!(!write(&db, move |tx| hosts::decommission(tx, no, true, at(6))), "a second time");
    assert!(!write(&db, |tx| hosts::decommission(tx, 99, true, at(6))), "an unknown host");
    let record = read(&db, |tx| hosts::by_id(tx, id(1))).unwrap();
    assert_eq!((record.decommissioned_at, record.reenrollment_blocked), (Some(at(5)), false));
    assert_eq!(read(&db, |tx| hosts::by_machine(tx, "machine-1")), None);
    assert!(!read(&db, |tx| hosts::machine_blocked(tx, "machine-1")));

    let again = write(&db, |tx| hosts::insert(tx, id(2), "machine-1", &facts("b"), at(7)));
    assert!(again > no, "a number is never used twice");
    assert!(write(&db, move |tx| hosts::decommission(tx, again, true, at(8))));
    assert!(read(&db, |tx| hosts::machine_blocked(tx, "machine-1")));
    assert!(!read(&db, |tx| hosts::machine_blocked(tx, "machine-9")));
    assert_eq!(read(&db, hosts::living_nos), Vec::<i64>::new());
});

both_engines!(hostile_texts_come_back_and_are_found_by_themselves, |db: Db| {
    let long = "x".repeat(20_000);
    let names: Vec<String> = HOSTILE.iter().copied().chain([&*long]).map(str::to_owned).collect();
    let given = names.clone();
    write(&db, move |tx| {
        for (n, name) in (1..).zip(&given) {
            host(tx, n, name)?;
        }
        Ok(())
    });
    for (n, name) in (1..).zip(&names) {
        let record = read(&db, move |tx| hosts::by_id(tx, id(n))).unwrap();
        assert_eq!(record.facts, facts(name));
        assert!(found(&db, &search(name)).contains(name), "{name:?}");
    }
    let mut bytewise = names;
    bytewise.sort_unstable();
    assert_eq!(found(&db, &Filter::default()), bytewise, "in order of bytes on both engines");
});

both_engines!(searches_take_percent_underscore_and_backslash_literally, |db: Db| {
    let names = ["a%b", "a_b", "a\\b", "aXb", "A%B2", "ab", "M\u{dc}NCHEN-1", "m\u{fc}nchen-2"];
    write(&db, move |tx| {
        for (n, name) in (1..).zip(names) {
            host(tx, n, name)?;
        }
        Ok(())
    });
    let finds = |q: &str| found(&db, &search(q));
    assert_eq!(finds("%"), ["A%B2", "a%b"]);
    assert_eq!(finds("_"), ["a_b"]);
    assert_eq!(finds("\\"), ["a\\b"]);
    assert_eq!(finds("a%B"), ["A%B2", "a%b"], "case is ignored");
    assert_eq!(finds("").len(), names.len());
    assert_eq!(finds("nothing like it"), Vec::<String>::new());
    assert_eq!(finds("M\u{dc}NCHEN"), ["M\u{dc}NCHEN-1"], "a text is found by itself");
    assert_eq!(finds("M\u{fc}nchen"), ["m\u{fc}nchen-2"], "case is ignored in ASCII");
    assert_eq!(finds("SERIAL-AX"), ["aXb"], "the serial is searched");
    assert_eq!(finds("uuid-ab"), ["ab"]);
    assert_eq!(finds("IDENT-ab"), ["ab"]);
    assert_eq!(finds("192.0.2.7").len(), names.len());
    assert_eq!(finds("a\0b"), ["ab"], "U+0000 cannot be stored and cannot be searched");
});

both_engines!(lists_page_through_ties_without_loss, |db: Db| {
    assert!(
        read(&db, |tx| hosts::list(tx, &Filter::default(), Order::default(), None, 2)).is_empty()
    );
    write(&db, |tx| {
        for n in 1..=7 {
            host(tx, n, ["same", "same", "other", ""][usize::try_from(n).unwrap() % 4])?;
        }
        Ok(())
    });
    // Two were heard of at the same moment, and none of the others.
    write(&db, |tx| hosts::set_last_seen(tx, &[(2, at(9_000)), (5, at(9_000))]));
    let page = |order: Order, after: Option<&HostRecord>, limit| {
        let after = after.map(|host| match order.by {
            SortBy::Hostname => (SortValue::Name(host.facts.hostname.clone()), host.no),
            SortBy::LastSeen => (SortValue::Time(host.last_seen_at), host.no),
            SortBy::Enrolled => (SortValue::Time(host.enrolled_at), host.no),
        });
        read(&db, move |tx| hosts::list(tx, &Filter::default(), order, after.clone(), limit))
    };
    for by in [SortBy::Hostname, SortBy::LastSeen, SortBy::Enrolled] {
        for descending in [false, true] {
            let order = Order { by, descending };
            let all = page(order, None, 100);
            assert_eq!(all.len(), 7);
            let mut sorted = all.clone();
            sorted.sort_by_key(|host| match by {
                SortBy::Hostname => (host.facts.hostname.clone(), 0, host.no),
                SortBy::LastSeen => (String::new(), host.last_seen_at.micros(), host.no),
                SortBy::Enrolled => (String::new(), host.enrolled_at.micros(), host.no),
            });
            if descending {
                sorted.reverse();
            }
            assert_eq!(all, sorted, "{order:?}");
            for limit in [1, 2, 3, 7] {
                let paged = pages(|after| page(order, after, limit));
                assert_eq!(paged, all, "{order:?} by {limit}");
            }
        }
    }

    let briefs = pages(|after: Option<&hosts::HostBrief>| {
        let after = after.map_or(0, |brief| brief.no);
        read(&db, move |tx| hosts::briefs(tx, after, 3))
    });
    assert_eq!(briefs.len(), 7);
    assert!(briefs.is_sorted_by_key(|brief| brief.no));
    let one = briefs[3].clone();
    assert_eq!(read(&db, move |tx| hosts::brief_by_no(tx, one.no)), Some(briefs[3].clone()));
    assert_eq!(briefs[0].hardware_uuid, "uuid-same");
    assert!(!briefs[0].decommissioned);
});

both_engines!(filters_narrow_the_list, |db: Db| {
    write(&db, |tx| {
        for n in 1..=4_u32 {
            let mut facts = facts(&format!("h{n}"));
            facts.platform = [Some(Platform::Windows), Some(Platform::Linux), None]
                [usize::try_from(n).unwrap() % 3];
            hosts::insert(tx, id(n), &format!("m{n}"), &facts, at(i64::from(n) * 10))?;
        }
        let fourth = hosts::by_id(tx, id(4))?.unwrap().no;
        hosts::decommission(tx, fourth, false, at(50))
    });
    let all = Filter::default;
    assert_eq!(found(&db, &all()), ["h1", "h2", "h3", "h4"]);
    assert_eq!(found(&db, &Filter { platform: Some(Platform::Linux), ..all() }), ["h1", "h4"]);
    assert_eq!(found(&db, &Filter { platform: Some(Platform::Windows), ..all() }), ["h3"]);
    assert!(found(&db, &Filter { platform: Some(Platform::Darwin), ..all() }).is_empty());
    assert_eq!(found(&db, &Filter { seen_from: Some(at(20)), ..all() }), ["h2", "h3", "h4"]);
    assert_eq!(found(&db, &Filter { seen_before: Some(at(20)), ..all() }), ["h1"]);
    assert_eq!(found(&db, &Filter { decommissioned: Some(true), ..all() }), ["h4"]);
    assert_eq!(found(&db, &Filter { decommissioned: Some(false), ..all() }), ["h1", "h2", "h3"]);

    let counts = read(&db, |tx| hosts::counts(tx, at(30), at(20)));
    let expected = StatusCounts { online: 1, stale: 1, offline: 1, decommissioned: 1 };
    assert_eq!(counts, expected);
});

both_engines!(last_contact_is_stored_in_bulk, |db: Db| {
    let nos = some_hosts(&db, 3);
    let seen = vec![(nos[0], at(500)), (nos[2], at(600)), (9_999, at(700))];
    assert_eq!(write(&db, move |tx| hosts::set_last_seen(tx, &seen)), 2, "unknown: passed over");
    assert_eq!(write(&db, |tx| hosts::set_last_seen(tx, &[])), 0);
    let mut since = read(&db, |tx| hosts::seen_since(tx, at(499)));
    since.sort_unstable();
    assert_eq!(since, [(nos[0], at(500)), (nos[2], at(600))]);
    let nobody: Vec<(i64, Timestamp)> = Vec::new();
    assert_eq!(read(&db, |tx| hosts::seen_since(tx, at(600))), nobody);
    assert_eq!(read(&db, hosts::living_nos), nos);
});
