// SPDX-License-Identifier: Apache-2.0
//! The wire's enumerations and JSON documents as cells.

use mimir_wire::api::audit::AuditOutcome;
use mimir_wire::api::campaign::{AssignmentState, CampaignKind, CampaignStatus, Outcome, StopCode};
use mimir_wire::api::indicator::{IndicatorType, Severity};
use mimir_wire::api::target::Platform;
use mimir_wire::api::user::Role;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::{FromValue, Value};

macro_rules! words {
    ($($type:ty => $expected:literal),+ $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Text(value.as_str().to_owned())
            }
        }

        impl FromValue for $type {
            const EXPECTED: &'static str = $expected;

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Text(word) => Self::from_word(&word),
                    _ => None,
                }
            }
        })+
    };
}

words! {
    AssignmentState => "assignment state",
    AuditOutcome => "audit outcome",
    CampaignKind => "campaign kind",
    CampaignStatus => "campaign status",
    IndicatorType => "indicator type",
    Outcome => "outcome",
    Platform => "platform",
    Role => "role",
    Severity => "severity",
    StopCode => "stop code",
}

/// A value kept as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> From<&Json<T>> for Value {
    fn from(json: &Json<T>) -> Self {
        Self::Text(json_text(&json.0))
    }
}

/// A value as JSON text. Only for types of our own, which always serialise.
pub(crate) fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("types of the wire serialise")
}

impl<T: DeserializeOwned> FromValue for Json<T> {
    const EXPECTED: &'static str = "JSON of the expected shape";

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => serde_json::from_str(&text).ok().map(Self),
            _ => None,
        }
    }
}
