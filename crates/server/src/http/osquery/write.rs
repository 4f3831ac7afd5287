// SPDX-License-Identifier: Apache-2.0
//! `distributed/write`: answers. Nothing is acknowledged before it is stored (I2); what is not
//! this host's, not known or not wanted is swallowed with success, never refused, because an agent
//! sends a refused body again for ever.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use mimir_engine::campaign::offers::Work;
use mimir_engine::limits::{HOST_ERROR_CHARS_MAX, WRITE_BODY_BYTES_MAX};
use mimir_store::DbError;
use mimir_store::ledger::{Happened, Item, NewAnswer, NewChunk};
use mimir_wire::api::campaign::Outcome;
use mimir_wire::osquery::{QueryStatus, WriteEntry, WriteSink, read_write_body, repair_utf8};

use super::{AgentError, AgentState, answer, header_key, identify_fresh, key_of};
use crate::app::{App, audit_target, system_entry};
use crate::fleet::HostEntry;
use crate::http::body::{BodyError, read_body};
use crate::live::{LiveAnswer, LiveMessage};
use crate::offer_id::Purpose;
use crate::rows::{RowCaps, RowWriter, Stored};

/// Sent with every offer under the lowest name: says which machine answers. Two machines cloned
/// from one image share a node key, and only this tells them apart.
pub const BEACON_SQL: &str = "SELECT i.pid, i.start_time, i.instance_id, s.uuid, \
     s.hardware_serial FROM osquery_info i, system_info s";

/// Minutes for which a host's clones are noted once.
const CLONE_NOTE_MINUTES: i64 = 10;
/// What an oversized answer is booked as.
const TOO_LARGE: &str = "answer too large";

/// Takes answers.
pub async fn write(
    State(state): State<AgentState>,
    request: Request,
) -> Result<Response, AgentError> {
    let (parts, body) = request.into_parts();
    let app = &state.app;
    let early = header_key(&parts.headers).map(str::to_owned);
    // A key in the header is checked before a large body is read.
    if let Some(key) = &early {
        identify_fresh(app, Some(key)).await?;
    }
    let budget = if early.is_some() { &state.known_budget } else { &state.budget };
    let read = read_body(budget, &parts.headers, body, WRITE_BODY_BYTES_MAX).await;
    let body = match read {
        Ok(body) => body,
        Err(BodyError::TooLarge { drained: true, tail }) => {
            let key = early.or_else(|| tail_key(&tail));
            let host = identify_fresh(app, key.as_deref()).await?;
            return too_large(app, &host).await;
        }
        Err(error) => return Err(error.into()),
    };
    let (key, body) = match early {
        Some(key) => (Some(key), body),
        None => key_of(body).await,
    };
    let host = identify_fresh(app, key.as_deref()).await?;
    let (app_in, host_in) = (Arc::clone(app), Arc::clone(&host));
    // Parsing and compressing a large body takes a while: not on an async thread.
    let parsed = crate::blocking::run(move || {
        let parsed = parse(&app_in, &host_in, &body);
        drop(body);
        parsed
    })
    .await
    .map_err(|error| AgentError::Malformed(error.to_string()))??;
    if parsed.clone_seen {
        return Err(note_clone(app, &host).await);
    }
    store(app, &host, parsed).await?;
    Ok(answer::empty())
}

/// Answers of one body, sorted by what they are for.
#[derive(Default)]
struct Parsed {
    items: Vec<Item>,
    live: Vec<LiveAnswer>,
    clone_seen: bool,
}

async fn store(app: &Arc<App>, host: &HostEntry, parsed: Parsed) -> Result<(), AgentError> {
    app.fleet.board_mut(|board| board.on_write(host.no));
    for answer in parsed.live {
        app.publish(LiveMessage::Answer(answer), None).await.map_err(AgentError::Service)?;
    }
    if !parsed.items.is_empty() {
        app.lane.store(parsed.items).await?;
    }
    Ok(())
}

/// A body over the limit was received and dropped. Everything this host was offered ends as an
/// error, and the agent gets success, so that it is free again.
async fn too_large(app: &Arc<App>, host: &HostEntry) -> Result<Response, AgentError> {
    let mut parsed = Parsed::default();
    // Another replica may have made the offer.
    super::read::learn_from_ledger(app, host).await;
    for work in app.fleet.board(|board| board.held_by(host.no)) {
        match work {
            Work::Part { campaign, part } => {
                let attempts = app.fleet.board(|board| board.attempts(host.no, work));
                let happened = Happened::Answer(NewAnswer {
                    part,
                    outcome: Outcome::Error,
                    row_count: 0,
                    error: Some(TOO_LARGE.to_owned()),
                    stats: None,
                    columns: "[]".to_owned(),
                    chunks: Vec::new(),
                    attempts,
                    offered_at: None,
                });
                parsed.items.push(Item { campaign_no: campaign, host_no: host.no, happened });
            }
            Work::Live(no) => parsed.live.push(LiveAnswer {
                no,
                host_no: host.no,
                host_id: host.id,
                hostname: host.hostname.to_string(),
                lines: Vec::new(),
                row_count: 0,
                error: Some(TOO_LARGE.to_owned()),
                alive: true,
            }),
        }
    }
    store(app, host, parsed).await?;
    Ok(answer::empty())
}

