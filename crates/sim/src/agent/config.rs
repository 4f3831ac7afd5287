// SPDX-License-Identifier: Apache-2.0
//! The configuration: fetched, capped, and read for the options that change the agent's calls.
//! The schedule in it is not run.

use std::time::Duration;

use mimir_wire::Timestamp;

use super::exchange::Accepted;
use super::options::CONFIG_RETRY;
use super::{Action, Call, Stage, VirtualAgent};
use crate::transport::Endpoint;

impl VirtualAgent {
    pub(super) fn start_config(&mut self, call: &mut Call, now: Timestamp) -> Action {
        call.stage = Stage::Config;
        let progress = self.open(call, Some(Endpoint::Config), now);
        self.after_exchange(call, progress, now)
    }

    /// Applies the config. `next_in` of the report is 0 after a success, since the refresh is
    /// off by default, and the accelerated refresh after a failure.
    pub(super) fn config_ended(&mut self, call: &mut Call, config: Option<Accepted>) -> Action {
        let Some(config) = config else { return self.finish(call, CONFIG_RETRY) };
        let cap = self.profile.version.config_cap();
        if config.len > cap {
            call.report.ok = false;
            call.report.error =
                Some(format!("the config has {} bytes, more than {cap}", config.len));
            return self.finish(call, CONFIG_RETRY);
        }
        self.worker.options.apply(&config.value);
        self.finish(call, Duration::ZERO)
    }
}
