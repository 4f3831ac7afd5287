// SPDX-License-Identifier: Apache-2.0
//! The server's configuration on the command line: one flag a key of the server's own table, so
//! that a key is described once. What the values mean, and checking them, is the server's.

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use mimir_server::config::{Config, ConfigError, KEYS, Key, Kind, Sources};

/// The flag that names the file.
const FILE_FLAG: &str = "config";
/// The heading of these flags in the help.
const HEADING: &str = "Server configuration";
/// Keys that say where the database is.
const STORE_KEYS: [&str; 3] = ["data_dir", "database", "database_file"];

/// The whole configuration of a server, as flags.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfigArgs {
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

/// The part of it that says where the database is.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreArgs(ConfigArgs);

impl ConfigArgs {
    /// File, environment and flags of this process, merged and checked.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        // What is no Unicode is nothing the configuration could use, and is of no name of ours.
        let texts = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        self.load_with(texts.collect())
    }

    fn load_with(&self, environment: Vec<(String, String)>) -> Result<Config, ConfigError> {
        Config::load(&Sources { file: self.file.clone(), environment, flags: self.flags.clone() })
    }

    fn augment(command: Command, keys: impl Iterator<Item = &'static Key>) -> Command {
        let file = Arg::new(FILE_FLAG)
            .long(FILE_FLAG)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help_heading(HEADING)
            .help("TOML file with the configuration; the variable MIMIR_CONFIG names one too");
        keys.fold(command.arg(file), |command, key| command.arg(argument(key)))
    }

    fn read(matches: &ArgMatches, keys: impl Iterator<Item = &'static Key>) -> Self {
        let given = |key: &'static Key| {
            let text = matches.get_one::<String>(key.name)?.clone();
            Some((key.name, text))
        };
        Self { file: matches.get_one(FILE_FLAG).cloned(), flags: keys.filter_map(given).collect() }
    }
}

impl StoreArgs {
    /// Whether any of the flags was given.
    pub(crate) fn is_given(&self) -> bool {
        self.0.file.is_some() || !self.0.flags.is_empty()
    }

    /// See [`ConfigArgs::load`].
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        self.0.load()
    }
}

/// The flag of one key.
fn argument(key: &'static Key) -> Arg {
    // The table's sentences end with a full stop, the help's lines do not.
    let help = key.help.trim_end_matches('.');
    let help = match key.default {
        "" | "false" => format!("{help} [variable: {}]", key.variable()),
        default => format!("{help} [default: {default}] [variable: {}]", key.variable()),
    };
    let argument =
        Arg::new(key.name).long(key.name.replace('_', "-")).help_heading(HEADING).help(help);
    match key.kind {
        Kind::Switch => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL")
            .value_parser(PossibleValuesParser::new(["true", "false"]))
            .hide_possible_values(true),
        Kind::Number => argument.value_name("N").value_parser(NonEmptyStringValueParser::new()),
        Kind::List => argument.value_name("A,B").value_parser(NonEmptyStringValueParser::new()),
        Kind::Text => argument
            .value_name(match key.name {
                "data_dir" => "DIR",
                "database" | "public_url" => "URL",
                "listen" | "console_listen" => "ADDR",
                "log_format" | "log_filter" => "TEXT",
                _ => "FILE",
            })
            .value_parser(NonEmptyStringValueParser::new()),
    }
}

fn store_keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| STORE_KEYS.contains(&key.name))
}

impl Args for ConfigArgs {
    fn augment_args(command: Command) -> Command {
        Self::augment(command, KEYS.iter())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ConfigArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::read(matches, KEYS.iter()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for StoreArgs {
    fn augment_args(command: Command) -> Command {
        ConfigArgs::augment(command, store_keys())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for StoreArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(ConfigArgs::read(matches, store_keys())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mimir_server::config::Origin;

    use super::*;

    fn read(arguments: &[&str]) -> Result<ConfigArgs, clap::Error> {
        let command = ConfigArgs::augment_args(Command::new("serve"));
        let arguments = std::iter::once(&"serve").chain(arguments);
        ConfigArgs::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    #[test]
    fn each_key_is_a_flag_and_a_flag_wins() {
        let args = read(&[
            "--data-dir",
            "/d",
            "--metrics-public",
            "--insecure-http=false",
            "--tls-names",
            "a.example,b.example",
        ]);
        let environment = vec![("MIMIR_DATA_DIR".into(), "/e".into())];
        let config = args.unwrap().load_with(environment).unwrap();
        assert_eq!(config.data_dir, PathBuf::from("/d"));
        assert!(config.metrics_public && !config.insecure_http);
        assert_eq!(config.tls_names, ["a.example", "b.example"]);
        let origin = |key| config.shown.iter().find(|s| s.key == key).unwrap().origin.clone();
        assert_eq!(origin("data_dir"), Origin::Flag("--data-dir".into()));
        assert_eq!(origin("listen"), Origin::Default);
    }

    #[test]
    fn a_switch_takes_no_word_from_the_next_place() {
        assert!(read(&["--metrics-public", "true"]).is_err());
        assert!(read(&["--metrics-public=maybe"]).is_err());
        assert!(read(&["--data-dir", ""]).is_err());
    }
}
