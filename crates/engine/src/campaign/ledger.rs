// SPDX-License-Identifier: Apache-2.0
//! The ledger: one assignment per targeted host, and the counts derived from all of them.
//!
//! Callers load a [`CampaignLedger`] under the campaign's row lock together with the
//! [`AssignmentLedger`]s concerned, apply events, and write both back in the same transaction. So
//! the counts equal the ledger at every commit (I1, I6), whichever replica wrote.

use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{AssignmentState, CampaignStatus, Coverage, Outcome, StopCode};

use AssignmentState::{Blocked, Cancelled, Lost, Offered, Pending, Rejected, Responded};

/// Why an assignment was ended by the server; shown to people.
pub mod reason {
    /// An operator stopped the campaign.
    pub const STOPPED: &str = "stopped";
    /// The aggregate row cap stopped the campaign.
    pub const AUTO_STOPPED: &str = "auto_stopped";
    /// The host was decommissioned.
    pub const DECOMMISSIONED: &str = "decommissioned";
    /// The deny-list refused the SQL when the host asked for work.
    pub const BLOCKED_SQL: &str = "blocked_sql";
    /// Three offers, and each time the agent came back without an answer.
    pub const LOST: &str = "no_answer_after_3_offers";
}

/// What the rules need of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignLedger {
    /// Whether it is at work.
    pub status: CampaignStatus,
    /// What stopped it.
    pub stop_code: Option<StopCode>,
    /// When it was stopped.
    pub stopped_at: Option<Timestamp>,
    /// Whether the stop throws away answers in flight.
    pub discard_in_flight: bool,
    /// Minutes after a stop in which offered hosts may still answer, as set at the stop.
    pub stop_grace_minutes: u64,
    /// When its live window closes.
    pub live_until: Timestamp,
    /// Parts of its payload.
    pub parts: u32,
    /// Stored rows at which it stops itself.
    pub aggregate_row_cap: u64,
    /// Counts.
    pub coverage: Coverage,
}

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentLedger {
    /// Where it stands.
    pub state: AssignmentState,
    /// What was answered, all parts together.
    pub outcome: Option<Outcome>,
    /// Whether any answer was committed after the live window closed.
    pub late: bool,
    /// Offers made.
    pub attempts: u32,
    /// The last of them.
    pub offered_at: Option<Timestamp>,
    /// When the last part was answered.
    pub responded_at: Option<Timestamp>,
    /// Parts answered and stored.
    pub parts_answered: u32,
    /// Rows reported.
    pub row_count: u64,
    /// Rows stored.
    pub stored_rows: u64,
    /// Whether rows were cut.
    pub truncated: bool,
    /// The host's message.
    pub error: Option<String>,
    /// Why the server ended it.
    pub reason: Option<String>,
    /// When it came to its state.
    pub state_changed_at: Timestamp,
}

impl AssignmentLedger {
    /// As written at launch.
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: Pending,
            outcome: None,
            late: false,
            attempts: 0,
            offered_at: None,
            responded_at: None,
            parts_answered: 0,
            row_count: 0,
            stored_rows: 0,
            truncated: false,
            error: None,
            reason: None,
            state_changed_at: now,
        }
    }
}

/// One host's answer to one part, as it would be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it was.
    pub outcome: Outcome,
    /// Rows reported.
    pub row_count: u64,
    /// Rows to store; at most the per-host cap (I8).
    pub stored_rows: u64,
    /// The host's message.
    pub error: Option<String>,
}

impl Answer {
    /// I8: truncation is marked exactly when rows were cut.
    pub fn truncated(&self) -> bool {
        self.stored_rows < self.row_count
    }
}

/// What happened to one assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was handed to the host, for the `attempt`-th time.
    Offered {
        /// From 1.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// The agent came back without it for the last time.
    Lost,
    /// The deny-list refused it at offer time.
    Blocked,
    /// The host was decommissioned.
    Decommissioned,
}

/// What to do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Store it.
    Store {
        /// I9: committed after the live window closed.
        late: bool,
        /// It reached the aggregate cap: [`CampaignLedger::auto_stop`] is due.
        auto_stop: bool,
    },
    /// Counted as rejected, not stored.
    Reject,
    /// A repeat, or for an assignment that takes no answers: nothing changes (I3).
    Ignore,
}

