// SPDX-License-Identifier: Apache-2.0
//! `mimir audit list|verify`.

use clap::{Args, Subcommand};
use mimir_client::AuditFilter;
use mimir_store::DbError;
use mimir_wire::Timestamp;
use mimir_wire::api::audit::AuditVerification;

use super::sources::StoreArgs;
use super::{LimitArgs, store};
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{Column, Kind, col, visible};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List who did what, when, from where, to what
    #[command(after_help = "\
Examples:
  mimir audit list --action campaign.launch --from 7d
  mimir audit list --actor ada --from 2026-11-01 --to 2026-12-01 --output csv > november.csv

Times are RFC 3339 (2026-11-23T17:00:00Z), days (2026-11-23, from midnight UTC), or ages (30m,
12h, 7d).")]
    List(ListArgs),
    /// Check the chain of entries; fails and names the first bad one if it is broken
    #[command(after_help = "\
Examples:
  mimir audit verify
  mimir audit verify --data-dir /var/lib/mimir

Without options the server is asked. With --data-dir or --database the database itself is read,
whether or not a server runs.")]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Part of the name of the account that acted
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// What was done, such as campaign.launch, or its beginning
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
}

const COLUMNS: &[Column] = &[
    col("ENTRY", "id", Kind::Text),
    col("WHEN", "at", Kind::Time),
    col("WHO", "actor.username", Kind::Text),
    col("KEY", "actor.api_key", Kind::Text),
    col("FROM", "address", Kind::Text),
    col("ACTION", "action", Kind::Text),
    col("OUTCOME", "outcome", Kind::Text),
    col("KIND", "target.type", Kind::Text),
    col("TARGET", "target.name", Kind::Text),
    col("WHO'S ID", "actor.id", Kind::Detail),
    col("ROLE", "actor.role", Kind::Detail),
    col("TARGET'S ID", "target.id", Kind::Detail),
    col("DETAILS", "details", Kind::Detail),
    col("HASH", "hash", Kind::Detail),
];
const VERIFICATION_COLUMNS: &[Column] = &[
    col("INTACT", "ok", Kind::Flag),
    col("ENTRIES", "entries", Kind::Count),
    col("FIRST BAD ENTRY", "first_bad", Kind::Text),
    col("HEAD", "head", Kind::Text),
];

pub(crate) fn run(command: AuditCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    match command {
        AuditCommand::List(ListArgs { actor, action, from, to, limit }) => {
            let client = context.client()?;
            let now = context.now();
            let from = from.map(|text| time(&text, now)).transpose()?;
            let to = to.map(|text| time(&text, now)).transpose()?;
            let entries = client.audit(&AuditFilter { actor, action, from, to });
            context.print_list(COLUMNS, &entries, limit.limit)
        }
        AuditCommand::Verify(args) if args.store.is_given() => {
            let db = store::open(&args.store.load()?)?;
            tell(&db.read::<_, DbError>(mimir_store::audit::verify)?, context)
        }
        AuditCommand::Verify(_) => {
            let client = context.client()?;
            tell(&client.verify_audit()?, context)
        }
    }
}

/// Prints what the check found; a broken chain is a failure.
fn tell(verification: &AuditVerification, context: &mut Context<'_>) -> anyhow::Result<()> {
    context.print(VERIFICATION_COLUMNS, verification)?;
    if !verification.ok {
        let first = verification.first_bad.as_deref().unwrap_or_default();
        anyhow::bail!("the audit trail is broken, first at entry {}", visible(first));
    }
    Ok(())
}

/// Reads a time: RFC 3339, a day, or an age.
fn time(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    if let Ok(at) = format!("{text}T00:00:00Z").parse() {
        return Ok(at);
    }
    let unit = [('s', 1_i64), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)];
    let age = unit.iter().find_map(|(unit, secs)| {
        let count: i64 = text.strip_suffix(*unit)?.parse().ok()?;
        (count >= 0).then(|| now.plus_secs(count.saturating_mul(-secs)))
    });
    age.ok_or_else(|| {
        wrong_usage(format!("`{text}` is no time; write 2026-11-23T17:00:00Z, 2026-11-23 or 7d"))
    })
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::audit::{AuditEntry, AuditVerification};

    use super::*;

    #[test]
    fn columns_exist() {
        let entry: AuditEntry =
            serde_json::from_str(crate::commands::samples::AUDIT_ENTRY).unwrap();
        crate::output::assert_columns(COLUMNS, &entry);
        let verification = AuditVerification { ok: true, entries: 0, first_bad: None, head: None };
        crate::output::assert_columns(VERIFICATION_COLUMNS, &verification);
    }

    #[test]
    fn times_are_read() {
        let now: Timestamp = "2026-11-23T17:00:00Z".parse().unwrap();
        for (text, at) in [
            ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("30m", "2026-11-23T16:30:00Z"),
            ("7d", "2026-11-16T17:00:00Z"),
        ] {
            assert_eq!(time(text, now).unwrap(), at.parse().unwrap(), "{text}");
        }
        for text in ["", "d", "-1d", "yesterday", "2026-13-01"] {
            assert!(time(text, now).is_err(), "{text}");
        }
    }
}
