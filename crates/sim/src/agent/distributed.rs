// SPDX-License-Identifier: Apache-2.0
//! One iteration of the distributed loop (`osquery/distributed/distributed.cpp`): read, store,
//! run everything pending in byte order of the names, then one write with every unsent result.

use std::collections::BTreeSet;
use std::time::Duration;

use mimir_wire::Timestamp;
use mimir_wire::osquery::DENYLISTED_MESSAGE;
use serde_json::Value;

use super::body::Finished;
use super::exchange::Accepted;
use super::options::{ACCELERATED, seconds};
use super::{Action, Call, Report, Stage, VirtualAgent};
use crate::answers::{Outcome, Question};
use crate::rows::Rows;
use crate::transport::Endpoint;

/// A read answer whose discovery queries are being run.
#[derive(Debug)]
pub(super) struct Discovery {
    answer: Value,
    /// Name and text, last one first.
    open: Vec<(String, String)>,
    running: String,
    /// Every name that has a discovery query.
    named: BTreeSet<String>,
    /// Names whose discovery found something.
    found: BTreeSet<String>,
}

/// A query that is running.
#[derive(Debug)]
pub(super) struct Executing {
    name: String,
    sql: String,
    /// How it will end, when that takes time.
    ending: Option<Outcome>,
}

impl VirtualAgent {
    /// When the distributed thread reads next.
    pub fn distributed_interval(&self, now: Timestamp) -> Duration {
        if now < self.disk.accelerated_until {
            return ACCELERATED;
        }
        seconds(self.worker.options.distributed_interval)
    }

    pub(super) fn start_read(&mut self, call: &mut Call, now: Timestamp) -> Action {
        if self.worker.options.disable_distributed {
            let next_in = self.distributed_interval(now);
            return self.finish(call, next_in);
        }
        call.stage = Stage::Read;
        let progress = self.open(call, Some(Endpoint::Read), now);
        self.after_exchange(call, progress, now)
    }

    /// A failed read does not keep pending queries from running.
    pub(super) fn read_ended(
        &mut self,
        call: &mut Call,
        answer: Option<Accepted>,
        now: Timestamp,
    ) -> Action {
        let Some(answer) = answer else { return self.run_next(call, now) };
        let mut discovery = Discovery {
            answer: answer.value,
            open: Vec::new(),
            running: String::new(),
            named: BTreeSet::new(),
            found: BTreeSet::new(),
        };
        if let Some(Value::Object(queries)) = discovery.answer.get("discovery") {
            for (name, sql) in queries {
                let Some(sql) = text(name, sql) else {
                    return self.reject_answer(call, "a discovery query is no text", now);
                };
                discovery.named.insert(name.clone());
                discovery.open.push((name.clone(), sql));
            }
            discovery.open.reverse();
        }
        self.discover_next(call, Box::new(discovery), now)
    }

    fn reject_answer(&mut self, call: &mut Call, why: &str, now: Timestamp) -> Action {
        call.report.ok = false;
        call.report.error = Some(format!("the read answer was rejected: {why}"));
        self.run_next(call, now)
    }

    fn discover_next(
        &mut self,
        call: &mut Call,
        mut discovery: Box<Discovery>,
        now: Timestamp,
    ) -> Action {
        let Some((name, sql)) = discovery.open.pop() else {
            self.store(call, &discovery, now);
            return self.run_next(call, now);
        };
        discovery.running = name.clone();
        call.stage = Stage::Discover(discovery);
        Action::Run(self.question(name, sql, now))
    }

    /// Stores the queries of the answer. A wrong entry ends the parse: those before it stay.
    fn store(&mut self, call: &mut Call, discovery: &Discovery, now: Timestamp) {
        let answer = &discovery.answer;
        if let Some(Value::Object(queries)) = answer.get("queries") {
            for (name, sql) in queries {
                let Some(sql) = text(name, sql) else {
                    call.report.ok = false;
                    call.report.error = Some(format!("query `{name}` is no text"));
                    return;
                };
                if discovery.named.contains(name) && !discovery.found.contains(name) {
                    continue;
                }
                self.disk.pending.insert(name.clone(), sql);
                call.report.accepted.push(name.clone());
            }
        }
        // A quoted or fractional number is ignored.
        if let Some(seconds) = answer.get("accelerate").and_then(Value::as_i64) {
            self.disk.accelerated_until = now.plus_secs(seconds);
        }
    }

    /// Runs the next pending query, or writes when there is none.
    fn run_next(&mut self, call: &mut Call, now: Timestamp) -> Action {
        let duration = self.worker.options.denylist_duration;
        while let Some((name, sql)) = self.disk.pending.pop_first() {
            if self.profile.version.has_denylist() {
                if self.disk.is_denylisted(&sql, duration, now) {
                    call.report.denylisted.push(name.clone());
                    self.append(Finished::denylisted(name));
                    continue;
                }
                self.disk.mark_running(&sql, now);
            }
            let question = self.question(name.clone(), sql.clone(), now);
            call.stage = Stage::Execute(Box::new(Executing { name, sql, ending: None }));
            return Action::Run(question);
        }
        if self.worker.unsent.is_empty() {
            return self.end_iteration(call, now);
        }
        call.stage = Stage::Write;
        let progress = self.open(call, Some(Endpoint::Write), now);
        self.after_exchange(call, progress, now)
    }

