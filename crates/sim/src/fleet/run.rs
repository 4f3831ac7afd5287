// SPDX-License-Identifier: Apache-2.0
//! Lets a whole fleet run by its intervals: one queue of what is due when, and a bounded number
//! of jobs under way, so that an idle host costs an entry of the queue and no task.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::Instant;

use super::{Fleet, Totals};
use crate::agent::{Job, Report};
use crate::seed;

/// Shortest interval: an agent told to poll every 0 s must not spin.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// A fleet that runs in the background.
#[must_use = "dropping this value lets the fleet run on without a way to stop it"]
pub struct Running {
    task: JoinHandle<Totals>,
    stop: Arc<Notify>,
}

impl Running {
    pub(super) fn start(fleet: Fleet) -> Self {
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(run(fleet, None, stop.clone()));
        Self { task, stop }
    }

    /// Begins no more jobs, waits for those under way, and says what the fleet did so far.
    pub async fn stop(self) -> Totals {
        // The permit is kept when the loop is not waiting at this moment.
        self.stop.notify_one();
        unwrap_task(self.task.await)
    }
}

/// The result of a task; its panic goes on here.
pub(crate) fn unwrap_task<T>(done: Result<T, JoinError>) -> T {
    match done {
        Ok(value) => value,
        Err(e) => match e.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => unreachable!("no task of a fleet is cancelled"),
        },
    }
}

/// What is due when: earliest first.
type Queue = BinaryHeap<Reverse<(Instant, usize, Job)>>;

pub(super) async fn run(fleet: Fleet, time: Option<Duration>, stop: Arc<Notify>) -> Totals {
    let begin = Instant::now();
    let end = time.map(|time| begin + time);
    let mut queue = first_jobs(&fleet, begin);
    let mut tasks: JoinSet<(usize, Report)> = JoinSet::new();
    loop {
        let room = tasks.len() < fleet.shared.concurrency;
        let due = queue.peek().map_or(begin, |Reverse((due, ..))| *due);
        tokio::select! {
            () = stop.notified() => break,
            () = tokio::time::sleep_until(end.unwrap_or(begin)), if end.is_some() => break,
            Some(done) = tasks.join_next() => {
                let (host, report) = unwrap_task(done);
                next_jobs(&fleet, host, &report, &mut queue);
            }
            () = tokio::time::sleep_until(due), if room && !queue.is_empty() => {
                let Some(Reverse((_, host, job))) = queue.pop() else { continue };
                let (shared, slot) = (fleet.shared.clone(), fleet.slot(host));
                tasks.spawn(async move { (host, shared.drive(&slot, job).await) });
            }
        }
    }
    while let Some(done) = tasks.join_next().await {
        unwrap_task(done);
    }
    fleet.totals()
}

fn first_jobs(fleet: &Fleet, begin: Instant) -> Queue {
    let spread = fleet.shared.timing.start_spread;
    let mut queue = Queue::new();
    for host in 0..fleet.len() {
        let share: f64 = seed::rng(fleet.shared.seed, host as u64, "start").random();
        let at = begin + spread.mul_f64(share);
        for job in [Job::Config, Job::Distributed, Job::Log] {
            queue.push(Reverse((at, host, job)));
        }
    }
    queue
}

/// Puts what follows a finished job into the queue.
fn next_jobs(fleet: &Fleet, host: usize, report: &Report, queue: &mut Queue) {
    let timing = &fleet.shared.timing;
    let agents = timing.scaled(report.next_in);
    let wait = match report.job {
        Job::Enroll => return,
        Job::Distributed => timing.distributed_interval.unwrap_or(agents),
        Job::Log => timing.logger_period.unwrap_or(agents),
        Job::Config if !report.ok => agents,
        Job::Config => match timing.config_refresh {
            Some(refresh) => refresh,
            None => return,
        },
    };
    // A worker that ended gave no interval.
    let wait = if report.died { timing.scaled(crate::agent::RESPAWN) } else { wait };
    queue.push(Reverse((Instant::now() + wait.max(INTERVAL_MIN), host, report.job)));
    if report.died && report.job == Job::Distributed && timing.config_refresh.is_none() {
        // The new worker fetches its configuration first; a refreshing host does so anyway.
        queue.push(Reverse((Instant::now(), host, Job::Config)));
    }
}
