// SPDX-License-Identifier: Apache-2.0
//! One newtype per kind of id, so that a host's id can never be passed where a campaign's is
//! meant. All are UUIDs (version 7 where the server makes them) and strings on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind} id")]
pub struct IdError {
    /// The kind of id that was wanted, for people: "campaign".
    pub kind: &'static str,
    /// The text that was given.
    pub text: String,
}

macro_rules! id {
    ($name:ident, $kind:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that was made elsewhere; this crate never makes one.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| IdError { kind: $kind, text: text.chars().take(64).collect() })
            }
        }
    };
}

id!(HostId, "host", "An enrolled endpoint.");
id!(CampaignId, "campaign", "A campaign.");
id!(LiveQueryId, "live query", "A live query; known only while its results are in memory.");
id!(SavedQueryId, "saved query", "A saved query.");
id!(UserId, "user", "A person who signs in.");
id!(ApiKeyId, "API key", "An API key (not its secret).");
id!(EnrollmentSecretId, "enrolment secret", "An enrolment secret (not its value).");
id!(IndicatorId, "indicator", "An indicator of compromise.");
id!(HuntId, "hunt", "A hunt.");
id!(AlertId, "alert", "An alert.");
