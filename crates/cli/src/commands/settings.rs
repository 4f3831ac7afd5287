// SPDX-License-Identifier: Apache-2.0
//! `mimir settings get|set`. Kinds and names come from the server's own answer, so that settings
//! this program does not know can be set too.

use clap::Subcommand;
use mimir_wire::api::settings::Settings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{Column, Format, Kind, col, things, visible};

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Show settings: all, or those named
    Get {
        /// Names of settings
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Change settings; effective within a second on every replica
    #[command(after_help = "\
Examples:
  mimir settings set offline_campaigns_enabled=true max_concurrent_hunts=5
  mimir settings set denied_tables=curl,carves,yara
  mimir settings set denied_functions=")]
    Set {
        /// name=value; lists are comma separated and replace what was there
        #[arg(value_name = "NAME=VALUE", required = true)]
        changes: Vec<String>,
    },
}

const COLUMNS: &[Column] = &[
    col("SETTING", "name", Kind::Text),
    col("VALUE", "value", Kind::Text),
    col("MEANING", "meaning", Kind::Text),
];

/// A setting as a line of the table.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    value: String,
    meaning: &'static str,
}

pub(crate) fn run(command: SettingsCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    let current = client.settings_json()?;
    match command {
        SettingsCommand::Get { names } => {
            if let Some(unknown) = names.iter().find(|name| !current.contains_key(*name)) {
                return Err(unknown_setting(unknown, &current));
            }
            let wanted = |name: &String| names.is_empty() || names.contains(name);
            let shown = current.into_iter().filter(|(name, _)| wanted(name)).collect();
            print(context, &shown)
        }
        SettingsCommand::Set { changes } => {
            let patch = patch(&changes, &current)?;
            let changed = client.update_settings_json(&patch)?;
            if context.format() == Format::Json {
                return crate::output::json(context.console, &changed);
            }
            let of_patch = changed.into_iter().filter(|(name, _)| patch.contains_key(name));
            print(context, &of_patch.collect())
        }
    }
}

fn print(context: &mut Context<'_>, settings: &Map<String, Value>) -> anyhow::Result<()> {
    if context.format() == Format::Json {
        return crate::output::json(context.console, settings);
    }
    let meaning = |name: &str| {
        let known = Settings::MEANINGS.iter().find(|(known, _)| *known == name);
        known.map_or("", |(_, meaning)| meaning.trim())
    };
    let lines: Vec<_> = settings
        .iter()
        .map(|(name, value)| Line { name, value: written(value), meaning: meaning(name) })
        .collect();
    things(context.console, context.global.output, COLUMNS, &lines)
}

/// A value as `set` reads it.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

/// Reads `name=value` by the kind of the setting's current value.
fn patch(changes: &[String], current: &Map<String, Value>) -> anyhow::Result<Map<String, Value>> {
    let mut patch = Map::new();
    for change in changes {
        let (name, text) = change
            .split_once('=')
            .ok_or_else(|| wrong_usage(format!("`{change}` is not name=value")))?;
        let name = name.trim();
        let kind = current.get(name).ok_or_else(|| unknown_setting(name, current))?;
        let value = value(text.trim(), kind)
            .map_err(|wanted| wrong_usage(format!("`{name}` is {wanted}, not `{text}`")))?;
        if patch.insert(name.to_owned(), value).is_some() {
            return Err(wrong_usage(format!("`{name}` is given twice")));
        }
    }
    Ok(patch)
}

fn value(text: &str, kind: &Value) -> Result<Value, &'static str> {
    match kind {
        Value::Bool(_) => match text {
            "true" | "on" | "yes" => Ok(Value::Bool(true)),
            "false" | "off" | "no" => Ok(Value::Bool(false)),
            _ => Err("true or false"),
        },
        Value::Number(_) => {
            let digits = text.replace('_', "");
            digits.parse::<i64>().map(Value::from).map_err(|_| "a whole number")
        }
        Value::Array(_) if text.is_empty() => Ok(Value::Array(Vec::new())),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim);
            if items.clone().any(str::is_empty) {
                return Err("a comma separated list without empty places");
            }
            Ok(items.map(Value::from).collect())
        }
        _ => Ok(Value::from(text)),
    }
}

fn unknown_setting(name: &str, current: &Map<String, Value>) -> anyhow::Error {
    let known: Vec<_> = current.keys().map(|name| visible(name)).collect();
    wrong_usage(format!("there is no setting `{name}`; there are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> Map<String, Value> {
        serde_json::from_str(r#"{"flag": false, "cap": 5, "list": ["a"], "text": "t"}"#).unwrap()
    }

    fn patched(changes: &[&str]) -> Result<String, String> {
        let changes: Vec<_> = changes.iter().map(|&change| change.to_owned()).collect();
        match patch(&changes, &current()) {
            Ok(patch) => Ok(serde_json::to_string(&patch).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn values_are_read_by_kind() {
        let changes = ["flag=on", "cap=1_000", "list= x , y", "text=a=b"];
        assert_eq!(
            patched(&changes).unwrap(),
            r#"{"flag":true,"cap":1000,"list":["x","y"],"text":"a=b"}"#
        );
        assert_eq!(patched(&["list="]).unwrap(), r#"{"list":[]}"#);
        assert_eq!(patched(&["cap=-1"]).unwrap(), r#"{"cap":-1}"#);
    }

    #[test]
    fn mistakes_are_told_before_anything_is_sent() {
        for (change, part) in [
            (vec!["flag"], "is not name=value"),
            (vec!["flag=maybe"], "`flag` is true or false, not `maybe`"),
            (vec!["cap=many"], "`cap` is a whole number"),
            (vec!["list=a,,b"], "without empty places"),
            (vec!["caps=1"], "no setting `caps`; there are flag, cap, list, text"),
            (vec!["cap=1", "cap=2"], "twice"),
        ] {
            let error = patched(&change).unwrap_err();
            assert!(error.contains(part), "{change:?}: {error}");
        }
    }
}
