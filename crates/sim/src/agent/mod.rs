// SPDX-License-Identifier: Apache-2.0
//! The state machine of one osqueryd: what survives its death ([`disk`]), what does not, and the
//! calls its threads make. No sockets, no clock, no randomness beyond the profile's seed.
//!
//! A driver calls [`VirtualAgent::begin`] for a job, does what the [`Action`] says, and reports
//! back through [`VirtualAgent::resume`] until the action is [`Action::Done`]. Each job stands
//! for a thread of osqueryd: different jobs of one agent may be under way at the same time, and
//! they share the enrolment lock as the threads do.

mod body;
mod config;
pub mod disk;
mod distributed;
mod exchange;
mod judge;
mod logger;
mod options;

use std::sync::Arc;
use std::time::Duration;

use mimir_wire::Timestamp;

use crate::answers::{Outcome, Question};
use crate::profile::Profile;
use crate::record::Record;
use crate::transport::{Request, TransportError};
use disk::Disk;
use distributed::{Discovery, Executing};
use exchange::{Exchange, Progress};
use options::Options;

pub use body::Finished;
pub use logger::LogKind;
pub use options::{ENROLL_ATTEMPTS, ENROLL_WAIT_MAX};

/// Something a thread of osqueryd does, and the thread that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Job {
    /// Gets a node key if there is none.
    #[default]
    Enroll,
    /// Fetches the configuration.
    Config,
    /// One iteration of the distributed loop: read, run everything pending, write.
    Distributed,
    /// One round of the logger.
    Log,
}

impl Job {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Enroll, Self::Config, Self::Distributed, Self::Log];
}

/// What the driver is to do next for a job.
#[derive(Debug)]
pub enum Action {
    /// Send this and report [`Event::Answered`].
    Send {
        /// What to send.
        request: Request,
        /// Whether it is the immediate second sending after a failure. It shares the deadline of
        /// the first; otherwise a new deadline of [`DEADLINE`] begins.
        resend: bool,
    },
    /// Wait this long and report [`Event::Waited`].
    Wait(Duration),
    /// Another thread is enrolling. Report [`Event::Waited`] when it may have ended.
    Blocked,
    /// Run this query and report [`Event::Ran`].
    Run(Question),
    /// The job is over.
    Done(Report),
}

/// What the driver reports back.
#[derive(Debug)]
pub enum Event {
    /// The answer's body, whatever the status, or why there was none.
    Answered(Result<Vec<u8>, TransportError>),
    /// The wait is over.
    Waited,
    /// How the query ended.
    Ran(Outcome),
}

/// Names one run of a job, so that a driver cannot go on with the job of a dead worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    job: Job,
    id: u32,
}

/// Deadline of a request: name, connect, handshake, upload, answer, and both sendings
/// (`osquery/remote/transports/tls.cpp`).
pub const DEADLINE: Duration = Duration::from_secs(16);

/// A new worker begins its loops about this long after the old one died.
pub(crate) const RESPAWN: Duration = Duration::from_secs(5);

/// What came of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Which job.
    pub job: Job,
    /// Whether everything that was sent succeeded in the agent's eyes.
    pub ok: bool,
    /// The last failure that ended an exchange.
    pub error: Option<String>,
    /// Names of the queries taken from the read answer.
    pub accepted: Vec<String>,
    /// Names of the queries that ran to an end, in order.
    pub executed: Vec<String>,
    /// Names of the queries refused because the worker died of their text before.
    pub denylisted: Vec<String>,
    /// Whether the results were acknowledged; `None` when there was nothing to write.
    pub written: Option<bool>,
    /// The results that were acknowledged.
    pub delivered: Vec<Delivered>,
    /// Results that are in memory and not acknowledged.
    pub unsent: usize,
    /// The worker died.
    pub died: bool,
    /// A query does not end; the thread is in it until the worker is killed.
    pub stuck: bool,
    /// The thread was busy with an earlier run of the job; nothing was done.
    pub busy: bool,
    /// The server asked for faster polls for a while.
    pub accelerated: bool,
    /// When the thread would do the job next.
    pub next_in: Duration,
}

/// A result that was acknowledged, without its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The query's name as offered.
    pub name: String,
    /// Status as sent: 0 is success.
    pub status: i64,
    /// The agent had refused the text, because a worker died of it before.
    pub denylisted: bool,
    /// Rows as sent.
    pub rows: u64,
    /// Bytes of the rows.
    pub row_bytes: usize,
}

