// SPDX-License-Identifier: Apache-2.0
//! Scenarios of one host's offers as text tables: second, what happens, and what a read is
//! answered. Work is a letter; a capital one is proven. `+5` stands for a request to poll faster,
//! `replay` for a repeated answer, `lost x` for work that is given up.
//!
//! `read ab` (with that open work, most urgent first) · `write a` · `close a` · `adopt a 2`

use std::time::Duration;

use mimir_engine::campaign::offers::{Candidate, HostLeases, ReadDecision, Work};

fn work(letter: char) -> Work {
    let part = u32::from(letter.to_ascii_lowercase()) - u32::from('a');
    Work::Part { campaign: 1, part }
}

fn letter(work: Work) -> char {
    let Work::Part { part, .. } = work else { unreachable!("tables have parts only") };
    char::from_u32(u32::from('a') + part).expect("a letter")
}

fn play(poll_interval_s: u64, live: bool, table: &str) {
    let mut host = HostLeases::default();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (left, wanted) = line.split_once("=>").map_or((line, ""), |(a, b)| (a, b.trim()));
        let words: Vec<&str> = left.split_whitespace().collect();
        let now = Duration::from_secs_f64(words[0].parse().expect("seconds"));
        let got = match words[1..] {
            ["read"] => show(&host.on_read(now, poll_interval_s, &[])),
            ["read", open] => {
                let candidate = |letter: char| Candidate {
                    work: work(letter),
                    proven: letter.is_ascii_uppercase(),
                    live,
                };
                let candidates: Vec<_> = open.chars().map(candidate).collect();
                show(&host.on_read(now, poll_interval_s, &candidates))
            }
            ["write", answered] => {
                host.on_write();
                answered.chars().for_each(|letter| host.close(work(letter)));
                String::new()
            }
            ["close", ended] => {
                ended.chars().for_each(|letter| host.close(work(letter)));
                String::new()
            }
            ["adopt", letters, attempts] => {
                let attempts = attempts.parse().unwrap();
                letters.chars().for_each(|letter| host.adopt(work(letter), attempts));
                String::new()
            }
            ref other => panic!("unknown line {other:?}"),
        };
        assert_eq!(got, wanted, "in line `{line}` of{table}");
    }
}

fn show(decision: &ReadDecision) -> String {
    let mut words: Vec<String> =
        decision.lost.iter().map(|work| format!("lost {}", letter(*work))).collect();
    words.extend(decision.offers.iter().map(|o| format!("{}{}", letter(o.work), o.attempt)));
    words.extend(decision.accelerate.map(|_| "+5".to_owned()));
    words.extend(decision.replay.then(|| "replay".to_owned()));
    if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
}

#[test]
fn an_answer_lost_on_the_way_is_repeated_within_five_seconds() {
    play(
        10,
        true,
        "
        0    read a     => a1 +5
        0    read a     => a1 +5 replay
        1    read a     => a1 +5 replay
        4.99 read a     => a1 +5 replay
        5    read a     => +5
        10   read a     => a2 +5
        ",
    );
}

#[test]
fn a_result_in_memory_arrives_in_the_loop_that_leaves_it_out() {
    play(
        10,
        false,
        "
        0    read a     => a1
        12   read a     => +5
        12   write a
        17   read       => nothing
        ",
    );
}

#[test]
fn nothing_new_is_offered_while_something_is_left_out() {
    play(
        10,
        false,
        "
        0    read b     => b1
        10   read Ab    => +5
        20   read Ab    => a1
        20.5 write a
        30   read b     => b2
        40   read b     => +5
        50   read b     => b3
        60   read b     => +5
        70   read bc    => lost b c1
        ",
    );
}

#[test]
fn unproven_work_waits_for_its_turn_and_goes_alone() {
    play(
        10,
        false,
        "
        0    read ABc   => a1 b1
        1    write ab
        10   read c     => c1
        11   write c
        20   read cAB   => c1
        21   write c
        30   read AB    => a1 b1
        ",
    );
}

#[test]
fn a_batch_that_came_back_is_offered_one_by_one() {
    play(
        10,
        false,
        "
        0    read ABC   => a1 b1 c1
        10   read ABC   => +5
        20   read ABC   => a2
        21   write a
        30   read BC    => b2
        40   read BC    => +5
        50   read BC    => b3
        60   read BC    => +5
        70   read BC    => lost b c2
        ",
    );
}

#[test]
fn a_write_of_anything_ends_the_replay() {
    play(
        10,
        false,
        "
        0    read AB    => a1 b1
        1    write a
        2    read B     => +5
        3    read B     => b2
        4    read B     => b2 replay
        ",
    );
}

#[test]
fn a_stopped_campaign_is_not_even_replayed() {
    play(
        10,
        false,
        "
        0    read AB    => a1 b1
        1    close a
        1    read B     => b1 replay
        2    read       => nothing
        3    read A     => a1
        ",
    );
}

#[test]
fn work_taken_over_from_the_ledger_is_left_out_before_it_is_offered() {
    play(
        10,
        false,
        "
        0    adopt a 1
        0    adopt b 3
        0    read abC   => +5
        10   read abC   => lost b a2
        20   read aC    => +5
        30   read aC    => a3
        40   read aC    => +5
        50   read aC    => lost a c1
        ",
    );
}

#[test]
fn adopting_what_is_known_never_forgets_an_attempt() {
    play(
        10,
        false,
        "
        0    read a     => a1
        1    adopt a 1
        2    read a     => a1 replay
        10   read a     => +5
        20   read a     => a2
        21   adopt a 1
        30   read a     => +5
        40   read a     => a3
        ",
    );
}

#[test]
fn a_short_interval_shortens_the_time_of_replays() {
    play(
        2,
        false,
        "
        0    read a     => a1
        1.9  read a     => a1 replay
        2    read a     => +5
        ",
    );
}
