// SPDX-License-Identifier: Apache-2.0
//! Enrolment secrets, and the kits with which agents enrol.

use serde::{Deserialize, Serialize};

use super::user::UserRef;
use super::words;
use crate::Timestamp;
use crate::ids::EnrollmentSecretId;

/// An enrolment secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrollmentSecret {
    /// Its id.
    pub id: EnrollmentSecretId,
    /// What it is for.
    pub name: String,
    /// How many new hosts it admits; `null` for any number.
    pub max_uses: Option<u64>,
    /// How many new hosts it has admitted.
    pub uses: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it; `null` for the one made at first start.
    pub created_by: Option<UserRef>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Body of `POST /enrollment-secrets`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewEnrollmentSecret {
    /// What it is for; 1 to 100 characters.
    pub name: String,
    /// How many new hosts it admits; absent for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u64>,
}

/// An enrolment secret just made: the only time its value is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedEnrollmentSecret {
    /// The secret's record.
    #[serde(flatten)]
    pub enrollment_secret: EnrollmentSecret,
    /// The value.
    pub secret: String,
}

words! {
    /// The agents there are kits for.
    KitAgent {
        /// Stock osquery.
        Osqueryd = "osqueryd",
        /// mimir-agent, for Linux hosts without osquery.
        MimirAgent = "mimir-agent",
    }
}

/// Body of `POST /enrollment-kits`: with a `secret` that there is, or the name of a new one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrollmentKitRequest {
    /// The agent the kit is for.
    pub agent: KitAgent,
    /// The value of an enrolment secret that is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Make a new secret of this name; it is shown nowhere but in the kit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// How many new hosts the new secret admits; absent for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u64>,
    /// `HOST:PORT` where agents reach the server; the server's public address when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_address: Option<String>,
    /// The authority that signed the server's certificate, as PEM; the server's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// Where the kit will lie on hosts; `/etc/mimir-kit` when absent. The flag file names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_dir: Option<String>,
}
