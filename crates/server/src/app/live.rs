// SPDX-License-Identifier: Apache-2.0
//! Live queries: started for the hosts that are online now, never stored. On PostgreSQL their
//! messages pass through a relay table, so that any host and any reader may be with any replica.

use std::sync::Arc;

use mimir_engine::limits::LIVE_RESULT_MINUTES;
use mimir_store::changes::{self, ChangeKind};
use mimir_store::{audit, live_relay};
use mimir_wire::Timestamp;
use mimir_wire::api::live::{LiveQuery, LiveStarted};
use mimir_wire::api::query::QueryRequest;
use mimir_wire::ids::LiveQueryId;
use serde_json::json;

use crate::app::{App, Caller, audit_target, queries, targets};
use crate::clock::random;
use crate::live::{LiveAnswer, LiveMessage, LiveStart, LiveState};
use crate::problem::{ApiError, ApiResult};

/// Starts a live query.
///
/// # Errors
/// `invalid_request`, `blocked_sql`.
pub async fn run(app: &Arc<App>, caller: Caller, request: QueryRequest) -> ApiResult<LiveStarted> {
    let target = targets::once(request.target);
    let request = QueryRequest { target, ..request };
    let verdict = queries::parse(app, &request.sql, &request.target)?;
    let targeted = targets::numbers(app, &request.target).await?;
    let sql = queries::admit(&request.sql, &verdict)?.sql;
    let (now, settings) = (app.clock.now(), app.settings());
    let online_from = now.plus_secs(-seconds(settings.host_online_s));
    let online = |no: &i64| app.fleet.last_seen(*no).is_some_and(|seen| seen >= online_from);
    let host_nos: Vec<i64> = targeted.iter().copied().filter(online).collect();
    let start = LiveStart {
        // Numbers must not come again after a restart: agents may still hold an older one.
        no: u64::from_be_bytes(random::<8>()) >> 1,
        id: LiveQueryId::new(app.clock.uuid()),
        sql,
        target: request.target,
        created_at: now,
        expires_at: now.plus_secs(seconds(settings.live_query_window_s)),
        targeted: count(targeted.len()),
        host_nos,
        row_cap: settings.live_query_row_cap,
    };
    let online = count(start.host_nos.len());
    let started = LiveStarted {
        id: start.id,
        targeted: start.targeted,
        online,
        offline: start.targeted - online,
        expires_at: start.expires_at,
    };
    let details = json!({"sql": start.sql, "target": targets::audited_target(&start.target),
        "targeted": started.targeted,
        "online": online});
    let target = audit_target("live_query", start.id, "");
    let entry = caller.entry("query.run", target, details);
    app.publish(LiveMessage::Start(start), Some(entry)).await?;
    Ok(started)
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The live query of this id.
///
/// # Errors
/// `not_found`, also when its results have been forgotten.
pub fn find(app: &App, id: LiveQueryId) -> ApiResult<Arc<LiveState>> {
    app.live.find(id).ok_or_else(|| {
        let mut error = ApiError::not_found("live query");
        error.detail.push_str(" Results are kept until 10 minutes after the end.");
        error
    })
}

/// Ends a live query before its time.
///
/// # Errors
/// `not_found`; `conflict` when it has ended.
pub async fn cancel(app: &Arc<App>, caller: Caller, id: LiveQueryId) -> ApiResult<LiveQuery> {
    let live = find(app, id)?;
    if live.show().end.is_some() {
        return Err(ApiError::conflict("This live query has ended already."));
    }
    let entry = caller.entry("query.cancel", audit_target("live_query", id, ""), json!({}));
    app.publish(LiveMessage::Cancel { no: live.start.no }, Some(entry)).await?;
    Ok(live.show())
}

impl App {
    /// Makes a message known to all replicas, this one included.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        message: LiveMessage,
        entry: Option<audit::NewEntry>,
    ) -> ApiResult<()> {
        let relayed = self.is_shared();
        if !relayed && entry.is_none() {
            self.live_apply(&message);
            return Ok(());
        }
        let now = self.clock.now();
        let payload = if relayed {
            serde_json::to_string(&message).map_err(ApiError::internal)?
        } else {
            String::new()
        };
        let id = self.live_id(&message);
        self.write(move |tx| {
            if relayed {
                let seq = live_relay::put(tx, id, "message", &payload, now)?;
                changes::record(tx, ChangeKind::LiveQuery, Some(seq), now)?;
            }
            if let Some(entry) = &entry {
                audit::append(tx, entry, now)?;
            }
            Ok(())
        })
        .await?;
        if !relayed {
            self.live_apply(&message);
        }
        Ok(())
    }

    fn live_id(&self, message: &LiveMessage) -> LiveQueryId {
        let no = match message {
            LiveMessage::Start(start) => return start.id,
            LiveMessage::Answer(answer) => answer.no,
            LiveMessage::Cancel { no } => *no,
        };
        let running = self.live.running(no);
        running.map_or_else(|| LiveQueryId::new(uuid::Uuid::nil()), |live| live.start.id)
    }

    pub(crate) fn live_apply_relayed(&self, message: &live_relay::Relayed) {
        match serde_json::from_str(&message.payload) {
            Ok(message) => self.live_apply(&message),
            Err(error) => tracing::warn!(%error, "message about a live query not understood"),
        }
    }

    fn live_apply(&self, message: &LiveMessage) {
        let now = self.clock.now();
        match message {
            // A replica that builds its picture anew reads old messages again.
            LiveMessage::Start(start)
                if self.live.knows(start.no)
                    || now >= start.expires_at.plus_minutes(LIVE_RESULT_MINUTES) => {}
            LiveMessage::Start(start) => {
                let hosts = start.host_nos.clone();
                let sql: Arc<str> = start.sql.as_str().into();
                let no = start.no;
                self.live.start(start.clone(), now);
                self.fleet.board_mut(|board| board.put_live(no, sql, hosts.into_iter()));
                self.fleet.wake.notify_waiters();
            }
            LiveMessage::Answer(answer) => self.live_apply_answer(answer, now),
            LiveMessage::Cancel { no } => {
                self.live.cancel(*no, now);
                self.fleet.board_mut(|board| board.remove_live(*no));
            }
        }
    }

    fn live_apply_answer(&self, answer: &LiveAnswer, now: Timestamp) {
        let ended = self.live.answer(answer, now);
        let work = mimir_engine::campaign::offers::Work::Live(answer.no);
        self.fleet.board_mut(|board| {
            board.close(answer.host_no, work, answer.alive);
            if ended {
                board.remove_live(answer.no);
            }
        });
    }

    /// Ends live queries whose window has closed and forgets old ones.
    pub fn sweep_live(&self) {
        for no in self.live.sweep(self.clock.now()) {
            self.fleet.board_mut(|board| board.remove_live(no));
        }
    }
}
