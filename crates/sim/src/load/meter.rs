// SPDX-License-Identifier: Apache-2.0
//! Counts of a running load: what was sent, what came back, how long it took, what went wrong and
//! which answers the server took. Written by every job at once, read by whoever looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::answers::OWN_QUESTIONS;
use super::histogram::Histogram;
use crate::agent::{Delivered, Job, Report};
use crate::transport::{Endpoint, TransportError};

/// Kinds of errors that are told apart; further ones are counted together.
const KINDS_MAX: usize = 64;
/// Characters of a kind of error.
const KIND_CHARS_MAX: usize = 120;
/// Queries whose answers are counted apart; further ones are counted in the sums alone.
const QUERIES_MAX: usize = 256;
/// What kinds and queries beyond these are called.
pub(super) const OTHERS: &str = "others";

/// A counter.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn take(&self, number: u64) {
        self.0.fetch_sub(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Meter {
    /// From sending to answer, new connections included: one for each endpoint.
    pub(super) answered: [Histogram; Endpoint::ALL.len()],
    /// From when a host wanted to send to when it could.
    pub(super) delays: Histogram,
    pub(super) sent: Counter,
    pub(super) sent_bytes: Counter,
    pub(super) received_bytes: Counter,
    pub(super) polls: Counter,
    pub(super) accepted: Counter,
    pub(super) deaths: Counter,
    pub(super) stuck: Counter,
    /// Hosts that are away now.
    pub(super) away: Counter,
    pub(super) duplicated: Counter,
    pub(super) lost: Counter,
    pub(super) answers: Answers,
    errors: Mutex<BTreeMap<String, u64>>,
    queries: Mutex<BTreeMap<String, Query>>,
}

/// Acknowledged answers, without those to the server's own questions.
#[derive(Default)]
pub(crate) struct Answers {
    pub(super) acknowledged: Counter,
    pub(super) rows: Counter,
    pub(super) bytes: Counter,
    pub(super) empty: Counter,
    pub(super) errors: Counter,
    pub(super) denylisted: Counter,
    /// Answers to the questions that the server asks for itself.
    pub(super) own: Counter,
}

/// Acknowledged answers to one query.
#[derive(Default, Clone)]
pub(super) struct Query {
    pub(super) acknowledged: u64,
    pub(super) rows: u64,
    pub(super) hosts: u64,
    /// One bit a host.
    seen: Vec<u64>,
}

impl Meter {
    /// A host waited this long for its turn.
    pub(crate) fn waited(&self, time: Duration) {
        self.delays.count(time);
    }

    /// A request was handed to the network.
    pub(crate) fn sent(&self, body_bytes: usize) {
        self.sent.add(1);
        self.sent_bytes.add(body_bytes as u64);
    }

    /// What came of it after this long.
    pub(crate) fn came(
        &self,
        endpoint: Endpoint,
        time: Duration,
        answer: &Result<Vec<u8>, TransportError>,
    ) {
        match answer {
            Ok(body) => {
                self.answered[endpoint as usize].count(time);
                self.received_bytes.add(body.len() as u64);
            }
            Err(error) => self.error(error.kind()),
        }
    }

    /// The agent took an answer for failure.
    pub(crate) fn refused(&self, why: &str) {
        self.error(why);
    }

    /// The network of the plan let a request or its answer get lost.
    pub(crate) fn disturbed(&self, arrived: bool) {
        match arrived {
            true => self.duplicated.add(1),
            false => self.lost.add(1),
        }
    }

    /// A job came to its end.
    pub(crate) fn done(&self, host: u32, report: &Report) {
        if report.job != Job::Distributed || report.busy {
            return;
        }
        self.polls.add(1);
        self.accepted.add(report.accepted.len() as u64);
        self.deaths.add(report.died.into());
        self.stuck.add(report.stuck.into());
        for delivered in &report.delivered {
            self.delivered(host, delivered);
        }
    }

    fn delivered(&self, host: u32, delivered: &Delivered) {
        let answers = &self.answers;
        if delivered.name.starts_with(OWN_QUESTIONS) {
            answers.own.add(1);
            return;
        }
        answers.acknowledged.add(1);
        answers.rows.add(delivered.rows);
        answers.bytes.add(delivered.row_bytes as u64);
        if delivered.denylisted {
            answers.denylisted.add(1);
        } else if delivered.status != 0 {
            answers.errors.add(1);
        } else if delivered.rows == 0 {
            answers.empty.add(1);
        }
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        let name = query_of(&delivered.name);
        let room = queries.len() < QUERIES_MAX || queries.contains_key(name);
        if room {
            queries.entry(name.to_owned()).or_default().count(host, delivered.rows);
        }
    }

    fn error(&self, kind: &str) {
        let kind: String = kind.chars().take(KIND_CHARS_MAX).collect();
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let room = errors.len() < KINDS_MAX || errors.contains_key(&kind);
        *errors.entry(if room { kind } else { OTHERS.to_owned() }).or_default() += 1;
    }

    /// Errors by kind.
    pub(super) fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers by query: acknowledged, rows, hosts.
    pub(super) fn queries(&self) -> BTreeMap<String, (u64, u64, u64)> {
        let queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = |query: &Query| (query.acknowledged, query.rows, query.hosts);
        queries.iter().map(|(name, query)| (name.clone(), figures(query))).collect()
    }
}

impl Query {
    fn count(&mut self, host: u32, rows: u64) {
        self.acknowledged += 1;
        self.rows += rows;
        let (word, bit) = (host as usize / 64, 1_u64 << (host % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        self.hosts += u64::from(self.seen[word] & bit == 0);
        self.seen[word] |= bit;
    }
}

/// What all hosts' names of one query have in common: Mimir ends each with a code of the host.
fn query_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(query, _)| query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(name: &str, rows: u64) -> Delivered {
        Delivered { name: name.to_owned(), rows, ..Delivered::default() }
    }

    #[test]
    fn answers_are_counted_by_query_and_host() {
        let meter = Meter::default();
        let job = Job::Distributed;
        let report = |delivered| Report { job, delivered, ..Report::default() };
        meter.done(0, &report(vec![delivered("0b.aa", 1), delivered("5c.3.0.bb", 4)]));
        meter.done(0, &report(vec![delivered("5c.3.0.bb", 4)]));
        meter.done(700, &report(vec![delivered("5c.3.0.cc", 0), delivered("5c.4.0.dd", 1)]));
        let denied = Delivered { denylisted: true, status: 1, ..delivered("5c.4.0.ee", 0) };
        meter.done(2, &report(vec![denied]));
        let queries = meter.queries();
        assert_eq!(queries["5c.3.0"], (3, 8, 2), "three answers of two hosts");
        assert_eq!(queries["5c.4.0"], (2, 1, 2));
        let answers = &meter.answers;
        let counts = [&answers.acknowledged, &answers.own, &answers.empty, &answers.denylisted];
        assert_eq!(counts.map(Counter::get), [5, 1, 1, 1]);
        assert_eq!((meter.polls.get(), answers.errors.get()), (4, 0));
    }

    #[test]
    fn kinds_of_errors_are_bounded() {
        let meter = Meter::default();
        for n in 0..1000 {
            meter.refused(&format!("{n}: {}", "x".repeat(1000)));
        }
        let errors = meter.errors();
        assert_eq!(errors.len(), KINDS_MAX + 1);
        assert_eq!(errors.values().sum::<u64>(), 1000);
        assert!(errors.keys().all(|kind| kind.chars().count() <= KIND_CHARS_MAX));
    }
}
