// SPDX-License-Identifier: Apache-2.0
//! The group-commit lane: answers and offers of many hosts reach the ledger in one transaction,
//! and no agent is answered before that transaction is durable (I2).
//!
//! Offers are written behind: after a crash they are simply unknown, which costs at most one
//! repeated execution. Answers never are. A full lane sheds load with an error, so that agents
//! keep their results and try again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use mimir_engine::campaign::ledger::{Event, Verdict};
use mimir_engine::limits::{LANE_BYTES_MAX, LANE_QUEUE_MAX};
use mimir_store::DbError;
use mimir_store::changes::ChangeKind;
use mimir_store::ledger::{Applied, Happened, Item};
use tokio::sync::oneshot;

use crate::app::{App, system_entry};

/// Answers that share one transaction at the most.
const GROUP_JOBS_MAX: usize = 512;
/// Compressed bytes that share one transaction at the most.
const GROUP_BYTES_MAX: usize = 16 << 20;
/// How long offers wait to be written: I6 allows a lag of 3 s.
const WRITE_BEHIND: Duration = Duration::from_millis(800);
/// Offers written in one transaction at the most.
const GROUP_EVENTS_MAX: usize = 10_000;

/// Why an answer was not stored; the agent keeps it and tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// Too much is waiting already.
    #[error("the server is busy; try again")]
    Full,
    /// The server is stopping.
    #[error("the server is stopping; try again")]
    Closed,
    /// The database failed.
    #[error("the server could not store the answer; try again")]
    Database(DbError),
}

struct Job {
    items: Vec<Item>,
    bytes: usize,
    /// Held for its drop.
    _charge: Charge,
    done: oneshot::Sender<Result<Vec<Verdict>, LaneError>>,
}

