// SPDX-License-Identifier: Apache-2.0
//! Setting up a fleet: how many hosts of which kind, where they connect, what they answer.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mimir_wire::Timestamp;
use rand::RngExt as _;

use super::timing::Timing;
use super::{Fleet, HostSlot, Losses, Shared};
use crate::agent::VirtualAgent;
use crate::answers::{Answerer, PlausibleAnswers};
use crate::load::Meter;
use crate::profile::{Platform, Profile, Version};
use crate::record::{Record, Recording};
use crate::seed;
use crate::transport::{Connections, TlsTransport, Transport};

/// Jobs under way at once unless told otherwise.
const CONCURRENCY: usize = 256;

/// Largest fleet.
const HOSTS_MAX: usize = crate::load::HOSTS_MAX;

/// A fleet that cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The server's address cannot be used: the address, and why.
    #[error("the server address `{0}` cannot be used: {1}")]
    Url(String, String),
    /// The CA certificate cannot be used.
    #[error("the CA certificate cannot be used ({0}): give the PEM text of the server's CA")]
    CaPem(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// A wish makes no sense.
    #[error("{0}")]
    Wish(String),
}

/// Shares of a fleet, each from 0 to 1, drawn by the seed for each host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// macOS hosts.
    pub darwin: f64,
    /// Windows hosts. The rest is Linux.
    pub windows: f64,
    /// Agents before 5.5.0, which have no denylist (and no header).
    pub without_denylist: f64,
    /// Other agents before 5.23.0, which send no `Authorization` header.
    pub without_header: f64,
    /// Hosts whose results hold invalid UTF-8.
    pub invalid_utf8: f64,
    /// Hosts whose results are blown up to [`Mix::oversized_bytes`].
    pub oversized: f64,
    /// Size of a blown-up result.
    pub oversized_bytes: u32,
    /// Hosts made from the disk image of another host: same UUID and node key.
    pub clones: f64,
    /// Hosts whose clock is wrong by up to a day.
    pub wrong_clocks: f64,
    /// Requests whose answer is lost on the way: they arrive twice.
    pub answers_lost: f64,
    /// Requests that do not arrive.
    pub requests_lost: f64,
}

impl Default for Mix {
    /// A mix of platforms, and no peculiarities.
    fn default() -> Self {
        Self {
            darwin: 0.3,
            windows: 0.3,
            without_denylist: 0.0,
            without_header: 0.0,
            invalid_utf8: 0.0,
            oversized: 0.0,
            oversized_bytes: 2 << 20,
            clones: 0.0,
            wrong_clocks: 0.0,
            answers_lost: 0.0,
            requests_lost: 0.0,
        }
    }
}

impl Mix {
    /// Linux hosts of the current version, without peculiarities.
    pub fn uniform() -> Self {
        Self { darwin: 0.0, windows: 0.0, ..Self::default() }
    }

    /// Some of everything that a real fleet has.
    pub fn rough() -> Self {
        Self {
            without_denylist: 0.05,
            without_header: 0.3,
            invalid_utf8: 0.03,
            oversized: 0.005,
            clones: 0.02,
            wrong_clocks: 0.02,
            answers_lost: 0.01,
            requests_lost: 0.02,
            ..Self::default()
        }
    }

    fn shares(&self) -> [f64; 10] {
        [
            self.darwin,
            self.windows,
            self.without_denylist,
            self.without_header,
            self.invalid_utf8,
            self.oversized,
            self.clones,
            self.wrong_clocks,
            self.answers_lost,
            self.requests_lost,
        ]
    }

