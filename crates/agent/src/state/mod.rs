// SPDX-License-Identifier: Apache-2.0
//! What must survive a crash, in one SQLite file of the state directory: the node key, the ids,
//! accepted queries, running marks, and the outbox of answers that no server has acknowledged;
//! in submodules the lines for the server's log and what scheduled queries leave behind.
//!
//! The order of writes is the point. A query is on disk before it runs; its answer is on disk, in
//! the same transaction that forgets the query, before it is sent; the answer goes only when it
//! was acknowledged. So a crash at any instant loses nothing, and repeats at most the one query
//! that was running. A death has many causes, a power cut or an operator among them; a query in
//! which the agent died twice is to blame and refused for a day (osquery's denylist, which
//! refuses after the first death and loses what an innocent query would have answered).

mod log;
mod schedule;

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mimir_wire::osquery::QueryStats;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::limits::{
    DEATHS_MAX, DENYLIST_SECONDS, OUTBOX_BYTES_MAX, PENDING_MAX, POSTPONED_SECONDS_MAX, WRITE_BYTES,
};

pub use log::{LogBounds, LogKind, LogLine, LogTotals};
pub use schedule::{Finished, Previous, RunTotals};

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory or a file in it.
    #[error("the state directory {path} cannot be used: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two agents must not share a directory.
    #[error("another mimir-agent uses {0}; give each agent a --state-dir of its own")]
    InUse(PathBuf),
    /// The database.
    #[error("the agent's state cannot be read or written (disk full or file damaged?): {0}")]
    Database(#[from] rusqlite::Error),
}

/// A query that waits to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its name, the server's id for it.
    pub name: String,
    /// The statement.
    pub sql: String,
}

/// What to do with a pending query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It is marked as running; run it.
    Run,
    /// The agent died in this text twice, less than a day ago; do not run it.
    Denylisted,
}

/// How a query ended, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The rows as a JSON array of objects; `[]` when it failed.
    pub rows: String,
    /// 0 for success, 1 for failure.
    pub status: i64,
    /// Why it failed, else empty.
    pub message: String,
    /// What it cost, when it ran.
    pub stats: Option<QueryStats>,
}

impl Outcome {
    /// A failure.
    pub fn failure(message: String) -> Self {
        Self { rows: "[]".to_owned(), status: 1, message, stats: None }
    }
}

/// An outcome that waits to be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Name of the query.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How often the server refused it.
    pub refusals: u32,
}

/// Whether an offered query is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It will be run.
    New,
    /// It is waiting or its answer is; it will not be run again.
    Known,
    /// Too many are waiting; the server will offer it again.
    Full,
}