/// A change of many assignments at once: all of the campaign's that are in one of `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkMove {
    /// States to leave.
    pub from: &'static [AssignmentState],
    /// Why, for the assignments that become cancelled.
    pub reason: &'static str,
}

impl CampaignLedger {
    /// A campaign just launched on `targeted` hosts.
    pub fn new(targeted: u64, parts: u32, live_until: Timestamp, aggregate_row_cap: u64) -> Self {
        assert!(parts > 0, "a campaign asks at least one query");
        Self {
            status: CampaignStatus::Active,
            stop_code: None,
            stopped_at: None,
            discard_in_flight: false,
            stop_grace_minutes: 0,
            live_until,
            parts,
            aggregate_row_cap,
            coverage: Coverage { targeted, pending: targeted, ..Coverage::default() },
        }
    }

    /// Whether every assignment has reached its end.
    pub fn complete(&self) -> bool {
        self.coverage.pending + self.coverage.offered == 0
    }

    /// Whether it holds a concurrency slot.
    pub fn live(&self, now: Timestamp) -> bool {
        self.status == CampaignStatus::Active && now < self.live_until
    }

    /// I1, and that the parts of `responded` add up.
    ///
    /// # Panics
    /// When they do not: the transaction must not commit.
    pub fn assert_counts(&self) {
        let c = &self.coverage;
        let states = c.pending + c.offered + c.responded + c.lost + c.cancelled + c.blocked;
        assert_eq!(c.targeted, states + c.rejected, "I1 broken: {c:?}");
        let outcomes = c.with_rows + c.empty + c.errors + c.denylisted;
        assert_eq!(c.responded, outcomes, "outcomes do not sum to responded: {c:?}");
        assert!(c.late <= c.responded && c.truncated <= c.responded, "{c:?}");
        assert!(c.rows_stored <= c.rows_reported, "I8 broken: {c:?}");
    }

    fn count(&mut self, state: AssignmentState) -> &mut u64 {
        match state {
            Pending => &mut self.coverage.pending,
            Offered => &mut self.coverage.offered,
            Responded => &mut self.coverage.responded,
            Lost => &mut self.coverage.lost,
            Cancelled => &mut self.coverage.cancelled,
            Blocked => &mut self.coverage.blocked,
            Rejected => &mut self.coverage.rejected,
        }
    }

    fn shift(&mut self, a: &mut AssignmentLedger, to: AssignmentState, now: Timestamp) {
        if a.state == to {
            return;
        }
        let left = self.count(a.state);
        // Release builds would wrap around, and wrapped counts still add up.
        *left = left.checked_sub(1).expect("I1: an assignment is counted in its state");
        *self.count(to) += 1;
        a.state = to;
        a.state_changed_at = now;
    }

    /// Applies an event to one assignment. Answers whether anything changed: an event that comes
    /// too late for the state (an offer of what has been answered) changes nothing.
    pub fn apply(&mut self, a: &mut AssignmentLedger, event: &Event, now: Timestamp) -> bool {
        let before = a.clone();
        let open = matches!(a.state, Pending | Offered);
        match event {
            // I5 in the record: what a stop has ended is never offered again.
            Event::Offered { attempt, at } if open && self.status == CampaignStatus::Active => {
                a.attempts = a.attempts.max(*attempt);
                a.offered_at = a.offered_at.max(Some(*at));
                self.shift(a, Offered, now);
            }
            Event::Lost if open => {
                self.shift(a, Lost, now);
                a.reason = Some(reason::LOST.to_owned());
            }
            Event::Blocked if open => {
                self.shift(a, Blocked, now);
                a.reason = Some(reason::BLOCKED_SQL.to_owned());
            }
            Event::Decommissioned if open => {
                self.shift(a, Cancelled, now);
                a.reason = Some(reason::DECOMMISSIONED.to_owned());
            }
            _ => {}
        }
        self.assert_counts();
        *a != before
    }

