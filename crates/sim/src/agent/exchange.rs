// SPDX-License-Identifier: Apache-2.0
//! One call to the server with everything osquery does around it: enrolling first when there is
//! no key, one immediate re-send, further attempts after 1 s, 4 s …, judgement of the answer.

use std::time::Duration;

use bytes::Bytes;
use mimir_wire::Timestamp;
use serde_json::Value;

use super::judge::{Verdict, judge, judge_enrolment};
use super::options::{CONFIG_ATTEMPTS, ENROLL_ATTEMPTS, ENROLL_WAIT_MAX, LOGGER_ATTEMPTS};
use super::{Action, Call, Stage, VirtualAgent, body};
use crate::record::Fate;
use crate::transport::{Endpoint, Request, TransportError};

/// A call under way.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Where to; `None` when only a node key is wanted.
    target: Option<Endpoint>,
    /// Counts from 1.
    attempt: u32,
    /// The enrolment attempt under way, from 1; 0 when not enrolling.
    enrol_attempt: u32,
    /// What was sent last, for the immediate re-send.
    sent: Option<Request>,
    resent: bool,
    /// Its place in the record.
    place: usize,
}

/// Whether the exchange goes on.
pub(super) enum Progress {
    /// It does, with this action.
    Act(Action),
    /// It is over: the answer and its size in bytes, or why there is none.
    Over(Result<Accepted, String>),
}

/// An answer the agent took for success.
pub(super) struct Accepted {
    /// Always an object.
    pub(super) value: Value,
    /// Bytes of the answer.
    pub(super) len: usize,
}

impl VirtualAgent {
    /// Begins an exchange with `target`, or just an enrolment.
    pub(super) fn open(
        &mut self,
        call: &mut Call,
        target: Option<Endpoint>,
        now: Timestamp,
    ) -> Progress {
        call.exchange = Exchange { target, attempt: 1, ..Exchange::default() };
        self.attempt(call, now)
    }

    /// A wait is over: the next attempt, or another look at the enrolment lock.
    pub(super) fn waited(&mut self, call: &mut Call, now: Timestamp) -> Progress {
        match call.exchange.enrol_attempt {
            0 => self.attempt(call, now),
            _ => self.send_enrolment(call, now),
        }
    }

    /// Takes an answer or its absence.
    pub(super) fn answered(
        &mut self,
        call: &mut Call,
        answer: Result<Vec<u8>, TransportError>,
        now: Timestamp,
    ) -> Progress {
        match answer {
            Ok(body) => self.judge_answer(call, &body, now),
            Err(TransportError::TimedOut) => {
                self.settle(call, Fate::TimedOut);
                self.failed(call, TransportError::TimedOut.to_string(), now)
            }
            Err(error @ TransportError::Failed { .. }) => {
                let why = error.to_string();
                self.settle(call, Fate::Failed(why.clone()));
                match call.exchange.sent.take() {
                    Some(request) if !call.exchange.resent => self.send(call, request, true, now),
                    _ => self.failed(call, why, now),
                }
            }
        }
    }

    fn judge_answer(&mut self, call: &mut Call, body: &[u8], now: Timestamp) -> Progress {
        call.exchange.sent = None;
        if call.exchange.enrol_attempt > 0 {
            return match judge_enrolment(body) {
                Ok(key) => {
                    self.settle(call, Fate::Acknowledged);
                    self.disk.node_key = Some(key.into());
                    self.enrolment_ended(call);
                    self.attempt(call, now)
                }
                Err(why) => {
                    self.refuse(call, &why);
                    self.failed(call, why, now)
                }
            };
        }
        match judge(body) {
            Verdict::Accepted(value) => {
                self.settle(call, Fate::Acknowledged);
                Progress::Over(Ok(Accepted { value, len: body.len() }))
            }
            Verdict::NodeInvalid => {
                let why = "the server does not know the node key".to_owned();
                self.refuse(call, &why);
                self.disk.node_key = None;
                self.failed(call, why, now)
            }
            Verdict::Refused(why) => {
                self.refuse(call, &why);
                self.failed(call, why, now)
            }
        }
    }

