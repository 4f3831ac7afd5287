// SPDX-License-Identifier: Apache-2.0
//! Live queries: what starts one, and the events it streams.

use serde::{Deserialize, Serialize};

use super::target::Target;
use super::words;
use crate::Timestamp;
use crate::ids::{HostId, LiveQueryId};

/// Answer of `POST /queries/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveStarted {
    /// Its id.
    pub id: LiveQueryId,
    /// Hosts the target names.
    pub targeted: u64,
    /// Those of them that are online and get it.
    pub online: u64,
    /// Those of them that are not, and are skipped.
    pub offline: u64,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

words! {
    /// Why a live query ended.
    LiveEndReason {
        /// All online hosts have answered.
        Complete = "complete",
        /// Its window closed.
        Window = "window",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
        /// More rows came than `live_query_row_cap`.
        RowCap = "row_cap",
    }
}

/// Running totals, also event `totals`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveTotals {
    /// Hosts the target names.
    pub targeted: u64,
    /// Hosts that got it.
    pub online: u64,
    /// Hosts that answered, errors included.
    pub answered: u64,
    /// Hosts whose answer was an error.
    pub errors: u64,
    /// Rows received.
    pub rows: u64,
}

/// How it ended, also event `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveEnd {
    /// Why.
    pub reason: LiveEndReason,
    /// Whether rows were cut off.
    pub truncated: bool,
}

/// Answer of `GET /queries/live/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveQuery {
    /// Its id.
    pub id: LiveQueryId,
    /// The statement.
    pub sql: String,
    /// Whom it is for.
    pub target: Target,
    /// When it started.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Running totals.
    pub totals: LiveTotals,
    /// How it ended; `null` while it runs.
    pub end: Option<LiveEnd>,
}

/// Event `host`: one host's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveHostEvent {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub hostname: String,
    /// Its rows, as far as the cap allowed.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<std::collections::HashMap<String, String>>))]
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Rows it sent.
    pub row_count: u64,
    /// Its message, when the query failed there.
    pub error: Option<String>,
}
