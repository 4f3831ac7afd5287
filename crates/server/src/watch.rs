// SPDX-License-Identifier: Apache-2.0
//! Who watches which campaign. Watchers are only told that something changed; they read what from
//! the database at their own pace, so a slow one delays nobody and can miss nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Watchers by campaign number.
#[derive(Default)]
pub struct CampaignWatch {
    senders: Mutex<HashMap<i64, watch::Sender<u64>>>,
}

impl CampaignWatch {
    /// Nobody watches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches a campaign.
    pub fn subscribe(&self, campaign_no: i64) -> watch::Receiver<u64> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.entry(campaign_no).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// Something about a campaign changed.
    pub fn changed(&self, campaign_no: i64) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = senders.get(&campaign_no) else { return };
        if sender.is_closed() {
            senders.remove(&campaign_no);
            return;
        }
        sender.send_modify(|version| *version += 1);
    }

    /// Campaigns that somebody watches.
    pub fn watched(&self) -> Vec<i64> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.retain(|_, sender| !sender.is_closed());
        senders.keys().copied().collect()
    }
}