/// Bytes that wait in the lane; given back when the answer is dropped, however that comes about.
struct Charge {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Charge {
    /// Adds `bytes`; answers how many wait then.
    fn new(waiting: &Arc<AtomicUsize>, bytes: usize) -> (Self, usize) {
        let all = waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (Self { waiting: Arc::clone(waiting), bytes }, all)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The lane. See the module.
pub struct Lane {
    sender: Sender<Job>,
    receiver: Receiver<Job>,
    waiting_bytes: Arc<AtomicUsize>,
    behind: Mutex<HashMap<(i64, i64), Vec<Event>>>,
}

impl Lane {
    /// A lane that does not run yet.
    #[expect(clippy::new_without_default, reason = "made once, on purpose")]
    pub fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(LANE_QUEUE_MAX);
        Self {
            sender,
            receiver,
            waiting_bytes: Arc::new(AtomicUsize::new(0)),
            behind: Mutex::new(HashMap::new()),
        }
    }

    /// Starts the thread that drains the lane; it ends when the app is dropped.
    pub fn run(app: &Arc<App>) -> std::io::Result<()> {
        let weak = Arc::downgrade(app);
        let receiver = app.lane.receiver.clone();
        let thread = std::thread::Builder::new().name("lane".to_owned());
        thread.spawn(move || drain(&weak, &receiver)).map(drop)
    }

    /// Stores a host's answers; answers once they are durable, with a verdict on each.
    ///
    /// # Errors
    /// [`LaneError`]: nothing was stored, or that is not known; the agent must try again.
    pub async fn store(&self, items: Vec<Item>) -> Result<Vec<Verdict>, LaneError> {
        let bytes = items.iter().map(weight).sum();
        let (charge, waiting) = Charge::new(&self.waiting_bytes, bytes);
        if waiting > LANE_BYTES_MAX {
            metrics::counter!("mimir_lane_shed_total").increment(1);
            return Err(LaneError::Full);
        }
        let (done, answer) = oneshot::channel();
        if let Err(error) = self.sender.try_send(Job { items, bytes, _charge: charge, done }) {
            metrics::counter!("mimir_lane_shed_total").increment(1);
            return Err(match error {
                TrySendError::Full(_) => LaneError::Full,
                TrySendError::Disconnected(_) => LaneError::Closed,
            });
        }
        answer.await.unwrap_or(Err(LaneError::Closed))
    }

    /// Notes what was offered or given up, to be written soon.
    pub fn write_behind(&self, items: Vec<Item>) {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        for item in items {
            if let Happened::Event(event) = item.happened {
                note(behind.entry((item.campaign_no, item.host_no)).or_default(), event);
            }
        }
    }

    /// What has been noted for this campaign and not been written yet: a stop must know what is
    /// on the wire. It stays noted; writing it twice changes nothing.
    pub fn noted_behind(&self, campaign_no: i64) -> Vec<Item> {
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let of_campaign = behind.iter().filter(|((campaign, _), _)| *campaign == campaign_no);
        of_campaign.flat_map(|(key, events)| into_items((*key, events.clone()))).collect()
    }

    fn take_behind(&self) -> Vec<Item> {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<_> = behind.keys().take(GROUP_EVENTS_MAX).copied().collect();
        let taken = keys.into_iter().filter_map(|key| behind.remove_entry(&key));
        taken.flat_map(into_items).collect()
    }

    /// Puts back what could not be written, before what was noted since.
    fn put_back(&self, items: Vec<Item>) {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newer = std::mem::take(&mut *behind);
        for item in items {
            if let Happened::Event(event) = item.happened {
                note(behind.entry((item.campaign_no, item.host_no)).or_default(), event);
            }
        }
        for (key, events) in newer.drain() {
            let older = behind.entry(key).or_default();
            events.into_iter().for_each(|event| note(older, event));
        }
    }
}

/// Notes an event after others of the same assignment. Of several offers the last one says all,
/// but what ended them must not hide that they were made.
fn note(events: &mut Vec<Event>, event: Event) {
    let offered = |event: &Event| matches!(event, Event::Offered { .. });
    if events.last().is_some_and(|last| *last == event || (offered(last) && offered(&event))) {
        events.pop();
    }
    events.push(event);
}

fn into_items(((campaign_no, host_no), events): ((i64, i64), Vec<Event>)) -> Vec<Item> {
    let item = |event| Item { campaign_no, host_no, happened: Happened::Event(event) };
    events.into_iter().map(item).collect()
}

fn weight(item: &Item) -> usize {
    match &item.happened {
        Happened::Answer(answer) => {
            answer.chunks.iter().map(|chunk| chunk.data.len()).sum::<usize>() + 512
        }
        Happened::Event(_) => 64,
    }
}

fn drain(app: &Weak<App>, receiver: &Receiver<Job>) {
    let mut last_behind: Option<Instant> = None;
    loop {
        let first = match receiver.recv_timeout(WRITE_BEHIND / 4) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(app) = app.upgrade() else { return };
        let behind_is_due = last_behind.is_none_or(|at| at.elapsed() >= WRITE_BEHIND);
        let more = turn(&app, first, behind_is_due);
        if behind_is_due {
            last_behind = (!more).then(|| app.clock.instant());
        }
    }
}

/// One turn of a lane that has no thread: stores answers that have arrived and, when that is due,
/// writes what was noted; answers whether more was noted. Blocking.
pub fn take_turn(app: &Arc<App>, behind_is_due: bool) -> bool {
    let first = app.lane.receiver.try_recv().ok();
    turn(app, first, behind_is_due)
}

fn turn(app: &Arc<App>, first: Option<Job>, behind_is_due: bool) -> bool {
    let receiver = &app.lane.receiver;
    let jobs = group(first, receiver);
    metrics::gauge!("mimir_lane_depth").set(receiver.len() as f64);
    // A defect met by one answer must not end the lane for all: its agents hear an error,
    // because their senders are dropped, and try again.
    let turn = std::panic::AssertUnwindSafe(|| {
        if !jobs.is_empty() {
            commit(app, jobs);
        }
        behind_is_due && flush_behind(app)
    });
    std::panic::catch_unwind(turn).unwrap_or_else(|_| {
        tracing::error!("the lane met a defect; the answers of this turn were not taken");
        false
    })
}

/// Takes what has arrived, without waiting for more.
fn group(first: Option<Job>, receiver: &Receiver<Job>) -> Vec<Job> {
    let mut jobs: Vec<Job> = first.into_iter().collect();
    let mut bytes: usize = jobs.iter().map(|job| job.bytes).sum();
    while !jobs.is_empty() && jobs.len() < GROUP_JOBS_MAX && bytes < GROUP_BYTES_MAX {
        let Ok(job) = receiver.try_recv() else { break };
        bytes += job.bytes;
        jobs.push(job);
    }
    jobs
}

fn commit(app: &Arc<App>, mut jobs: Vec<Job>) {
    let start = app.clock.instant();
    let group = Group::of(&mut jobs);
    let outcome = apply(app, &group.all);
    metrics::histogram!("mimir_lane_commit_seconds").record(start.elapsed().as_secs_f64());
    match outcome {
        Ok(applied) => {
            let mut verdicts = applied.verdicts.iter().map(|(_, verdict)| *verdict);
            for (job, count) in jobs.into_iter().zip(&group.counts) {
                drop(job.done.send(Ok(verdicts.by_ref().take(*count).collect())));
            }
        }
        // One answer that the database refuses must not hold up the others for ever.
        Err(error) if jobs.len() > 1 && !error.is_retryable() => {
            tracing::warn!(%error, answers = jobs.len(), "group refused, storing one by one");
            group.give_back(&mut jobs);
            jobs.into_iter().for_each(|job| commit(app, vec![job]));
        }
        Err(error) => {
            tracing::error!(%error, answers = jobs.len(), "answers not stored");
            for job in jobs {
                drop(job.done.send(Err(LaneError::Database(error.clone()))));
            }
        }
    }
}

/// Items of several jobs in one list, in an order in which verdicts can be told apart.
struct Group {
    all: Arc<Vec<Item>>,
    counts: Vec<usize>,
}

impl Group {
    fn of(jobs: &mut [Job]) -> Self {
        let counts = jobs.iter().map(|job| job.items.len()).collect();
        let all = jobs.iter_mut().flat_map(|job| std::mem::take(&mut job.items)).collect();
        Self { all: Arc::new(all), counts }
    }

