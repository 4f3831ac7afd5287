// SPDX-License-Identifier: Apache-2.0
//! `mimir doctor`: looks for what is wrong with a server's data directory, certificate, database
//! and surroundings, and says what to do. It reads everything itself, so it works whether or not
//! the server runs, and it changes nothing.

mod machine;
mod stored;

use clap::Args;
use serde::Serialize;

use super::sources::ConfigArgs;
use crate::context::Context;
use crate::output::{Column, Kind, col, things, visible};

/// Look for what is wrong with a server's data, certificate, database and surroundings
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir doctor --data-dir /var/lib/mimir
  mimir doctor --config /etc/mimir.toml --output json

Takes the options of `mimir serve`, and works while the server runs and when it does not. Reading
the whole audit trail and ledger of a large database takes a while. Fails (exit code 1) when
something is wrong; what is only worth knowing is no failure.")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing; nothing is broken yet.
    Warning,
    /// Something must be done.
    Wrong,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    finding: String,
    /// What to do; empty when all is well.
    advice: String,
}

impl Finding {
    fn good(check: &'static str, finding: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, finding: finding.into(), advice: String::new() }
    }

    fn warning(check: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        let (finding, advice) = (finding.into(), advice.into());
        Self { check, verdict: Verdict::Warning, finding, advice }
    }

    fn wrong(check: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, ..Self::warning(check, finding, advice) }
    }
}

const COLUMNS: &[Column] = &[
    col("CHECK", "check", Kind::Text),
    col("VERDICT", "verdict", Kind::Text),
    col("FINDING", "finding", Kind::Text),
    col("WHAT TO DO", "advice", Kind::Text),
];

pub(crate) fn run(args: &DoctorArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let now = context.now();
    let mut findings = machine::data_dir(&config.data_dir);
    findings.extend(machine::certificate(&config, now));
    findings.extend(stored::check(&config, now));
    findings.push(machine::disk(&config));
    findings.push(machine::open_files());
    findings.push(machine::listener(&config));
    things(context.console, context.global.output, COLUMNS, &findings)?;
    for warning in &config.warnings {
        context.console.say(&format!("warning: {}", visible(warning)))?;
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Wrong).count() {
        0 => Ok(()),
        1 => anyhow::bail!("one thing is wrong"),
        count => anyhow::bail!("{count} things are wrong"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_exist() {
        crate::output::assert_columns(COLUMNS, &Finding::wrong("disk", "full", "free it"));
    }
}
