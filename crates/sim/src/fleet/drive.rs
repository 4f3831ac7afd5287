// SPDX-License-Identifier: Apache-2.0
//! Drives one job of one host to its end: sends, waits and answers as the agent asks.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::timing::{Waits, micros};
use super::{Fault, HostSlot, Shared};
use crate::agent::{Action, Event, Job, Report, Ticket};
use crate::load::Whereabouts;
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
    pub(crate) async fn drive(&self, slot: &HostSlot, job: Job) -> Report {
        let now = self.now(slot);
        let (ticket, mut action) = slot.agent().begin(job, now);
        let _guard = Guard { slot, ticket };
        let mut deadline = Instant::now();
        loop {
            let event = match action {
                Action::Send { request, resend } => {
                    let turn = self.turn().await;
                    if !resend {
                        deadline = Instant::now() + self.timing.deadline;
                    }
                    let answer = self.exchange(slot, request, deadline).await;
                    drop(turn);
                    Event::Answered(answer)
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
        if let (Some(why), Some(meter)) = (agent.take_refusal(), &self.meter) {
            meter.refused(&why);
        }
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

    /// Waits until one more request may be under way. The host's deadline begins afterwards: it
    /// is this program that is late.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let begin = Instant::now();
        // Nobody closes the semaphore.
        let turn = self.turns.acquire().await.ok();
        if let Some(meter) = &self.meter {
            meter.waited(begin.elapsed());
        }
        turn
    }

    /// Sends once, with whatever goes wrong on the way.
    async fn exchange(
        &self,
        slot: &HostSlot,
        request: Request,
        deadline: Instant,
    ) -> Result<Vec<u8>, TransportError> {
        let fault = {
            let away = self.whereabouts(request.host) != Whereabouts::There;
            let mut network = slot.network();
            if away || !network.online {
                return Err(TransportError::of("the network is unreachable"));
            }
            network.next_fault(self, request.host, request.endpoint)
        };
        if let (Some(fault), Some(meter)) = (fault, &self.meter) {
            meter.disturbed(fault != Fault::RequestLost);
        }
        if fault == Some(Fault::RequestLost) {
            return Err(TransportError::of("the connection was reset"));
        }
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let posted = self.post(request, deadline).await;
        let answer = match (posted, fault) {
            (Err(TransportError::TimedOut), _) | (_, Some(Fault::AnswerTooLate)) => {
                Err(TransportError::TimedOut)
            }
            (_, Some(_)) => Err(TransportError::of("the connection was reset before the answer")),
            (answer, None) => answer,
        };
        if let Err(e) = &answer {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            let timed_out = u64::from(*e == TransportError::TimedOut);
            self.counters.timeouts.fetch_add(timed_out, Ordering::Relaxed);
        }
        answer
    }

    /// Hands it to the network and measures.
    async fn post(&self, request: Request, deadline: Instant) -> Result<Vec<u8>, TransportError> {
        let (endpoint, bytes) = (request.endpoint, request.body.len());
        let begin = Instant::now();
        let posted = tokio::time::timeout_at(deadline, self.transport.post(request)).await;
        let answer = posted.unwrap_or(Err(TransportError::TimedOut));
        if let Some(meter) = &self.meter {
            meter.sent(bytes);
            meter.came(endpoint, begin.elapsed(), &answer);
        }
        answer
    }

    fn count(&self, slot: &HostSlot, report: &Report) {
        let iterations = u64::from(report.job == Job::Distributed && !report.busy);
        self.counters.iterations.fetch_add(iterations, Ordering::Relaxed);
        self.counters.executed.fetch_add(report.executed.len() as u64, Ordering::Relaxed);
        if let Some(meter) = &self.meter {
            let host = slot.agent().profile().index;
            meter.done(host, report);
        }
        if report.died {
            self.counters.deaths.fetch_add(1, Ordering::Relaxed);
            let index = slot.agent().profile().index;
            self.transport.disconnect(index);
        }
    }
}