/// The state directory, open and locked.
#[derive(Debug)]
pub struct State {
    db: Connection,
    /// Marks that end with the query: this process is alive, whatever becomes of it.
    own_marks: HashSet<String>,
    _lock: File,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS pending (name TEXT PRIMARY KEY, sql TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS running (
        sql_sha256 TEXT PRIMARY KEY,
        started_at INTEGER NOT NULL,
        deaths INTEGER NOT NULL DEFAULT 0,
        is_live INTEGER NOT NULL DEFAULT 1) STRICT;
    CREATE TABLE IF NOT EXISTS outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        bytes INTEGER NOT NULL,
        due_at INTEGER NOT NULL DEFAULT 0,
        refusals INTEGER NOT NULL DEFAULT 0,
        status INTEGER NOT NULL,
        message TEXT NOT NULL,
        stats TEXT,
        rows TEXT NOT NULL) STRICT;
";

impl State {
    /// Opens the directory, creating it for this user alone.
    ///
    /// # Errors
    /// When it is unusable or another agent has it.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        let unusable = |source| StateError::Directory { path: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        let private = |name: &str| {
            let mut options = OpenOptions::new();
            options.create(true).truncate(false).read(true).write(true).mode(0o600);
            options.open(directory.join(name)).map_err(unusable)
        };
        let lock = private("lock")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // SQLite gives its side files the permissions of the main one, which is created here.
        drop(private("state.db")?);
        let db = Connection::open(directory.join("state.db"))?;
        db.execute_batch(
            "PRAGMA auto_vacuum = FULL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             PRAGMA journal_size_limit = 1048576; PRAGMA temp_store = MEMORY;",
        )?;
        for schema in [SCHEMA, log::SCHEMA, schedule::SCHEMA] {
            db.execute_batch(schema)?;
        }
        count_deaths(&db)?;
        // The entry of a new file is durable only with its directory.
        fs::File::open(directory).and_then(|opened| opened.sync_all()).map_err(unusable)?;
        Ok(Self { db, own_marks: HashSet::new(), _lock: lock })
    }

    /// The id kept under `name`, made by `new` the first time.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn id(&mut self, name: &str, new: impl FnOnce() -> String) -> Result<String, StateError> {
        if let Some(known) = self.meta(name)? {
            return Ok(known);
        }
        let id = new();
        self.set_meta(name, &id)?;
        Ok(id)
    }

    /// The key from enrolment.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn node_key(&self) -> Result<Option<String>, StateError> {
        self.meta("node_key")
    }

    /// Keeps the key from enrolment, or forgets it.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn set_node_key(&mut self, key: Option<&str>) -> Result<(), StateError> {
        match key {
            Some(key) => self.set_meta("node_key", key),
            None => {
                self.db.execute("DELETE FROM meta WHERE name = 'node_key'", [])?;
                Ok(())
            }
        }
    }

    fn meta(&self, name: &str) -> Result<Option<String>, StateError> {
        let sql = "SELECT value FROM meta WHERE name = ?1";
        Ok(self.db.query_row(sql, [name], |row| row.get(0)).optional()?)
    }

    fn set_meta(&mut self, name: &str, value: &str) -> Result<(), StateError> {
        let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.db.execute(sql, [name, value])?;
        Ok(())
    }

    /// Keeps an offered query until it has an answer. A name that is pending takes the newer
    /// text, as in osquery; a name whose answer waits is not run again.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn accept(&mut self, name: &str, sql: &str) -> Result<Accepted, StateError> {
        let exists = |sql: &str| self.db.query_row(sql, [name], |row| row.get::<_, bool>(0));
        if exists("SELECT EXISTS (SELECT 1 FROM outbox WHERE name = ?1)")? {
            return Ok(Accepted::Known);
        }
        if exists("SELECT EXISTS (SELECT 1 FROM pending WHERE name = ?1)")? {
            self.db.execute(
                "UPDATE pending SET sql = ?2 WHERE name = ?1 AND sql <> ?2",
                [name, sql],
            )?;
            return Ok(Accepted::Known);
        }
        if self.pending_count()? >= PENDING_MAX {
            return Ok(Accepted::Full);
        }
        self.db.execute("INSERT INTO pending (name, sql) VALUES (?1, ?2)", [name, sql])?;
        Ok(Accepted::New)
    }

    /// The pending query whose name sorts first, by bytes.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn next_pending(&self) -> Result<Option<Pending>, StateError> {
        let sql = "SELECT name, sql FROM pending ORDER BY name LIMIT 1";
        let pending =
            |row: &rusqlite::Row<'_>| Ok(Pending { name: row.get("name")?, sql: row.get("sql")? });
        Ok(self.db.query_row(sql, [], pending).optional()?)
    }

    /// How many queries wait to be run.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn pending_count(&self) -> Result<u64, StateError> {
        self.count("SELECT count(*) FROM pending")
    }

    /// Marks a text as running at `now`, unless earlier processes died in it too often.
    ///
    /// # Errors
    /// When the state cannot be written; the query must then not be run.
    pub fn begin(&mut self, sql: &str, now: i64) -> Result<Start, StateError> {
        let key = text_key(sql);
        let mark = "SELECT started_at, deaths FROM running WHERE sql_sha256 = ?1";
        let mark = self.db.query_row(mark, [&key], |row| Ok((row.get(0)?, row.get(1)?)));
        let is_denied = mark.optional()?.is_some_and(|(since, deaths): (i64, u32)| {
            deaths >= DEATHS_MAX && is_denied(since, now)
        });
        if is_denied {
            return Ok(Start::Denylisted);
        }
        self.db.execute(
            "INSERT INTO running (sql_sha256, started_at) VALUES (?1, ?2)
             ON CONFLICT (sql_sha256) DO UPDATE SET started_at = excluded.started_at, is_live = 1",
            params![key, now],
        )?;
        self.own_marks.insert(key);
        Ok(Start::Run)
    }

    /// Denies a text for a day from `now`: something died in it that was not this process. To be
    /// called between [`State::begin`] and [`State::finish`].
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn deny(&mut self, sql: &str, now: i64) -> Result<(), StateError> {
        let key = text_key(sql);
        self.db.execute(
            "INSERT OR REPLACE INTO running (sql_sha256, started_at, deaths, is_live)
             VALUES (?1, ?2, ?3, 0)",
            params![key, now, DEATHS_MAX],
        )?;
        self.own_marks.remove(&key);
        Ok(())
    }

    /// Takes the mark away without an outcome: the agent stops in an orderly way and the query
    /// will run again.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn abandon(&mut self, sql: &str) -> Result<(), StateError> {
        let key = text_key(sql);
        self.db.execute("DELETE FROM running WHERE sql_sha256 = ?1", [&key])?;
        self.own_marks.remove(&key);
        Ok(())
    }

    /// Puts an outcome into the outbox and forgets the query and its mark, all or nothing.
    ///
    /// # Errors
    /// When the state cannot be written; the query is then still pending.
    pub fn finish(&mut self, query: &Pending, outcome: &Outcome) -> Result<(), StateError> {
        let key = text_key(&query.sql);
        let stats = outcome.stats.as_ref().and_then(|stats| serde_json::to_string(stats).ok());
        let tx = self.db.transaction()?;
        tx.execute(
            "INSERT INTO outbox (name, bytes, status, message, stats, rows)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
            params![
                query.name,
                outcome.rows.len() as i64,
                outcome.status,
                outcome.message,
                stats,
                outcome.rows
            ],
        )?;
        tx.execute("DELETE FROM pending WHERE name = ?1", [&query.name])?;
        // The mark of a process that died stays: it is why this query was refused.
        if self.own_marks.contains(&key) {
            tx.execute("DELETE FROM running WHERE sql_sha256 = ?1", [&key])?;
        }
        tx.commit()?;
        self.own_marks.remove(&key);
        Ok(())
    }

    /// Replaces a waiting outcome, for one that the server can never take.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn replace(&mut self, name: &str, outcome: &Outcome) -> Result<(), StateError> {
        self.db.execute(
            "UPDATE outbox SET rows = ?2, bytes = ?3, status = ?4, message = ?5, due_at = 0
             WHERE name = ?1",
            params![name, outcome.rows, outcome.rows.len() as i64, outcome.status, outcome.message],
        )?;
        Ok(())
    }

    /// The outcomes to send next, oldest first: as many as fit into `bytes`, at least one. One
    /// that the server has refused goes alone, so that it cannot hold up others.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn outgoing(&self, now: i64, bytes: u64) -> Result<Vec<Outgoing>, StateError> {
        // Rows are fetched one outcome at a time: sorting must not copy them.
        let mut statement = self.db.prepare_cached(
            "SELECT seq, bytes, refusals FROM outbox WHERE due_at <= ?1 OR due_at > ?2
             ORDER BY refusals > 0, seq",
        )?;
        // A time further away than any wait was noted by a clock that was wrong.
        let mut waiting = statement.query([now, now.saturating_add(POSTPONED_SECONDS_MAX)])?;
        let (mut batch, mut total) = (Vec::new(), 0);
        while let Some(row) = waiting.next()? {
            let is_refused = row.get::<_, u32>("refusals")? > 0;
            total += row.get::<_, i64>("bytes")?.cast_unsigned();
            if !batch.is_empty() && (is_refused || total > bytes) {
                break;
            }
            batch.push(self.outgoing_at(row.get("seq")?)?);
            if is_refused {
                break;
            }
        }
        Ok(batch)
    }

    fn outgoing_at(&self, seq: i64) -> Result<Outgoing, StateError> {
        let sql = "SELECT name, refusals, status, message, stats, rows FROM outbox WHERE seq = ?1";
        let outgoing = |row: &rusqlite::Row<'_>| {
            let stats: Option<String> = row.get("stats")?;
            let outcome = Outcome {
                rows: row.get("rows")?,
                status: row.get("status")?,
                message: row.get("message")?,
                stats: stats.and_then(|text| serde_json::from_str(&text).ok()),
            };
            Ok(Outgoing { name: row.get("name")?, outcome, refusals: row.get("refusals")? })
        };
        Ok(self.db.query_row(sql, [seq], outgoing)?)
    }

    /// Removes outcomes that the server has acknowledged.
    ///
    /// # Errors
    /// When the state cannot be written; they are then sent again, which is harmless.
    pub fn acknowledge(&mut self, sent: &[Outgoing]) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        for outgoing in sent {
            tx.execute("DELETE FROM outbox WHERE name = ?1", [&outgoing.name])?;
        }
        tx.commit()?;
        let bytes: usize = sent.iter().map(|outgoing| outgoing.outcome.rows.len()).sum();
        if bytes as u64 > WRITE_BYTES {
            // Gives the space of a large answer back to the machine now, not at some later write.
            self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    }

    /// Notes that the server refused these, and not to try again before `due_at`.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn postpone(&mut self, refused: &[Outgoing], due_at: i64) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        for outgoing in refused {
            tx.execute(
                "UPDATE outbox SET refusals = refusals + 1, due_at = ?2 WHERE name = ?1",
                params![outgoing.name, due_at],
            )?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Lets everything in the outbox be tried at once, after a new key or a restart.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn hurry(&mut self) -> Result<(), StateError> {
        self.db.execute("UPDATE outbox SET due_at = 0 WHERE due_at <> 0", [])?;
        Ok(())
    }

    /// Outcomes that wait: how many.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn outbox_count(&self) -> Result<u64, StateError> {
        self.count("SELECT count(*) FROM outbox")
    }

    /// Whether no further queries should be accepted until the outbox has drained.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn is_outbox_full(&self) -> Result<bool, StateError> {
        Ok(self.count("SELECT coalesce(sum(bytes), 0) FROM outbox")? >= OUTBOX_BYTES_MAX)
    }

    fn count(&self, sql: &str) -> Result<u64, StateError> {
        let count: i64 = self.db.query_row(sql, [], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// Forgets marks that deny nothing any more.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn expire_marks(&mut self, now: i64) -> Result<(), StateError> {
        let sql = "DELETE FROM running WHERE started_at <= ?1 OR started_at > ?2";
        self.db.execute(sql, [now - DENYLIST_SECONDS, now + DENYLIST_SECONDS])?;
        Ok(())
    }
}

/// Blames the texts that were running when an earlier process died.
fn count_deaths(db: &Connection) -> Result<(), StateError> {
    let mut columns = db.prepare("SELECT name FROM pragma_table_info('running')")?;
    let columns = columns.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    if !columns.iter().any(|name| name == "deaths") {
        // A state directory from before deaths were counted.
        db.execute_batch(
            "ALTER TABLE running ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
             ALTER TABLE running ADD COLUMN is_live INTEGER NOT NULL DEFAULT 1;",
        )?;
    }
    db.execute("UPDATE running SET deaths = deaths + 1, is_live = 0 WHERE is_live", [])?;
    Ok(())
}

/// Marks are kept under the hash of the text, so that the same text under another name counts.
pub(crate) fn text_key(sql: &str) -> String {
    hex::encode(Sha256::digest(sql))
}

/// A mark from far in the future is from a clock that was wrong, and denies nothing.
fn is_denied(since: i64, now: i64) -> bool {
    now - DENYLIST_SECONDS < since && since <= now + DENYLIST_SECONDS
}
