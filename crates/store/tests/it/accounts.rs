// SPDX-License-Identifier: Apache-2.0
//! Accounts, sessions and API keys on both engines.

use mimir_store::accounts::{self, Account};
use mimir_store::db::{ConstraintKind, Db};
use mimir_store::{DbError, both_engines};
use mimir_wire::api::user::{ApiKey, Capability, Role, User};
use mimir_wire::ids::ApiKeyId;

use crate::given::{
    HOSTILE, assert_conflict, assert_missing, at, id, pages, read, refused, user, write,
};

fn account(n: u32, role: Role) -> Account {
    let user = User {
        id: id(n),
        username: format!("user{n}"),
        role,
        capabilities: Vec::new(),
        disabled: false,
        password_change_required: true,
        created_at: at(n.into()),
    };
    Account { user, password_hash: format!("$argon2id$v=19${n}") }
}

fn with_accounts(db: &Db, count: u32) {
    write(db, move |tx| {
        for n in 1..=count {
            let role = if n == 1 { Role::Admin } else { Role::Operator };
            accounts::insert(tx, &account(n, role))?;
        }
        Ok(())
    });
}

fn assert_foreign_key(error: &DbError) {
    let foreign = matches!(error, DbError::Constraint { kind: ConstraintKind::ForeignKey, .. });
    assert!(foreign, "{error:?}");
}

both_engines!(accounts_are_kept_and_changed, |db: Db| {
    assert_eq!(read(&db, accounts::count), 0);
    with_accounts(&db, 2);
    let first = account(1, Role::Admin);
    assert_eq!(read(&db, |tx| accounts::by_name(tx, "user1")), Some(first.clone()));
    assert_eq!(read(&db, |tx| accounts::by_id(tx, id(1))), Some(first));
    assert_eq!(read(&db, |tx| accounts::by_name(tx, "USER1")), None);
    assert_eq!(read(&db, |tx| accounts::by_id(tx, id(9))), None);
    assert_eq!(read(&db, |tx| Ok((accounts::count(tx)?, accounts::count_admins(tx)?))), (2, 1));

    let rights = [Capability::CanLaunchFleetHunts];
    write(&db, move |tx| accounts::update(tx, id(2), Role::Admin, &rights, false));
    write(&db, |tx| accounts::set_password(tx, id(2), "new hash", false));
    let second = read(&db, |tx| accounts::by_id(tx, id(2))).unwrap();
    assert_eq!((second.user.role, &second.user.capabilities[..]), (Role::Admin, &rights[..]));
    assert_eq!(second.password_hash, "new hash");
    assert!(!second.user.password_change_required);
    assert_eq!(read(&db, accounts::count_admins), 2);
    write(&db, |tx| accounts::update(tx, id(2), Role::Admin, &[], true));
    assert_eq!(read(&db, accounts::count_admins), 1, "a disabled one cannot sign in");

    let mut taken = account(3, Role::Operator);
    taken.user.username = "user1".to_owned();
    assert_conflict(&refused(&db, move |tx| accounts::insert(tx, &taken)), "account.username");
    let error = refused(&db, |tx| accounts::insert(tx, &account(1, Role::Admin)));
    assert!(matches!(error, DbError::Conflict { .. }), "{error:?}");
    assert_missing(&refused(&db, |tx| accounts::update(tx, id(9), Role::Admin, &[], false)));
    assert_missing(&refused(&db, |tx| accounts::set_password(tx, id(9), "x", false)));
});

both_engines!(accounts_are_listed_by_name, |db: Db| {
    let page = |after: Option<&User>| {
        let after = after.map_or(String::new(), |user| user.username.clone());
        read(&db, move |tx| accounts::list(tx, &after, 2))
    };
    assert!(pages(page).is_empty());
    write(&db, |tx| {
        for (n, name) in (1..).zip(["zoe", "bob", "a.b", "a-b", "a_b", "ab", "0x"]) {
            let mut account = account(n, Role::Operator);
            account.user.username = name.to_owned();
            accounts::insert(tx, &account)?;
        }
        Ok(())
    });
    let names: Vec<_> = pages(page).into_iter().map(|user| user.username).collect();
    assert_eq!(names, ["0x", "a-b", "a.b", "a_b", "ab", "bob", "zoe"]);
});

