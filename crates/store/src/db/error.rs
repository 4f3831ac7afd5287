// SPDX-License-Identifier: Apache-2.0
//! What can go wrong in a database, in words that are the same for both engines. Messages never
//! carry stored values: what PostgreSQL says about a key in its detail line is left out, because
//! errors reach logs.

/// Which rule of the schema a statement broke, other than uniqueness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// A row that is referred to does not exist, or is still referred to.
    ForeignKey,
    /// A column that must have a value has none.
    NotNull,
    /// A check on the row's values.
    Check,
    /// Another rule, such as the type of a STRICT table's column.
    Other,
}

/// The failure of a database operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A row with the same key exists. `constraint` is `table.column` (several joined by ", "),
    /// or the index's name where the key is an expression; the same on both engines.
    #[error("a row with the same {constraint} exists")]
    Conflict {
        /// What had to be unique.
        constraint: String,
    },
    /// Another rule of the schema was broken.
    #[error("the database refused the row ({kind:?}): {detail}")]
    Constraint {
        /// Which rule.
        kind: ConstraintKind,
        /// The engine's words, without values.
        detail: String,
    },
    /// A statement found or changed another number of rows than it must.
    #[error("expected {expected} but {actual} rows were hit by `{statement}`")]
    RowCount {
        /// What was expected, in words.
        expected: &'static str,
        /// How many there were; a lower bound where reading stopped early.
        actual: u64,
        /// The beginning of the statement.
        statement: String,
    },
    /// A cell holds something else than the code expects.
    #[error("column {index}: expected {expected}, found {found}")]
    Column {
        /// Counted from zero.
        index: usize,
        /// What the code asked for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A parameter that cannot be sent.
    #[error("parameter {index}: {reason}")]
    Parameter {
        /// Counted from zero.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A mistake in the calling code, such as a wrong number of parameters.
    #[error("wrong use of the database layer: {0}")]
    Usage(String),
    /// An earlier statement of this transaction failed and the failure was not undone with
    /// `Tx::savepoint`; nothing of the transaction is kept.
    #[error("the transaction was given up because an earlier statement in it failed")]
    Aborted,
    /// The database cannot be reached or does not take work now; nothing was changed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection broke while a commit was under way: the change may or may not be stored.
    #[error("the connection broke during a commit, its outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// Concurrent transactions got into each other's way more often than they were retried.
    #[error("too many concurrent changes of the same rows; try again: {0}")]
    Contention(String),
    /// The disk, or the space the database may use, is full.
    #[error("the database has no space left; free disk space or raise its limit")]
    Full,
    /// A change was attempted where only reading is allowed.
    #[error("the database or the transaction is read-only")]
    ReadOnly,
    /// The file is damaged or is no database.
    #[error("the database file is damaged or not a database: {0}; restore a backup")]
    Corrupt(String),
    /// The code running in the transaction panicked; its changes were undone.
    #[error("the code in the transaction panicked: {0}")]
    Panicked(String),
    /// The engine cannot do this.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The database address is not usable.
    #[error("database address: {0}")]
    Address(String),
    /// A file of the database or of a backup could not be used.
    #[error("{path}: {reason}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Any other error of SQLite.
    #[error("SQLite error {code}: {message}")]
    Sqlite {
        /// The extended result code.
        code: i32,
        /// SQLite's words.
        message: String,
    },
    /// Any other error of PostgreSQL or of the connection to it.
    #[error("PostgreSQL error {code}: {message}")]
    Postgres {
        /// The SQLSTATE.
        code: String,
        /// The primary message, without detail.
        message: String,
    },
}

/// How much of a statement an error shows, in characters.
const STATEMENT_EXCERPT: usize = 120;

impl DbError {
    /// Whether the same work may succeed when it is tried again later, unchanged.
    /// [`DbError::OutcomeUnknown`] is not among these: the work may already be done.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Contention(_))
    }

    pub(crate) fn row_count(expected: &'static str, actual: u64, sql: &str) -> Self {
        let statement = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let statement = statement.chars().take(STATEMENT_EXCERPT).collect();
        Self::RowCount { expected, actual, statement }
    }

    pub(crate) fn file(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::File { path: path.display().to_string(), reason: reason.to_string() }
    }

    /// The message of a caught panic.
    pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Self::Panicked(text.unwrap_or_else(|| "no message".to_owned()))
    }
}
