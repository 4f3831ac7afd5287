// SPDX-License-Identifier: Apache-2.0
//! `mimir-agent`: answers SQL about a Linux machine, on the command line and for a Mimir server
//! over osquery's remote API.
//!
//! The pieces, from the inside out: [`tables`] read the machine, [`sql`] runs one read-only
//! statement over them within limits, [`state`] keeps on disk what must survive a crash,
//! [`schedule`] runs what the configuration asks for at intervals, [`logger`] words and sends what
//! came of it, [`remote`] speaks to the server, [`service`] is the loop that joins them, [`cli`] is
//! the program. There is no asynchronous runtime: one loop thread, and while a query runs a process
//! of its own for it ([`worker`]), which the [`watchdog`] ends when it takes too much.
//!
//! It deliberately has no event tables and no carving.

pub mod cli;
pub mod facts;
pub mod host;
pub mod limits;
pub mod logger;
pub mod memory;
pub mod pace;
pub mod print;
pub mod remote;
pub mod schedule;
pub mod service;
pub mod sql;
pub mod state;
pub mod tables;
pub mod watchdog;
pub mod worker;

/// Version of this agent, as `osquery_info.version` and the `User-Agent` header report it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
