// SPDX-License-Identifier: Apache-2.0
//! The options that make a plan: one for each key of `mimir_sim::load`, with `-` for `_`, so that
//! the command line and a scenario file know the same words.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use mimir_sim::load::{KEYS, Key, PRESETS, Plan, Preset, Scenario, Topic, read_scenario};

use crate::failure::wrong_usage;

const PRESET: &str = "preset";
const SCENARIO: &str = "scenario";
/// Heading of the options that come first.
const FLEET: &str = "The fleet";

/// What was wished for, in the order of the keys.
#[derive(Debug, Clone, Default)]
pub(super) struct PlanArgs {
    preset: Option<String>,
    scenario: Option<PathBuf>,
    wishes: Vec<(&'static str, String)>,
}

impl PlanArgs {
    /// The plan and its steps: defaults, then the preset or the file, then the options.
    pub(super) fn scenario(&self) -> anyhow::Result<Scenario> {
        let mut scenario = match &self.scenario {
            Some(path) => from_file(path)?,
            None => Scenario::default(),
        };
        if let Some(preset) = self.preset.as_deref().and_then(Preset::named) {
            preset.apply(&mut scenario.plan);
        }
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

fn from_file(path: &Path) -> anyhow::Result<Scenario> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the scenario {}", path.display()))?;
    read_scenario(&text).map_err(|problems| {
        let list: Vec<String> =
            problems.iter().map(|problem| format!("{} {problem}", path.display())).collect();
        wrong_usage(list.join("\n       "))
    })
}

/// A key as an option.
fn option(key: &Key) -> String {
    key.name.replace('_', "-")
}

fn argument(key: &'static Key) -> Arg {
    let heading = match key.topic {
        Topic::Fleet => FLEET,
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
        let list = |preset: &Preset| format!("`{}`: {}", preset.name, preset.about);
        let presets: Vec<String> = PRESETS.iter().map(list).collect();
        let preset = Arg::new(PRESET)
            .long(PRESET)
            .value_name("NAME")
            .help(format!("Begin with a ready-made plan; {}", presets.join("; ")))
            .help_heading(FLEET)
            .hide_possible_values(true)
            .value_parser(PossibleValuesParser::new(PRESETS.iter().map(|preset| preset.name)));
        let scenario = Arg::new(SCENARIO)
            .long(SCENARIO)
            .value_name("FILE")
            .help("Play a scenario: a TOML file with these options, _ for -, and timed steps")
            .help_heading(FLEET)
            .conflicts_with(PRESET)
            .value_parser(value_parser!(PathBuf));
        command.args([preset, scenario]).args(KEYS.iter().map(argument))
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
        self.preset = matches.get_one(PRESET).cloned();
        self.scenario = matches.get_one(SCENARIO).cloned();
        let wish = |key: &Key| Some((key.name, matches.get_one::<String>(key.name)?.clone()));
        self.wishes = KEYS.iter().filter_map(wish).collect();
        Ok(())
    }
}
