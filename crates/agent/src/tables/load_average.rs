// SPDX-License-Identifier: Apache-2.0
//! `load_average`: how many threads ran or waited, over 1, 5 and 15 minutes. The averages are
//! texts with six decimals, as in osquery, although the kernel gives two.

use std::path::Path;

use super::{Column, Scan, Table, TableError, read, text};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct LoadAverage;

const COLUMNS: &[Column] = &[text("period"), text("average")];

const PERIODS: [&str; 3] = ["1m", "5m", "15m"];

impl Table for LoadAverage {
    fn name(&self) -> &'static str {
        "load_average"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let loadavg = read::text(Path::new("/proc/loadavg"), PROC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for (period, average) in averages(&loadavg) {
            let row = scan.row().set("period", period).set("average", format!("{average:.6}"));
            scan.push(row)?;
        }
        Ok(())
    }
}

fn averages(loadavg: &str) -> impl Iterator<Item = (&'static str, f64)> {
    let numbers = loadavg.split_ascii_whitespace().map_while(|word| word.parse().ok());
    PERIODS.into_iter().zip(numbers)
}

#[cfg(test)]
mod tests {
    use super::averages;

    #[test]
    fn the_first_three_numbers() {
        let found: Vec<_> = averages("0.52 10.00 1.5 2/345 6789\n").collect();
        assert_eq!(found, [("1m", 0.52), ("5m", 10.0), ("15m", 1.5)]);
        assert_eq!(averages("0.1 x 2").count(), 1);
        assert_eq!(averages("").count(), 0);
    }
}
