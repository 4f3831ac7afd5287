// SPDX-License-Identifier: Apache-2.0
//! Reads lists of indicators: plain lines, CSV, STIX bundles, MISP events. Everything that was
//! read is either an entry or refused with its place and its reason; nothing disappears.
//!
//! Whether an indicator is there already, and what is added to those that bring no severity of
//! their own, is decided by the caller.

mod lines;

use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{
    ImportFormat, IndicatorType, IndicatorWarning, InvalidLine, Severity,
};

use crate::limits::{
    IMPORT_BYTES_MAX, IMPORT_ENTRIES_MAX, IMPORT_INVALID_MAX, IMPORT_VALUE_CHARS_MAX,
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

/// Reads a text. Without a format it is recognised. This version reads lines alone; what looks
/// like another format is refused rather than read as something it is not.
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
    if format != ImportFormat::Lines {
        let reason = "this version reads one indicator a line only.".to_owned();
        return Err(ImportError::Malformed { format, reason });
    }
    let mut list = List::new(format);
    lines::read(text, &mut list)?;
    Ok(list.0)
}

/// The format a text has by its looks: JSON begins with a brace, a table has commas in its head.
fn recognise(text: &str) -> ImportFormat {
    let text = text.trim_start();
    if text.starts_with(['{', '[']) {
        return if text.contains("\"Event\"") { ImportFormat::Misp } else { ImportFormat::Stix };
    }
    let head = text.lines().find(|line| !line.trim_start().starts_with(['#', '/', ';']));
    if head.is_some_and(|head| head.contains(',')) {
        ImportFormat::Csv
    } else {
        ImportFormat::Lines
    }
}

/// Collects what is read.
struct List(Parsed);

impl List {
    fn new(format: ImportFormat) -> Self {
        Self(Parsed {
            format,
            entries: Vec::new(),
            duplicates: 0,
            invalid: Vec::new(),
            invalid_total: 0,
        })
    }

    fn push(&mut self, entry: Entry) -> Result<(), ImportError> {
        if self.0.entries.len() >= IMPORT_ENTRIES_MAX {
            return Err(ImportError::TooMany);
        }
        self.0.entries.push(entry);
        Ok(())
    }

    fn refuse(&mut self, line: u64, value: &str, reason: impl Into<String>) {
        self.0.invalid_total += 1;
        if self.0.invalid.len() < IMPORT_INVALID_MAX {
            let value = value.chars().take(IMPORT_VALUE_CHARS_MAX).collect();
            let reason = reason.into();
            self.0.invalid.push(InvalidLine { line, value, reason, warned: false });
        }
    }
}
