// SPDX-License-Identifier: Apache-2.0
//! The server's side of the offer tests: a list of work, the engine's leases, and a notebook that
//! says what each read must be answered (osquery-protocol 2.8, rule 4), kept without any look at
//! the leases.

use std::collections::BTreeMap;
use std::time::Duration;

use mimir_engine::campaign::offers::{Candidate, HostLeases, Offer, ReadDecision, Work};
use mimir_engine::limits::{ACCELERATE_S, OFFER_ATTEMPTS_MAX, OFFER_PARTS_MAX};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Result {
    Rows,
    Denylisted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not there yet.
    Future,
    Open,
    Responded(Result),
    Lost,
    /// Its campaign was stopped.
    Withdrawn,
}

/// One piece of work with what the notebook knows of it.
#[derive(Debug, Clone)]
pub struct Job {
    pub candidate: Candidate,
    pub standing: Standing,
    pub attempts: u32,
    /// A read has been answered without it since it was last offered.
    left_out: bool,
}

impl Job {
    pub fn new(candidate: Candidate, standing: Standing) -> Self {
        Self { candidate, standing, attempts: 0, left_out: false }
    }
}

#[derive(Debug)]
struct Last {
    at: Duration,
    offers: Vec<Offer>,
    accelerate: Option<u32>,
}

#[derive(Debug)]
pub struct Server {
    pub jobs: Vec<Job>,
    leases: HostLeases,
    poll_interval_s: u64,
    /// The last answer with work, unless a write or another answer came after it.
    last: Option<Last>,
}

impl Server {
    pub fn new(jobs: Vec<Job>, poll_interval_s: u64) -> Self {
        Self { jobs, leases: HostLeases::default(), poll_interval_s, last: None }
    }

    /// A new process, or another replica: of the leases only the ledger's attempts are known.
    pub fn restart(&mut self) {
        self.leases = HostLeases::default();
        self.last = None;
        for job in self.jobs.iter_mut().filter(|job| job.standing == Standing::Open) {
            job.left_out = false;
            if job.attempts > 0 {
                self.leases.adopt(job.candidate.work, job.attempts);
            }
        }
    }

    pub fn settled(&self) -> bool {
        self.jobs.iter().all(|job| !matches!(job.standing, Standing::Future | Standing::Open))
    }

    fn open(&self) -> Vec<Job> {
        let open = |job: &&Job| job.standing == Standing::Open;
        self.jobs.iter().filter(open).cloned().collect()
    }

    fn job(&mut self, work: Work) -> &mut Job {
        self.jobs.iter_mut().find(|job| job.candidate.work == work).expect("known work")
    }

    pub fn write(&mut self, results: &BTreeMap<Work, Result>) {
        self.leases.on_write();
        self.last = None;
        for (work, result) in results {
            let job = self.job(*work);
            if matches!(job.standing, Standing::Open | Standing::Lost) {
                job.standing = Standing::Responded(*result);
            }
            self.leases.close(*work);
        }
    }

    /// Answers a read and compares the answer with the notebook.
    pub fn read(&mut self, now: Duration) -> ReadDecision {
        let open = self.open();
        let candidates: Vec<_> = open.iter().map(|job| job.candidate).collect();
        let decision = self.leases.on_read(now, self.poll_interval_s, &candidates);
        if let Some(expected) = self.expected_replay(now, &open) {
            assert_eq!(decision, expected, "a repeated read gets the identical answer");
            return decision;
        }
        assert!(!decision.replay, "no repeat was due at {now:?}");
        self.last = None;
        if open.iter().any(|job| job.attempts > 0 && !job.left_out) {
            let quiet = ReadDecision { accelerate: Some(ACCELERATE_S), ..ReadDecision::default() };
            assert_eq!(decision, quiet, "nothing is offered while something is left out");
            self.jobs.iter_mut().for_each(|job| job.left_out = true);
            return decision;
        }
        self.check_lost(&decision, &open);
        self.check_offers(&decision);
        if !decision.offers.is_empty() {
            let ReadDecision { offers, accelerate, .. } = decision.clone();
            self.last = Some(Last { at: now, offers, accelerate });
        }
        decision
    }

    fn expected_replay(&self, now: Duration, open: &[Job]) -> Option<ReadDecision> {
        let last = self.last.as_ref()?;
        if now - last.at >= Duration::from_secs(self.poll_interval_s.min(5)) {
            return None;
        }
        let is_open = |offer: &&Offer| open.iter().any(|job| job.candidate.work == offer.work);
        let offers: Vec<_> = last.offers.iter().filter(is_open).copied().collect();
        let accelerate = last.accelerate;
        let replay = ReadDecision { offers, accelerate, replay: true, lost: Vec::new() };
        (!replay.offers.is_empty()).then_some(replay)
    }

    fn check_lost(&mut self, decision: &ReadDecision, open: &[Job]) {
        let spent = |job: &&Job| job.attempts == OFFER_ATTEMPTS_MAX;
        let mut expected: Vec<_> =
            open.iter().filter(spent).map(|job| job.candidate.work).collect();
        expected.sort();
        assert_eq!(decision.lost, expected, "lost is what came back without it after the last");
        for work in &decision.lost {
            self.job(*work).standing = Standing::Lost;
        }
    }

    fn check_offers(&mut self, decision: &ReadDecision) {
        let open = self.open();
        let Some(first) = open.first() else {
            assert_eq!(decision.offers, [], "offered what is not open");
            return;
        };
        let may_share = |job: &&Job| job.candidate.proven && job.attempts == 0;
        let chosen: Vec<Job> = if may_share(&first) {
            open.iter().filter(may_share).take(OFFER_PARTS_MAX).cloned().collect()
        } else {
            vec![first.clone()]
        };
        let offer = |job: &Job| Offer { work: job.candidate.work, attempt: job.attempts + 1 };
        let expected: Vec<_> = chosen.iter().map(offer).collect();
        assert_eq!(decision.offers, expected);
        let live = chosen.iter().any(|job| job.candidate.live);
        assert_eq!(decision.accelerate, live.then_some(ACCELERATE_S));
        for Offer { work, attempt } in &decision.offers {
            assert!(*attempt <= OFFER_ATTEMPTS_MAX, "offered for the {attempt}th time");
            let job = self.job(*work);
            (job.attempts, job.left_out) = (*attempt, false);
        }
    }
}
