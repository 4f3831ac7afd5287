// SPDX-License-Identifier: Apache-2.0
//! `rpm_packages`: the packages in RPM's database. Databases in Berkeley DB, which RPM gave up in
//! 2020, are not read.

use super::rpm_header::{Header, tag};
use super::{
    Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, integer, rpm_database, text,
};

/// See the head of this file.
pub struct RpmPackages;

const COLUMNS: &[Column] = &[
    text("name").index(),
    text("version").index().collate("version_rhel"),
    text("release").index(),
    text("source"),
    bigint("size"),
    text("sha1").nocase(),
    text("arch").index(),
    integer("epoch").index(),
    integer("install_time"),
    text("vendor"),
    text("package_group"),
    integer(NAMESPACE_COLUMN).additional().hidden(),
    text("mount_namespace_id").hidden(),
];

impl Table for RpmPackages {
    fn name(&self) -> &'static str {
        "rpm_packages"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        rpm_database::each_header(scan, |scan, bytes| match Header::parse(bytes) {
            Some(header) => push_package(scan, &header),
            None => {
                tracing::warn!("the RPM database holds a broken package");
                Ok(())
            }
        })
    }
}

fn push_package(scan: &mut Scan<'_>, header: &Header<'_>) -> Result<(), TableError> {
    let text = |tag| header.text(tag).unwrap_or_default();
    let row = scan
        .row()
        .set("name", text(tag::NAME))
        .set("version", text(tag::VERSION))
        .set("release", text(tag::RELEASE))
        .set("source", text(tag::SOURCERPM))
        .set("size", header.number(tag::SIZE).or_else(|| header.number(tag::LONGSIZE)))
        .set("sha1", text(tag::SHA1HEADER))
        .set("arch", text(tag::ARCH))
        .set("epoch", header.number(tag::EPOCH))
        .set("install_time", header.number(tag::INSTALLTIME))
        .set("vendor", text(tag::VENDOR))
        .set("package_group", text(tag::GROUP))
        .set(NAMESPACE_COLUMN, 0);
    scan.push(row)
}