/// One osqueryd.
#[derive(Debug)]
pub struct VirtualAgent {
    profile: Profile,
    secret: Arc<str>,
    /// What survives the worker.
    disk: Disk,
    /// What does not.
    worker: Worker,
    /// Kept by an observer; not a part of the agent.
    record: Option<Box<Record>>,
    /// Why the last answer was taken for failure, for the observer.
    refusal: Option<Box<str>>,
}

/// Memory of the worker process.
#[derive(Debug, Default)]
struct Worker {
    /// Counts the starts of the process, from 1.
    number: u32,
    started: Timestamp,
    calls: [Option<Box<Call>>; Job::ALL.len()],
    /// The call that holds the enrolment lock.
    enrolling: Option<u32>,
    unsent: Vec<Finished>,
    options: Options,
    backoff: [logger::Backoff; 2],
}

/// A job under way.
#[derive(Debug)]
struct Call {
    ticket: Ticket,
    stage: Stage,
    exchange: Exchange,
    report: Report,
}

/// Where a job is.
#[derive(Debug)]
enum Stage {
    Enroll,
    Config,
    Read,
    Discover(Box<Discovery>),
    Execute(Box<Executing>),
    Stuck,
    Write,
    Log { kind: LogKind, taken: usize },
}

impl VirtualAgent {
    /// A fresh machine that will enrol with `secret`, its worker starting at `now`.
    pub fn new(profile: Profile, secret: Arc<str>, now: Timestamp) -> Self {
        let worker = Worker { number: 1, started: now, ..Worker::default() };
        Self { profile, secret, disk: Disk::default(), worker, record: None, refusal: None }
    }

    /// Lets an observer write everything down from now on.
    pub fn set_record(&mut self, record: Option<Box<Record>>) {
        self.record = record;
    }

    /// Why the last answer was taken for failure, if it was; tells it once.
    pub fn take_refusal(&mut self) -> Option<Box<str>> {
        self.refusal.take()
    }

