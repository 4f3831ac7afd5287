// SPDX-License-Identifier: Apache-2.0
//! Live queries and their event stream.

use mimir_wire::api::live::{LiveEnd, LiveHostEvent, LiveQuery, LiveStarted, LiveTotals};
use mimir_wire::api::query::QueryRequest;
use mimir_wire::ids::LiveQueryId;
use serde::Serialize;

use super::API;
use crate::error::ClientError;
use crate::sse::{Event, Events};
use crate::transport::Client;

/// An event of a live query.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum LiveEvent {
    /// A host answered.
    Host(LiveHostEvent),
    /// Running totals.
    Totals(LiveTotals),
    /// It ended; nothing follows.
    End(LiveEnd),
}

impl Event for LiveEvent {
    fn decode(name: &str, data: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(Some(match name {
            "host" => Self::Host(serde_json::from_str(data)?),
            "totals" => Self::Totals(serde_json::from_str(data)?),
            "end" => Self::End(serde_json::from_str(data)?),
            _ => return Ok(None),
        }))
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::End(_))
    }
}

impl Client {
    /// Starts a live query.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn run_query(&self, request: &QueryRequest) -> Result<LiveStarted, ClientError> {
        self.call("POST", &format!("{API}/queries/run"), Some(request))
    }

    /// How a live query stands.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn live_query(&self, id: LiveQueryId) -> Result<LiveQuery, ClientError> {
        self.get(&format!("{API}/queries/live/{id}"))
    }

    /// Ends a live query now.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn cancel_live_query(&self, id: LiveQueryId) -> Result<LiveQuery, ClientError> {
        self.act(&format!("{API}/queries/live/{id}/cancel"))
    }

    /// What comes of a live query, from its beginning to its `end`, across dropped connections.
    ///
    /// # Errors
    /// See [`ClientError`]; `not_found` once its results are gone.
    pub fn live_events(&self, id: LiveQueryId) -> Result<Events<LiveEvent>, ClientError> {
        Events::open(self, format!("{API}/queries/live/{id}/events"), None)
    }
}
