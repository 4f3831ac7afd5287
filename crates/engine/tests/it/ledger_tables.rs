// SPDX-License-Identifier: Apache-2.0
//! Scenarios of a campaign as text tables: time, what happens, and after `=>` what comes of it.
//! Hosts are letters. The campaign's live window is 10 minutes.
//!
//! `offer a 1` · `answer a PART OUTCOME ROWS` · `lost a` · `block a` · `decommission a` ·
//! `stop keep|discard GRACE` · `sweep` (the job that ends a grace time) · `counts` · `host a`

use mimir_engine::Timestamp;
use mimir_engine::campaign::ledger::{CampaignLedger, Event, Verdict};
use mimir_wire::api::campaign::Outcome;

use crate::ledger_world::{Incoming, World};

const WINDOW_MINUTES: i64 = 10;

/// Hosts, parts, rows kept of a host, rows kept of all.
struct Given(u64, u32, u64, u64);

/// Plays a table and compares every line's result; lines without `=>` must change something.
fn play(given: Given, table: &str) {
    let Given(hosts, parts, host_cap, aggregate_cap) = given;
    let start = Timestamp::from_secs(0);
    let live_until = start.plus_minutes(WINDOW_MINUTES);
    let campaign = CampaignLedger::new(hosts, parts, live_until, aggregate_cap);
    let mut world = World::new(usize::try_from(hosts).unwrap(), campaign, host_cap, start);
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (left, wanted) = match line.split_once("=>") {
            Some((left, wanted)) => (left, wanted.trim()),
            None => (line, "done"),
        };
        let words: Vec<&str> = left.split_whitespace().collect();
        let now = time(words[0]);
        let got = happen(&mut world, &words[1..], now);
        assert_eq!(got, wanted, "in line `{line}` of{table}");
        world.campaign.assert_counts();
    }
}

/// `5m`, `10m+` (a microsecond later), `90s`.
fn time(word: &str) -> Timestamp {
    let (word, after) = match word.strip_suffix('+') {
        Some(word) => (word, 1),
        None => (word, 0),
    };
    let (number, unit_s) = match word.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (word.strip_suffix('s').expect("m or s"), 1),
    };
    let secs: i64 = number.parse().expect("a number");
    Timestamp::from_micros(Timestamp::from_secs(secs * unit_s).micros() + after)
}

fn host(word: &str) -> usize {
    usize::from(word.as_bytes()[0] - b'a')
}

fn happen(world: &mut World, words: &[&str], now: Timestamp) -> String {
    let changed = |changed: bool| if changed { "done" } else { "nothing" }.to_owned();
    match words {
        ["offer", who, attempt] => {
            let event = Event::Offered { attempt: attempt.parse().unwrap(), at: now };
            changed(world.event(host(who), &event, now))
        }
        ["answer", who, part, outcome, rows] => {
            let incoming = Incoming {
                host: host(who),
                part: part.parse().unwrap(),
                outcome: Outcome::from_word(outcome).expect("an outcome"),
                row_count: rows.parse().unwrap(),
            };
            verdict(world.answer(&incoming, now))
        }
        ["lost", who] => changed(world.event(host(who), &Event::Lost, now)),
        ["block", who] => changed(world.event(host(who), &Event::Blocked, now)),
        ["decommission", who] => changed(world.event(host(who), &Event::Decommissioned, now)),
        ["stop", how, grace] => changed(world.stop(*how == "discard", grace.parse().unwrap(), now)),
        ["sweep"] => changed(world.end_grace(now)),
        ["counts"] => counts(world),
        ["host", who] => host_line(world, host(who)),
        other => panic!("unknown line {other:?}"),
    }
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Store { late, auto_stop } => {
            let late = if late { " late" } else { "" };
            let stops = if auto_stop { ", campaign stops" } else { "" };
            format!("stored{late}{stops}")
        }
        Verdict::Reject => "rejected".to_owned(),
        Verdict::Ignore => "ignored".to_owned(),
    }
}

