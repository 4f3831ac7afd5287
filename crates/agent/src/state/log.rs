// SPDX-License-Identifier: Apache-2.0
//! The lines that wait for the server's log: results of scheduled queries and status lines.
//!
//! Lines leave when they were acknowledged, or when there is no more room: then the oldest go
//! first and are counted, because what happens now matters most. What a line says is decided in
//! [`crate::logger`].

use rusqlite::{Transaction, params};

use super::{State, StateError};

/// Which log a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// Rows of scheduled queries.
    Result,
    /// What the agent has to say about itself.
    Status,
}

impl LogKind {
    /// Both, results first.
    pub const ALL: [Self; 2] = [Self::Result, Self::Status];

    /// `log_type` in the body.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Status => "status",
        }
    }
}

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// Lines of both kinds.
    pub lines: u64,
    /// Bytes of both kinds.
    pub bytes: u64,
}

/// A line that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its number; later lines have higher ones.
    pub seq: i64,
    /// One JSON object.
    pub text: String,
}

/// What waits and what had to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogTotals {
    /// Lines that wait.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lines that were dropped for want of room and not yet told about.
    pub dropped: u64,
}

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS log (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        line TEXT NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS log_by_kind ON log (kind, seq, bytes);
    CREATE TABLE IF NOT EXISTS log_totals (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        lines INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        dropped INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO log_totals (id, lines, bytes, dropped) VALUES (1, 0, 0, 0);
";

impl State {
    /// Keeps lines until they are acknowledged, all or none of them.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn log(
        &mut self,
        kind: LogKind,
        lines: &[String],
        bounds: LogBounds,
    ) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        append(&tx, kind, lines, bounds)?;
        tx.commit()?;
        Ok(())
    }

    /// The oldest lines of a kind: at most `lines` of them, and as many as fit into `bytes`, but
    /// at least one.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log_batch(
        &self,
        kind: LogKind,
        lines: usize,
        bytes: u64,
    ) -> Result<Vec<LogLine>, StateError> {
        let mut statement = self.db.prepare_cached(
            "SELECT log.seq, log.bytes, log.line FROM log WHERE kind = ?1 ORDER BY seq LIMIT ?2",
        )?;
        let limit = i64::try_from(lines).unwrap_or(i64::MAX);
        let mut waiting = statement.query(params![kind.name(), limit])?;
        let (mut batch, mut total) = (Vec::new(), 0);
        while let Some(row) = waiting.next()? {
            total += row.get::<_, i64>("bytes")?.cast_unsigned();
            if !batch.is_empty() && total > bytes {
                break;
            }
            batch.push(LogLine { seq: row.get("seq")?, text: row.get("line")? });
        }
        Ok(batch)
    }

    /// Removes lines that the server has.
    ///
    /// # Errors
    /// When the state cannot be written; they are then sent again, which is harmless.
    pub fn log_acknowledge(&mut self, sent: &[LogLine]) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        remove(&tx, sent)?;
        tx.commit()?;
        Ok(())
    }

    /// Gives up lines that the server will never take, and counts them as dropped.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn log_give_up(&mut self, refused: &[LogLine]) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        let removed = remove(&tx, refused)?;
        tx.execute("UPDATE log_totals SET dropped = dropped + ?1", [removed])?;
        tx.commit()?;
        Ok(())
    }

    /// Replaces the count of dropped lines by a status line that tells of them.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn log_dropped(&mut self, line: &[String], bounds: LogBounds) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        tx.execute("UPDATE log_totals SET dropped = 0", [])?;
        append(&tx, LogKind::Status, line, bounds)?;
        tx.commit()?;
        Ok(())
    }

    /// Whether lines of a kind wait.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn has_log(&self, kind: LogKind) -> Result<bool, StateError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM log WHERE kind = ?1)";
        Ok(self.db.prepare_cached(sql)?.query_row([kind.name()], |row| row.get(0))?)
    }

    /// What waits and what had to go.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log_totals(&self) -> Result<LogTotals, StateError> {
        Ok(self.db.query_row("SELECT lines, bytes, dropped FROM log_totals", [], totals)?)
    }
}

fn totals(row: &rusqlite::Row<'_>) -> rusqlite::Result<LogTotals> {
    let number = |name: &str| row.get::<_, i64>(name).map(i64::cast_unsigned);
    Ok(LogTotals { lines: number("lines")?, bytes: number("bytes")?, dropped: number("dropped")? })
}

/// Adds lines and makes room for them, in the caller's transaction.
pub(super) fn append(
    tx: &Transaction<'_>,
    kind: LogKind,
    lines: &[String],
    bounds: LogBounds,
) -> Result<(), StateError> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut bytes = 0;
    let mut insert =
        tx.prepare_cached("INSERT INTO log (kind, bytes, line) VALUES (?1, ?2, ?3)")?;
    for line in lines {
        bytes += line.len() as i64;
        insert.execute(params![kind.name(), line.len() as i64, line])?;
    }
    tx.execute(
        "UPDATE log_totals SET lines = lines + ?1, bytes = bytes + ?2",
        [lines.len() as i64, bytes],
    )?;
    make_room(tx, bounds)
}

/// Drops the oldest lines until what waits is within bounds, and counts them.
fn make_room(tx: &Transaction<'_>, bounds: LogBounds) -> Result<(), StateError> {
    let now = tx.query_row("SELECT lines, bytes, dropped FROM log_totals", [], totals)?;
    if now.lines <= bounds.lines && now.bytes <= bounds.bytes {
        return Ok(());
    }
    let (mut lines, mut bytes, mut last) = (0, 0, 0);
    let mut oldest = tx.prepare_cached("SELECT seq, bytes FROM log ORDER BY seq")?;
    let mut rows = oldest.query([])?;
    while now.lines - lines > bounds.lines || now.bytes - bytes > bounds.bytes {
        let Some(row) = rows.next()? else { break };
        last = row.get::<_, i64>("seq")?;
        lines += 1;
        bytes += row.get::<_, i64>("bytes")?.cast_unsigned();
    }
    drop(rows);
    tx.execute("DELETE FROM log WHERE seq <= ?1", [last])?;
    tx.execute(
        "UPDATE log_totals SET lines = lines - ?1, bytes = bytes - ?2, dropped = dropped + ?1",
        [lines.cast_signed(), bytes.cast_signed()],
    )?;
    Ok(())
}

/// Removes lines that still wait; answers how many there were.
fn remove(tx: &Transaction<'_>, lines: &[LogLine]) -> Result<i64, StateError> {
    let mut delete = tx.prepare_cached("DELETE FROM log WHERE seq = ?1")?;
    let (mut removed, mut bytes) = (0, 0);
    for line in lines {
        if delete.execute([line.seq])? == 1 {
            removed += 1;
            bytes += line.text.len() as i64;
        }
    }
    tx.execute("UPDATE log_totals SET lines = lines - ?1, bytes = bytes - ?2", [removed, bytes])?;
    Ok(removed)
}
