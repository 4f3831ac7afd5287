// SPDX-License-Identifier: Apache-2.0
//! Bodies of osquery's remote (TLS) API, as its source at commit a5b14f63 sends and reads them.
//!
//! Readers are lenient, because a body that is refused comes back for ever: numbers may be
//! strings, members may be missing, cells may be invalid UTF-8. Writers are strict, because an
//! agent ignores HTTP status codes and judges an answer by its members alone: a top-level `error`
//! (even `null`) is failure, `node_invalid` must be a boolean, and the answer must be an object.

mod lenient;
mod plain;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use lenient::{Text, repair_utf8};
pub use plain::plain_run;
pub use write::{QueryStatus, WRITE_NAMES_MAX, WriteBody, WriteEntry, WriteSink, read_write_body};

/// The only sign by which an agent says that it refused a query it has died of before
/// (osquery `osquery/distributed/distributed.cpp`).
pub const DENYLISTED_MESSAGE: &str = "distributed query is denylisted";

/// A body that could not be understood at all.
#[derive(Debug, thiserror::Error)]
#[error("the body is not the JSON object that osquery sends: {0}")]
pub struct BodyError(#[from] pub serde_json::Error);

/// Body of `enroll`. All values are strings in osquery; numbers are read too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnrollRequest {
    /// The shared secret that admits the machine.
    pub enroll_secret: Text,
    /// What the agent calls itself (`--host_identifier`).
    pub host_identifier: Text,
    /// Decimal bit mask: POSIX 1, Windows 2, BSD 4, Linux 8, macOS 16, FreeBSD 32.
    pub platform_type: Text,
    /// First row of `os_version`, `osquery_info`, `system_info`, `platform_info`; a table
    /// without rows and a column without value are missing.
    pub host_details: BTreeMap<String, BTreeMap<String, Text>>,
}

impl EnrollRequest {
    /// A column of one of the four tables, trimmed; `None` when absent or blank.
    pub fn detail(&self, table: &str, column: &str) -> Option<&str> {
        let text = self.host_details.get(table)?.get(column)?.0.trim();
        (!text.is_empty()).then_some(text)
    }
}

/// Answer to `enroll` when the machine was admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollAnswer {
    /// The key the agent sends from now on; never empty.
    pub node_key: String,
}

/// Body of `config` and `distributed/read`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeRequest {
    /// The key from enrolment; empty when the agent gave up enrolling.
    pub node_key: Text,
}

/// Answer to `distributed/read`. Empty means nothing to do and serialises as `{}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadAnswer {
    /// Query name to SQL; the agent runs them in byte order of the name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub queries: BTreeMap<String, String>,
    /// Seconds for which the agent polls every 5 s; must be a JSON integer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerate: Option<u32>,
    /// Tells the agent to forget its key and enrol again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub node_invalid: bool,
    /// Present in a failure only: its mere presence is failure for the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Body of `distributed/write`, as an agent builds it. The server reads bodies with
/// [`read_write_body`] instead, which never holds all rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteRequest {
    /// Query name to rows; `[]` for a failed query. Every cell is a string.
    pub queries: BTreeMap<String, Vec<serde_json::Map<String, serde_json::Value>>>,
    /// Query name to status: 0 is success, anything else failure.
    pub statuses: BTreeMap<String, i64>,
    /// Query name to error message, empty on success (since osquery 4.4.0).
    pub messages: BTreeMap<String, String>,
    /// Query name to cost (since osquery 5.8.0).
    pub stats: BTreeMap<String, QueryStats>,
    /// The agent's key, last as in osquery.
    pub node_key: String,
}

/// Cost of one query: deltas of the whole worker process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueryStats {
    /// Elapsed milliseconds.
    pub wall_time_ms: u64,
    /// User CPU milliseconds.
    pub user_time: u64,
    /// System CPU milliseconds.
    pub system_time: u64,
    /// Growth of resident memory in bytes.
    pub memory: u64,
}

/// Body of `log`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogRequest {
    /// `result` or `status`.
    pub log_type: Text,
    /// Lines; each an object in every known version.
    pub data: Vec<serde_json::Value>,
    /// The agent's key.
    pub node_key: Text,
}

/// Any answer by which an agent learns that its request failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureAnswer {
    /// Why, for the agent's log.
    pub error: String,
    /// Whether the agent must enrol again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub node_invalid: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_read_answer_is_an_empty_object() {
        assert_eq!(serde_json::to_string(&ReadAnswer::default()).unwrap(), "{}");
    }

    #[test]
    fn enrol_bodies_may_hold_numbers_and_miss_members() {
        let body = r#"{"enroll_secret": "s", "platform_type": 9,
            "host_details": {"system_info": {"hostname": " web ", "physical_memory": 12, "uuid": null}}}"#;
        let request: EnrollRequest = serde_json::from_str(body).unwrap();
        assert_eq!(request.platform_type.0, "9");
        assert_eq!(request.detail("system_info", "hostname"), Some("web"));
        assert_eq!(request.detail("system_info", "physical_memory"), Some("12"));
        assert_eq!(request.detail("system_info", "uuid"), None);
        assert_eq!(request.detail("os_version", "name"), None);
    }
}
