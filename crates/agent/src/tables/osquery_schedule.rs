// SPDX-License-Identifier: Apache-2.0
//! `osquery_schedule`: the queries of the running schedule and what their runs cost.

use super::{Column, Scan, Table, TableError, bigint, integer, text};

/// See the head of this file.
pub struct OsquerySchedule;

const COLUMNS: &[Column] = &[
    text("name"),
    text("query"),
    integer("interval"),
    bigint("executions"),
    bigint("last_executed"),
    integer("denylisted"),
    bigint("output_size"),
    bigint("wall_time"),
    bigint("wall_time_ms"),
    bigint("last_wall_time_ms"),
    bigint("user_time"),
    bigint("last_user_time"),
    bigint("system_time"),
    bigint("last_system_time"),
    bigint("average_memory"),
    bigint("last_memory"),
    // An older name of `denylisted`.
    integer("blacklisted").hidden(),
];

impl Table for OsquerySchedule {
    fn name(&self) -> &'static str {
        "osquery_schedule"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for query in scan.host().facts.schedule().queries {
            let row = scan
                .row()
                .set("name", query.name)
                .set("query", query.query)
                .set("interval", query.interval)
                .set("executions", query.executions)
                .set("last_executed", query.last_executed)
                .set("denylisted", query.denylisted)
                .set("output_size", query.output_size)
                .set("wall_time", query.wall_time)
                .set("wall_time_ms", query.wall_time_ms)
                .set("last_wall_time_ms", query.last_wall_time_ms)
                .set("user_time", query.user_time)
                .set("last_user_time", query.last_user_time)
                .set("system_time", query.system_time)
                .set("last_system_time", query.last_system_time)
                .set("average_memory", query.average_memory)
                .set("last_memory", query.last_memory)
                .set("blacklisted", query.denylisted);
            scan.push(row)?;
        }
        Ok(())
    }
}
