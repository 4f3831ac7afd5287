// SPDX-License-Identifier: Apache-2.0
//! The one shape of every refusal: RFC 9457 with a stable `code`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::words;

words! {
    /// Why a request was refused; stable, programs may rely on it.
    ProblemCode {
        /// Nobody is signed in, or the key is unknown.
        Unauthenticated = "unauthenticated",
        /// Signed in, but the role does not allow it.
        Forbidden = "forbidden",
        /// No such thing.
        NotFound = "not_found",
        /// A changing request of a cookie session came from a foreign origin.
        BadOrigin = "bad_origin",
        /// The one-time password must be changed first.
        PasswordChangeRequired = "password_change_required",
        /// The same `Idempotency-Key` came with another body.
        IdempotencyKeyReused = "idempotency_key_reused",
        /// The input is wrong; `errors` says where.
        InvalidRequest = "invalid_request",
        /// The role lacks a capability.
        CapabilityRequired = "capability_required",
        /// The campaign flag is off.
        CampaignsDisabled = "campaigns_disabled",
        /// Campaigns take no OS-filtered target.
        OsFilterUnsupported = "os_filter_unsupported",
        /// The deny-list refuses the SQL.
        BlockedSql = "blocked_sql",
        /// No concurrency slot is free.
        MaxConcurrentHuntsReached = "max_concurrent_hunts_reached",
        /// The campaign is already stopped.
        AlreadyStopped = "already_stopped",
        /// The thing's state does not allow it.
        Conflict = "conflict",
        /// The body is too large.
        PayloadTooLarge = "payload_too_large",
        /// Too many attempts.
        RateLimited = "rate_limited",
        /// The server cannot serve it now.
        Unavailable = "unavailable",
        /// A defect of the server.
        Internal = "internal",
    }
}

/// What is wrong with one member of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The member, dotted when nested; empty for the request as a whole.
    pub field: String,
    /// A sentence for the operator.
    pub message: String,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Always `about:blank`: the code tells kinds apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Why, for programs.
    pub code: ProblemCode,
    /// Why and what to do, for the operator.
    pub detail: String,
    /// Members that belong to the code, such as `errors` or `limit`.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub extra: Map<String, Value>,
}
