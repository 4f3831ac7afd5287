// SPDX-License-Identifier: Apache-2.0
//! `osquery_registry`: what this agent can do, in the words of osquery's registry: its tables, and
//! the plugins by which it speaks to a server. The truth about which tables there are.

use super::{Column, Scan, Table, TableError, all, integer, text};

/// See the head of this file.
pub struct OsqueryRegistry;

const COLUMNS: &[Column] = &[
    text("registry"),
    text("name"),
    integer("owner_uuid"),
    integer("internal"),
    integer("active"),
];

/// What osquery calls the ways of reaching a server, and of keeping state.
const PLUGINS: [(&str, &str); 6] = [
    ("config", "tls"),
    ("database", "sqlite"),
    ("distributed", "tls"),
    ("enroll", "tls"),
    ("logger", "tls"),
    ("sql", "sql"),
];

impl Table for OsqueryRegistry {
    fn name(&self) -> &'static str {
        "osquery_registry"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let tables = all().iter().map(|table| ("table", table.name()));
        for (registry, name) in PLUGINS.into_iter().chain(tables) {
            let row = scan
                .row()
                .set("registry", registry)
                .set("name", name)
                .set("owner_uuid", 0)
                .set("internal", 0)
                .set("active", 1);
            scan.push(row)?;
        }
        Ok(())
    }
}
