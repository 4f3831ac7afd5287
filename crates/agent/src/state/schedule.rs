// SPDX-License-Identifier: Apache-2.0
//! What scheduled queries leave behind: the rows of their last run, to which the next one is
//! compared; what they cost; marks while they run and denials of those the agent died in; and
//! the configuration that asks for them.
//!
//! New lines, the rows they were made from and the end of the mark are one transaction: after a
//! crash a change was either reported and remembered, or neither.

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::log::{LogBounds, LogKind, append};
use super::{State, StateError, is_denied, text_key};
use crate::limits::{DEATHS_MAX, DENYLIST_SECONDS};

/// What a query's last run left to compare with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Previous {
    /// The statement and whatever else makes rows comparable.
    pub fingerprint: String,
    /// The epoch it ran in.
    pub epoch: u64,
    /// Its number within the epoch, from 0.
    pub counter: u64,
    /// Its rows, one JSON object a line.
    pub rows: String,
}

/// What a query has cost in all its runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunTotals {
    /// How often it ran.
    pub executions: u64,
    /// Unix seconds of the last run.
    pub last_executed: i64,
    /// Bytes of all results.
    pub output_bytes: u64,
    /// Milliseconds of all runs, and of the last.
    pub wall_ms: (u64, u64),
    /// Milliseconds of processor time in user code, of all runs and of the last.
    pub user_ms: (u64, u64),
    /// Milliseconds of processor time in the kernel, of all runs and of the last.
    pub system_ms: (u64, u64),
    /// Bytes of memory, of all runs and of the last.
    pub memory: (u64, u64),
}

