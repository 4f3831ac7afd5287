// SPDX-License-Identifier: Apache-2.0
//! `mimir backup`: a consistent copy of an embedded database while the server runs. PostgreSQL
//! has its own tools and is left to them.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::sources::StoreArgs;
use super::store;
use crate::context::Context;
use crate::output::{grouped, visible};

/// Copy the embedded database to a file while the server runs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir backup --data-dir /var/lib/mimir --out /backup/mimir-2026-11-23.db

The copy is checked before it gets its name, and nobody else can read it. To restore, stop the
server, remove mimir.db, mimir.db-wal and mimir.db-shm from the data directory, put the copy in
their place as mimir.db, and start the server. Keep ca.pem, ca.key, server.pem and server.key of
the data directory too: agents know the server by them. A PostgreSQL database is backed up with
pg_dump.")]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(args: &BackupArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
    let config = args.store.load()?;
    let db = store::open(&config)?;
    db.backup_to(&args.out).context("no backup was made")?;
    let bytes = std::fs::metadata(&args.out).map_or(0, |file| file.len());
    context.console.say(&format!(
        "The database is in {} ({} bytes, checked). The certificates and keys in {} are not part \
         of it; keep them too.",
        visible(&args.out.display().to_string()),
        grouped(bytes),
        visible(&config.data_dir.display().to_string())
    ))?;
    Ok(())
}
