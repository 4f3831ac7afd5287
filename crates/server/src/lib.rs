// SPDX-License-Identifier: Apache-2.0
//! The Mimir server: agents' endpoints, HTTP API, and what runs behind them.
//!
//! `http` shapes requests and answers, `app` holds the use cases, `fleet` is the picture of the
//! fleet in memory, `ingest` the lane by which answers reach the ledger. The rules are the
//! engine's, all SQL is the store's.

pub mod app;
pub mod blocking;
pub mod bootstrap;
pub mod clock;
pub mod config;
pub mod export;
pub mod fleet;
pub mod http;
pub mod ingest;
pub mod jobs;
pub mod listen;
pub mod live;
pub mod metrics;
pub mod offer_id;
pub mod problem;
pub mod rows;
pub mod secret;
pub mod serve;
pub mod tar;
pub mod tls;
pub mod watch;
