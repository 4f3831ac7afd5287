// SPDX-License-Identifier: Apache-2.0
//! Use cases, one file a noun: load, check, let the engine decide, write, all in one transaction
//! together with the audit entry. No HTTP here and no SQL.

mod caller;
mod columns;
mod state;

pub mod accounts;
pub mod answers;
pub mod audit;
pub mod auth;
pub mod campaigns;
pub mod changes;
pub mod dashboard;
pub mod enrol;
pub mod enrollment_kits;
pub mod enrollment_secrets;
pub mod export;
pub mod history;
pub mod hosts;
pub mod indicators;
pub mod launch;
pub mod ledger;
pub mod live;
pub mod page;
pub mod queries;
pub(crate) mod row_scan;
pub mod rows;
pub mod saved_queries;
pub mod schema;
pub mod settings;
pub mod targets;

pub use caller::{Caller, system_entry, target as audit_target};
pub(crate) use state::hop;
pub use state::{App, AppConfig};