    /// Decides on an answer to one part and books it. `stored_already` says whether a response of
    /// this host to this part is stored (I3). The host's right to answer (I4) has been proven by
    /// the id before.
    pub fn answer(
        &mut self,
        a: &mut AssignmentLedger,
        answer: &Answer,
        stored_already: bool,
        now: Timestamp,
    ) -> Verdict {
        assert!(answer.stored_rows <= answer.row_count, "I8: more stored than reported");
        if stored_already || matches!(a.state, Responded | Rejected | Blocked) {
            return Verdict::Ignore;
        }
        // A stop sorts by state, and an offer may not have been noted by then (it is written behind,
        // perhaps by another replica): the answer proves that it was made, so it still counts.
        let ended = a.state == Cancelled && a.reason.as_deref() != Some(reason::STOPPED);
        if ended || !self.accepts_answers(now) {
            self.shift(a, Rejected, now);
            self.assert_counts();
            return Verdict::Reject;
        }
        let late = now > self.live_until;
        self.book(a, answer, late, now);
        self.assert_counts();
        let c = &self.coverage;
        let auto_stop =
            self.status == CampaignStatus::Active && c.rows_stored >= self.aggregate_row_cap;
        Verdict::Store { late, auto_stop }
    }

    /// Whether answers are stored at all at this time.
    fn accepts_answers(&self, now: Timestamp) -> bool {
        if self.coverage.rows_stored >= self.aggregate_row_cap {
            return false;
        }
        let Some(stopped_at) = self.stopped_at else { return true };
        let grace = i64::try_from(self.stop_grace_minutes).unwrap_or(i64::MAX);
        !self.discard_in_flight
            && self.stop_code != Some(StopCode::AutoStoppedAggregateRowCap)
            && now <= stopped_at.plus_minutes(grace)
    }

    fn book(&mut self, a: &mut AssignmentLedger, answer: &Answer, late: bool, now: Timestamp) {
        a.late |= late;
        a.row_count += answer.row_count;
        a.stored_rows += answer.stored_rows;
        a.truncated |= answer.truncated();
        a.outcome = Some(a.outcome.map_or(answer.outcome, |old| combine(old, answer.outcome)));
        if a.error.is_none() {
            a.error.clone_from(&answer.error);
        }
        a.parts_answered += 1;
        assert!(a.parts_answered <= self.parts, "I3: more answers than parts");
        self.coverage.rows_stored += answer.stored_rows;
        self.coverage.rows_reported += answer.row_count;
        if a.parts_answered < self.parts {
            return;
        }
        self.shift(a, Responded, now);
        a.reason = None;
        a.responded_at = Some(now);
        let c = &mut self.coverage;
        c.late += u64::from(a.late);
        c.truncated += u64::from(a.truncated);
        match a.outcome.expect("set above") {
            Outcome::Rows => c.with_rows += 1,
            Outcome::Empty => c.empty += 1,
            Outcome::Error => c.errors += 1,
            Outcome::Denylisted => c.denylisted += 1,
        }
    }

    /// Stops the campaign on an operator's word. Pending assignments end; offered ones too when
    /// their answers are to be thrown away. `None` when it is not active.
    pub fn stop(&mut self, discard: bool, grace_minutes: u64, now: Timestamp) -> Option<BulkMove> {
        if self.status != CampaignStatus::Active {
            return None;
        }
        self.status = CampaignStatus::Stopped;
        self.stop_code = Some(StopCode::Operator);
        self.stopped_at = Some(now);
        self.discard_in_flight = discard;
        self.stop_grace_minutes = grace_minutes;
        let from: &[_] = if discard { &[Pending, Offered] } else { &[Pending] };
        Some(self.cancel(from, reason::STOPPED))
    }

    /// Stops the campaign because the aggregate cap was reached.
    pub fn auto_stop(&mut self, now: Timestamp) -> BulkMove {
        assert_eq!(self.status, CampaignStatus::Active, "only an active campaign stops itself");
        self.status = CampaignStatus::Stopped;
        self.stop_code = Some(StopCode::AutoStoppedAggregateRowCap);
        self.stopped_at = Some(now);
        self.cancel(&[Pending, Offered], reason::AUTO_STOPPED)
    }

