// SPDX-License-Identifier: Apache-2.0
//! The server through its front door: requests in, answers out, and then what must be true in
//! the audit trail and the ledger.

#![expect(clippy::disallowed_methods, reason = "tests wait for a state with a bound")]

mod accounts;
mod agents_enrol;
mod agents_offers;
mod agents_replicas;
mod agents_wire;
mod audit;
mod auth;
mod authorisation;
mod bodies;
mod campaigns_course;
mod campaigns_events;
mod campaigns_launch;
mod contract;
mod defects;
mod endings;
mod fleet;
mod hardening;
mod harness;
mod history;
mod hosts;
mod indicators;
mod invariants;
mod kits;
mod lessons;
mod live;
mod openapi;
mod reads_hostile;
mod replicas;
mod results;
mod rows;
mod saved_queries;
mod schema;
mod targets;
