// SPDX-License-Identifier: Apache-2.0
//! The audit trail.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::words;
use crate::Timestamp;

words! {
    /// How an audited action ended.
    AuditOutcome {
        /// It was done.
        Success = "success",
        /// It was refused.
        Refused = "refused",
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditActor {
    /// The account's id; `null` for the system itself and for nobody.
    pub id: Option<String>,
    /// The account's name at that time.
    pub username: String,
    /// Its role at that time.
    pub role: Option<String>,
    /// The name of the API key that spoke, if it was one.
    pub api_key: Option<String>,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditTarget {
    /// The kind of thing: `campaign`, `host`, `user` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Its name at that time.
    pub name: Option<String>,
}

/// One entry; entries form a hash chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its place in the chain, from 1 without gaps.
    pub id: String,
    /// When it was committed.
    pub at: Timestamp,
    /// Who.
    pub actor: AuditActor,
    /// From where.
    pub address: String,
    /// What, such as `campaign.launch`.
    pub action: String,
    /// To what.
    pub target: AuditTarget,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// What belongs to the action; no secrets, no result rows.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub details: Map<String, Value>,
    /// SHA-256 over this entry and the hash before it, hex.
    pub hash: String,
}

/// Answer of `GET /audit/verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditVerification {
    /// Whether every entry fits the chain.
    pub ok: bool,
    /// Entries looked at.
    pub entries: u64,
    /// The first entry that does not fit.
    pub first_bad: Option<String>,
    /// Hash of the last entry; write it down elsewhere to detect a truncated chain.
    pub head: Option<String>,
}
