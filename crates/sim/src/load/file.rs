// SPDX-License-Identifier: Apache-2.0
//! Scenario files: TOML with the keys of a plan, and a list of steps. Everything that is wrong is
//! found at once, with the line, the key and what to write instead.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key};
use super::plan::Plan;
use super::preset::Preset;
use super::scenario::{Scenario, Step, Storm};
use super::values::time;

/// The list of steps.
const STEPS: &str = "step";
/// The preset that the file begins with.
const PRESET: &str = "preset";
/// Keys of a step beside those of a plan.
const OF_STEPS: [&str; 4] = ["at", "say", "storm", "stop"];
/// Most steps of a scenario.
const STEPS_MAX: usize = 10_000;
/// Slips of the pen after which a name is no longer taken for a key.
const SLIPS_MAX: usize = 2;

/// A table of the file.
type Table<'t> = [(Spanned<std::borrow::Cow<'t, str>>, Spanned<DeValue<'t>>)];

/// Reads a scenario from the text of its file.
///
/// # Errors
/// Sentences that begin with the line.
pub fn read(text: &str) -> Result<Scenario, Vec<String>> {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            return Err(vec![format!("line {line}: this is not TOML: {}", error.message())]);
        }
    };
    let table: Vec<_> = table.into_inner().into_iter().collect();
    let mut reader =
        Reader { text, scenario: Scenario::default(), starts: Vec::new(), problems: Vec::new() };
    reader.plan(&table);
    reader.steps(&table);
    reader.together(&table);
    if reader.problems.is_empty() {
        reader.scenario.steps.sort_by_key(|step| step.at);
        return Ok(reader.scenario);
    }
    reader.problems.sort();
    Err(reader.problems.into_iter().map(|(line, what)| format!("line {line}: {what}")).collect())
}

