// SPDX-License-Identifier: Apache-2.0
//! Importing many indicators: all in one transaction, or none. Reading the text is the engine's;
//! here it is decided what is new. Nothing is dropped silently: what was read is created, a
//! duplicate, or listed as refused.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use mimir_engine::ioc::import::{Entry, ImportError, Parsed, parse};
use mimir_engine::limits::{
    IMPORT_INVALID_MAX, IMPORT_VALUE_CHARS_MAX, INDICATOR_SOURCE_CHARS_MAX, INDICATOR_TAGS_MAX,
};
use mimir_store::indicators::{self, IndicatorRecord};
use mimir_store::{Tx, audit};
use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{
    ImportRequest, ImportResult, IndicatorType, InvalidLine, Severity, TypeCount,
};
use mimir_wire::ids::IndicatorId;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{SEVERITY_DEFAULT, checks};
use crate::app::state::hop;
use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};

/// Ids in one answer.
const IDS_MAX: usize = 10_000;

/// Imports the indicators of a text.
///
/// # Errors
/// `invalid_request` when the text cannot be read at all, or another member is bad; `unavailable`
/// while another import is being read.
pub async fn import(
    app: &Arc<App>,
    caller: Caller,
    request: ImportRequest,
) -> ApiResult<ImportResult> {
    let now = app.clock.now();
    let request = check(request, now)?;
    // One at a time: reading takes a multiple of the text's bytes.
    let slot = Arc::clone(&app.import_slots).acquire_owned().await.map_err(ApiError::internal)?;
    let dry_run = request.dry_run;
    let by = caller.user_ref();
    let (app_in, sha256) = (Arc::clone(app), hex::encode(Sha256::digest(&request.text)));
    let text_bytes = request.text.len();
    let keep_anyway = request.keep_anyway;
    let plan = hop(move || {
        let parsed = parse(&request.text, request.format).map_err(refuse)?;
        let id = || IndicatorId::new(app_in.clock.uuid());
        Ok(Plan::new(parsed, &request, &id, &by, now))
    })
    .await?;
    let result = if dry_run {
        app.read(move |tx| Ok(plan.outcome(tx)?.0)).await
    } else {
        app.write(move |tx| {
            let (mut result, new) = plan.outcome(tx)?;
            let inserted = indicators::insert_new(tx, &new)?;
            if inserted != result.created {
                // Somebody added one of them since it was looked for; the next attempt sees it.
                let detail = "Some of these indicators were just added by somebody else; repeat.";
                return Err(ApiError::conflict(detail));
            }
            result.indicator_ids = plan.ids(tx)?;
            let details = json!({"format": result.format, "created": result.created,
                "duplicates": result.duplicates, "invalid": result.invalid_total,
                "source": plan.source, "keep_anyway": keep_anyway, "bytes": text_bytes,
                "sha256": sha256});
            let what = mimir_wire::api::audit::AuditTarget {
                kind: "indicator".to_owned(),
                id: None,
                name: None,
            };
            audit::append(tx, &caller.entry("indicator.import", what, details), now)?;
            Ok(result)
        })
        .await
    };
    drop(slot);
    result
}

fn refuse(error: ImportError) -> ApiError {
    let field = if matches!(error, ImportError::Malformed { .. }) { "format" } else { "text" };
    ApiError::field(field, error.to_string())
}

fn check(mut request: ImportRequest, now: Timestamp) -> ApiResult<ImportRequest> {
    let mut errors = Vec::new();
    request.tags = checks::tags(std::mem::take(&mut request.tags), "tags", &mut errors);
    checks::expiry(request.expires_at, now, &mut errors);
    if let Some(source) = &request.source
        && !usable_source(source)
    {
        let message = "`source` is `import`, or `feed:` and a name of 1 to 64 letters, digits, \
                       `.`, `_` and `-`."
            .to_owned();
        errors.push(checks::field("source", message));
    }
    if errors.is_empty() { Ok(request) } else { Err(ApiError::invalid(errors)) }
}

fn usable_source(source: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    source == "import"
        || source.strip_prefix("feed:").is_some_and(|name| {
            (1..=INDICATOR_SOURCE_CHARS_MAX).contains(&name.len()) && name.chars().all(plain)
        })
}

/// What was read and may be kept.
struct Plan {
    /// Those to be kept unless they are there already; each kind and value once.
    wanted: Vec<IndicatorRecord>,
    source: String,
    /// What is known before the database was asked.
    result: ImportResult,
}

