// SPDX-License-Identifier: Apache-2.0
//! Alerts: matches that want a person's eye.

use serde::{Deserialize, Serialize};

use super::indicator::{IndicatorType, Severity};
use super::user::UserRef;
use super::words;
use crate::Timestamp;
use crate::ids::{AlertId, CampaignId, HostId, HuntId, IndicatorId};

words! {
    /// Where a match came from.
    AlertSource {
        /// A hunt, inside its live window.
        Hunt = "hunt",
        /// A hunt's campaign, after the live window had closed.
        Campaign = "campaign",
    }
}

/// A match that wants a person's eye: one for each host, indicator and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// Where it came from.
    pub source: AlertSource,
    /// The indicator's severity when it was raised.
    pub severity: Severity,
    /// The host on which something was found.
    pub host_id: HostId,
    /// Its name.
    pub hostname: String,
    /// What was found.
    pub indicator_id: IndicatorId,
    /// Its type.
    pub indicator_type: IndicatorType,
    /// Its value.
    pub value: String,
    /// Its value as it may be shown.
    pub defanged: String,
    /// The hunt that found it first.
    pub hunt_id: HuntId,
    /// The hunt's name.
    pub hunt_name: String,
    /// The hunt's campaign, if it has one.
    pub campaign_id: Option<CampaignId>,
    /// One row of what was found.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When the same was found last, by any hunt.
    pub last_matched_at: Timestamp,
    /// How many hunts have found it.
    pub hunts: u64,
    /// Whether somebody has seen to it.
    pub acknowledged: bool,
    /// Who.
    pub acknowledged_by: Option<UserRef>,
    /// When.
    pub acknowledged_at: Option<Timestamp>,
}

/// Body of `PUT /alerts/{id}/acknowledge`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// `false` takes it back.
    pub acknowledged: bool,
}

/// Open alerts by severity and source: what the chips of the feed say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertCounts {
    /// Not acknowledged.
    pub open: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Of those open, by severity; all severities, the worst first.
    pub by_severity: Vec<SeverityCount>,
    /// Of those open, by source; all sources.
    pub by_source: Vec<SourceCount>,
}

/// How many open alerts of a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeverityCount {
    /// The severity.
    pub severity: Severity,
    /// How many.
    pub count: u64,
}

/// How many open alerts from a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceCount {
    /// The source.
    pub source: AlertSource,
    /// How many.
    pub count: u64,
}

/// Filters of `GET /alerts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Text within the host's name or the value.
    pub q: Option<String>,
    /// Only these severities; all when empty.
    pub severities: Vec<Severity>,
    /// Only these sources; all when empty.
    pub sources: Vec<AlertSource>,
    /// Only acknowledged ones, or only the others.
    pub acknowledged: Option<bool>,
    /// Only of this host.
    pub host: Option<HostId>,
    /// Only of this hunt.
    pub hunt: Option<HuntId>,
}
