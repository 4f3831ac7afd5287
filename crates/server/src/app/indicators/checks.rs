// SPDX-License-Identifier: Apache-2.0
//! What may be asked of indicators: lengths, tags, times, and the objections of the false-positive
//! guard. Whether a text is an indicator at all is the engine's to say.

use mimir_engine::limits::{
    INDICATOR_DESCRIPTION_CHARS_MAX, INDICATOR_TAG_CHARS_MAX, INDICATOR_TAGS_MAX,
    INDICATOR_VALUE_BYTES_MAX,
};
use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{
    IndicatorPatch, IndicatorType, IndicatorWarning, NewIndicator, Severity,
};
use mimir_wire::api::problem::FieldError;
use serde_json::json;

use super::{SEVERITY_DEFAULT, detected};
use crate::problem::{ApiError, ApiResult};

/// What was found good, normalised.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub kind: IndicatorType,
    pub value: String,
    pub severity: Severity,
    pub description: String,
    pub tags: Vec<String>,
    pub expires_at: Option<Timestamp>,
    pub kept_despite: Vec<IndicatorWarning>,
}

/// A new indicator, when nothing is wrong with it and the guard has no objection, or is overruled.
///
/// # Errors
/// `invalid_request` naming every bad member; with `warnings` when only the guard objects.
pub(crate) fn new_indicator(new: NewIndicator, now: Timestamp) -> ApiResult<Checked> {
    let mut errors = Vec::new();
    let detected = detected(&new.value, new.kind);
    if let Some(message) = unusable(&detected) {
        errors.push(field("value", message));
    }
    let tags = tags(new.tags, "tags", &mut errors);
    description(&new.description, &mut errors);
    expiry(new.expires_at, now, &mut errors);
    let (Some(kind), true) = (detected.kind, errors.is_empty()) else {
        return Err(ApiError::invalid(errors));
    };
    if !new.keep_anyway {
        object(&detected.warnings)?;
    }
    Ok(Checked {
        kind,
        value: detected.value,
        severity: new.severity.unwrap_or(SEVERITY_DEFAULT),
        description: new.description,
        tags,
        expires_at: new.expires_at,
        kept_despite: detected.warnings,
    })
}

/// Why a text cannot be kept as an indicator, if so.
pub(crate) fn unusable(detected: &mimir_wire::api::indicator::Detected) -> Option<String> {
    if detected.kind.is_none() {
        let reason = detected.reason.clone();
        return Some(reason.unwrap_or_else(|| "This is no indicator.".to_owned()));
    }
    (detected.value.len() > INDICATOR_VALUE_BYTES_MAX)
        .then(|| format!("The value has more than {INDICATOR_VALUE_BYTES_MAX} bytes."))
}

/// Refuses what the false-positive guard warns of.
///
/// # Errors
/// `invalid_request` with `warnings`, when there are any.
pub(crate) fn object(warnings: &[IndicatorWarning]) -> ApiResult<()> {
    let Some(first) = warnings.first() else { return Ok(()) };
    let message =
        format!("{} Repeat with `keep_anyway` if you want it all the same.", first.message);
    Err(ApiError::field("value", message).with("warnings", json!(warnings)))
}

/// A patch, when nothing is wrong with it.
///
/// # Errors
/// `invalid_request` naming every bad member.
pub(crate) fn patch(mut patch: IndicatorPatch, now: Timestamp) -> ApiResult<IndicatorPatch> {
    let mut errors = Vec::new();
    patch.tags = patch.tags.map(|given| tags(given, "tags", &mut errors));
    if let Some(text) = &patch.description {
        description(text, &mut errors);
    }
    expiry(patch.expires_at.flatten(), now, &mut errors);
    if errors.is_empty() { Ok(patch) } else { Err(ApiError::invalid(errors)) }
}

/// Tags in order, each once and trimmed.
pub(crate) fn tags(
    given: Vec<String>,
    name: &'static str,
    errors: &mut Vec<FieldError>,
) -> Vec<String> {
    let mut tags: Vec<_> = given.iter().map(|tag| tag.trim().to_owned()).collect();
    tags.sort();
    tags.dedup();
    if tags.len() > INDICATOR_TAGS_MAX {
        errors.push(field(name, format!("Give at most {INDICATOR_TAGS_MAX} tags.")));
    }
    for tag in &tags {
        if !usable_tag(tag) {
            let shown: String = tag.chars().filter(|c| !c.is_control()).take(50).collect();
            let message = format!(
                "The tag “{shown}” cannot be used: a tag has 1 to {INDICATOR_TAG_CHARS_MAX} \
                 characters, none of them a control character."
            );
            errors.push(field(name, message));
        }
    }
    tags
}

/// Whether a trimmed text can be a tag.
pub(crate) fn usable_tag(tag: &str) -> bool {
    (1..=INDICATOR_TAG_CHARS_MAX).contains(&tag.chars().count())
        && !tag.chars().any(char::is_control)
}

fn description(text: &str, errors: &mut Vec<FieldError>) {
    if text.chars().count() > INDICATOR_DESCRIPTION_CHARS_MAX {
        let message =
            format!("The description has more than {INDICATOR_DESCRIPTION_CHARS_MAX} characters.");
        errors.push(field("description", message));
    }
    if text.contains('\0') {
        let message = "The description has a NUL character; remove it.".to_owned();
        errors.push(field("description", message));
    }
}

/// A time at which an indicator ends lies in the future.
pub(crate) fn expiry(at: Option<Timestamp>, now: Timestamp, errors: &mut Vec<FieldError>) {
    if at.is_some_and(|at| at <= now) {
        let message = "`expires_at` has passed; give a time in the future, or none.".to_owned();
        errors.push(field("expires_at", message));
    }
}

pub(crate) fn field(name: &str, message: String) -> FieldError {
    FieldError { field: name.to_owned(), message }
}