    /// The host at `index` as the seed makes it.
    fn profile(&self, seed: u64, index: u32) -> Profile {
        let mut random = seed::rng(seed, index.into(), "mix");
        let mut share = |part: f64| random.random::<f64>() < part;
        let mut profile = Profile::new(seed, index);
        // Of the hosts that are not Windows, so that both shares are of the whole.
        let darwin = (self.darwin / (1.0 - self.windows).max(f64::EPSILON)).min(1.0);
        if share(self.windows) {
            profile.platform = Platform::Windows;
        } else if share(darwin) {
            profile.platform = Platform::Darwin;
        }
        if share(self.without_denylist) {
            profile.version = Version::new(5, 4, 0);
        } else if share(self.without_header) {
            profile.version = Version::new(5, 12, 2);
        }
        profile.invalid_utf8 = share(self.invalid_utf8);
        if share(self.oversized) {
            profile.oversized_bytes = self.oversized_bytes;
        }
        let (cloned, wrong_clock) = (share(self.clones), share(self.wrong_clocks));
        if cloned && index > 0 {
            profile.image = random.random_range(0..index);
        }
        if wrong_clock {
            profile.clock_skew_s = random.random_range(-86_400..=86_400);
        }
        profile
    }
}

/// A change of one host's profile.
type Change = Box<dyn FnOnce(&mut Profile)>;
/// A change of every host's profile.
type Shape = Box<dyn Fn(&mut Profile)>;

/// Where the fleet's requests go.
enum Way {
    Tls { url: String, ca_pem: String },
    Given(Arc<dyn Transport>),
}

/// Sets up a [`Fleet`].
pub struct FleetBuilder {
    way: Way,
    seed: u64,
    hosts: usize,
    secret: String,
    mix: Mix,
    changes: Vec<(usize, Change)>,
    shape: Option<Shape>,
    answers: Arc<dyn Answerer>,
    timing: Timing,
    recording: Recording,
    connections: Connections,
    sources: u32,
    start: Option<Timestamp>,
    concurrency: usize,
    meter: Option<Arc<Meter>>,
}

impl FleetBuilder {
    pub(super) fn tls(url: &str, ca_pem: &str) -> Self {
        Self::over(Way::Tls { url: url.to_owned(), ca_pem: ca_pem.to_owned() })
    }

    pub(super) fn given(transport: Arc<dyn Transport>) -> Self {
        Self::over(Way::Given(transport))
    }

    fn over(way: Way) -> Self {
        Self {
            way,
            seed: 0,
            hosts: 1,
            secret: String::new(),
            mix: Mix::default(),
            changes: Vec::new(),
            shape: None,
            answers: Arc::new(PlausibleAnswers::default()),
            timing: Timing::default(),
            recording: Recording::default(),
            connections: Connections::default(),
            sources: 0,
            start: None,
            concurrency: CONCURRENCY,
            meter: None,
        }
    }

    /// The seed everything follows from (default 0).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many hosts (default 1).
    #[must_use]
    pub fn hosts(mut self, count: usize) -> Self {
        self.hosts = count;
        self
    }

