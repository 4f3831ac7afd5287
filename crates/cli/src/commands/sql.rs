// SPDX-License-Identifier: Apache-2.0
//! SQL given on the command line, in a file, or by standard input.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::context::Context;
use crate::failure::wrong_usage;

/// Bytes of SQL that are read; the server takes less.
const SQL_BYTES_MAX: u64 = 4 << 20;

/// Where the SQL comes from.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SqlArgs {
    /// One SELECT statement
    #[arg(long, value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// File with one SELECT statement, `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) sql_file: Option<PathBuf>,
}

impl SqlArgs {
    /// The statement.
    pub(crate) fn read(&self, context: &mut Context<'_>) -> anyhow::Result<String> {
        match (&self.sql, &self.sql_file) {
            (Some(sql), _) => Ok(sql.clone()),
            (None, Some(path)) => read_file(path, context),
            (None, None) => Err(wrong_usage("give `--sql SQL` or `--sql-file FILE`")),
        }
    }
}

/// The statement in a file, or in the standard input for `-`.
pub(crate) fn read_file(path: &Path, context: &mut Context<'_>) -> anyhow::Result<String> {
    let mut sql = String::new();
    let count = if path == Path::new("-") {
        context.console.input.by_ref().take(SQL_BYTES_MAX + 1).read_to_string(&mut sql)
    } else {
        fs::File::open(path).and_then(|file| file.take(SQL_BYTES_MAX + 1).read_to_string(&mut sql))
    };
    let count = count.with_context(|| format!("cannot read SQL from {}", path.display()))?;
    if count as u64 > SQL_BYTES_MAX {
        anyhow::bail!("{} is too large to be one statement", path.display());
    }
    Ok(sql)
}
