// SPDX-License-Identifier: Apache-2.0
//! Runtime settings.

use mimir_wire::api::settings::{Settings, SettingsPatch, SettingsSchema};
use serde_json::{Map, Value};

use super::API;
use crate::error::ClientError;
use crate::transport::Client;

impl Client {
    /// All settings.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn settings(&self) -> Result<Settings, ClientError> {
        self.get(&format!("{API}/settings"))
    }

    /// What settings mean and what they may be.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn settings_schema(&self) -> Result<SettingsSchema, ClientError> {
        self.get(&format!("{API}/settings/schema"))
    }

    /// Changes the settings that are present in the patch.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn update_settings(&self, patch: &SettingsPatch) -> Result<Settings, ClientError> {
        self.call("PATCH", &format!("{API}/settings"), Some(patch))
    }

    /// All settings as the server wrote them, also those this client does not know.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn settings_json(&self) -> Result<Map<String, Value>, ClientError> {
        self.get(&format!("{API}/settings"))
    }

    /// Changes settings by name, also those this client does not know.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn update_settings_json(
        &self,
        patch: &Map<String, Value>,
    ) -> Result<Map<String, Value>, ClientError> {
        self.call("PATCH", &format!("{API}/settings"), Some(patch))
    }
}