    /// What the observer wrote down.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_deref()
    }

    /// Who it is.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Changes who it is, for instance its version after an upgrade.
    pub const fn profile_mut(&mut self) -> &mut Profile {
        &mut self.profile
    }

    /// What survives its worker.
    pub const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The disk, to prepare a state: a copied image, a lost key.
    pub const fn disk_mut(&mut self) -> &mut Disk {
        &mut self.disk
    }

    /// The secret it enrols with from now on.
    pub fn set_secret(&mut self, secret: Arc<str>) {
        self.secret = secret;
    }

    /// The secret it enrols with.
    pub fn secret(&self) -> Arc<str> {
        self.secret.clone()
    }

    /// The number of its worker process, from 1.
    pub const fn worker_number(&self) -> u32 {
        self.worker.number
    }

    /// Names of results that are in memory and not acknowledged, in order of execution.
    pub fn unsent(&self) -> impl Iterator<Item = &str> {
        self.worker.unsent.iter().map(|result| result.name.as_str())
    }

    /// Whether one of its threads holds the enrolment lock.
    pub const fn is_enrolling(&self) -> bool {
        self.worker.enrolling.is_some()
    }

    /// Whether a job is under way.
    pub const fn is_busy(&self, job: Job) -> bool {
        self.worker.calls[job as usize].is_some()
    }

    /// Whether no job is under way.
    pub fn is_idle(&self) -> bool {
        self.worker.calls.iter().all(Option::is_none)
    }

    /// Begins a job. When the same job is under way, nothing happens and the report says `busy`.
    pub fn begin(&mut self, job: Job, now: Timestamp) -> (Ticket, Action) {
        let ticket = Ticket { job, id: self.next_ticket() };
        if let Some(call) = &self.worker.calls[job as usize] {
            let stuck = matches!(call.stage, Stage::Stuck);
            let unsent = self.worker.unsent.len();
            let next_in = self.distributed_interval(now);
            let report = Report { job, busy: true, stuck, unsent, next_in, ..Report::default() };
            return (ticket, Action::Done(report));
        }
        let report = Report { job, ok: true, ..Report::default() };
        let mut call = Call { ticket, stage: Stage::Enroll, exchange: Exchange::default(), report };
        let action = match job {
            Job::Enroll => self.start_enroll(&mut call, now),
            Job::Config => self.start_config(&mut call, now),
            Job::Distributed => self.start_read(&mut call, now),
            Job::Log => self.start_log(&mut call, now),
        };
        self.keep(call, &action);
        (ticket, action)
    }

    /// Goes on with a job after what the last action asked for. A ticket of a dead worker
    /// answers a report with `died`.
    ///
    /// # Panics
    /// When the event does not fit the last action: an error of the driver.
    pub fn resume(&mut self, ticket: Ticket, event: Event, now: Timestamp) -> Action {
        let slot = &mut self.worker.calls[ticket.job as usize];
        let Some(mut call) = slot.take_if(|call| call.ticket == ticket) else {
            let report = Report { job: ticket.job, died: true, ..Report::default() };
            return Action::Done(report);
        };
        let action = match event {
            Event::Answered(answer) => {
                let progress = self.answered(&mut call, answer, now);
                self.after_exchange(&mut call, progress, now)
            }
            Event::Waited if matches!(call.stage, Stage::Execute(_)) => {
                self.slow_query_ended(&mut call, now)
            }
            Event::Waited => {
                let progress = self.waited(&mut call, now);
                self.after_exchange(&mut call, progress, now)
            }
            Event::Ran(outcome) => self.ran(&mut call, outcome, now),
        };
        self.keep(*call, &action);
        action
    }

    /// Forgets a job whose driver gave up on it, as if its thread had never begun it. Results
    /// and pending queries stay.
    pub fn abandon(&mut self, ticket: Ticket) {
        let slot = &mut self.worker.calls[ticket.job as usize];
        let Some(ended) = slot.take_if(|call| call.ticket == ticket && !call.is_stuck()) else {
            return;
        };
        if self.worker.enrolling == Some(ticket.id) {
            self.worker.enrolling = None;
        }
        if let Stage::Execute(executing) = ended.stage {
            self.give_back(*executing);
        }
    }

    /// The worker process ends at once and a new one starts: unsent results and every call under
    /// way are lost, the disk stays. A query in mid-run leaves its mark behind.
    pub fn kill_worker(&mut self, now: Timestamp) {
        let number = self.worker.number + 1;
        self.worker = Worker { number, started: now, ..Worker::default() };
    }

    /// Keeps an unfinished call for the next event.
    fn keep(&mut self, call: Call, action: &Action) {
        let over = matches!(action, Action::Done(_)) && !call.is_stuck();
        // A worker that died meanwhile has no place for the calls of its predecessor.
        let dead = matches!(action, Action::Done(report) if report.died);
        if !over && !dead {
            let place = call.ticket.job as usize;
            self.worker.calls[place] = Some(Box::new(call));
        }
    }

    /// Ticket numbers differ between the workers of one agent for long enough.
    fn next_ticket(&mut self) -> u32 {
        self.disk.tickets = self.disk.tickets.wrapping_add(1);
        self.disk.tickets
    }

    fn start_enroll(&mut self, call: &mut Call, now: Timestamp) -> Action {
        let progress = self.open(call, None, now);
        self.after_exchange(call, progress, now)
    }

    /// Goes on with the job once its exchange is over.
    fn after_exchange(&mut self, call: &mut Call, progress: Progress, now: Timestamp) -> Action {
        let result = match progress {
            Progress::Act(action) => return action,
            Progress::Over(result) => result,
        };
        if let Err(why) = &result {
            call.report.ok = false;
            call.report.error = Some(why.clone());
        }
        match call.stage {
            Stage::Enroll => self.finish(call, Duration::ZERO),
            Stage::Config => self.config_ended(call, result.ok()),
            Stage::Read => self.read_ended(call, result.ok(), now),
            Stage::Write => self.write_ended(call, result.is_ok(), now),
            Stage::Log { kind, taken } => self.log_ended(call, kind, taken, result.is_ok(), now),
            Stage::Discover(_) | Stage::Execute(_) | Stage::Stuck => {
                unreachable!("no exchange is open while a query runs")
            }
        }
    }

    /// Ends the job.
    fn finish(&mut self, call: &mut Call, next_in: Duration) -> Action {
        let mut report = std::mem::take(&mut call.report);
        report.unsent = self.worker.unsent.len();
        report.next_in = next_in;
        Action::Done(report)
    }
}

impl Call {
    fn is_stuck(&self) -> bool {
        matches!(self.stage, Stage::Stuck)
    }
}
