// SPDX-License-Identifier: Apache-2.0
//! `distributed/read`: is there work? Nearly always there is none, and the answer comes from
//! memory. Agents that say `Prefer: wait=N` are held until there is work or the time is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use mimir_engine::limits::{AGENT_BODY_BYTES_MAX, AGENT_DEADLINE_S, HELD_READ_S_MAX};
use mimir_store::assignments;
use mimir_wire::osquery::ReadAnswer;

use super::write::BEACON_SQL;
use super::{AgentError, AgentState, answer, identify_request};
use crate::app::App;
use crate::fleet::{Handout, HostEntry};
use crate::offer_id::Purpose;

/// Hands out work.
pub async fn read(
    State(state): State<AgentState>,
    request: Request,
) -> Result<Response, AgentError> {
    let arrived = state.app.clock.elapsed();
    let wait = wait_of(request.headers());
    let host = identify_request(&state, request, AGENT_BODY_BYTES_MAX).await?;
    metrics::counter!("mimir_polls_total").increment(1);
    // The agent has given up on this request: what is offered now would count as offered and
    // never arrive.
    let deadline = Duration::from_secs(AGENT_DEADLINE_S);
    if state.app.clock.elapsed().saturating_sub(arrived) > deadline {
        return Ok(answer::empty());
    }
    let handout = held(&state, &host, wait, arrived + deadline + wait).await;
    host.seen(state.app.clock.now());
    if handout.is_empty() {
        record(&state, handout);
        return Ok(answer::empty());
    }
    let body = body(&state, &host, &handout);
    record(&state, handout);
    Ok(answer::json(StatusCode::OK, &body))
}

fn record(state: &AgentState, handout: Handout) {
    if !handout.events.is_empty() {
        state.app.lane.write_behind(handout.events);
    }
}

/// Waits for work as long as the agent is willing to; at `deadline` it has given up.
async fn held(
    state: &AgentState,
    host: &Arc<HostEntry>,
    wait: Duration,
    deadline: Duration,
) -> Handout {
    let app = &state.app;
    let end = tokio::time::Instant::now() + wait;
    loop {
        // Registered before looking, so that work that comes in between is not missed.
        let woken = app.fleet.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let learned = learn_from_ledger(app, host).await;
        if !learned || app.clock.elapsed() > deadline {
            return Handout::default();
        }
        let handout = app.fleet.hand_out(host.no, app.clock.now(), app.clock.elapsed());
        if wait.is_zero() || !handout.is_empty() || !handout.events.is_empty() {
            return handout;
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep_until(end) => return handout,
            () = state.stop.cancelled() => return handout,
        }
    }
}

/// With several replicas, another one may have offered the same work or taken its answer: before
/// anything is offered here, the ledger is asked. Only polls that find work come this far.
/// Answers whether anything may be offered.
pub(super) async fn learn_from_ledger(app: &Arc<App>, host: &HostEntry) -> bool {
    if !app.is_shared() {
        return true;
    }
    let open = app.fleet.board(|board| board.open_campaigns(host.no));
    if open.is_empty() {
        return true;
    }
    metrics::counter!(crate::metrics::POLL_DATABASE_READS).increment(1);
    let no = host.no;
    match app.read(move |tx| Ok(assignments::of_host(tx, &open, no)?)).await {
        Ok(found) => {
            app.fleet.board_mut(|board| {
                for (campaign, attempts, state) in found {
                    board.learn(no, campaign, attempts, state);
                }
            });
            true
        }
        // A server that is cut off from the database may not know of a stop (I5), and could not
        // store the answer either.
        Err(error) => {
            tracing::warn!(error = error.detail, "not offering without the ledger");
            false
        }
    }
}

fn body(state: &AgentState, host: &HostEntry, handout: &Handout) -> ReadAnswer {
    let mut queries = BTreeMap::new();
    for offer in &handout.offers {
        let id = state.app.ids.make(Purpose::Work(offer.work), host.no);
        queries.insert(id, offer.sql.to_string());
    }
    if !queries.is_empty() {
        queries.insert(state.app.ids.make(Purpose::Beacon, host.no), BEACON_SQL.to_owned());
    }
    ReadAnswer { queries, accelerate: handout.accelerate, ..ReadAnswer::default() }
}

/// `Prefer: wait=25` (RFC 7240).
fn wait_of(headers: &HeaderMap) -> Duration {
    let prefer = headers.get("prefer").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let seconds = prefer
        .split([',', ';'])
        .filter_map(|part| part.trim().strip_prefix("wait="))
        .find_map(|seconds| seconds.trim().parse::<u64>().ok());
    Duration::from_secs(seconds.unwrap_or(0).min(HELD_READ_S_MAX))
}
