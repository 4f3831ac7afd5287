// SPDX-License-Identifier: Apache-2.0
//! The deny-list: which names a query for more than one host may not use, and why.
//!
//! Entries are plain names, without patterns and without conditions. The default list is our judgement
//! of what every host of a fleet should not be made to do at once.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::schema;

/// The reason given for an entry that is not part of the default list.
pub const REASON_OF_ADMIN: &str = "an administrator put it on the deny-list";

/// The names a query for more than one host may not use. Letters compare without case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DenyList {
    /// Tables; an alias stands for its table and the other way round.
    pub denied_tables: BTreeSet<String>,
    /// Columns, written `table.column`, or `*.column` for every table that has it.
    pub denied_columns: BTreeSet<String>,
    /// Functions.
    pub denied_functions: BTreeSet<String>,
    /// Tables of extensions that may be queried although osquery's schema does not have them.
    pub allowed_extension_tables: BTreeSet<String>,
}

/// An entry that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DenyListError {
    /// Not a plain name.
    #[error(
        "`{0}` is not a plain name: write letters, digits and `_` only, without wildcards or conditions"
    )]
    NotAName(String),
    /// A column without its table.
    #[error("`{0}` does not name a column: write `table.column`, or `*.column` for every table")]
    NotAColumn(String),
    /// A name of SQLite itself, which can't be allow-listed.
    #[error("`{0}` belongs to SQLite itself and can't be allow-listed")]
    Reserved(String),
}

impl DenyList {
    /// A list that denies nothing that osquery's schema knows. Unknown tables stay refused.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The list a new installation starts with.
    pub fn default_list() -> Self {
        let names = |entries: &[(&str, &str)]| -> BTreeSet<String> {
            entries.iter().map(|(name, _)| (*name).to_owned()).collect()
        };
        Self {
            denied_tables: names(TABLES),
            denied_columns: names(COLUMNS),
            denied_functions: names(FUNCTIONS),
            allowed_extension_tables: BTreeSet::new(),
        }
    }

    /// Checks that every entry is usable.
    ///
    /// # Errors
    ///
    /// The first entry that is not a plain name, not a `table.column`, or reserved.
    pub fn validate(&self) -> Result<(), DenyListError> {
        let plain = self.denied_tables.iter().chain(&self.denied_functions);
        for name in plain.chain(&self.allowed_extension_tables) {
            if !is_plain_name(name) {
                return Err(DenyListError::NotAName(name.clone()));
            }
        }
        for name in &self.denied_columns {
            let is_column = |(table, column): (&str, &str)| {
                (table == "*" || is_plain_name(table)) && is_plain_name(column)
            };
            if !name.split_once('.').is_some_and(is_column) {
                return Err(DenyListError::NotAColumn(name.clone()));
            }
        }
        match self.allowed_extension_tables.iter().find(|name| is_reserved(name)) {
            Some(name) => Err(DenyListError::Reserved(name.clone())),
            None => Ok(()),
        }
    }
}

/// Why an entry is on the default list: a clause for the operator. Aliases have the reason of their
/// table, a column of one table that of the same column of every table; names that are not on the
/// list have none.
pub fn reason_for(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let canonical = schema::table(&name).map_or(name.as_str(), |table| table.name);
    let everywhere = name.split_once('.').map(|(_, column)| format!("*.{column}"));
    let is_meant = |entry: &str| entry == canonical || Some(entry) == everywhere.as_deref();
    let mut all = TABLES.iter().chain(COLUMNS).chain(FUNCTIONS);
    all.find(|(entry, _)| is_meant(entry)).map(|(_, reason)| *reason)
}

