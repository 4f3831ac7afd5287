// SPDX-License-Identifier: Apache-2.0
//! The demonstration's virtual hosts: they speak to the server over TLS as stock osqueryd does,
//! and their answers are made up.

use std::time::Duration;

use anyhow::Context as _;
use mimir_sim::fleet::Running;
use mimir_sim::{
    Answerer, Fleet, Outcome, PlausibleAnswers, Profile, Question, Recording, Timing, Totals, Waits,
};
use tokio::runtime::Runtime;

use super::folder::Access;

/// The seed that names and answers follow from: the same hosts every time.
const SEED: u64 = 1;
/// The hosts begin spread over this time.
const SPREAD: Duration = Duration::from_secs(2);
/// How long the fastest takes to answer, in milliseconds.
const FASTEST_MS: u64 = 200;
/// How much longer others take at most, in milliseconds.
const SLOWER_MS: u64 = 5_000;
/// How often a host asks for work, whatever it is told.
const POLL: Duration = Duration::from_secs(2);

/// A fleet that runs.
pub(super) struct VirtualFleet(Running);

impl VirtualFleet {
    /// Ends it.
    pub(super) async fn stop(self) -> Totals {
        self.0.stop().await
    }
}

/// Starts as many virtual hosts. They enrol by themselves.
pub(super) fn start(
    runtime: &Runtime,
    access: &Access,
    hosts: usize,
) -> anyhow::Result<VirtualFleet> {
    let timing = Timing {
        waits: Waits::Real,
        distributed_interval: Some(POLL),
        start_spread: SPREAD,
        ..Timing::default()
    };
    let fleet = Fleet::builder(&access.url, &access.ca_pem)
        .seed(SEED)
        .hosts(hosts)
        .enroll_secret(&access.enrollment_secret)
        .answers(Unhurried)
        .timing(timing)
        .recording(Recording::Off)
        .build()
        .context("cannot set up the virtual hosts")?;
    Ok(VirtualFleet(runtime.block_on(async { fleet.start() })))
}

/// Plausible answers, each host at its own pace, so that one can watch the answers come.
struct Unhurried;

impl Answerer for Unhurried {
    fn answer(&self, host: &Profile, question: &Question) -> Outcome {
        // Consecutive hosts shall not be alike: multiples of a prime, wrapped around.
        let slower = u64::from(host.index) * 1_237 % SLOWER_MS;
        let answer = PlausibleAnswers::default().answer(host, question);
        Outcome::After(Duration::from_millis(FASTEST_MS + slower), Box::new(answer))
    }
}