/// The end of a run.
#[derive(Debug)]
pub struct Finished<'f> {
    /// Name of the query.
    pub name: &'f str,
    /// What the next run is compared with; `None` leaves what is there.
    pub previous: Option<&'f Previous>,
    /// What it has cost so far.
    pub totals: RunTotals,
    /// Its lines.
    pub lines: &'f [String],
    /// Lines about it.
    pub status: &'f [String],
    /// How many lines may wait.
    pub bounds: LogBounds,
}

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS scheduled (
        name TEXT PRIMARY KEY,
        bytes INTEGER NOT NULL DEFAULT 0,
        epoch INTEGER NOT NULL DEFAULT 0,
        counter INTEGER NOT NULL DEFAULT 0,
        totals TEXT NOT NULL DEFAULT '{}',
        seen_at INTEGER NOT NULL DEFAULT 0,
        fingerprint TEXT,
        rows TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS scheduled_running (
        name TEXT NOT NULL,
        sql_sha256 TEXT NOT NULL,
        deaths INTEGER NOT NULL DEFAULT 0,
        is_live INTEGER NOT NULL DEFAULT 1,
        PRIMARY KEY (name, sql_sha256)) STRICT;
    CREATE TABLE IF NOT EXISTS scheduled_denied (
        name TEXT NOT NULL,
        sql_sha256 TEXT NOT NULL,
        denied_at INTEGER NOT NULL,
        PRIMARY KEY (name, sql_sha256)) STRICT;
";

impl State {
    /// The last configuration, as text.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn config(&self) -> Result<Option<String>, StateError> {
        self.meta("config")
    }

    /// Keeps the configuration for the next start.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn set_config(&mut self, text: &str) -> Result<(), StateError> {
        self.set_meta("config", text)
    }

    /// Marks a scheduled query as running. The mark outlives this process at once, and the
    /// machine soon: a query is not to blame for a power cut.
    ///
    /// # Errors
    /// When the state cannot be written; the query must then not be run.
    pub fn schedule_begin(&mut self, name: &str, sql: &str) -> Result<(), StateError> {
        self.unsynced(|db| {
            db.execute(
                "INSERT INTO scheduled_running (name, sql_sha256) VALUES (?1, ?2)
                 ON CONFLICT (name, sql_sha256) DO UPDATE SET is_live = 1",
                [name, &text_key(sql)],
            )
        })
    }

    /// Takes the mark away without an outcome.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn schedule_abandon(&mut self, name: &str, sql: &str) -> Result<(), StateError> {
        let delete = "DELETE FROM scheduled_running WHERE name = ?1 AND sql_sha256 = ?2";
        self.unsynced(|db| db.execute(delete, [name, &text_key(sql)]))
    }

    /// Denies a query for a day from `now`, and takes its mark away: something died in it that
    /// was not this process.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn schedule_deny(&mut self, name: &str, sql: &str, now: i64) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        tx.execute(
            "INSERT OR REPLACE INTO scheduled_denied (name, sql_sha256, denied_at)
             VALUES (?1, ?2, ?3)",
            params![name, text_key(sql), now],
        )?;
        tx.execute(
            "DELETE FROM scheduled_running WHERE name = ?1 AND sql_sha256 = ?2",
            params![name, text_key(sql)],
        )?;
        tx.commit()?;
        Ok(())
    }

    /// A write that does not wait for the disk.
    fn unsynced(
        &mut self,
        write: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<usize>,
    ) -> Result<(), StateError> {
        self.db.execute_batch("PRAGMA synchronous = NORMAL")?;
        let written = write(&self.db);
        self.db.execute_batch("PRAGMA synchronous = FULL")?;
        written?;
        Ok(())
    }

    /// Blames the queries that an earlier process died in, and denies those it died in twice,
    /// for a day from `now`. Answers the names of the blamed ones and whether each is denied. To
    /// be called once, before anything is marked.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn schedule_blame(&mut self, now: i64) -> Result<Vec<(String, bool)>, StateError> {
        let tx = self.db.transaction()?;
        let blamed = {
            let mut statement = tx.prepare(
                "UPDATE scheduled_running SET deaths = deaths + 1, is_live = 0 WHERE is_live
                 RETURNING name, deaths >= ?1",
            )?;
            let names = statement.query_map([DEATHS_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?;
            names.collect::<Result<Vec<_>, _>>()?
        };
        tx.execute(
            "INSERT OR REPLACE INTO scheduled_denied (name, sql_sha256, denied_at)
             SELECT name, sql_sha256, ?1 FROM scheduled_running WHERE deaths >= ?2",
            params![now, DEATHS_MAX],
        )?;
        tx.execute("DELETE FROM scheduled_running WHERE deaths >= ?1", [DEATHS_MAX])?;
        tx.execute(
            "DELETE FROM scheduled_denied WHERE denied_at <= ?1 OR denied_at > ?2",
            [now - DENYLIST_SECONDS, now + DENYLIST_SECONDS],
        )?;
        tx.commit()?;
        Ok(blamed)
    }

    /// Whether the agent died in this query less than a day ago. Another statement under the
    /// same name is another query.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn is_schedule_denied(&self, name: &str, sql: &str, now: i64) -> Result<bool, StateError> {
        let denied = "SELECT denied_at FROM scheduled_denied WHERE name = ?1 AND sql_sha256 = ?2";
        let since: Option<i64> = self
            .db
            .prepare_cached(denied)?
            .query_row([name, &text_key(sql)], |row| row.get(0))
            .optional()?;
        Ok(since.is_some_and(|since| is_denied(since, now)))
    }

    /// What the last run left to compare with.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn schedule_previous(&self, name: &str) -> Result<Option<Previous>, StateError> {
        let sql = "SELECT fingerprint, epoch, counter, rows FROM scheduled
                   WHERE name = ?1 AND rows IS NOT NULL";
        let previous = |row: &rusqlite::Row<'_>| {
            Ok(Previous {
                fingerprint: row.get::<_, Option<String>>("fingerprint")?.unwrap_or_default(),
                epoch: row.get::<_, i64>("epoch")?.cast_unsigned(),
                counter: row.get::<_, i64>("counter")?.cast_unsigned(),
                rows: row.get("rows")?,
            })
        };
        Ok(self.db.query_row(sql, [name], previous).optional()?)
    }

    /// What a query has cost so far.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn schedule_totals(&self, name: &str) -> Result<RunTotals, StateError> {
        let sql = "SELECT totals FROM scheduled WHERE name = ?1";
        let text: Option<String> = self.db.query_row(sql, [name], |row| row.get(0)).optional()?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Bytes of the rows kept for all queries but one.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn schedule_bytes_beside(&self, name: &str) -> Result<u64, StateError> {
        let sql = "SELECT coalesce(sum(bytes), 0) FROM scheduled WHERE name <> ?1";
        let bytes: i64 = self.db.query_row(sql, [name], |row| row.get(0))?;
        Ok(bytes.cast_unsigned())
    }

    /// Keeps everything a run leaves behind and takes its mark away, all or nothing.
    ///
    /// # Errors
    /// When the state cannot be written; then nothing of the run is kept.
    pub fn schedule_finish(&mut self, run: &Finished<'_>) -> Result<(), StateError> {
        // A struct of numbers always serialises.
        let totals = serde_json::to_string(&run.totals).unwrap_or_default();
        let tx = self.db.transaction()?;
        tx.execute(
            "INSERT INTO scheduled (name, totals, seen_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET totals = excluded.totals, seen_at = excluded.seen_at",
            params![run.name, totals, run.totals.last_executed],
        )?;
        if let Some(previous) = run.previous {
            tx.execute(
                "UPDATE scheduled SET fingerprint = ?2, epoch = ?3, counter = ?4, rows = ?5,
                 bytes = ?6 WHERE name = ?1",
                params![
                    run.name,
                    previous.fingerprint,
                    previous.epoch.cast_signed(),
                    previous.counter.cast_signed(),
                    previous.rows,
                    previous.rows.len() as i64
                ],
            )?;
        }
        append(&tx, LogKind::Result, run.lines, run.bounds)?;
        append(&tx, LogKind::Status, run.status, run.bounds)?;
        tx.execute("DELETE FROM scheduled_running WHERE name = ?1", [run.name])?;
        tx.commit()?;
        Ok(())
    }

    /// Notes which queries are scheduled at `now`, and forgets what is kept for others that have
    /// not been for `seconds`.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn schedule_keep<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        now: i64,
        seconds: i64,
    ) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        {
            let mut seen =
                tx.prepare_cached("UPDATE scheduled SET seen_at = ?2 WHERE name = ?1")?;
            for name in names {
                seen.execute(params![name, now])?;
            }
        }
        tx.execute("DELETE FROM scheduled WHERE seen_at < ?1", [now - seconds])?;
        tx.commit()?;
        Ok(())
    }
}
