// SPDX-License-Identifier: Apache-2.0
//! Many agents over one transport, from one seed. A test polls single hosts when it wants to; a
//! load generator lets all of them run by their intervals.
//!
//! Methods take a host's place in the fleet, from 0, and panic when there is no such host.

mod builder;
mod drive;
mod run;
mod timing;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use mimir_wire::Timestamp;
use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

pub use builder::{FleetBuilder, Mix, SetupError};
pub use run::Running;
pub(crate) use run::unwrap_task;
pub use timing::{Timing, Waits};

use crate::agent::{Job, LogKind, Report, VirtualAgent};
use crate::answers::Answerer;
use crate::load::{Meter, Presence, Whereabouts};
use crate::profile::Profile;
use crate::record::{Acknowledged, Record, Recording};
use crate::seed;
use crate::transport::{Endpoint, Transport};
use timing::{Clock, plus_micros};

/// Something that goes wrong on the way of one sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not arrive; the agent re-sends at once.
    RequestLost,
    /// It arrives and is answered, but the answer is lost; the agent re-sends the same body.
    AnswerLost,
    /// It arrives, but the answer comes after the deadline; the agent does not re-send at once.
    AnswerTooLate,
}

/// What a fleet did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests handed to the transport, re-sends included.
    pub requests: u64,
    /// Requests without an answer, for whatever reason.
    pub failures: u64,
    /// Of these, past the deadline.
    pub timeouts: u64,
    /// Iterations of distributed loops.
    pub iterations: u64,
    /// Queries that ran to an end.
    pub executed: u64,
    /// Workers that died of a query.
    pub deaths: u64,
}

/// A fleet of virtual hosts. Clones of this value are the same fleet.
#[derive(Clone)]
pub struct Fleet {
    shared: Arc<Shared>,
    hosts: Arc<RwLock<Vec<Arc<HostSlot>>>>,
}

/// What all hosts share.
pub(crate) struct Shared {
    transport: Arc<dyn Transport>,
    answers: RwLock<Arc<dyn Answerer>>,
    timing: Timing,
    clock: Clock,
    seed: u64,
    concurrency: usize,
    /// Requests that may be under way.
    turns: Semaphore,
    losses: RwLock<Losses>,
    /// Who is away, in a load.
    presence: RwLock<Option<Presence>>,
    recording: Recording,
    counters: Counters,
    meter: Option<Arc<Meter>>,
}

/// Shares of the requests, each from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Losses {
    /// Their answer is lost on the way.
    pub(crate) answers: f64,
    /// They do not arrive.
    pub(crate) requests: f64,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    failures: AtomicU64,
    timeouts: AtomicU64,
    iterations: AtomicU64,
    executed: AtomicU64,
    deaths: AtomicU64,
}

/// One host: its agent and its network.
pub(crate) struct HostSlot {
    agent: Mutex<VirtualAgent>,
    /// Wakes threads that wait for the enrolment lock.
    unlocked: Notify,
    network: Mutex<Network>,
    /// Waits that were skipped: the host's clock is ahead by them.
    skipped_us: AtomicI64,
}

/// The way from a host to the server.
struct Network {
    online: bool,
    faults: Vec<(Endpoint, Fault)>,
    /// Draws losses; made when first needed.
    random: Option<Box<Xoshiro256PlusPlus>>,
}

impl Fleet {
    /// A fleet that connects to `url` (`https://host:port`) and trusts only the certificates of
    /// `ca_pem` (the PEM text itself).
    pub fn builder(url: &str, ca_pem: &str) -> FleetBuilder {
        FleetBuilder::tls(url, ca_pem)
    }

    /// A fleet over another transport, for instance a server in the same process.
    pub fn over(transport: impl Transport + 'static) -> FleetBuilder {
        FleetBuilder::given(Arc::new(transport))
    }

    /// The same over a transport that is also used elsewhere.
    pub fn over_shared(transport: Arc<dyn Transport>) -> FleetBuilder {
        FleetBuilder::given(transport)
    }

