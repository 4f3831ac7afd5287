// SPDX-License-Identifier: Apache-2.0
//! `mimir config print`: what `mimir serve` would run with, and where each value comes from.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::sources::ConfigArgs;
use crate::context::Context;
use crate::output::{Column, Kind, col, things, visible};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every key with its value and where the value comes from; no passwords
    #[command(after_help = "\
Takes the options of `mimir serve` and reads the same file and environment. Settings that an
administrator changes while the server runs are shown by `mimir settings get`.")]
    Print(PrintArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PrintArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// One key as a line.
#[derive(Debug, Serialize)]
struct Line {
    key: &'static str,
    value: String,
    origin: String,
}

const COLUMNS: &[Column] = &[
    col("KEY", "key", Kind::Text),
    col("VALUE", "value", Kind::Text),
    col("ORIGIN", "origin", Kind::Text),
];

pub(crate) fn run(command: &ConfigCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let ConfigCommand::Print(args) = command;
    let config = args.config.load()?;
    let lines: Vec<_> = config
        .shown
        .into_iter()
        .map(|shown| Line { key: shown.key, value: shown.value, origin: shown.origin.to_string() })
        .collect();
    things(context.console, context.global.output, COLUMNS, &lines)?;
    for warning in &config.warnings {
        context.console.say(&format!("warning: {}", visible(warning)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_exist() {
        let line = Line { key: "listen", value: String::new(), origin: String::new() };
        crate::output::assert_columns(COLUMNS, &line);
    }
}
