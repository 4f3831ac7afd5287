// SPDX-License-Identifier: Apache-2.0
//! Saved queries on both engines.

use mimir_store::both_engines;
use mimir_store::db::Db;
use mimir_store::saved_queries as saved;
use mimir_wire::api::saved_query::{NewSavedQuery, SavedQuery};
use mimir_wire::api::target::{Platform, Target};

use crate::given::{HOSTILE, assert_conflict, at, id, pages, read, refused, user, write};

fn query(name: &str, sql: &str) -> NewSavedQuery {
    let target = Target::OsIn { platforms: vec![Platform::Linux, Platform::Windows] };
    NewSavedQuery {
        name: name.to_owned(),
        description: format!("About {name}"),
        sql: sql.to_owned(),
        target,
    }
}

fn insert(db: &Db, n: u32, name: &str) {
    let new = query(name, &format!("SELECT {n}"));
    write(db, move |tx| saved::insert(tx, id(n), &new, &user(1), at(n.into())));
}

fn found(db: &Db, q: &str) -> Vec<String> {
    let q = q.to_owned();
    let (list, count) = read(db, move |tx| {
        Ok((saved::list(tx, Some(&q), "", 100)?, saved::list_count(tx, Some(&q))?))
    });
    assert_eq!(u64::try_from(list.len()).unwrap(), count);
    list.into_iter().map(|query| query.name).collect()
}

both_engines!(every_text_is_kept_as_a_version, |db: Db| {
    insert(&db, 1, "first");
    let stored = read(&db, |tx| saved::by_id(tx, id(1))).unwrap();
    let NewSavedQuery { name, description, sql, target } = query("first", "SELECT 1");
    let mut expected = SavedQuery {
        id: id(1),
        name,
        description,
        sql,
        target,
        created_by: user(1),
        created_at: at(1),
        updated_by: user(1),
        updated_at: at(1),
        version: 1,
    };
    assert_eq!(stored, expected);

    let mut new = query("renamed", "SELECT 'two'");
    new.target = Target::Hosts { host_ids: vec![id(7)] };
    let given = new.clone();
    assert!(write(&db, move |tx| saved::update(tx, id(1), &given, &user(2), at(9))));
    (expected.name, expected.description) = (new.name, new.description);
    (expected.sql, expected.target, expected.version) = (new.sql, new.target, 2);
    (expected.updated_by, expected.updated_at) = (user(2), at(9));
    assert_eq!(read(&db, |tx| saved::by_id(tx, id(1))), Some(expected));

    let versions = read(&db, |tx| saved::versions(tx, id(1)));
    let seen: Vec<_> = versions.iter().map(|v| (v.version, &*v.name, v.updated_at)).collect();
    assert_eq!(seen, [(2, "renamed", at(9)), (1, "first", at(1))]);
    assert_eq!(versions[1].sql, "SELECT 1");
    assert_eq!(versions[1].updated_by, user(1));

    assert!(write(&db, |tx| saved::delete(tx, id(1))));
    assert!(!write(&db, |tx| saved::delete(tx, id(1))), "a second time");
    assert_eq!(read(&db, |tx| saved::by_id(tx, id(1))), None);
    assert_eq!(read(&db, |tx| saved::versions(tx, id(1))).len(), 2, "still on record");
    insert(&db, 2, "renamed");
});

both_engines!(names_are_unique, |db: Db| {
    insert(&db, 1, "one");
    insert(&db, 2, "two");
    let new = query("one", "SELECT 3");
    let error = refused(&db, move |tx| saved::insert(tx, id(3), &new, &user(1), at(1)));
    assert_conflict(&error, "saved_query.name");
    let new = query("one", "SELECT 3");
    let error = refused(&db, move |tx| saved::update(tx, id(2), &new, &user(1), at(1)));
    assert_conflict(&error, "saved_query.name");
    assert_eq!(read(&db, |tx| saved::by_id(tx, id(2))).unwrap().name, "two");
    assert_eq!(read(&db, |tx| saved::versions(tx, id(2))).len(), 1);
    let new = query("two", "SELECT 'itself'");
    assert!(write(&db, move |tx| saved::update(tx, id(2), &new, &user(1), at(1))));
    let new = query("x", "SELECT 1");
    assert!(!write(&db, move |tx| saved::update(tx, id(9), &new, &user(1), at(1))));
    assert!(!write(&db, |tx| saved::delete(tx, id(9))));
    assert!(read(&db, |tx| saved::versions(tx, id(9))).is_empty());
});

both_engines!(lists_are_searched_and_paged, |db: Db| {
    let page = |after: Option<&SavedQuery>| {
        let after = after.map_or(String::new(), |query| query.name.clone());
        read(&db, move |tx| saved::list(tx, None, &after, 3))
    };
    assert!(pages(page).is_empty());
    for (n, name) in (1..).zip(HOSTILE) {
        insert(&db, n, name);
    }
    let mut expected: Vec<_> = HOSTILE.to_vec();
    expected.sort_unstable();
    let names: Vec<_> = pages(page).into_iter().map(|query| query.name).collect();
    assert_eq!(names, expected);
    for name in HOSTILE {
        assert!(found(&db, name).iter().any(|other| other == name), "{name:?}");
    }
    assert_eq!(found(&db, "%"), ["100%"]);
    assert_eq!(found(&db, "_"), ["under_score"]);
    assert_eq!(found(&db, "select 4").len(), 1, "the SQL is searched");
    assert_eq!(found(&db, "ABOUT").len(), HOSTILE.len(), "the description is searched");
    assert_eq!(found(&db, "no such"), Vec::<String>::new());
});
