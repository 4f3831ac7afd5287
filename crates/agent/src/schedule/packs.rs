// SPDX-License-Identifier: Apache-2.0
//! Packs and their discovery queries: a pack is active while each of them has a row. The verdict
//! holds for `pack_refresh_interval`.

use std::time::Duration;

use super::plan::Pack;
use super::{Context, Scheduler};
use crate::facts::PackFacts;
use crate::state::StateError;

/// The name under which discovery queries are marked while they run.
const MARK: &str = "discovery query of a pack";

/// A pack and whether it is active.
pub struct PackEntry {
    pack: Pack,
    is_active: bool,
    /// The tick of the last verdict.
    asked_at: Option<Duration>,
    hits: i64,
    executions: i64,
}

impl PackEntry {
    /// A pack that has not been looked at.
    pub fn new(pack: Pack) -> Self {
        Self { pack, is_active: false, asked_at: None, hits: 0, executions: 0 }
    }

    /// What the table shows.
    pub fn facts(&self) -> PackFacts {
        PackFacts {
            name: self.pack.name.clone(),
            platform: self.pack.platform.clone(),
            version: self.pack.version.clone(),
            shard: i64::try_from(self.pack.shard).unwrap_or(i64::MAX),
            discovery_cache_hits: self.hits,
            discovery_executions: self.executions,
            active: self.is_active,
        }
    }
}

impl Scheduler {
    /// Whether the queries of a pack are to be run now.
    pub(super) fn is_active(
        &mut self,
        pack: usize,
        context: &mut Context<'_>,
    ) -> Result<bool, StateError> {
        let hold = Duration::from_secs(self.options.pack_refresh_interval);
        let Some(entry) = self.packs.get_mut(pack) else { return Ok(false) };
        if entry.pack.discovery.is_empty() {
            entry.is_active = entry.pack.applies;
            return Ok(entry.is_active);
        }
        if entry.asked_at.is_some_and(|asked| context.tick < asked + hold) {
            entry.hits += 1;
            return Ok(entry.is_active);
        }
        entry.asked_at = Some(context.tick);
        entry.executions += 1;
        let (applies, discovery) = (entry.pack.applies, entry.pack.discovery.clone());
        let name = entry.pack.name.clone();
        let mut is_active = applies;
        for sql in discovery {
            if !is_active {
                break;
            }
            is_active = match self.run_marked(MARK, &sql, context)? {
                Ok(answer) => !answer.is_empty(),
                Err(reason) => {
                    let message = format!("discovery query of pack {name} failed: {reason}: {sql}");
                    self.tell_once(context, &message)?;
                    false
                }
            };
        }
        self.packs[pack].is_active = is_active;
        Ok(is_active)
    }
}
