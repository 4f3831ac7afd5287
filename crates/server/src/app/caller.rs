// SPDX-License-Identifier: Apache-2.0
//! Who is asking, and what the audit trail says of it.

use mimir_engine::permission::{self, Action};
use mimir_store::audit::NewEntry;
use mimir_wire::api::audit::{AuditActor, AuditOutcome, AuditTarget};
use mimir_wire::api::user::{User, UserRef};
use mimir_wire::ids::ApiKeyId;
use serde_json::{Map, Value};

use crate::problem::ApiResult;

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose rights it has.
    pub user: User,
    /// The API key that speaks, if it is one.
    pub api_key: Option<(ApiKeyId, String)>,
    /// Hash of the session's token, if it is a session.
    pub session: Option<[u8; 32]>,
    /// Where it speaks from.
    pub address: String,
}

impl Caller {
    /// Checks the table of rights.
    ///
    /// # Errors
    /// `forbidden` or `capability_required`.
    pub fn may(&self, action: Action) -> ApiResult<()> {
        Ok(permission::check(self.user.role, &self.user.capabilities, action)?)
    }

    /// The user, as it stands beside what it did.
    pub fn user_ref(&self) -> UserRef {
        UserRef { id: self.user.id, username: self.user.username.clone() }
    }

    /// An audit entry of something this caller did.
    pub fn entry(&self, action: &str, target: AuditTarget, details: Value) -> NewEntry {
        self.entry_with(action, target, details, AuditOutcome::Success)
    }

    /// An audit entry of something this caller did or tried to do.
    pub fn entry_with(
        &self,
        action: &str,
        target: AuditTarget,
        details: Value,
        outcome: AuditOutcome,
    ) -> NewEntry {
        NewEntry {
            actor: AuditActor {
                id: Some(self.user.id.to_string()),
                username: self.user.username.clone(),
                role: Some(self.user.role.to_string()),
                api_key: self.api_key.as_ref().map(|(_, name)| name.clone()),
            },
            address: self.address.clone(),
            action: action.to_owned(),
            target,
            outcome,
            details: object(details),
        }
    }
}

/// An audit entry of something the server did by itself.
pub fn system_entry(action: &str, target: AuditTarget, details: Value) -> NewEntry {
    NewEntry {
        actor: AuditActor { id: None, username: "system".to_owned(), role: None, api_key: None },
        address: String::new(),
        action: action.to_owned(),
        target,
        outcome: AuditOutcome::Success,
        details: object(details),
    }
}

fn object(details: Value) -> Map<String, Value> {
    match details {
        Value::Object(map) => map,
        Value::Null => Map::new(),
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// Names what an audited action was done to.
pub fn target(kind: &str, id: impl ToString, name: impl Into<String>) -> AuditTarget {
    AuditTarget { kind: kind.to_owned(), id: Some(id.to_string()), name: Some(name.into()) }
}