impl Plan {
    fn new(
        parsed: Parsed,
        request: &ImportRequest,
        id: &dyn Fn() -> IndicatorId,
        by: &mimir_wire::api::user::UserRef,
        now: Timestamp,
    ) -> Self {
        let source = request.source.clone().unwrap_or_else(|| "import".to_owned());
        let mut result = ImportResult {
            format: Some(parsed.format),
            duplicates: parsed.duplicates,
            invalid: parsed.invalid,
            invalid_total: parsed.invalid_total,
            ..ImportResult::default()
        };
        let mut wanted = Vec::with_capacity(parsed.entries.len());
        let mut seen = HashSet::with_capacity(parsed.entries.len());
        for entry in parsed.entries {
            if !seen.insert((entry.kind, entry.value.clone())) {
                result.duplicates += 1;
                continue;
            }
            if let Some((reason, warned)) = objection(&entry, request, now) {
                result.invalid_total += 1;
                let value = entry.value.chars().take(IMPORT_VALUE_CHARS_MAX).collect();
                result.invalid.push(InvalidLine { line: entry.line, value, reason, warned });
                continue;
            }
            wanted.push(record(entry, request, &source, id(), by, now));
        }
        result.invalid.sort_by_key(|invalid| invalid.line);
        result.invalid.truncate(IMPORT_INVALID_MAX);
        Self { wanted, source, result }
    }

    fn keys(&self) -> Vec<(IndicatorType, &str)> {
        self.wanted.iter().map(|record| (record.kind, record.value.as_str())).collect()
    }

    /// What comes of it in the database's present state, and which are new.
    fn outcome(&self, tx: &mut Tx<'_>) -> ApiResult<(ImportResult, Vec<IndicatorRecord>)> {
        let existing = indicators::ids_of(tx, &self.keys())?;
        let mut result = self.result.clone();
        let mut by_type = BTreeMap::new();
        let mut new = Vec::new();
        for (record, existing) in self.wanted.iter().zip(existing) {
            if existing.is_some() {
                result.duplicates += 1;
            } else {
                *by_type.entry(record.kind).or_insert(0) += 1;
                new.push(record.clone());
            }
        }
        result.created = new.len() as u64;
        let counts = by_type.into_iter().map(|(kind, count)| TypeCount { kind, count });
        result.by_type = counts.collect();
        Ok((result, new))
    }

    /// Ids of all of them, in the order of the text.
    fn ids(&self, tx: &mut Tx<'_>) -> ApiResult<Vec<IndicatorId>> {
        let keys = self.keys();
        let keys = &keys[..keys.len().min(IDS_MAX)];
        Ok(indicators::ids_of(tx, keys)?.into_iter().flatten().collect())
    }
}

/// Why something that was read is not kept, and whether `keep_anyway` would keep it.
fn objection(entry: &Entry, request: &ImportRequest, now: Timestamp) -> Option<(String, bool)> {
    if entry.expires_at.is_some_and(|at| at <= now) {
        return Some(("It has expired already.".to_owned(), false));
    }
    if entry.tags.iter().any(|tag| !checks::usable_tag(tag)) {
        return Some(("One of its tags cannot be used.".to_owned(), false));
    }
    let warning = entry.warnings.first().filter(|_| !request.keep_anyway)?;
    Some((warning.message.clone(), true))
}

fn record(
    entry: Entry,
    request: &ImportRequest,
    source: &str,
    id: IndicatorId,
    by: &mimir_wire::api::user::UserRef,
    now: Timestamp,
) -> IndicatorRecord {
    // The tags of the request are what the import is found by: they go before those of the text.
    let mut tags = request.tags.clone();
    for tag in entry.tags {
        if tags.len() < INDICATOR_TAGS_MAX && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags.sort();
    let severity: Option<Severity> = entry.severity.or(request.severity);
    IndicatorRecord {
        no: 0,
        id,
        kind: entry.kind,
        value: entry.value,
        severity: severity.unwrap_or(SEVERITY_DEFAULT),
        // A NUL cannot be stored and would fail the whole import.
        description: entry.description.replace('\0', ""),
        tags,
        source: source.to_owned(),
        active: true,
        expires_at: entry.expires_at.or(request.expires_at),
        kept_despite: entry.warnings,
        created_by: by.clone(),
        created_at: now,
        updated_at: now,
    }
}