    /// Ends what is still offered once the grace time of a stop has passed; `None` before.
    pub fn end_grace(&mut self, now: Timestamp) -> Option<BulkMove> {
        let due = self.status != CampaignStatus::Active && !self.accepts_answers(now);
        (due && self.coverage.offered > 0).then(|| self.cancel(&[Offered], reason::STOPPED))
    }

    fn cancel(&mut self, from: &'static [AssignmentState], reason: &'static str) -> BulkMove {
        for state in from {
            let moved = std::mem::take(self.count(*state));
            self.coverage.cancelled += moved;
        }
        self.assert_counts();
        BulkMove { from, reason }
    }
}

impl BulkMove {
    /// Applies the move to one assignment, as the bulk statement does to all: needed where
    /// assignments are already in memory. Counts are the campaign's business.
    pub fn apply(&self, a: &mut AssignmentLedger, now: Timestamp) {
        if self.from.contains(&a.state) {
            a.state = Cancelled;
            a.reason = Some(self.reason.to_owned());
            a.state_changed_at = now;
        }
    }
}

/// What a host's parts were, taken together: a match wants eyes first, then what hides one.
fn combine(a: Outcome, b: Outcome) -> Outcome {
    let rank = |outcome| match outcome {
        Outcome::Rows => 3,
        Outcome::Denylisted => 2,
        Outcome::Error => 1,
        Outcome::Empty => 0,
    };
    if rank(b) > rank(a) { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn rows(n: u64) -> Answer {
        let outcome = if n == 0 { Outcome::Empty } else { Outcome::Rows };
        Answer { outcome, row_count: n, stored_rows: n, error: None }
    }

    fn offered(c: &mut CampaignLedger, now: Timestamp) -> AssignmentLedger {
        let mut a = AssignmentLedger::new(at(0));
        assert!(c.apply(&mut a, &Event::Offered { attempt: 1, at: now }, now));
        a
    }

    fn campaign(hosts: u64) -> CampaignLedger {
        CampaignLedger::new(hosts, 1, at(600), 1000)
    }

    #[test]
    fn late_is_after_the_window_and_not_at_its_end() {
        let mut c = campaign(2);
        let (mut a, mut b) = (offered(&mut c, at(1)), offered(&mut c, at(1)));
        let verdict = c.answer(&mut a, &rows(1), false, at(600));
        assert_eq!(verdict, Verdict::Store { late: false, auto_stop: false });
        let just_after = Timestamp::from_micros(at(600).micros() + 1);
        let verdict = c.answer(&mut b, &rows(0), false, just_after);
        assert_eq!(verdict, Verdict::Store { late: true, auto_stop: false });
        assert_eq!((c.coverage.late, c.coverage.with_rows, c.coverage.empty), (1, 1, 1));
        assert!(c.complete());
    }

    #[test]
    fn a_repeat_changes_nothing() {
        let mut c = campaign(1);
        let mut a = offered(&mut c, at(1));
        c.answer(&mut a, &rows(3), false, at(2));
        let before = (c.clone(), a.clone());
        assert_eq!(c.answer(&mut a, &rows(9), true, at(3)), Verdict::Ignore);
        assert!(!c.apply(&mut a, &Event::Offered { attempt: 2, at: at(3) }, at(3)));
        assert_eq!((c, a), before);
    }

    #[test]
    fn a_default_stop_still_accepts_what_was_offered_for_the_grace_time() {
        let mut c = campaign(3);
        let (mut a, mut b) = (offered(&mut c, at(1)), offered(&mut c, at(1)));
        let bulk = c.stop(false, 60, at(10)).unwrap();
        assert_eq!(bulk.from, [Pending]);
        assert!(matches!(c.answer(&mut a, &rows(1), false, at(3610)), Verdict::Store { .. }));
        assert_eq!(c.end_grace(at(3610)), None);
        let bulk = c.end_grace(at(3611)).unwrap();
        bulk.apply(&mut b, at(3611));
        assert_eq!(b.state, Cancelled);
        assert_eq!(c.answer(&mut b, &rows(1), false, at(3612)), Verdict::Reject);
        assert_eq!(c.answer(&mut b, &rows(1), false, at(3613)), Verdict::Ignore);
        let counts = &c.coverage;
        assert_eq!((counts.responded, counts.cancelled, counts.rejected), (1, 1, 1));
        assert_eq!(c.stop(true, 60, at(4000)), None);
    }

    #[test]
    fn an_answer_after_the_grace_time_is_rejected_before_the_sweep_too() {
        let mut c = campaign(1);
        let mut a = offered(&mut c, at(1));
        c.stop(false, 1, at(10));
        assert_eq!(c.answer(&mut a, &rows(1), false, at(71)), Verdict::Reject);
        assert_eq!(c.coverage.offered, 0);
    }

    #[test]
    fn an_answer_to_an_offer_that_the_stop_did_not_know_of_is_accepted() {
        let mut c = campaign(2);
        let (mut a, mut b) = (AssignmentLedger::new(at(0)), AssignmentLedger::new(at(0)));
        let bulk = c.stop(false, 60, at(10)).unwrap();
        bulk.apply(&mut a, at(10));
        bulk.apply(&mut b, at(10));
        assert_eq!(c.coverage.cancelled, 2);
        assert!(matches!(c.answer(&mut a, &rows(1), false, at(11)), Verdict::Store { .. }));
        assert_eq!((a.state, a.reason.as_deref()), (Responded, None));
        assert_eq!(c.answer(&mut b, &rows(1), false, at(3611)), Verdict::Reject);
        let counts = &c.coverage;
        assert_eq!((counts.responded, counts.cancelled, counts.rejected), (1, 0, 1));
    }

    #[test]
    fn a_discarding_stop_rejects_what_still_comes() {
        let mut c = campaign(1);
        let mut a = offered(&mut c, at(1));
        c.stop(true, 60, at(10)).unwrap().apply(&mut a, at(10));
        assert_eq!(c.coverage.cancelled, 1);
        assert_eq!(c.answer(&mut a, &rows(1), false, at(11)), Verdict::Reject);
        assert_eq!((c.coverage.rejected, c.coverage.rows_stored), (1, 0));
    }

    #[test]
    fn the_response_that_reaches_the_aggregate_cap_is_kept_whole() {
        let mut c = campaign(3);
        c.aggregate_row_cap = 10;
        let (mut a, mut b) = (offered(&mut c, at(1)), offered(&mut c, at(1)));
        let verdict = c.answer(&mut a, &rows(15), false, at(2));
        assert_eq!(verdict, Verdict::Store { late: false, auto_stop: true });
        c.auto_stop(at(2)).apply(&mut b, at(2));
        assert_eq!(c.coverage.rows_stored, 15);
        assert_eq!(c.answer(&mut b, &rows(1), false, at(3)), Verdict::Reject);
        assert_eq!((c.coverage.cancelled, c.coverage.rejected), (1, 1));
    }

    #[test]
    fn lost_takes_no_offers_but_an_answer() {
        let mut c = campaign(1);
        let mut a = offered(&mut c, at(1));
        assert!(c.apply(&mut a, &Event::Lost, at(2)));
        assert!(!c.apply(&mut a, &Event::Offered { attempt: 4, at: at(3) }, at(3)));
        assert!(matches!(c.answer(&mut a, &rows(1), false, at(4)), Verdict::Store { .. }));
        assert_eq!((c.coverage.lost, c.coverage.responded), (0, 1));
    }

    #[test]
    fn a_host_has_responded_when_every_part_is_answered() {
        let mut c = CampaignLedger::new(1, 2, at(600), 1000);
        let mut a = AssignmentLedger::new(at(0));
        let failed = Answer {
            outcome: Outcome::Error,
            row_count: 0,
            stored_rows: 0,
            error: Some("no such table: x".into()),
        };
        c.answer(&mut a, &failed, false, at(1));
        assert_eq!(a.state, Pending);
        c.answer(&mut a, &rows(2), false, at(2));
        assert_eq!((a.state, a.outcome), (Responded, Some(Outcome::Rows)));
        assert_eq!(a.error.as_deref(), Some("no such table: x"));
    }
}
