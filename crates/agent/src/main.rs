// SPDX-License-Identifier: Apache-2.0
//! The program `mimir-agent`. Everything it does is in the library, so that tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    mimir_agent::cli::main()
}
