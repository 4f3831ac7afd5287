// SPDX-License-Identifier: Apache-2.0
//! Reading and verifying the audit trail, and entries of callers who are nobody. Entries are
//! appended by the use cases themselves, each in the transaction of what it records.

use std::sync::Arc;

use mimir_store::audit::{Filter, NewEntry};
use mimir_wire::api::audit::{
    AuditActor, AuditEntry, AuditOutcome, AuditTarget, AuditVerification,
};
use mimir_wire::api::page::Page;
use serde_json::{Map, Value};

use crate::app::App;
use crate::app::page::PageRequest;
use crate::problem::{ApiError, ApiResult};

/// An entry of something that was refused to somebody who is not signed in. What such a caller
/// does successfully is signing in, and that is recorded under the account's name.
pub fn nobody(action: &str, target: AuditTarget, details: Value, address: &str) -> NewEntry {
    let details = match details {
        Value::Object(details) => details,
        _ => Map::new(),
    };
    NewEntry {
        actor: AuditActor { id: None, username: "nobody".to_owned(), role: None, api_key: None },
        address: address.to_owned(),
        action: action.to_owned(),
        target,
        outcome: AuditOutcome::Refused,
        details,
    }
}

/// Entries, newest first. The cursor is the sequence of the last entry of the page before.
///
/// # Errors
/// When the database fails.
pub async fn list(
    app: &Arc<App>,
    filter: Filter,
    page: PageRequest<i64>,
) -> ApiResult<Page<AuditEntry>> {
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from >= to
    {
        return Err(ApiError::field("to", "`to` must be later than `from`."));
    }
    app.read(move |tx| {
        let entries = mimir_store::audit::list(tx, &filter, page.after, page.fetch())?;
        // An id is the sequence in decimal: the store makes it so.
        let seq = |entry: &AuditEntry| entry.id.parse().unwrap_or(i64::MAX);
        Ok(page.page(entries, None, seq, |entry| entry))
    })
    .await
}

/// Walks the whole chain.
///
/// # Errors
/// When the database fails; a broken chain is an answer.
pub async fn verify(app: &Arc<App>) -> ApiResult<AuditVerification> {
    app.read(|tx| Ok(mimir_store::audit::verify(tx)?)).await
}
