// SPDX-License-Identifier: Apache-2.0
//! Enrolment secrets and node keys on both engines.

use mimir_store::db::{ConstraintKind, Db};
use mimir_store::enrolment::{self, NodeKey};
use mimir_store::{DbError, both_engines};
use mimir_wire::api::enrollment::EnrollmentSecret;

use crate::given::{assert_conflict, at, id, pages, read, refused, some_hosts, user, write};

fn secret(n: u32, max_uses: Option<u64>) -> EnrollmentSecret {
    EnrollmentSecret {
        id: id(n),
        name: format!("secret '{n}'"),
        max_uses,
        uses: 0,
        created_at: at(n.into()),
        created_by: (n > 1).then(|| user(1)),
        revoked_at: None,
    }
}

fn keys(db: &Db, of: Option<i64>) -> Vec<NodeKey> {
    let mut keys = read(db, move |tx| enrolment::keys(tx, of));
    keys.sort_by(|a, b| a.key_hash.cmp(&b.key_hash));
    keys
}

both_engines!(secrets_admit_as_often_as_they_say, |db: Db| {
    write(&db, |tx| enrolment::secret_insert(tx, &secret(1, None), &[1]));
    write(&db, |tx| enrolment::secret_insert(tx, &secret(2, Some(2)), &[2]));
    assert_eq!(read(&db, |tx| enrolment::secret_by_hash(tx, &[1])), Some(secret(1, None)));
    assert_eq!(read(&db, |tx| enrolment::secret_by_id(tx, id(2))), Some(secret(2, Some(2))));
    assert_eq!(read(&db, |tx| enrolment::secret_by_hash(tx, &[9])), None);
    assert_eq!(read(&db, |tx| enrolment::secret_by_id(tx, id(9))), None);

    let admits = |n| write(&db, move |tx| enrolment::secret_use(tx, id(n)));
    assert_eq!([admits(2), admits(2), admits(2)], [true, true, false]);
    assert_eq!([admits(1), admits(1), admits(1)], [true, true, true]);
    assert!(!admits(9));
    assert_eq!(read(&db, |tx| enrolment::secret_by_id(tx, id(2))).unwrap().uses, 2);

    assert!(write(&db, |tx| enrolment::secret_revoke(tx, id(1), at(50))));
    assert!(!write(&db, |tx| enrolment::secret_revoke(tx, id(1), at(60))), "a second time");
    assert!(!write(&db, |tx| enrolment::secret_revoke(tx, id(9), at(60))), "an unknown one");
    assert!(!admits(1), "a revoked one admits nobody");
    let revoked = read(&db, |tx| enrolment::secret_by_hash(tx, &[1])).unwrap();
    assert_eq!((revoked.revoked_at, revoked.uses), (Some(at(50)), 3));
    let error = refused(&db, |tx| enrolment::secret_insert(tx, &secret(3, None), &[2]));
    assert_conflict(&error, "enrollment_secret.secret_hash");
});

both_engines!(secrets_are_listed_newest_first, |db: Db| {
    let page = |before: Option<&EnrollmentSecret>| {
        let before = before.map(|secret| secret.id);
        read(&db, move |tx| enrolment::secret_list(tx, before, 2))
    };
    assert!(pages(page).is_empty());
    write(&db, |tx| {
        for n in 1..=5_u32 {
            enrolment::secret_insert(tx, &secret(n, None), &n.to_be_bytes())?;
        }
        Ok(())
    });
    let listed = pages(page);
    assert_eq!(listed, [5, 4, 3, 2, 1].map(|n| secret(n, None)));
});

both_engines!(a_new_key_gives_the_old_one_a_grace_time, |db: Db| {
    let hosts = some_hosts(&db, 2);
    let (first, second) = (hosts[0], hosts[1]);
    let replace = |host, hash: u8, now, until| {
        write(&db, move |tx| enrolment::key_replace(tx, host, &[hash], at(now), at(until)));
    };
    replace(first, 1, 10, 70);
    replace(second, 9, 10, 70);
    replace(first, 2, 20, 80);
    replace(first, 3, 30, 90);
    let key = |hash, host_no, expires: Option<i64>| NodeKey {
        key_hash: vec![hash],
        host_no,
        expires_at: expires.map(at),
    };
    let of_first = [key(1, first, Some(80)), key(2, first, Some(90)), key(3, first, None)];
    assert_eq!(keys(&db, Some(first)), of_first, "a grace time once begun is not prolonged");
    assert_eq!(keys(&db, None).len(), 4);
    assert!(keys(&db, Some(99)).is_empty());

    let error = refused(&db, move |tx| enrolment::key_replace(tx, second, &[3], at(1), at(2)));
    assert_conflict(&error, "node_key.key_hash");
    assert_eq!(keys(&db, Some(second)), [key(9, second, None)], "nothing of a failure is kept");
    let error = refused(&db, |tx| enrolment::key_replace(tx, 99, &[7], at(1), at(2)));
    let foreign = matches!(error, DbError::Constraint { kind: ConstraintKind::ForeignKey, .. });
    assert!(foreign, "{error:?}");

    assert_eq!(write(&db, |tx| enrolment::keys_prune(tx, at(80))), 0);
    assert_eq!(write(&db, |tx| enrolment::keys_prune(tx, at(81))), 1);
    assert_eq!(write(&db, |tx| enrolment::key_delete(tx, &[2])), 1);
    assert_eq!(write(&db, |tx| enrolment::key_delete(tx, &[2])), 0);
    assert_eq!(write(&db, move |tx| enrolment::keys_delete(tx, first)), 1);
    assert_eq!(keys(&db, None), [key(9, second, None)]);
});
