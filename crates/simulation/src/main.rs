// SPDX-License-Identifier: Apache-2.0
//! Runs seeds by hand: `cargo xtask sim --seed 7 --log`.

use std::ops::RangeInclusive;
use std::process::ExitCode;

use clap::Parser;
use mimir_simulation::{Options, run};
use mimir_store::db::Engine;

/// Steps of a run, unless told otherwise.
const STEPS: u32 = 300;

/// Runs seeds of the simulation and names the first invariant that does not hold.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask sim")]
struct Arguments {
    /// The seed to run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seeds to run instead, both ends included: 1..200
    #[arg(long, value_parser = range)]
    seeds: Option<RangeInclusive<u64>>,
    /// Steps of each run.
    #[arg(long, default_value_t = STEPS)]
    steps: u32,
    /// On PostgreSQL: each run makes a database of its own on the server of the tests.
    #[arg(long)]
    postgres: bool,
    /// Print what happened, not only of runs that fail.
    #[arg(long)]
    log: bool,
}

fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    ends.map(|(first, last)| first..=last).ok_or_else(|| "write it as 1..200".to_owned())
}

#[expect(clippy::print_stdout, reason = "a developer's tool speaks to its terminal")]
fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let engine = if arguments.postgres { Engine::Postgres } else { Engine::Sqlite };
    let seeds = arguments.seeds.unwrap_or(arguments.seed..=arguments.seed);
    let (mut ran, mut failed) = (0, 0);
    for seed in seeds {
        let outcome = run(Options { seed, steps: arguments.steps, engine })?;
        ran += 1;
        if arguments.log || (outcome.failure.is_some() && failed == 0) {
            outcome.log.iter().for_each(|line| println!("{line}"));
        }
        let (campaigns, responses) = (outcome.campaigns, outcome.responses);
        match &outcome.failure {
            None if arguments.log => println!(
                "seed {seed}: all invariants hold; {campaigns} campaigns, {responses} responses, \
                 {} processes",
                outcome.processes
            ),
            None => {}
            Some((step, violation)) => {
                failed += 1;
                println!("seed {seed}, step {step}: {violation}");
            }
        }
    }
    println!("{ran} seeds, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
