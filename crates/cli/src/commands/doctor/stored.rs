// SPDX-License-Identifier: Apache-2.0
//! Checks of what is stored: schema, audit trail, counters of campaigns against their ledgers,
//! and the clock against what was written by it.

use mimir_server::config::Config;
use mimir_store::campaigns::{self, CampaignRecord};
use mimir_store::db::Engine;
use mimir_store::migrate::{self, MigrateError};
use mimir_store::{Db, DbError, POSTGRES_MIGRATIONS, SQLITE_MIGRATIONS, Tx, assignments, audit};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::CampaignStatus;

use super::Finding;
use crate::commands::store;
use crate::output::{counted, grouped, moment, visible};

/// Campaigns read at a time.
const PAGE: u64 = 200;
/// Campaigns that are named when their counters are wrong.
const NAMED_MAX: usize = 5;
/// How far ahead of this machine's clock a stored time may be: clocks of replicas differ.
const AHEAD_S_MAX: i64 = 60;
/// A clock that shows an earlier time than the first release is wrong: 2026-01-01.
const EARLIEST: Timestamp = Timestamp::from_secs(1_767_225_600);

const DATABASE: &str = "database";

/// Everything that needs the database; where it cannot be opened, that is the finding.
pub(super) fn check(config: &Config, now: Timestamp) -> Vec<Finding> {
    let db = match store::open(config) {
        Ok(db) => db,
        Err(error) => {
            let advice = "give the address the server uses, and see that the database runs";
            return vec![Finding::wrong(DATABASE, format!("{error:#}"), advice), clock(None, now)];
        }
    };
    let mut findings = vec![schema(&db, config)];
    if findings[0].verdict != super::Verdict::Good {
        findings.push(clock(None, now));
        return findings;
    }
    let read = db.read::<_, DbError>(audit::verify).map(|verification| trail(&verification));
    findings.push(read.unwrap_or_else(|error| unreadable("audit trail", &error)));
    findings.push(match db.read::<_, DbError>(counters) {
        Ok(finding) => finding,
        Err(error) => unreadable("counters", &error),
    });
    let newest = db.read::<_, DbError>(|tx| audit::list(tx, &audit::Filter::default(), None, 1));
    findings.push(clock(newest.ok().and_then(|list| list.first().map(|entry| entry.at)), now));
    findings
}

fn unreadable(check: &'static str, error: &DbError) -> Finding {
    Finding::wrong(check, error.to_string(), "see that the database runs; else restore a backup")
}

fn schema(db: &Db, config: &Config) -> Finding {
    let known = match db.engine() {
        Engine::Sqlite => SQLITE_MIGRATIONS.len(),
        Engine::Postgres => POSTGRES_MIGRATIONS.len(),
    };
    let shown = &config.database;
    match migrate::pending(db, SQLITE_MIGRATIONS, POSTGRES_MIGRATIONS) {
        Ok(0) => Finding::good(DATABASE, format!("{shown}, schema version {known}")),
        Ok(missing) if missing == known => Finding::wrong(
            DATABASE,
            format!("{shown} is reachable and empty"),
            "start the server, which makes the schema, or give the right address",
        ),
        Ok(missing) => Finding::warning(
            DATABASE,
            format!("{shown} has schema version {}, this program {known}", known - missing),
            "restart the server with this version; it brings the schema up to date",
        ),
        Err(error @ MigrateError::Newer { .. }) => {
            Finding::wrong(DATABASE, error.to_string(), "use the newer program")
        }
        Err(error) => Finding::wrong(DATABASE, error.to_string(), "restore a backup"),
    }
}

fn trail(verification: &mimir_wire::api::audit::AuditVerification) -> Finding {
    const CHECK: &str = "audit trail";
    let entries = grouped(verification.entries);
    if verification.ok {
        return Finding::good(CHECK, format!("intact, {entries} entries"));
    }
    let first = verification.first_bad.as_deref().unwrap_or("?");
    Finding::wrong(
        CHECK,
        format!("broken, first at entry {}", visible(first)),
        "keep this database as evidence and find out who could write to it",
    )
}

/// Compares every campaign's counters with the counts of its ledger, in one snapshot.
fn counters(tx: &mut Tx<'_>) -> mimir_store::Result<Finding> {
    const CHECK: &str = "counters";
    let (mut checked, mut wrong) = (0, Vec::new());
    // The list leaves archived ones out unless it is asked for them.
    for status in [None, Some(CampaignStatus::Archived)] {
        let filter = campaigns::Filter { status, ..campaigns::Filter::default() };
        let mut before = None;
        loop {
            let page = campaigns::list(tx, &filter, before, PAGE)?;
            let Some(last) = page.last() else { break };
            before = Some(last.no);
            checked += page.len() as u64;
            for campaign in &page {
                wrong.extend(differs(tx, campaign)?);
            }
        }
    }
    if wrong.is_empty() {
        let campaigns = counted(checked, "campaign");
        return Ok(Finding::good(CHECK, format!("those of {campaigns} equal the ledger")));
    }
    let count = grouped(wrong.len() as u64);
    wrong.truncate(NAMED_MAX);
    Ok(Finding::wrong(
        CHECK,
        format!("{count} of {} differ: {}", counted(checked, "campaign"), wrong.join("; ")),
        "the answers themselves are in the ledger; report this with the server's log",
    ))
}

/// The campaign and what differs, if anything does.
fn differs(tx: &mut Tx<'_>, campaign: &CampaignRecord) -> mimir_store::Result<Option<String>> {
    let (stored, derived) =
        (campaign.ledger.coverage, assignments::derived_coverage(tx, campaign.no)?);
    Ok((stored != derived).then(|| {
        let id = campaign.id;
        format!("{id} ({}): counters {stored:?}, ledger {derived:?}", visible(&campaign.name))
    }))
}

/// This machine's clock against a lower bound and the newest time that was written.
fn clock(newest: Option<Timestamp>, now: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    const ADVICE: &str = "set the clock, best by NTP: windows and late marks follow it";
    if now < EARLIEST {
        return Finding::wrong(CHECK, format!("this machine believes it is {now}"), ADVICE);
    }
    match newest {
        Some(at) if at > now.plus_secs(AHEAD_S_MAX) => {
            let finding = format!("the newest audit entry is of {}", moment(at, now));
            Finding::wrong(CHECK, finding, ADVICE)
        }
        _ => Finding::good(CHECK, format!("{now}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_behind_what_was_written_is_wrong() {
        let now = Timestamp::from_secs(1_795_000_000);
        assert_eq!(clock(Some(now.plus_secs(5)), now).verdict, Verdict::Good);
        assert_eq!(clock(Some(now.plus_secs(3_600)), now).verdict, Verdict::Wrong);
        assert_eq!(clock(None, now).verdict, Verdict::Good);
        assert_eq!(clock(None, Timestamp::from_secs(86_400)).verdict, Verdict::Wrong);
    }
}
