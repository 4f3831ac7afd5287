// SPDX-License-Identifier: Apache-2.0
//! Several writers at once, as replicas are: locks must serialise what may not overlap. On SQLite
//! there is one writer, so there the same tests prove that nothing is lost on the way to it.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::time::Duration;

use mimir_engine::campaign::ledger::Verdict;
use mimir_engine::campaign::slots;
use mimir_engine::limits::default_settings;
use mimir_store::changes::{self, ChangeKind};
use mimir_store::db::{Db, DbError, Engine};
use mimir_store::idempotency::{self, Remembered};
use mimir_store::testing::TestDb;
use mimir_store::{
    Result, assignments, audit, both_engines, campaigns, enrolment, hosts, ledger, live_relay,
    meta, responses,
};
use mimir_wire::api::audit::{AuditActor, AuditOutcome, AuditTarget};
use mimir_wire::api::enrollment::EnrollmentSecret;

use crate::given::{
    answered, at, facts, id, launch, new_campaign, read, rows, shape, some_hosts, write,
};

const WRITERS: usize = 4;
/// The longest a test waits for another thread.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a test looks at the database for a state it waits for, and the time in between.
const LOOKS: usize = 4_000;
const LOOK: Duration = Duration::from_millis(5);

/// What the writers return, each started at the same moment.
fn in_parallel<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(WRITERS);
    let (start, work) = (&start, &work);
    std::thread::scope(|scope| {
        let writer = |n| {
            scope.spawn(move || {
                start.wait();
                work(n)
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

both_engines!(writers_of_one_campaign_wait_for_each_other, |db: Db| {
    const ROUNDS: usize = 8;
    let hosts = some_hosts(&db, u32::try_from(WRITERS * ROUNDS).unwrap());
    let nos = [launch(&db, 1, &hosts, &shape()), launch(&db, 2, &hosts, &shape())];
    let stored: Vec<usize> = in_parallel(|writer| {
        let mut stored = 0;
        for round in 0..ROUNDS {
            // One's own host, and one that the neighbour answers for too; campaigns in both orders.
            let own = hosts[writer * ROUNDS + round];
            let shared = hosts[(writer + 1) % WRITERS * ROUNDS + round];
            let mut items: Vec<_> = nos
                .iter()
                .flat_map(|no| [own, shared].map(|host| answered(*no, host, rows(0, 2))))
                .collect();
            if writer % 2 == 0 {
                items.reverse();
            }
            let applied = db.write(move |tx| ledger::apply(tx, &items, at(1_100))).unwrap();
            let store = |(_, verdict): &&(usize, Verdict)| matches!(verdict, Verdict::Store { .. });
            stored += applied.verdicts.iter().filter(store).count();
        }
        stored
    });
    assert_eq!(stored.iter().sum::<usize>(), 2 * hosts.len(), "each answer was stored once");
    for no in nos {
        let (derived, record, list) = read(&db, move |tx| {
            let record = campaigns::by_no(tx, no)?.unwrap();
            let list = responses::list(tx, no, None, -1, 1_000)?;
            Ok((assignments::derived_coverage(tx, no)?, record, list))
        });
        assert_eq!(record.ledger.coverage, derived, "I6");
        assert_eq!(derived.responded, u64::try_from(hosts.len()).unwrap());
        let seqs: Vec<i64> = list.iter().map(|response| response.seq).collect();
        assert_eq!(seqs, (0..record.next_seq).collect::<Vec<_>>());
    }
});

both_engines!(the_audit_chain_has_no_forks, |db: Db| {
    const ROUNDS: usize = 10;
    let seqs = in_parallel(|writer| {
        let append = |round| {
            let entry = audit::NewEntry {
                actor: AuditActor {
                    id: None,
                    username: format!("writer {writer}"),
                    role: None,
                    api_key: None,
                },
                address: String::new(),
                action: "test.append".to_owned(),
                target: AuditTarget { kind: "test".to_owned(), id: None, name: None },
                outcome: AuditOutcome::Success,
                details: serde_json::Map::new(),
            };
            write(&db, move |tx| audit::append(tx, &entry, at(i64::try_from(round).unwrap())))
        };
        (0..ROUNDS).map(append).collect::<Vec<i64>>()
    });
    let all: BTreeSet<i64> = seqs.into_iter().flatten().collect();
    let number = i64::try_from(WRITERS * ROUNDS).unwrap();
    assert_eq!(all, (1..=number).collect());
    let found = read(&db, audit::verify);
    assert!(found.ok, "{found:?}");
    assert_eq!(found.entries, number.unsigned_abs());
});

both_engines!(a_reader_of_changes_misses_none, |db: Db| {
    const ROUNDS: i64 = 15;
    let last = ROUNDS * i64::try_from(WRITERS - 1).unwrap();
    let seen = in_parallel(|writer| {
        if writer > 0 {
            for round in 0..ROUNDS {
                let kind = ChangeKind::Accounts;
                write(&db, move |tx| changes::record(tx, kind, Some(round), at(1)));
            }
            return Vec::new();
        }
        let mut seen = Vec::new();
        for _ in 0..LOOKS {
            let from = seen.last().copied().unwrap_or(0);
            let more = read(&db, move |tx| changes::since(tx, from, 7)).expect("none pruned");
            seen.extend(more.iter().map(|change| change.version));
            if seen.last() == Some(&last) {
                break;
            }
            std::thread::sleep(LOOK);
        }
        seen
    });
    assert_eq!(seen[0], (1..=last).collect::<Vec<_>>());
});

/// A launch as the server does it: lock, look for a slot, insert.
fn launch_if_free(db: &Db, n: u32, limit: u64) -> bool {
    let mut settings = default_settings();
    settings.max_concurrent_hunts = limit;
    write(db, move |tx| {
        let holders = campaigns::lock_slots(tx, at(1_000))?;
        let new = new_campaign(n, 0, &shape());
        if slots::check(holders, &settings, new.created_by.id, at(1_000)).is_err() {
            return Ok(false);
        }
        campaigns::insert(tx, &new, &[]).map(|_| true)
    })
}

both_engines!(two_launches_never_share_the_last_slot, |db: Db| {
    for round in 1..=5_u32 {
        let launched = in_parallel(|writer| {
            let n = round * 100 + u32::try_from(writer).unwrap();
            launch_if_free(&db, n, round.into())
        });
        assert_eq!(launched.iter().filter(|done| **done).count(), 1, "round {round}");
    }
    assert_eq!(read(&db, campaigns::active_sums).0, 5);
});

both_engines!(what_may_happen_once_happens_once, |db: Db| {
    let secret = EnrollmentSecret {
        id: id(1),
        name: "three".to_owned(),
        max_uses: Some(3),
        uses: 0,
        created_at: at(1),
        created_by: None,
        revoked_at: None,
    };
    write(&db, move |tx| enrolment::secret_insert(tx, &secret, &[1]));
    let admitted =
        in_parallel(|_| [0, 1].map(|_| write(&db, |tx| enrolment::secret_use(tx, id(1)))));
    assert_eq!(admitted.concat().iter().filter(|done| **done).count(), 3);

    let enrolled: Vec<Result<i64>> = in_parallel(|writer| {
        let n = u32::try_from(writer).unwrap() + 1;
        db.write(move |tx| hosts::insert(tx, id(n), "one machine", &facts("h"), at(1)))
    });
    assert_one_winner(&enrolled, "host.machine_key");

    let remembered: Vec<Result<()>> = in_parallel(|writer| {
        let status = u32::try_from(writer).unwrap();
        let answer = Remembered { body_hash: vec![1], status, response: String::new() };
        db.write(move |tx| idempotency::put(tx, id(1), "key", &answer, at(9), at(1)))
    });
    assert_one_winner(&remembered, "idempotency.account_id, idempotency.idempotency_key");

    let secrets: BTreeSet<Vec<u8>> = in_parallel(|writer| {
        let fresh = vec![u8::try_from(writer).unwrap()];
        write(&db, move |tx| meta::get_or_insert(tx, "secret", &fresh))
    })
    .into_iter()
    .collect();
    assert_eq!(secrets.len(), 1, "all replicas have the same secret");
});

fn assert_one_winner<T: std::fmt::Debug>(results: &[Result<T>], constraint: &str) {
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let conflict = DbError::Conflict { constraint: constraint.to_owned() };
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(*error, conflict);
    }
}

/// Waits until a writer waits for a lock, or `done` says it does not have to.
fn until_blocked(db: &Db, done: &std::sync::mpsc::Receiver<()>) {
    // Of this database only: other tests share the server.
    let waiting = "select count(*) from pg_locks where not granted and database = \
                   (select oid from pg_database where datname = current_database())";
    for _ in 0..LOOKS {
        let blocked: i64 = read(db, move |tx| tx.query_one(waiting, &[])?.get(0));
        if blocked > 0 || done.recv_timeout(LOOK).is_ok() {
            return;
        }
    }
    panic!("the second writer neither waits nor ends");
}

/// A message that is numbered first but committed last must not be passed over by a reader who
/// goes on from the highest number he has seen.
#[test]
fn relayed_messages_become_visible_in_order() {
    let test = TestDb::migrated(Engine::Postgres);
    let db = test.db();
    let (numbered, wait_numbered) = channel();
    let (release, wait_release) = channel::<()>();
    let (done, wait_done) = channel();
    let first = db.clone();
    let second = db.clone();
    let put = |db: Db, before_commit: Box<dyn Fn() + Send>| {
        std::thread::spawn(move || {
            write(&db, move |tx| {
                let seq = live_relay::put(tx, id(1), "rows", "{}", at(1))?;
                before_commit();
                Ok(seq)
            })
        })
    };
    let wait_release = std::sync::Mutex::new(wait_release);
    let first = put(
        first,
        Box::new(move || {
            numbered.send(()).unwrap();
            wait_release.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }),
    );
    wait_numbered.recv_timeout(PATIENCE).unwrap();
    let second = std::thread::spawn(move || {
        let seq = put(second, Box::new(|| ())).join().unwrap();
        let _ = done.send(());
        seq
    });
    until_blocked(db, &wait_done);
    let mut seen: Vec<i64> =
        read(db, |tx| live_relay::since(tx, 0, 9)).iter().map(|message| message.seq).collect();
    release.send(()).unwrap();
    let all = [first.join().unwrap(), second.join().unwrap()];
    let from = seen.last().copied().unwrap_or(0);
    let more = read(db, move |tx| live_relay::since(tx, from, 9));
    seen.extend(more.iter().map(|message| message.seq));
    assert_eq!(seen, all);
}
