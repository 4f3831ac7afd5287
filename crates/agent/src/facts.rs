// SPDX-License-Identifier: Apache-2.0
//! What the agent's own parts tell its tables: the running schedule with what its queries cost,
//! the packs, and values of flags that were set. Whoever runs the schedule writes here; the
//! tables `osquery_schedule`, `osquery_packs` and `osquery_flags` read. Empty until someone does.
//!
//! Plain data: nothing here schedules, and nothing here is written to disk.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

/// One query of the schedule and what its runs cost since the agent started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledQuery {
    /// Its name, with that of its pack before it (`pack_<pack>_<name>`).
    pub name: String,
    /// The statement.
    pub query: String,
    /// Seconds between runs, before splay.
    pub interval: i64,
    /// How often it ran.
    pub executions: i64,
    /// Unix seconds of the last run; 0 when it never ran.
    pub last_executed: i64,
    /// Whether it is refused because the agent died in it.
    pub denylisted: bool,
    /// Bytes of all results so far.
    pub output_size: i64,
    /// Whole seconds of all runs.
    pub wall_time: i64,
    /// Milliseconds of all runs.
    pub wall_time_ms: i64,
    /// Milliseconds of the last run.
    pub last_wall_time_ms: i64,
    /// Milliseconds of processor time in user code, all runs.
    pub user_time: i64,
    /// The same of the last run.
    pub last_user_time: i64,
    /// Milliseconds of processor time in the kernel, all runs.
    pub system_time: i64,
    /// The same of the last run.
    pub last_system_time: i64,
    /// Bytes of memory a run took beyond what was in use, on average.
    pub average_memory: i64,
    /// The same of the last run.
    pub last_memory: i64,
}

/// One pack of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackFacts {
    /// Its name.
    pub name: String,
    /// The platforms it is for, as written.
    pub platform: String,
    /// The least version it asks for, as written.
    pub version: String,
    /// The share of hosts it is for, in percent; 0 when it does not say.
    pub shard: i64,
    /// How often the discovery queries were answered from memory.
    pub discovery_cache_hits: i64,
    /// How often the discovery queries ran.
    pub discovery_executions: i64,
    /// Whether its queries are in the schedule now.
    pub active: bool,
}

/// The schedule as it runs now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleFacts {
    /// Every query, those of packs too, by name.
    pub queries: Vec<ScheduledQuery>,
    /// Every pack of the configuration, whether active or not.
    pub packs: Vec<PackFacts>,
}

/// The handle by which the parts of the agent share facts. Clones are the same facts.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    schedule: Arc<RwLock<ScheduleFacts>>,
    flags: Arc<RwLock<BTreeMap<String, String>>>,
}

/// Facts on their way to the process of a query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FactsSnapshot {
    schedule: ScheduleFacts,
    flags: BTreeMap<String, String>,
}

impl Facts {
    /// A copy as they are now.
    pub fn snapshot(&self) -> FactsSnapshot {
        let flags = self.flags.read().unwrap_or_else(PoisonError::into_inner).clone();
        FactsSnapshot { schedule: self.schedule(), flags }
    }

    /// The facts that a snapshot was taken of.
    pub fn restored(snapshot: FactsSnapshot) -> Self {
        let FactsSnapshot { schedule, flags } = snapshot;
        Self { schedule: Arc::new(RwLock::new(schedule)), flags: Arc::new(RwLock::new(flags)) }
    }

    /// A copy of the schedule, so that nothing waits while a query runs.
    pub fn schedule(&self) -> ScheduleFacts {
        self.schedule.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the schedule in place.
    pub fn change_schedule(&self, change: impl FnOnce(&mut ScheduleFacts)) {
        change(&mut self.schedule.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The value a flag was set to, by the command line or the configuration.
    pub fn flag(&self, name: &str) -> Option<String> {
        self.flags.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Records the value of a flag. Never that of a secret: `osquery_flags` shows it.
    pub fn set_flag(&self, name: &str, value: impl Into<String>) {
        let mut flags = self.flags.write().unwrap_or_else(PoisonError::into_inner);
        flags.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_the_same_facts() {
        let facts = Facts::default();
        assert_eq!(facts.schedule(), ScheduleFacts::default());
        let other = facts.clone();
        other.change_schedule(|schedule| schedule.packs.push(PackFacts::default()));
        other.set_flag("verbose", "true");
        assert_eq!(facts.schedule().packs.len(), 1);
        assert_eq!(facts.flag("verbose").as_deref(), Some("true"));
        assert_eq!(facts.flag("nothing"), None);
    }
}
