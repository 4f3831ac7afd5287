// SPDX-License-Identifier: Apache-2.0
//! Campaigns: launch, ledger, responses, rows, export, events, stop and what comes after.

use std::io::{self, Read, Write};

use mimir_wire::api::campaign::{
    Assignment, AssignmentState, Campaign, CampaignHead, CampaignKind, CampaignStatus, Completion,
    Coverage, DropRowsRequest, LaunchRequest, Launched, Outcome, Response, ResponseEvent,
    StopRequest,
};
use mimir_wire::api::page::{Page, RowPage};
use mimir_wire::ids::{CampaignId, HostId, UserId};
use serde::Serialize;

use super::API;
use crate::error::{self, ClientError};
use crate::list::List;
use crate::params::Params;
use crate::sse::{Event, Events};
use crate::transport::Client;

/// Bytes of an export that are passed on at a time.
const EXPORT_CHUNK_BYTES: usize = 64 << 10;

/// Which campaigns to list; all that are `None` do not restrict.
#[derive(Debug, Clone, Default)]
pub struct CampaignFilter {
    /// Their status; all but archived ones when `None`.
    pub status: Option<CampaignStatus>,
    /// Their kind.
    pub kind: Option<CampaignKind>,
    /// Text in the name or in the name of who launched it.
    pub q: Option<String>,
    /// Who launched it.
    pub created_by: Option<UserId>,
}

/// Which rows of the ledger to list; all that are `None` do not restrict.
#[derive(Debug, Clone, Default)]
pub struct AssignmentFilter {
    /// Where they stand; anywhere when empty.
    pub states: Vec<AssignmentState>,
    /// What was answered.
    pub outcome: Option<Outcome>,
    /// Whether the answer came after the live window.
    pub late: Option<bool>,
    /// Whether rows were cut.
    pub truncated: Option<bool>,
    /// Text in the host's name.
    pub q: Option<String>,
}

/// Which responses to list; all that are `None` do not restrict.
#[derive(Debug, Clone, Default)]
pub struct ResponseFilter {
    /// Whether they came after the live window.
    pub late: Option<bool>,
    /// What was answered.
    pub outcome: Option<Outcome>,
    /// Whether rows were cut.
    pub truncated: Option<bool>,
    /// Text in the host's name.
    pub q: Option<String>,
}

/// Which rows to list, and in which order.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    /// Of this host only.
    pub host: Option<HostId>,
    /// Text in any column, case ignored.
    pub contains: Option<String>,
    /// Columns and texts that must be in them, case ignored.
    pub conditions: Vec<(String, String)>,
    /// The columns to give, all when empty.
    pub columns: Vec<String>,
    /// The column to sort by; in the order of commit when `None`.
    pub sort: Option<String>,
    /// Largest first.
    pub descending: bool,
}

impl RowFilter {
    fn params(&self) -> Params {
        let mut params = Params::default();
        params.add_some("host", self.host);
        params.add_some("contains", self.contains.as_deref());
        for (column, text) in &self.conditions {
            params.add("where", format_args!("{column}:{text}"));
        }
        if !self.columns.is_empty() {
            params.add("columns", self.columns.join(","));
        }
        params.add_some("sort", self.sort.as_deref());
        params.add_some("order", self.descending.then_some("desc"));
        params
    }
}

/// The formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated, formula-escaped.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl ExportFormat {
    /// The word for it in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// What an export gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Bytes written.
    pub bytes: u64,
    /// The name the server proposes for the file, without any path.
    pub file_name: Option<String>,
    /// Whether rows have more columns than the file.
    pub columns_cut: bool,
}

/// An event of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum CampaignEvent {
    /// Its counts.
    Coverage(Coverage),
    /// A host answered.
    Response(ResponseEvent),
    /// It changed.
    Status(Box<CampaignHead>),
}

