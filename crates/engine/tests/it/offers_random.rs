// SPDX-License-Identifier: Apache-2.0
//! The offer rules against an agent that loses answers, dies and comes back, for random work and
//! random faults. The server's notebook checks every single read; here stand the properties of
//! whole runs.

use std::collections::BTreeMap;
use std::time::Duration;

use mimir_engine::campaign::offers::{Candidate, HostLeases, ReadDecision, Work};
use mimir_engine::limits::OFFER_ATTEMPTS_MAX;
use proptest::prelude::*;

use crate::agent::{Agent, Luck, Nature};
use crate::server::{Job, Result, Server, Standing};

#[derive(Debug, Clone)]
struct JobPlan {
    live: bool,
    proven: bool,
    nature: Nature,
    /// The turn of the agent before which it is launched, and withdrawn.
    from: usize,
    until: Option<usize>,
}

#[derive(Debug, Clone)]
struct Plan {
    jobs: Vec<JobPlan>,
    interval_s: u64,
    denylist: bool,
    /// Turns of the agent before which the server starts anew.
    restarts: Vec<usize>,
    luck: Vec<u8>,
}

fn nature() -> impl Strategy<Value = Nature> {
    prop_oneof![
        4 => Just(Nature::Harmless),
        1 => Just(Nature::KillsOnce),
        2 => Just(Nature::KillsAlways),
    ]
}

fn job_plan() -> impl Strategy<Value = JobPlan> {
    let until = prop::option::weighted(0.15, 0..40_usize);
    (any::<bool>(), any::<bool>(), nature(), 0..12_usize, until).prop_map(
        |(live, proven, nature, from, until)| JobPlan { live, proven, nature, from, until },
    )
}

