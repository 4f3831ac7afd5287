// SPDX-License-Identifier: Apache-2.0
//! Reading `/proc`: numbers of processes and the parts of their files. Processes come and go
//! while they are read; what has vanished reads as `None`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{SysconfVar, sysconf};

use super::{Scan, TableError, read};
use crate::limits::PROC_FILE_BYTES_MAX;

/// Directory of one process.
pub fn directory(pid: i32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// The processes to look at: those that `pid` must equal, or all that there are.
///
/// # Errors
/// When `/proc` cannot be listed.
pub fn pids(scan: &Scan<'_>) -> Result<Vec<i32>, TableError> {
    let wanted = scan.equals("pid");
    if !wanted.is_empty() {
        let numbers = wanted.iter().filter_map(|text| text.parse().ok());
        return Ok(numbers.filter(|pid| *pid > 0).collect());
    }
    let entries = fs::read_dir("/proc").map_err(|error| scan.unreadable(error))?;
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut pids: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// A file of a process as text.
pub fn file(pid: i32, name: &str) -> Option<String> {
    read::text(&directory(pid).join(name), PROC_FILE_BYTES_MAX).ok()
}

/// A file of a process that may be large; `None` when the process has gone or this agent may not
/// read it.
///
/// # Errors
/// [`TableError::TooMuch`] when it is longer than `bytes_max`: a part would look like the whole.
pub fn bytes(
    scan: &Scan<'_>,
    pid: i32,
    name: &str,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, TableError> {
    match read::bytes(&directory(pid).join(name), bytes_max) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(scan.too_much(format!("{bytes_max} bytes of {name} in process {pid}")))
        }
        Err(_) => Ok(None),
    }
}

/// What a link of a process points to.
pub fn link(pid: i32, name: &str) -> Option<PathBuf> {
    fs::read_link(directory(pid).join(name)).ok()
}

/// The number in a link such as `socket:[4026]` or `net:[4026]`.
pub fn inode_of(link: &Path, kind: &str) -> Option<u64> {
    let text = link.to_str()?;
    text.strip_prefix(kind)?.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

/// Milliseconds in a number of the kernel's clock ticks (`proc(5)`).
pub fn ticks_to_millis(ticks: u64) -> u64 {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    let per_second = per_second.and_then(|ticks| u64::try_from(ticks).ok()).unwrap_or(100);
    ticks.saturating_mul(1_000) / per_second.max(1)
}

/// Unix seconds at which the machine started, from `/proc/stat`.
pub fn boot_time() -> Option<i64> {
    let stat = read::text(Path::new("/proc/stat"), PROC_FILE_BYTES_MAX).ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::process_envs::ProcessEnvs;
    use super::super::process_memory_map::ProcessMemoryMap;
    use super::super::process_open_files::ProcessOpenFiles;
    use super::super::scan::tests::given;
    use super::super::{Cell, Table};
    use super::*;

    #[test]
    fn only_the_processes_asked_for_are_read() {
        let own = std::process::id().to_string();
        let tables: [&dyn Table; 3] = [&ProcessEnvs, &ProcessMemoryMap, &ProcessOpenFiles];
        for table in tables {
            let pids = given(table, "pid", &own, "pid");
            let expected = Cell::Int(std::process::id().into());
            assert!(!pids.is_empty() && pids.iter().all(|pid| *pid == expected), "{pids:?}");
            for value in ["0", "-1", "x", "1/../1", "999999999999"] {
                assert!(given(table, "pid", value, "pid").is_empty(), "{value}");
            }
        }
    }

    #[test]
    fn links_name_inodes() {
        assert_eq!(inode_of(Path::new("socket:[17]"), "socket"), Some(17));
        assert_eq!(inode_of(Path::new("pipe:[17]"), "socket"), None);
        assert_eq!(inode_of(Path::new("/dev/null"), "socket"), None);
    }
}
