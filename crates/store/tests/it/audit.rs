// SPDX-License-Identifier: Apache-2.0
//! The audit trail on both engines: what is written can be read and verified, and whatever is
//! altered, removed or added behind its back is found where it happened.

use mimir_store::audit::{self, Filter, NewEntry};
use mimir_store::db::{Db, Tx, Value};
use mimir_store::{DbError, Result, both_engines, values};
use mimir_wire::api::audit::{
    AuditActor, AuditEntry, AuditOutcome, AuditTarget, AuditVerification,
};
use serde_json::{Map, json};

use crate::given::{HOSTILE, at, pages, read, write};

fn entry(n: usize) -> NewEntry {
    let mut details = Map::new();
    details.insert("sql".to_owned(), json!(HOSTILE[n % HOSTILE.len()]));
    details.insert("hosts".to_owned(), json!(n));
    let text = |given: &str| (n.is_multiple_of(2)).then(|| given.to_owned());
    NewEntry {
        actor: AuditActor {
            id: text("0190-actor"),
            username: format!("Actor{n}"),
            role: text("admin"),
            api_key: (n.is_multiple_of(4)).then(|| "nightly".to_owned()),
        },
        address: "192.0.2.1".to_owned(),
        action: if n.is_multiple_of(3) { "campaign.launch" } else { "campaign.stop" }.to_owned(),
        target: AuditTarget {
            kind: "campaign".to_owned(),
            id: text("0190-target"),
            name: text(HOSTILE[n % HOSTILE.len()]),
        },
        outcome: if n.is_multiple_of(5) { AuditOutcome::Refused } else { AuditOutcome::Success },
        details,
    }
}

fn append(db: &Db, count: usize) {
    write(db, move |tx| {
        for n in 1..=count {
            let seq = audit::append(tx, &entry(n), at(i64::try_from(n).unwrap() * 10))?;
            assert_eq!(seq, i64::try_from(n).unwrap());
        }
        Ok(())
    });
}

