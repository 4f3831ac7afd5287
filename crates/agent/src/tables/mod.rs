// SPDX-License-Identifier: Apache-2.0
//! The tables: one file each, behind the small trait [`Table`]. Names, columns, types and flags
//! are osquery's (its table specifications at commit a5b14f63), because queries written for
//! osquery must run unchanged.
//!
//! Tables know nothing of SQLite. They are told which columns a query wants and how it
//! constrains the ones they care about, and hand back rows; SQLite filters the rest.

mod blocks;
mod bus;
mod cell;
mod column;
mod der;
mod glob;
mod homes;
mod netlink;
mod paths;
mod pem;
pub(crate) mod proc;
pub mod read;
mod record;
mod rpm_database;
mod rpm_header;
mod scan;
mod smbios;
mod sockets;
mod superblock;
mod systemd;
mod utmp;
mod x509;
mod x509_names;
mod xtables;

mod apt_sources;
mod arp_cache;
mod authorized_keys;
mod block_devices;
mod certificates;
mod cpu_info;
mod cpu_time;
mod crontab;
mod deb_packages;
mod disk_encryption;
mod dns_resolvers;
mod etc_hosts;
mod etc_protocols;
mod etc_services;
mod file;
mod groups;
mod hash;
mod interface_addresses;
mod interface_details;
mod iptables;
mod kernel_info;
mod kernel_modules;
mod known_hosts;
mod last;
mod listening_ports;
mod load_average;
mod logged_in_users;
mod memory_info;
mod mounts;
mod npm_packages;
mod os_version;
mod osquery_extensions;
mod osquery_flags;
mod osquery_info;
mod osquery_packs;
mod osquery_registry;
mod osquery_schedule;
mod platform_info;
mod process_envs;
mod process_memory_map;
mod process_open_files;
mod process_open_sockets;
mod processes;
mod python_packages;
mod routes;
mod rpm_packages;
mod secureboot;
mod shadow;
mod shell_history;
mod ssh_configs;
mod startup_items;
mod sudoers;
mod suid_bin;
mod system_controls;
mod system_info;
mod systemd_units;
mod time;
mod uptime;
mod user_groups;
mod user_ssh_keys;
mod users;

pub use cell::{Cell, format_real};
pub use column::{Column, ColumnKind, bigint, integer, text};
pub use scan::{Budget, Constraint, Match, Row, Rows, Scan};

/// Why a table could not answer.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A table that must be narrowed was not; the text is osquery's.
    #[error("Table {0} was queried without a required column in the WHERE clause")]
    MissingConstraint(&'static str),
    /// Too much for one scan.
    #[error("table {table} would yield more than {limit}; narrow the WHERE clause")]
    TooMuch {
        /// The table.
        table: &'static str,
        /// The limit, with its unit.
        limit: String,
    },
    /// The deadline passed or the agent is stopping; the runner knows which.
    #[error("interrupted")]
    Interrupted,
    /// Something this agent does not do.
    #[error("table {table}: {reason}")]
    Unsupported {
        /// The table.
        table: &'static str,
        /// What, and what to do instead.
        reason: String,
    },
    /// A file the table stands on could not be read.
    #[error("table {table} cannot read its source: {source}")]
    Read {
        /// The table.
        table: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A source of rows about the machine.
pub trait Table: Send + Sync {
    /// The name in SQL.
    fn name(&self) -> &'static str;

    /// The columns, in osquery's order. Fewer than 64.
    fn columns(&self) -> &'static [Column];

    /// Other names under which the table can be queried.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether rows are those of one user, the agent's own unless `uid` says whose: osquery's
    /// `user_data`. Joins with `users` then hand each `uid` down.
    fn is_user_data(&self) -> bool {
        false
    }

    /// Reads the machine and gives every row to [`Scan::push`]. Rows that a constraint excludes
    /// may be given: SQLite looks at them again.
    ///
    /// # Errors
    /// See [`TableError`]. What vanishes while it is read is not an error but a missing row.
    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError>;
}

/// Every table of this agent, by name.
pub fn all() -> &'static [&'static dyn Table] {
    &[
        &apt_sources::AptSources,
        &arp_cache::ArpCache,
        &authorized_keys::AuthorizedKeys,
        &block_devices::BlockDevices,
        &certificates::Certificates,
        &cpu_info::CpuInfo,
        &cpu_time::CpuTime,
        &crontab::Crontab,
        &deb_packages::DebPackages,
        &disk_encryption::DiskEncryption,
        &dns_resolvers::DnsResolvers,
        &etc_hosts::EtcHosts,
        &etc_protocols::EtcProtocols,
        &etc_services::EtcServices,
        &file::File,
        &groups::Groups,
        &hash::Hash,
        &interface_addresses::InterfaceAddresses,
        &interface_details::InterfaceDetails,
        &iptables::Iptables,
        &kernel_info::KernelInfo,
        &kernel_modules::KernelModules,
        &known_hosts::KnownHosts,
        &last::Last,
        &listening_ports::ListeningPorts,
        &load_average::LoadAverage,
        &logged_in_users::LoggedInUsers,
        &memory_info::MemoryInfo,
        &mounts::Mounts,
        &npm_packages::NpmPackages,
        &os_version::OsVersion,
        &osquery_extensions::OsqueryExtensions,
        &osquery_flags::OsqueryFlags,
        &osquery_info::OsqueryInfo,
        &osquery_packs::OsqueryPacks,
        &osquery_registry::OsqueryRegistry,
        &osquery_schedule::OsquerySchedule,
        &platform_info::PlatformInfo,
        &process_envs::ProcessEnvs,
        &process_memory_map::ProcessMemoryMap,
        &process_open_files::ProcessOpenFiles,
        &process_open_sockets::ProcessOpenSockets,
        &processes::Processes,
        &python_packages::PythonPackages,
        &routes::Routes,
        &rpm_packages::RpmPackages,
        &secureboot::Secureboot,
        &shadow::Shadow,
        &shell_history::ShellHistory,
        &ssh_configs::SshConfigs,
        &startup_items::StartupItems,
        &sudoers::Sudoers,
        &suid_bin::SuidBin,
        &system_controls::SystemControls,
        &system_info::SystemInfo,
        &systemd_units::SystemdUnits,
        &time::Time,
        &uptime::Uptime,
        &user_groups::UserGroups,
        &user_ssh_keys::UserSshKeys,
        &users::Users,
    ]
}

/// The hidden columns by which osquery enters another mount namespace.
pub(crate) const NAMESPACE_COLUMN: &str = "pid_with_namespace";
