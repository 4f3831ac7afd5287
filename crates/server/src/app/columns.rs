// SPDX-License-Identifier: Apache-2.0
//! The columns of campaigns whose rows are being read. Every page of rows names them, and looking
//! through all responses each time took longer than the page itself. Few campaigns are kept, the
//! ones read last; a campaign whose hosts invent columns is looked through each time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use mimir_store::column_sets::ColumnSets;
use mimir_store::{Result, Tx, responses};

/// Campaigns whose columns are kept. Each takes at most some 100 KiB.
const CAMPAIGNS_MAX: usize = 32;

/// See the head of this file.
#[derive(Default)]
pub struct CampaignColumns {
    /// By campaign, the one read last in front; none where there are too many lists to be kept.
    kept: Mutex<VecDeque<(i64, Option<ColumnSets>)>>,
}

impl CampaignColumns {
    /// The columns of a campaign's rows, as [`responses::columns`] says them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(&self, tx: &mut Tx<'_>, campaign_no: i64) -> Result<Vec<String>> {
        // Nobody waits while another one reads: whoever reads at the same time counts for itself.
        let mut sets = self.kept(campaign_no);
        if let Some(known) = &mut sets
            && !known.follow(tx, campaign_no)?
        {
            sets = None;
        }
        let columns = match &sets {
            Some(sets) => sets.columns(),
            None => responses::columns(tx, campaign_no, None)?,
        };
        self.keep(campaign_no, sets);
        Ok(columns)
    }

    fn kept(&self, campaign_no: i64) -> Option<ColumnSets> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(no, _)| *no == campaign_no);
        found.map_or_else(|| Some(ColumnSets::default()), |(_, sets)| sets.clone())
    }

    fn keep(&self, campaign_no: i64, sets: Option<ColumnSets>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(no, _)| *no == campaign_no);
        let known = place.and_then(|place| kept.remove(place)).and_then(|(_, known)| known);
        let newest = match (known, sets) {
            (Some(known), Some(sets)) if known.is_ahead_of(&sets) => Some(known),
            (_, sets) => sets,
        };
        kept.push_front((campaign_no, newest));
        kept.truncate(CAMPAIGNS_MAX);
    }
}
