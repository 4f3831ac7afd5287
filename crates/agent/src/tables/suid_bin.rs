// SPDX-License-Identifier: Apache-2.0
//! `suid_bin`: programs in the usual directories that run with the rights of their owner (`S`) or
//! of their group (`G`). A file that links show twice is listed twice, as in osquery.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::users::User;
use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, homes, integer, read, text};
use crate::limits::{ETC_FILE_BYTES_MAX, GLOB_DEPTH_MAX};

/// See the head of this file.
pub struct SuidBin;

const COLUMNS: &[Column] = &[
    text("path"),
    text("username"),
    text("groupname"),
    text("permissions"),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

/// osquery's list.
const DIRECTORIES: [&str; 7] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/tmp"];

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;

impl Table for SuidBin {
    fn name(&self) -> &'static str {
        "suid_bin"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let names = Names::read(scan)?;
        for directory in DIRECTORIES {
            walk(scan, Path::new(directory), &names)?;
        }
        Ok(())
    }
}

/// Looks at every file below a directory, without following links to directories. There is no
/// bound on their number, only on time: nothing is kept of files without these rights.
fn walk(scan: &mut Scan<'_>, directory: &Path, names: &Names) -> Result<(), TableError> {
    let mut waiting = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let Ok(entries) = fs::read_dir(scan.host().at(&directory)) else { continue };
        for entry in entries.flatten() {
            scan.check()?;
            let Ok(kind) = entry.file_type() else { continue };
            let path = directory.join(entry.file_name());
            if kind.is_dir() {
                if depth < GLOB_DEPTH_MAX {
                    waiting.push((path, depth + 1));
                }
            } else if kind.is_file() || kind.is_symlink() {
                push_if_privileged(scan, path, names)?;
            }
        }
    }
    Ok(())
}

fn push_if_privileged(scan: &mut Scan<'_>, path: PathBuf, names: &Names) -> Result<(), TableError> {
    let Ok(found) = fs::metadata(scan.host().at(&path)) else { return Ok(()) };
    let permissions = permissions(found.mode());
    if !found.is_file() || permissions.is_empty() {
        return Ok(());
    }
    let row = scan
        .row()
        .set("path", path.as_path())
        .set("username", Names::of(&names.users, found.uid()))
        .set("groupname", Names::of(&names.groups, found.gid()))
        .set("permissions", permissions)
        .set(NAMESPACE_COLUMN, 0);
    scan.push(row)
}

const fn permissions(mode: u32) -> &'static str {
    match (mode & SET_UID != 0, mode & SET_GID != 0) {
        (true, true) => "SG",
        (true, false) => "S",
        (false, true) => "G",
        (false, false) => "",
    }
}

/// Names of users and groups by number.
struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    fn read(scan: &Scan<'_>) -> Result<Self, TableError> {
        let passwd = homes::passwd(scan)?;
        let path = scan.host().at(Path::new("/etc/group"));
        let group = read::text_if_exists(&path, ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        let (mut users, mut groups) = (HashMap::new(), HashMap::new());
        for user in passwd.lines().filter_map(User::parse) {
            users.entry(user.uid).or_insert_with(|| user.name.to_owned());
        }
        for line in group.lines() {
            let mut fields = line.split(':');
            let (name, gid) = (fields.next(), fields.nth(1).and_then(|gid| gid.parse().ok()));
            let (Some(name), Some(gid)) = (name, gid) else { continue };
            groups.entry(gid).or_insert_with(|| name.to_owned());
        }
        Ok(Self { users, groups })
    }

    fn of(names: &HashMap<u32, String>, number: u32) -> String {
        names.get(&number).cloned().unwrap_or_else(|| number.to_string())
    }
}