    /// Gives the items back to their jobs.
    fn give_back(self, jobs: &mut [Job]) {
        let mut items = Arc::unwrap_or_clone(self.all).into_iter();
        for (job, count) in jobs.iter_mut().zip(self.counts) {
            job.items = items.by_ref().take(count).collect();
        }
    }
}

/// Writes what was noted, or a good part of it; answers whether to go on at once. Blocking.
pub fn flush_behind(app: &Arc<App>) -> bool {
    let items = Arc::new(app.lane.take_behind());
    if items.is_empty() {
        return false;
    }
    match apply(app, &items) {
        Ok(_) => items.len() >= GROUP_EVENTS_MAX,
        // What the database refuses of one campaign must not hold up the others for ever.
        Err(error) if !error.is_retryable() => {
            tracing::warn!(%error, offers = items.len(), "offers refused, writing by campaign");
            let mut by_campaign: BTreeMap<i64, Vec<Item>> = BTreeMap::new();
            for item in Arc::unwrap_or_clone(items) {
                by_campaign.entry(item.campaign_no).or_default().push(item);
            }
            by_campaign.into_values().for_each(|items| flush_campaign(app, items));
            false
        }
        Err(error) => {
            tracing::warn!(%error, offers = items.len(), "offers not written yet");
            app.lane.put_back(Arc::unwrap_or_clone(items));
            false
        }
    }
}

fn flush_campaign(app: &Arc<App>, items: Vec<Item>) {
    let items = Arc::new(items);
    if let Err(error) = apply(app, &items) {
        tracing::warn!(%error, offers = items.len(), "offers of a campaign not written yet");
        app.lane.put_back(Arc::unwrap_or_clone(items));
    }
}

/// One transaction: the ledger, and what follows from a campaign that stopped itself.
fn apply(app: &Arc<App>, items: &Arc<Vec<Item>>) -> Result<Applied, DbError> {
    let clock = app.clock.clone();
    let batch = Arc::clone(items);
    let mut applied = app.db.write(move |tx| {
        // I9: the time of the commit decides what is late, not that of the arrival.
        let applied = mimir_store::ledger::apply_at(tx, &batch, &|| clock.now())?;
        let now = clock.now();
        for campaign in &applied.auto_stopped {
            let kind = ChangeKind::CampaignStatus;
            mimir_store::changes::record(tx, kind, Some(campaign.no), now)?;
            let target = crate::app::audit_target("campaign", campaign.id, &campaign.name);
            let details = serde_json::json!({
                "stop_code": campaign.ledger.stop_code,
                "cap": campaign.ledger.aggregate_row_cap,
                "rows_stored": campaign.ledger.coverage.rows_stored,
            });
            let entry = system_entry("campaign.stop", target, details);
            mimir_store::audit::append(tx, &entry, now)?;
        }
        Ok::<_, DbError>(applied)
    })?;
    applied.verdicts.sort_unstable_by_key(|(place, _)| *place);
    app.after_ledger(items, &applied);
    Ok(applied)
}
