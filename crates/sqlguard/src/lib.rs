// SPDX-License-Identifier: Apache-2.0
//! SQL in, verdict out: may this query be sent to this many hosts, and what will it cost them?
//!
//! SQLite itself decides. A statement is prepared, never run, on an in-memory database that has
//! osquery's tables and functions and an authorizer that denies everything but reading. Because SQLite
//! drops what can never run before its authorizer sees it, and hosts have another release of SQLite,
//! the identifiers of the text are compared with the deny-list as well. No query is executed here, no
//! query is rewritten, and no host is asked.
//!
//! ```
//! use mimir_sqlguard::{DenyList, Guard, Scope};
//!
//! let guard = Guard::new()?;
//! let deny = DenyList::default_list();
//! let verdict = guard.check("SELECT url FROM curl", Scope::MultiHost, &deny);
//! assert_eq!(verdict.blocked[0].name, "curl");
//! assert!(guard.check("SELECT uid FROM users", Scope::MultiHost, &deny).is_allowed());
//! # Ok::<(), mimir_sqlguard::GuardError>(())
//! ```

mod catalogue;
mod convert;
mod deny;
mod desk;
mod expand;
mod findings;
mod functions;
mod guard;
mod lint;
mod mistake;
mod module;
mod plan;
mod scan;
pub mod schema;
mod token;
mod verdict;

pub use catalogue::catalogue;
pub use deny::{DenyList, DenyListError, REASON_OF_ADMIN, reason_for};
pub use functions::function_names;
pub use guard::{Guard, GuardError, canonical};
pub use schema::Platform;
pub use verdict::{Blocked, Rule, Scope, SqlError, SqlErrorCode, Verdict, Warning, WarningCode};

/// The longest query, in bytes.
pub const SQL_BYTES_MAX: usize = 65_536;
