// SPDX-License-Identifier: Apache-2.0
//! Event streams. A stream reads stored data at its reader's pace and is only told that there is
//! more: a slow reader delays nobody and misses nothing. Every event has an id that says how far
//! the reader is; `Last-Event-ID` goes on from there.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use http::HeaderMap;
use mimir_store::campaigns::CampaignRecord;
use mimir_store::responses::{self, ResponseRecord};
use mimir_wire::api::campaign::{CampaignHead, Coverage, ResponseEvent};
use mimir_wire::api::live::LiveTotals;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::{App, Caller, campaigns};
use crate::live::LiveState;
use crate::problem::{ApiError, ApiResult};

/// Silence after which a comment is sent, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Time between two looks at the database for one reader, in the long run.
const PACE: Duration = Duration::from_millis(200);
/// Looks that a reader who has not looked for a while takes without a pause: a lone answer is
/// seen at once, and a thousand of them are not a thousand looks.
const BURST: u32 = 5;
/// Longest time between two looks: what other replicas did is seen then at the latest.
const TICK: Duration = Duration::from_secs(1);
/// Time after which a stream is ended whose reader was cut off.
const RECHECK: Duration = Duration::from_secs(10);
/// Responses read in one look.
const RESPONSES_STEP: u64 = 200;
/// Events of a live query taken in one look.
const LIVE_STEP: usize = 32;

/// What a stream is made of.
pub type Events = Sse<axum::response::sse::KeepAliveStream<EventStream>>;
type EventStream = std::pin::Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>;

fn events(stream: impl Stream<Item = Event> + Send + 'static) -> Events {
    use futures_util::StreamExt;
    let stream: EventStream = Box::pin(stream.map(Ok));
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// How far the reader was when it lost the connection.
///
/// # Errors
/// `invalid_request` for an id that no stream has given.
pub fn last_event_id(headers: &HeaderMap) -> ApiResult<Option<i64>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().map(str::trim).filter(|text| !text.is_empty());
    id.map(|text| {
        text.parse::<i64>().ok().filter(|id| *id >= 0).ok_or_else(|| {
            ApiError::field("Last-Event-ID", "This is no id of an event of this stream.")
        })
    })
    .transpose()
}

fn event<T: Serialize>(name: &str, id: i64, data: &T) -> Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).id(id.to_string()).data(data)
}

/// An open stream: counted, and asked now and then whether its reader may still read.
struct Watcher {
    caller: Caller,
    checked: Duration,
}

impl Watcher {
    fn new(app: &App, caller: Caller) -> Self {
        metrics::gauge!(crate::metrics::SSE_WATCHERS).increment(1.0);
        Self { caller, checked: app.clock.elapsed() }
    }

    /// Whether the reader may go on. A database that is away shuts nobody out.
    async fn may_go_on(&mut self, app: &Arc<App>) -> bool {
        let now = app.clock.elapsed();
        if now.saturating_sub(self.checked) < RECHECK {
            return true;
        }
        self.checked = now;
        crate::app::auth::is_still_in(app, &self.caller).await.unwrap_or(true)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        metrics::gauge!(crate::metrics::SSE_WATCHERS).decrement(1.0);
    }
}

/// Spaces the looks of one reader.
struct Pacer {
    /// When all looks so far would have been taken, had they been [`PACE`] apart.
    paid: Instant,
}

impl Pacer {
    fn new(now: Instant) -> Self {
        Self { paid: now }
    }

    /// When the next look may be taken, at `now` at the earliest.
    fn next(&mut self, now: Instant) -> Instant {
        let credit = PACE * (BURST - 1);
        let due = self.paid.checked_sub(credit).map_or(now, |due| due.max(now));
        self.paid = self.paid.max(due) + PACE;
        due
    }
}

/// A reader of a campaign's events.
struct CampaignReader {
    app: Arc<App>,
    no: i64,
    /// Responses before this sequence have been sent.
    next_seq: i64,
    coverage: Option<Coverage>,
    head: Option<CampaignHead>,
    ready: VecDeque<Event>,
    changed: watch::Receiver<u64>,
    /// More responses than one look takes are stored already.
    behind: bool,
    pacer: Pacer,
    watcher: Watcher,
}

/// Streams a campaign: its status, its coverage, and every response, from the first on or from
/// where the reader was.
pub fn campaign(
    app: Arc<App>,
    caller: Caller,
    record: &CampaignRecord,
    from: Option<i64>,
) -> Events {
    let reader = CampaignReader {
        changed: app.watch.subscribe(record.no),
        no: record.no,
        next_seq: from.unwrap_or(0),
        coverage: None,
        head: None,
        ready: VecDeque::new(),
        behind: true,
        pacer: Pacer::new(Instant::now()),
        watcher: Watcher::new(&app, caller),
        app,
    };
    events(unfold(reader, CampaignReader::step))
}

