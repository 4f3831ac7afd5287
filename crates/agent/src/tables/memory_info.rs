// SPDX-License-Identifier: Apache-2.0
//! `memory_info`: how the memory is used, in bytes, as `/proc/meminfo` counts it.

use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, read};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct MemoryInfo;

const COLUMNS: &[Column] = &[
    bigint("memory_total"),
    bigint("memory_free"),
    bigint("memory_available"),
    bigint("buffers"),
    bigint("cached"),
    bigint("swap_cached"),
    bigint("active"),
    bigint("inactive"),
    bigint("swap_total"),
    bigint("swap_free"),
];

/// The kernel's names, in the order of the columns.
const NAMES: [&str; 10] = [
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SwapCached",
    "Active",
    "Inactive",
    "SwapTotal",
    "SwapFree",
];

impl Table for MemoryInfo {
    fn name(&self) -> &'static str {
        "memory_info"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let meminfo = read::text(Path::new("/proc/meminfo"), PROC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        let mut row = scan.row();
        for (column, name) in COLUMNS.iter().zip(NAMES) {
            row = row.set(column.name, bytes(&meminfo, name));
        }
        scan.push(row)
    }
}

/// A size; `None` where the kernel does not count it.
fn bytes(meminfo: &str, name: &str) -> Option<i64> {
    let value = |line: &str| {
        let size = line.strip_prefix(name)?.strip_prefix(':')?.trim();
        size.strip_suffix("kB").unwrap_or(size).trim_end().parse::<i64>().ok()?.checked_mul(1_024)
    };
    meminfo.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn names_are_whole_and_sizes_are_bytes() {
        let meminfo = "MemTotal:  2048 kB\nSwapCached: 1 kB\nCached: 3 kB\nActive(anon): 9 kB\n\
                       Buffers: x kB\nSwapFree: 9223372036854775807 kB\nInactive\n";
        assert_eq!(bytes(meminfo, "MemTotal"), Some(2_097_152));
        assert_eq!(bytes(meminfo, "Cached"), Some(3_072));
        for name in ["Active", "Buffers", "SwapFree", "Inactive", "MemFree"] {
            assert_eq!(bytes(meminfo, name), None, "{name}");
        }
    }
}
