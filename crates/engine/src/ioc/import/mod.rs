// SPDX-License-Identifier: Apache-2.0
//! Reads lists of indicators: plain lines, CSV, STIX bundles, MISP events. Everything that was
//! read is either an entry or refused with its place and its reason; nothing disappears.
//!
//! Whether an indicator is there already, and what is added to those that bring no severity of
//! their own, is decided by the caller.

mod csv;
mod lines;
mod misp;
mod stix;
mod stix_pattern;

use std::collections::{BTreeSet, HashSet};

use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{
    ImportFormat, IndicatorType, IndicatorWarning, InvalidLine, Severity,
};

use serde_json::Value;

use super::detect::detect;
use crate::limits::{
    IMPORT_BYTES_MAX, IMPORT_ENTRIES_MAX, IMPORT_INVALID_MAX, IMPORT_VALUE_CHARS_MAX,
    INDICATOR_DESCRIPTION_CHARS_MAX, INDICATOR_TAG_CHARS_MAX, INDICATOR_TAGS_MAX,
};

/// An indicator that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Line of the text from 1; for STIX and MISP the place of the object, from 1.
    pub line: u64,
    /// Its type.
    pub kind: IndicatorType,
    /// Its normalised value.
    pub value: String,
    /// Its severity, if the text says one.
    pub severity: Option<Severity>,
    /// What it is known for, if the text says so; within the limits of an indicator.
    pub description: String,
    /// Its tags, sorted, each once; within the limits of an indicator.
    pub tags: Vec<String>,
    /// When it stops being of interest, if the text says so. May be in the past.
    pub expires_at: Option<Timestamp>,
    /// What the false-positive guard says.
    pub warnings: Vec<IndicatorWarning>,
}

/// What a text holds. Entries, duplicates and refused ones add up to all that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// How it was read.
    pub format: ImportFormat,
    /// Indicators in the order of the text, each (type, value) once.
    pub entries: Vec<Entry>,
    /// How often an indicator was named again.
    pub duplicates: u64,
    /// What was refused, in the order of the text; the first 1,000.
    pub invalid: Vec<InvalidLine>,
    /// All that were refused.
    pub invalid_total: u64,
}

/// A text that can't be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing in it.
    #[error(
        "The text has no indicators. Give one a line, CSV with a header, a STIX bundle or a MISP event."
    )]
    Empty,
    /// Too many bytes.
    #[error("The text has {0} bytes; at most {IMPORT_BYTES_MAX} are taken at once. Split it.")]
    TooLarge(usize),
    /// Too many indicators.
    #[error("The text has more than {IMPORT_ENTRIES_MAX} indicators. Split it.")]
    TooMany,
    /// Not in the format it was said to have.
    #[error("The text can't be read as {format}: {reason}")]
    Malformed {
        /// The format.
        format: ImportFormat,
        /// Why not.
        reason: String,
    },
}

/// Reads a text. Without a format it is recognised.
///
/// # Errors
/// When the text is empty, too large, or not in its format. Single bad lines are no error.
pub fn parse(text: &str, format: Option<ImportFormat>) -> Result<Parsed, ImportError> {
    if text.len() > IMPORT_BYTES_MAX {
        return Err(ImportError::TooLarge(text.len()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(ImportError::Empty);
    }
    let format = format.unwrap_or_else(|| recognise(text));
    let mut list = List::new(format);
    match format {
        ImportFormat::Lines => lines::read(text, &mut list)?,
        ImportFormat::Csv => csv::read(text, &mut list)?,
        ImportFormat::Stix => stix::read(&json(text, format)?, &mut list)?,
        ImportFormat::Misp => misp::read(&json(text, format)?, &mut list)?,
    }
    let parsed = list.parsed;
    if parsed.entries.is_empty() && parsed.invalid_total == 0 {
        return Err(ImportError::Empty);
    }
    Ok(parsed)
}

/// What a text looks like. A text that begins as an object of JSON is never read as lines: of a
/// broken bundle the place of the fault is told, not that its lines are no indicators.
fn recognise(text: &str) -> ImportFormat {
    let begun = text.trim_start();
    if begun.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        return if misp::is_misp(&value) { ImportFormat::Misp } else { ImportFormat::Stix };
    }
    if begun.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"')) {
        return if begun.contains("\"Attribute\"") {
            ImportFormat::Misp
        } else {
            ImportFormat::Stix
        };
    }
    if csv::has_header(text) { ImportFormat::Csv } else { ImportFormat::Lines }
}