/// What a verification finds after `tamper`, which is then undone.
fn after(
    db: &Db,
    tamper: impl Fn(&mut Tx<'_>) -> Result<u64> + Send + 'static,
) -> AuditVerification {
    enum Undo {
        Db(DbError),
        Found(AuditVerification),
    }
    impl From<DbError> for Undo {
        fn from(error: DbError) -> Self {
            Self::Db(error)
        }
    }
    let undone = db.write(move |tx| -> std::result::Result<(), Undo> {
        assert!(tamper(tx)? > 0, "nothing was altered");
        Err(Undo::Found(audit::verify(tx)?))
    });
    match undone {
        Err(Undo::Found(verification)) => verification,
        Err(Undo::Db(error)) => panic!("{error}"),
        Ok(()) => unreachable!("it always fails"),
    }
}

fn assert_bad(found: &AuditVerification, first_bad: &str, what: &str) {
    assert!(!found.ok, "{what} went unnoticed");
    assert_eq!(found.first_bad.as_deref(), Some(first_bad), "{what}");
}

both_engines!(a_sound_chain_verifies, |db: Db| {
    let none = read(&db, audit::verify);
    let expected = AuditVerification { ok: true, entries: 0, first_bad: None, head: None };
    assert_eq!(none, expected);
    append(&db, 6);
    let found = read(&db, audit::verify);
    assert!(found.ok && found.first_bad.is_none());
    assert_eq!(found.entries, 6);
    let newest = read(&db, |tx| audit::list(tx, &Filter::default(), None, 1));
    assert_eq!(found.head.as_deref(), Some(&*newest[0].hash));
});

both_engines!(entries_are_read_as_they_were_written, |db: Db| {
    append(&db, 6);
    let list = read(&db, |tx| audit::list(tx, &Filter::default(), None, 100));
    assert_eq!(list.len(), 6);
    for (n, shown) in (1..=6).rev().zip(&list) {
        let NewEntry { actor, address, action, target, outcome, details } = entry(n);
        let hash = shown.hash.clone();
        assert_eq!(hash.len(), 64);
        let at = at(i64::try_from(n).unwrap() * 10);
        let id = n.to_string();
        let expected =
            AuditEntry { id, at, actor, address, action, target, outcome, details, hash };
        assert_eq!(*shown, expected);
    }
});

both_engines!(any_altered_column_is_found_at_its_entry, |db: Db| {
    append(&db, 6);
    let text = || Value::from("tampered");
    let alterations: [(&'static str, Value); 22] = [
        ("seq", Value::from(77)),
        ("at", Value::from(1)),
        ("actor_id", text()),
        ("actor_id", Value::Null),
        ("actor_id", Value::from("")),
        ("actor_name", text()),
        ("actor_role", text()),
        ("actor_role", Value::Null),
        ("api_key", text()),
        ("api_key", Value::Null),
        ("api_key", Value::from("")),
        ("address", text()),
        ("action", text()),
        ("target_type", text()),
        ("target_id", Value::Null),
        ("target_id", text()),
        ("target_name", Value::Null),
        ("target_name", text()),
        ("outcome", Value::from("refused")),
        ("outcome", Value::from("no such outcome")),
        ("details", Value::from("{}")),
        ("details", Value::from("no JSON")),
    ];
    for (column, value) in alterations {
        let what = format!("{column} = {value:?}");
        let found = after(&db, move |tx| {
            let sql = format!("update audit set {column} = $1 where seq = 4");
            tx.execute(&sql, std::slice::from_ref(&value))
        });
        assert_bad(&found, "4", &what);
        assert_eq!(found.entries, 3, "{what}");
    }
    let found = after(&db, |tx| {
        tx.execute("update audit set hash = $1 where seq = 4", &values![&[0_u8; 32][..]])
    });
    assert_bad(&found, "4", "hash");
    assert!(read(&db, audit::verify).ok, "every alteration was undone");
});

both_engines!(details_that_mean_the_same_are_still_an_alteration, |db: Db| {
    append(&db, 2);
    let found =
        after(&db, |tx| tx.execute("update audit set details = details || ' ' where seq = 2", &[]));
    assert_bad(&found, "2", "white space");
});

both_engines!(removed_and_added_entries_are_found, |db: Db| {
    append(&db, 6);
    let run = |sql: &'static str| after(&db, move |tx| tx.execute(sql, &[]));
    assert_bad(&run("delete from audit where seq = 1"), "1", "the first");
    assert_bad(&run("delete from audit where seq = 3"), "3", "one in the middle");
    assert_bad(&run("delete from audit where seq in (3, 4)"), "3", "two in the middle");
    assert_bad(&run("delete from audit where seq = 6"), "6", "the last");
    assert_bad(&run("delete from audit where seq > 4"), "5", "the last two");
    assert_bad(&run("delete from audit"), "1", "all");
    let copy = "insert into audit select 7, at, actor_id, actor_name, actor_role, api_key, \
                address, action, target_type, target_id, target_name, outcome, details, hash \
                from audit where seq = 6";
    assert_bad(&run(copy), "7", "one more");
    let swap = "update audit set actor_name = case seq when 2 then 'Actor3' else 'Actor2' end \
                where seq in (2, 3)";
    assert_bad(&run(swap), "2", "two exchanged");
    assert!(!run("update audit_head set seq = 5").ok);
    assert!(!run("update audit_head set seq = 7").ok);
    let found =
        after(&db, |tx| tx.execute("update audit_head set hash = $1", &values![&[1_u8; 32][..]]));
    assert!(!found.ok);
});

both_engines!(entries_are_filtered_and_paged, |db: Db| {
    append(&db, 12);
    let ids = |filter: Filter| -> Vec<String> {
        let page = |before: Option<&AuditEntry>| {
            let (filter, before) = (filter.clone(), before.map(|e| e.id.parse().unwrap()));
            read(&db, move |tx| audit::list(tx, &filter, before, 3))
        };
        pages(page).into_iter().map(|entry| entry.id).collect()
    };
    let all = Filter::default;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ids(all()).len(), 12);
    assert_eq!(ids(Filter { action: some("campaign.launch"), ..all() }), ["12", "9", "6", "3"]);
    assert_eq!(ids(Filter { action: some("CAMPAIGN.L"), ..all() }), ["12", "9", "6", "3"]);
    assert_eq!(ids(Filter { action: some("launch"), ..all() }).len(), 0, "its beginning");
    assert_eq!(ids(Filter { action: some(""), ..all() }).len(), 12);
    assert_eq!(ids(Filter { action: some("%"), ..all() }).len(), 0);
    assert_eq!(ids(Filter { actor: some("actor1"), ..all() }), ["12", "11", "10", "1"]);
    assert_eq!(ids(Filter { actor: some("_"), ..all() }).len(), 0);
    let (from, to) = (Some(at(30)), Some(at(60)));
    assert_eq!(ids(Filter { from, to, ..all() }), ["5", "4", "3"]);
});

both_engines!(what_is_undone_is_not_in_the_trail, |db: Db| {
    append(&db, 1);
    let undone: Result<()> = db.write(|tx| {
        audit::append(tx, &entry(2), at(20))?;
        Err(DbError::Unsupported("on purpose"))
    });
    assert!(undone.is_err());
    let found = read(&db, audit::verify);
    assert_eq!((found.ok, found.entries), (true, 1));
    assert_eq!(write(&db, |tx| audit::append(tx, &entry(2), at(20))), 2);
});
