// SPDX-License-Identifier: Apache-2.0
//! Concurrency slots: a campaign holds one while it is active and its live window is open.

use mimir_wire::Timestamp;
use mimir_wire::api::settings::Settings;
use mimir_wire::ids::{CampaignId, UserId};

/// A campaign that may hold a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The campaign.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// When its live window closes.
    pub live_until: Timestamp,
    /// Who launched it.
    pub user: UserId,
}

/// No slot is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSlot {
    /// The cap.
    pub limit: u64,
    /// Who holds the slots, the next to be freed first.
    pub active: Vec<Holder>,
    /// When enough live windows will have closed for one more.
    pub next_slot_at: Timestamp,
}

/// Whether `user` may launch one more. `active` are all campaigns of status active.
///
/// # Errors
/// [`NoSlot`] with the holders when the cap is reached.
pub fn check(
    mut active: Vec<Holder>,
    settings: &Settings,
    user: UserId,
    now: Timestamp,
) -> Result<(), NoSlot> {
    let per_user = settings.per_user_hunt_isolation;
    active.retain(|holder| holder.live_until > now && (!per_user || holder.user == user));
    active.sort_by_key(|holder| holder.live_until);
    let limit = settings.max_concurrent_hunts;
    let limit_len = usize::try_from(limit).unwrap_or(usize::MAX);
    if active.len() < limit_len {
        return Ok(());
    }
    // After a cut of the cap more may be active than it allows: all above it must end first.
    let next_slot_at = active[active.len() - limit_len].live_until;
    Err(NoSlot { limit, active, next_slot_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::default_settings;
    use mimir_wire::ids::CampaignId;
    use std::str::FromStr;

    fn user(n: u8) -> UserId {
        UserId::from_str(&format!("00000000-0000-0000-0000-0000000000{n:02}")).unwrap()
    }

    fn holder(n: u8, until: i64, by: u8) -> Holder {
        let id = CampaignId::new(user(n).uuid());
        Holder {
            id,
            name: format!("c{n}"),
            live_until: Timestamp::from_secs(until),
            user: user(by),
        }
    }

    #[test]
    fn a_slot_is_held_until_the_window_closes() {
        let mut settings = default_settings();
        settings.max_concurrent_hunts = 2;
        let active = vec![holder(1, 100, 1), holder(2, 50, 1)];
        let at = |secs| check(active.clone(), &settings, user(9), Timestamp::from_secs(secs));
        let refused = at(49).unwrap_err();
        assert_eq!((refused.limit, refused.active.len()), (2, 2));
        assert_eq!(refused.next_slot_at, Timestamp::from_secs(50));
        assert_eq!(at(50), Ok(()));
    }

    #[test]
    fn after_a_cut_of_the_cap_all_above_it_must_end_first() {
        let mut settings = default_settings();
        settings.max_concurrent_hunts = 1;
        let active = vec![holder(1, 100, 1), holder(2, 50, 1), holder(3, 70, 1)];
        let refused = check(active, &settings, user(1), Timestamp::from_secs(0)).unwrap_err();
        assert_eq!(refused.next_slot_at, Timestamp::from_secs(100));
    }

    #[test]
    fn with_isolation_only_ones_own_count() {
        let mut settings = default_settings();
        settings.max_concurrent_hunts = 1;
        settings.per_user_hunt_isolation = true;
        let active = vec![holder(1, 100, 1)];
        let now = Timestamp::from_secs(0);
        assert_eq!(check(active.clone(), &settings, user(2), now), Ok(()));
        assert!(check(active, &settings, user(1), now).is_err());
    }
}
