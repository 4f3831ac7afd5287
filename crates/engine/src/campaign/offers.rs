// SPDX-License-Identifier: Apache-2.0
//! What to hand to a host that asks for work (osquery-protocol 2.8, rule 4).
//!
//! The agent's loop is serial: a read proves that nothing is running in its worker. So an offer
//! that is still open at a later read was either never received, or its result waits in memory
//! for this loop's write, or the worker died. In that order the rules below replay, leave out
//! once, and offer again. Misjudging costs one interval or one repeated execution, never a wrong
//! or doubled result: the ledger takes the first answer and ignores the rest.
//!
//! Time here is monotonic: a jump of the wall clock must not make offers look old or young.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{ACCELERATE_S, OFFER_ATTEMPTS_MAX, OFFER_PARTS_MAX, RETRANSMISSION_S_MAX};

/// Monotonic time: since some start of the process.
pub type Elapsed = Duration;

/// One query that can be handed to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// A live query, by its number in this process.
    Live(u64),
    /// A part of a campaign.
    Part {
        /// The campaign's number.
        campaign: i64,
        /// The part, from 0.
        part: u32,
    },
}

/// Work that a host could be offered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The work.
    pub work: Work,
    /// Enough hosts have answered it without dying: it may share an offer.
    pub proven: bool,
    /// Somebody is watching: ask for faster polling.
    pub live: bool,
}

/// An offer that has not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    attempts: u32,
    left_out: bool,
}

/// The last answer that carried work.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LastOffer {
    at: Elapsed,
    work: Vec<Work>,
    accelerate: Option<u32>,
    written_since: bool,
}

/// What one host holds or may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostLeases {
    open: BTreeMap<Work, Lease>,
    last: Option<LastOffer>,
}

/// An offer just made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What is handed over.
    pub work: Work,
    /// For the how-many-eth time, from 1.
    pub attempt: u32,
}

/// What to answer to a read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadDecision {
    /// What to hand over.
    pub offers: Vec<Offer>,
    /// Seconds of fast polling to ask for.
    pub accelerate: Option<u32>,
    /// Whether this repeats the last answer: nothing new to record.
    pub replay: bool,
    /// What the agent has come back without for the last time.
    pub lost: Vec<Work>,
}

