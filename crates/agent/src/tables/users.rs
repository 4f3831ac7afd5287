// SPDX-License-Identifier: Apache-2.0
//! `users`: the users in `/etc/passwd`. Directory services are not asked, because every host
//! of a fleet would ask at once.

use std::path::Path;

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct Users;

const COLUMNS: &[Column] = &[
    bigint("uid").index(),
    bigint("gid"),
    bigint("uid_signed"),
    bigint("gid_signed"),
    text("username").additional(),
    text("description"),
    text("directory"),
    text("shell"),
    text("uuid").index().nocase(),
    text("type").hidden(),
    integer("is_hidden").hidden(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
    integer("include_remote").additional().hidden(),
];

impl Table for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        if scan.equals("include_remote").iter().any(|value| *value != "0") {
            return Err(scan.unsupported("only local users are read; drop include_remote"));
        }
        let passwd = read::text_if_exists(Path::new("/etc/passwd"), ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for user in passwd.lines().filter_map(User::parse) {
            let row = scan
                .row()
                .set("uid", user.uid)
                .set("gid", user.gid)
                .set("uid_signed", user.uid.cast_signed())
                .set("gid_signed", user.gid.cast_signed())
                .set("username", user.name)
                .set("description", user.description)
                .set("directory", user.directory)
                .set("shell", user.shell)
                .set("uuid", "")
                .set(NAMESPACE_COLUMN, 0)
                .set("include_remote", 0);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// One line of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct User<'l> {
    pub(super) name: &'l str,
    pub(super) uid: u32,
    pub(super) gid: u32,
    description: &'l str,
    /// The home directory.
    pub(super) directory: &'l str,
    shell: &'l str,
}

impl<'l> User<'l> {
    /// `None` for comments, NIS markers and broken lines.
    pub(super) fn parse(line: &'l str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, description, directory, shell] = fields[..] else { return None };
        let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
        Some(Self { name, uid, gid, description, directory, shell })
    }
}

#[cfg(test)]
mod tests {
    use super::User;

    #[test]
    fn broken_lines_are_passed_over() {
        let user = User::parse("root:x:0:0:root,,:/root:/bin/bash").unwrap();
        assert_eq!((user.name, user.uid, user.description), ("root", 0, "root,,"));
        assert_eq!(User::parse("nobody:x:4294967295:1::/:").unwrap().uid, u32::MAX);
        for line in ["", "+::::::", "root:x:zero:0:::", "root:x:0"] {
            assert!(User::parse(line).is_none(), "{line}");
        }
    }
}
