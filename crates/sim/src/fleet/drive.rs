// SPDX-License-Identifier: Apache-2.0
//! Drives one job of one host to its end: sends, waits and answers as the agent asks.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::timing::{Waits, micros};
use super::{Fault, HostSlot, Shared};
use crate::agent::{Action, Event, Job, Report, Ticket};
use crate::transport::{Request, TransportError};

/// Gives the job up when its driver is dropped, so that the host is not busy for ever.
struct Guard<'s> {
    slot: &'s HostSlot,
    ticket: Ticket,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // No effect once the job is over.
        self.slot.agent().abandon(self.ticket);
        self.slot.unlocked.notify_waiters();
    }
}

impl Shared {
    pub(super) async fn drive(&self, slot: &HostSlot, job: Job) -> Report {
        let now = self.now(slot);
        let (ticket, mut action) = slot.agent().begin(job, now);
        let _guard = Guard { slot, ticket };
        let mut deadline = Instant::now();
        loop {
            let event = match action {
                Action::Send { request, resend } => {
                    if !resend {
                        deadline = Instant::now() + self.timing.deadline;
                    }
                    Event::Answered(self.exchange(slot, request, deadline).await)
                }
                Action::Wait(wait) => {
                    self.wait(slot, wait).await;
                    Event::Waited
                }
                Action::Blocked => {
                    action = self.wait_for_enrolment(slot, ticket).await;
                    continue;
                }
                Action::Run(question) => {
                    let profile = *slot.agent().profile();
                    let answers =
                        self.answers.read().unwrap_or_else(PoisonError::into_inner).clone();
                    Event::Ran(answers.answer(&profile, &question))
                }
                Action::Done(report) => {
                    self.count(slot, &report);
                    return report;
                }
            };
            action = self.resume(slot, ticket, event);
        }
    }

    fn resume(&self, slot: &HostSlot, ticket: Ticket, event: Event) -> Action {
        let now = self.now(slot);
        let mut agent = slot.agent();
        let action = agent.resume(ticket, event, now);
        if !agent.is_enrolling() {
            slot.unlocked.notify_waiters();
        }
        action
    }

    /// Waits until the lock may be free, then looks again.
    async fn wait_for_enrolment(&self, slot: &HostSlot, ticket: Ticket) -> Action {
        let unlocked = slot.unlocked.notified();
        tokio::pin!(unlocked);
        // Registered before looking, so that no release between look and wait is missed.
        unlocked.as_mut().enable();
        if slot.agent().is_enrolling() {
            unlocked.await;
        }
        self.resume(slot, ticket, Event::Waited)
    }

    async fn wait(&self, slot: &HostSlot, wait: Duration) {
        match self.timing.waits {
            Waits::Real => tokio::time::sleep(wait).await,
            Waits::Scaled(factor) => tokio::time::sleep(wait.mul_f64(factor.max(0.0))).await,
            Waits::Skipped => {
                slot.skipped_us.fetch_add(micros(wait), Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Sends once, with whatever goes wrong on the way.
    async fn exchange(
        &self,
        slot: &HostSlot,
        request: Request,
        deadline: Instant,
    ) -> Result<Vec<u8>, TransportError> {
        let fault = {
            let mut network = slot.network();
            if !network.online {
                return Err(TransportError::Failed("the network is unreachable".to_owned()));
            }
            network.next_fault(self, request.host, request.endpoint)
        };
        if fault == Some(Fault::RequestLost) {
            return Err(TransportError::Failed("the connection was reset".to_owned()));
        }
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let posted = tokio::time::timeout_at(deadline, self.transport.post(request)).await;
        let answer = match (posted, fault) {
            (Err(_), _) | (_, Some(Fault::AnswerTooLate)) => Err(TransportError::TimedOut),
            (_, Some(_)) => {
                Err(TransportError::Failed("the connection was reset before the answer".to_owned()))
            }
            (Ok(answer), None) => answer,
        };
        if let Err(e) = &answer {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            let timed_out = u64::from(*e == TransportError::TimedOut);
            self.counters.timeouts.fetch_add(timed_out, Ordering::Relaxed);
        }
        answer
    }

    fn count(&self, slot: &HostSlot, report: &Report) {
        let iterations = u64::from(report.job == Job::Distributed && !report.busy);
        self.counters.iterations.fetch_add(iterations, Ordering::Relaxed);
        self.counters.executed.fetch_add(report.executed.len() as u64, Ordering::Relaxed);
        if report.died {
            self.counters.deaths.fetch_add(1, Ordering::Relaxed);
            let index = slot.agent().profile().index;
            self.transport.disconnect(index);
        }
    }
}
