// SPDX-License-Identifier: Apache-2.0
//! Settings, facts of the installation, remembered answers and the live relay on both engines.

use mimir_engine::limits::default_settings;
use mimir_store::db::Db;
use mimir_store::idempotency::{self, Remembered};
use mimir_store::{DbError, both_engines, live_relay, meta, settings};
use serde_json::{Map, json};

use crate::given::{HOSTILE, assert_conflict, at, id, read, refused, write};

fn store(db: &Db, name: &str, value: serde_json::Value) {
    let mut changed = Map::new();
    changed.insert(name.to_owned(), value);
    write(db, move |tx| settings::store(tx, &changed));
}

both_engines!(what_is_stored_wins_over_the_defaults, |db: Db| {
    let load = || read(&db, |tx| settings::load(tx, &default_settings()));
    assert_eq!(load(), default_settings());
    store(&db, "offline_campaigns_enabled", json!(true));
    store(&db, "max_concurrent_hunts", json!(3));
    store(&db, "max_concurrent_hunts", json!(4));
    store(&db, "denied_tables", json!(HOSTILE));
    store(&db, "a_setting_of_a_later_version", json!({"x": 1}));
    let mut expected = default_settings();
    expected.offline_campaigns_enabled = true;
    expected.max_concurrent_hunts = 4;
    expected.denied_tables = HOSTILE.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(load(), expected);
    write(&db, |tx| settings::store(tx, &Map::new()));
    assert_eq!(load(), expected);
});

both_engines!(a_damaged_setting_is_an_error_and_no_default, |db: Db| {
    store(&db, "denied_tables", json!("not a list"));
    let fails = || db.read::<_, DbError>(|tx| settings::load(tx, &default_settings()));
    let error = fails().unwrap_err();
    assert!(matches!(error, DbError::Column { .. }), "{error:?}");
    write(&db, |tx| tx.execute("update setting set value = '[\"curl\"'", &[]));
    let error = fails().unwrap_err();
    assert!(matches!(error, DbError::Column { .. }), "{error:?}");
});

both_engines!(a_fact_of_the_installation_is_set_once, |db: Db| {
    let get = |name: &'static str, fresh: &'static [u8]| {
        write(&db, move |tx| meta::get_or_insert(tx, name, fresh))
    };
    assert_eq!(get("secret", &[0, 255, 7]), [0, 255, 7]);
    assert_eq!(get("secret", &[1]), [0, 255, 7]);
    assert_eq!(get("other", &[]), [0_u8; 0]);
});

fn answer(n: u32) -> Remembered {
    Remembered { body_hash: vec![1, 2], status: 200 + n, response: format!("{{\"n\":{n}}}") }
}

both_engines!(an_answer_is_remembered_for_its_account_and_time, |db: Db| {
    let get = |user, key: &'static str, since| {
        read(&db, move |tx| idempotency::get(tx, id(user), key, at(since)))
    };
    let put = |user, n, now, expired| {
        let key = HOSTILE[0];
        db.write::<_, DbError>(move |tx| {
            idempotency::put(tx, id(user), key, &answer(n), at(now), at(expired))
        })
    };
    put(1, 0, 100, 0).unwrap();
    assert_eq!(get(1, HOSTILE[0], 99), Some(answer(0)));
    assert_eq!(get(1, HOSTILE[0], 100), None, "expired");
    assert_eq!(get(2, HOSTILE[0], 0), None, "another account");
    assert_eq!(get(1, "another key", 0), None);
    put(2, 2, 100, 0).unwrap();
    let error = put(1, 1, 150, 99).unwrap_err();
    assert_conflict(&error, "idempotency.account_id, idempotency.idempotency_key");
    put(1, 1, 150, 100).unwrap();
    assert_eq!(get(1, HOSTILE[0], 100), Some(answer(1)), "an expired one is replaced");
    assert_eq!(write(&db, |tx| idempotency::prune(tx, at(99))), 0);
    assert_eq!(write(&db, |tx| idempotency::prune(tx, at(100))), 1);
    assert_eq!(get(2, HOSTILE[0], 0), None);
    assert_eq!(get(1, HOSTILE[0], 0), Some(answer(1)));
});

both_engines!(relayed_messages_come_in_order_and_go, |db: Db| {
    assert_eq!(read(&db, live_relay::head), 0);
    assert!(read(&db, |tx| live_relay::since(tx, 0, 10)).is_empty());
    let put = |n: u32, now| {
        write(&db, move |tx| {
            live_relay::put(tx, id(n), "rows", HOSTILE[usize::try_from(n).unwrap()], at(now))
        })
    };
    let seqs = [put(1, 10), put(2, 20), put(3, 30)];
    assert!(seqs.is_sorted());
    assert_eq!(read(&db, live_relay::head), seqs[2]);
    let since = |seq, limit| read(&db, move |tx| live_relay::since(tx, seq, limit));
    let all = since(0, 10);
    assert_eq!(all.iter().map(|message| message.seq).collect::<Vec<_>>(), seqs);
    assert_eq!((all[0].live_id, &*all[0].payload), (id(1), HOSTILE[1]));
    assert_eq!(since(seqs[0], 1), all[1..2]);
    assert!(since(seqs[2], 10).is_empty());

    assert_eq!(write(&db, |tx| live_relay::prune(tx, at(20))), 1);
    assert_eq!(since(0, 10), all[1..]);
    assert_eq!(write(&db, |tx| live_relay::prune(tx, at(99))), 2);
    assert!(put(1, 40) > seqs[2], "a number is never used twice");
    let error = refused(&db, |tx| live_relay::put(tx, id(1), "rows", "a\0b", at(1)));
    assert!(matches!(error, DbError::Parameter { .. }), "{error:?}");
});
