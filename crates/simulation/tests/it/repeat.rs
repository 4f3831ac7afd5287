// SPDX-License-Identifier: Apache-2.0
//! One seed is one run: the same log each time, whatever the machine does meanwhile. And runs do
//! what they are for: a simulation in which nothing happens proves nothing.

use mimir_simulation::run;

use crate::options;

#[test]
fn a_seed_gives_the_same_log_each_time() {
    for seed in [3, 40, 177] {
        let first = run(options(seed)).unwrap();
        let second = run(options(seed)).unwrap();
        for (at, (a, b)) in first.log.iter().zip(&second.log).enumerate() {
            assert_eq!(a, b, "seed {seed}, line {at}");
        }
        assert_eq!(first.log.len(), second.log.len(), "seed {seed}");
        assert_ne!(first.log, run(options(seed + 1)).unwrap().log, "another seed is another run");
    }
}

#[test]
fn everything_that_can_happen_does() {
    let mut log = Vec::new();
    let (mut responses, mut campaigns, mut processes) = (0, 0, 0);
    for seed in 1001..1031 {
        let outcome = run(options(seed)).unwrap();
        log.extend(outcome.log);
        responses += outcome.responses;
        campaigns += outcome.campaigns;
        processes += u32::from(outcome.processes);
    }
    assert!(campaigns > 60, "{campaigns} campaigns");
    assert!(responses > 300, "{responses} responses");
    assert!(processes > 100, "{processes} processes");
    let marks = [
        "DiesBefore",
        "DiesAfter",
        "Refused",
        "Unknown",
        "is dead; 1 requests",
        "stops in order",
        "the clock of",
        "is doubled",
        "is delayed",
        "never hears",
        "answers what may be another's",
        "is a clone of",
        "is wiped",
        "Write of machine",
        "Enroll of machine",
        "campaigns_disabled",
        "blocked_sql",
        "max_concurrent_hunts_reached",
        "discard true: 200",
        "archive",
        "drops the rows",
        "decommissions",
        "401 refused",
        "503 refused",
    ];
    for mark in marks {
        assert!(log.iter().any(|line| line.contains(mark)), "never: {mark}");
    }
}
