// SPDX-License-Identifier: Apache-2.0
//! A machine of the fleet: a virtual osqueryd, what it is doing, and how it answers. Which of its
//! messages get lost is not its business.

use std::sync::Arc;
use std::time::Duration;

use mimir_sim::agent::{Action, Event, Ticket};
use mimir_sim::seed;
use mimir_sim::transport::{Request, TransportError};
use mimir_sim::{
    Job, Outcome, Platform, Profile, Question, Rows, Timestamp, Version, VirtualAgent,
};
use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;

/// Agents of these releases differ in what the server must cope with.
const VERSIONS: [(u16, u16, u16); 6] =
    [(4, 2, 0), (4, 9, 0), (5, 4, 0), (5, 7, 0), (5, 22, 1), (5, 23, 1)];

/// What a machine is at.
#[derive(Debug)]
pub enum Doing {
    /// Nothing until this point of monotonic time.
    Idle(Duration),
    /// It has something to send.
    Sending(Ticket, Request),
    /// It waits for the answer of this exchange.
    Expecting(Ticket, u64),
    /// It waits until then.
    Waiting(Ticket, Duration),
}

/// See the module.
#[derive(Debug)]
pub struct Machine {
    /// Its number.
    pub index: usize,
    /// Its agent.
    pub agent: VirtualAgent,
    /// What it is at.
    pub doing: Doing,
    /// It asks for its reads to be held open.
    pub holds: bool,
    /// No query kills it any more.
    pub tame: bool,
    /// Exchanges begun.
    pub exchanges: u64,
    answers: u64,
    random: Xoshiro256PlusPlus,
}

impl Machine {
    /// A fresh machine, or the clone of an image.
    pub fn new(
        seed: u64,
        index: usize,
        image: Option<&Self>,
        secret: &Arc<str>,
        now: Timestamp,
    ) -> Self {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let mut random = seed::rng(seed, index as u64, "machine");
        let (major, minor, patch) = VERSIONS[random.random_range(0..VERSIONS.len())];
        let platforms = [Platform::Linux, Platform::Linux, Platform::Darwin, Platform::Windows];
        let profile = Profile {
            image: image.map_or(number, |image| image.agent.profile().image),
            platform: platforms[random.random_range(0..platforms.len())],
            version: Version::new(major, minor, patch),
            invalid_utf8: random.random_bool(0.1),
            clock_skew_s: random.random_range(-60..=60),
            ..Profile::new(seed, number)
        };
        let mut agent = VirtualAgent::new(profile, Arc::clone(secret), now);
        if let Some(image) = image {
            *agent.disk_mut() = image.agent.disk().clone();
        }
        let holds = random.random_bool(0.2);
        let doing = Doing::Idle(Duration::ZERO);
        Self { index, agent, doing, holds, tame: false, exchanges: 0, answers: 0, random }
    }

    /// Its own time of day.
    fn clock(&self, now: Timestamp) -> Timestamp {
        now.plus_secs(self.agent.profile().clock_skew_s.into())
    }

    /// Begins a job.
    pub fn begin(&mut self, job: Job, now: Timestamp, elapsed: Duration) {
        let now = self.clock(now);
        let (ticket, action) = self.agent.begin(job, now);
        self.act(ticket, action, now, elapsed);
    }

    /// Goes on after an answer, its absence or a wait.
    pub fn resume(&mut self, ticket: Ticket, event: Event, now: Timestamp, elapsed: Duration) {
        let now = self.clock(now);
        let action = self.agent.resume(ticket, event, now);
        self.act(ticket, action, now, elapsed);
    }

    /// An exchange ended.
    pub fn answered(
        &mut self,
        exchange: u64,
        answer: Result<Vec<u8>, TransportError>,
        now: Timestamp,
        elapsed: Duration,
    ) {
        // Whatever comes after the agent has given up finds nobody.
        let Doing::Expecting(ticket, expected) = self.doing else { return };
        if expected == exchange {
            self.resume(ticket, Event::Answered(answer), now, elapsed);
        }
    }

    /// The worker dies and a new one starts.
    pub fn die(&mut self, now: Timestamp, elapsed: Duration) {
        self.agent.kill_worker(self.clock(now));
        self.doing = Doing::Idle(elapsed + Duration::from_secs(5));
    }

    fn act(&mut self, ticket: Ticket, action: Action, now: Timestamp, elapsed: Duration) {
        let mut action = action;
        loop {
            action = match action {
                Action::Send { request, .. } => {
                    self.doing = Doing::Sending(ticket, request);
                    return;
                }
                Action::Wait(wait) => {
                    self.doing = Doing::Waiting(ticket, elapsed + wait);
                    return;
                }
                Action::Blocked => {
                    self.doing = Doing::Waiting(ticket, elapsed + Duration::from_secs(1));
                    return;
                }
                Action::Run(question) => {
                    let outcome = self.answer(&question);
                    self.agent.resume(ticket, Event::Ran(outcome), now)
                }
                Action::Done(report) => {
                    self.doing = Doing::Idle(elapsed + report.next_in);
                    return;
                }
            };
        }
    }

    /// How a query ends here. Some queries kill some machines each time.
    fn answer(&mut self, question: &Question) -> Outcome {
        if question.name.starts_with("0b") {
            let profile = self.agent.profile();
            let started = question.worker_started.micros() / 1_000_000;
            let info = profile.osquery_info(question.worker, started);
            let system = profile.system_info();
            let wanted = ["pid", "start_time", "instance_id", "uuid", "hardware_serial"];
            let cells = info.into_iter().filter(|(name, _)| *name != "uuid").chain(system);
            return Outcome::row(cells.filter(|(name, _)| wanted.contains(name)));
        }
        let text = question.sql.bytes().fold(self.index as u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        if !self.tame && text % 11 == 3 {
            return Outcome::Death;
        }
        self.answers += 1;
        match self.random.random_range(0..100) {
            0..15 => Outcome::empty(),
            15..23 => Outcome::Error(format!("no such table: t{}", self.answers)),
            23..26 if !self.tame => Outcome::Death,
            26..32 => {
                let wait = Duration::from_secs(self.random.random_range(1..40));
                Outcome::After(wait, Box::new(self.rows(3)))
            }
            32..42 => self.rows(45),
            _ => self.rows(6),
        }
    }

    fn rows(&mut self, most: usize) -> Outcome {
        let (machine, answer) = (self.index.to_string(), self.answers.to_string());
        let mut rows = Rows::new();
        for n in 0..self.random.random_range(1..=most) {
            let n = n.to_string();
            rows.push([("machine", &machine), ("answer", &answer), ("n", &n)]);
        }
        Outcome::Rows(rows)
    }
}
