// SPDX-License-Identifier: Apache-2.0
//! What the server does by itself: following changes, noting who was heard of, ending what has
//! reached its time, forgetting what is no longer needed. A job that fails is tried again at its
//! next turn; none may stop the others.

use std::sync::Arc;
use std::time::Duration;

use mimir_engine::limits::{SESSION_HOURS_MAX, SESSION_IDLE_HOURS};
use mimir_store::{DbError, accounts, changes, enrolment, hosts, idempotency, live_relay};
use mimir_wire::Timestamp;

use crate::app::{App, campaigns, launch};

/// How often the jobs look whether something is due.
const TICK: Duration = Duration::from_millis(500);
/// Ticks between two flushes of who was heard of: 2 s.
const SEEN_TICKS: u64 = 4;
/// Ticks between two looks at grace times: 2 s.
const GRACE_TICKS: u64 = 4;
/// Ticks between two clean-ups: 10 minutes.
const PRUNE_TICKS: u64 = 1200;
/// Minutes for which changes are kept for replicas that lag; one that lags more starts anew.
const CHANGE_LOG_MINUTES: i64 = 60;
/// Minutes for which messages about live queries are kept.
const RELAY_MINUTES: i64 = 30;

/// Runs the jobs until the server stops.
pub async fn run(app: Arc<App>) {
    let mut ticks = 0_u64;
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = app.stopping.cancelled() => return,
        }
        ticks += 1;
        let turn = Arc::clone(&app);
        let done = crate::blocking::run(move || take_turn(&turn, ticks)).await;
        if let Err(error) = done {
            tracing::error!(%error, "a job failed");
        }
    }
}

/// One turn of the jobs, the `ticks`-th: each job is done that is due then. Blocking.
pub fn take_turn(app: &App, ticks: u64) {
    app.sweep_live();
    // With one server too: following right after a write may have failed, and a stop must not
    // wait for the next write.
    report("follow changes", app.follow_changes());
    if app.is_shared() {
        report("follow answers", app.follow_answers());
    }
    if ticks.is_multiple_of(SEEN_TICKS) {
        report("note who was heard of", flush_seen(app));
    }
    if ticks.is_multiple_of(GRACE_TICKS) {
        report("end grace times", campaigns::end_grace(app));
    }
    if ticks.is_multiple_of(PRUNE_TICKS) {
        report("clean up", prune(app, app.clock.now()));
    }
}

fn report(job: &'static str, result: Result<(), DbError>) {
    if let Err(error) = result {
        tracing::warn!(job, %error, "job failed; it is tried again");
    }
}

/// Stores who was heard of here, and learns who was heard of elsewhere. Blocking.
///
/// # Errors
/// When the database fails.
pub fn flush_seen(app: &App) -> Result<(), DbError> {
    let seen = app.fleet.hosts(crate::fleet::Hosts::take_seen);
    if !seen.is_empty() {
        let seen = Arc::new(seen);
        let stored = Arc::clone(&seen);
        if let Err(error) = app.db.write(move |tx| hosts::set_last_seen(tx, &stored)) {
            app.fleet.hosts(|hosts| hosts.put_back_seen(&seen));
            return Err(error);
        }
    }
    if app.is_shared() {
        let since = app.clock.now().plus_secs(-30);
        let heard = app.db.read(move |tx| hosts::seen_since(tx, since))?;
        app.fleet.hosts(|hosts| hosts.heard(&heard));
    }
    Ok(())
}

fn prune(app: &App, now: Timestamp) -> Result<(), DbError> {
    app.fleet.hosts_mut(|hosts| hosts.prune_keys(now));
    app.db.write(move |tx| {
        let hours = |hours: i64| now.plus_minutes(-60 * hours);
        accounts::sessions_prune(tx, hours(SESSION_IDLE_HOURS), hours(SESSION_HOURS_MAX))?;
        idempotency::prune(tx, launch::idempotency_horizon(now))?;
        enrolment::keys_prune(tx, now)?;
        changes::prune(tx, now.plus_minutes(-CHANGE_LOG_MINUTES))?;
        live_relay::prune(tx, now.plus_minutes(-RELAY_MINUTES))?;
        Ok(())
    })
}
