// SPDX-License-Identifier: Apache-2.0
//! Indicators of compromise: what they are, how they are read from text and how they are shown.

use serde::{Deserialize, Serialize};

use super::user::UserRef;
use super::words;
use crate::Timestamp;
use crate::ids::IndicatorId;

words! {
    /// What an indicator is a sign of.
    IndicatorType {
        /// SHA-256 of a file, 64 hex digits.
        FileHashSha256 = "file_hash_sha256",
        /// SHA-1 of a file, 40 hex digits.
        FileHashSha1 = "file_hash_sha1",
        /// MD5 of a file, 32 hex digits.
        FileHashMd5 = "file_hash_md5",
        /// Name of a file, without its directory.
        Filename = "filename",
        /// Path of a file.
        Filepath = "filepath",
        /// Key or value of the Windows registry.
        RegistryKey = "registry_key",
        /// IPv4 address.
        Ipv4 = "ipv4",
        /// Domain name.
        Domain = "domain",
        /// URL: context only, never looked for on hosts.
        Url = "url",
    }
}

words! {
    /// How much a match matters; the worst first.
    Severity {
        /// Act at once.
        Critical = "critical",
        /// Act today.
        High = "high",
        /// The default.
        Medium = "medium",
        /// Worth a look.
        Low = "low",
        /// For the record.
        Info = "info",
    }
}

/// A sign of compromise. Type and value together are unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Indicator {
    /// Its id.
    pub id: IndicatorId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: IndicatorType,
    /// The normalised value, as it is looked for.
    pub value: String,
    /// The value as it may be shown and passed on without being followed: `evil[.]example`.
    pub defanged: String,
    /// How much a match matters.
    pub severity: Severity,
    /// What it is known for.
    pub description: String,
    /// Words to find it by, in order, each once.
    pub tags: Vec<String>,
    /// `manual`, `import` or `feed:<name>`.
    pub source: String,
    /// Whether new hunts may look for it.
    pub active: bool,
    /// Whether `expires_at` has passed.
    pub expired: bool,
    /// When it stops being of interest.
    pub expires_at: Option<Timestamp>,
    /// Warnings of the false-positive guard that were overridden by *keep anyway*.
    pub kept_despite: Vec<IndicatorWarning>,
    /// Who added it.
    pub created_by: UserRef,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Hosts on which it was ever found.
    pub matched_hosts: u64,
    /// When it was found last.
    pub last_matched_at: Option<Timestamp>,
}

words! {
    /// Why a value is likely to match what is harmless.
    WarningCode {
        /// Digest of the empty file.
        EmptyFile = "empty_file",
        /// Private address (RFC 1918), or shared (RFC 6598).
        PrivateAddress = "private_address",
        /// Loopback, link-local, unspecified, broadcast or multicast address.
        SpecialAddress = "special_address",
        /// Address or name kept for documentation.
        Documentation = "documentation",
        /// A well-known public resolver.
        PublicResolver = "public_resolver",
        /// A bare top-level domain or public suffix.
        PublicSuffix = "public_suffix",
        /// Digest, name or path of a well-known binary of an operating system.
        SystemBinary = "system_binary",
        /// A name used by everybody, such as `google.com`.
        PopularDomain = "popular_domain",
        /// So short or general that it is found everywhere.
        TooGeneral = "too_general",
    }
}

/// Why a value is likely to match what is harmless, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IndicatorWarning {
    /// Which rule.
    pub code: WarningCode,
    /// A sentence for people.
    pub message: String,
}

/// Body of `POST /indicators`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewIndicator {
    /// What it is; detected from the value when absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<IndicatorType>,
    /// The value, defanged or not.
    pub value: String,
    /// `medium` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// At most 2,000 characters.
    pub description: String,
    /// At most 20, each of 1 to 50 characters.
    pub tags: Vec<String>,
    /// When it stops being of interest; in the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Keep it although the false-positive guard warns (then without this: 422
    /// `invalid_request` with `warnings`).
    pub keep_anyway: bool,
}

