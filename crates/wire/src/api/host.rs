// SPDX-License-Identifier: Apache-2.0
//! Hosts and the dashboard's counts of them.

use serde::{Deserialize, Serialize};

use super::target::Platform;
use super::words;
use crate::Timestamp;
use crate::ids::HostId;

words! {
    /// How recently a host was heard of.
    HostStatus {
        /// Within `host_online_s`.
        Online = "online",
        /// Between online and offline.
        Stale = "stale",
        /// Not within `host_offline_s`.
        Offline = "offline",
        /// Cut off by an administrator.
        Decommissioned = "decommissioned",
    }
}

/// An enrolled endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub hostname: String,
    /// What its agent calls it.
    pub host_identifier: String,
    /// The machine's UUID, as the agent read it.
    pub hardware_uuid: String,
    /// The machine's serial number.
    pub hardware_serial: String,
    /// Which of osquery's platforms it is; `null` for one that osquery has no tables for.
    pub platform: Option<Platform>,
    /// Name of the operating system.
    pub os_name: String,
    /// Version of the operating system.
    pub os_version: String,
    /// Processor architecture.
    pub arch: String,
    /// `osquery` or `mimir-agent`.
    pub agent: String,
    /// Version of the agent.
    pub agent_version: String,
    /// The address it last came from.
    pub ip_address: String,
    /// How recently it was heard of.
    pub status: HostStatus,
    /// When it first enrolled.
    pub enrolled_at: Timestamp,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
    /// When it was decommissioned.
    pub decommissioned_at: Option<Timestamp>,
    /// When two machines were last found using its node key.
    pub clone_seen_at: Option<Timestamp>,
}

/// Answer of `GET /hosts/counts`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostCounts {
    /// Heard of within `host_online_s`.
    pub online: u64,
    /// Neither online nor offline.
    pub stale: u64,
    /// Not heard of within `host_offline_s`.
    pub offline: u64,
    /// Cut off.
    pub decommissioned: u64,
}

/// Body of `POST /hosts/{id}/decommission`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Decommission {
    /// Refuse the same machine should it try to enrol again.
    pub block_reenrollment: bool,
}

/// Answer of `GET /dashboard/summary`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DashboardSummary {
    /// Hosts that are not decommissioned.
    pub total_hosts: u64,
    /// Heard of within `host_online_s`.
    pub online: u64,
    /// Neither online nor offline.
    pub stale: u64,
    /// Not heard of within `host_offline_s`.
    pub offline: u64,
    /// Cut off.
    pub decommissioned: u64,
    /// Campaigns of status `active`.
    pub active_campaigns: u64,
    /// Assignments `pending` or `offered` in active campaigns.
    pub pending_assignments: u64,
    /// Alerts nobody has acknowledged.
    pub open_alerts: u64,
}
