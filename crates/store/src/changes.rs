// SPDX-License-Identifier: Apache-2.0
//! What replicas must learn of. Each change bumps one head row, whose lock is held until commit:
//! so versions become visible in order and without gaps, and a reader that has applied version n
//! has missed nothing up to n.

use mimir_wire::Timestamp;

use crate::db::Tx;
use crate::{Result, dialect, statements, values};

/// The channel on which PostgreSQL wakes other replicas.
pub const CHANNEL: &str = "mimir_change";

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A campaign was launched; the subject is its number.
    CampaignLaunched,
    /// A campaign was stopped, archived or otherwise changed in status.
    CampaignStatus,
    /// Settings were changed.
    Settings,
    /// A host enrolled or its keys changed; the subject is its number.
    HostEnrolled,
    /// A host was decommissioned.
    HostDecommissioned,
    /// Accounts, sessions or API keys were changed or revoked.
    Accounts,
    /// A live query started, ended or was answered; the subject is the relay's sequence.
    LiveQuery,
}

impl ChangeKind {
    const ALL: [(Self, &'static str); 7] = [
        (Self::CampaignLaunched, "campaign_launched"),
        (Self::CampaignStatus, "campaign_status"),
        (Self::Settings, "settings"),
        (Self::HostEnrolled, "host_enrolled"),
        (Self::HostDecommissioned, "host_decommissioned"),
        (Self::Accounts, "accounts"),
        (Self::LiveQuery, "live_query"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order of commits.
    pub version: i64,
    /// What changed; `None` for a kind that only a newer binary knows.
    pub kind: Option<ChangeKind>,
    /// Which one.
    pub subject: Option<i64>,
}

statements! {
    BUMP = "update change_head set version = version + 1 where id = 1 returning version";
    HEAD = "select version from change_head where id = 1";
    INSERT = "insert into change_log (version, at, kind, subject) values ($1, $2, $3, $4)";
    SINCE = "select version, kind, subject from change_log where version > $1 \
             order by version limit $2";
    OLDEST = "select min(version) from change_log";
    PRUNE = "delete from change_log where at < $1 and version < coalesce( \
             (select min(version) from change_log where at >= $1), 9223372036854775807)";
}

/// Records a change in this transaction and wakes other replicas once it commits.
///
/// # Errors
/// When the database fails.
pub fn record(
    tx: &mut Tx<'_>,
    kind: ChangeKind,
    subject: Option<i64>,
    now: Timestamp,
) -> Result<i64> {
    let version: i64 = tx.query_one(BUMP, &[])?.get(0)?;
    tx.execute_one(INSERT, &values![version, now, kind.as_str(), subject])?;
    dialect::notify(tx, CHANNEL, &version.to_string())?;
    Ok(version)
}

/// The version of the last committed change.
///
/// # Errors
/// When the database fails.
pub fn head(tx: &mut Tx<'_>) -> Result<i64> {
    tx.query_one(HEAD, &[])?.get(0)
}

/// The changes after `version`, at most `limit`, in order. `None` when some of them have been
/// pruned: the reader must build its picture anew.
///
/// # Errors
/// When the database fails.
pub fn since(tx: &mut Tx<'_>, version: i64, limit: u64) -> Result<Option<Vec<Change>>> {
    let oldest: Option<i64> = tx.query_one(OLDEST, &[])?.get(0)?;
    let behind = head(tx)? > version;
    if behind && oldest.is_none_or(|oldest| oldest > version + 1) {
        return Ok(None);
    }
    let rows = tx.query(SINCE, &values![version, limit])?;
    let change = |row: &crate::db::Row| -> Result<Change> {
        let kind: String = row.get(1)?;
        Ok(Change {
            version: row.get(0)?,
            kind: ChangeKind::from_word(&kind),
            subject: row.get(2)?,
        })
    };
    rows.iter().map(change).collect::<Result<Vec<_>>>().map(Some)
}

/// Forgets changes recorded before `before`, oldest version first, and none that comes after one
/// that stays: clocks go back, and a gap among what is left would go unnoticed by its readers.
///
/// # Errors
/// When the database fails.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    tx.execute(PRUNE, &values![before])
}
