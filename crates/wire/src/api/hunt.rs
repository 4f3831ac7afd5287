// SPDX-License-Identifier: Apache-2.0
//! Hunts: sweeps for indicators. A hunt is a campaign of kind `ioc_hunt`, seen from its
//! indicators.

use serde::{Deserialize, Serialize};

use super::indicator::{IndicatorType, Severity};
use super::target::{Platform, Target};
use super::user::UserRef;
use super::words;
use crate::Timestamp;
use crate::ids::{AlertId, CampaignId, HostId, HuntId, IndicatorId};

words! {
    /// How far a hunt has come.
    HuntStatus {
        /// No host has been offered it.
        Pending = "pending",
        /// Hosts are at work.
        Running = "running",
        /// Every host has answered or has come to its end otherwise.
        Completed = "completed",
        /// Its live window has closed before every host had answered.
        Partial = "partial",
        /// No host could look: all answers were errors.
        Failed = "failed",
        /// Somebody stopped it.
        Cancelled = "cancelled",
    }
}

words! {
    /// What a hunt says of one host. Six outcomes; only one of them is *clean*. When several
    /// apply, the first in this order counts.
    HuntOutcome {
        /// At least one indicator was found.
        Matched = "matched",
        /// A query failed there.
        Error = "error",
        /// The agent refused a query because its worker has died of it before.
        Denylisted = "denylisted",
        /// Something that should have been looked at could not be, such as a file too large to
        /// be hashed.
        NotAssessed = "not_assessed",
        /// Everything that can be looked for there was looked for and not found, but some of the
        /// indicators cannot be looked for on its platform or by its agent.
        NotAssessable = "not_assessable",
        /// Everything was looked for, and nothing was found.
        Clean = "clean",
    }
}

/// An indicator as it was when the hunt was launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FrozenIndicator {
    /// Its id.
    pub id: IndicatorId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: IndicatorType,
    /// Its value.
    pub value: String,
    /// Its value as it may be shown.
    pub defanged: String,
    /// Its severity.
    pub severity: Severity,
    /// What it was known for.
    pub description: String,
    /// Hosts on which this hunt found it. Not part of what was frozen.
    #[serde(default)]
    pub matched_hosts: u64,
}

/// What cannot be looked for on hosts of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotAssessable {
    /// The hosts' platform; `null` for platforms other than the three.
    pub platform: Option<Platform>,
    /// Whether these are hosts with `mimir-agent`, which has fewer tables.
    pub own_agent: bool,
    /// The indicators' type.
    pub indicator_type: IndicatorType,
    /// Why.
    pub reason: String,
    /// Indicators of that type in the hunt.
    pub indicators: u64,
    /// Targeted hosts of that class.
    pub hosts: u64,
}

/// Hosts left out at the launch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Excluded {
    /// Silent for longer than `seen_within_days`.
    pub silent: u64,
    /// None of the indicators can be looked for there.
    pub not_assessable: u64,
    /// Not connected, in a hunt that is live only.
    pub offline: u64,
}

/// A sweep for indicators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hunt {
    /// Its id.
    pub id: HuntId,
    /// Its name.
    pub name: String,
    /// How far it has come.
    pub status: HuntStatus,
    /// Its campaign; `null` when campaigns were disabled, and it is live only.
    pub campaign_id: Option<CampaignId>,
    /// Whether it asks connected hosts only and ends with its live window.
    pub live_only: bool,
    /// Whom it asks.
    pub target: Target,
    /// Hosts silent for longer were left out; `null` when hosts were chosen by hand.
    pub seen_within_days: Option<u64>,
    /// Hosts left out at the launch.
    pub excluded: Excluded,
    /// When it was launched.
    pub created_at: Timestamp,
    /// Who launched it.
    pub created_by: UserRef,
    /// Minutes for which it holds a concurrency slot.
    pub live_window_minutes: u64,
    /// When its live window closes.
    pub live_until: Timestamp,
    /// Whether its live window is open and it is not over.
    pub live: bool,
    /// Why it was stopped.
    pub stop_reason: Option<String>,
    /// SHA-256 of the frozen indicators and queries, hex.
    pub spec_sha256: String,
    /// Indicators it looks for.
    pub indicator_count: u64,
    /// The indicator, when it is the only one: what a quick hunt is known by.
    pub only_indicator: Option<FrozenIndicator>,
    /// Queries it sends, all classes of hosts together.
    pub parts: u64,
    /// Hosts in its ledger.
    pub total_hosts: u64,
    /// Hosts that have answered everything.
    pub responded_hosts: u64,
    /// Hosts on which something was found.
    pub matched_hosts: u64,
    /// Pairs of host and indicator.
    pub matches: u64,
    /// Of those: found after the live window had closed.
    pub late_matches: u64,
    /// Hosts that have answered, by outcome.
    pub outcomes: HuntOutcomes,
    /// What cannot be looked for where.
    pub not_assessable: Vec<NotAssessable>,
    /// What the operator should know about it.
    pub warnings: Vec<String>,
}

