// SPDX-License-Identifier: Apache-2.0
//! `mimir ioc list|show|add|import|detect|update|delete`. Tables show values defanged, so that
//! nobody follows one by accident; JSON and CSV have both.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mimir_client::Client;
use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{
    DetectRequest, ImportFormat, ImportRequest, ImportResult, IndicatorFilter, IndicatorPatch,
    IndicatorType, NewIndicator, Severity,
};
use mimir_wire::ids::IndicatorId;

use super::{LimitArgs, word};
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{Column, Format, Kind, col, counted, json, things, visible};

/// Bytes of an import that are read; the server takes less.
const IMPORT_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, Subcommand)]
pub(crate) enum IocCommand {
    /// List indicators, newest first
    List(ListArgs),
    /// Show one indicator
    Show(IdArgs),
    /// Add an indicator; its type is detected unless it is given
    #[command(after_help = "\
Examples:
  mimir ioc add 'hxxps://evil[.]example/a' --tag case-7
  mimir ioc add 44d88612fea8a8f36de82e1278abb02f --severity high --description 'EICAR'
  mimir ioc add powershell.exe --type filename --keep-anyway")]
    Add(AddArgs),
    /// Import many: lines, CSV, a STIX 2.1 bundle or a MISP event; all or none
    #[command(after_help = "\
Examples:
  mimir ioc import hashes.txt --severity high --tag case-7
  mimir ioc import feed.csv --source feed:daily --expires-at 2027-01-01T00:00:00Z
  curl -s https://intel.example/bundle.json | mimir ioc import - --dry-run

Duplicates are no error. What is not taken is listed with its reason.")]
    Import(ImportArgs),
    /// Say what a text would be taken for, and change nothing
    Detect {
        /// What somebody typed or pasted
        #[arg(value_name = "VALUE")]
        value: String,
        /// Read it as this type
        #[arg(long = "type", value_name = "TYPE", value_parser = word!(IndicatorType))]
        kind: Option<IndicatorType>,
    },
    /// Change an indicator; what is not given stays
    Update(UpdateArgs),
    /// Delete an indicator; hunts and alerts keep their copies
    Delete(IdArgs),
}

