// SPDX-License-Identifier: Apache-2.0
//! What follows from a committed batch of the ledger: the picture of the fleet and those who
//! watch learn of it.

use std::collections::BTreeSet;

use mimir_engine::campaign::ledger::Verdict;
use mimir_engine::campaign::offers::Work;
use mimir_store::ledger::{Applied, Happened, Item};
use mimir_wire::api::campaign::Outcome;

use crate::app::App;

impl App {
    /// After the commit of `items`.
    pub fn after_ledger(&self, items: &[Item], applied: &Applied) {
        let mut touched = BTreeSet::new();
        let stored_hosts = applied.verdicts.iter().filter_map(|(place, verdict)| {
            let Item { campaign_no, host_no, happened } = items.get(*place)?;
            let Happened::Answer(answer) = happened else { return None };
            count(*verdict);
            let alive =
                matches!(verdict, Verdict::Store { .. }) && answer.outcome != Outcome::Denylisted;
            Some((*host_no, Work::Part { campaign: *campaign_no, part: answer.part }, alive))
        });
        let closed: Vec<_> = stored_hosts.collect();
        self.fleet.board_mut(|board| {
            for (host_no, work, alive) in closed {
                board.close(host_no, work, alive);
            }
        });
        touched.extend(items.iter().map(|item| item.campaign_no));
        if !applied.auto_stopped.is_empty()
            && let Err(error) = self.follow_changes()
        {
            tracing::warn!(%error, "could not follow changes");
        }
        touched.into_iter().for_each(|no| self.watch.changed(no));
    }
}

fn count(verdict: Verdict) {
    let result = match verdict {
        Verdict::Store { late: false, .. } => "stored",
        Verdict::Store { late: true, .. } => "late",
        Verdict::Reject => "rejected",
        Verdict::Ignore => "repeated",
    };
    metrics::counter!("mimir_answers_total", "result" => result).increment(1);
}
