// SPDX-License-Identifier: Apache-2.0
//! The binary `mimir`. Everything is in the library, where tests reach it.

fn main() -> std::process::ExitCode {
    mimir_cli::main()
}
