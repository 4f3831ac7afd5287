// SPDX-License-Identifier: Apache-2.0
//! The checkers must be able to fail: somebody tampers with the database in the middle of a run,
//! and the right invariant is named.

use mimir_simulation::{World, run_with};
use mimir_store::db::Value;

use crate::options;

/// Runs seeds until one has what `sql` changes, and answers what was found then.
fn found_after(sql: &'static str) -> String {
    for seed in 1..40 {
        let mut done = false;
        let meddle = |world: &mut World, step: u32| {
            if step >= 120 && !done {
                let changed = world.db.write(move |tx| tx.execute(sql, &[] as &[Value]));
                done = changed.expect("the statement runs") > 0;
                if done {
                    world.distrust();
                }
            }
        };
        let outcome = run_with(options(seed), meddle).unwrap();
        if done {
            let (_, violation) = outcome.failure.unwrap_or_else(|| panic!("unnoticed: {sql}"));
            return violation.invariant.to_owned();
        }
    }
    panic!("no seed has what this changes: {sql}");
}

macro_rules! noticed {
    ($($name:ident: $invariant:literal $sql:literal;)+) => {
        $(#[test]
        fn $name() {
            assert_eq!(found_after($sql), $invariant);
        })+
    };
}

noticed! {
    a_lost_assignment: "I1"
        "delete from assignment where state = 'responded' and (campaign_no, host_no) in \
            (select campaign_no, host_no from assignment where state = 'responded' limit 1)";
    a_wrong_sum: "I1"
        "update campaign set targeted = targeted + 1 where no = 1";
    a_response_that_changes: "I2"
        "update response set received_at = received_at - 1 where seq = 0";
    a_response_that_is_gone: "I10"
        "delete from response where seq = 0";
    a_doubled_counter: "I6"
        "update campaign set with_rows = with_rows * 2 where with_rows > 0";
    counters_that_are_shifted: "I6"
        "update campaign set empty = empty + 1, with_rows = with_rows - 1 where with_rows > 0";
    another_payload: "I7"
        "update campaign_part set sql = 'SELECT 1' where part = 0";
    another_hash: "I7"
        "update campaign set spec_sha256 = 'x' where no = 1";
    a_stop_that_is_undone: "I5"
        "update campaign set status = 'active' where status = 'stopped'";
    a_mark_of_truncation: "I8"
        "update assignment set truncated = 1 - truncated where state = 'responded'";
    a_mark_of_lateness: "I9"
        "update assignment set late = 1 - late where state = 'responded'";
    rows_that_nobody_dropped: "I10"
        "update campaign set rows_dropped = 1 where stop_code is not null";
    a_state_out_of_nothing: "states"
        "update assignment set attempts = 7 where state = 'offered'";
}
