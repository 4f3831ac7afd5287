// SPDX-License-Identifier: Apache-2.0
//! The rules of Mimir as pure functions: no I/O, no clock, no async, no SQL. Time, ids and
//! randomness are arguments; callers load state, let this crate decide, and write what it says.
//!
//! Invariants I1–I10 (ARCHITECTURE.md) are asserted here where they can be seen from here.

pub mod campaign;
pub mod host_class;
pub mod ioc;
pub mod limits;
pub mod permission;

pub use mimir_wire::Timestamp;
