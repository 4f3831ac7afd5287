// SPDX-License-Identifier: Apache-2.0
//! Runtime settings: one flat object. Names, kinds and meanings stand here once; defaults and
//! ranges are the engine's (`mimir_engine::limits`).

use serde::{Deserialize, Serialize};

use super::words;

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty),+ $(,)?) => {
        /// All runtime settings.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: $kind),+
        }

        /// A change of settings; absent members stay.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields, default)]
        pub struct SettingsPatch {
            $($(#[doc = $doc])+
            #[serde(skip_serializing_if = "Option::is_none")]
            pub $name: Option<$kind>),+
        }

        impl SettingsPatch {
            /// Puts the members that are present into `settings`.
            pub fn apply(self, settings: &mut Settings) {
                $(if let Some(value) = self.$name { settings.$name = value; })+
            }
        }

        impl Settings {
            /// Name and meaning of every setting.
            pub const MEANINGS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($name), concat!($($doc),+))),+];
        }
    };
}

settings! {
    /// Whether campaigns may be launched and are offered.
    offline_campaigns_enabled: bool,
    /// Campaigns and hunts whose live window may be open at once.
    max_concurrent_hunts: u64,
    /// Whether that cap counts per launching user.
    per_user_hunt_isolation: bool,
    /// Rows of one live query, all hosts together.
    live_query_row_cap: u64,
    /// Seconds a live query waits for answers.
    live_query_window_s: u64,
    /// Rows kept of each host in a campaign.
    campaign_host_row_cap: u64,
    /// Bytes of rows kept of each host in a campaign.
    campaign_host_byte_cap: u64,
    /// Rows of a campaign after which it stops itself.
    campaign_aggregate_row_cap: u64,
    /// Hosts an operator without capability may hunt on at once.
    operator_hunt_host_cap: u64,
    /// Minutes after a stop in which hosts that were offered the query may still answer.
    stop_grace_minutes: u64,
    /// Seconds since last contact within which a host is online.
    host_online_s: u64,
    /// Seconds since last contact after which a host is offline.
    host_offline_s: u64,
    /// Seconds between an agent's polls; served to agents as `distributed_interval`.
    agent_poll_interval_s: u64,
    /// Tables refused when more than one host is targeted.
    denied_tables: Vec<String>,
    /// Columns (`table.column`) refused when more than one host is targeted.
    denied_columns: Vec<String>,
    /// Functions refused when more than one host is targeted.
    denied_functions: Vec<String>,
    /// Tables unknown to osquery's schema that are allowed all the same.
    allowed_extension_tables: Vec<String>,
}

words! {
    /// What a setting is.
    SettingKind {
        /// A whole number.
        Integer = "integer",
        /// True or false.
        Boolean = "boolean",
        /// A list of names.
        Names = "names",
    }
}

/// A setting: what it means and what it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettingDescription {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SettingKind,
    /// What a number counts: `seconds`, `rows` …
    pub unit: Option<String>,
    /// The smallest number.
    pub min: Option<u64>,
    /// The largest number.
    pub max: Option<u64>,
    /// Its value on a new server.
    pub default: serde_json::Value,
    /// A sentence for the operator.
    pub meaning: String,
}

words! {
    /// What an entry of the deny-list is about.
    DenyKind {
        /// A table.
        Table = "table",
        /// A column, written `table.column`.
        Column = "column",
        /// A function.
        Function = "function",
    }
}

/// An entry of the deny-list of a new server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DefaultDenial {
    /// What it is about.
    pub kind: DenyKind,
    /// The entry.
    pub name: String,
    /// Why it is there: a clause.
    pub reason: String,
}

/// Answer of `GET /settings/schema`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettingsSchema {
    /// All settings, in the order of `GET /settings`.
    pub items: Vec<SettingDescription>,
    /// The deny-list of a new server, with its reasons.
    pub default_denials: Vec<DefaultDenial>,
}