/// The text as JSON. The parser refuses deep nesting by itself.
fn json(text: &str, format: ImportFormat) -> Result<Value, ImportError> {
    serde_json::from_str(text)
        .map_err(|error| ImportError::Malformed { format, reason: error.to_string() })
}

/// Something that may be an indicator, as it was read.
#[derive(Debug, Default, Clone)]
struct Draft<'a> {
    line: u64,
    text: &'a str,
    kind: Option<IndicatorType>,
    severity: Option<Severity>,
    description: &'a str,
    tags: Vec<String>,
    expires_at: Option<Timestamp>,
}

/// Collects what is read.
struct List {
    parsed: Parsed,
    seen: HashSet<(IndicatorType, String)>,
}

impl List {
    fn new(format: ImportFormat) -> Self {
        let parsed = Parsed {
            format,
            entries: Vec::new(),
            duplicates: 0,
            invalid: Vec::new(),
            invalid_total: 0,
        };
        Self { parsed, seen: HashSet::new() }
    }

    /// Takes what is an indicator and refuses what is none.
    fn read(&mut self, draft: Draft<'_>) -> Result<(), ImportError> {
        self.has_room()?;
        let found = detect(draft.text, draft.kind);
        let Some(kind) = found.kind else {
            return self.refuse(draft.line, draft.text, found.reason.unwrap_or_default());
        };
        if !self.seen.insert((kind, found.value.clone())) {
            self.parsed.duplicates += 1;
            return Ok(());
        }
        self.parsed.entries.push(Entry {
            line: draft.line,
            kind,
            value: found.value,
            severity: draft.severity,
            description: draft
                .description
                .trim()
                .chars()
                .take(INDICATOR_DESCRIPTION_CHARS_MAX)
                .collect(),
            tags: tags(draft.tags),
            expires_at: draft.expires_at,
            warnings: found.warnings,
        });
        Ok(())
    }

    fn refuse(
        &mut self,
        line: u64,
        value: &str,
        reason: impl Into<String>,
    ) -> Result<(), ImportError> {
        self.has_room()?;
        self.parsed.invalid_total += 1;
        if self.parsed.invalid.len() < IMPORT_INVALID_MAX {
            let value = value.chars().take(IMPORT_VALUE_CHARS_MAX).collect();
            let reason = reason.into();
            self.parsed.invalid.push(InvalidLine { line, value, reason, warned: false });
        }
        Ok(())
    }

    /// Bounds everything that was read, duplicates and refused ones too.
    fn has_room(&self) -> Result<(), ImportError> {
        let Parsed { entries, duplicates, invalid_total, .. } = &self.parsed;
        let read = entries.len() as u64 + duplicates + invalid_total;
        if read >= IMPORT_ENTRIES_MAX as u64 { Err(ImportError::TooMany) } else { Ok(()) }
    }
}

/// Tags within the limits of an indicator, sorted, each once.
fn tags(tags: Vec<String>) -> Vec<String> {
    let cut =
        |tag: String| -> String { tag.trim().chars().take(INDICATOR_TAG_CHARS_MAX).collect() };
    let kept: BTreeSet<String> = tags.into_iter().map(cut).filter(|tag| !tag.is_empty()).collect();
    kept.into_iter().take(INDICATOR_TAGS_MAX).collect()
}

/// The severity that a word stands for.
fn severity(word: &str) -> Option<Severity> {
    match word.trim().to_ascii_lowercase().as_str() {
        "moderate" | "med" => Some(Severity::Medium),
        "informational" | "information" | "none" => Some(Severity::Info),
        "severe" => Some(Severity::Critical),
        other => Severity::from_word(other),
    }
}

/// A time, or a date for its first moment.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let midnight = || format!("{text}T00:00:00Z").parse();
    text.parse().or_else(|_| midnight()).ok()
}
