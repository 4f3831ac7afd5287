// SPDX-License-Identifier: Apache-2.0
//! `groups`: the groups in `/etc/group`. Directory services are not asked.

use std::path::Path;

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct Groups;

const COLUMNS: &[Column] = &[
    bigint("gid").index(),
    bigint("gid_signed"),
    text("groupname"),
    text("group_sid").index().hidden(),
    text("comment").hidden(),
    integer("is_hidden").hidden(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

impl Table for Groups {
    fn name(&self) -> &'static str {
        "groups"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let groups = read::text_if_exists(Path::new("/etc/group"), ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for line in groups.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, gid, ..] = fields[..] else { continue };
            let Ok(gid) = gid.parse::<u32>() else { continue };
            let row = scan
                .row()
                .set("gid", gid)
                .set("gid_signed", gid.cast_signed())
                .set("groupname", name)
                .set(NAMESPACE_COLUMN, 0);
            scan.push(row)?;
        }
        Ok(())
    }
}
