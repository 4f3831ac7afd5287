// SPDX-License-Identifier: Apache-2.0
//! What a load has done, as one value to show, to subtract and to write down as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::histogram::Times;
use super::meter::{Counter, Meter};
use crate::transport::Endpoint;

/// What a load has done so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LoadReport {
    /// Seconds since the start.
    pub seconds: f64,
    /// The seed everything followed from.
    pub seed: u64,
    /// The hosts.
    pub hosts: HostCounts,
    /// Iterations of hosts' distributed loops: a read, and a write when there was work.
    pub polls: u64,
    /// What hosts answered.
    pub answers: AnswerCounts,
    /// Requests of every kind.
    pub requests: RequestCounts,
    /// From sending to answer, with the handshake of a new connection: by endpoint.
    pub latencies: Latencies,
    /// From when a host wanted to send to when this program let it. Much of it means that the
    /// program, and not the server, was the limit.
    pub delays: Times,
    /// What went wrong, by kind. What the plan itself disturbed is not in here.
    pub errors: BTreeMap<String, u64>,
    /// What the plan disturbed.
    pub faults: FaultCounts,
    /// Acknowledged answers by query. The names are those of the offers without the hosts' codes:
    /// `5c.7.0` is part 0 of Mimir's seventh campaign.
    pub queries: BTreeMap<String, QueryCounts>,
    /// What the scenario did and when.
    pub events: Vec<Event>,
}

/// The hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HostCounts {
    /// As many as there are.
    pub total: usize,
    /// Of these, those with a node key.
    pub enrolled: usize,
    /// Of these, those that are away now.
    pub away: u64,
}

/// What hosts answered; without the questions that the server asks for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AnswerCounts {
    /// Queries taken from the server, its own questions included.
    pub accepted: u64,
    /// Answers that the server acknowledged, however they ended.
    pub acknowledged: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes of these rows.
    pub row_bytes: u64,
    /// Of the acknowledged, those without rows.
    pub empty: u64,
    /// Of the acknowledged, SQL errors.
    pub sql_errors: u64,
    /// Of the acknowledged, refusals to run the text.
    pub denylisted: u64,
    /// Acknowledged answers to the server's own questions.
    pub own_questions: u64,
}

/// Requests of every kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RequestCounts {
    /// Handed to the network, immediate re-sends included.
    pub sent: u64,
    /// Bytes of their bodies.
    pub sent_bytes: u64,
    /// Bytes of the answers' bodies.
    pub received_bytes: u64,
    /// Connections opened.
    pub connections: u64,
}

/// Times from sending to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latencies {
    /// Enrolments.
    pub enroll: Times,
    /// Config fetches.
    pub config: Times,
    /// Polls.
    pub read: Times,
    /// Answers: durable when they are acknowledged.
    pub write: Times,
}

/// What the plan disturbed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FaultCounts {
    /// Requests that arrived and whose answer was lost: the host sent them again.
    pub duplicated: u64,
    /// Requests that did not arrive.
    pub lost: u64,
    /// Workers that died of a query.
    pub deaths: u64,
    /// Queries that did not end.
    pub stuck: u64,
}

/// Acknowledged answers to one query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct QueryCounts {
    /// Answers.
    pub acknowledged: u64,
    /// Their rows.
    pub rows: u64,
    /// Different hosts that gave them.
    pub hosts: u64,
}

/// Something the scenario did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Seconds since the start.
    pub at_s: f64,
    /// What.
    pub what: String,
}

impl LoadReport {
    /// Everything the meter knows; hosts, seed and events are the caller's.
    pub(super) fn of(meter: &Meter, elapsed: Duration, connections: u64) -> Self {
        let answered = |endpoint: Endpoint| meter.answered[endpoint as usize].times();
        let queries = meter.queries().into_iter();
        Self {
            seconds: (elapsed.as_secs_f64() * 1_000.0).round() / 1_000.0,
            polls: meter.polls.get(),
            answers: answers(meter),
            requests: RequestCounts {
                sent: meter.sent.get(),
                sent_bytes: meter.sent_bytes.get(),
                received_bytes: meter.received_bytes.get(),
                connections,
            },
            latencies: Latencies {
                enroll: answered(Endpoint::Enroll),
                config: answered(Endpoint::Config),
                read: answered(Endpoint::Read),
                write: answered(Endpoint::Write),
            },
            delays: meter.delays.times(),
            errors: meter.errors(),
            faults: FaultCounts {
                duplicated: meter.duplicated.get(),
                lost: meter.lost.get(),
                deaths: meter.deaths.get(),
                stuck: meter.stuck.get(),
            },
            queries: queries
                .map(|(name, (acknowledged, rows, hosts))| {
                    (name, QueryCounts { acknowledged, rows, hosts })
                })
                .collect(),
            ..Self::default()
        }
    }

    /// Errors of all kinds.
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn answers(meter: &Meter) -> AnswerCounts {
    let answers = &meter.answers;
    let get = |counter: &Counter| counter.get();
    AnswerCounts {
        accepted: get(&meter.accepted),
        acknowledged: get(&answers.acknowledged),
        rows: get(&answers.rows),
        row_bytes: get(&answers.bytes),
        empty: get(&answers.empty),
        sql_errors: get(&answers.errors),
        denylisted: get(&answers.denylisted),
        own_questions: get(&answers.own),
    }
}
