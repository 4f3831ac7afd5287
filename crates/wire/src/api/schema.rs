// SPDX-License-Identifier: Apache-2.0
//! What osquery's hosts can be asked: tables, columns and functions, for completion in editors,
//! with what the deny-list in force refuses when more than one host is targeted.

use serde::{Deserialize, Serialize};

use super::target::Platform;
use super::words;

words! {
    /// The declared type of a column.
    ColumnType {
        /// Text.
        Text = "text",
        /// A whole number of 32 bits.
        Integer = "integer",
        /// A whole number of 64 bits.
        Bigint = "bigint",
        /// A whole number of 64 bits without sign.
        UnsignedBigint = "unsigned_bigint",
        /// A floating point number.
        Double = "double",
        /// Bytes.
        Blob = "blob",
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// Its declared type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// The table answers only when one of its required columns is constrained.
    pub required: bool,
    /// A look-up key: a constraint on it is handed down to the table.
    pub index: bool,
    /// A constraint on it changes or widens what the table generates.
    pub additional: bool,
    /// Not part of `SELECT *`.
    pub hidden: bool,
    /// Platforms on which it has content; empty means all of the table's.
    pub platforms: Vec<Platform>,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// Why it may not be read on more than one host, if it may not.
    pub denied: Option<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SchemaTable {
    /// Its name.
    pub name: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// Platforms that have it.
    pub platforms: Vec<Platform>,
    /// Filled by an event publisher; empty unless events are enabled on the host.
    pub evented: bool,
    /// osquery may answer from a cache.
    pub cacheable: bool,
    /// Holds data per user; root's own only, unless constrained by `uid`.
    pub user_data: bool,
    /// Where osquery describes it.
    pub url: String,
    /// Why it may not be queried on more than one host, if it may not.
    pub denied: Option<String>,
    /// Columns of which one must be constrained; none for most tables.
    pub required: Vec<String>,
    /// Its columns in declared order.
    pub columns: Vec<SchemaColumn>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SchemaFunction {
    /// Its name.
    pub name: String,
    /// Why it may not be called on more than one host, if it may not.
    pub denied: Option<String>,
}

/// Answer of `GET /schema`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schema {
    /// The release of osquery whose tables these are. Hosts may run another.
    pub osquery_version: String,
    /// All tables, sorted by name.
    pub tables: Vec<SchemaTable>,
    /// Tables of extensions that an administrator has allowed; their columns are not known.
    pub extension_tables: Vec<String>,
    /// All functions, sorted by name.
    pub functions: Vec<SchemaFunction>,
}