#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// The indicator's id
    #[arg(value_name = "ID")]
    id: IndicatorId,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Text in the value, description or a tag
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// file_hash_sha256, file_hash_sha1, file_hash_md5, filename, filepath, registry_key, ipv4,
    /// domain or url
    #[arg(long = "type", value_name = "TYPE", value_parser = word!(IndicatorType))]
    kind: Option<IndicatorType>,
    /// critical, high, medium, low or info
    #[arg(long, value_name = "SEVERITY", value_parser = word!(Severity))]
    severity: Option<Severity>,
    /// With this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// manual, import or feed:NAME
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Only active and not expired (true), or only the others (false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    active: Option<bool>,
    #[command(flatten)]
    limit: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The value, defanged or not
    #[arg(value_name = "VALUE")]
    value: String,
    /// Its type; detected without it
    #[arg(long = "type", value_name = "TYPE", value_parser = word!(IndicatorType))]
    kind: Option<IndicatorType>,
    /// critical, high, medium, low or info [default: medium]
    #[arg(long, value_name = "SEVERITY", value_parser = word!(Severity))]
    severity: Option<Severity>,
    /// What it is known for
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// A word to find it by; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// When it stops being of interest, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
    /// Keep it although it is likely to match what is harmless
    #[arg(long)]
    keep_anyway: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file, `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// lines, csv, stix or misp; recognised without it
    #[arg(long, value_name = "FORMAT", value_parser = word!(ImportFormat))]
    format: Option<ImportFormat>,
    /// For those that bring none of their own [default: medium]
    #[arg(long, value_name = "SEVERITY", value_parser = word!(Severity))]
    severity: Option<Severity>,
    /// Added to the tags of each; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// For those that bring none of their own
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
    /// feed:NAME [default: import]
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Keep also those that are likely to match what is harmless
    #[arg(long)]
    keep_anyway: bool,
    /// Say what would come of it, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    indicator: IdArgs,
    /// critical, high, medium, low or info
    #[arg(long, value_name = "SEVERITY", value_parser = word!(Severity))]
    severity: Option<Severity>,
    /// What it is known for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Its tags from now on; may be given several times
    #[arg(long = "tag", value_name = "TAG", conflicts_with = "no_tags")]
    tags: Vec<String>,
    /// Take all tags away
    #[arg(long)]
    no_tags: bool,
    /// Whether new hunts may look for it
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    /// When it stops being of interest
    #[arg(long, value_name = "TIME", conflicts_with = "never_expires")]
    expires_at: Option<Timestamp>,
    /// It stays of interest
    #[arg(long)]
    never_expires: bool,
}

const COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("TYPE", "type", Kind::Text),
    col("VALUE", "defanged", Kind::Text),
    col("SEVERITY", "severity", Kind::Text),
    col("ACTIVE", "active", Kind::Flag),
    col("EXPIRED", "expired", Kind::Flag),
    col("HOSTS", "matched_hosts", Kind::Count),
    col("SOURCE", "source", Kind::Text),
    col("ADDED", "created_at", Kind::Time),
    col("RAW VALUE", "value", Kind::Detail),
    col("DESCRIPTION", "description", Kind::Detail),
    col("TAGS", "tags", Kind::Detail),
    col("EXPIRES", "expires_at", Kind::DetailTime),
    col("LAST FOUND", "last_matched_at", Kind::DetailTime),
    col("ADDED BY", "created_by.username", Kind::Detail),
    col("CHANGED", "updated_at", Kind::DetailTime),
];

const DETECTED_COLUMNS: &[Column] = &[
    col("TYPE", "type", Kind::Text),
    col("VALUE", "defanged", Kind::Text),
    col("HUNTABLE", "huntable", Kind::Flag),
    col("REASON", "reason", Kind::Text),
    col("COULD ALSO BE", "alternatives", Kind::Text),
    col("KNOWN AS", "existing_id", Kind::Text),
];

const INVALID_COLUMNS: &[Column] = &[
    col("LINE", "line", Kind::Count),
    col("VALUE", "value", Kind::Text),
    col("REASON", "reason", Kind::Text),
    col("WITH --KEEP-ANYWAY", "warned", Kind::Flag),
];

pub(crate) fn run(command: IocCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        IocCommand::List(args) => {
            let ListArgs { q, kind, severity, tag, source, active, limit } = args;
            let filter = IndicatorFilter { q, kind, severity, tag, source, active };
            context.print_list(COLUMNS, &client.indicators(&filter), limit.limit)
        }
        IocCommand::Show(IdArgs { id }) => context.print(COLUMNS, &client.indicator(id)?),
        IocCommand::Add(args) => {
            let AddArgs { value, kind, severity, description, tags, expires_at, keep_anyway } =
                args;
            let request =
                NewIndicator { kind, value, severity, description, tags, expires_at, keep_anyway };
            context.print(COLUMNS, &client.create_indicator(&request)?)
        }
        IocCommand::Import(args) => import(args, &client, context),
        IocCommand::Detect { value, kind } => detect(value, kind, &client, context),
        IocCommand::Update(args) => update(args, &client, context),
        IocCommand::Delete(IdArgs { id }) => {
            let indicator = client.indicator(id)?;
            let shown = visible(&indicator.defanged).into_owned();
            context.confirm(&format!("Delete the indicator {shown}?"))?;
            client.delete_indicator(id)?;
            Ok(context.console.say(&format!("The indicator {shown} ({id}) is deleted."))?)
        }
    }
}

fn detect(
    value: String,
    kind: Option<IndicatorType>,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let detected = client.detect_indicator(&DetectRequest { value, kind })?;
    context.print(DETECTED_COLUMNS, &detected)?;
    for warning in &detected.warnings {
        context.console.say(&format!("warning: {}", visible(&warning.message)))?;
    }
    Ok(())
}

fn update(args: UpdateArgs, client: &Client, context: &mut Context<'_>) -> anyhow::Result<()> {
    let patch = IndicatorPatch {
        severity: args.severity,
        description: args.description,
        tags: (args.no_tags || !args.tags.is_empty()).then_some(args.tags),
        active: args.active,
        expires_at: match (args.expires_at, args.never_expires) {
            (Some(at), _) => Some(Some(at)),
            (None, true) => Some(None),
            (None, false) => None,
        },
    };
    if serde_json::to_value(&patch)?.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(wrong_usage("say what to change; see `mimir ioc update --help`"));
    }
    context.print(COLUMNS, &client.update_indicator(args.indicator.id, &patch)?)
}

fn import(args: ImportArgs, client: &Client, context: &mut Context<'_>) -> anyhow::Result<()> {
    let request = ImportRequest {
        text: read(&args.file, context)?,
        format: args.format,
        severity: args.severity,
        tags: args.tags,
        expires_at: args.expires_at,
        source: args.source,
        keep_anyway: args.keep_anyway,
        dry_run: args.dry_run,
    };
    let result = client.import_indicators(&request)?;
    match context.format() {
        Format::Json => json(context.console, &result),
        Format::Csv => things(context.console, Format::Csv, INVALID_COLUMNS, &result.invalid),
        Format::Table => tell(&result, args.dry_run, context),
    }
}

fn tell(result: &ImportResult, dry_run: bool, context: &mut Context<'_>) -> anyhow::Result<()> {
    let format = result.format.map_or("unknown format", ImportFormat::as_str);
    let done = if dry_run { "would be added" } else { "added" };
    writeln!(
        context.console.out,
        "{} {done}, {}, {} not taken ({format})",
        counted(result.created, "indicator"),
        counted(result.duplicates, "duplicate"),
        result.invalid_total,
    )?;
    for of_type in &result.by_type {
        writeln!(context.console.out, "  {}: {}", of_type.kind, of_type.count)?;
    }
    if !result.invalid.is_empty() {
        writeln!(context.console.out)?;
        things(context.console, Format::Table, INVALID_COLUMNS, &result.invalid)?;
    }
    let unlisted = result.invalid_total.saturating_sub(result.invalid.len() as u64);
    if unlisted > 0 {
        context.console.say(&format!("{unlisted} more are not listed."))?;
    }
    Ok(())
}

/// The text of a file, or of the standard input for `-`.
fn read(path: &Path, context: &mut Context<'_>) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let limit = IMPORT_BYTES_MAX + 1;
    let count = if path == Path::new("-") {
        context.console.input.by_ref().take(limit).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    let count = count.with_context(|| format!("cannot read {}", path.display()))?;
    if count as u64 > IMPORT_BYTES_MAX {
        anyhow::bail!("{} has more than {IMPORT_BYTES_MAX} bytes; split it", path.display());
    }
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{} is not UTF-8 text; convert it first", path.display()))
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::indicator::{Detected, Indicator, InvalidLine};

    use super::*;

    #[test]
    fn columns_exist() {
        let indicator: Indicator =
            serde_json::from_str(crate::commands::samples::INDICATOR).unwrap();
        crate::output::assert_columns(COLUMNS, &indicator);
        let detected = Detected {
            kind: None,
            value: String::new(),
            defanged: String::new(),
            huntable: false,
            warnings: Vec::new(),
            reason: None,
            alternatives: Vec::new(),
            existing_id: None,
        };
        crate::output::assert_columns(DETECTED_COLUMNS, &detected);
        let invalid =
            InvalidLine { line: 1, value: String::new(), reason: String::new(), warned: false };
        crate::output::assert_columns(INVALID_COLUMNS, &invalid);
    }
}