/// Whether SQLite itself brings a table of this name: its schema, its settings, statistics, full text,
/// R-trees. No query may read them.
pub(crate) fn is_reserved(name: &str) -> bool {
    const MODULES: &[&str] = &[
        "dbstat",
        "fts3",
        "fts3tokenize",
        "fts4",
        "fts4aux",
        "fts5",
        "fts5vocab",
        "rtree",
        "rtree_i32",
    ];
    let name = name.to_ascii_lowercase();
    let is_prefixed = ["sqlite_", "pragma_"].iter().any(|prefix| name.starts_with(prefix));
    is_prefixed || MODULES.contains(&name.as_str())
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

const CLOUD: &str = "every host calls a cloud metadata service, which is slow outside that cloud and \
     may hand out credentials";
const KEYCHAIN: &str = "it opens keychain and certificate stores and shows secret metadata; some agents slow down on it";
const RAW_DISK: &str = "it parses raw disks and goes around file permissions";
const RADIO: &str = "it makes the radio scan or reveals where people are, and has crashed agents";
const YARA: &str = "it scans files or process memory with rules that may come with the query, and takes much memory";

const TABLES: &[(&str, &str)] = &[
    (
        "augeas",
        "every query loads the whole configuration tree and can show any configuration file",
    ),
    ("azure_instance_metadata", CLOUD),
    ("azure_instance_tags", CLOUD),
    ("carves", "it copies files off the host without a limit of size, again on every repetition"),
    ("certificates", KEYCHAIN),
    ("curl", "every host sends a web request to one address at once, also to internal ones"),
    ("curl_certificate", "every host opens a connection that may never time out"),
    ("device_file", RAW_DISK),
    ("device_hash", RAW_DISK),
    ("device_partitions", RAW_DISK),
    ("ec2_instance_metadata", CLOUD),
    ("ec2_instance_tags", CLOUD),
    ("keychain_acls", KEYCHAIN),
    ("keychain_items", KEYCHAIN),
    ("location_services", RADIO),
    ("prometheus_metrics", "every host fetches metrics over the network"),
    ("wifi_status", RADIO),
    ("wifi_survey", RADIO),
    ("yara_file", YARA),
    ("yara_process", YARA),
    ("ycloud_instance_metadata", CLOUD),
];

const COLUMNS: &[(&str, &str)] = &[
    (
        "*.pid_with_namespace",
        "it starts a process inside another mount namespace, such as a container's",
    ),
    ("*.sigurl", "every host downloads rules from the address in the query"),
];

const FUNCTIONS: &[(&str, &str)] = &[
    ("carve", "it copies files off the host without a limit of size, again on every repetition"),
    ("sleep", "it stops the host from answering any other query while it waits"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_list_is_valid_and_every_entry_has_a_reason() {
        let list = DenyList::default_list();
        assert_eq!(list.validate(), Ok(()));
        for name in &list.denied_tables {
            let table = schema::table(name).unwrap_or_else(|| panic!("{name} is no table"));
            assert_eq!(table.name, name, "entries use canonical names");
        }
        let all =
            list.denied_tables.iter().chain(&list.denied_columns).chain(&list.denied_functions);
        for name in all {
            assert!(reason_for(name).is_some(), "{name} has no reason");
        }
        assert_eq!(reason_for("YARA"), reason_for("yara_file"));
        assert_eq!(reason_for("yara.sigurl"), reason_for("*.sigurl"));
        assert_eq!((reason_for("users"), reason_for("users.uid")), (None, None));
    }

    /// A denied name is refused wherever it stands, so it must not be a column people need.
    #[test]
    fn no_denied_name_is_a_column_of_an_allowed_table() {
        let list = DenyList::default_list();
        for table in
            schema::tables().iter().filter(|table| !list.denied_tables.contains(table.name))
        {
            for column in &table.columns {
                let is_denied = list.denied_tables.contains(column.name)
                    || list.denied_functions.contains(column.name);
                assert!(!is_denied, "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn entries_that_are_no_plain_names_are_refused() {
        let with_table = |name: &str| DenyList {
            denied_tables: BTreeSet::from([name.to_owned()]),
            ..DenyList::empty()
        };
        for name in ["", "docker_%", "a b", "x*", "carves WHERE carve = 1", "1a", "a.b"] {
            assert!(with_table(name).validate().is_err(), "{name:?}");
        }
        for name in ["uid", ".uid", "users.", "*", "users.uid.x", "us%.uid"] {
            let list =
                DenyList { denied_columns: BTreeSet::from([name.to_owned()]), ..DenyList::empty() };
            assert!(list.validate().is_err(), "{name:?}");
        }
        for name in ["sqlite_master", "pragma_table_info", "PRAGMA_x"] {
            let list = DenyList {
                allowed_extension_tables: BTreeSet::from([name.to_owned()]),
                ..DenyList::empty()
            };
            assert!(list.validate().is_err(), "{name:?}");
        }
    }
}