/// Hosts that have answered everything, by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HuntOutcomes {
    /// Something was found.
    pub matched: u64,
    /// Everything was looked for, and nothing was found.
    pub clean: u64,
    /// Some indicators cannot be looked for there.
    pub not_assessable: u64,
    /// Something could not be looked at.
    pub not_assessed: u64,
    /// A query failed.
    pub error: u64,
    /// The agent refused a query.
    pub denylisted: u64,
}

/// Body of `POST /hunts`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HuntRequest {
    /// A name; made from the indicators and the time when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What to look for: 1 to 10,000.
    pub indicator_ids: Vec<IndicatorId>,
    /// Whom to ask: `all` or `hosts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// 1 to 1440; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_window_minutes: Option<i64>,
    /// Leave out hosts silent for longer, 1 to 3,650; 90 when absent. Fleet hunts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_within_days: Option<i64>,
}

/// Body of `POST /hunts/quick`: one value, the whole fleet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct QuickHuntRequest {
    /// What to look for, defanged or not.
    pub value: String,
    /// Read it as this type instead of detecting one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<IndicatorType>,
    /// Whom to ask; the whole fleet when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// 1 to 1440; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_window_minutes: Option<i64>,
    /// Keep the indicator although the false-positive guard warns.
    pub keep_anyway: bool,
}

/// Answer of `POST /hunts` and `POST /hunts/quick`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HuntLaunched {
    /// The hunt as it was recorded.
    pub hunt: Hunt,
    /// Its campaign; `null` when it is live only.
    pub campaign_id: Option<CampaignId>,
    /// Hosts in its ledger.
    pub dispatched_hosts: u64,
}

/// A match: an indicator found on a host. Worst severity first, then what few hosts have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HuntMatch {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub hostname: String,
    /// The indicator.
    pub indicator_id: IndicatorId,
    /// Its type.
    pub indicator_type: IndicatorType,
    /// Its value.
    pub value: String,
    /// Its value as it may be shown.
    pub defanged: String,
    /// Its severity.
    pub severity: Severity,
    /// The table it was found in.
    pub table: String,
    /// One row of what was found.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// Rows that named it on that host.
    pub row_count: u64,
    /// Hosts on which this hunt found it.
    pub indicator_hosts: u64,
    /// When it was committed.
    pub found_at: Timestamp,
    /// Whether that was after the live window had closed.
    pub late: bool,
    /// The alert it raised or confirmed.
    pub alert_id: AlertId,
}

/// What a hunt says of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HuntHost {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub hostname: String,
    /// Its platform, as its agent says.
    pub platform: String,
    /// What the hunt says; `null` until it has answered everything.
    pub outcome: Option<HuntOutcome>,
    /// Queries it is asked.
    pub parts: u64,
    /// Queries it has answered.
    pub parts_answered: u64,
    /// Indicators found there.
    pub matches: u64,
    /// Whether it answered after the live window had closed.
    pub late: bool,
    /// When it had answered everything.
    pub responded_at: Option<Timestamp>,
    /// Types of indicators that cannot be looked for there.
    pub not_assessable: Vec<IndicatorType>,
    /// What could not be looked at, in words; at most 20.
    pub not_assessed: Vec<String>,
    /// Its message, when a query failed there.
    pub error: Option<String>,
}

/// Filters of `GET /hunts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HuntFilter {
    /// Text within the name or the value of an indicator.
    pub q: Option<String>,
    /// Only with this status.
    pub status: Option<HuntStatus>,
}
