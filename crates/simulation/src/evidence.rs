// SPDX-License-Identifier: Apache-2.0
//! What was seen from outside: what agents were offered, what they sent, what was acknowledged to
//! them, and what operators were answered. The checkers hold the database against it.

use std::collections::{BTreeMap, BTreeSet};

use mimir_wire::osquery::repair_utf8;
use serde_json::{Map, Value};

use crate::snapshot::{Key, Response};

/// One answer to one query as a body carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Which machine wrote the body.
    pub machine: usize,
    /// Its rows.
    pub rows: Vec<Value>,
    /// Whether it failed.
    pub failed: bool,
    /// What the agent said about it.
    pub message: String,
}

/// A stored response and who may have sent it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// As it was when it was first seen.
    pub response: Response,
    /// Its rows then.
    pub rows: Vec<String>,
}

/// A campaign as it was when it was first seen.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Canonical form, hash and queries.
    pub payload: (String, String, Vec<String>),
    /// The hosts of its ledger.
    pub hosts: BTreeSet<i64>,
}

/// Everything seen so far.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// To which host a query of this name was offered.
    pub names: BTreeMap<String, i64>,
    /// Answers of a server that offered this, replays included.
    pub offers: BTreeMap<Key, u32>,
    /// What has reached a server, by what it answers, whether or not it was acknowledged.
    pub sent: BTreeMap<Key, Vec<Sent>>,
    /// What has been acknowledged.
    pub acknowledged: BTreeSet<Key>,
    /// The host of each node key that was handed out. The database forgets keys in time, perhaps
    /// by a clock that is ahead of others.
    pub keys: BTreeMap<String, i64>,
    /// Which machine enrolled as which host.
    pub machines: BTreeMap<i64, usize>,
    /// Stored responses that were seen.
    pub stored: BTreeMap<Key, Stored>,
    /// Campaigns that were seen.
    pub frozen: BTreeMap<i64, Frozen>,
    /// Version of changes at which a campaign was first seen stopped.
    pub stopped: BTreeMap<i64, i64>,
    /// Campaigns whose rows an operator asked to drop.
    pub drops: BTreeSet<String>,
    /// Campaigns that an operator was told of at the launch: id, hosts, hash of the payload.
    pub launched: BTreeMap<String, (i64, String)>,
    /// Launches that were asked for, whatever came of them.
    pub launches: u64,
    /// Campaign by `Idempotency-Key`.
    pub by_key: BTreeMap<String, String>,
}

/// What a query is called says what it is for: `5c.<campaign>.<part>.<proof>`.
pub fn subject(name: &str) -> Option<(i64, u32)> {
    let mut fields = name.strip_prefix("5c.")?.split('.');
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The answers of a write body, by name.
pub fn answers(machine: usize, body: &[u8]) -> Vec<(String, Sent)> {
    let Ok(Value::Object(body)) = serde_json::from_str(&repair_utf8(body)) else {
        return Vec::new();
    };
    let empty = Map::new();
    let member = |name: &str| body.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let (statuses, messages) = (member("statuses"), member("messages"));
    let answer = |(name, rows): (&String, &Value)| {
        let failed = statuses.get(name).is_some_and(|status| status != 0 && status != "0");
        let message = messages.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let rows = rows.as_array().cloned().unwrap_or_default();
        (name.clone(), Sent { machine, rows, failed, message })
    };
    member("queries").iter().map(answer).collect()
}

/// The node key of a body.
pub fn node_key(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_str(&repair_utf8(body)).ok()?;
    body["node_key"].as_str().map(str::to_owned)
}

impl Sent {
    /// Whether a stored response is this answer, cut perhaps.
    pub fn is(&self, response: &Response, rows: &[String]) -> bool {
        let outcome = response.outcome.as_str();
        let fits = match (self.failed, outcome) {
            (true, "error" | "denylisted") => {
                let said = response.error.as_deref().unwrap_or_default();
                self.message.is_empty() || said == self.message
            }
            (false, "rows") => !self.rows.is_empty(),
            (false, "empty") => self.rows.is_empty(),
            _ => false,
        };
        let reported = usize::try_from(response.row_count).unwrap_or(usize::MAX);
        let same = |(line, row): (&String, &Value)| {
            serde_json::from_str::<Value>(line).is_ok_and(|line| line == *row)
        };
        fits && reported == self.rows.len()
            && rows.len() <= self.rows.len()
            && rows.iter().zip(&self.rows).all(same)
    }
}
