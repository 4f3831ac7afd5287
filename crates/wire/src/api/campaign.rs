// SPDX-License-Identifier: Apache-2.0
//! Campaigns, their ledger, their responses and their events.

use serde::{Deserialize, Serialize};

use super::host::HostStatus;
use super::target::Target;
use super::user::UserRef;
use super::words;
use crate::Timestamp;
use crate::ids::{CampaignId, HostId, SavedQueryId};
use crate::osquery::QueryStats;

words! {
    /// What a campaign's payload is.
    CampaignKind {
        /// An operator's SQL.
        Osquery = "osquery",
        /// Compiled from indicators.
        IocHunt = "ioc_hunt",
    }
}

words! {
    /// Whether a campaign is still at work.
    CampaignStatus {
        /// Hosts are offered it.
        Active = "active",
        /// Stopped; keeps everything.
        Stopped = "stopped",
        /// Stopped and hidden from the default list.
        Archived = "archived",
    }
}

words! {
    /// What stopped a campaign.
    StopCode {
        /// A person.
        Operator = "operator",
        /// The response that reached `campaign_aggregate_row_cap`.
        AutoStoppedAggregateRowCap = "auto_stopped_aggregate_row_cap",
    }
}

words! {
    /// Where an assignment stands.
    AssignmentState {
        /// Not offered yet.
        Pending = "pending",
        /// Handed to the host, not answered yet.
        Offered = "offered",
        /// Every part answered and stored.
        Responded = "responded",
        /// Offered three times without an answer; an answer is still accepted.
        Lost = "lost",
        /// Stopped or decommissioned before it answered.
        Cancelled = "cancelled",
        /// Refused by the deny-list at offer time.
        Blocked = "blocked",
        /// Answered after a stop or after the aggregate cap; answer not stored.
        Rejected = "rejected",
    }
}

words! {
    /// What a response was.
    Outcome {
        /// At least one row.
        Rows = "rows",
        /// No rows.
        Empty = "empty",
        /// The query failed on the host.
        Error = "error",
        /// The agent refused the text because its worker has died of it before.
        Denylisted = "denylisted",
    }
}

/// Counts of a campaign's ledger and responses. The seven states sum to `targeted`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Coverage {
    /// Hosts assigned at launch.
    pub targeted: u64,
    /// Answered.
    pub responded: u64,
    /// Not offered yet.
    pub pending: u64,
    /// Offered, not answered yet.
    pub offered: u64,
    /// Of `responded`: committed after the live window closed.
    pub late: u64,
    /// Given up after three offers.
    pub lost: u64,
    /// Cancelled before they answered.
    pub cancelled: u64,
    /// Refused by the deny-list at offer time.
    pub blocked: u64,
    /// Answered after a stop; not stored.
    pub rejected: u64,
    /// Of `responded`: with rows.
    pub with_rows: u64,
    /// Of `responded`: without rows.
    pub empty: u64,
    /// Of `responded`: the query failed there.
    pub errors: u64,
    /// Of `responded`: the agent refused the text.
    pub denylisted: u64,
    /// Of `responded`: rows were cut.
    pub truncated: u64,
    /// Rows stored.
    pub rows_stored: u64,
    /// Rows the hosts reported.
    pub rows_reported: u64,
}

/// What a campaign asks; never changes after launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FrozenPayload {
    /// The literal SQL.
    pub sql: String,
    /// SHA-256 of the payload's canonical form, hex.
    pub spec_sha256: String,
}

/// A campaign without its payload; also event `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignHead {
    /// Its id.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What its payload is.
    pub kind: CampaignKind,
    /// Whether it is still at work.
    pub status: CampaignStatus,
    /// Whether every assignment has reached its end.
    pub complete: bool,
    /// What stopped it.
    pub stop_code: Option<StopCode>,
    /// Why, in the words of who stopped it.
    pub stop_reason: Option<String>,
    /// When it was stopped.
    pub stopped_at: Option<Timestamp>,
    /// Who stopped it; `null` when it stopped itself.
    pub stopped_by: Option<UserRef>,
    /// Whether answers in flight at the stop are thrown away.
    pub discard_in_flight: bool,
    /// When it was launched.
    pub created_at: Timestamp,
    /// Who launched it.
    pub created_by: UserRef,
    /// Whom it asks.
    pub target: Target,
    /// Minutes for which it holds a concurrency slot.
    pub live_window_minutes: u64,
    /// When its live window closes.
    pub live_until: Timestamp,
    /// Whether its live window is open and it is active.
    pub live: bool,
    /// Whether its raw rows were dropped.
    pub rows_dropped: bool,
    /// What the operator should know about it.
    pub warnings: Vec<String>,
    /// Counts.
    pub coverage: Coverage,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Campaign {
    /// All but the payload.
    #[serde(flatten)]
    pub head: CampaignHead,
    /// The payload.
    pub frozen: FrozenPayload,
}