impl CampaignReader {
    async fn step(mut self) -> Option<(Event, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((event, self));
            }
            if self.app.stopping.is_cancelled() {
                return None;
            }
            if self.behind {
                self.behind = false;
            } else {
                self.wait().await;
            }
            if !self.watcher.may_go_on(&self.app).await {
                return None;
            }
            // A database that is away now may be back at the next look.
            if let Err(error) = self.look().await {
                tracing::debug!(error = error.detail, "stream could not look");
            }
        }
    }

    async fn wait(&mut self) {
        let stopping = self.app.stopping.clone();
        tokio::select! {
            _ = self.changed.changed() => {}
            () = tokio::time::sleep(TICK) => {}
            () = stopping.cancelled() => return,
        }
        let due = self.pacer.next(Instant::now());
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = stopping.cancelled() => {}
        }
    }

    async fn look(&mut self) -> ApiResult<()> {
        let (no, seq, now) = (self.no, self.next_seq, self.app.clock.now());
        let (record, found) = self
            .app
            .read(move |tx| {
                let record = mimir_store::campaigns::by_no(tx, no)?;
                let record = record.ok_or_else(|| ApiError::not_found("campaign"))?;
                let found = if record.next_seq > seq {
                    responses::list(tx, no, None, seq - 1, RESPONSES_STEP)?
                } else {
                    Vec::new()
                };
                Ok((record, found))
            })
            .await?;
        let head = campaigns::head(record, now);
        let first = self.head.is_none();
        let fixed =
            |head: &CampaignHead| CampaignHead { coverage: Coverage::default(), ..head.clone() };
        if self.head.as_ref().is_none_or(|old| fixed(old) != fixed(&head)) {
            self.ready.push_back(event("status", self.next_seq, &head));
        }
        if first {
            self.push_coverage(head.coverage);
        }
        self.behind = u64::try_from(found.len()).is_ok_and(|len| len == RESPONSES_STEP);
        for response in found {
            self.next_seq = response.seq + 1;
            self.ready.push_back(event("response", self.next_seq, &shown(response)));
        }
        self.push_coverage(head.coverage);
        self.head = Some(head);
        Ok(())
    }

    fn push_coverage(&mut self, coverage: Coverage) {
        if self.coverage != Some(coverage) {
            self.ready.push_back(event("coverage", self.next_seq, &coverage));
            self.coverage = Some(coverage);
        }
    }
}

fn shown(response: ResponseRecord) -> ResponseEvent {
    ResponseEvent {
        host_id: response.host_id,
        hostname: response.hostname,
        row_count: response.row_count,
        stored_rows: response.stored_rows,
        late: response.late,
        outcome: response.outcome,
        truncated: response.truncated,
        received_at: response.received_at,
    }
}

/// A reader of a live query's events.
struct LiveReader {
    app: Arc<App>,
    live: Arc<LiveState>,
    seen: usize,
    totals: Option<LiveTotals>,
    ended: bool,
    ready: VecDeque<Event>,
    changed: watch::Receiver<u64>,
    watcher: Watcher,
}

/// Streams a live query: each host's answer, running totals, and how it ended.
pub fn live(app: Arc<App>, caller: Caller, live: Arc<LiveState>, from: Option<i64>) -> Events {
    let reader = LiveReader {
        changed: live.subscribe(),
        watcher: Watcher::new(&app, caller),
        app,
        live,
        seen: from.and_then(|id| usize::try_from(id).ok()).unwrap_or(0),
        totals: None,
        ended: false,
        ready: VecDeque::new(),
    };
    events(unfold(reader, LiveReader::step))
}

impl LiveReader {
    async fn step(mut self) -> Option<(Event, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((event, self));
            }
            if self.ended || self.app.stopping.is_cancelled() {
                return None;
            }
            if !self.watcher.may_go_on(&self.app).await {
                return None;
            }
            // Marked as seen before looking, so that what comes in between wakes again.
            self.changed.borrow_and_update();
            self.look();
            if self.ready.is_empty() {
                let stopping = self.app.stopping.clone();
                tokio::select! {
                    changed = self.changed.changed() => if changed.is_err() { return None },
                    () = tokio::time::sleep(RECHECK) => {}
                    () = stopping.cancelled() => return None,
                }
            }
        }
    }

    fn look(&mut self) {
        let view = self.live.view(self.seen, LIVE_STEP);
        for text in view.events {
            self.seen += 1;
            let id = self.seen.to_string();
            self.ready.push_back(Event::default().event("host").id(id).data(text.as_ref()));
        }
        let id = i64::try_from(self.seen).unwrap_or(i64::MAX);
        if self.totals != Some(view.totals) {
            self.totals = Some(view.totals);
            self.ready.push_back(event("totals", id, &view.totals));
        }
        if let Some(end) = view.end {
            self.ended = true;
            self.ready.push_back(event("end", id, &end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_looks_come_at_once_and_many_at_a_pace() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let due = pacer.next(now);
            waits.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 200, 200, 200]);
        now += PACE * 2;
        let waits = [(); 3].map(|()| (pacer.next(now) - now).as_millis());
        assert_eq!(waits, [0, 0, 200], "what was rested is given back");
        now += PACE * 100;
        let waits = [(); 7].map(|()| (pacer.next(now) - now).as_millis());
        assert_eq!(waits, [0, 0, 0, 0, 0, 200, 400], "but no more than a burst");
    }
}