both_engines!(sessions_live_until_they_end, |db: Db| {
    with_accounts(&db, 2);
    write(&db, |tx| {
        accounts::session_insert(tx, &[0, 1, 255], id(1), at(100))?;
        accounts::session_insert(tx, &[2], id(1), at(200))?;
        accounts::session_insert(tx, &[3], id(2), at(300))
    });
    let session = read(&db, |tx| accounts::session_by_token(tx, &[0, 1, 255])).unwrap();
    assert_eq!(session.user, account(1, Role::Admin).user);
    assert_eq!((session.created_at, session.last_used_at), (at(100), at(100)));
    assert_eq!(read(&db, |tx| accounts::session_by_token(tx, &[9])), None);

    assert_eq!(write(&db, |tx| accounts::session_touch(tx, &[2], at(250))), 1);
    assert_eq!(write(&db, |tx| accounts::session_touch(tx, &[9], at(250))), 0);
    let session = read(&db, |tx| accounts::session_by_token(tx, &[2])).unwrap();
    assert_eq!((session.created_at, session.last_used_at), (at(200), at(250)));

    assert_eq!(write(&db, |tx| accounts::sessions_prune(tx, at(101), at(0))), 1, "idle");
    assert_eq!(write(&db, |tx| accounts::sessions_prune(tx, at(0), at(201))), 1, "old");
    assert_eq!(write(&db, |tx| accounts::session_delete(tx, &[2])), 0, "it was old");
    assert_eq!(write(&db, |tx| accounts::sessions_delete(tx, id(1))), 0);
    assert_eq!(write(&db, |tx| accounts::sessions_delete(tx, id(2))), 1);
    assert_foreign_key(&refused(&db, |tx| accounts::session_insert(tx, &[7], id(9), at(1))));
    write(&db, |tx| accounts::session_insert(tx, &[7], id(1), at(1)));
    let error = refused(&db, |tx| accounts::session_insert(tx, &[7], id(2), at(1)));
    assert_conflict(&error, "session.token_hash");
    assert_eq!(write(&db, |tx| accounts::session_delete(tx, &[7])), 1);
});

both_engines!(api_keys_work_until_revoked, |db: Db| {
    with_accounts(&db, 2);
    write(&db, |tx| accounts::key_insert(tx, id(50), id(1), HOSTILE[0], &[5], at(10)));
    let holder = read(&db, |tx| accounts::key_by_hash(tx, &[5])).unwrap();
    assert_eq!((holder.id, &*holder.name), (id(50), HOSTILE[0]));
    assert_eq!(holder.user, account(1, Role::Admin).user);
    assert_eq!(holder.last_used_at, None);
    assert_eq!(write(&db, |tx| accounts::key_touch(tx, id(50), at(20))), 1);
    assert_eq!(write(&db, |tx| accounts::key_touch(tx, id(51), at(20))), 0);

    assert!(write(&db, |tx| accounts::key_revoke(tx, id(50), at(30))));
    assert!(!write(&db, |tx| accounts::key_revoke(tx, id(50), at(40))), "a second time");
    assert!(!write(&db, |tx| accounts::key_revoke(tx, id(51), at(40))), "an unknown one");
    assert_eq!(read(&db, |tx| accounts::key_by_hash(tx, &[5])), None);
    let key = ApiKey {
        id: id(50),
        name: HOSTILE[0].to_owned(),
        user: user(1),
        created_at: at(10),
        last_used_at: Some(at(20)),
        revoked_at: Some(at(30)),
    };
    assert_eq!(read(&db, |tx| accounts::key_by_id(tx, id(50))), Some(key));
    assert_eq!(read(&db, |tx| accounts::key_by_id(tx, id(51))), None);
    let error = refused(&db, |tx| accounts::key_insert(tx, id(60), id(1), "x", &[5], at(1)));
    assert_conflict(&error, "api_key.key_hash");
    let error = refused(&db, |tx| accounts::key_insert(tx, id(60), id(9), "x", &[6], at(1)));
    assert_foreign_key(&error);
});

both_engines!(api_keys_are_listed_newest_first, |db: Db| {
    with_accounts(&db, 2);
    let page = |of, before: Option<&ApiKey>| -> Vec<ApiKey> {
        let before = before.map(|key| key.id);
        read(&db, move |tx| accounts::key_list(tx, of, before, 2))
    };
    assert!(pages(|before| page(None, before)).is_empty());
    write(&db, |tx| {
        for n in [0x10_u32, 0x9f, 0xa0, 0xff, 0x100] {
            let hash = n.to_be_bytes();
            accounts::key_insert(tx, id(n), id(1 + n % 2), "key", &hash, at(1))?;
        }
        Ok(())
    });
    let ids = |keys: Vec<ApiKey>| keys.into_iter().map(|key| key.id).collect::<Vec<ApiKeyId>>();
    let all = ids(pages(|before| page(None, before)));
    assert_eq!(all, [0x100, 0xff, 0xa0, 0x9f, 0x10].map(id::<ApiKeyId>));
    let own = ids(pages(|before| page(Some(id(2)), before)));
    assert_eq!(own, [0xff, 0x9f].map(id::<ApiKeyId>));
});
