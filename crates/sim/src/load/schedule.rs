// SPDX-License-Identifier: Apache-2.0
//! Who does what when: one queue of what is due, and a task only for a host that is doing
//! something. A host that waits costs one entry of the queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::plan::{Plan, draw};
use super::presence::Whereabouts;
use super::scenario::{Step, Storm};
use super::{Load, answers::current};
use crate::agent::{Job, RESPAWN, Report};
use crate::fleet::{HostSlot, unwrap_task};
use crate::seed;

/// Shortest interval: a host told to poll every 0 s must not spin.
const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Time after which a clone looks again whether its original has enrolled.
const CLONE_LOOK: Duration = Duration::from_millis(500);
/// A clone that waited this long beyond the start-up enrols for itself.
const CLONE_PATIENCE: Duration = Duration::from_secs(20);
/// Time that jobs under way at the end are given.
const GRACE: Duration = Duration::from_secs(5);

/// What a host does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Begins: config, then the first poll.
    Start,
    /// One iteration of the distributed loop.
    Poll,
    /// Fetches the config again.
    Config,
}

/// Where a host stands.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The valid entry of its loop, [`Turn::Start`] or [`Turn::Poll`]; others are stale.
    due: Option<Duration>,
    /// It is doing one of these, or hangs in it for ever.
    busy: bool,
    /// It was found to be away.
    away: bool,
    /// It has begun.
    begun: bool,
}

/// See the head of this file.
pub(super) struct Schedule<'l> {
    load: &'l Load,
    plan: Arc<Plan>,
    slots: Vec<Arc<HostSlot>>,
    states: Vec<State>,
    queue: BinaryHeap<Reverse<(Duration, u32, Turn)>>,
    steps: VecDeque<&'l Step>,
    tasks: JoinSet<(u32, Turn, Report)>,
    random: Xoshiro256PlusPlus,
}

impl<'l> Schedule<'l> {
    pub(super) fn new(load: &'l Load) -> Self {
        let plan = current(&load.plan);
        let slots = load.fleet.slots();
        let mut schedule = Self {
            load,
            states: vec![State::default(); slots.len()],
            slots,
            queue: BinaryHeap::new(),
            steps: load.steps.iter().collect(),
            tasks: JoinSet::new(),
            random: seed::rng(plan.seed, 0, "schedule"),
            plan,
        };
        let (now, spread) = (schedule.now(), schedule.plan.start_spread());
        for host in 0..schedule.slots.len() as u32 {
            let at = now + spread.mul_f64(draw(schedule.plan.seed, host, "start"));
            schedule.put(host, at, Turn::Start);
        }
        schedule
    }

