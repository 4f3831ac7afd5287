// SPDX-License-Identifier: Apache-2.0
//! A campaign with its assignments and stored responses, driven through the engine exactly as the
//! store drives it: load, decide, write back. It holds no rule of its own.

use std::collections::BTreeMap;

use mimir_engine::Timestamp;
use mimir_engine::campaign::ledger::{
    Answer, AssignmentLedger, BulkMove, CampaignLedger, Event, Verdict,
};
use mimir_wire::api::campaign::Outcome;

/// What was stored of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub outcome: Outcome,
    pub row_count: u64,
    pub stored_rows: u64,
    pub truncated: bool,
    pub late: bool,
    pub received_at: Timestamp,
}

/// An answer as it comes from the wire.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub host: usize,
    pub part: u32,
    pub outcome: Outcome,
    pub row_count: u64,
}

#[derive(Debug, Clone)]
pub struct World {
    pub campaign: CampaignLedger,
    pub assignments: Vec<AssignmentLedger>,
    pub responses: BTreeMap<(usize, u32), Stored>,
    pub host_row_cap: u64,
}

impl World {
    pub fn new(hosts: usize, campaign: CampaignLedger, host_row_cap: u64, now: Timestamp) -> Self {
        let assignments = vec![AssignmentLedger::new(now); hosts];
        Self { campaign, assignments, responses: BTreeMap::new(), host_row_cap }
    }

    pub fn event(&mut self, host: usize, event: &Event, now: Timestamp) -> bool {
        self.campaign.apply(&mut self.assignments[host], event, now)
    }

    /// Cuts to the host's cap, asks the engine, and stores or not as it says.
    pub fn answer(&mut self, incoming: &Incoming, now: Timestamp) -> Verdict {
        let Incoming { host, part, outcome, row_count } = *incoming;
        let a = &mut self.assignments[host];
        let room = self.host_row_cap.saturating_sub(a.stored_rows);
        let failed = matches!(outcome, Outcome::Error | Outcome::Denylisted);
        let answer = Answer {
            outcome,
            row_count,
            stored_rows: row_count.min(room),
            error: failed.then(|| format!("part {part} failed")),
        };
        let known = self.responses.contains_key(&(host, part));
        let verdict = self.campaign.answer(a, &answer, known, now);
        if let Verdict::Store { late, auto_stop } = verdict {
            let stored = Stored {
                outcome,
                row_count,
                stored_rows: answer.stored_rows,
                truncated: answer.truncated(),
                late,
                received_at: now,
            };
            let before = self.responses.insert((host, part), stored);
            assert_eq!(before, None, "I3: a second response of host {host} to part {part}");
            if auto_stop {
                let bulk = self.campaign.auto_stop(now);
                self.apply_to_all(bulk, now);
            }
        }
        verdict
    }

    pub fn stop(&mut self, discard: bool, grace_minutes: u64, now: Timestamp) -> bool {
        let bulk = self.campaign.stop(discard, grace_minutes, now);
        bulk.is_some_and(|bulk| self.apply_to_all(bulk, now))
    }

    pub fn end_grace(&mut self, now: Timestamp) -> bool {
        let bulk = self.campaign.end_grace(now);
        bulk.is_some_and(|bulk| self.apply_to_all(bulk, now))
    }

    fn apply_to_all(&mut self, bulk: BulkMove, now: Timestamp) -> bool {
        for assignment in &mut self.assignments {
            bulk.apply(assignment, now);
        }
        true
    }
}