    fn new(shared: Shared, hosts: Vec<Arc<HostSlot>>) -> Self {
        Self { shared: Arc::new(shared), hosts: Arc::new(RwLock::new(hosts)) }
    }

    /// How many hosts.
    pub fn len(&self) -> usize {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is no host.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Enrols every host that has no node key: first the originals, then the clones, which get a
    /// copy of their original's key. One report a host, in order.
    pub async fn enroll_all(&self) -> Vec<Report> {
        let (clones, originals): (Vec<usize>, Vec<usize>) =
            (0..self.len()).partition(|host| self.profile(*host).image as usize != *host);
        let mut reports = self.all(originals, Job::Enroll).await;
        for clone in &clones {
            let image = self.profile(*clone).image as usize;
            let key = self.with_agent(image, |agent| agent.disk().node_key.clone());
            self.with_agent(*clone, |agent| {
                let own = &mut agent.disk_mut().node_key;
                // A clone that was split from its original keeps the key it got then.
                *own = own.take().or(key);
            });
        }
        reports.extend(self.all(clones, Job::Enroll).await);
        reports.sort_by_key(|(host, _)| *host);
        reports.into_iter().map(|(_, report)| report).collect()
    }

    /// Enrols one host if it has no node key.
    pub async fn enroll(&self, host: usize) -> Report {
        self.shared.drive(&self.slot(host), Job::Enroll).await
    }

    /// One iteration of a host's distributed loop, now: read, run everything pending, write.
    pub async fn poll_once(&self, host: usize) -> Report {
        self.shared.drive(&self.slot(host), Job::Distributed).await
    }

    /// One iteration on every host. One report a host, in order.
    pub async fn poll_all(&self) -> Vec<Report> {
        let mut reports = self.all((0..self.len()).collect(), Job::Distributed).await;
        reports.sort_by_key(|(host, _)| *host);
        reports.into_iter().map(|(_, report)| report).collect()
    }

    /// Fetches a host's configuration.
    pub async fn fetch_config(&self, host: usize) -> Report {
        self.shared.drive(&self.slot(host), Job::Config).await
    }

    /// Buffers a line for a host's logger; see [`crate::logs`] for lines.
    pub fn log(&self, host: usize, kind: LogKind, line: impl Into<Box<str>>) {
        self.with_agent(host, |agent| agent.log(kind, line));
    }

    /// One round of a host's logger.
    pub async fn flush_logs(&self, host: usize) -> Report {
        self.shared.drive(&self.slot(host), Job::Log).await
    }

    /// Cuts a host off the network. Its agent goes on, and every request fails.
    pub fn go_offline(&self, host: usize) {
        self.slot(host).network().online = false;
        self.shared.transport.disconnect(self.profile(host).index);
    }

    /// Connects a host to the network again.
    pub fn go_online(&self, host: usize) {
        self.slot(host).network().online = true;
    }

    /// Whether a host is on the network.
    pub fn is_online(&self, host: usize) -> bool {
        self.slot(host).network().online
    }

    /// Lets the next `times` sendings of a host to `endpoint` go wrong.
    pub fn inject(&self, host: usize, endpoint: Endpoint, fault: Fault, times: usize) {
        let slot = self.slot(host);
        slot.network().faults.extend(std::iter::repeat_n((endpoint, fault), times));
    }

    /// Ends a host's worker process at once; the watcher starts a new one. Results that were not
    /// acknowledged are lost, accepted queries are not.
    pub fn kill_worker(&self, host: usize) {
        let slot = self.slot(host);
        let now = self.shared.now(&slot);
        slot.agent().kill_worker(now);
        slot.unlocked.notify_waiters();
        self.shared.transport.disconnect(self.profile(host).index);
    }

    /// Adds a machine made from the disk image of `host` as it is now: same UUID, instance id
    /// and node key, other name and serial number. Answers its place.
    pub fn clone_host(&self, host: usize) -> usize {
        let (profile, disk) =
            self.with_agent(host, |agent| (*agent.profile(), agent.disk().clone()));
        let secret = self.with_agent(host, |agent| agent.secret());
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        let place = hosts.len();
        let index = u32::try_from(place).expect("a fleet is smaller than that");
        let mut agent =
            VirtualAgent::new(Profile { index, ..profile }, secret, self.shared.clock.now());
        *agent.disk_mut() = disk;
        agent.set_record(builder::record(self.shared.recording));
        hosts.push(Arc::new(HostSlot::new(agent)));
        place
    }

    /// Changes what hosts answer from now on.
    pub fn set_answers(&self, answers: impl Answerer + 'static) {
        *self.shared.answers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(answers);
    }

    /// Moves the clocks of all hosts forward, for instance past the denylist's day.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Lets all hosts run by their intervals for this long: config at start, the distributed
    /// loop, the logger. Jobs under way at the end are finished.
    pub async fn run_for(&self, time: Duration) -> Totals {
        run::run(self.clone(), Some(time), Arc::default()).await
    }

    /// Lets all hosts run in the background until [`Running::stop`].
    pub fn start(&self) -> Running {
        Running::start(self.clone())
    }

    /// The time on a host.
    pub fn now(&self, host: usize) -> Timestamp {
        self.shared.now(&self.slot(host))
    }

    /// Who a host is.
    pub fn profile(&self, host: usize) -> Profile {
        self.with_agent(host, |agent| *agent.profile())
    }

    /// A host's name.
    pub fn hostname(&self, host: usize) -> String {
        self.profile(host).hostname()
    }

    /// A host's node key, when it has one.
    pub fn node_key(&self, host: usize) -> Option<String> {
        self.with_agent(host, |agent| agent.disk().node_key.as_deref().map(str::to_owned))
    }

    /// Everything written down about a host.
    pub fn record(&self, host: usize) -> Record {
        self.with_agent(host, |agent| agent.record().cloned().unwrap_or_default())
    }

    /// The results of a host that the server has acknowledged, in order.
    pub fn acknowledged(&self, host: usize) -> Vec<Acknowledged> {
        let list = |record: &Record| record.acknowledged.clone();
        self.with_agent(host, |agent| agent.record().map(list).unwrap_or_default())
    }

    /// Names of a host's results that are in memory and not acknowledged.
    pub fn unsent(&self, host: usize) -> Vec<String> {
        self.with_agent(host, |agent| agent.unsent().map(str::to_owned).collect())
    }

    /// Names of the queries a host has accepted and not begun.
    pub fn pending(&self, host: usize) -> Vec<String> {
        self.with_agent(host, |agent| agent.disk().pending.keys().cloned().collect())
    }

    /// Looks into a host's agent, or changes it.
    pub fn with_agent<T>(&self, host: usize, look: impl FnOnce(&mut VirtualAgent) -> T) -> T {
        look(&mut self.slot(host).agent())
    }

    /// What the fleet did so far.
    pub fn totals(&self) -> Totals {
        self.shared.counters.totals()
    }

    /// What all hosts share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// All hosts, in order.
    pub(crate) fn slots(&self) -> Vec<Arc<HostSlot>> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections opened so far, each with a full handshake attempted.
    pub fn connections_opened(&self) -> u64 {
        self.shared.transport.opened()
    }

    fn slot(&self, host: usize) -> Arc<HostSlot> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        match hosts.get(host) {
            Some(slot) => slot.clone(),
            None => panic!("there is no host {host} in a fleet of {}", hosts.len()),
        }
    }