/// The node key at the end of a body whose rest was dropped: osquery appends it last.
fn tail_key(tail: &[u8]) -> Option<String> {
    let text = repair_utf8(tail);
    let (_, after) = text.rsplit_once("\"node_key\"")?;
    let value = after.trim_start().strip_prefix(':')?.trim_start();
    let mut strings = serde_json::Deserializer::from_str(value).into_iter::<String>();
    strings.next()?.ok().filter(|key| !key.is_empty())
}

async fn note_clone(app: &Arc<App>, host: &HostEntry) -> AgentError {
    metrics::counter!("mimir_clones_total").increment(1);
    tracing::warn!(host.id = %host.id, host.name = %host.hostname,
        "two machines use one node key; the other one is told to enrol again");
    let (id, now) = (host.id, app.clock.now());
    let noted = app
        .write(move |tx| {
            let Some(record) = mimir_store::hosts::by_id(tx, id)? else { return Ok(()) };
            // A machine that goes on claiming it must not fill the record.
            let horizon = now.plus_minutes(-CLONE_NOTE_MINUTES);
            if record.clone_seen_at.is_some_and(|at| at > horizon) {
                return Ok(());
            }
            mimir_store::hosts::clone_seen(tx, record.no, now)?;
            let target = audit_target("host", id, &record.facts.hostname);
            let entry = system_entry("host.clone_seen", target, serde_json::Value::Null);
            mimir_store::audit::append(tx, &entry, now)?;
            Ok(())
        })
        .await;
    match noted {
        Ok(()) => AgentError::Clone,
        Err(error) => AgentError::Service(error),
    }
}

/// Collects the rows of the results that are wanted.
struct Collector<'a> {
    app: &'a App,
    host: &'a HostEntry,
    results: HashMap<String, Collected>,
    current: Option<(String, Collected)>,
    /// Why the body cannot be taken now.
    failure: Option<DbError>,
}

enum Collected {
    Beacon(Option<String>),
    Live { no: u64, lines: Vec<String>, bytes: usize, rows_max: u64 },
    Part { campaign: i64, part: u32, rows: Option<RowWriter> },
}

/// Bytes of rows that one host may add to a live query.
const LIVE_HOST_BYTES_MAX: usize = 32 << 20;

impl Collector<'_> {
    fn open(&mut self, name: &str) -> Option<Collected> {
        match self.app.ids.check(name, self.host.no)? {
            Purpose::Beacon => Some(Collected::Beacon(None)),
            Purpose::Work(Work::Live(no)) => {
                let live = self.app.live.running(no)?;
                let rows_max = live.start.row_cap.saturating_add(1);
                Some(Collected::Live { no, lines: Vec::new(), bytes: 0, rows_max })
            }
            Purpose::Work(Work::Part { campaign, part }) => {
                let caps = self.caps(campaign);
                let rows = caps.map(|(rows, bytes)| RowWriter::new(RowCaps { rows, bytes }));
                Some(Collected::Part { campaign, part, rows })
            }
        }
    }

    /// What is kept of each host. The picture does not know a campaign that was stopped before it
    /// was made, or launched on another replica a moment ago; the database does.
    fn caps(&mut self, campaign: i64) -> Option<(u64, u64)> {
        let known = self.app.fleet.board(|board| board.caps(campaign));
        if known.is_some() {
            return known;
        }
        match self.app.db.read(move |tx| mimir_store::campaigns::by_no(tx, campaign)) {
            Ok(record) => {
                let record = record?;
                let (rows, bytes) = (record.host_row_cap, record.host_byte_cap);
                self.app.fleet.board_mut(|board| board.put_caps(campaign, rows, bytes));
                Some((rows, bytes))
            }
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }

    fn close(&mut self) {
        if let Some((name, collected)) = self.current.take() {
            self.results.insert(name, collected);
        }
    }
}

impl WriteSink for Collector<'_> {
    fn begin(&mut self, name: &str) -> bool {
        self.close();
        let Some(collected) = self.open(name) else { return false };
        self.current = Some((name.to_owned(), collected));
        true
    }

    fn row(&mut self, line: &[u8]) -> bool {
        match self.current.as_mut().map(|(_, collected)| collected) {
            None => false,
            Some(Collected::Beacon(row)) => {
                *row = Some(repair_utf8(line).into_owned());
                false
            }
            Some(Collected::Live { lines, bytes, rows_max, .. }) => {
                *bytes += line.len();
                lines.push(repair_utf8(line).into_owned());
                *bytes < LIVE_HOST_BYTES_MAX
                    && u64::try_from(lines.len()).is_ok_and(|rows| rows < *rows_max)
            }
            Some(Collected::Part { rows, .. }) => rows.as_mut().is_some_and(|rows| rows.push(line)),
        }
    }
}