/// Body of `PATCH /indicators/{id}`. Type and value never change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct IndicatorPatch {
    /// How much a match matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What it is known for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Whether new hunts may look for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// When it stops being of interest; `null` for never.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::api::indicator::given"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub expires_at: Option<Option<Timestamp>>,
}

/// A member that is there, even when it is `null`.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Body of `POST /indicators/detect`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DetectRequest {
    /// What somebody typed or pasted.
    pub value: String,
    /// Read it as this type instead of detecting one.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<IndicatorType>,
}

/// What a text was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Detected {
    /// What it is; `null` when it is nothing that can be an indicator.
    #[serde(rename = "type")]
    pub kind: Option<IndicatorType>,
    /// The normalised value; empty without a type.
    pub value: String,
    /// The value as it may be shown.
    pub defanged: String,
    /// Whether hosts can be searched for it (a URL can't).
    pub huntable: bool,
    /// Warnings of the false-positive guard.
    pub warnings: Vec<IndicatorWarning>,
    /// Why it is no indicator, or not of the wanted type.
    pub reason: Option<String>,
    /// Other types it could be read as, for instance a domain that looks like a file name.
    pub alternatives: Vec<IndicatorType>,
    /// The indicator with this type and value, when there is one.
    pub existing_id: Option<IndicatorId>,
}

words! {
    /// How a text lists indicators.
    ImportFormat {
        /// One a line; `#`, `//` and `;` begin comments.
        Lines = "lines",
        /// Comma-separated with a header line; columns are found by their names.
        Csv = "csv",
        /// A STIX 2.1 bundle.
        Stix = "stix",
        /// A MISP event.
        Misp = "misp",
    }
}

/// Body of `POST /indicators/import`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ImportRequest {
    /// The text: lines, CSV, or the JSON of a STIX bundle or MISP event.
    pub text: String,
    /// How it lists them; recognised from the text when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<ImportFormat>,
    /// For those that bring none of their own; `medium` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Added to the tags of each.
    pub tags: Vec<String>,
    /// For those that bring none of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// `import` when absent, or `feed:<name>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Keep also those that the false-positive guard warns of.
    pub keep_anyway: bool,
    /// Say what would come of it, and change nothing.
    pub dry_run: bool,
}

/// What came of an import. Nothing is dropped silently: the three numbers and `invalid` add up to
/// what was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportResult {
    /// How the text was read.
    pub format: Option<ImportFormat>,
    /// Indicators added.
    pub created: u64,
    /// There before, or named twice.
    pub duplicates: u64,
    /// Not added, and why. The first 1,000; `invalid_total` has the number of all.
    pub invalid: Vec<InvalidLine>,
    /// All that were not added for a fault of theirs or a warning.
    pub invalid_total: u64,
    /// Of those added: how many of each type.
    pub by_type: Vec<TypeCount>,
    /// Ids of those added and of the duplicates, in the order of the text, each once; at most
    /// 10,000. Empty in a dry run.
    pub indicator_ids: Vec<IndicatorId>,
}

/// How many of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TypeCount {
    /// The type.
    #[serde(rename = "type")]
    pub kind: IndicatorType,
    /// How many.
    pub count: u64,
}

/// A line (or an object) of an import that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvalidLine {
    /// Line of the text from 1; for STIX and MISP the place of the object, from 1.
    pub line: u64,
    /// What stood there, cut at 200 characters.
    pub value: String,
    /// Why it was not taken.
    pub reason: String,
    /// Whether it would be taken with `keep_anyway`.
    pub warned: bool,
}

/// Filters of `GET /indicators`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndicatorFilter {
    /// Text within the value, the description or a tag.
    pub q: Option<String>,
    /// Only this type.
    pub kind: Option<IndicatorType>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only with this source.
    pub source: Option<String>,
    /// Only active and not expired, or only the others.
    pub active: Option<bool>,
}