/// Body of `POST /campaigns`: either `sql` or `saved_query_id`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LaunchRequest {
    /// A name; the first words of the SQL and the time when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One SELECT statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// A saved query whose SQL is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_query_id: Option<SavedQueryId>,
    /// Ask whom the saved query's scope names, instead of `target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_saved_target: Option<bool>,
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// 1 to 1440; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_window_minutes: Option<i64>,
}

/// Answer of `POST /campaigns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Launched {
    /// The campaign as it was recorded.
    pub campaign: Campaign,
    /// Hosts in its ledger.
    pub dispatched_hosts: u64,
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Assignment {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub hostname: String,
    /// Where it stands.
    pub state: AssignmentState,
    /// What it answered.
    pub outcome: Option<Outcome>,
    /// Whether its answer was committed after the live window closed.
    pub late: bool,
    /// How often it was offered.
    pub attempts: u64,
    /// When it was last offered.
    pub offered_at: Option<Timestamp>,
    /// When its answer was committed.
    pub responded_at: Option<Timestamp>,
    /// Rows it reported.
    pub row_count: u64,
    /// Whether rows were cut.
    pub truncated: bool,
    /// Its message, when the query failed there.
    pub error: Option<String>,
    /// Why it stands where it stands: `stopped`, `auto_stopped`, `decommissioned`, `blocked_sql` …
    pub reason: Option<String>,
    /// When it came to its state.
    pub state_changed_at: Timestamp,
    /// How recently the host was heard of.
    pub host_status: HostStatus,
    /// When the host was last heard of.
    pub host_last_seen_at: Timestamp,
}

/// The campaign that a host was asked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostCampaignHead {
    /// Its id.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What its payload is.
    pub kind: CampaignKind,
    /// Where it stands.
    pub status: CampaignStatus,
    /// When it was launched.
    pub created_at: Timestamp,
    /// When its live window closes.
    pub live_until: Timestamp,
}

/// A campaign in which a host was asked, and how that went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostCampaign {
    /// The campaign.
    pub campaign: HostCampaignHead,
    /// Where the host stands in it.
    pub state: AssignmentState,
    /// What it answered.
    pub outcome: Option<Outcome>,
    /// Whether its answer was committed after the live window closed.
    pub late: bool,
    /// How often it was offered.
    pub attempts: u64,
    /// When it was last offered.
    pub offered_at: Option<Timestamp>,
    /// When its answer was committed.
    pub responded_at: Option<Timestamp>,
    /// Rows it reported.
    pub row_count: u64,
    /// Rows kept.
    pub stored_rows: u64,
    /// Whether rows were cut.
    pub truncated: bool,
    /// Its message, when the query failed there.
    pub error: Option<String>,
    /// Why it stands where it stands.
    pub reason: Option<String>,
    /// When it came to its state.
    pub state_changed_at: Timestamp,
}

/// How many hosts had answered by a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompletionPoint {
    /// The point in time.
    pub at: Timestamp,
    /// Hosts that had answered.
    pub responded: u64,
    /// Those of them that answered after the live window closed.
    pub late: u64,
}

/// Answer of `GET /campaigns/{id}/completion`: how the hosts answered over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Completion {
    /// When the campaign was launched.
    pub from: Timestamp,
    /// When its live window closes or closed.
    pub live_until: Timestamp,
    /// Now while answers may come, else when the last one came.
    pub to: Timestamp,
    /// Hosts it asks.
    pub targeted: u64,
    /// Rising sums. Stretches of time in which nobody answered have no point.
    pub points: Vec<CompletionPoint>,
}

/// What one host answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Response {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub hostname: String,
    /// Rows it reported.
    pub row_count: u64,
    /// Rows kept.
    pub stored_rows: u64,
    /// Whether rows were cut.
    pub truncated: bool,
    /// Whether it was committed after the live window closed.
    pub late: bool,
    /// What it was.
    pub outcome: Outcome,
    /// The host's message, when the query failed there.
    pub error: Option<String>,
    /// When it was committed.
    pub received_at: Timestamp,
    /// Cost on the host, as its agent measured it.
    pub stats: Option<QueryStats>,
}

/// Event `response` of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResponseEvent {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub hostname: String,
    /// Rows it reported.
    pub row_count: u64,
    /// Rows kept.
    pub stored_rows: u64,
    /// Whether it was committed after the live window closed.
    pub late: bool,
    /// What it was.
    pub outcome: Outcome,
    /// Whether rows were cut.
    pub truncated: bool,
    /// When it was committed.
    pub received_at: Timestamp,
}

/// Body of `POST /campaigns/{id}/stop`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct StopRequest {
    /// Why; at most 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Throw away answers in flight.
    pub discard_in_flight: bool,
}

/// Body of `POST /campaigns/{id}/drop-rows`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DropRowsRequest {
    /// The campaign's name, typed.
    pub confirm: String,
}