    /// The secret they enrol with.
    #[must_use]
    pub fn enroll_secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = secret.into();
        self
    }

    /// Which kinds of hosts (default: a mix of platforms, no peculiarities).
    #[must_use]
    pub fn mix(mut self, mix: Mix) -> Self {
        self.mix = mix;
        self
    }

    /// Changes one host, after the mix: `.host(2, |h| h.version = Version::new(5, 4, 0))`.
    #[must_use]
    pub fn host(mut self, index: usize, change: impl FnOnce(&mut Profile) + 'static) -> Self {
        self.changes.push((index, Box::new(change)));
        self
    }

    /// Changes every host, after the mix and before single hosts.
    #[must_use]
    pub fn each(mut self, change: impl Fn(&mut Profile) + 'static) -> Self {
        self.shape = Some(Box::new(change));
        self
    }

    /// What they answer (default: [`PlausibleAnswers`]). A closure will do:
    /// `.answers(|host: &Profile, sql: &str| Outcome::empty())`.
    #[must_use]
    pub fn answers(mut self, answers: impl Answerer + 'static) -> Self {
        self.answers = Arc::new(answers);
        self
    }

    /// How long things take.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// How much is written down (default: everything).
    #[must_use]
    pub fn recording(mut self, level: Recording) -> Self {
        self.recording = level;
        self
    }

    /// What becomes of a connection after its answer (default: as osquery). TLS only.
    #[must_use]
    pub fn connections(mut self, connections: Connections) -> Self {
        self.connections = connections;
        self
    }

    /// Spreads hosts over as many loopback source addresses. TLS only.
    #[must_use]
    pub fn sources(mut self, count: u32) -> Self {
        self.sources = count;
        self
    }

    /// What the hosts' clocks show at first (default: the machine's time).
    #[must_use]
    pub fn start_time(mut self, start: Timestamp) -> Self {
        self.start = Some(start);
        self
    }

    /// Jobs under way at once (default 256).
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// Counts everything with this.
    #[must_use]
    pub(crate) fn meter(mut self, meter: Arc<Meter>) -> Self {
        self.meter = Some(meter);
        self
    }

    /// The fleet. No host has enrolled yet.
    ///
    /// # Errors
    /// When the address, the certificate or a number cannot be used.
    pub fn build(mut self) -> Result<Fleet, SetupError> {
        let profiles = self.profiles()?;
        let transport: Arc<dyn Transport> = match self.way {
            Way::Given(transport) => transport,
            Way::Tls { url, ca_pem } => Arc::new(
                TlsTransport::new(&url, &ca_pem, self.connections)?.with_sources(self.sources),
            ),
        };
        let secret: Arc<str> = self.secret.into();
        let start = self.start.unwrap_or_else(machine_time);
        let shared =
            Shared::new(transport, self.answers, self.timing, start, self.seed, self.concurrency)
                .recording(self.recording)
                .metered(self.meter);
        let Mix { answers_lost, requests_lost, .. } = self.mix;
        shared.set_losses(Losses { answers: answers_lost, requests: requests_lost });
        let mut hosts = Vec::with_capacity(profiles.len());
        for profile in profiles {
            let mut agent = VirtualAgent::new(profile, secret.clone(), start);
            agent.set_record(record(self.recording));
            hosts.push(Arc::new(HostSlot::new(agent)));
        }
        Ok(Fleet::new(shared, hosts))
    }

    fn profiles(&mut self) -> Result<Vec<Profile>, SetupError> {
        if self.hosts > HOSTS_MAX {
            let text = format!("a fleet has at most {HOSTS_MAX} hosts, not {}", self.hosts);
            return Err(SetupError::Wish(text));
        }
        if self.mix.shares().iter().any(|share| !(0.0..=1.0).contains(share)) {
            let text = "every share of the mix is between 0 and 1".to_owned();
            return Err(SetupError::Wish(text));
        }
        let count = u32::try_from(self.hosts).expect("checked against the largest fleet");
        let mut profiles: Vec<_> =
            (0..count).map(|index| self.mix.profile(self.seed, index)).collect();
        if let Some(shape) = &self.shape {
            profiles.iter_mut().for_each(shape);
        }
        for (index, change) in self.changes.drain(..) {
            let profile = profiles.get_mut(index).ok_or_else(|| {
                SetupError::Wish(format!("there is no host {index} in a fleet of {count}"))
            })?;
            change(profile);
        }
        // A clone of a clone has the first one's image.
        for index in 0..profiles.len() {
            let image = profiles[index].image as usize;
            if image != index {
                profiles[index].image = profiles[image].image;
                profiles[index].platform = profiles[image].platform;
            }
        }
        Ok(profiles)
    }
}

/// A record that keeps as much as `level` says; none at all when that is nothing.
pub(super) fn record(level: Recording) -> Option<Box<Record>> {
    (level != Recording::Off).then(|| Box::new(Record::new(level)))
}

#[expect(clippy::disallowed_methods, reason = "where a fleet starts that was given no time")]
fn machine_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(super::timing::micros(since))
}
