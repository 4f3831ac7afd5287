// SPDX-License-Identifier: Apache-2.0
//! Warnings: what a query may cost a host, or quietly miss. They never refuse a query.
//!
//! Decided from SQLite's plan, place by place, so a condition in one sub-query does not excuse
//! another. The plan on a host may differ; these are hints.

use std::collections::BTreeSet;

use crate::module::Record;
use crate::plan::{Mark, Visit};
use crate::schema::{self, Table};
use crate::verdict::{Warning, WarningCode as Code};

/// All warnings about a statement that was prepared without an error, in no order.
pub(crate) fn warnings(record: &Record, visits: &[Visit]) -> Vec<Warning> {
    let mut found = Vec::new();
    for visit in visits {
        if let Some(table) = visit.mark.table.and_then(schema::table) {
            about_place(table, visit, &mut found);
        }
    }
    for (table, column, pattern) in &record.patterns {
        found.extend(about_pattern(table, column, pattern));
    }
    let tables: BTreeSet<&str> = record.reads.iter().map(|(table, _)| table.as_str()).collect();
    for (names, message) in COSTLY {
        for table in names.iter().filter(|name| tables.contains(**name)) {
            found.push(warning(Code::CostlyTable, table, format!("`{table}` {message}.")));
        }
    }
    if record.reads.contains(&("users".to_owned(), "include_remote".to_owned())) {
        let text =
            "With `include_remote = 1` every host lists the accounts of the directory service.";
        found.push(warning(Code::RemoteAccounts, "users", text));
    }
    if record.is_recursive {
        let text = "A recursive part of WITH runs until it finds nothing new. Give it a LIMIT.";
        found.push(general(Code::RecursiveWith, text));
    }
    for (names, message) in COSTLY_FUNCTIONS {
        for name in names.iter().filter(|name| record.functions.contains(**name)) {
            found.push(general(Code::CostlyFunction, format!("`{name}` {message}.")));
        }
    }
    found
}

pub(crate) fn columns_not_checked() -> Warning {
    let text = "The columns of a table that osquery does not have could not be checked.";
    general(Code::ColumnsNotChecked, text)
}

pub(crate) fn unknown_table(name: &str) -> Warning {
    let text = format!(
        "osquery itself has no table `{name}`. Hosts without an extension that brings it answer with an \
         error."
    );
    warning(Code::UnknownTable, name, text)
}

pub(crate) fn no_common_platform(tables: &BTreeSet<String>) -> Warning {
    let names = tables.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let text = format!("No platform has all of {names}: every host will answer with an error.");
    general(Code::NoCommonPlatform, text)
}

fn warning(code: Code, table: &str, message: impl Into<String>) -> Warning {
    Warning { code, message: message.into(), table: Some(table.to_owned()) }
}

fn general(code: Code, message: impl Into<String>) -> Warning {
    Warning { code, message: message.into(), table: None }
}

/// What one place in the query that reads a table says about it.
fn about_place(table: &Table, visit: &Visit, found: &mut Vec<Warning>) {
    let (mark, name) = (&visit.mark, table.name);
    let needed: Vec<_> = table.required_columns().map(|column| column.name).collect();
    if !needed.is_empty() && !needed.iter().any(|column| mark.is_constrained(column)) {
        let columns = needed.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(" or ");
        let text = format!(
            "`{name}` needs a {columns} constraint (`=`, `IN` or `LIKE`). Without it hosts answer with \
             an error."
        );
        found.push(warning(Code::MissingConstraint, name, text));
    }
    if table.evented && !mark.is_limited("time") {
        let text = format!(
            "`{name}` holds events: without a `time` constraint a host sends all it has kept, and \
             scheduled queries may miss some."
        );
        found.push(warning(Code::EventedWithoutTime, name, text));
    }
    if table.user_data && !["uid", "username"].iter().any(|column| mark.is_constrained(column)) {
        let text = format!(
            "`{name}` has rows per user: join it with `users` on `uid`, or hosts answer for the agent's \
             own user only."
        );
        found.push(warning(Code::PerUserWithoutUid, name, text));
    }
    let many = MANY_ROWS.iter().find(|(table, _)| *table == name);
    if let Some((_, columns)) = many
        && !columns.iter().any(|column| mark.is_constrained(column))
    {
        found.push(warning(Code::ManyRows, name, many_rows(name, columns)));
    }
    found.extend(about_join(table, visit));
}

fn many_rows(name: &str, columns: &[&str]) -> String {
    let columns = columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(" or ");
    let advice = if columns.is_empty() {
        "Add a LIMIT".to_owned()
    } else {
        format!("Give a {columns}, or add a LIMIT")
    };
    format!("`{name}` can have very many rows on a host. {advice}.")
}

fn about_join(table: &Table, visit: &Visit) -> Option<Warning> {
    let (mark, name) = (&visit.mark, table.name);
    if !visit.is_inner || is_looked_up(table, mark) {
        return None;
    }
    if mark.conditions == 0 {
        let text = format!(
            "Nothing joins `{name}` with the tables before it: every row is combined with every row, and \
             the table is generated again each time."
        );
        return Some(warning(Code::CrossJoin, name, text));
    }
    let keys = table.columns.iter().filter(|column| column.is_pushed_down() && !column.hidden);
    let keys = keys.map(|column| format!("`{}`", column.name)).collect::<Vec<_>>().join(", ");
    let advice = if keys.is_empty() {
        "Read it in a part of WITH AS MATERIALIZED first".to_owned()
    } else {
        format!("Join it on one of {keys}, or read it in a part of WITH AS MATERIALIZED first")
    };
    let text =
        format!("`{name}` is generated again for each row of the table before it. {advice}.");
    Some(warning(Code::RepeatedScan, name, text))
}