    /// Runs until `stop`, the plan's end or a step that stops it, then lets jobs end.
    pub(super) async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let begin = self.now();
        let end = self.plan.duration.map(|duration| begin + duration);
        loop {
            let step = self.steps.front().map(|step| begin + step.at);
            let next = [self.queue.peek().map(|Reverse((at, ..))| *at), step, end];
            // Something is always due while hosts are awake; else only the stop can come.
            let next = next.into_iter().flatten().min();
            let wait = next.map(|next| Instant::now() + next.saturating_sub(self.now()));
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = until(wait) => {}
                Some(done) = self.tasks.join_next() => {
                    self.done(unwrap_task(done));
                    while let Some(done) = self.tasks.try_join_next() {
                        self.done(unwrap_task(done));
                    }
                }
            }
            let now = self.now();
            if end.is_some_and(|end| now >= end) {
                break;
            }
            while let Some(step) = self.steps.pop_front_if(|step| begin + step.at <= now) {
                if self.step(step, now) {
                    return self.finish().await;
                }
            }
            while let Some(Reverse((at, host, turn))) = self.queue.peek().copied()
                && at <= now
            {
                self.queue.pop();
                self.due(host, turn, at, now);
            }
        }
        self.finish().await;
    }

    /// Lets jobs under way end, but not those that wait for long.
    async fn finish(mut self) {
        let end = async {
            while let Some(done) = self.tasks.join_next().await {
                unwrap_task(done);
            }
        };
        if tokio::time::timeout(GRACE, end).await.is_err() {
            self.tasks.abort_all();
            while self.tasks.join_next().await.is_some() {}
        }
    }

    fn now(&self) -> Duration {
        self.load.fleet.shared().elapsed()
    }

    /// Puts the next turn of a host's loop into the queue; an earlier one is void.
    fn put(&mut self, host: u32, at: Duration, turn: Turn) {
        self.states[host as usize].due = Some(at);
        self.queue.push(Reverse((at, host, turn)));
    }

    fn due(&mut self, host: u32, turn: Turn, at: Duration, now: Duration) {
        let state = &mut self.states[host as usize];
        let of_loop = turn != Turn::Config;
        if of_loop && (state.due != Some(at) || state.busy) {
            return;
        }
        if let Whereabouts::AwayUntil(until) = self.load.fleet.shared().whereabouts(host) {
            if of_loop {
                state.due = None;
                if !std::mem::replace(&mut state.away, true) {
                    self.load.meter.away.add(1);
                }
                if let Some(until) = until {
                    self.put(host, until, turn);
                }
            } else if let Some(until) = until {
                self.queue.push(Reverse((until, host, turn)));
            } else {
                // Its config follows when it starts again.
                self.states[host as usize].begun = false;
            }
            return;
        }
        if turn == Turn::Start && !self.ready(host, now) {
            return;
        }
        // A host that returns is due since it was away, and not late.
        if !std::mem::take(&mut self.states[host as usize].away) {
            self.load.meter.waited(now.saturating_sub(at));
        } else {
            self.load.meter.away.take(1);
        }
        self.spawn(host, turn);
    }

    /// Whether a host may start. A clone takes its original's key when there is one, and waits
    /// for it otherwise.
    fn ready(&mut self, host: u32, now: Duration) -> bool {
        let image = self.slots[host as usize].agent().profile().image;
        if image == host || self.slots[host as usize].agent().disk().node_key.is_some() {
            return true;
        }
        let key = self.slots[image as usize].agent().disk().node_key.clone();
        if key.is_none() && now < self.plan.start_spread() + CLONE_PATIENCE {
            self.put(host, now + CLONE_LOOK, Turn::Start);
            return false;
        }
        self.slots[host as usize].agent().disk_mut().node_key = key;
        true
    }

    fn spawn(&mut self, host: u32, turn: Turn) {
        let state = &mut self.states[host as usize];
        if turn != Turn::Config {
            state.due = None;
            state.busy = true;
        }
        let job = match turn {
            Turn::Start | Turn::Config => Job::Config,
            Turn::Poll => Job::Distributed,
        };
        let (shared, slot) = (self.load.fleet.shared().clone(), self.slots[host as usize].clone());
        self.tasks.spawn(async move { (host, turn, shared.drive(&slot, job).await) });
    }

    fn done(&mut self, (host, turn, report): (u32, Turn, Report)) {
        let now = self.now();
        let refresh = self.plan.config_refresh;
        let begun = std::mem::replace(&mut self.states[host as usize].begun, true);
        let config_again = turn == Turn::Config || (turn == Turn::Start && !begun);
        if config_again && !refresh.is_zero() {
            let at = now + self.jittered(refresh);
            self.queue.push(Reverse((at, host, Turn::Config)));
        }
        if turn == Turn::Config {
            return;
        }
        // A stuck loop stays in its query until the worker is killed.
        self.states[host as usize].busy = report.stuck;
        if report.stuck {
            return;
        }
        if report.died {
            return self.put(host, now + RESPAWN, Turn::Start);
        }
        let wait = match turn {
            Turn::Start => Duration::ZERO,
            _ => self.pause(&report),
        };
        self.put(host, now + wait, Turn::Poll);
    }

    /// Time from the end of a poll to the next one.
    fn pause(&mut self, report: &Report) -> Duration {
        let wait = match self.plan.interval {
            None => report.next_in,
            Some(interval) if report.accelerated => interval.min(report.next_in),
            Some(interval) => interval,
        };
        self.jittered(wait).max(INTERVAL_MIN)
    }

    fn jittered(&mut self, wait: Duration) -> Duration {
        if self.plan.jitter <= 0.0 {
            return wait;
        }
        let draw: f64 = self.random.random();
        wait.mul_f64(1.0 + self.plan.jitter * (2.0 * draw - 1.0))
    }

    /// Does a step; answers whether it is the end.
    fn step(&mut self, step: &Step, now: Duration) -> bool {
        self.load.happened(step.words());
        if !step.changes.is_empty() {
            self.plan = self.load.change(&step.changes);
            let hosts = 0..self.slots.len() as u32;
            hosts.for_each(|host| self.look_again(host, now));
        }
        if let Some(storm) = step.storm {
            (0..self.slots.len() as u32).for_each(|host| self.storm(host, storm, now));
        }
        step.stop
    }

    /// The rules of absence have changed: who waits for its return may be there now.
    fn look_again(&mut self, host: u32, now: Duration) {
        let state = self.states[host as usize];
        if state.busy || !state.away {
            return;
        }
        let turn = if state.begun { Turn::Poll } else { Turn::Start };
        self.put(host, now, turn);
    }

    fn storm(&mut self, host: u32, storm: Storm, now: Duration) {
        let slot = self.slots[host as usize].clone();
        match storm {
            Storm::Reconnect => {}
            Storm::Enroll => slot.agent().disk_mut().node_key = None,
            Storm::Restart => self.load.fleet.kill_worker(host as usize),
        }
        let state = &mut self.states[host as usize];
        if storm == Storm::Restart {
            // Also a loop that hung. One that is under way notices by itself.
            state.busy &= !slot.agent().is_idle();
        }
        if state.busy || state.away || !state.begun {
            return;
        }
        let turn = if storm == Storm::Restart { Turn::Start } else { Turn::Poll };
        self.put(host, now, turn);
    }
}

/// Sleeps until then, or for ever.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
