// SPDX-License-Identifier: Apache-2.0
//! Checking SQL: the one use of the guard by requests.

use std::sync::Arc;

use mimir_sqlguard::{Scope, Verdict, canonical};
use mimir_wire::api::problem::ProblemCode;
use mimir_wire::api::query::{QueryCheck, QueryRequest};
use mimir_wire::api::target::Target;
use serde_json::json;

use crate::app::App;
use crate::app::state::hop;
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

/// Says what the guard thinks, refusing nothing. Anybody who is signed in may ask, so it takes
/// neither an async thread nor more than a few threads at once.
///
/// # Errors
/// `internal` when the guard fails.
pub async fn check(app: &Arc<App>, request: QueryRequest) -> ApiResult<QueryCheck> {
    let slot = Arc::clone(&app.check_slots).acquire_owned().await.map_err(ApiError::internal)?;
    let app = Arc::clone(app);
    let scope = Scope::from(&request.target);
    hop(move || {
        // The check holds it, not the request: it goes on when its caller is gone.
        let _held = slot;
        Ok(app.guard.check(&request.sql, scope, &app.deny_list()).into())
    })
    .await
}

/// Is this one acceptable statement at all? The deny-list comes later ([`admit`]): the contract
/// fixes the order of refusals.
///
/// # Errors
/// `invalid_request` with the guard's sentence.
pub fn parse(app: &App, sql: &str, target: &Target) -> ApiResult<Verdict> {
    let verdict = app.guard.check(sql, Scope::from(target), &app.deny_list());
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
