// SPDX-License-Identifier: Apache-2.0
//! Every table has osquery's columns: names, order, types, flags. Columns without content on
//! Linux exist but are hidden, as in osquery.

use mimir_agent::tables;
use mimir_sqlguard::schema::{self, Platform};

use crate::fixture::{rows, value};

/// The tables this agent must have.
const TABLES: [&str; 61] = [
    "apt_sources",
    "arp_cache",
    "authorized_keys",
    "block_devices",
    "certificates",
    "cpu_info",
    "cpu_time",
    "crontab",
    "deb_packages",
    "disk_encryption",
    "dns_resolvers",
    "etc_hosts",
    "etc_protocols",
    "etc_services",
    "file",
    "groups",
    "hash",
    "interface_addresses",
    "interface_details",
    "iptables",
    "kernel_info",
    "kernel_modules",
    "known_hosts",
    "last",
    "listening_ports",
    "load_average",
    "logged_in_users",
    "memory_info",
    "mounts",
    "npm_packages",
    "os_version",
    "osquery_extensions",
    "osquery_flags",
    "osquery_info",
    "osquery_packs",
    "osquery_registry",
    "osquery_schedule",
    "platform_info",
    "process_envs",
    "process_memory_map",
    "process_open_files",
    "process_open_sockets",
    "processes",
    "python_packages",
    "routes",
    "rpm_packages",
    "secureboot",
    "shadow",
    "shell_history",
    "ssh_configs",
    "startup_items",
    "sudoers",
    "suid_bin",
    "system_controls",
    "system_info",
    "systemd_units",
    "time",
    "uptime",
    "user_groups",
    "user_ssh_keys",
    "users",
];

/// Tables whose source only root may read; for others they are an error that says so.
const FOR_ROOT: [&str; 2] = ["iptables", "shadow"];

#[test]
fn the_tables_are_there() {
    let names: Vec<_> = tables::all().iter().map(|table| table.name()).collect();
    assert_eq!(names, TABLES);
}

#[test]
fn columns_are_osquerys() {
    for table in tables::all() {
        let name = table.name();
        let expected = schema::table(name).unwrap_or_else(|| panic!("osquery has no {name}"));
        assert!(expected.is_on(Platform::Linux), "{name}");
        assert_eq!(table.aliases(), expected.aliases, "{name}");
        // Other names of a column are hidden columns after the others.
        let aliases = expected.columns.iter().flat_map(|column| {
            column.aliases.iter().map(|alias| (*alias, column.column_type.as_str(), true))
        });
        let columns = expected.columns.iter().map(|column| {
            let is_elsewhere =
                !column.platforms.is_empty() && !column.platforms.contains(&Platform::Linux);
            (column.name, column.column_type.as_str(), column.hidden || is_elsewhere)
        });
        let expected_shape: Vec<_> = columns.chain(aliases).collect();
        let described = rows(&format!("PRAGMA table_xinfo({name})"));
        let shape: Vec<_> = described
            .iter()
            .map(|row| (row["name"].as_str(), row["type"].as_str(), row["hidden"] != "0"))
            .collect();
        assert_eq!(shape, expected_shape, "{name}");

        for (column, expected) in table.columns().iter().zip(&expected.columns) {
            let context = format!("{name}.{}", column.name);
            assert_eq!(column.required, expected.required, "{context}");
            assert_eq!(column.index, expected.index, "{context}");
            assert_eq!(column.additional, expected.additional, "{context}");
            assert_eq!(column.collation, expected.collation, "{context}");
        }
    }
}

#[test]
fn every_column_can_be_selected() {
    let is_root = nix::unistd::geteuid().is_root();
    for table in tables::all().iter().filter(|table| is_root || !FOR_ROOT.contains(&table.name())) {
        let filter = match table.columns().iter().any(|column| column.required) {
            true => "WHERE path = '/etc/passwd'",
            false => "",
        };
        for column in table.columns() {
            let sql = format!("SELECT count(\"{}\") FROM {} {filter}", column.name, table.name());
            assert!(value(&sql).parse::<u32>().is_ok(), "{sql}");
        }
    }
}