struct Reader<'t> {
    text: &'t str,
    scenario: Scenario,
    /// Where each step stands.
    starts: Vec<usize>,
    /// Lines and what is wrong there.
    problems: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn wrong(&mut self, at: usize, what: impl Into<String>) {
        self.problems.push((line_of(self.text, at), what.into()));
    }

    /// What holds from the start. A preset comes first, wherever it stands.
    fn plan(&mut self, table: &Table<'_>) {
        for (name, value) in table.iter().filter(|(name, _)| name.get_ref() == PRESET) {
            let word = scalar(value.get_ref()).unwrap_or_default();
            match Preset::named(&word) {
                Some(preset) => preset.apply(&mut self.scenario.plan),
                None => self.wrong(
                    name.span().start,
                    format!("there is no preset `{word}`; there are {}", Preset::names()),
                ),
            }
        }
        for (name, value) in table {
            let key = name.get_ref().as_ref();
            if key == PRESET || key == STEPS {
                continue;
            }
            let mut plan = std::mem::take(&mut self.scenario.plan);
            self.set(&mut plan, name, value);
            self.scenario.plan = plan;
        }
    }

    /// Sets a key in a plan; answers it with its value, if that went well.
    fn set(
        &mut self,
        plan: &mut Plan,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<(&'static Key, String)> {
        let at = name.span().start;
        let Some(key) = Key::named(name.get_ref()) else {
            let what = unknown(name.get_ref());
            self.wrong(at, what);
            return None;
        };
        let Some(text) = scalar(value.get_ref()) else {
            self.wrong(at, format!("{} takes one text or number", key.name));
            return None;
        };
        match key.set(plan, &text) {
            Ok(()) => Some((key, text)),
            Err(why) => {
                self.wrong(at, format!("{}: {why}", key.name));
                None
            }
        }
    }

    fn steps(&mut self, table: &Table<'_>) {
        let Some((name, steps)) = table.iter().find(|(name, _)| name.get_ref() == STEPS) else {
            return;
        };
        let start = name.span().start;
        let DeValue::Array(steps) = steps.get_ref() else {
            return self.wrong(start, "begin each step with a line [[step]]");
        };
        if steps.iter().len() > STEPS_MAX {
            return self.wrong(start, format!("a scenario has at most {STEPS_MAX} steps"));
        }
        for step in steps.iter() {
            match step.get_ref() {
                DeValue::Table(table) => {
                    let table: Vec<_> = table.clone().into_iter().collect();
                    self.step(step.span().start, &table);
                }
                _ => self.wrong(step.span().start, "begin each step with a line [[step]]"),
            }
        }
    }

    fn step(&mut self, start: usize, table: &Table<'_>) {
        let mut step =
            Step { at: Duration::ZERO, say: None, changes: Vec::new(), storm: None, stop: false };
        let (mut timed, before) = (false, self.problems.len());
        // Values are tried on a plan of their own; what fits together is looked at afterwards.
        let mut scratch = Plan::default();
        for (name, value) in table {
            let at = name.span().start;
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("at", value) => match time(&scalar(value).unwrap_or_default()) {
                    Ok(time) => (step.at, timed) = (time, true),
                    Err(why) => self.wrong(at, format!("at: {why}")),
                },
                ("say", DeValue::String(text)) => step.say = Some(text.to_string()),
                ("stop", DeValue::Boolean(stop)) => step.stop = *stop,
                ("storm", DeValue::String(text)) => match storm(text) {
                    Ok(storm) => step.storm = Some(storm),
                    Err(why) => self.wrong(at, why),
                },
                ("say" | "storm", _) => self.wrong(at, "write a text in quotes"),
                ("stop", _) => self.wrong(at, "write stop = true"),
                _ => {
                    let Some((key, text)) = self.set(&mut scratch, name, value) else { continue };
                    if key.changes {
                        step.changes.push((key, text));
                    } else {
                        let what = format!(
                            "{} holds from the start to the end: write it above the steps",
                            key.name
                        );
                        self.wrong(at, what);
                    }
                }
            }
        }
        let nothing =
            step.changes.is_empty() && step.storm.is_none() && !step.stop && step.say.is_none();
        if nothing && self.problems.len() == before {
            self.wrong(start, "the step does nothing: give it a key, storm, say or stop");
        }
        if !timed && table.iter().all(|(name, _)| name.get_ref() != "at") {
            self.wrong(start, "say when the step is, as at = \"30s\"");
        }
        self.starts.push(start);
        self.scenario.steps.push(step);
    }

    /// Whether the plan makes sense at the start and after each step.
    fn together(&mut self, table: &Table<'_>) {
        if !self.problems.is_empty() {
            return;
        }
        if let Err(why) = self.scenario.plan.check_start() {
            // The sentence names the keys that do not fit.
            let of = |name: &str| why.contains(&format!("`{name}`"));
            let named = table.iter().find(|(name, _)| of(name.get_ref()));
            self.wrong(named.map_or(0, |(name, _)| name.span().start), why.clone());
        }
        let mut plan = self.scenario.plan.clone();
        let mut steps: Vec<_> = self.scenario.steps.iter().zip(&self.starts).collect();
        steps.sort_by_key(|(step, _)| step.at);
        let mut problems = Vec::new();
        for (step, start) in steps {
            for (key, value) in &step.changes {
                // It was tried before.
                drop(key.set(&mut plan, value));
            }
            if let Err(why) = plan.check() {
                problems.push((line_of(self.text, *start), format!("from this step on: {why}")));
            }
        }
        self.problems.extend(problems);
    }
}

fn storm(text: &str) -> Result<Storm, String> {
    let found = Storm::ALL.iter().find(|(name, _)| *name == text);
    found.map(|(_, storm)| *storm).ok_or_else(|| {
        let names: Vec<&str> = Storm::ALL.iter().map(|(name, _)| *name).collect();
        format!("there is no storm `{text}`; there are {}", names.join(", "))
    })
}

