// SPDX-License-Identifier: Apache-2.0
//! `osquery_extensions`: the agent itself, which takes no extensions.

use super::{Column, Scan, Table, TableError, bigint, text};
use crate::VERSION;

/// See the head of this file.
pub struct OsqueryExtensions;

const COLUMNS: &[Column] = &[
    bigint("uuid"),
    text("name"),
    text("version").collate("version"),
    text("sdk_version").collate("version"),
    text("path"),
    text("type"),
];

impl Table for OsqueryExtensions {
    fn name(&self) -> &'static str {
        "osquery_extensions"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let row = scan
            .row()
            .set("uuid", 0)
            .set("name", "core")
            .set("version", VERSION)
            .set("sdk_version", "")
            .set("path", "")
            .set("type", "core");
        scan.push(row)
    }
}
