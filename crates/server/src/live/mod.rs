// SPDX-License-Identifier: Apache-2.0
//! Live queries in memory: who was asked, what came back, until a few minutes after the end. By
//! design nothing of this is kept: what must be kept is a campaign.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use mimir_engine::limits::{LIVE_BYTES_MAX, LIVE_RESULT_MINUTES};
use mimir_wire::Timestamp;
use mimir_wire::api::live::{LiveEnd, LiveEndReason, LiveQuery, LiveTotals};
use mimir_wire::api::target::Target;
use mimir_wire::ids::LiveQueryId;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What starts a live query; travels between replicas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveStart {
    /// Its number in offers, never used again.
    pub no: u64,
    /// Its id.
    pub id: LiveQueryId,
    /// The statement.
    pub sql: String,
    /// Whom it is for.
    pub target: Target,
    /// When it starts.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Hosts the target names.
    pub targeted: u64,
    /// Numbers of those that get it.
    pub host_nos: Vec<i64>,
    /// Rows it may gather.
    pub row_cap: u64,
}

/// One host's answer; travels between replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveAnswer {
    /// The live query's number.
    pub no: u64,
    /// The host's number.
    pub host_no: i64,
    /// The host's id.
    pub host_id: mimir_wire::ids::HostId,
    /// The host's name.
    pub hostname: String,
    /// Rows, one line of JSON each.
    pub lines: Vec<String>,
    /// Rows it sent.
    pub row_count: u64,
    /// Its message, when the query failed there.
    pub error: Option<String>,
    /// Whether the agent survived the query.
    pub alive: bool,
}

/// A message about a live query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LiveMessage {
    /// It starts.
    Start(LiveStart),
    /// A host has answered.
    Answer(LiveAnswer),
    /// It ends before its time.
    Cancel {
        /// Its number.
        no: u64,
    },
}

/// One live query.
pub struct LiveState {
    /// How it started.
    pub start: LiveStart,
    log: Mutex<LiveLog>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct LiveLog {
    /// Events `host`, as JSON; an event's id is its place, from 1.
    events: Vec<Arc<str>>,
    answered: RoaringBitmap,
    totals: LiveTotals,
    end: Option<(LiveEnd, Timestamp)>,
    bytes: usize,
}

/// What a reader sees from some event on.
pub struct LiveView {
    /// Events `host` after the reader's last.
    pub events: Vec<Arc<str>>,
    /// Running totals.
    pub totals: LiveTotals,
    /// How it ended.
    pub end: Option<LiveEnd>,
}

/// All live queries.
#[derive(Default)]
pub struct LiveQueries {
    all: RwLock<HashMap<u64, Arc<LiveState>>>,
    bytes: AtomicUsize,
}

impl LiveState {
    fn lock(&self) -> std::sync::MutexGuard<'_, LiveLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells when there is more to see.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What there is after the first `seen` events.
    pub fn view(&self, seen: usize, most: usize) -> LiveView {
        let log = self.lock();
        let events: Vec<_> = log.events.iter().skip(seen).take(most).cloned().collect();
        let drained = seen + events.len() >= log.events.len();
        LiveView {
            events,
            totals: log.totals,
            end: log.end.filter(|_| drained).map(|(end, _)| end),
        }
    }

    /// As the API shows it.
    pub fn show(&self) -> LiveQuery {
        let log = self.lock();
        LiveQuery {
            id: self.start.id,
            sql: self.start.sql.clone(),
            target: self.start.target.clone(),
            created_at: self.start.created_at,
            expires_at: self.start.expires_at,
            totals: log.totals,
            end: log.end.map(|(end, _)| end),
        }
    }

    /// Ends it; answers whether it was running.
    fn end(&self, reason: LiveEndReason, truncated: bool, now: Timestamp) -> bool {
        let ended = {
            let mut log = self.lock();
            let running = log.end.is_none();
            if running {
                log.end = Some((LiveEnd { reason, truncated }, now));
            }
            running
        };
        self.changed.send_modify(|version| *version += 1);
        ended
    }

