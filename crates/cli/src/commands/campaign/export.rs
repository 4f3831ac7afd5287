// SPDX-License-Identifier: Apache-2.0
//! `mimir campaign export`: streamed into a file, which appears under its name only when it is
//! whole, or to the standard output.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use mimir_client::{Client, ExportFormat, Exported};
use mimir_wire::ids::CampaignId;

use super::IdArgs;
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{grouped, visible};

/// Write all rows as CSV, NDJSON or Parquet
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir campaign export ID --format parquet --out kernels.parquet
  mimir campaign export ID --format ndjson | jq -r '._hostname'

Every export is recorded in the audit trail. Without --out the rows go to the standard output;
look at the exit code before you trust them.")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// csv (formula-escaped), ndjson (one JSON object a line) or parquet
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Format,
    /// The file to write; replaced if it is there
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
    Parquet,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Ndjson => Self::Ndjson,
            Format::Parquet => Self::Parquet,
        }
    }
}

pub(super) fn run(
    args: &ExportArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let id = args.campaign.id;
    let Some(path) = &args.out else {
        if context.console.out_is_terminal {
            return Err(wrong_usage(
                "an export is not for a terminal; give `--out FILE` or redirect the output \
                 (`mimir campaign rows` shows rows)",
            ));
        }
        let exported = client.export_campaign(id, args.format.into(), &mut context.console.out)?;
        return tell_cut(&exported, context);
    };
    let exported = into_file(client, id, args.format.into(), path)?;
    context.console.say(&format!(
        "Wrote {} bytes to {}.",
        grouped(exported.bytes),
        visible(&path.display().to_string())
    ))?;
    tell_cut(&exported, context)
}

fn tell_cut(exported: &Exported, context: &mut Context<'_>) -> anyhow::Result<()> {
    if exported.columns_cut {
        context
            .console
            .say("Rows have more columns than the file; `--format ndjson` writes all of them.")?;
    }
    Ok(())
}

fn into_file(
    client: &Client,
    id: CampaignId,
    format: ExportFormat,
    path: &Path,
) -> anyhow::Result<Exported> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let cannot = || format!("cannot write {}", part.display());
    // Results are for who asked for them, and a link that waits under this name is not followed.
    drop(fs::remove_file(&part));
    let mut options = File::options();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(&part).with_context(cannot)?;
    let exported = client.export_campaign(id, format, &mut file).map_err(anyhow::Error::from);
    let kept = exported.and_then(|exported| {
        file.sync_all().with_context(cannot)?;
        fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(exported)
    });
    if kept.is_err() {
        drop(fs::remove_file(&part));
    }
    kept
}
