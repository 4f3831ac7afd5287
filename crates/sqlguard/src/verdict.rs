// SPDX-License-Identifier: Apache-2.0
//! What the guard says about a query: an error, findings of the deny-list, warnings.
//!
//! Shapes and their sentences only. The sentences are written for the operator who typed the query.

use serde::Serialize;

use crate::schema::Platform;

/// How many hosts a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Exactly one host: the deny-list does not apply, unknown tables are allowed with a warning.
    SingleHost,
    /// More than one host: the deny-list applies, unknown tables are refused unless allow-listed.
    MultiHost,
}

/// What the guard says about one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Why the text is no acceptable statement, if it is not.
    pub error: Option<SqlError>,
    /// The osquery tables it names, by their canonical names, sorted.
    pub tables: Vec<String>,
    /// Tables it names that osquery's own schema does not have (extensions), lower case, sorted.
    pub unknown_tables: Vec<String>,
    /// Platforms that have all of `tables`.
    pub platforms: Vec<Platform>,
    /// What the deny-list refuses; always empty at [`Scope::SingleHost`].
    pub blocked: Vec<Blocked>,
    /// What the query may cost or miss. Never a reason to refuse it.
    pub warnings: Vec<Warning>,
}

impl Verdict {
    /// Whether the query may be sent to hosts of the scope it was checked for.
    pub fn is_allowed(&self) -> bool {
        self.error.is_none() && self.blocked.is_empty()
    }

    pub(crate) fn refused(error: SqlError) -> Self {
        Self {
            error: Some(error),
            tables: Vec::new(),
            unknown_tables: Vec::new(),
            platforms: Platform::ALL.to_vec(),
            blocked: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// Why a text is no acceptable statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// The kind, for programs.
    pub code: SqlErrorCode,
    /// A sentence that says what is wrong and what to do.
    pub message: String,
    /// Where in the text: byte offset of the token, when it is known.
    pub offset: Option<usize>,
}

impl SqlError {
    pub(crate) fn new(code: SqlErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), offset: None }
    }

    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }
}

/// The kinds of [`SqlError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlErrorCode {
    /// No statement at all.
    Empty,
    /// Longer than [`crate::SQL_BYTES_MAX`].
    TooLong,
    /// A NUL byte, an unterminated quote or a character SQL does not know.
    IllegalCharacter,
    /// More than one statement.
    MultipleStatements,
    /// Not a `SELECT`.
    NotSelect,
    /// A parameter such as `?` or `:name`.
    Parameter,
    /// Not well-formed.
    Syntax,
    /// No table has this column.
    UnknownColumn,
    /// More than one table has this column.
    AmbiguousColumn,
    /// osquery has no such function, or not with so many arguments.
    UnknownFunction,
    /// A table or an action that is never allowed, on however many hosts.
    NotAllowed,
    /// Nested or multiplied too far.
    TooComplex,
    /// The columns of an extension's table are not known, and the query can't be checked without.
    UnresolvedColumns,
    /// Any other mistake SQLite found.
    Other,
    /// The guard itself failed; nothing is known about the query.
    Internal,
}

/// One finding of the deny-list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Blocked {
    /// What kind of finding it is.
    pub rule: Rule,
    /// The table, `table.column`, function or name.
    pub name: String,
    /// Why it is refused and what to do.
    pub reason: String,
}

/// The rules of the deny-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A denied table is named where a table stands.
    DeniedTable,
    /// A denied column is read.
    DeniedColumn,
    /// A denied function is called.
    DeniedFunction,
    /// A denied name stands somewhere else as an identifier: an alias, a part of `WITH`, a branch
    /// that is never taken.
    DeniedName,
    /// An extension's table that is not allow-listed.
    UnknownTable,
}

/// One thing worth knowing before the query is sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// The kind, for programs.
    pub code: WarningCode,
    /// A sentence for the operator.
    pub message: String,
    /// The table it is about, if one.
    pub table: Option<String>,
}

/// The kinds of [`Warning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A required column is not constrained: hosts answer with an error.
    MissingConstraint,
    /// `%%` walks a whole tree.
    RecursiveWildcard,
    /// More than one wildcard in a path.
    SeveralWildcards,
    /// An event table without a `time` constraint.
    EventedWithoutTime,
    /// A per-user table without `uid`.
    PerUserWithoutUid,
    /// A table with very many rows without a selective constraint.
    ManyRows,
    /// A table that is slow or heavy to generate.
    CostlyTable,
    /// The directory service is enumerated.
    RemoteAccounts,
    /// A recursive part of `WITH`.
    RecursiveWith,
    /// Two tables without a join condition.
    CrossJoin,
    /// A table is generated again for each row of another.
    RepeatedScan,
    /// A function that may exhaust memory or stack on the host.
    CostlyFunction,
    /// An extension's table.
    UnknownTable,
    /// No platform has all of the tables.
    NoCommonPlatform,
    /// The columns of an extension's table could not be checked.
    ColumnsNotChecked,
}

impl WarningCode {
    /// The code as it appears in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingConstraint => "missing_constraint",
            Self::RecursiveWildcard => "recursive_wildcard",
            Self::SeveralWildcards => "several_wildcards",
            Self::EventedWithoutTime => "evented_without_time",
            Self::PerUserWithoutUid => "per_user_without_uid",
            Self::ManyRows => "many_rows",
            Self::CostlyTable => "costly_table",
            Self::RemoteAccounts => "remote_accounts",
            Self::RecursiveWith => "recursive_with",
            Self::CrossJoin => "cross_join",
            Self::RepeatedScan => "repeated_scan",
            Self::CostlyFunction => "costly_function",
            Self::UnknownTable => "unknown_table",
            Self::NoCommonPlatform => "no_common_platform",
            Self::ColumnsNotChecked => "columns_not_checked",
        }
    }
}
