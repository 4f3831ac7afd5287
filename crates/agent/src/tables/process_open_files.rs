// SPDX-License-Identifier: Apache-2.0
//! `process_open_files`: the files that processes hold open. Sockets, pipes and the kernel's
//! anonymous inodes are left out, as in osquery: they have no path.
//!
//! They are told by how the kernel begins their name, not by what a name contains, so a file
//! called `/tmp/socket:x` does not hide. A deleted file keeps the kernel's ` (deleted)`.

use std::fs;
use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, proc, text};

/// See the head of this file.
pub struct ProcessOpenFiles;

const COLUMNS: &[Column] = &[bigint("pid").index(), bigint("fd"), text("path")];

/// How the kernel names what is open and no file.
const NAMELESS: [&str; 3] = ["socket:[", "pipe:[", "anon_inode:"];

impl Table for ProcessOpenFiles {
    fn name(&self) -> &'static str {
        "process_open_files"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for pid in proc::pids(scan)? {
            scan.check()?;
            push_files(scan, pid)?;
        }
        Ok(())
    }
}

/// The files of one process, by descriptor. A process that has gone, or whose descriptors this
/// agent may not see, has none.
fn push_files(scan: &mut Scan<'_>, pid: i32) -> Result<(), TableError> {
    let directory = proc::directory(pid).join("fd");
    let Ok(entries) = fs::read_dir(&directory) else { return Ok(()) };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut numbers: Vec<u32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    for fd in numbers {
        let Ok(link) = fs::read_link(directory.join(fd.to_string())) else { continue };
        if is_file(&link) {
            let row = scan.row().set("pid", pid).set("fd", fd).set("path", link.as_path());
            scan.push(row)?;
        }
    }
    Ok(())
}

fn is_file(link: &Path) -> bool {
    let name = link.to_string_lossy();
    !NAMELESS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_names_so_is_no_file() {
        for name in ["socket:[17]", "pipe:[9]", "anon_inode:[eventpoll]", "anon_inode:inotify"] {
            assert!(!is_file(Path::new(name)), "{name}");
        }
        for name in ["/tmp/socket:[17]", "/dev/null", "/memfd:x (deleted)", "/a (deleted)"] {
            assert!(is_file(Path::new(name)), "{name}");
        }
    }
}