/// Every count that is not zero.
fn counts(world: &World) -> String {
    let c = &world.campaign.coverage;
    let all = [
        ("pending", c.pending),
        ("offered", c.offered),
        ("responded", c.responded),
        ("lost", c.lost),
        ("cancelled", c.cancelled),
        ("blocked", c.blocked),
        ("rejected", c.rejected),
        ("late", c.late),
        ("truncated", c.truncated),
        ("rows", c.rows_stored),
    ];
    let shown: Vec<_> =
        all.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    shown.join(" ")
}

fn host_line(world: &World, host: usize) -> String {
    let a = &world.assignments[host];
    let mut line = format!("{} attempts {}", a.state, a.attempts);
    let details = [
        a.outcome.map(|outcome| outcome.to_string()),
        a.late.then(|| "late".to_owned()),
        a.truncated.then(|| format!("{} of {} rows", a.stored_rows, a.row_count)),
        a.error.clone(),
        a.reason.clone(),
    ];
    for detail in details.into_iter().flatten() {
        line.push_str(", ");
        line.push_str(&detail);
    }
    line
}

#[test]
fn a_campaign_runs_its_course() {
    play(
        Given(4, 1, 100, 1000),
        "
        0m   offer a 1
        0m   offer b 1
        1m   answer a 0 rows 3        => stored
        1m   answer a 0 rows 9        => ignored
        2m   answer b 0 error 0       => stored
        2m   host b                   => responded attempts 1, error, part 0 failed
        9m   offer c 1
        10m  answer c 0 empty 0       => stored
        10m+ offer d 1
        10m+ answer d 0 rows 1        => stored late
        11m  offer d 2                => nothing
        11m  counts                   => responded 4 late 1 rows 4
        11m  sweep                    => nothing
        ",
    );
}

#[test]
fn a_stop_that_keeps_waits_for_the_offered_until_grace_ends() {
    play(
        Given(5, 1, 100, 1000),
        "
        0m   offer a 1
        0m   offer b 1
        0m   offer c 1
        1m   answer a 0 rows 1        => stored
        5m   stop keep 60
        5m   counts                   => offered 2 responded 1 cancelled 2 rows 1
        6m   stop discard 60          => nothing
        6m   offer d 1                => nothing
        6m   offer b 2                => nothing
        6m   host d                   => cancelled attempts 0, stopped
        65m  answer b 0 rows 2        => stored late
        65m  sweep                    => nothing
        65m+ answer c 0 rows 2        => rejected
        66m  answer c 0 rows 2        => ignored
        66m  answer d 0 rows 2        => rejected
        66m  counts                   => responded 2 cancelled 1 rejected 2 late 1 rows 3
        ",
    );
}

#[test]
fn the_sweep_ends_a_grace_time_once() {
    play(
        Given(2, 1, 100, 1000),
        "
        0m   offer a 1
        1m   stop keep 1
        2m   sweep                    => nothing
        2m+  sweep
        2m+  host a                   => cancelled attempts 1, stopped
        3m   sweep                    => nothing
        3m   counts                   => cancelled 2
        ",
    );
}

#[test]
fn a_grace_time_of_nothing_ends_with_the_stop() {
    play(
        Given(1, 1, 100, 1000),
        "
        0m   offer a 1
        1m   stop keep 0
        1m+  answer a 0 rows 1        => rejected
        ",
    );
}

#[test]
fn a_stop_that_discards_swallows_every_later_answer() {
    play(
        Given(4, 1, 100, 1000),
        "
        0m   offer a 1
        0m   offer b 1
        0m   offer c 3
        1m   lost c
        5m   stop discard 60
        5m   counts                   => lost 1 cancelled 3
        5m   answer a 0 rows 1        => rejected
        5m   answer a 0 rows 1        => ignored
        6m   answer c 0 rows 1        => rejected
        6m   counts                   => cancelled 2 rejected 2
        ",
    );
}

#[test]
fn the_response_that_reaches_the_aggregate_cap_is_the_last() {
    play(
        Given(5, 1, 100, 50),
        "
        0m   offer a 1
        0m   offer b 1
        0m   offer c 1
        0m   offer d 3
        1m   lost d
        1m   answer a 0 rows 49       => stored
        1m   answer b 0 rows 60       => stored, campaign stops
        1m   counts                   => responded 2 lost 1 cancelled 2 rows 109
        1m   host e                   => cancelled attempts 0, auto_stopped
        2m   answer c 0 empty 0       => rejected
        2m   answer d 0 rows 1        => rejected
        2m   stop keep 60             => nothing
        2m   sweep                    => nothing
        2m   counts                   => responded 2 cancelled 1 rejected 2 rows 109
        ",
    );
}

