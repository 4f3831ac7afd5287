// SPDX-License-Identifier: Apache-2.0
//! Checking SQL before it is sent anywhere.

use serde::{Deserialize, Serialize};

use super::target::{Platform, Target};

/// Body of `POST /queries/check` and `POST /queries/run`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// One SELECT statement.
    pub sql: String,
    /// Whom it is for.
    pub target: Target,
}

/// Something the deny-list refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Blocked {
    /// The table, `table.column` or function.
    pub table: String,
    /// Why it is refused and what to do.
    pub reason: String,
}

/// Something worth knowing before the query is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueryWarning {
    /// The kind of warning, for programs.
    pub code: String,
    /// The table it is about, if one.
    pub table: Option<String>,
    /// A sentence for the operator.
    pub message: String,
}

/// Answer of `POST /queries/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueryCheck {
    /// Whether it could be sent as it is.
    pub ok: bool,
    /// Tables it reads.
    pub tables: Vec<String>,
    /// Platforms that have all of these tables.
    pub platforms: Vec<Platform>,
    /// What the deny-list refuses.
    pub blocked: Vec<Blocked>,
    /// What it may cost or miss.
    pub warnings: Vec<QueryWarning>,
    /// Why it is no acceptable statement, if it is not.
    pub error: Option<String>,
    /// Where in the SQL the error is: byte offset.
    pub error_offset: Option<u64>,
}
