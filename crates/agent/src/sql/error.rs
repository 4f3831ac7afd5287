// SPDX-License-Identifier: Apache-2.0
//! Why a query has no answer, in words that travel to the operator.

use serde::{Deserialize, Serialize};

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum QueryError {
    /// SQLite or a table refused it; the text is theirs.
    #[error("{0}")]
    Sql(String),
    /// Too many rows.
    #[error("the answer has more than {0} rows; add LIMIT or a narrower WHERE clause")]
    TooManyRows(u64),
    /// Too many bytes.
    #[error("the answer is larger than {0} bytes; select fewer columns or rows")]
    TooManyBytes(u64),
    /// Too slow, in seconds.
    #[error("the query was stopped after {0} s; make it cheaper")]
    TimedOut(u64),
    /// Too much memory, in mebibytes.
    #[error("the query was stopped: it needs more than {0} MiB of memory; narrow its WHERE clause")]
    OutOfMemory(u64),
    /// Too much processor time.
    #[error(
        "the query was stopped: it used more than {percent} % of the processors for {seconds} s; \
         make it cheaper"
    )]
    TooBusy {
        /// The limit, as a share of all processors.
        percent: u32,
        /// How long it was exceeded.
        seconds: u64,
    },
    /// It did not even end when it was killed: a system call hangs.
    #[error("the query hangs in the kernel (a dead mount?) and was abandoned after {0} s")]
    Stuck(u64),
    /// Its process died; how.
    #[error("the query's process died: {0}")]
    Died(String),
    /// Too many earlier queries hang.
    #[error("{0} earlier queries hang in the kernel; repair the mount or restart the host")]
    Refused(usize),
    /// The query could not even be started. Says nothing about the query.
    #[error("the query could not be started: {0}")]
    Unavailable(String),
    /// The agent is stopping. The query has no outcome and must run again.
    #[error("the agent is stopping")]
    Stopped,
}

impl QueryError {
    /// Whether the query had to be ended by force or took its process with it. The same text
    /// would do so again, so it should be refused for a while.
    pub const fn is_runaway(&self) -> bool {
        match self {
            Self::TimedOut(_)
            | Self::OutOfMemory(_)
            | Self::TooBusy { .. }
            | Self::Stuck(_)
            | Self::Died(_) => true,
            Self::Sql(_)
            | Self::TooManyRows(_)
            | Self::TooManyBytes(_)
            | Self::Refused(_)
            | Self::Unavailable(_)
            | Self::Stopped => false,
        }
    }
}