fn plan(luck: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Plan> {
    let jobs = prop::collection::vec(job_plan(), 1..8);
    let interval_s = prop_oneof![Just(10), Just(1), Just(3), Just(60)];
    let restarts = prop::collection::vec(0..60_usize, 0..3);
    (jobs, interval_s, any::<bool>(), restarts, luck).prop_map(
        |(jobs, interval_s, denylist, restarts, luck)| Plan {
            jobs,
            interval_s,
            denylist,
            restarts,
            luck,
        },
    )
}

fn work(place: usize, live: bool) -> Work {
    let number = u32::try_from(place).unwrap();
    if live { Work::Live(number.into()) } else { Work::Part { campaign: 1, part: number } }
}

struct Ran {
    jobs: Vec<(JobPlan, Job)>,
    agent: Agent,
}

/// Runs until all work has ended, for at most so many turns as it may take once the faults are
/// over: each piece of work is offered three times, each time left out once, and then given up.
fn run(plan: &Plan) -> Ran {
    let number = plan.jobs.len();
    let jobs = plan.jobs.iter().enumerate().map(|(place, job)| {
        let &JobPlan { live, proven, .. } = job;
        Job::new(Candidate { work: work(place, live), proven, live }, Standing::Future)
    });
    let natures: BTreeMap<_, _> = plan
        .jobs
        .iter()
        .enumerate()
        .map(|(place, job)| (work(place, job.live), job.nature))
        .collect();
    let mut server = Server::new(jobs.collect(), plan.interval_s);
    let mut agent = Agent::new(plan.denylist, plan.interval_s);
    let mut luck = Luck::new(plan.luck.clone());
    let (mut clock, mut turn, mut calm_turns) = (Duration::from_secs(7), 0, 0);
    while !(server.settled() && luck.spent()) {
        assert!(calm_turns < 60 + 10 * number, "work never ends: {:#?}", server.jobs);
        for (job, planned) in server.jobs.iter_mut().zip(&plan.jobs) {
            if planned.from == turn {
                job.standing = Standing::Open;
            }
            if planned.until == Some(turn) && job.standing == Standing::Open {
                job.standing = Standing::Withdrawn;
            }
        }
        if plan.restarts.contains(&turn) {
            server.restart();
        }
        agent.turn(&mut clock, &mut server, &natures, &mut luck);
        turn += 1;
        calm_turns += usize::from(luck.spent());
    }
    Ran { jobs: plan.jobs.iter().cloned().zip(server.jobs).collect(), agent }
}

fn no_faults() -> impl Strategy<Value = Vec<u8>> {
    Just(Vec::new())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever goes wrong, every piece of work ends, and none is offered a fourth time.
    #[test]
    fn all_work_ends(plan in plan(prop::collection::vec(any::<u8>(), 0..400))) {
        for (planned, job) in run(&plan).jobs {
            prop_assert!(job.attempts <= OFFER_ATTEMPTS_MAX);
            match job.standing {
                Standing::Lost => prop_assert_eq!(job.attempts, OFFER_ATTEMPTS_MAX),
                Standing::Responded(Result::Denylisted) => prop_assert!(plan.denylist),
                Standing::Responded(Result::Rows) => {
                    prop_assert_ne!(planned.nature, Nature::KillsAlways);
                }
                Standing::Withdrawn => prop_assert!(planned.until.is_some()),
                Standing::Future | Standing::Open => prop_assert!(false, "{:?}", job),
            }
        }
    }

    /// With a sound network only what kills is asked twice; and as long as no killer is taken for
    /// proven, it costs nobody else an execution.
    #[test]
    fn without_faults_every_harmless_query_runs_once(mut plan in plan(no_faults())) {
        for job in &mut plan.jobs {
            job.proven &= job.nature == Nature::Harmless;
            job.until = None;
        }
        plan.restarts.clear();
        let ran = run(&plan);
        for (planned, job) in ran.jobs {
            let executions = ran.agent.executions[&job.candidate.work];
            match (planned.nature, plan.denylist) {
                (Nature::Harmless, _) => {
                    prop_assert_eq!(job.standing, Standing::Responded(Result::Rows));
                    prop_assert_eq!((executions, job.attempts), (1, 1));
                }
                (_, true) => {
                    prop_assert_eq!(job.standing, Standing::Responded(Result::Denylisted));
                    prop_assert_eq!(executions, 1);
                }
                (Nature::KillsOnce, false) => {
                    prop_assert_eq!(job.standing, Standing::Responded(Result::Rows));
                }
                (Nature::KillsAlways, false) => prop_assert_eq!(job.standing, Standing::Lost),
            }
        }
    }

    /// Leases taken over from the ledger lead to the same offers and the same end as those of
    /// the process that made them, for an agent that never answers.
    #[test]
    fn adopted_leases_lead_to_the_same_offers(
        jobs in prop::collection::vec((any::<bool>(), any::<bool>()), 1..6),
        reads_before in 1..20_usize,
    ) {
        let candidates: Vec<_> = jobs
            .iter()
            .enumerate()
            .map(|(place, &(live, proven))| Candidate { work: work(place, live), proven, live })
            .collect();
        let mut first = Silent::new(candidates);
        for _ in 0..reads_before {
            first.read();
        }
        let mut second = first.adopted();
        prop_assert_eq!(first.play_out(), second.play_out());
    }
}

/// A host that polls every ten seconds and never answers.
#[derive(Debug, Clone)]
struct Silent {
    open: Vec<Candidate>,
    leases: HostLeases,
    clock: Duration,
}

impl Silent {
    fn new(open: Vec<Candidate>) -> Self {
        Self { open, leases: HostLeases::default(), clock: Duration::ZERO }
    }

    fn read(&mut self) -> ReadDecision {
        self.clock += Duration::from_secs(10);
        let decision = self.leases.on_read(self.clock, 10, &self.open);
        self.open.retain(|candidate| !decision.lost.contains(&candidate.work));
        decision
    }

    fn adopted(&self) -> Self {
        let mut leases = HostLeases::default();
        for Candidate { work, .. } in &self.open {
            assert_eq!(self.leases.knows(*work), self.leases.attempts(*work) > 0);
            if self.leases.knows(*work) {
                leases.adopt(*work, self.leases.attempts(*work));
            }
        }
        Self { open: self.open.clone(), leases, clock: self.clock }
    }

    /// Everything that is offered and lost until nothing is left.
    fn play_out(&mut self) -> Vec<ReadDecision> {
        let mut decisions = Vec::new();
        let reads_max = 8 * self.open.len() + 1;
        for _ in 0..reads_max {
            let decision = self.read();
            if !decision.offers.is_empty() || !decision.lost.is_empty() {
                decisions.push(decision);
            }
        }
        assert!(self.open.is_empty() && self.leases.is_empty(), "{self:?}");
        decisions
    }
}