/// Whether the plan hands a condition down to the table, so that it need not be generated in full.
fn is_looked_up(table: &Table, mark: &Mark) -> bool {
    let pushed = |name: &str| table.column(name).is_some_and(schema::Column::is_pushed_down);
    mark.uses.iter().any(|(name, _)| pushed(name))
}

/// What a pattern on a path does: osquery expands it as a file pattern before SQLite compares.
fn about_pattern(table: &str, column: &str, pattern: &str) -> Option<Warning> {
    let facts = schema::table(table)?;
    let is_expanded =
        facts.column(column)?.is_pushed_down() && matches!(column, "path" | "directory");
    if !is_expanded {
        return None;
    }
    if pattern.contains("%%") {
        let text = format!(
            "The recursive `%%` in `{column}` makes `{table}` walk the whole tree below it, network \
             mounts and containers included. Use a single `%` for one level."
        );
        return Some(warning(Code::RecursiveWildcard, table, text));
    }
    if pattern.matches('%').count() > 1 {
        let text = format!(
            "The pattern for `{column}` of `{table}` has several wildcards, and each multiplies the \
             folders that are read. One is better."
        );
        return Some(warning(Code::SeveralWildcards, table, text));
    }
    None
}

/// Tables that may have 10,000 rows and more, and the columns that select few of them.
const MANY_ROWS: &[(&str, &[&str])] = &[
    ("deb_package_files", &["package", "path"]),
    ("kernel_keys", &[]),
    ("memory_map", &[]),
    ("process_memory_map", &["pid"]),
    ("process_open_files", &["pid"]),
    ("process_open_handles", &["pid"]),
    ("process_open_pipes", &["pid"]),
    ("registry", &["key", "path"]),
    ("rpm_package_files", &["package", "path"]),
];

/// Tables that are slow or heavy on a host whatever the query says.
const COSTLY: &[(&[&str], &str)] = &[
    (
        &[
            "docker_container_envs",
            "docker_container_fs_changes",
            "docker_container_labels",
            "docker_container_mounts",
            "docker_container_networks",
            "docker_container_ports",
            "docker_container_processes",
            "docker_container_stats",
            "docker_containers",
            "docker_image_history",
            "docker_image_labels",
            "docker_image_layers",
            "docker_images",
            "docker_info",
            "docker_network_labels",
            "docker_networks",
            "docker_version",
            "docker_volume_labels",
            "docker_volumes",
        ],
        "asks the Docker service without a time limit: where it hangs, the agent hangs",
    ),
    (
        &[
            "lxd_certificates",
            "lxd_cluster",
            "lxd_cluster_members",
            "lxd_images",
            "lxd_instance_config",
            "lxd_instance_devices",
            "lxd_instances",
            "lxd_networks",
            "lxd_storage_pools",
        ],
        "asks the LXD service: where it hangs, the agent hangs",
    ),
    (
        &[
            "chrome_extension_content_scripts",
            "chrome_extensions",
            "firefox_addons",
            "jetbrains_plugins",
            "npm_packages",
            "python_packages",
            "suid_bin",
            "vscode_extensions",
        ],
        "walks whole folder trees",
    ),
    (&["hash"], "reads every file it names, up to 50 MB each"),
    (&["mounts"], "waits on dead network mounts"),
    (
        &["asl", "kernel_panics", "mdfind", "package_receipts", "system_profiler", "unified_log"],
        "searches logs or indexes and may take long",
    ),
    (
        &[
            "prefetch",
            "shellbags",
            "shimcache",
            "userassist",
            "windows_eventlog",
            "windows_search",
            "windows_update_history",
            "wmi_bios_info",
            "wmi_cli_event_consumers",
            "wmi_event_filters",
            "wmi_filter_consumer_binding",
            "wmi_script_event_consumers",
        ],
        "reads many records or makes slow system calls",
    ),
    (
        &[
            "acpi_tables",
            "cpuid",
            "iokit_devicetree",
            "iokit_registry",
            "msr",
            "nvram",
            "smbios_tables",
            "smc_keys",
        ],
        "talks to hardware or firmware",
    ),
];

const COSTLY_FUNCTIONS: &[(&[&str], &str)] = &[
    (
        &["regex_match", "regex_split"],
        "can exhaust the agent's stack on long texts. Cut them with `substr` first",
    ),
    (&["randomblob", "zeroblob"], "can fill the agent's memory"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_in_the_lists_exists() {
        let costly = COSTLY.iter().flat_map(|(names, _)| names.iter().copied());
        for name in costly.chain(MANY_ROWS.iter().map(|(name, _)| *name)) {
            assert!(schema::table(name).is_some_and(|table| table.name == name), "{name}");
        }
        for (name, columns) in MANY_ROWS {
            let table = schema::table(name).expect("checked above");
            assert!(columns.iter().all(|column| table.column(column).is_some()), "{name}");
        }
        let lists = |name: &&Table| COSTLY.iter().any(|(names, _)| names.contains(&name.name));
        let prefixed = ["docker_", "lxd_", "wmi_", "iokit_"];
        let of_prefix = |t: &&Table| prefixed.iter().any(|prefix| t.name.starts_with(prefix));
        let missing: Vec<_> = schema::tables()
            .iter()
            .filter(of_prefix)
            .filter(|t| !lists(t))
            .map(|t| t.name)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