    /// Takes a host's answer. A repeat changes nothing. Answers how it ended, if it did.
    fn answer(&self, answer: &LiveAnswer, bytes_left: usize) -> (usize, Option<LiveEnd>) {
        let mut log = self.lock();
        let bit = u32::try_from(answer.host_no).unwrap_or(u32::MAX);
        if log.end.is_some() || !log.answered.insert(bit) {
            return (0, None);
        }
        let room = self.start.row_cap.saturating_sub(log.totals.rows);
        let heavy = answer.lines.iter().map(String::len).sum::<usize>() > bytes_left;
        let most = if heavy { 0 } else { usize::try_from(room).unwrap_or(usize::MAX) };
        let shown = most.min(answer.lines.len());
        let event = host_event(answer, &answer.lines[..shown]);
        let bytes = event.len();
        log.totals.answered += 1;
        log.totals.errors += u64::from(answer.error.is_some());
        log.totals.rows += u64::try_from(shown).unwrap_or(u64::MAX);
        log.bytes += bytes;
        log.events.push(event.into());
        // Rows may also have been left out because one host sent too many bytes.
        let cut = u64::try_from(shown).is_ok_and(|shown| shown < answer.row_count);
        let over = cut || bytes > bytes_left;
        let end = if over {
            Some(LiveEnd { reason: LiveEndReason::RowCap, truncated: true })
        } else if log.totals.answered == log.totals.online {
            Some(LiveEnd { reason: LiveEndReason::Complete, truncated: false })
        } else {
            None
        };
        drop(log);
        self.changed.send_modify(|version| *version += 1);
        (bytes, end)
    }
}

/// The rows are JSON already; only what stands around them is written here.
fn host_event(answer: &LiveAnswer, lines: &[String]) -> String {
    let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let error = answer.error.as_deref().map_or_else(|| "null".to_owned(), text);
    format!(
        "{{\"host_id\":\"{}\",\"hostname\":{},\"rows\":[{}],\"row_count\":{},\"error\":{error}}}",
        answer.host_id,
        text(&answer.hostname),
        lines.join(","),
        answer.row_count,
    )
}

impl LiveQueries {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    fn get(&self, no: u64) -> Option<Arc<LiveState>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(&no).cloned()
    }

    /// Whether a live query of this number is remembered.
    pub fn knows(&self, no: u64) -> bool {
        self.get(no).is_some()
    }

    /// The live query of this id.
    pub fn find(&self, id: LiveQueryId) -> Option<Arc<LiveState>> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.values().find(|live| live.start.id == id).cloned()
    }

    /// The live query of this number, while it runs.
    pub fn running(&self, no: u64) -> Option<Arc<LiveState>> {
        self.get(no).filter(|live| live.lock().end.is_none())
    }

    /// Takes up a live query.
    pub fn start(&self, start: LiveStart, now: Timestamp) {
        let online = u64::try_from(start.host_nos.len()).unwrap_or(u64::MAX);
        let totals = LiveTotals { targeted: start.targeted, online, ..LiveTotals::default() };
        let log = Mutex::new(LiveLog { totals, ..LiveLog::default() });
        let no = start.no;
        let live = Arc::new(LiveState { start, log, changed: watch::channel(0).0 });
        if online == 0 {
            live.end(LiveEndReason::Complete, false, now);
        }
        self.all.write().unwrap_or_else(PoisonError::into_inner).insert(no, live);
    }

    /// Takes a host's answer; answers whether the live query has ended with it.
    pub fn answer(&self, answer: &LiveAnswer, now: Timestamp) -> bool {
        let Some(live) = self.get(answer.no) else { return false };
        let left = LIVE_BYTES_MAX.saturating_sub(self.bytes.load(Ordering::Relaxed));
        let (bytes, end) = live.answer(answer, left);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        end.is_some_and(|end| live.end(end.reason, end.truncated, now))
    }

    /// Ends a live query before its time; answers whether it was running.
    pub fn cancel(&self, no: u64, now: Timestamp) -> bool {
        self.get(no).is_some_and(|live| live.end(LiveEndReason::Cancelled, false, now))
    }

    /// Ends those whose window has closed and forgets old ones; answers which have ended.
    pub fn sweep(&self, now: Timestamp) -> Vec<u64> {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let mut ended = Vec::new();
        all.retain(|no, live| {
            if now >= live.start.expires_at && live.end(LiveEndReason::Window, false, now) {
                ended.push(*no);
            }
            let log = live.lock();
            let old = log.end.is_some_and(|(_, at)| now >= at.plus_minutes(LIVE_RESULT_MINUTES));
            if old {
                self.bytes.fetch_sub(log.bytes, Ordering::Relaxed);
            }
            !old
        });
        metrics::gauge!("mimir_live_queries").set(all.len() as f64);
        ended
    }
}
