// SPDX-License-Identifier: Apache-2.0
//! What crosses the network: ids, times, the bodies of osquery's remote API with their quirks,
//! and the bodies of Mimir's own HTTP API. Shapes only: no rules, no I/O, no clock.

pub mod api;
pub mod enroll_kit;
pub mod ids;
pub mod osquery;
pub mod time;

pub use time::Timestamp;
