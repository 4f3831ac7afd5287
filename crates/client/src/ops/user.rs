// SPDX-License-Identifier: Apache-2.0
//! Accounts and API keys.

use mimir_wire::api::page::Page;
use mimir_wire::api::user::{ApiKey, CreatedApiKey, NewApiKey, NewUser, User, UserPatch};
use mimir_wire::ids::{ApiKeyId, UserId};

use super::API;
use crate::error::ClientError;
use crate::list::List;
use crate::params::Params;
use crate::transport::Client;

impl Client {
    /// Lists accounts.
    pub fn users(&self) -> List<Page<User>> {
        List::new(self, format!("{API}/users"), Params::default())
    }

    /// One account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn user(&self, id: UserId) -> Result<User, ClientError> {
        self.get(&format!("{API}/users/{id}"))
    }

    /// Makes an account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn create_user(&self, request: &NewUser) -> Result<User, ClientError> {
        self.call("POST", &format!("{API}/users"), Some(request))
    }

    /// Changes an account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn update_user(&self, id: UserId, request: &UserPatch) -> Result<User, ClientError> {
        self.call("PATCH", &format!("{API}/users/{id}"), Some(request))
    }

    /// Lists API keys, without their secrets.
    pub fn api_keys(&self) -> List<Page<ApiKey>> {
        List::new(self, format!("{API}/api-keys"), Params::default())
    }

    /// Makes an API key with the caller's rights; its secret is in this answer and never again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn create_api_key(&self, name: &str) -> Result<CreatedApiKey, ClientError> {
        self.call("POST", &format!("{API}/api-keys"), Some(&NewApiKey { name: name.into() }))
    }

    /// Makes an API key worthless.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn revoke_api_key(&self, id: ApiKeyId) -> Result<ApiKey, ClientError> {
        self.act(&format!("{API}/api-keys/{id}/revoke"))
    }
}
