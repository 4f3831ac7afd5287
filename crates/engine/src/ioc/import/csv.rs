// SPDX-License-Identifier: Apache-2.0
//! CSV with a header line. Columns are found by their names, in any order; the separator is a
//! comma, a semicolon or a tab. Columns with other names are passed over.

use ::csv::{Reader, ReaderBuilder, StringRecord, Trim};
use mimir_wire::api::indicator::{ImportFormat, IndicatorType as Type};

use super::{Draft, ImportError, List, severity, time};

const VALUE: &[&str] = &["value", "indicator", "ioc", "ioc_value", "indicator_value", "observable"];
const KIND: &[&str] = &["type", "indicator_type", "ioc_type", "kind", "value_type"];
const SEVERITY: &[&str] = &["severity", "level", "priority", "threat_level"];
const DESCRIPTION: &[&str] = &["description", "comment", "comments", "note", "notes"];
const TAGS: &[&str] = &["tags", "labels", "tag"];
const EXPIRES: &[&str] = &["expires_at", "expires", "valid_until", "expiration", "expiry"];

/// Where the columns are.
struct Columns {
    value: usize,
    kind: Option<usize>,
    severity: Option<usize>,
    description: Option<usize>,
    tags: Option<usize>,
    expires: Option<usize>,
}

impl Columns {
    fn find(header: &StringRecord) -> Option<Self> {
        let names: Vec<String> = header
            .iter()
            .map(|name| name.trim().to_ascii_lowercase().replace([' ', '-'], "_"))
            .collect();
        // The first name of the list that the header has, not the first column that fits.
        let at =
            |known: &[&str]| known.iter().find_map(|one| names.iter().position(|name| name == one));
        Some(Self {
            value: at(VALUE)?,
            kind: at(KIND),
            severity: at(SEVERITY),
            description: at(DESCRIPTION),
            tags: at(TAGS),
            expires: at(EXPIRES),
        })
    }
}

/// Whether the first line names a column that holds values.
pub(super) fn has_header(text: &str) -> bool {
    let mut reader = reader(text);
    let mut header = StringRecord::new();
    reader.read_record(&mut header).is_ok() && Columns::find(&header).is_some()
}

fn reader(text: &str) -> Reader<&[u8]> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let count =
        |separator: u8| first.unwrap_or_default().bytes().filter(|byte| *byte == separator).count();
    // Of equals the comma, which comes last.
    let separator = [b'\t', b';', b','].into_iter().max_by_key(|one| count(*one)).unwrap_or(b',');
    ReaderBuilder::new()
        .delimiter(separator)
        .comment(Some(b'#'))
        .flexible(true)
        .has_headers(false)
        .trim(Trim::All)
        .from_reader(text.as_bytes())
}

/// Counts lines up to places in the text, which only go forward. (The reader's own count is one
/// too small after `\r\n`.)
struct Lines<'t> {
    text: &'t str,
    seen: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins after this byte, behind empty lines and comments.
    fn at(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let mut start = usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
        while let Some(first) = bytes.get(start) {
            match first {
                b'\r' | b'\n' => start += 1,
                b'#' => {
                    let rest = &bytes[start..];
                    start += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                _ => break,
            }
        }
        let passed = bytes.get(self.seen..start).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.seen = self.seen.max(start);
        self.line
    }
}

/// Reads all records after the header.
pub(super) fn read(text: &str, list: &mut List) -> Result<(), ImportError> {
    let malformed = |reason: String| ImportError::Malformed { format: ImportFormat::Csv, reason };
    let mut reader = reader(text);
    let mut record = StringRecord::new();
    reader.read_record(&mut record).map_err(|error| malformed(error.to_string()))?;
    let Some(columns) = Columns::find(&record) else {
        return Err(malformed(format!(
            "the first line names no column of values; call one {}.",
            VALUE.join(", ")
        )));
    };
    let mut lines = Lines { text, seen: 0, line: 1 };
    loop {
        let more = reader.read_record(&mut record).map_err(|error| malformed(error.to_string()))?;
        if !more {
            return Ok(());
        }
        let line = lines.at(record.position().map_or(0, ::csv::Position::byte));
        if record.iter().all(str::is_empty) {
            continue;
        }
        match draft(&record, &columns, line) {
            Ok(draft) => list.read(draft)?,
            Err(reason) => {
                list.refuse(line, &record[columns.value.min(record.len() - 1)], reason)?
            }
        }
    }
}

fn draft<'a>(record: &'a StringRecord, at: &Columns, line: u64) -> Result<Draft<'a>, String> {
    let cell = |column: Option<usize>| {
        column.and_then(|column| record.get(column)).filter(|text| !text.is_empty())
    };
    let text = cell(Some(at.value)).ok_or("The value is empty.")?;
    let kind = cell(at.kind).map_or(Ok(None), kind)?;
    let severity = match cell(at.severity) {
        None => None,
        Some(word) => Some(severity(word).ok_or_else(|| {
            format!("`{word}` is no severity; use critical, high, medium, low or info.")
        })?),
    };
    let expires_at = match cell(at.expires) {
        None => None,
        Some(word) => Some(
            time(word)
                .ok_or_else(|| format!("`{word}` is no time such as 2026-11-23T17:00:00Z."))?,
        ),
    };
    let tags = cell(at.tags).unwrap_or_default().split([',', ';', '|']).map(str::to_owned);
    let description = cell(at.description).unwrap_or_default();
    Ok(Draft { line, text, kind, severity, description, tags: tags.collect(), expires_at })
}

/// The type a word stands for; `None` when the value itself has to tell.
///
/// # Errors
/// Why such indicators are not taken.
pub(super) fn kind(word: &str) -> Result<Option<Type>, String> {
    let plain = word.trim().to_ascii_lowercase().replace([' ', '-', ':'], "_");
    let kind = match plain.as_str() {
        "sha256" | "sha_256" | "filehash_sha256" | "hash_sha256" => Type::FileHashSha256,
        "sha1" | "sha_1" | "filehash_sha1" | "hash_sha1" => Type::FileHashSha1,
        "md5" | "filehash_md5" | "hash_md5" => Type::FileHashMd5,
        "file_name" | "file" | "process" | "process_name" => Type::Filename,
        "path" | "file_path" => Type::Filepath,
        "registry" | "regkey" | "reg_key" | "windows_registry_key" => Type::RegistryKey,
        "ip" | "ipv4_addr" | "ip_address" | "ip_src" | "ip_dst" | "ipaddress" => Type::Ipv4,
        "hostname" | "host" | "fqdn" | "domain_name" => Type::Domain,
        "uri" | "link" => Type::Url,
        "hash" | "filehash" | "file_hash" | "digest" | "unknown" | "other" | "auto" => {
            return Ok(None);
        }
        other => match Type::from_word(other) {
            Some(kind) => kind,
            None => return Err(format!("Indicators of the type `{word}` are not looked for.")),
        },
    };
    Ok(Some(kind))
}