impl Event for CampaignEvent {
    fn decode(name: &str, data: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(Some(match name {
            "coverage" => Self::Coverage(serde_json::from_str(data)?),
            "response" => Self::Response(serde_json::from_str(data)?),
            "status" => Self::Status(serde_json::from_str(data)?),
            _ => return Ok(None),
        }))
    }

    /// A campaign may always be heard of again.
    fn is_last(&self) -> bool {
        false
    }
}

impl Client {
    /// Launches a campaign. With an idempotency key the call may be repeated after a failure of
    /// transport: the repeat answers the first launch, and the flag that comes back is true.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn launch_campaign(
        &self,
        request: &LaunchRequest,
        idempotency_key: Option<&str>,
    ) -> Result<(Launched, bool), ClientError> {
        let headers: Vec<_> = idempotency_key.iter().map(|key| ("idempotency-key", *key)).collect();
        let answer = self.exchange("POST", &format!("{API}/campaigns"), &headers, Some(request))?;
        let replayed = answer.header("idempotency-replayed") == Some("true");
        Ok((answer.json()?, replayed))
    }

    /// Lists campaigns, newest first.
    pub fn campaigns(&self, filter: &CampaignFilter) -> List<Page<Campaign>> {
        let mut params = Params::default();
        params.add_some("status", filter.status);
        params.add_some("kind", filter.kind);
        params.add_some("q", filter.q.as_deref());
        params.add_some("created_by", filter.created_by);
        List::new(self, format!("{API}/campaigns"), params)
    }

    /// One campaign.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn campaign(&self, id: CampaignId) -> Result<Campaign, ClientError> {
        self.get(&format!("{API}/campaigns/{id}"))
    }

    /// How a campaign's hosts answered over time, in at most `points` points (1 to 200).
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn campaign_completion(
        &self,
        id: CampaignId,
        points: Option<u32>,
    ) -> Result<Completion, ClientError> {
        let mut params = Params::default();
        params.add_some("points", points);
        self.get(&format!("{API}/campaigns/{id}/completion{}", params.as_str()))
    }

    /// Lists a campaign's ledger.
    pub fn assignments(&self, id: CampaignId, filter: &AssignmentFilter) -> List<Page<Assignment>> {
        let mut params = Params::default();
        if !filter.states.is_empty() {
            let states: Vec<_> = filter.states.iter().map(|state| state.as_str()).collect();
            params.add("state", states.join(","));
        }
        params.add_some("outcome", filter.outcome);
        params.add_some("late", filter.late);
        params.add_some("truncated", filter.truncated);
        params.add_some("q", filter.q.as_deref());
        List::new(self, format!("{API}/campaigns/{id}/assignments"), params)
    }

    /// Lists who has not answered yet, oldest contact first.
    pub fn pending(&self, id: CampaignId) -> List<Page<Assignment>> {
        List::new(self, format!("{API}/campaigns/{id}/pending"), Params::default())
    }

    /// Lists what hosts answered.
    pub fn responses(&self, id: CampaignId, filter: &ResponseFilter) -> List<Page<Response>> {
        let mut params = Params::default();
        params.add_some("late", filter.late);
        params.add_some("outcome", filter.outcome);
        params.add_some("truncated", filter.truncated);
        params.add_some("q", filter.q.as_deref());
        List::new(self, format!("{API}/campaigns/{id}/responses"), params)
    }

    /// Lists the rows of one host; the host of the filter is not looked at.
    pub fn response_rows(&self, id: CampaignId, host: HostId, filter: &RowFilter) -> List<RowPage> {
        let path = format!("{API}/campaigns/{id}/responses/{host}/rows");
        List::new(self, path, RowFilter { host: None, ..filter.clone() }.params())
    }

    /// Lists the rows of all hosts; each carries `_host_id` and `_hostname`.
    pub fn rows(&self, id: CampaignId, filter: &RowFilter) -> List<RowPage> {
        List::new(self, format!("{API}/campaigns/{id}/rows"), filter.params())
    }

    /// Writes all rows into `into` as they come, in constant memory.
    ///
    /// # Errors
    /// See [`ClientError`]. After an error `into` holds an incomplete export.
    pub fn export_campaign(
        &self,
        id: CampaignId,
        format: ExportFormat,
        into: &mut dyn Write,
    ) -> Result<Exported, ClientError> {
        let path = format!("{API}/campaigns/{id}/export?format={}", format.as_str());
        let (headers, mut body) = self.stream(&path, &[])?;
        let file_name = headers
            .get("content-disposition")
            .and_then(|value| value.to_str().ok())
            .and_then(proposed_name);
        let columns_cut = headers.get("mimir-columns-cut").is_some_and(|cut| cut == "true");
        let mut chunk = vec![0; EXPORT_CHUNK_BYTES];
        let mut bytes = 0;
        loop {
            let count = match body.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error::broken_off(self.server(), error)),
            };
            into.write_all(&chunk[..count]).map_err(ClientError::Write)?;
            bytes += count as u64;
        }
        into.flush().map_err(ClientError::Write)?;
        Ok(Exported { bytes, file_name, columns_cut })
    }

    /// Stops a campaign.
    ///
    /// # Errors
    /// See [`ClientError`]; `already_stopped` the second time.
    pub fn stop_campaign(
        &self,
        id: CampaignId,
        request: &StopRequest,
    ) -> Result<Campaign, ClientError> {
        self.call("POST", &format!("{API}/campaigns/{id}/stop"), Some(request))
    }

    /// Hides a stopped campaign from the default list.
    ///
    /// # Errors
    /// See [`ClientError`]; `conflict` while it is active.
    pub fn archive_campaign(&self, id: CampaignId) -> Result<Campaign, ClientError> {
        self.act(&format!("{API}/campaigns/{id}/archive"))
    }

    /// Puts an archived campaign back into the default list.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn unarchive_campaign(&self, id: CampaignId) -> Result<Campaign, ClientError> {
        self.act(&format!("{API}/campaigns/{id}/unarchive"))
    }

    /// Removes the raw rows of a stopped campaign for good; `confirm` is its name.
    ///
    /// # Errors
    /// See [`ClientError`]; `conflict` while it is active.
    pub fn drop_campaign_rows(
        &self,
        id: CampaignId,
        confirm: &str,
    ) -> Result<Campaign, ClientError> {
        let body = DropRowsRequest { confirm: confirm.into() };
        self.call("POST", &format!("{API}/campaigns/{id}/drop-rows"), Some(&body))
    }

    /// What happens to a campaign, across dropped connections, without an end. With `after` (the
    /// id of an event) it begins behind that event, else where the server begins.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn campaign_events(
        &self,
        id: CampaignId,
        after: Option<&str>,
    ) -> Result<Events<CampaignEvent>, ClientError> {
        Events::open(self, format!("{API}/campaigns/{id}/events"), after)
    }
}

/// The file name in a `Content-Disposition`, if it is a plain name without any path.
fn proposed_name(disposition: &str) -> Option<String> {
    let named = disposition.split(';').map(str::trim).find_map(|p| p.strip_prefix("filename="))?;
    let name = named.trim_matches('"');
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_. ".contains(c));
    plain.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_name_is_a_plain_name_or_none() {
        for (header, name) in [
            ("attachment; filename=\"a b.csv\"", Some("a b.csv")),
            ("attachment; filename=a.csv; x=y", Some("a.csv")),
            ("inline", None),
        ] {
            assert_eq!(proposed_name(header).as_deref(), name);
        }
        for hostile in ["../../etc/passwd", "/etc/passwd", ".bashrc", "a\\b", "", "..", "a\u{1b}"] {
            let header = format!("attachment; filename=\"{hostile}\"");
            assert_eq!(proposed_name(&header), None, "{hostile}");
        }
    }
}