/// A text, or a number as it would be written.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A sentence about a key that does not exist, with the one that was probably meant.
fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(64).collect();
    let names = KEYS.iter().map(|key| key.name).chain(OF_STEPS);
    let near = names.map(|key| (distance(&shown, key), key)).min();
    match near.filter(|(slips, _)| *slips <= SLIPS_MAX) {
        Some((_, key)) => format!("there is no key `{shown}`; did you mean `{key}`?"),
        None => {
            format!("there is no key `{shown}`; `mimir sim --help` lists them, with - for _")
        }
    }
}

/// Letters to insert, remove or replace to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (number, left) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (place, right) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        match read(text) {
            Ok(_) => panic!("it was read: {text}"),
            Err(problems) => problems,
        }
    }

    #[test]
    fn a_scenario_has_a_plan_and_steps_in_order() {
        let text = "hosts = 40\nrows = \"0..5\"\noffline = 0.5\npreset = \"office\"\n\n\
                    [[step]]\nat = \"1m\"\nstop = true\n\n\
                    [[step]]\nat = \"30s\"\nsay = \"All return\"\noffline = 0\nstorm = \"reconnect\"\n";
        let scenario = read(text).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!((scenario.plan.hosts, scenario.plan.answers.rows), (40, Some((0, 5))));
        assert_eq!(scenario.plan.absence.offline, 0.5, "a key goes before the preset");
        let [first, last] = &scenario.steps[..] else { panic!("two steps") };
        assert_eq!((first.at, first.words()), (Duration::from_secs(30), "All return".to_owned()));
        assert_eq!((first.changes[0].0.name, first.storm), ("offline", Some(Storm::Reconnect)));
        assert!(last.stop && last.words() == "stop");
    }

    #[test]
    fn mistakes_name_line_key_and_remedy_all_at_once() {
        let text = "hosts = 0\nintervall = \"5s\"\njitter = [1]\n\n\
                    [[step]]\nat = \"soon\"\nstorm = \"rain\"\nhosts = 5\n\n[[step]]\nat = \"1s\"\n\n\
                    [[step]]\noffline = \"much\"\n";
        let found = problems(text);
        let expected = [
            "line 1: hosts: `0` must be a whole number from 1 to",
            "line 2: there is no key `intervall`; did you mean `interval`?",
            "line 3: jitter takes one text or number",
            "line 6: at: `soon` is no time: write a number with",
            "line 7: there is no storm `rain`; there are reconnect, enroll, restart",
            "line 8: hosts holds from the start to the end",
            "line 10: the step does nothing",
            "line 13: say when the step is",
            "line 14: offline: `much` is no share: write a number from 0 to 1",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}\n{expected}");
        }
    }

    #[test]
    fn what_is_no_scenario_is_refused() {
        assert!(problems("hosts = ").first().unwrap().starts_with("line 1: this is not TOML"));
        assert!(problems("step = 5").first().unwrap().contains("[[step]]"));
        assert!(problems("preset = \"party\"").first().unwrap().contains("idle, office"));
        let alone = problems("offline = 0.5\naway = \"1m\"");
        assert!(alone[0].starts_with("line 2: `away` and `back` go together"), "{alone:?}");
        let late = "duplicates = 0.9\n[[step]]\nat = \"5s\"\nlost_requests = 0.9\n";
        assert!(problems(late).first().unwrap().starts_with("line 2: from this step on"));
        assert!(problems("[hosts]\nn = 1").first().unwrap().contains("hosts takes one"));
    }

    #[test]
    fn scenarios_of_the_guide_are_read() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/scenarios");
        let files = std::fs::read_dir(guide).unwrap().map(|file| file.unwrap().path());
        let mut count = 0;
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let scenario = read(&text).unwrap_or_else(|why| panic!("{}: {why:?}", path.display()));
            assert!(scenario.steps.last().is_some_and(|step| step.stop), "{}", path.display());
            count += 1;
        }
        assert!(count >= 3, "{count}");
    }
}
