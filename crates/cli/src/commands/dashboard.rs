// SPDX-License-Identifier: Apache-2.0
//! `mimir dashboard summary`.

use clap::Subcommand;

use crate::context::Context;
use crate::output::{Column, Kind, col};

#[derive(Debug, Subcommand)]
pub(crate) enum DashboardCommand {
    /// Count hosts by status, active campaigns, pending assignments and open alerts
    Summary,
}

const COLUMNS: &[Column] = &[
    col("HOSTS", "total_hosts", Kind::Count),
    col("ONLINE", "online", Kind::Count),
    col("STALE", "stale", Kind::Count),
    col("OFFLINE", "offline", Kind::Count),
    col("DECOMMISSIONED", "decommissioned", Kind::Count),
    col("ACTIVE CAMPAIGNS", "active_campaigns", Kind::Count),
    col("PENDING ASSIGNMENTS", "pending_assignments", Kind::Count),
    col("OPEN ALERTS", "open_alerts", Kind::Count),
];

pub(crate) fn run(command: &DashboardCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    match command {
        DashboardCommand::Summary => {
            let summary = context.client()?.dashboard_summary()?;
            context.print(COLUMNS, &summary)
        }
    }
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::host::DashboardSummary;

    #[test]
    fn columns_exist() {
        crate::output::assert_columns(super::COLUMNS, &DashboardSummary::default());
    }
}
