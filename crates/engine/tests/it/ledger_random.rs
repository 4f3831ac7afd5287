// SPDX-License-Identifier: Apache-2.0
//! Random histories of small campaigns. After every step the engine's books are compared with the
//! naive model, and every invariant that can be seen from here is checked by its number.

use mimir_engine::Timestamp;
use mimir_engine::campaign::ledger::{AssignmentLedger, CampaignLedger, Event, Verdict};
use mimir_wire::api::campaign::{AssignmentState, CampaignStatus, Outcome};
use proptest::prelude::*;

use crate::ledger_model::{Fate, Model};
use crate::ledger_world::{Incoming, World};

const START_S: i64 = 1_000_000;
const WINDOW_S: i64 = 600;

#[derive(Debug, Clone)]
enum Step {
    /// `staleness` makes the attempt and its time older than what is recorded already.
    Offer {
        host: usize,
        staleness: u32,
    },
    Answer {
        host: usize,
        part: u32,
        outcome: Outcome,
        rows: u64,
    },
    /// The last answer that was sent, once more, with other rows.
    Repeat {
        rows: u64,
    },
    Lost {
        host: usize,
    },
    Blocked {
        host: usize,
    },
    Decommission {
        host: usize,
    },
    Stop {
        discard: bool,
        grace_minutes: u64,
    },
    EndGrace,
    /// Seconds, forward or backward.
    Clock {
        by_s: i64,
    },
}

#[derive(Debug, Clone)]
struct History {
    hosts: usize,
    parts: u32,
    host_row_cap: u64,
    aggregate_row_cap: u64,
    steps: Vec<Step>,
}

fn step() -> impl Strategy<Value = Step> {
    let host = 0..6_usize;
    let outcome = prop_oneof![
        4 => Just(Outcome::Rows),
        2 => Just(Outcome::Empty),
        1 => Just(Outcome::Error),
        1 => Just(Outcome::Denylisted),
    ];
    prop_oneof![
        8 => (host.clone(), 0..2_u32).prop_map(|(host, staleness)| Step::Offer { host, staleness }),
        14 => (host.clone(), 0..3_u32, outcome, 1..25_u64).prop_map(|(host, part, outcome, rows)| {
            Step::Answer { host, part, outcome, rows }
        }),
        4 => (0..25_u64).prop_map(|rows| Step::Repeat { rows }),
        2 => host.clone().prop_map(|host| Step::Lost { host }),
        1 => host.clone().prop_map(|host| Step::Blocked { host }),
        1 => host.prop_map(|host| Step::Decommission { host }),
        1 => (any::<bool>(), 0..4_u64)
            .prop_map(|(discard, grace_minutes)| Step::Stop { discard, grace_minutes }),
        2 => Just(Step::EndGrace),
        6 => prop_oneof![3 => 0..200_i64, 1 => 500..700_i64, 1 => -700..0_i64]
            .prop_map(|by_s| Step::Clock { by_s }),
    ]
}

fn history() -> impl Strategy<Value = History> {
    let steps = prop::collection::vec(step(), 1..60);
    (1..=6_usize, 1..=3_u32, 5..40_u64, prop_oneof![10..80_u64, Just(100_000)], steps).prop_map(
        |(hosts, parts, host_row_cap, aggregate_row_cap, steps)| History {
            hosts,
            parts,
            host_row_cap,
            aggregate_row_cap,
            steps,
        },
    )
}

/// The engine's books and the model's, side by side.
struct Run {
    world: World,
    model: Model,
    now: Timestamp,
    last: Option<Incoming>,
}

