// SPDX-License-Identifier: Apache-2.0
//! `osquery_packs`: the packs of the configuration, whether their queries run here or not.

use super::{Column, Scan, Table, TableError, integer, text};

/// See the head of this file.
pub struct OsqueryPacks;

const COLUMNS: &[Column] = &[
    text("name"),
    text("platform"),
    text("version").collate("version"),
    integer("shard"),
    integer("discovery_cache_hits"),
    integer("discovery_executions"),
    integer("active"),
];

impl Table for OsqueryPacks {
    fn name(&self) -> &'static str {
        "osquery_packs"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for pack in scan.host().facts.schedule().packs {
            let row = scan
                .row()
                .set("name", pack.name)
                .set("platform", pack.platform)
                .set("version", pack.version)
                .set("shard", pack.shard)
                .set("discovery_cache_hits", pack.discovery_cache_hits)
                .set("discovery_executions", pack.discovery_executions)
                .set("active", pack.active);
            scan.push(row)?;
        }
        Ok(())
    }
}