    /// Does a job on many hosts, as many at once as allowed.
    async fn all(&self, places: Vec<usize>, job: Job) -> Vec<(usize, Report)> {
        let mut tasks = JoinSet::new();
        let mut reports = Vec::with_capacity(places.len());
        let mut keep = |done| reports.push(run::unwrap_task(done));
        for place in places {
            if tasks.len() >= self.shared.concurrency
                && let Some(done) = tasks.join_next().await
            {
                keep(done);
            }
            let (shared, slot) = (self.shared.clone(), self.slot(place));
            tasks.spawn(async move { (place, shared.drive(&slot, job).await) });
        }
        while let Some(done) = tasks.join_next().await {
            keep(done);
        }
        reports
    }
}

impl Shared {
    fn new(
        transport: Arc<dyn Transport>,
        answers: Arc<dyn Answerer>,
        timing: Timing,
        start: Timestamp,
        seed: u64,
        concurrency: usize,
    ) -> Self {
        Self {
            transport,
            answers: RwLock::new(answers),
            timing,
            clock: Clock::new(start),
            seed,
            concurrency,
            turns: Semaphore::new(concurrency),
            losses: RwLock::default(),
            presence: RwLock::default(),
            recording: Recording::default(),
            counters: Counters::default(),
            meter: None,
        }
    }

