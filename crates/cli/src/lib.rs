// SPDX-License-Identifier: Apache-2.0
//! The command line `mimir`: one file a command under `commands`. Most commands ask a server and
//! print what comes back; `serve` and `demo` run one, and a few look after a server's database.
//! Rules, checks and words of refusal are the server's. It deliberately keeps no state but the
//! sign-in file.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 usage.

mod args;
mod commands;
mod config_file;
mod console;
mod context;
mod failure;
mod interrupt;
mod output;
mod progress;
mod target;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

pub use console::Console;

/// Reads this process's command line and does what it says.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os(), &mut Console::of_process()))
}

/// Does what `arguments` say (the first is the program's name) and gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, console: &mut Console) -> u8 {
    let cli = match args::Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error, console),
    };
    let format = cli.global.output;
    let mut context = context::Context::new(cli.global, console);
    let outcome = commands::run(cli.command, &mut context);
    failure::exit_code(outcome, format, console)
}