impl HostLeases {
    /// Whether nothing is remembered, so that the entry can be dropped.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.last.is_none()
    }

    /// Takes over an offer from the ledger, made by an earlier process or another replica. It is
    /// left out once before it is offered again, like any other.
    pub fn adopt(&mut self, work: Work, attempts: u32) {
        let lease = self.open.entry(work).or_insert(Lease { attempts, left_out: false });
        if attempts > lease.attempts {
            *lease = Lease { attempts, left_out: false };
        }
    }

    /// Whether an offer of this work is remembered.
    pub fn knows(&self, work: Work) -> bool {
        self.open.contains_key(&work)
    }

    /// Offers made of this work.
    pub fn attempts(&self, work: Work) -> u32 {
        self.open.get(&work).map_or(0, |lease| lease.attempts)
    }

    /// Whether the host was handed this work and has not come back since: its answer may wait in
    /// the agent's memory.
    pub fn may_hold_answer(&self, work: Work) -> bool {
        self.open.get(&work).is_some_and(|lease| !lease.left_out)
    }

    /// The last answer must not be repeated: something in it may no longer be handed out.
    pub fn forbid_replay(&mut self) {
        self.last = None;
    }

    /// The host has sent results, of whatever.
    pub fn on_write(&mut self) {
        if let Some(last) = &mut self.last {
            last.written_since = true;
        }
    }

    /// The work has been answered or ended.
    pub fn close(&mut self, work: Work) {
        self.open.remove(&work);
    }

    /// Decides on a read. `candidates` are all open work of this host, most urgent first;
    /// `poll_interval_s` is what agents were told.
    pub fn on_read(
        &mut self,
        now: Elapsed,
        poll_interval_s: u64,
        candidates: &[Candidate],
    ) -> ReadDecision {
        self.open.retain(|work, _| candidates.iter().any(|c| c.work == *work));
        if let Some(replay) = self.replay(now, poll_interval_s) {
            return replay;
        }
        self.last = None;
        if self.leave_out() {
            return ReadDecision { accelerate: Some(ACCELERATE_S), ..ReadDecision::default() };
        }
        let mut decision = ReadDecision { lost: self.take_lost(), ..ReadDecision::default() };
        let open: Vec<_> =
            candidates.iter().filter(|c| !decision.lost.contains(&c.work)).copied().collect();
        let chosen = self.choose(&open);
        decision.accelerate = chosen.iter().any(|c| c.live).then_some(ACCELERATE_S);
        decision.offers = chosen.iter().map(|c| self.lease(c.work)).collect();
        if !decision.offers.is_empty() {
            let work = chosen.iter().map(|c| c.work).collect();
            let accelerate = decision.accelerate;
            self.last = Some(LastOffer { at: now, work, accelerate, written_since: false });
        }
        decision
    }

    /// A read that comes sooner than an agent's loop allows, without a write between, repeats one
    /// whose answer was lost: it gets the identical answer.
    fn replay(&self, now: Elapsed, poll_interval_s: u64) -> Option<ReadDecision> {
        let last = self.last.as_ref()?;
        let window = Duration::from_secs(RETRANSMISSION_S_MAX.min(poll_interval_s));
        if last.written_since || now.saturating_sub(last.at) >= window {
            return None;
        }
        let open = |work: &&Work| self.open.contains_key(*work);
        let offer = |work: &Work| Offer { work: *work, attempt: self.attempts(*work) };
        let offers: Vec<Offer> = last.work.iter().filter(open).map(offer).collect();
        let accelerate = last.accelerate;
        (!offers.is_empty()).then(|| ReadDecision {
            offers,
            accelerate,
            replay: true,
            lost: Vec::new(),
        })
    }

    /// Marks every open offer that has not been left out since it was made. While one is left
    /// out nothing else is offered: a new query could kill the worker before it has flushed.
    fn leave_out(&mut self) -> bool {
        let mut any = false;
        for lease in self.open.values_mut().filter(|lease| !lease.left_out) {
            lease.left_out = true;
            any = true;
        }
        any
    }

    fn take_lost(&mut self) -> Vec<Work> {
        let spent = |lease: &Lease| lease.attempts >= OFFER_ATTEMPTS_MAX;
        let lost: Vec<_> =
            self.open.iter().filter(|(_, lease)| spent(lease)).map(|(work, _)| *work).collect();
        for work in &lost {
            self.open.remove(work);
        }
        lost
    }

    /// The most urgent work; alone unless proven and never offered to this host before, because
    /// a query that kills the worker takes the results of its whole batch with it.
    fn choose(&self, candidates: &[Candidate]) -> Vec<Candidate> {
        let harmless = |c: &Candidate| c.proven && self.attempts(c.work) == 0;
        match candidates.first() {
            None => Vec::new(),
            Some(first) if !harmless(first) => vec![*first],
            Some(_) => {
                candidates.iter().filter(|c| harmless(c)).take(OFFER_PARTS_MAX).copied().collect()
            }
        }
    }

    fn lease(&mut self, work: Work) -> Offer {
        let lease = self.open.entry(work).or_insert(Lease { attempts: 0, left_out: false });
        lease.attempts += 1;
        lease.left_out = false;
        assert!(lease.attempts <= OFFER_ATTEMPTS_MAX, "offered more often than allowed");
        Offer { work, attempt: lease.attempts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL_S: u64 = 10;

    fn part(n: u32) -> Work {
        Work::Part { campaign: 1, part: n }
    }

    fn candidate(work: Work, proven: bool) -> Candidate {
        Candidate { work, proven, live: true }
    }

    fn secs(n: u64) -> Elapsed {
        Duration::from_secs(n)
    }

    fn offered(decision: &ReadDecision) -> Vec<(Work, u32)> {
        decision.offers.iter().map(|offer| (offer.work, offer.attempt)).collect()
    }

    /// The whole life of a query that kills the agent each time, as a table: time of the read,
    /// and what it is answered.
    #[test]
    fn three_offers_each_left_out_once_then_lost() {
        let mut host = HostLeases::default();
        let work = [candidate(part(0), false)];
        let expected: [(u64, Option<u32>, bool); 8] = [
            (0, Some(1), false),
            (3, Some(1), false), // retransmission: replayed, not counted
            (10, None, false),   // left out: a result in memory is flushed now
            (20, Some(2), false),
            (30, None, false),
            (40, Some(3), false),
            (50, None, false),
            (60, None, true),
        ];
        for (at, attempt, lost) in expected {
            let decision = host.on_read(secs(at), INTERVAL_S, &work);
            assert_eq!(decision.offers.first().map(|offer| offer.attempt), attempt, "at {at}");
            assert_eq!(decision.replay, at == 3);
            assert_eq!(!decision.lost.is_empty(), lost, "at {at}");
            if !lost {
                assert_eq!(decision.accelerate, Some(ACCELERATE_S), "at {at}");
            }
        }
        assert!(host.is_empty());
    }

    #[test]
    fn a_write_in_between_rules_out_a_retransmission() {
        let mut host = HostLeases::default();
        let work = [candidate(part(0), false)];
        host.on_read(secs(0), INTERVAL_S, &work);
        host.on_write();
        let decision = host.on_read(secs(1), INTERVAL_S, &work);
        assert_eq!((decision.offers.len(), decision.replay), (0, false));
    }

    #[test]
    fn a_replay_holds_only_what_is_still_open() {
        let mut host = HostLeases::default();
        let both = [candidate(part(0), true), candidate(part(1), true)];
        assert_eq!(host.on_read(secs(0), INTERVAL_S, &both).offers.len(), 2);
        let decision = host.on_read(secs(1), INTERVAL_S, &both[1..]);
        assert_eq!((offered(&decision), decision.replay), (vec![(part(1), 1)], true));
    }

    #[test]
    fn unproven_work_travels_alone_and_proven_work_together() {
        let mut host = HostLeases::default();
        let mixed = [candidate(part(0), true), candidate(part(1), false), candidate(part(2), true)];
        let decision = host.on_read(secs(0), INTERVAL_S, &mixed);
        assert_eq!(offered(&decision), [(part(0), 1), (part(2), 1)]);
        host.on_write();
        host.close(part(0));
        host.close(part(2));
        let decision = host.on_read(secs(1), INTERVAL_S, &mixed[1..2]);
        assert_eq!(offered(&decision), [(part(1), 1)]);
    }

    #[test]
    fn what_came_back_once_is_offered_alone_even_if_proven() {
        let mut host = HostLeases::default();
        let both = [candidate(part(0), true), candidate(part(1), true)];
        host.on_read(secs(0), INTERVAL_S, &both);
        host.on_read(secs(10), INTERVAL_S, &both);
        let decision = host.on_read(secs(20), INTERVAL_S, &both);
        assert_eq!(offered(&decision), [(part(0), 2)]);
    }

    #[test]
    fn an_adopted_offer_is_left_out_first_and_keeps_its_count() {
        let mut host = HostLeases::default();
        host.adopt(part(0), 2);
        let work = [candidate(part(0), false)];
        assert!(host.on_read(secs(0), INTERVAL_S, &work).offers.is_empty());
        assert_eq!(offered(&host.on_read(secs(10), INTERVAL_S, &work)), [(part(0), 3)]);
    }

    #[test]
    fn with_a_short_interval_the_next_regular_read_is_no_retransmission() {
        let mut host = HostLeases::default();
        let work = [candidate(part(0), false)];
        host.on_read(secs(0), 1, &work);
        assert!(!host.on_read(secs(1), 1, &work).replay);
    }
}
