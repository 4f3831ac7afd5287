// SPDX-License-Identifier: Apache-2.0
//! Seeded simulation: the real service on a real database with a virtual fleet, operators, crashes
//! and clocks, on one thread and under simulated time. One seed is one run, and gives the same log
//! each time; after every step the invariants of the product are checked from outside.
//!
//! Deliberately not here: sockets, TLS and processes (the tests of the command line have them),
//! and load (`cargo xtask bench`).

pub mod checks;
pub mod evidence;
pub mod machine;
mod operators;
pub mod replica;
pub mod run;
pub mod snapshot;
mod steps;
pub mod world;

pub use checks::Violation;
pub use run::{Outcome, run, run_with};
pub use world::{Options, World};
