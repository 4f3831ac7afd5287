// SPDX-License-Identifier: Apache-2.0
//! Indicators on both engines.

use mimir_store::both_engines;
use mimir_store::db::Db;
use mimir_store::indicators::{self, IndicatorRecord};
use mimir_wire::api::indicator::{
    IndicatorFilter, IndicatorType, IndicatorWarning, Severity, WarningCode,
};

use crate::given::{HOSTILE, at, id, pages, read, user, write};

fn indicator(n: u32, kind: IndicatorType, value: &str) -> IndicatorRecord {
    IndicatorRecord {
        no: 0,
        id: id(n),
        kind,
        value: value.to_owned(),
        severity: Severity::Medium,
        description: format!("Number {n}"),
        tags: vec!["all".to_owned(), format!("tag:{n}=\"x\"")],
        source: "manual".to_owned(),
        active: true,
        expires_at: None,
        kept_despite: Vec::new(),
        created_by: user(1),
        created_at: at(n.into()),
        updated_at: at(n.into()),
    }
}

fn insert(db: &Db, indicators: &[IndicatorRecord]) -> u64 {
    let indicators = indicators.to_vec();
    write(db, move |tx| indicators::insert_new(tx, &indicators))
}

/// Values of what a filter finds, newest first; the count must agree.
fn found(db: &Db, filter: IndicatorFilter) -> Vec<String> {
    let now = at(1000);
    let (list, count) = read(db, move |tx| {
        let list = indicators::list(tx, &filter, now, None, 100)?;
        Ok((list, indicators::list_count(tx, &filter, now)?))
    });
    assert_eq!(u64::try_from(list.len()).unwrap(), count);
    list.into_iter().map(|indicator| indicator.value).collect()
}

both_engines!(what_is_stored_is_what_was_given, |db: Db| {
    let mut new = indicator(1, IndicatorType::Filepath, HOSTILE[1]);
    new.expires_at = Some(at(50));
    new.active = false;
    new.kept_despite =
        vec![IndicatorWarning { code: WarningCode::TooGeneral, message: HOSTILE.concat() }];
    assert_eq!(insert(&db, std::slice::from_ref(&new)), 1);
    let stored = read(&db, |tx| indicators::by_id(tx, id(1))).unwrap();
    new.no = stored.no;
    assert_eq!(stored, new);
    let several = read(&db, |tx| indicators::by_ids(tx, &[id(9), id(1)]));
    assert_eq!(several, [new.clone()]);

    new.severity = Severity::Critical;
    new.description = "Changed".to_owned();
    new.tags = Vec::new();
    new.active = true;
    new.expires_at = None;
    new.updated_at = at(70);
    let after = new.clone();
    write(&db, move |tx| indicators::update(tx, &after));
    assert_eq!(read(&db, |tx| indicators::by_id(tx, id(1))), Some(new));
    assert!(write(&db, |tx| indicators::delete(tx, id(1))));
    assert!(!write(&db, |tx| indicators::delete(tx, id(1))));
    assert_eq!(read(&db, |tx| indicators::by_id(tx, id(1))), None);
});

both_engines!(kind_and_value_are_there_once, |db: Db| {
    let domain = IndicatorType::Domain;
    let first = [indicator(1, domain, "a.example"), indicator(2, domain, "b.example")];
    assert_eq!(insert(&db, &first), 2);
    let again = [
        indicator(3, domain, "a.example"),
        indicator(4, IndicatorType::Filename, "a.example"),
        indicator(5, IndicatorType::Filename, "a.example"),
        indicator(6, domain, "A.example"),
    ];
    assert_eq!(insert(&db, &again), 2, "a name of a file, and another value");
    let ids = read(&db, move |tx| {
        let wanted = [
            (IndicatorType::Filename, "a.example"),
            (domain, "a.example"),
            (domain, "none.example"),
            (domain, "a.example"),
        ];
        indicators::ids_of(tx, &wanted)
    });
    assert_eq!(ids, [Some(id(4)), Some(id(1)), None, Some(id(1))]);
});

both_engines!(filters_find_by_every_member, |db: Db| {
    let mut list = [
        indicator(1, IndicatorType::Domain, "evil.example"),
        indicator(2, IndicatorType::Ipv4, "192.0.2.1"),
        indicator(3, IndicatorType::Filename, "100%_\\.exe"),
    ];
    list[0].expires_at = Some(at(1000));
    list[1].severity = Severity::High;
    list[1].source = "feed:test".to_owned();
    list[1].expires_at = Some(at(1001));
    list[2].active = false;
    assert_eq!(insert(&db, &list), 3);
    let all = ["100%_\\.exe", "192.0.2.1", "evil.example"];
    assert_eq!(found(&db, IndicatorFilter::default()), all);
    let q = |q: &str| IndicatorFilter { q: Some(q.to_owned()), ..IndicatorFilter::default() };
    assert_eq!(found(&db, q("EVIL")), ["evil.example"]);
    assert_eq!(found(&db, q("number 2")), ["192.0.2.1"]);
    assert_eq!(found(&db, q("0%_\\")), ["100%_\\.exe"]);
    assert_eq!(found(&db, q("tag:1=")), ["evil.example"]);
    let tag =
        |tag: &str| IndicatorFilter { tag: Some(tag.to_owned()), ..IndicatorFilter::default() };
    assert_eq!(found(&db, tag("ALL")), all);
    assert_eq!(found(&db, tag("al")), [""; 0]);
    assert_eq!(found(&db, tag("tag:2=\"x\"")), ["192.0.2.1"]);
    let kind = Some(IndicatorType::Filename);
    assert_eq!(found(&db, IndicatorFilter { kind, ..IndicatorFilter::default() }), [all[0]]);
    let severity = Some(Severity::High);
    assert_eq!(found(&db, IndicatorFilter { severity, ..IndicatorFilter::default() }), [all[1]]);
    let source = Some("feed:test".to_owned());
    assert_eq!(found(&db, IndicatorFilter { source, ..IndicatorFilter::default() }), [all[1]]);
    let active = |active| IndicatorFilter { active: Some(active), ..IndicatorFilter::default() };
    assert_eq!(found(&db, active(true)), [all[1]], "not one that has just expired");
    assert_eq!(found(&db, active(false)), [all[0], all[2]]);
});

both_engines!(pages_give_each_once, |db: Db| {
    let list: Vec<_> =
        (1..8).map(|n| indicator(n, IndicatorType::Ipv4, &format!("192.0.2.{n}"))).collect();
    assert_eq!(insert(&db, &list), 7);
    let all = pages(|last: Option<&IndicatorRecord>| {
        let before = last.map(|last| last.no);
        let filter = IndicatorFilter::default();
        read(&db, move |tx| indicators::list(tx, &filter, at(1000), before, 3))
    });
    let ids: Vec<_> = all.iter().map(|indicator| indicator.id).collect();
    assert_eq!(ids, [7, 6, 5, 4, 3, 2, 1].map(id));
});
