// SPDX-License-Identifier: Apache-2.0
//! Hosts and the dashboard's counts.

use mimir_wire::api::campaign::HostCampaign;
use mimir_wire::api::host::{DashboardSummary, Decommission, Host, HostCounts, HostStatus};
use mimir_wire::api::page::Page;
use mimir_wire::api::target::Platform;
use mimir_wire::ids::HostId;

use super::API;
use crate::error::ClientError;
use crate::list::List;
use crate::params::Params;
use crate::transport::Client;

/// Which hosts to list; all that are `None` do not restrict.
#[derive(Debug, Clone, Default)]
pub struct HostFilter {
    /// Text in the name, identifier, serial number or address.
    pub q: Option<String>,
    /// How recently they were heard of.
    pub status: Option<HostStatus>,
    /// Their operating system.
    pub platform: Option<Platform>,
    /// By what they are ordered; by name when `None`.
    pub sort: Option<HostSort>,
    /// Largest first.
    pub descending: bool,
}

/// By what hosts are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostSort {
    /// Their name.
    Hostname,
    /// When they were last heard of.
    LastSeen,
    /// When they first enrolled.
    Enrolled,
}

impl HostSort {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Hostname, Self::LastSeen, Self::Enrolled];

    /// The word for it in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hostname => "hostname",
            Self::LastSeen => "last_seen",
            Self::Enrolled => "enrolled",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|sort| sort.as_str() == word)
    }
}

impl Client {
    /// Lists hosts.
    pub fn hosts(&self, filter: &HostFilter) -> List<Page<Host>> {
        let mut params = Params::default();
        params.add_some("q", filter.q.as_deref());
        params.add_some("status", filter.status);
        params.add_some("platform", filter.platform);
        params.add_some("sort", filter.sort.map(HostSort::as_str));
        params.add_some("order", filter.descending.then_some("desc"));
        List::new(self, format!("{API}/hosts"), params)
    }

    /// Counts hosts by status; the filter's status and order are not looked at.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn host_counts(&self, filter: &HostFilter) -> Result<HostCounts, ClientError> {
        let mut params = Params::default();
        params.add_some("q", filter.q.as_deref());
        params.add_some("platform", filter.platform);
        self.get(&format!("{API}/hosts/counts{}", params.as_str()))
    }

    /// One host.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn host(&self, id: HostId) -> Result<Host, ClientError> {
        self.get(&format!("{API}/hosts/{id}"))
    }

    /// Lists the campaigns a host was asked in, newest first, with its answers.
    pub fn host_campaigns(&self, id: HostId) -> List<Page<HostCampaign>> {
        List::new(self, format!("{API}/hosts/{id}/campaigns"), Params::default())
    }

    /// Cuts a host off.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn decommission_host(
        &self,
        id: HostId,
        request: &Decommission,
    ) -> Result<Host, ClientError> {
        self.call("POST", &format!("{API}/hosts/{id}/decommission"), Some(request))
    }

    /// Counts of hosts, campaigns, assignments and alerts.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn dashboard_summary(&self) -> Result<DashboardSummary, ClientError> {
        self.get(&format!("{API}/dashboard/summary"))
    }
}
