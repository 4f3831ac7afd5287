// SPDX-License-Identifier: Apache-2.0
//! `deb_packages`: the packages in dpkg's database. `admindir` chooses another database.

use std::collections::HashMap;
use std::path::Path;

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::DPKG_STATUS_BYTES_MAX;

/// See the head of this file.
pub struct DebPackages;

const COLUMNS: &[Column] = &[
    text("name"),
    text("version").collate("version_dpkg"),
    text("source"),
    bigint("size"),
    text("arch"),
    text("revision"),
    text("status"),
    text("maintainer"),
    text("section"),
    text("priority"),
    text("admindir").additional(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
    text("mount_namespace_id").hidden(),
];

const ADMINDIR: &str = "/var/lib/dpkg";

impl Table for DebPackages {
    fn name(&self) -> &'static str {
        "deb_packages"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let mut directories = scan.equals("admindir");
        if directories.is_empty() {
            directories.push(ADMINDIR);
        }
        for admindir in directories.into_iter().filter(|path| path.starts_with('/')) {
            let path = Path::new(admindir).join("status");
            let status = read::text_if_exists(&path, DPKG_STATUS_BYTES_MAX)
                .map_err(|error| scan.unreadable(error))?;
            for package in status.split("\n\n") {
                push_package(scan, &fields(package), admindir)?;
            }
        }
        Ok(())
    }
}

/// One row, unless the package is only known by name.
fn push_package(
    scan: &mut Scan<'_>,
    package: &HashMap<String, &str>,
    admindir: &str,
) -> Result<(), TableError> {
    let field = |name: &str| package.get(name).copied();
    let (Some(name), Some(status)) = (field("package"), field("status")) else { return Ok(()) };
    if status.ends_with(" not-installed") {
        return Ok(());
    }
    let version = field("version").unwrap_or_default();
    let row = scan
        .row()
        .set("name", name)
        .set("version", version)
        .set("source", field("source").unwrap_or_default())
        .set("size", field("installed-size"))
        .set("arch", field("architecture"))
        .set("revision", version.rsplit_once('-').map_or("", |(_, revision)| revision))
        .set("status", status)
        .set("maintainer", field("maintainer"))
        .set("section", field("section"))
        .set("priority", field("priority"))
        .set("admindir", admindir)
        .set(NAMESPACE_COLUMN, 0);
    scan.push(row)
}

/// The one-line fields of a stanza, names in lower case. Continuation lines are left out: no
/// column shows a field that has them.
fn fields(stanza: &str) -> HashMap<String, &str> {
    stanza
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn continuation_lines_are_not_fields() {
        let stanza = "Package: a\nStatus: install ok installed\nDescription: x\n Version: 9\n";
        let fields = fields(stanza);
        assert_eq!(fields["package"], "a");
        assert!(!fields.contains_key("version") && fields.len() == 3);
    }
}
