// SPDX-License-Identifier: Apache-2.0
//! A plan with a course of time: what is changed when.

use std::time::Duration;

use super::keys::Key;
use super::plan::Plan;

/// A plan and what happens while it runs.
#[derive(Default)]
pub struct Scenario {
    /// How it begins.
    pub plan: Plan,
    /// What happens later, earliest first.
    pub steps: Vec<Step>,
}

/// Something that happens at a time.
pub struct Step {
    /// Since the start.
    pub at: Duration,
    /// What is told about it.
    pub say: Option<String>,
    /// Keys and their new values.
    pub changes: Vec<(&'static Key, String)>,
    /// What all hosts do at once.
    pub storm: Option<Storm>,
    /// Whether this is the end.
    pub stop: bool,
}

/// What all hosts do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storm {
    /// Every host that is there polls now, as after the end of an outage.
    Reconnect,
    /// Every host has lost its node key and enrols again.
    Enroll,
    /// Every worker is started anew: results in memory are lost, config and poll follow at once.
    Restart,
}

impl Storm {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("reconnect", Self::Reconnect), ("enroll", Self::Enroll), ("restart", Self::Restart)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, storm)| *storm == self).map_or("", |(name, _)| name)
    }
}

impl Step {
    /// In words: what is told, or else what is done.
    pub fn words(&self) -> String {
        if let Some(say) = &self.say {
            return say.clone();
        }
        let change = |(key, value): &(&Key, String)| format!("{} = {value}", key.name);
        let mut words: Vec<String> = self.changes.iter().map(change).collect();
        words.extend(self.storm.map(|storm| format!("storm: {}", storm.name())));
        words.extend(self.stop.then(|| "stop".to_owned()));
        words.join(", ")
    }
}
