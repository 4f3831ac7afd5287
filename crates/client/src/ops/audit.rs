// SPDX-License-Identifier: Apache-2.0
//! The audit trail.

use mimir_wire::Timestamp;
use mimir_wire::api::audit::{AuditEntry, AuditVerification};
use mimir_wire::api::page::Page;

use super::API;
use crate::error::ClientError;
use crate::list::List;
use crate::params::Params;
use crate::transport::Client;

/// Which entries to list; all that are `None` do not restrict.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Part of the name of the account that acted.
    pub actor: Option<String>,
    /// What was done, such as `campaign.launch`, or its beginning.
    pub action: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

impl Client {
    /// Lists audit entries.
    pub fn audit(&self, filter: &AuditFilter) -> List<Page<AuditEntry>> {
        let mut params = Params::default();
        params.add_some("actor", filter.actor.as_deref());
        params.add_some("action", filter.action.as_deref());
        params.add_some("from", filter.from);
        params.add_some("to", filter.to);
        List::new(self, format!("{API}/audit"), params)
    }

    /// Has the server check its chain of entries.
    ///
    /// # Errors
    /// See [`ClientError`]. A broken chain is no error but an answer with `ok` false.
    pub fn verify_audit(&self) -> Result<AuditVerification, ClientError> {
        self.get(&format!("{API}/audit/verify"))
    }
}