    /// Enrols if there is no key, else sends.
    fn attempt(&mut self, call: &mut Call, now: Timestamp) -> Progress {
        if self.disk.node_key.is_some() {
            return match call.exchange.target {
                None => Progress::Over(Ok(Accepted { value: Value::Null, len: 0 })),
                Some(target) => self.send_target(call, target, now),
            };
        }
        if self.worker.enrolling.is_some() {
            return Progress::Act(Action::Blocked);
        }
        self.worker.enrolling = Some(call.ticket.id);
        call.exchange.enrol_attempt = 1;
        self.send_enrolment(call, now)
    }

    /// An attempt failed for good: wait for the next one, or give up.
    fn failed(&mut self, call: &mut Call, why: String, now: Timestamp) -> Progress {
        if call.exchange.enrol_attempt > 0 {
            return self.enrolment_failed(call, why, now);
        }
        let attempt = call.exchange.attempt;
        let most = match call.exchange.target {
            Some(Endpoint::Log) => LOGGER_ATTEMPTS,
            Some(Endpoint::Read | Endpoint::Write) => self.worker.options.distributed_attempts,
            _ => CONFIG_ATTEMPTS,
        };
        if attempt >= most {
            return Progress::Over(Err(why));
        }
        call.exchange.attempt += 1;
        Progress::Act(Action::Wait(square(attempt)))
    }

    fn enrolment_failed(&mut self, call: &mut Call, why: String, now: Timestamp) -> Progress {
        let attempt = call.exchange.enrol_attempt;
        if attempt < ENROLL_ATTEMPTS {
            call.exchange.enrol_attempt += 1;
            return Progress::Act(Action::Wait(square(attempt).min(ENROLL_WAIT_MAX)));
        }
        self.enrolment_ended(call);
        match call.exchange.target {
            None => Progress::Over(Err(why)),
            // osquery goes on with an empty key.
            Some(target) => self.send_target(call, target, now),
        }
    }

    fn enrolment_ended(&mut self, call: &mut Call) {
        call.exchange.enrol_attempt = 0;
        self.worker.enrolling = None;
    }

    fn send_enrolment(&mut self, call: &mut Call, now: Timestamp) -> Progress {
        let started_s = self.worker.started.micros() / mimir_wire::time::MICROS_PER_SECOND;
        let body = self.profile.enrolment(&self.secret, self.worker.number, started_s);
        let body = serde_json::to_vec(&body).expect("maps of strings are always writable");
        let request = self.request(call, Endpoint::Enroll, body);
        self.send(call, request, false, now)
    }

    fn send_target(&mut self, call: &mut Call, target: Endpoint, now: Timestamp) -> Progress {
        let key = self.disk.node_key.as_deref().unwrap_or_default();
        let body = match (&call.stage, target) {
            (_, Endpoint::Write) => body::write(self.profile.version, &self.worker.unsent, key),
            (Stage::Log { kind, taken }, _) => {
                body::log(kind.name(), self.log_lines(*kind, *taken), key)
            }
            _ => body::node(key),
        };
        let request = self.request(call, target, body);
        self.send(call, request, false, now)
    }

    fn request(&self, call: &Call, endpoint: Endpoint, body: Vec<u8>) -> Request {
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Accept", "application/json".to_owned()),
            ("User-Agent", self.profile.user_agent()),
        ];
        if let (true, Some(key)) = (self.profile.version.has_auth_header(), &self.disk.node_key) {
            headers.push(("Authorization", format!("NodeKey {key}")));
        }
        Request {
            host: self.profile.index,
            job: call.ticket.job,
            endpoint,
            headers,
            body: Bytes::from(body),
        }
    }

    fn send(
        &mut self,
        call: &mut Call,
        request: Request,
        resend: bool,
        now: Timestamp,
    ) -> Progress {
        if let Some(record) = &mut self.record {
            call.exchange.place = record.send(&request, resend, now);
        }
        call.exchange.resent = resend;
        call.exchange.sent = Some(request.clone());
        Progress::Act(Action::Send { request, resend })
    }

    fn refuse(&mut self, call: &Call, why: &str) {
        self.settle(call, Fate::Refused(why.to_owned()));
        self.refusal = Some(why.into());
    }

    fn settle(&mut self, call: &Call, fate: Fate) {
        if let Some(record) = &mut self.record {
            record.settle(call.exchange.place, fate);
        }
    }
}

/// The wait after attempt `n`: n² seconds.
fn square(n: u32) -> Duration {
    Duration::from_secs(u64::from(n) * u64::from(n))
}
