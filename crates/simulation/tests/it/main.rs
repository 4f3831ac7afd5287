// SPDX-License-Identifier: Apache-2.0
//! The seeds of each test run, seeds that once found something, and proof that the checkers can
//! fail.

mod found;
mod mutations;
mod repeat;
mod seeds;

use mimir_simulation::{Options, run};
use mimir_store::db::Engine;

/// Steps of each seed.
const STEPS: u32 = 300;

fn options(seed: u64) -> Options {
    Options { seed, steps: STEPS, engine: Engine::Sqlite }
}

/// Runs a seed; when an invariant does not hold, says which, and how to see what happened.
#[track_caller]
fn holds(options: Options) {
    let outcome = run(options).expect("the service starts");
    if let Some((step, violation)) = outcome.failure {
        let seed = options.seed;
        panic!("step {step}: {violation}\nsee: cargo xtask sim --seed {seed} --log");
    }
}
