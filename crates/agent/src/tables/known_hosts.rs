// SPDX-License-Identifier: Apache-2.0
//! `known_hosts`: the lines of `~/.ssh/known_hosts`, whole, comments left out.

use super::{Column, Scan, Table, TableError, bigint, homes, text};
use crate::limits::USER_FILE_BYTES_MAX;

/// See the head of this file.
pub struct KnownHosts;

const COLUMNS: &[Column] = &[bigint("uid").index(), text("key"), text("key_file")];

impl Table for KnownHosts {
    fn name(&self) -> &'static str {
        "known_hosts"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn is_user_data(&self) -> bool {
        true
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for home in homes::of_scan(scan)? {
            let path = home.directory.join(".ssh/known_hosts");
            let Some(content) = home.text(scan, &path, USER_FILE_BYTES_MAX) else { continue };
            let lines = content.lines().map(str::trim_end);
            for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let row = scan.row().set("uid", home.uid).set("key", line);
                scan.push(row.set("key_file", path.as_path()))?;
            }
        }
        Ok(())
    }
}