impl Run {
    fn new(history: &History) -> Self {
        let now = Timestamp::from_secs(START_S);
        let live_until = now.plus_secs(WINDOW_S);
        let &History { hosts, parts, host_row_cap, aggregate_row_cap, .. } = history;
        let targeted = u64::try_from(hosts).unwrap();
        let campaign = CampaignLedger::new(targeted, parts, live_until, aggregate_row_cap);
        Self {
            world: World::new(hosts, campaign, host_row_cap, now),
            model: Model::new(hosts, parts, live_until, host_row_cap, aggregate_row_cap),
            now,
            last: None,
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        let hosts = self.world.assignments.len();
        match *step {
            Step::Offer { host, staleness } => self.offer(host % hosts, staleness),
            Step::Answer { host, part, outcome, rows } => {
                let part = part % self.world.campaign.parts;
                let row_count = if outcome == Outcome::Rows { rows } else { 0 };
                self.answer(Incoming { host: host % hosts, part, outcome, row_count });
            }
            Step::Repeat { rows } => {
                if let Some(mut repeat) = self.last.clone() {
                    repeat.row_count = rows;
                    self.answer(repeat);
                }
            }
            Step::Lost { host } => {
                self.world.event(host % hosts, &Event::Lost, now);
                self.model.lost(host % hosts);
            }
            Step::Blocked { host } => {
                self.world.event(host % hosts, &Event::Blocked, now);
                self.model.blocked(host % hosts);
            }
            Step::Decommission { host } => {
                self.world.event(host % hosts, &Event::Decommissioned, now);
                self.model.decommissioned(host % hosts);
            }
            Step::Stop { discard, grace_minutes } => {
                let done = self.world.stop(discard, grace_minutes, now);
                let minutes = i64::try_from(grace_minutes).unwrap();
                assert_eq!(done, self.model.stop(discard, minutes, now));
            }
            Step::EndGrace => assert_eq!(self.world.end_grace(now), self.model.end_grace(now)),
            Step::Clock { by_s } => self.now = now.plus_secs(by_s),
        }
    }

    fn offer(&mut self, host: usize, staleness: u32) {
        let before = self.world.assignments[host].clone();
        let attempt = (before.attempts + 1).saturating_sub(staleness).max(1);
        let at = self.now.plus_secs(-i64::from(staleness) * 60);
        let changed = self.world.event(host, &Event::Offered { attempt, at }, self.now);
        let after = &self.world.assignments[host];
        assert_eq!(changed, *after != before, "a change is reported exactly when there is one");
        assert!(after.attempts >= before.attempts && after.offered_at >= before.offered_at);
        if self.world.campaign.status != CampaignStatus::Active {
            assert_eq!(*after, before, "I5: an offer was recorded after the stop");
        }
        self.model.offer(host);
    }

    fn answer(&mut self, incoming: Incoming) {
        let before = self.world.clone();
        let verdict = self.world.answer(&incoming, self.now);
        let fate = self.model.answer(&incoming, self.now);
        match (verdict, fate) {
            (Verdict::Store { late, auto_stop }, Fate::Kept { late: l, stops_campaign }) => {
                assert_eq!((late, auto_stop), (l, stops_campaign));
            }
            (Verdict::Reject, Fate::Refused) => {
                assert_eq!(self.world.responses, before.responses);
            }
            (Verdict::Ignore, Fate::Nothing) => {
                assert_eq!(self.world.campaign, before.campaign, "I3: a repeat moved a count");
                assert_eq!(self.world.assignments, before.assignments);
            }
            (verdict, fate) => panic!("engine says {verdict:?}, the contract {fate:?}"),
        }
        self.last = Some(incoming);
    }

    fn check(&self) {
        let World { campaign, assignments, .. } = &self.world;
        campaign.assert_counts();
        assert_eq!(campaign.coverage, self.model.coverage(), "I6: counters and recount");
        assert_eq!(campaign.status == CampaignStatus::Active, !self.model.stopped());
        let c = &campaign.coverage;
        assert_eq!(campaign.complete(), c.pending == 0 && c.offered == 0);
        let live = !self.model.stopped() && self.now < campaign.live_until;
        assert_eq!(campaign.live(self.now), live);
        for (host, a) in assignments.iter().enumerate() {
            assert_eq!(a.state, self.model.state(host), "host {host}");
            assert_eq!(a.reason.as_deref(), self.model.reason(host), "host {host}");
            assert_eq!(a.outcome, self.model.outcome(host), "host {host}");
            self.check_responses(host, a);
        }
    }

    fn check_responses(&self, host: usize, a: &AssignmentLedger) {
        let of_host = (host, 0)..(host + 1, 0);
        let responses: Vec<_> = self.world.responses.range(of_host).map(|(_, r)| r).collect();
        assert_eq!(usize::try_from(a.parts_answered).unwrap(), responses.len(), "I3");
        let stored: u64 = responses.iter().map(|r| r.stored_rows).sum();
        let reported: u64 = responses.iter().map(|r| r.row_count).sum();
        assert_eq!((a.stored_rows, a.row_count), (stored, reported));
        assert!(stored <= self.world.host_row_cap, "I8: {stored} rows of host {host}");
        assert_eq!(a.truncated, stored < reported, "I8: truncated exactly when rows were cut");
        for response in &responses {
            assert_eq!(response.truncated, response.stored_rows < response.row_count, "I8");
            let after_window = response.received_at > self.world.campaign.live_until;
            assert_eq!(response.late, after_window, "I9");
        }
        assert_eq!(a.late, responses.iter().any(|r| r.late), "I9");
        assert_eq!(a.responded_at.is_some(), a.state == AssignmentState::Responded);
    }
}

/// What the table of states allows, apart from staying.
fn may_become(from: AssignmentState, to: AssignmentState) -> bool {
    use AssignmentState::{Blocked, Cancelled, Lost, Offered, Pending, Rejected, Responded};
    match from {
        Pending => matches!(to, Offered | Responded | Lost | Cancelled | Blocked),
        Offered => matches!(to, Responded | Lost | Cancelled | Blocked | Rejected),
        Lost => matches!(to, Responded | Rejected),
        Cancelled => matches!(to, Responded | Rejected),
        Responded | Blocked | Rejected => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_books_right(history in history()) {
        let mut run = Run::new(&history);
        run.check();
        for step in &history.steps {
            let before = run.world.assignments.clone();
            run.step(step);
            run.check();
            for (old, new) in before.iter().zip(&run.world.assignments) {
                let moved = old.state != new.state;
                prop_assert!(
                    !moved || may_become(old.state, new.state),
                    "{:?} became {:?} by {:?}", old.state, new.state, step
                );
                prop_assert!(!moved || new.state_changed_at == run.now);
            }
        }
    }
}

/// The histories above prove little if they never get anywhere: a few hundred of them, always the
/// same, must show every move the table allows and every kind of verdict.
#[test]
fn random_histories_reach_every_move_and_verdict() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeSet;

    let mut runner = TestRunner::deterministic();
    let mut moves = BTreeSet::new();
    let (mut late, mut cut, mut auto_stopped, mut repeats) = (0, 0, 0, 0);
    for _ in 0..600 {
        let history = history().new_tree(&mut runner).unwrap().current();
        let mut run = Run::new(&history);
        for step in &history.steps {
            let before = run.world.assignments.clone();
            run.step(step);
            repeats += usize::from(matches!(step, Step::Repeat { .. }));
            for (old, new) in before.iter().zip(&run.world.assignments) {
                if old.state != new.state {
                    moves.insert((old.state.as_str(), new.state.as_str()));
                }
            }
        }
        late += run.world.campaign.coverage.late;
        cut += run.world.campaign.coverage.truncated;
        let code = run.world.campaign.stop_code.map(|code| code.as_str());
        auto_stopped += usize::from(code == Some("auto_stopped_aggregate_row_cap"));
    }
    let all = mimir_wire::api::campaign::AssignmentState::ALL;
    let allowed: BTreeSet<_> = all
        .iter()
        .flat_map(|from| all.iter().map(move |to| (*from, *to)))
        .filter(|(from, to)| may_become(*from, *to))
        .map(|(from, to)| (from.as_str(), to.as_str()))
        .collect();
    assert_eq!(moves, allowed);
    assert!(late > 0 && cut > 0 && auto_stopped > 0 && repeats > 0);
}
