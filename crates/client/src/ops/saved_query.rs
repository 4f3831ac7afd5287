// SPDX-License-Identifier: Apache-2.0
//! Saved queries.

use mimir_wire::api::page::Page;
use mimir_wire::api::saved_query::{NewSavedQuery, SavedQuery, SavedQueryVersion};
use mimir_wire::ids::SavedQueryId;

use super::API;
use crate::error::ClientError;
use crate::list::List;
use crate::params::Params;
use crate::transport::Client;

impl Client {
    /// Lists saved queries, those that hold `q` in name, description or SQL when it is given.
    pub fn saved_queries(&self, q: Option<&str>) -> List<Page<SavedQuery>> {
        let mut params = Params::default();
        params.add_some("q", q);
        List::new(self, format!("{API}/saved-queries"), params)
    }

    /// One saved query.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn saved_query(&self, id: SavedQueryId) -> Result<SavedQuery, ClientError> {
        self.get(&format!("{API}/saved-queries/{id}"))
    }

    /// Saves a query.
    ///
    /// # Errors
    /// See [`ClientError`]; `conflict` when the name is taken.
    pub fn create_saved_query(&self, request: &NewSavedQuery) -> Result<SavedQuery, ClientError> {
        self.call("POST", &format!("{API}/saved-queries"), Some(request))
    }

    /// Replaces a saved query; its earlier text is kept as a version.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn replace_saved_query(
        &self,
        id: SavedQueryId,
        request: &NewSavedQuery,
    ) -> Result<SavedQuery, ClientError> {
        self.call("PUT", &format!("{API}/saved-queries/{id}"), Some(request))
    }

    /// Every text a saved query ever had, newest first; also of a deleted one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn saved_query_versions(
        &self,
        id: SavedQueryId,
    ) -> Result<Page<SavedQueryVersion>, ClientError> {
        self.get(&format!("{API}/saved-queries/{id}/versions"))
    }

    /// Deletes a saved query; campaigns launched from it are not touched.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn delete_saved_query(&self, id: SavedQueryId) -> Result<(), ClientError> {
        let path = format!("{API}/saved-queries/{id}");
        self.exchange("DELETE", &path, &[], None::<&()>).map(drop)
    }
}
