// SPDX-License-Identifier: Apache-2.0
//! Checking SQL before it is sent anywhere.

use mimir_wire::api::query::{QueryCheck, QueryRequest};

use super::API;
use crate::error::ClientError;
use crate::transport::Client;

impl Client {
    /// What the server thinks of a statement for a target; nothing is sent to hosts.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn check_query(&self, request: &QueryRequest) -> Result<QueryCheck, ClientError> {
        self.call("POST", &format!("{API}/queries/check"), Some(request))
    }
}
