// SPDX-License-Identifier: Apache-2.0
//! A fleet as a load generator: it runs by a [`Plan`], changes its ways by the steps of a
//! [`Scenario`], and counts everything.
//!
//! An idle host costs well under a kilobyte and no task; connections are bounded by
//! [`Plan::parallel`], whatever the number of hosts. Nothing is kept between two runs: the same
//! seed is the same fleet, whose hosts enrol again and get new node keys.
//!
//! Deliberately not here: lines of the logger, scheduled queries and carves, which a load that
//! polls does not need; and launching campaigns, which is an operator's business.

mod answers;
mod file;
mod histogram;
mod keys;
mod meter;
mod plan;
mod presence;
mod preset;
mod report;
mod scenario;
mod schedule;
mod values;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

pub use file::read as read_scenario;
pub use histogram::Times;
pub(crate) use keys::HOSTS_MAX;
pub use keys::{KEYS, Key, Topic};
pub(crate) use meter::Meter;
pub use plan::{Absence, Answering, Connecting, Plan};
pub(crate) use presence::{Presence, Whereabouts};
pub use preset::{PRESETS, Preset};
pub use report::{
    AnswerCounts, Event, FaultCounts, HostCounts, Latencies, LoadReport, QueryCounts, RequestCounts,
};
pub use scenario::{Scenario, Step, Storm};

use crate::fleet::{Fleet, Losses, Mix, SetupError, Timing, Waits};
use crate::record::Recording;
use answers::{Current, PlannedAnswers, current};
use schedule::Schedule;

/// Where a load goes.
#[derive(Debug, Clone)]
pub struct Aim {
    /// The server's address, `https://host:port`.
    pub url: String,
    /// The PEM text of the certificates that are trusted, and no others.
    pub ca_pem: String,
    /// The secret that hosts enrol with.
    pub enroll_secret: String,
}

/// A load: a fleet that is ready to run.
pub struct Load {
    fleet: Fleet,
    meter: Arc<Meter>,
    plan: Current,
    steps: Vec<Step>,
    events: Mutex<Vec<Event>>,
}

impl Load {
    /// Makes the fleet; nothing is sent yet.
    ///
    /// # Errors
    /// When the plan, the address or the certificate cannot be used.
    pub fn new(aim: &Aim, scenario: Scenario) -> Result<Self, SetupError> {
        let Scenario { plan, steps } = scenario;
        plan.check_start().map_err(SetupError::Wish)?;
        let meter = Arc::new(Meter::default());
        let plan: Current = Arc::new(RwLock::new(Arc::new(plan)));
        let now = current(&plan);
        let shape = Arc::clone(&now);
        let mix = Mix { clones: now.clones, wrong_clocks: now.wrong_clocks, ..Mix::uniform() };
        let timing = Timing { waits: Waits::Real, ..Timing::default() };
        let fleet = Fleet::builder(&aim.url, &aim.ca_pem)
            .seed(now.seed)
            .hosts(now.hosts)
            .enroll_secret(&aim.enroll_secret)
            .mix(mix)
            .each(move |profile| shape.shape(profile))
            .answers(PlannedAnswers(Arc::clone(&plan)))
            .timing(timing)
            .recording(Recording::Off)
            .connections(now.connections())
            .sources(now.sources)
            .concurrency(now.parallel)
            .meter(Arc::clone(&meter))
            .build()?;
        let load = Self { fleet, meter, plan, steps, events: Mutex::default() };
        load.apply(&now);
        Ok(load)
    }

    /// Runs until `stop`, the plan's end or a step that stops it. Jobs under way get some seconds
    /// to end.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        Schedule::new(self).run(stop).await;
    }

    /// What it has done so far.
    pub fn report(&self) -> LoadReport {
        let slots = self.fleet.slots();
        let enrolled = slots.iter().filter(|slot| slot.agent().disk().node_key.is_some()).count();
        let away = self.meter.away.get();
        let connections = self.fleet.connections_opened();
        LoadReport {
            seed: current(&self.plan).seed,
            hosts: HostCounts { total: slots.len(), enrolled, away },
            events: self.events.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..LoadReport::of(&self.meter, self.elapsed(), connections)
        }
    }

    /// The hosts.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn elapsed(&self) -> Duration {
        self.fleet.shared().elapsed()
    }

    /// Changes the plan while it runs; answers the new one.
    fn change(&self, changes: &[(&'static Key, String)]) -> Arc<Plan> {
        let before = current(&self.plan);
        let mut plan = Plan::clone(&before);
        for (key, value) in changes {
            if let Err(why) = key.set(&mut plan, value) {
                self.happened(format!("{} = {value} was left out: {why}", key.name));
            }
        }
        let plan = Arc::new(plan);
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&plan);
        self.apply(&plan);
        plan
    }

    /// Tells the fleet what its hosts do not look up in the plan themselves.
    fn apply(&self, plan: &Plan) {
        let shared = self.fleet.shared();
        shared.set_losses(Losses { answers: plan.duplicates, requests: plan.lost_requests });
        shared.set_presence(Presence::new(plan.seed, plan.absence, self.elapsed()));
    }

    fn happened(&self, what: String) {
        let at_s = (self.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(Event { at_s, what });
    }
}
