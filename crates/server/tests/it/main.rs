// SPDX-License-Identifier: Apache-2.0
//! The server through its front door: requests in, answers out, and then what must be true in
//! the audit trail and the ledger.

mod accounts;
mod agents_offers;
mod audit;
mod auth;
mod authorisation;
mod bodies;
mod campaigns_launch;
mod contract;
mod fleet;
mod harness;
mod hosts;
mod invariants;
mod openapi;
mod replicas;
mod saved_queries;
