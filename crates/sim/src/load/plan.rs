// SPDX-License-Identifier: Apache-2.0
//! What a load is to be: how many hosts of which kind, when they are there, what they answer and
//! what goes wrong. A plain value; [`super::keys`] gives each field its name for people.

use std::time::Duration;

use rand::RngExt as _;

use super::values::pick;
use crate::profile::{Platform, Product, Profile, Version};
use crate::seed;
use crate::transport::Connections;

/// Hosts that begin in a second, unless the start-up spread says otherwise.
const STARTS_PER_SECOND: f64 = 250.0;

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connecting {
    /// As stock osqueryd: a new connection with a full handshake for each request.
    New,
    /// As `mimir-agent`: connections are kept. Hosts share them; the node key tells who speaks.
    Kept,
}

/// When hosts are away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Absence {
    /// Share of the hosts that are away.
    pub offline: f64,
    /// These come and go: away for this long …
    pub away: Option<Duration>,
    /// … and back for this long, in turn, each at its own phase.
    pub back: Option<Duration>,
    /// Or they come back for good, one by one over this time, most of them in its middle.
    pub return_over: Option<Duration>,
}

/// What hosts answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answering {
    /// Made-up rows of an answer, from and to; `None` gives rows that fit the table asked for.
    pub rows: Option<(u64, u64)>,
    /// Bytes of a made-up row, about.
    pub row_bytes: usize,
    /// Share of the hosts that find anything.
    pub matching: f64,
    /// Time that a query takes on a host, from and to.
    pub latency: (Duration, Duration),
    /// Share of the answers that are SQL errors.
    pub sql_errors: f64,
    /// Share of the answers that say that the query is on the host's denylist.
    pub denylisted: f64,
    /// Share of the queries that the agent's worker dies of.
    pub deaths: f64,
    /// Share of the queries that do not end.
    pub stuck: f64,
    /// Share of the hosts whose answers are blown up …
    pub oversize: f64,
    /// … to about this many bytes.
    pub oversize_bytes: usize,
    /// Share of the hosts whose answers hold bytes that are not UTF-8.
    pub invalid_utf8: f64,
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How many hosts.
    pub hosts: usize,
    /// Everything random follows from it.
    pub seed: u64,
    /// Hosts begin one by one over this time; `None` is 250 a second.
    pub spread: Option<Duration>,
    /// Time between two polls of a host; `None` is what the server's config tells.
    pub interval: Option<Duration>,
    /// Share by which each interval is shorter or longer at random.
    pub jitter: f64,
    /// Time between two fetches of the config; zero is once, at the start.
    pub config_refresh: Duration,
    /// How requests travel.
    pub connection: Connecting,
    /// Requests under way at once.
    pub parallel: usize,
    /// Loopback source addresses that hosts are spread over; 0 is the machine's choice.
    pub sources: u32,
    /// Platforms with their weights.
    pub platforms: Vec<(Platform, f64)>,
    /// Versions of osqueryd with their weights.
    pub versions: Vec<(Version, f64)>,
    /// Share of the hosts that are clones of others.
    pub clones: f64,
    /// Share of the hosts whose clock is wrong by up to a day.
    pub wrong_clocks: f64,
    /// Who is away when.
    pub absence: Absence,
    /// What they answer.
    pub answers: Answering,
    /// Share of the requests that arrive twice, because their answer is lost on the way.
    pub duplicates: f64,
    /// Share of the requests that are lost on the way.
    pub lost_requests: f64,
    /// When it ends by itself.
    pub duration: Option<Duration>,
}

impl Default for Plan {
    /// A hundred well-behaved hosts of several platforms, all there, polling as they are told.
    fn default() -> Self {
        Self {
            hosts: 100,
            seed: 1,
            spread: None,
            interval: None,
            jitter: 0.0,
            // As in the flags that `mimir enroll-kit` writes.
            config_refresh: Duration::from_secs(60),
            connection: Connecting::New,
            parallel: 256,
            sources: 0,
            platforms: vec![
                (Platform::Linux, 0.4),
                (Platform::Darwin, 0.3),
                (Platform::Windows, 0.3),
            ],
            versions: vec![(Version::CURRENT, 1.0)],
            clones: 0.0,
            wrong_clocks: 0.0,
            absence: Absence { offline: 0.0, away: None, back: None, return_over: None },
            answers: Answering {
                rows: None,
                row_bytes: 0,
                matching: 1.0,
                latency: (Duration::ZERO, Duration::ZERO),
                sql_errors: 0.0,
                denylisted: 0.0,
                deaths: 0.0,
                stuck: 0.0,
                oversize: 0.0,
                oversize_bytes: 2 << 20,
                invalid_utf8: 0.0,
            },
            duplicates: 0.0,
            lost_requests: 0.0,
            duration: None,
        }
    }
}