#[test]
fn the_cap_reached_within_a_grace_time_ends_it() {
    play(
        Given(3, 1, 100, 10),
        "
        0m   offer a 1
        0m   offer b 1
        0m   offer c 1
        1m   stop keep 60
        2m   answer a 0 rows 10       => stored
        3m   answer b 0 rows 1        => rejected
        3m   sweep
        3m   counts                   => responded 1 cancelled 1 rejected 1 rows 10
        ",
    );
}

#[test]
fn what_is_lost_takes_an_answer_but_no_offer() {
    play(
        Given(2, 1, 100, 1000),
        "
        0m   offer a 3
        2m   lost a
        2m   host a                   => lost attempts 3, no_answer_after_3_offers
        3m   lost a                   => nothing
        3m   offer a 4                => nothing
        3m   block a                  => nothing
        3m   decommission a           => nothing
        20m  answer a 0 rows 5        => stored late
        20m  host a                   => responded attempts 3, rows, late
        ",
    );
}

#[test]
fn blocked_and_decommissioned_hosts_count_where_they_ended() {
    play(
        Given(4, 1, 100, 1000),
        "
        0m   block a
        0m   host a                   => blocked attempts 0, blocked_sql
        0m   offer b 1
        0m   block b
        1m   answer b 0 rows 1        => ignored
        1m   decommission c
        1m   host c                   => cancelled attempts 0, decommissioned
        1m   offer c 1                => nothing
        1m   answer c 0 rows 1        => rejected
        1m   answer d 0 rows 1        => stored
        1m   decommission d           => nothing
        2m   stop keep 60
        2m   counts                   => responded 1 blocked 2 rejected 1 rows 1
        ",
    );
}

#[test]
fn a_host_answers_part_by_part() {
    play(
        Given(1, 3, 100, 1000),
        "
        0m   offer a 1
        1m   answer a 1 empty 0       => stored
        1m   answer a 1 rows 5        => ignored
        1m   counts                   => offered 1
        2m   answer a 0 error 0       => stored
        2m   host a                   => offered attempts 1, error, part 0 failed
        11m  answer a 2 rows 5        => stored late
        11m  host a                   => responded attempts 1, rows, late, part 0 failed
        11m  counts                   => responded 1 late 1 rows 5
        ",
    );
}

#[test]
fn the_parts_of_a_host_share_its_cap() {
    play(
        Given(2, 2, 10, 1000),
        "
        0m   answer a 0 rows 7        => stored
        0m   answer a 1 rows 7        => stored
        0m   host a                   => responded attempts 0, rows, 10 of 14 rows
        0m   answer b 0 rows 10       => stored
        0m   answer b 1 empty 0       => stored
        0m   host b                   => responded attempts 0, rows
        0m   counts                   => responded 2 truncated 1 rows 20
        ",
    );
}

#[test]
fn a_partial_answer_stays_on_record_when_a_stop_ends_its_host() {
    play(
        Given(1, 2, 100, 1000),
        "
        0m   offer a 1
        1m   answer a 0 rows 7        => stored
        2m   stop discard 60
        3m   answer a 0 rows 7        => ignored
        3m   answer a 1 rows 7        => rejected
        3m   counts                   => rejected 1 rows 7
        ",
    );
}

#[test]
fn a_clock_that_goes_back_makes_nothing_late_or_young() {
    play(
        Given(3, 1, 100, 1000),
        "
        11m  offer a 1
        11m  answer a 0 rows 1        => stored late
        5m   offer b 1
        5m   answer b 0 rows 1        => stored
        5m   answer a 0 rows 1        => ignored
        9m   offer c 2
        4m   offer c 1                => nothing
        4m   host c                   => offered attempts 2
        8m   stop keep 1
        1m   answer c 0 rows 1        => stored
        1m   counts                   => responded 3 late 1 rows 3
        ",
    );
}
