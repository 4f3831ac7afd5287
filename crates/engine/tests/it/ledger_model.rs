// SPDX-License-Identifier: Apache-2.0
//! The ledger once more, naively: it keeps what happened and derives every state and every count
//! from that, as an auditor with pencil and paper would, from the contract's words alone.

use std::collections::BTreeMap;

use mimir_engine::Timestamp;
use mimir_wire::api::campaign::{AssignmentState, Coverage, Outcome};

use crate::ledger_world::Incoming;

/// How the model expects an answer to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Kept { late: bool, stops_campaign: bool },
    Refused,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Lost,
    Blocked,
    Decommissioned,
    Stopped,
    AutoStopped,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    outcome: Outcome,
    reported: u64,
    stored: u64,
    late: bool,
}

#[derive(Debug, Clone, Default)]
struct Host {
    offered: bool,
    end: Option<End>,
    refused: bool,
    answers: BTreeMap<u32, Kept>,
}

#[derive(Debug, Clone, Copy)]
enum Stop {
    ByOperator { discard: bool, accepts_until: Timestamp },
    ByCap,
}

#[derive(Debug, Clone)]
pub struct Model {
    hosts: Vec<Host>,
    parts: u32,
    live_until: Timestamp,
    host_row_cap: u64,
    aggregate_row_cap: u64,
    stop: Option<Stop>,
}

impl Model {
    pub fn new(
        hosts: usize,
        parts: u32,
        live_until: Timestamp,
        host_row_cap: u64,
        aggregate_row_cap: u64,
    ) -> Self {
        let hosts = vec![Host::default(); hosts];
        Self { hosts, parts, live_until, host_row_cap, aggregate_row_cap, stop: None }
    }

    pub fn stopped(&self) -> bool {
        self.stop.is_some()
    }

    pub fn state(&self, host: usize) -> AssignmentState {
        let h = &self.hosts[host];
        if u32::try_from(h.answers.len()) == Ok(self.parts) {
            return AssignmentState::Responded;
        }
        if h.refused {
            return AssignmentState::Rejected;
        }
        match h.end {
            Some(End::Lost) => AssignmentState::Lost,
            Some(End::Blocked) => AssignmentState::Blocked,
            Some(_) => AssignmentState::Cancelled,
            None if h.offered => AssignmentState::Offered,
            None => AssignmentState::Pending,
        }
    }

