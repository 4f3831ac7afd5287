// SPDX-License-Identifier: Apache-2.0
//! The command line as a whole: global options and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser};

use crate::commands::Command;
use crate::output::Format;

const EXAMPLES: &str = "\
Examples:
  mimir demo
  mimir serve --data-dir /var/lib/mimir
  mimir login --server https://mimir.example:8443 --ca ca.pem
  mimir query run --sql 'SELECT pid, name FROM processes' --target os:linux
  mimir campaign launch --sql 'SELECT * FROM kernel_info' --target all --name 'Kernels'
  mimir campaign watch 0193b3a0-5f2e-7c41-9d6e-2b1f4c7a9e10
  mimir host list --status offline --output csv > dark.csv

Exit codes: 0 done, 1 refused or failed, 2 usage.";

/// Mimir asks every host of a fleet, also those that are offline now, and keeps the answers.
#[derive(Debug, Parser)]
#[command(name = "mimir", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command that asks the server.
#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalArgs {
    /// The server's address, such as https://mimir.example:8443; `mimir login` remembers it
    #[arg(
        long,
        global = true,
        env = "MIMIR_SERVER",
        value_name = "URL",
        help_heading = "Asking a server"
    )]
    pub(crate) server: Option<String>,
    /// The API key that speaks; better given by environment or `mimir login` than here, where
    /// other users of this machine can see it
    #[arg(
        long,
        global = true,
        env = "MIMIR_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        help_heading = "Asking a server"
    )]
    pub(crate) api_key: Option<String>,
    /// File with the CA certificate of the server (PEM); the system's authorities without it
    #[arg(
        long,
        global = true,
        env = "MIMIR_CA",
        value_name = "FILE",
        help_heading = "Asking a server"
    )]
    pub(crate) ca: Option<PathBuf>,
    /// How to print: `table` for people, `json` as the API writes it, `csv` for spreadsheets
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Asking a server"
    )]
    pub(crate) output: Format,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Every command, with its path of names.
    fn each(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        let path = format!("{path} {}", command.get_name());
        found.push((path.trim().to_owned(), command.clone()));
        for below in command.get_subcommands() {
            each(below, &path, found);
        }
    }

    #[test]
    fn the_definition_is_sound_and_every_command_says_what_it_does() {
        let mut root = Cli::command();
        root.build();
        root.clone().debug_assert();
        let mut commands = Vec::new();
        each(&root, "", &mut commands);
        for (path, command) in commands.iter().filter(|(path, _)| !path.contains(" help")) {
            assert!(command.get_about().is_some(), "`{path}` has no description");
            for argument in command.get_arguments() {
                let name = argument.get_id();
                assert!(argument.get_help().is_some(), "`{path} {name}` has no description");
            }
        }
    }
}
