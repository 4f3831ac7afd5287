// SPDX-License-Identifier: Apache-2.0
//! What can be asked of whom, and checking SQL before it is sent anywhere.

use mimir_wire::api::query::{QueryCheck, QueryRequest};
use mimir_wire::api::schema::Schema;
use mimir_wire::api::target::{Target, TargetCount, TargetCountRequest};

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

    /// Tables, columns and functions, with what the deny-list refuses.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn schema(&self) -> Result<Schema, ClientError> {
        self.get(&format!("{API}/schema"))
    }

    /// How many hosts a target names now, and how recently they were heard of.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn count_target(&self, target: &Target) -> Result<TargetCount, ClientError> {
        let request = TargetCountRequest { target: target.clone() };
        self.call("POST", &format!("{API}/targets/count"), Some(&request))
    }
}