    pub fn reason(&self, host: usize) -> Option<&'static str> {
        if self.state(host) == AssignmentState::Responded {
            return None;
        }
        self.hosts[host].end.map(|end| match end {
            End::Lost => "no_answer_after_3_offers",
            End::Blocked => "blocked_sql",
            End::Decommissioned => "decommissioned",
            End::Stopped => "stopped",
            End::AutoStopped => "auto_stopped",
        })
    }

    fn open(&self, host: usize) -> bool {
        matches!(self.state(host), AssignmentState::Pending | AssignmentState::Offered)
    }

    pub fn offer(&mut self, host: usize) {
        if self.stop.is_none() && self.open(host) {
            self.hosts[host].offered = true;
        }
    }

    pub fn lost(&mut self, host: usize) {
        self.end(host, End::Lost);
    }

    pub fn blocked(&mut self, host: usize) {
        self.end(host, End::Blocked);
    }

    pub fn decommissioned(&mut self, host: usize) {
        self.end(host, End::Decommissioned);
    }

    fn end(&mut self, host: usize, end: End) {
        if self.open(host) {
            self.hosts[host].end = Some(end);
        }
    }

    fn end_all(&mut self, states: &[AssignmentState], end: End) {
        for host in 0..self.hosts.len() {
            if states.contains(&self.state(host)) {
                self.hosts[host].end = Some(end);
            }
        }
    }

    pub fn stop(&mut self, discard: bool, grace_minutes: i64, now: Timestamp) -> bool {
        if self.stop.is_some() {
            return false;
        }
        let accepts_until = now.plus_minutes(grace_minutes);
        self.stop = Some(Stop::ByOperator { discard, accepts_until });
        self.end_all(&[AssignmentState::Pending], End::Stopped);
        if discard {
            self.end_all(&[AssignmentState::Offered], End::Stopped);
        }
        true
    }

    pub fn end_grace(&mut self, now: Timestamp) -> bool {
        let waits = (0..self.hosts.len()).any(|h| self.state(h) == AssignmentState::Offered);
        let ends = self.stop.is_some() && !self.takes_answers(now) && waits;
        if ends {
            self.end_all(&[AssignmentState::Offered], End::Stopped);
        }
        ends
    }

    fn rows_stored(&self) -> u64 {
        self.hosts.iter().flat_map(|h| h.answers.values()).map(|kept| kept.stored).sum()
    }

    fn takes_answers(&self, now: Timestamp) -> bool {
        let room = self.rows_stored() < self.aggregate_row_cap;
        room && match self.stop {
            None => true,
            Some(Stop::ByOperator { discard, accepts_until }) => !discard && now <= accepts_until,
            Some(Stop::ByCap) => false,
        }
    }

    pub fn answer(&mut self, incoming: &Incoming, now: Timestamp) -> Fate {
        use AssignmentState::{Blocked, Cancelled, Rejected, Responded};
        let Incoming { host, part, outcome, row_count } = *incoming;
        let state = self.state(host);
        let h = &self.hosts[host];
        if h.answers.contains_key(&part) || matches!(state, Responded | Blocked | Rejected) {
            return Fate::Nothing;
        }
        let ended = state == Cancelled && h.end != Some(End::Stopped);
        if ended || !self.takes_answers(now) {
            self.hosts[host].refused = true;
            return Fate::Refused;
        }
        let late = now > self.live_until;
        let kept_before: u64 = h.answers.values().map(|kept| kept.stored).sum();
        let stored = row_count.min(self.host_row_cap - kept_before);
        let kept = Kept { outcome, reported: row_count, stored, late };
        self.hosts[host].answers.insert(part, kept);
        let full = self.rows_stored() >= self.aggregate_row_cap;
        let stops_campaign = full && self.stop.is_none();
        if stops_campaign {
            self.stop = Some(Stop::ByCap);
            let open = [AssignmentState::Pending, AssignmentState::Offered];
            self.end_all(&open, End::AutoStopped);
        }
        Fate::Kept { late, stops_campaign }
    }

    /// The outcome of all parts together: rows, before denylisted, before error, before empty.
    pub fn outcome(&self, host: usize) -> Option<Outcome> {
        let given = |wanted| self.hosts[host].answers.values().any(|kept| kept.outcome == wanted);
        [Outcome::Rows, Outcome::Denylisted, Outcome::Error, Outcome::Empty]
            .into_iter()
            .find(|outcome| given(*outcome))
    }

    /// Every count, from nothing but what happened (I6).
    pub fn coverage(&self) -> Coverage {
        let all = 0..self.hosts.len();
        let number = |n: usize| u64::try_from(n).expect("a small campaign");
        let in_state = |state| number(all.clone().filter(|h| self.state(*h) == state).count());
        let responded = |test: &dyn Fn(usize) -> bool| {
            let found = all.clone().filter(|h| self.state(*h) == AssignmentState::Responded);
            number(found.filter(|h| test(*h)).count())
        };
        let outcome = |wanted| responded(&|h| self.outcome(h) == Some(wanted));
        let answers = |h: usize| self.hosts[h].answers.values();
        let every_answer = || self.hosts.iter().flat_map(|h| h.answers.values());
        Coverage {
            targeted: number(self.hosts.len()),
            responded: in_state(AssignmentState::Responded),
            pending: in_state(AssignmentState::Pending),
            offered: in_state(AssignmentState::Offered),
            late: responded(&|h| answers(h).any(|kept| kept.late)),
            lost: in_state(AssignmentState::Lost),
            cancelled: in_state(AssignmentState::Cancelled),
            blocked: in_state(AssignmentState::Blocked),
            rejected: in_state(AssignmentState::Rejected),
            with_rows: outcome(Outcome::Rows),
            empty: outcome(Outcome::Empty),
            errors: outcome(Outcome::Error),
            denylisted: outcome(Outcome::Denylisted),
            truncated: responded(&|h| answers(h).any(|kept| kept.stored < kept.reported)),
            rows_stored: self.rows_stored(),
            rows_reported: every_answer().map(|kept| kept.reported).sum(),
        }
    }
}
