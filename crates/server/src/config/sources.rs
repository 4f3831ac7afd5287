// SPDX-License-Identifier: Apache-2.0
//! Merging of sources, and reading of values out of the merged texts.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ConfigError;
use super::file::{self, Raw};
use super::keys::{KEYS, Key, Kind};

/// The variable that names the file when no flag does.
const FILE_VARIABLE: &str = "MIMIR_CONFIG";
/// What every variable of ours begins with.
const PREFIX: &str = "MIMIR_";

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file given by flag; without it, the one that `MIMIR_CONFIG` names, if any.
    pub file: Option<PathBuf>,
    /// The environment; variables of others are ignored, and an empty value counts as absent.
    pub environment: Vec<(String, String)>,
    /// Flags that were given, by key.
    pub flags: Vec<(&'static str, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the file, from 1.
    File(PathBuf, usize),
    /// A variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{} line {line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// The merged texts, and what was found wrong while reading them.
pub struct Values {
    merged: BTreeMap<&'static str, (Raw, Origin)>,
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
}

impl Values {
    /// Merges all sources; later ones win.
    pub fn collect(sources: &Sources) -> Result<Self, ConfigError> {
        let mut values =
            Self { merged: BTreeMap::new(), problems: Vec::new(), warnings: Vec::new() };
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            values.put(key, Raw::One(key.default.to_owned()), Origin::Default);
        }
        let named = |(name, value): &&(String, String)| name == FILE_VARIABLE && !value.is_empty();
        let variable = || sources.environment.iter().find(named).map(|(_, path)| path.into());
        if let Some(path) = sources.file.clone().or_else(variable) {
            values.put_file(&path);
        }
        values.put_environment(&sources.environment);
        for (name, text) in &sources.flags {
            let key = Key::named(name).expect("flags are made from the table of keys");
            values.put(key, Raw::One(text.clone()), Origin::Flag(key.flag()));
        }
        // With values missing, further complaints would only mislead.
        match values.problems.is_empty() {
            true => Ok(values),
            false => Err(ConfigError { problems: values.problems }),
        }
    }

    fn put(&mut self, key: &'static Key, raw: Raw, origin: Origin) {
        self.merged.insert(key.name, (raw, origin));
    }

    fn put_file(&mut self, path: &Path) {
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problem(format!("{shown} cannot be read: {error}.")),
        };
        let (entries, problems) = file::read(&text);
        self.problems.extend(problems.into_iter().map(|problem| format!("{shown} {problem}")));
        for (key, raw, line) in entries {
            self.put(key, raw, Origin::File(path.to_owned(), line));
        }
    }

    fn put_environment(&mut self, environment: &[(String, String)]) {
        for (variable, text) in environment {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let name = name.to_ascii_lowercase();
            match Key::named(&name) {
                Some(key) if key.variable() == *variable => {
                    if !text.is_empty() {
                        let origin = Origin::Environment(variable.clone());
                        self.put(key, Raw::One(text.clone()), origin);
                    }
                }
                // The command line and container platforms set variables of this prefix too, so
                // only what looks like a slip of the pen is worth a word.
                _ => {
                    if let Some(key) = file::similar(&name) {
                        let meant = key.variable();
                        self.warnings.push(format!(
                            "The variable {variable} is ignored; did you mean {meant}?"
                        ));
                    }
                }
            }
        }
    }

    /// Notes a problem.
    pub fn problem(&mut self, sentence: impl Into<String>) {
        self.problems.push(sentence.into());
    }

    /// Where a key's value came from.
    pub fn origin(&self, name: &str) -> Origin {
        self.merged.get(name).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// A key's value as text for people; `None` without value.
    pub fn shown(&self, name: &str) -> Option<String> {
        match &self.merged.get(name)?.0 {
            Raw::One(text) => Some(text.clone()),
            Raw::Many(texts) => Some(texts.join(",")),
        }
    }

    /// A text; an empty one counts as absent.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        match &self.merged.get(name)?.0 {
            Raw::One(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Raw::Many(_) => {
                self.refuse(name, "one value and no list");
                None
            }
        }
    }

    /// A path.
    pub fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// Texts.
    pub fn list(&mut self, name: &'static str) -> Vec<String> {
        debug_assert!(Key::named(name).is_some_and(|key| key.kind == Kind::List));
        let texts = match self.merged.get(name) {
            None => return Vec::new(),
            Some((Raw::Many(texts), _)) => texts.clone(),
            Some((Raw::One(text), _)) => text.split(',').map(str::to_owned).collect(),
        };
        texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
    }

    /// True or false.
    pub fn switch(&mut self, name: &'static str) -> bool {
        let words = [("true", true), ("false", false), ("1", true), ("0", false)];
        self.word(name, &words).unwrap_or(false)
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).take(2).collect();
            self.refuse(name, &all.join(" or "));
        }
        found.map(|(_, value)| *value)
    }

    /// A whole number within a range.
    pub fn number(&mut self, name: &'static str, range: RangeInclusive<usize>) -> Option<usize> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", range.start(), range.end());
            self.refuse(name, &wanted);
        }
        number
    }

    /// Anything that reads itself from text; `wanted` says what to write.
    pub fn parsed<T: FromStr>(&mut self, name: &'static str, wanted: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.refuse(name, wanted);
        }
        parsed
    }

    fn refuse(&mut self, name: &'static str, wanted: &str) {
        let shown: String = self.shown(name).unwrap_or_default().chars().take(100).collect();
        let origin = self.origin(name);
        self.problem(format!("{name} is `{shown}` ({origin}); write {wanted}."));
    }
}