    /// A query was run.
    pub(super) fn ran(&mut self, call: &mut Call, outcome: Outcome, now: Timestamp) -> Action {
        match std::mem::replace(&mut call.stage, Stage::Read) {
            Stage::Discover(discovery) => self.discovered(call, discovery, outcome, now),
            Stage::Execute(executing) => self.executed(call, executing, outcome, now),
            _ => unreachable!("no query was asked for"),
        }
    }

    fn discovered(
        &mut self,
        call: &mut Call,
        mut discovery: Box<Discovery>,
        outcome: Outcome,
        now: Timestamp,
    ) -> Action {
        match outcome.at_once() {
            Outcome::Rows(rows) => {
                if !rows.is_empty() {
                    let name = std::mem::take(&mut discovery.running);
                    discovery.found.insert(name);
                }
                self.discover_next(call, discovery, now)
            }
            Outcome::Error(why) => self.reject_answer(call, &why, now),
            Outcome::Denylisted => self.reject_answer(call, DENYLISTED_MESSAGE, now),
            Outcome::Stuck => self.stuck(call),
            Outcome::Death => self.die(call, now),
            Outcome::After(..) => unreachable!("at_once leaves none"),
        }
    }

    fn executed(
        &mut self,
        call: &mut Call,
        mut executing: Box<Executing>,
        outcome: Outcome,
        now: Timestamp,
    ) -> Action {
        let result = match outcome {
            Outcome::After(wait, ending) => {
                executing.ending = Some(*ending);
                call.stage = Stage::Execute(executing);
                return Action::Wait(wait);
            }
            Outcome::Stuck => return self.stuck(call),
            Outcome::Death => return self.die(call, now),
            Outcome::Rows(rows) => {
                Finished::rows(executing.name.clone(), &executing.sql, self.peculiar(rows))
            }
            Outcome::Error(message) => Finished::failure(executing.name.clone(), message),
            Outcome::Denylisted => Finished::denylisted(executing.name.clone()),
        };
        self.disk.unmark(&executing.sql);
        call.report.executed.push(executing.name);
        self.append(result);
        self.run_next(call, now)
    }

    /// The wait of a slow query is over.
    pub(super) fn slow_query_ended(&mut self, call: &mut Call, now: Timestamp) -> Action {
        let Stage::Execute(mut executing) = std::mem::replace(&mut call.stage, Stage::Read) else {
            unreachable!("only a running query is waited for");
        };
        let ending = executing.ending.take().expect("a slow query knows how it ends");
        self.executed(call, executing, ending, now)
    }

    pub(super) fn write_ended(&mut self, call: &mut Call, ok: bool, now: Timestamp) -> Action {
        call.report.written = Some(ok);
        if ok {
            for result in self.worker.unsent.drain(..) {
                call.report.delivered.push(result.delivered());
                if let Some(record) = &mut self.record {
                    record.acknowledge(result, now);
                }
            }
        }
        self.end_iteration(call, now)
    }

    fn end_iteration(&mut self, call: &mut Call, now: Timestamp) -> Action {
        self.disk.drop_expired_marks(self.worker.options.denylist_duration, now);
        call.report.accelerated = now < self.disk.accelerated_until;
        let next_in = self.distributed_interval(now);
        self.finish(call, next_in)
    }

    /// One result a name: a newer one replaces an older one that was not sent.
    fn append(&mut self, result: Finished) {
        let unsent = &mut self.worker.unsent;
        match unsent.iter_mut().find(|old| old.name == result.name) {
            Some(old) => *old = result,
            None => unsent.push(result),
        }
    }

    fn stuck(&mut self, call: &mut Call) -> Action {
        call.stage = Stage::Stuck;
        call.report.stuck = true;
        self.finish(call, Duration::ZERO)
    }

    fn die(&mut self, call: &mut Call, now: Timestamp) -> Action {
        let report = std::mem::take(&mut call.report);
        self.kill_worker(now);
        call.stage = Stage::Read;
        Action::Done(Report { died: true, ok: false, unsent: 0, ..report })
    }

    /// The driver gave up while this query ran: it is pending again.
    pub(super) fn give_back(&mut self, executing: Executing) {
        self.disk.unmark(&executing.sql);
        self.disk.pending.insert(executing.name, executing.sql);
    }

    /// The rows as this host would send them.
    fn peculiar(&self, mut rows: Rows) -> Rows {
        let wanted = self.profile.oversized_bytes as usize;
        if wanted > 0 {
            rows = Rows::filler(wanted);
        }
        if self.profile.invalid_utf8 {
            rows.spoil_utf8();
        }
        rows
    }

    fn question(&self, name: String, sql: String, now: Timestamp) -> Question {
        Question { name, sql, now, worker: self.worker.number, worker_started: self.worker.started }
    }
}

/// A non-empty name with a non-empty text, else nothing.
fn text(name: &str, sql: &Value) -> Option<String> {
    let sql = sql.as_str()?;
    (!name.is_empty() && !sql.is_empty()).then(|| sql.to_owned())
}
