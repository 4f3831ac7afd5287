// SPDX-License-Identifier: Apache-2.0
//! `cpu_time`: what each processor spent its time on since the start, in the kernel's clock
//! ticks (USER_HZ, nearly always a hundredth of a second), as `/proc/stat` counts them.

use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, integer, read};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct CpuTime;

const COLUMNS: &[Column] = &[
    integer("core"),
    bigint("user"),
    bigint("nice"),
    bigint("system"),
    bigint("idle"),
    bigint("iowait"),
    bigint("irq"),
    bigint("softirq"),
    bigint("steal"),
    bigint("guest"),
    bigint("guest_nice"),
];

/// The counters in the kernel's order, which is that of the columns after `core`.
const COUNTERS: usize = 10;
/// Counters that every kernel since 2.6 writes; the others count as 0 where they are missing.
const COUNTERS_MIN: usize = 7;

impl Table for CpuTime {
    fn name(&self) -> &'static str {
        "cpu_time"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let stat = read::text(Path::new("/proc/stat"), PROC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for (core, counters) in stat.lines().filter_map(core) {
            let mut row = scan.row().set("core", core);
            for (column, ticks) in COLUMNS[1..].iter().zip(counters) {
                row = row.set(column.name, ticks);
            }
            scan.push(row)?;
        }
        Ok(())
    }
}

/// Number and counters of a processor. The first line, `cpu`, is their sum and no processor.
fn core(line: &str) -> Option<(u32, [u64; COUNTERS])> {
    let mut words = line.strip_prefix("cpu")?.split_ascii_whitespace();
    if line.starts_with("cpu ") {
        return None;
    }
    let core = words.next()?.parse().ok()?;
    let mut counters = [0; COUNTERS];
    let mut count = 0;
    for (counter, word) in counters.iter_mut().zip(words) {
        *counter = word.parse().ok()?;
        count += 1;
    }
    (count >= COUNTERS_MIN).then_some((core, counters))
}

#[cfg(test)]
mod tests {
    use super::core;

    #[test]
    fn the_sum_is_no_processor() {
        assert_eq!(core("cpu  1 2 3 4 5 6 7 8 9 10"), None);
        assert_eq!(core("cpu12 1 2 3 4 5 6 7 8 9 10"), Some((12, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])));
    }

    #[test]
    fn old_kernels_count_less_and_broken_lines_nothing() {
        assert_eq!(core("cpu0 1 2 3 4 5 6 7"), Some((0, [1, 2, 3, 4, 5, 6, 7, 0, 0, 0])));
        assert_eq!(core("cpu0 1 2 3 4 5 6 7 8 9 10 11 12").unwrap().1[9], 10);
        for line in ["", "cpu", "cpu0", "cpu0 1 2 3", "cpux 1 2 3 4 5 6 7", "cpu0 1 2 x 4 5 6 7"] {
            assert_eq!(core(line), None, "{line}");
        }
    }
}
