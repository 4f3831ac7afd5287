// SPDX-License-Identifier: Apache-2.0
//! The engine from outside: random histories against a naive model that recounts everything, an
//! agent that behaves as osqueryd does against the offer rules, and scenarios as text tables.
//! Nothing here knows how the engine keeps its books; the contract's words are the model.

mod agent;
mod ioc_compile;
mod ioc_detect;
mod ioc_import;
mod ledger_model;
mod ledger_random;
mod ledger_tables;
mod ledger_world;
mod offers_random;
mod offers_tables;
mod server;
