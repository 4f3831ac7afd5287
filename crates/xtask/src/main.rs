// SPDX-License-Identifier: Apache-2.0
//! What developers run beside cargo itself: `cargo xtask help`. The rules of the tree (`tidy`) are
//! this crate's tests.

mod bench;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use mimir_store::testing::{POSTGRES_VARIABLE, PrivatePostgres};

const HELP: &str = "\
cargo xtask bench [--only P1,P3] [--hosts N] [--json FILE] [--doc PAGE]
                                      measure Mimir beside bare floors; fails when a target is missed
cargo xtask gen                       write the generated files that are checked in
cargo xtask sim [--seed N | --seeds A..B] [--steps N] [--postgres] [--log]
                                      run seeds of the simulation (docs/reference/simulation.md)
cargo xtask with-postgres -- CMD …    run CMD with a private PostgreSQL for the tests
";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            report(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["gen"] => generate().map(|()| ExitCode::SUCCESS),
        ["with-postgres", "--", command @ ..] if !command.is_empty() => with_postgres(command),
        ["sim", options @ ..] => simulate(options),
        ["bench", options @ ..] => bench::run(options),
        // What `bench` measures beside: started by it.
        ["bench-floor", words @ ..] => bench::floor::serve(words).map(|()| ExitCode::SUCCESS),
        [] | ["help" | "--help"] => {
            report(HELP);
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("unknown task\n{HELP}"),
    }
}

#[expect(clippy::print_stderr, reason = "a developer's tool speaks to its terminal")]
fn report(text: &str) {
    eprintln!("{text}");
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn generate() -> anyhow::Result<()> {
    let path = root().join("api/openapi.json");
    std::fs::write(&path, mimir_server::http::openapi::document())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The simulation is a program of its own, so that other tasks need not wait until it is built.
fn simulate(options: &[&str]) -> anyhow::Result<ExitCode> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--package", "mimir-simulation", "--"]).args(options);
    let status = cargo.status().context("cannot run cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One server for a whole test run: each test makes its own database in it.
fn with_postgres(command: &[&str]) -> anyhow::Result<ExitCode> {
    let mut child = Command::new(command[0]);
    child.args(&command[1..]);
    // A server that is given is used as it is.
    let server = match std::env::var_os(POSTGRES_VARIABLE) {
        Some(_) => None,
        None => Some(PrivatePostgres::start().map_err(anyhow::Error::msg)?),
    };
    if let Some(server) = &server {
        child.env(POSTGRES_VARIABLE, server.url());
    }
    let status = child.status().with_context(|| format!("cannot run {}", command[0]))?;
    drop(server);
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => ExitCode::FAILURE,
    })
}
