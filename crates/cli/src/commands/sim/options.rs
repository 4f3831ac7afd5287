// SPDX-License-Identifier: Apache-2.0
//! The options that make a plan: one for each key of `mimir_sim::load`, with `-` for `_`, so that
//! the command line and a scenario file know the same words.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use mimir_sim::load::{KEYS, Key, Plan, Scenario, Topic};

use crate::failure::wrong_usage;

/// What was wished for, in the order of the keys.
#[derive(Debug, Clone, Default)]
pub(super) struct PlanArgs {
    wishes: Vec<(&'static str, String)>,
}

impl PlanArgs {
    /// The plan: defaults and options.
    pub(super) fn scenario(&self) -> anyhow::Result<Scenario> {
        let mut scenario = Scenario::default();
        for (name, value) in &self.wishes {
            if let Some(key) = Key::named(name) {
                set(&mut scenario.plan, key, value)?;
            }
        }
        scenario.plan.check_start().map_err(wrong_usage)?;
        Ok(scenario)
    }
}

fn set(plan: &mut Plan, key: &Key, value: &str) -> anyhow::Result<()> {
    key.set(plan, value).map_err(|why| wrong_usage(format!("--{}: {why}", option(key))))
}

/// A key as an option.
fn option(key: &Key) -> String {
    key.name.replace('_', "-")
}

fn argument(key: &'static Key) -> Arg {
    let heading = match key.topic {
        Topic::Fleet => "The fleet",
        Topic::Absence => "Hosts that are away",
        Topic::Answers => "Answers",
        Topic::Faults => "What goes wrong",
    };
    let parse = move |text: &str| key.set(&mut Plan::default(), text).map(|()| text.to_owned());
    Arg::new(key.name)
        .long(option(key))
        .value_name(key.value)
        .help(key.help)
        .help_heading(heading)
        .value_parser(parse)
}

impl Args for PlanArgs {
    fn augment_args(command: Command) -> Command {
        command.args(KEYS.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PlanArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let wish = |key: &Key| Some((key.name, matches.get_one::<String>(key.name)?.clone()));
        self.wishes = KEYS.iter().filter_map(wish).collect();
        Ok(())
    }
}
