// SPDX-License-Identifier: Apache-2.0
//! Accounts, roles and API keys.

use serde::{Deserialize, Serialize};

use super::words;
use crate::Timestamp;
use crate::ids::{ApiKeyId, UserId};

words! {
    /// What an account may do, at large.
    Role {
        /// Reads everything, hunts on selected hosts.
        Operator = "operator",
        /// Everything.
        Admin = "admin",
    }
}

words! {
    /// A right given to an account beyond its role.
    Capability {
        /// An operator may hunt fleet-wide.
        CanLaunchFleetHunts = "can_launch_fleet_hunts",
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name, unique.
    pub username: String,
    /// What it may do.
    pub role: Role,
    /// What it may do beyond its role.
    pub capabilities: Vec<Capability>,
    /// Whether it is cut off.
    pub disabled: bool,
    /// Whether its one-time password still has to be changed.
    pub password_change_required: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Body of `POST /users`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Its name: 1 to 64 of letters, digits, `.`, `_`, `-`, `@`.
    pub username: String,
    /// A one-time password, to be changed at first sign-in; at least 14 characters.
    pub password: String,
    /// What it may do.
    pub role: Role,
    /// What it may do beyond its role.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
}

/// Body of `PATCH /users/{id}`; absent members stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UserPatch {
    /// A new one-time password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A new role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// New capabilities, replacing the old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
    /// Cut off, or let in again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Revoke all of the account's API keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke_api_keys: Option<bool>,
}

/// A user as it stands beside what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserRef {
    /// Its id.
    pub id: UserId,
    /// Its name at that time.
    pub username: String,
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// Whose rights it has.
    pub user: UserRef,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Body of `POST /api-keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for; 1 to 100 characters.
    pub name: String,
}

/// An API key just made: the only time its secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiKey {
    /// The key's record.
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// The secret.
    pub key: String,
}
