// SPDX-License-Identifier: Apache-2.0
//! Tests of the agent through its front doors: SQL over the real machine, the program itself, and
//! the loop against a small server over TLS.

mod corpus;
mod fake_bus;
mod fixture;
mod functions;
mod guide;
mod limits;
mod logger;
mod made;
mod package;
mod program;
mod runaway;
mod schedule;
mod schema;
mod server;
mod service;
mod sql;
mod state;
mod tables;
mod tables_files;
mod tables_network;
mod tables_software;
mod tables_system;
mod watchdog;