fn parse(app: &App, host: &HostEntry, body: &[u8]) -> Result<Parsed, AgentError> {
    let (results, current, failure) = (HashMap::new(), None, None);
    let mut collector = Collector { app, host, results, current, failure };
    let text = repair_utf8(body);
    let body = read_write_body(&text, &mut collector)
        .map_err(|error| AgentError::Malformed(error.to_string()))?;
    collector.close();
    let mut parsed = Parsed::default();
    for entry in body.entries {
        let collected = collector.results.remove(&entry.name);
        // A failure may be reported without a result.
        let Some(collected) = collected.or_else(|| collector.open(&entry.name)) else {
            metrics::counter!("mimir_unknown_answers_total").increment(1);
            continue;
        };
        sort_in(app, host, entry, collected, &mut parsed)?;
    }
    // Without the caps rows would be thrown away: better that the agent sends them again.
    collector.failure.map_or(Ok(parsed), |error| Err(AgentError::Service(error.into())))
}

fn sort_in(
    app: &App,
    host: &HostEntry,
    entry: WriteEntry,
    collected: Collected,
    parsed: &mut Parsed,
) -> Result<(), AgentError> {
    let error = error_of(&entry);
    match collected {
        Collected::Beacon(row) => {
            parsed.clone_seen |= row.is_some_and(|row| is_other_machine(host, &row));
        }
        Collected::Live { no, lines, .. } => parsed.live.push(LiveAnswer {
            no,
            host_no: host.no,
            host_id: host.id,
            hostname: host.hostname.to_string(),
            lines,
            row_count: entry.row_count,
            error,
            alive: entry.status != QueryStatus::Denylisted,
        }),
        Collected::Part { campaign, part, rows } => {
            let stored = rows.map_or_else(|| Ok(Stored::default()), RowWriter::finish);
            let stored = stored.map_err(|error| AgentError::Malformed(error.to_string()))?;
            let work = Work::Part { campaign, part };
            let attempts = app.fleet.board(|board| board.attempts(host.no, work));
            let answer = new_answer(&entry, error, stored, part, attempts);
            let happened = Happened::Answer(answer);
            parsed.items.push(Item { campaign_no: campaign, host_no: host.no, happened });
        }
    }
    Ok(())
}

fn new_answer(
    entry: &WriteEntry,
    error: Option<String>,
    stored: Stored,
    part: u32,
    attempts: u32,
) -> NewAnswer {
    let outcome = match entry.status {
        QueryStatus::Denylisted => Outcome::Denylisted,
        QueryStatus::Failure => Outcome::Error,
        QueryStatus::Success if entry.row_count > 0 => Outcome::Rows,
        QueryStatus::Success => Outcome::Empty,
    };
    let chunk = |chunk: crate::rows::Chunk| NewChunk {
        first_row: chunk.first_row,
        row_count: u64::from(chunk.row_count),
        data: chunk.data,
    };
    NewAnswer {
        part,
        outcome,
        row_count: entry.row_count,
        error,
        stats: entry.stats.and_then(|stats| serde_json::to_string(&stats).ok()),
        columns: serde_json::to_string(&stored.columns).unwrap_or_else(|_| "[]".to_owned()),
        chunks: stored.chunks.into_iter().map(chunk).collect(),
        attempts,
        offered_at: None,
    }
}

/// The host's message, as it may be stored; some message for every failure.
fn error_of(entry: &WriteEntry) -> Option<String> {
    if entry.status == QueryStatus::Success {
        return None;
    }
    let text: String = entry.message.replace('\0', "").chars().take(HOST_ERROR_CHARS_MAX).collect();
    let unnamed = "the query failed; the agent gave no reason (osquery before 4.4.0)";
    Some(if text.trim().is_empty() { unnamed.to_owned() } else { text })
}

/// Whether a beacon was answered by another machine than the one that enrolled.
fn is_other_machine(host: &HostEntry, row: &str) -> bool {
    let Ok(serde_json::Value::Object(cells)) = serde_json::from_str(row) else { return false };
    let differs = |column: &str, enrolled: &str| {
        let said = cells.get(column).and_then(|cell| cell.as_str()).unwrap_or_default();
        let said = crate::app::enrol::clean(said);
        // What is missing proves nothing: reading it may need rights that come and go.
        !said.is_empty() && !enrolled.is_empty() && !said.eq_ignore_ascii_case(enrolled)
    };
    differs("uuid", &host.hardware_uuid) || differs("hardware_serial", &host.hardware_serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_at_the_end_of_what_was_dropped() {
        assert_eq!(tail_key(br#"x"}]}, "node_key": "K\u0031"}"#).as_deref(), Some("K1"));
        assert_eq!(tail_key(br#""node_key":"a"},"node_key" : "b" }"#).as_deref(), Some("b"));
        for bad in ["", "node_key", r#""node_key""#, r#""node_key": 7"#, r#""node_key": "x"#] {
            assert_eq!(tail_key(bad.as_bytes()), None, "{bad}");
        }
    }
}
