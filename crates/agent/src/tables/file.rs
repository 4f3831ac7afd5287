// SPDX-License-Identifier: Apache-2.0
//! `file`: what the file system says of a file. Must be narrowed by `path` or `directory`.

use std::fs::{self, FileType, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::time::SystemTime;

use super::paths::{Target, targets};
use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, integer, text};

/// See the head of this file.
pub struct File;

const COLUMNS: &[Column] = &[
    text("path").required().index(),
    text("directory").required(),
    text("filename"),
    bigint("inode"),
    bigint("uid"),
    bigint("gid"),
    text("mode"),
    bigint("device"),
    bigint("size"),
    integer("block_size"),
    bigint("atime"),
    bigint("mtime"),
    bigint("ctime"),
    bigint("btime"),
    integer("hard_links"),
    integer("symlink"),
    text("type"),
    text("symlink_target_path"),
    text("attributes").hidden(),
    text("volume_serial").hidden(),
    text("file_id").hidden(),
    text("file_version").collate("version").hidden(),
    text("product_version").collate("version").hidden(),
    text("original_filename").hidden(),
    text("shortcut_target_path").hidden(),
    text("shortcut_target_type").hidden(),
    text("shortcut_target_location").hidden(),
    text("shortcut_start_in").hidden(),
    text("shortcut_run").hidden(),
    text("shortcut_comment").hidden(),
    text("bsd_flags").hidden(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
    text("mount_namespace_id").hidden(),
];

impl Table for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for target in targets(scan)? {
            push_file(scan, &target)?;
        }
        Ok(())
    }
}

/// One row, unless there is no such file. The facts are those of what a symbolic link points
/// to, or of the link itself when it points nowhere.
fn push_file(scan: &mut Scan<'_>, target: &Target) -> Result<(), TableError> {
    let Ok(link) = fs::symlink_metadata(&target.path) else { return Ok(()) };
    let is_link = link.file_type().is_symlink();
    let found = match is_link {
        true => fs::metadata(&target.path).unwrap_or_else(|_| link.clone()),
        false => link,
    };
    let points_to = is_link.then(|| fs::read_link(&target.path).ok()).flatten();
    let row = scan
        .row()
        .set("path", target.path.as_path())
        .set("directory", target.directory.as_path())
        .set("filename", target.path.file_name())
        .set("inode", found.ino())
        .set("uid", found.uid())
        .set("gid", found.gid())
        .set("mode", format!("{:04o}", found.mode() & 0o7777))
        .set("device", found.rdev())
        .set("size", found.size())
        .set("block_size", found.blksize())
        .set("atime", found.atime())
        .set("mtime", found.mtime())
        .set("ctime", found.ctime())
        .set("btime", born(&found))
        .set("hard_links", found.nlink())
        .set("symlink", is_link)
        .set("type", type_name(found.file_type()))
        .set("symlink_target_path", points_to.as_deref())
        .set(NAMESPACE_COLUMN, 0);
    scan.push(row)
}

/// Unix seconds of creation; 0 where the file system does not keep it, as in osquery.
fn born(found: &Metadata) -> u64 {
    let since = found.created().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}

fn type_name(kind: FileType) -> &'static str {
    if kind.is_file() {
        "regular"
    } else if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "symlink"
    } else if kind.is_block_device() {
        "block"
    } else if kind.is_char_device() {
        "character"
    } else if kind.is_fifo() {
        "fifo"
    } else if kind.is_socket() {
        "socket"
    } else {
        "unknown"
    }
}
