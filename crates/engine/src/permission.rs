// SPDX-License-Identifier: Apache-2.0
//! Who may do what: the one table (product contract, section 10).

use mimir_wire::api::user::{Capability, Role};

/// Something an account may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read hosts, campaigns, results, saved queries, settings, dashboard; check SQL.
    Read,
    /// Export results.
    Export,
    /// Make and revoke one's own API keys; change one's own password.
    OwnAccount,
    /// Acknowledge alerts.
    Alerts,
    /// Add, import and change indicators.
    IndicatorWrite,
    /// Delete indicators.
    IndicatorDelete,
    /// Hunt on selected hosts.
    HuntSelected,
    /// Hunt fleet-wide.
    HuntFleet,
    /// Run live queries.
    LiveQuery,
    /// Launch query campaigns.
    CampaignLaunch,
    /// Write saved queries.
    SavedQueryWrite,
    /// Stop, archive, drop rows.
    CampaignManage,
    /// Change the flag and settings, the deny-list included.
    SettingsWrite,
    /// See and change accounts, and everybody's API keys.
    UsersManage,
    /// See and change enrolment secrets.
    EnrollmentManage,
    /// Decommission hosts.
    HostsManage,
    /// Read and verify the audit trail.
    AuditRead,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The role is not enough.
    Forbidden,
    /// The role would be enough with this capability.
    CapabilityRequired(Capability),
}

/// Checks the table.
///
/// # Errors
/// [`Denied`] when the account may not do it.
pub fn check(role: Role, capabilities: &[Capability], action: Action) -> Result<(), Denied> {
    use Action::{Alerts, Export, HuntFleet, HuntSelected, IndicatorWrite, OwnAccount, Read};
    let fleet_hunts = Capability::CanLaunchFleetHunts;
    match (role, action) {
        (Role::Admin, _) => Ok(()),
        (Role::Operator, Read | Export | OwnAccount | Alerts | IndicatorWrite | HuntSelected) => {
            Ok(())
        }
        (Role::Operator, HuntFleet) if capabilities.contains(&fleet_hunts) => Ok(()),
        (Role::Operator, HuntFleet) => Err(Denied::CapabilityRequired(fleet_hunts)),
        (Role::Operator, _) => Err(Denied::Forbidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_need_the_capability_for_the_fleet_and_nothing_else_opens() {
        let plain = check(Role::Operator, &[], Action::HuntFleet);
        assert_eq!(plain, Err(Denied::CapabilityRequired(Capability::CanLaunchFleetHunts)));
        let with = [Capability::CanLaunchFleetHunts];
        assert_eq!(check(Role::Operator, &with, Action::HuntFleet), Ok(()));
        assert_eq!(check(Role::Operator, &with, Action::CampaignLaunch), Err(Denied::Forbidden));
        assert_eq!(check(Role::Admin, &[], Action::AuditRead), Ok(()));
    }
}
