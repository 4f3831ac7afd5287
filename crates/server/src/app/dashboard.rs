// SPDX-License-Identifier: Apache-2.0
//! The counts at the top of the console.

use std::sync::Arc;

use mimir_wire::api::host::DashboardSummary;

use crate::app::App;
use crate::app::hosts::status_bounds;
use crate::problem::ApiResult;

/// Counts hosts by status, and the work that is under way. Contacts of the last few seconds may
/// not be counted yet, because they are written to the database in batches. `open_alerts` is
/// always 0: this version raises no alerts.
///
/// # Errors
/// When the database fails.
pub async fn summary(app: &Arc<App>) -> ApiResult<DashboardSummary> {
    let (online_from, offline_before) = status_bounds(&app.settings(), app.clock.now());
    app.read(move |tx| {
        let hosts = mimir_store::hosts::counts(tx, online_from, offline_before)?;
        let (active_campaigns, pending_assignments) = mimir_store::campaigns::active_sums(tx)?;
        Ok(DashboardSummary {
            total_hosts: hosts.online + hosts.stale + hosts.offline,
            online: hosts.online,
            stale: hosts.stale,
            offline: hosts.offline,
            decommissioned: hosts.decommissioned,
            active_campaigns,
            pending_assignments,
            open_alerts: 0,
        })
    })
    .await
}
