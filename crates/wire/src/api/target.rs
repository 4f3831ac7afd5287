// SPDX-License-Identifier: Apache-2.0
//! Whom a query is for.

use serde::{Deserialize, Serialize};

use super::words;
use crate::ids::HostId;

words! {
    /// The operating systems osquery's tables are declared for.
    Platform {
        /// Any Linux.
        Linux = "linux",
        /// macOS.
        Darwin = "darwin",
        /// Windows.
        Windows = "windows",
    }
}

/// Whom a query is for. An empty criterion means no hosts, never all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// Every enrolled host that is not decommissioned.
    All {},
    /// These hosts.
    Hosts {
        /// The hosts; at least one.
        host_ids: Vec<HostId>,
    },
    /// Every enrolled host on these platforms (live queries only).
    OsIn {
        /// The platforms; at least one.
        platforms: Vec<Platform>,
    },
}

impl Target {
    /// Whether the deny-list applies: it does unless exactly one host is named.
    pub fn is_multi_host(&self) -> bool {
        !matches!(self, Self::Hosts { host_ids } if host_ids.len() == 1)
    }
}

/// Body of `POST /targets/count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TargetCountRequest {
    /// Whom to count.
    pub target: Target,
}

/// How many hosts a target names now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TargetCount {
    /// All of them.
    pub targeted: u64,
    /// Heard of within `host_online_s`.
    pub online: u64,
    /// Neither online nor offline.
    pub stale: u64,
    /// Not heard of within `host_offline_s`.
    pub offline: u64,
}
