// SPDX-License-Identifier: Apache-2.0
//! The bounds of one query, with their defaults, and what a query cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{
    MIB, QUERY_BYTES_MAX, QUERY_MEMORY_BYTES_MAX, QUERY_ROWS_MAX, QUERY_SECONDS_MAX,
    WATCHDOG_CPU_PERCENT_MAX, WATCHDOG_CPU_SECONDS_MAX,
};

/// Bounds of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLimits {
    /// Rows in the answer.
    pub rows_max: u64,
    /// Bytes in the answer, as JSON.
    pub bytes_max: u64,
    /// Time from the start to the last row.
    pub time_max: Duration,
    /// Bytes of memory of the query's own process.
    pub memory_max: u64,
    /// Share of all processors, in percent, that the query's own process may use …
    pub cpu_percent_max: u32,
    /// … for so long without a pause.
    pub cpu_time_max: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            rows_max: QUERY_ROWS_MAX,
            bytes_max: QUERY_BYTES_MAX,
            time_max: Duration::from_secs(QUERY_SECONDS_MAX),
            memory_max: QUERY_MEMORY_BYTES_MAX,
            cpu_percent_max: WATCHDOG_CPU_PERCENT_MAX,
            cpu_time_max: Duration::from_secs(WATCHDOG_CPU_SECONDS_MAX),
        }
    }
}

impl QueryLimits {
    /// The memory bound in mebibytes, as messages show it.
    pub const fn memory_mib(&self) -> u64 {
        self.memory_max / MIB
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Elapsed time.
    pub wall: Duration,
    /// Processor time in user code.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// Bytes of memory it took beyond what its process had before; 0 when not measured.
    pub memory: u64,
}
