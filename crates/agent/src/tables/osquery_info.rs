// SPDX-License-Identifier: Apache-2.0
//! `osquery_info`: the agent itself.

use super::{Column, Scan, Table, TableError, integer, text};
use crate::VERSION;

/// See the head of this file.
pub struct OsqueryInfo;

/// POSIX and Linux in osquery's bit mask (`osquery/utils/info/platform_type.h`).
pub const PLATFORM_MASK: i32 = 9;

const COLUMNS: &[Column] = &[
    integer("pid"),
    text("uuid").nocase(),
    text("instance_id"),
    text("version").collate("version"),
    text("config_hash").nocase(),
    integer("config_valid"),
    text("extensions"),
    text("build_platform"),
    text("build_distro"),
    integer("start_time"),
    integer("watcher"),
    integer("platform_mask"),
];

impl Table for OsqueryInfo {
    fn name(&self) -> &'static str {
        "osquery_info"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let host = scan.host();
        let config = host.config();
        let row = scan
            .row()
            .set("pid", host.pid)
            .set("uuid", host.identity.uuid.as_str())
            .set("instance_id", host.identity.instance_id.as_str())
            .set("version", VERSION)
            .set("config_hash", config.hash)
            .set("config_valid", config.valid)
            .set("extensions", "inactive")
            .set("build_platform", "linux")
            .set("build_distro", "mimir-agent")
            .set("start_time", host.started_at)
            .set("watcher", -1)
            .set("platform_mask", PLATFORM_MASK);
        scan.push(row)
    }
}
