// SPDX-License-Identifier: Apache-2.0
//! Checking SQL: the one use of the guard by requests.

use mimir_sqlguard::{Scope, Verdict, canonical};
use mimir_wire::api::problem::ProblemCode;
use mimir_wire::api::query::{Blocked, QueryCheck, QueryRequest, QueryWarning};
use mimir_wire::api::target::{Platform, Target};
use serde_json::json;

use crate::app::App;
use crate::problem::{ApiError, ApiResult};

/// A statement that may be sent, with what the guard said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The statement as it is sent: the same intent has the same text on every host, because
    /// agents know a query that has killed them by its text.
    pub sql: String,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// The guard's scope for a target.
pub fn scope(target: &Target) -> Scope {
    if target.is_multi_host() { Scope::MultiHost } else { Scope::SingleHost }
}

/// Says what the guard thinks, refusing nothing.
pub fn check(app: &App, request: &QueryRequest) -> QueryCheck {
    let verdict = app.guard.check(&request.sql, scope(&request.target), &app.deny_list());
    let known =
        |platform: &mimir_sqlguard::schema::Platform| Platform::from_word(&platform.to_string());
    QueryCheck {
        ok: verdict.is_allowed(),
        platforms: verdict.platforms.iter().filter_map(known).collect(),
        blocked: verdict
            .blocked
            .iter()
            .map(|b| Blocked { table: b.name.clone(), reason: b.reason.clone() })
            .collect(),
        warnings: verdict
            .warnings
            .iter()
            .map(|w| QueryWarning {
                code: w.code.as_str().to_owned(),
                table: w.table.clone(),
                message: w.message.clone(),
            })
            .collect(),
        error: verdict.error.as_ref().map(|error| error.message.clone()),
        error_offset: verdict
            .error
            .as_ref()
            .and_then(|error| error.offset)
            .and_then(|offset| u64::try_from(offset).ok()),
        tables: verdict.tables.into_iter().chain(verdict.unknown_tables).collect(),
    }
}

/// Is this one acceptable statement at all? The deny-list comes later ([`admit`]): the contract
/// fixes the order of refusals.
///
/// # Errors
/// `invalid_request` with the guard's sentence.
pub fn parse(app: &App, sql: &str, target: &Target) -> ApiResult<Verdict> {
    let verdict = app.guard.check(sql, scope(target), &app.deny_list());
    match &verdict.error {
        Some(error) => Err(ApiError::field("sql", error.message.clone())),
        None => Ok(verdict),
    }
}

/// Does the deny-list allow it?
///
/// # Errors
/// `blocked_sql` naming every finding.
pub fn admit(sql: &str, verdict: &Verdict) -> ApiResult<Checked> {
    if let Some(first) = verdict.blocked.first() {
        let mut tables: Vec<_> = verdict.blocked.iter().map(|b| b.name.clone()).collect();
        tables.dedup();
        let reasons: Vec<_> = verdict.blocked.iter().map(|b| b.reason.as_str()).collect();
        return Err(ApiError::new(ProblemCode::BlockedSql, first.reason.clone())
            .with("tables", json!(tables))
            .with("reason", reasons.join(" ")));
    }
    let warnings = verdict.warnings.iter().map(|w| w.message.clone()).collect();
    Ok(Checked { sql: canonical(sql).to_owned(), warnings })
}
