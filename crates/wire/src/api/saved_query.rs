// SPDX-License-Identifier: Apache-2.0
//! Saved queries.

use serde::{Deserialize, Serialize};

use super::target::Target;
use super::user::UserRef;
use crate::Timestamp;
use crate::ids::SavedQueryId;

/// A saved query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedQuery {
    /// Its id.
    pub id: SavedQueryId,
    /// Its name, unique.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The statement.
    pub sql: String,
    /// The scope it was saved with.
    pub target: Target,
    /// Who made it.
    pub created_by: UserRef,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who changed it last.
    pub updated_by: UserRef,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// 1 when new, one more with each change.
    pub version: u64,
}

/// Body of `POST /saved-queries` and `PUT /saved-queries/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSavedQuery {
    /// Its name, unique; 1 to 200 characters.
    pub name: String,
    /// What it is for; at most 2,000 characters.
    #[serde(default)]
    pub description: String,
    /// One SELECT statement.
    pub sql: String,
    /// The scope to save; the whole fleet when absent.
    #[serde(default = "whole_fleet")]
    pub target: Target,
}

fn whole_fleet() -> Target {
    Target::All {}
}

/// One earlier or the current text of a saved query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedQueryVersion {
    /// 1 for the first.
    pub version: u64,
    /// Its name then.
    pub name: String,
    /// Its description then.
    pub description: String,
    /// Its statement then.
    pub sql: String,
    /// Its scope then.
    pub target: Target,
    /// Who wrote it.
    pub updated_by: UserRef,
    /// When.
    pub updated_at: Timestamp,
}