    fn metered(mut self, meter: Option<Arc<Meter>>) -> Self {
        self.meter = meter;
        self
    }

    /// Changes what is lost on the way from now on.
    pub(crate) fn set_losses(&self, losses: Losses) {
        *self.losses.write().unwrap_or_else(PoisonError::into_inner) = losses;
    }

    /// Changes who is away from now on.
    pub(crate) fn set_presence(&self, presence: Presence) {
        *self.presence.write().unwrap_or_else(PoisonError::into_inner) = Some(presence);
    }

    /// Where a host is now.
    pub(crate) fn whereabouts(&self, host: u32) -> Whereabouts {
        let presence = *self.presence.read().unwrap_or_else(PoisonError::into_inner);
        presence.map_or(Whereabouts::There, |presence| presence.at(host, self.clock.elapsed()))
    }

    /// Real time since the fleet was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn recording(mut self, level: Recording) -> Self {
        self.recording = level;
        self
    }

    /// The time on a host: the fleet's, its skipped waits, and its skew.
    fn now(&self, slot: &HostSlot) -> Timestamp {
        let skew = slot.agent().profile().clock_skew_s;
        let skipped = slot.skipped_us.load(Ordering::Relaxed);
        plus_micros(self.clock.now(), skipped).plus_secs(skew.into())
    }
}

impl HostSlot {
    fn new(agent: VirtualAgent) -> Self {
        let network = Network { online: true, faults: Vec::new(), random: None };
        Self {
            agent: Mutex::new(agent),
            unlocked: Notify::new(),
            network: Mutex::new(network),
            skipped_us: AtomicI64::new(0),
        }
    }

    pub(crate) fn agent(&self) -> MutexGuard<'_, VirtualAgent> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Network {
    /// What goes wrong with the next sending to `endpoint`, if anything.
    fn next_fault(&mut self, shared: &Shared, host: u32, endpoint: Endpoint) -> Option<Fault> {
        if let Some(at) = self.faults.iter().position(|(wanted, _)| *wanted == endpoint) {
            return Some(self.faults.remove(at).1);
        }
        let losses = *shared.losses.read().unwrap_or_else(PoisonError::into_inner);
        if losses.answers + losses.requests == 0.0 {
            return None;
        }
        let random = self
            .random
            .get_or_insert_with(|| Box::new(seed::rng(shared.seed, host.into(), "losses")));
        let draw: f64 = random.random();
        if draw < losses.requests {
            Some(Fault::RequestLost)
        } else if draw < losses.requests + losses.answers {
            Some(Fault::AnswerLost)
        } else {
            None
        }
    }
}

impl Counters {
    fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            requests: read(&self.requests),
            failures: read(&self.failures),
            timeouts: read(&self.timeouts),
            iterations: read(&self.iterations),
            executed: read(&self.executed),
            deaths: read(&self.deaths),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_host_takes_less_than_a_kilobyte() {
        // Beside this there is a node key of some 50 bytes, and no call, task or record.
        assert!(size_of::<HostSlot>() <= 900, "{}", size_of::<HostSlot>());
    }
}