impl Plan {
    /// Hosts begin spread over this time.
    pub fn start_spread(&self) -> Duration {
        let hosts = u32::try_from(self.hosts).unwrap_or(u32::MAX);
        self.spread.unwrap_or_else(|| Duration::from_secs_f64(f64::from(hosts) / STARTS_PER_SECOND))
    }

    /// What does not fit together, as a sentence.
    ///
    /// # Errors
    /// That sentence.
    pub fn check(&self) -> Result<(), String> {
        let absence = &self.absence;
        if absence.away.is_some() != absence.back.is_some() {
            return Err("`away` and `back` go together: give both, as away 20m and back 40m".into());
        }
        if absence.return_over.is_some() && absence.away.is_some() {
            return Err(
                "`return_over` means hosts that come back for good, `away` and `back` hosts \
                        that come and go: give one of them"
                    .into(),
            );
        }
        let of_queries = &self.answers;
        let ends =
            [of_queries.sql_errors, of_queries.denylisted, of_queries.deaths, of_queries.stuck];
        if ends.iter().sum::<f64>() > 1.0 {
            return Err("`sql_errors`, `denylisted`, `deaths` and `stuck` together are more than \
                        every query: lower them"
                .into());
        }
        if self.duplicates + self.lost_requests > 1.0 {
            return Err("`duplicates` and `lost_requests` together are more than every request: \
                        lower them"
                .into());
        }
        Ok(())
    }

    /// The same at the start, where some wishes would have no effect.
    ///
    /// # Errors
    /// That sentence.
    pub fn check_start(&self) -> Result<(), String> {
        self.check()?;
        let rhythm = self.absence.away.is_some() || self.absence.return_over.is_some();
        if rhythm && self.absence.offline == 0.0 {
            return Err("no host is away: say how many with `offline`, as 0.3".into());
        }
        Ok(())
    }

    /// What becomes of a connection after its answer.
    pub(super) fn connections(&self) -> Connections {
        match self.connection {
            Connecting::New => Connections::Closed,
            Connecting::Kept => Connections::Shared,
        }
    }

    /// Makes a host what the plan wants, by the seed.
    pub(super) fn shape(&self, profile: &mut Profile) {
        let mut random = seed::rng(self.seed, profile.index.into(), "load");
        let (platform, version) = (random.random(), random.random());
        profile.platform = pick(&self.platforms, platform).unwrap_or(profile.platform);
        profile.version = pick(&self.versions, version).unwrap_or(profile.version);
        // Only mimir-agent keeps connections; a server tells osqueryd to close them.
        if self.connection == Connecting::Kept {
            profile.product = Product::MimirAgent;
        }
    }
}

/// Whether a host has a trait that `share` of all have. A host that has it at some share has it
/// at every higher one.
pub(super) fn has(profile: &Profile, purpose: &str, share: f64) -> bool {
    share > 0.0 && draw(profile.seed, profile.index, purpose) < share
}

/// A number from 0 to 1 that belongs to a host and a purpose.
pub(super) fn draw(seed: u64, host: u32, purpose: &str) -> f64 {
    seed::rng(seed, host.into(), purpose).random()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_together_is_refused_with_advice() {
        let refused = |change: fn(&mut Plan)| {
            let mut plan = Plan::default();
            change(&mut plan);
            plan.check_start().expect_err("a refusal")
        };
        let minute = Some(Duration::from_secs(60));
        assert!(refused(|plan| plan.absence.away = Some(Duration::from_secs(1))).contains("both"));
        assert!(refused(|plan| plan.duplicates = 2.0).contains("lower them"));
        assert!(refused(|plan| plan.answers.deaths = 1.1).contains("lower them"));
        assert!(
            refused(|plan| plan.absence.return_over = Some(Duration::from_secs(1)))
                .contains("offline")
        );
        let absence = Absence { offline: 0.5, away: minute, back: minute, return_over: minute };
        let mut plan = Plan { absence, ..Plan::default() };
        assert!(plan.check().is_err());
        plan.absence.return_over = None;
        assert_eq!(plan.check(), Ok(()));
        assert_eq!(plan.start_spread(), Duration::from_millis(400));
    }

    #[test]
    fn a_host_keeps_its_traits_when_the_share_grows() {
        let hosts = |share: f64| -> Vec<u32> {
            (0..500).filter(|host| has(&Profile::new(3, *host), "t", share)).collect()
        };
        let (few, many) = (hosts(0.1), hosts(0.4));
        assert!((20..90).contains(&few.len()) && (150..250).contains(&many.len()));
        assert!(few.iter().all(|host| many.contains(host)));
    }
}
