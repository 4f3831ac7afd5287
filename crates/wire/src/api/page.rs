// SPDX-License-Identifier: Apache-2.0
//! Lists are pages: items, and a cursor to the next page while there is one.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Opaque; give it as `cursor` for the next page. `null` on the last.
    pub next_cursor: Option<String>,
    /// Items on all pages together, where that is known without counting them.
    pub total: Option<u64>,
}

/// One page of result rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowPage {
    /// Columns in the order the query named them.
    pub columns: Vec<String>,
    /// Rows: column to text.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<std::collections::HashMap<String, String>>))]
    pub items: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Opaque; give it as `cursor` for the next page. `null` on the last.
    pub next_cursor: Option<String>,
    /// Rows on all pages together, where that is known without counting them.
    pub total: Option<u64>,
}
