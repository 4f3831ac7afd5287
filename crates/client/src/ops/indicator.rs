// SPDX-License-Identifier: Apache-2.0
//! Indicators of compromise.

use mimir_wire::api::indicator::{
    DetectRequest, Detected, ImportRequest, ImportResult, Indicator, IndicatorFilter,
    IndicatorPatch, NewIndicator,
};
use mimir_wire::api::page::Page;
use mimir_wire::ids::IndicatorId;

use super::API;
use crate::error::ClientError;
use crate::list::List;
use crate::params::Params;
use crate::transport::Client;

impl Client {
    /// Lists indicators, newest first.
    pub fn indicators(&self, filter: &IndicatorFilter) -> List<Page<Indicator>> {
        let mut params = Params::default();
        params.add_some("q", filter.q.as_deref());
        params.add_some("type", filter.kind);
        params.add_some("severity", filter.severity);
        params.add_some("tag", filter.tag.as_deref());
        params.add_some("source", filter.source.as_deref());
        params.add_some("active", filter.active);
        List::new(self, format!("{API}/indicators"), params)
    }

    /// One indicator.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn indicator(&self, id: IndicatorId) -> Result<Indicator, ClientError> {
        self.get(&format!("{API}/indicators/{id}"))
    }

    /// Adds an indicator.
    ///
    /// # Errors
    /// See [`ClientError`]; `invalid_request` with `warnings` when it is likely to match what is
    /// harmless, `conflict` with `existing_id` when it is there.
    pub fn create_indicator(&self, request: &NewIndicator) -> Result<Indicator, ClientError> {
        self.call("POST", &format!("{API}/indicators"), Some(request))
    }

    /// Imports the indicators of a text, all or none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn import_indicators(&self, request: &ImportRequest) -> Result<ImportResult, ClientError> {
        self.call("POST", &format!("{API}/indicators/import"), Some(request))
    }

    /// Says what a text would be taken for.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn detect_indicator(&self, request: &DetectRequest) -> Result<Detected, ClientError> {
        self.call("POST", &format!("{API}/indicators/detect"), Some(request))
    }

    /// Changes an indicator.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn update_indicator(
        &self,
        id: IndicatorId,
        patch: &IndicatorPatch,
    ) -> Result<Indicator, ClientError> {
        self.call("PATCH", &format!("{API}/indicators/{id}"), Some(patch))
    }

    /// Deletes an indicator; hunts and alerts keep their copies.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn delete_indicator(&self, id: IndicatorId) -> Result<(), ClientError> {
        let path = format!("{API}/indicators/{id}");
        self.exchange("DELETE", &path, &[], None::<&()>).map(drop)
    }
}
