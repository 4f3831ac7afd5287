// SPDX-License-Identifier: Apache-2.0
//! Indicators of compromise as pure functions: what a text means (`detect`), what a list of them
//! holds (`import`), the queries that look for them (`compile`), and what a host's rows say about
//! them (`evidence`).
//!
//! Nothing here knows where indicators are stored, which hosts there are or what time it is.

pub mod compile;
mod defang;
pub mod detect;
mod domain;
pub mod evidence;
pub mod import;
mod path;
mod refang;
mod sql;
mod url;
mod value;
mod warnings;
