// SPDX-License-Identifier: Apache-2.0
//! One run from its seed to its end: steps, and then a time without any failure in which
//! everything that was asked must come to its end.

use std::time::Duration;

use mimir_sim::Job;
use mimir_sim::agent::Event;
use serde_json::json;

use crate::checks::{Verdict, Violation, ensure};
use crate::machine::Doing;
use crate::world::{Options, World};

/// Rounds of polls at the end; each host is handed at least one part in two of them.
const ROUNDS_MAX: u32 = 60;
/// Exchanges of one machine in one round.
const EXCHANGES_MAX: u32 = 12;

/// How a run went.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What happened, a line each.
    pub log: Vec<String>,
    /// The step and what did not hold.
    pub failure: Option<(u32, Violation)>,
    /// Responses stored.
    pub responses: usize,
    /// Campaigns launched.
    pub campaigns: usize,
    /// Processes that were started.
    pub processes: u16,
}

/// Runs one seed.
///
/// # Errors
/// When the service does not start at all.
pub fn run(options: Options) -> anyhow::Result<Outcome> {
    run_with(options, |_, _| {})
}

/// Runs one seed; `meddle` may do something to the world before each step.
///
/// # Errors
/// When the service does not start at all.
pub fn run_with(
    options: Options,
    mut meddle: impl FnMut(&mut World, u32),
) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let _inside = runtime.enter();
    let mut world = World::new(options)?;
    let mut failure = None;
    for step in 0..options.steps {
        meddle(&mut world, step);
        world.note(format!("-- step {step}"));
        if let Err(violation) = world.step() {
            failure = Some((step, violation));
            break;
        }
    }
    if failure.is_none() {
        world.note("-- the end".to_owned());
        failure = world.end().err().map(|violation| (options.steps, violation));
    }
    Ok(Outcome {
        failure,
        responses: world.seen.stored.len(),
        campaigns: world.seen.frozen.len(),
        processes: world.processes(),
        log: std::mem::take(&mut world.log),
    })
}

impl World {
    /// Nothing fails any more: whoever has not answered does, and all campaigns at work end.
    fn end(&mut self) -> Verdict {
        self.calm()?;
        for _ in 0..ROUNDS_MAX {
            for index in 0..self.machines.len() {
                self.poll_calmly(index)?;
            }
            for at in 0..self.replicas.len() {
                self.turn_lane(at, true)?;
                self.turn_jobs(at, 4);
            }
            self.check()?;
            self.pass(Duration::from_secs(61));
            if self.open().is_none() {
                break;
            }
        }
        if let Some((no, host, state)) = self.open() {
            let found = format!("host {host} of campaign {no} is still {state}");
            return Err(Violation { invariant: "end", found });
        }
        self.pictures()
    }

    fn calm(&mut self) -> Verdict {
        for at in 0..self.replicas.len() {
            self.replicas[at].faults.forget();
            let wrong_by = self.replicas[at].time.now().micros() - self.time.now().micros();
            self.replicas[at].time.jump(-wrong_by);
            self.turn_lane(at, true)?;
            self.turn_jobs(at, 4);
        }
        let on = json!({"offline_campaigns_enabled": true});
        let (status, answer) = self.operate(0, "PATCH", "/settings", Some(on), None);
        ensure("end", status == 200, || format!("settings are answered {status} {answer}"))?;
        for at in 0..self.replicas.len() {
            self.turn_jobs(at, 4);
        }
        self.strays.clear();
        let (now, elapsed) = (self.time.now(), self.time.elapsed());
        for index in 0..self.machines.len() {
            self.give_up(index);
            self.machines[index].tame = true;
            self.machines[index].holds = false;
            // Whatever it was at, it starts over; what it holds back of the dead stays.
            self.machines[index].die(now, elapsed);
        }
        self.settle()?;
        self.check()
    }

    /// One iteration of a machine's loop in which nothing gets lost.
    fn poll_calmly(&mut self, index: usize) -> Verdict {
        self.pass(Duration::from_secs(1));
        let (now, elapsed) = (self.time.now(), self.time.elapsed());
        if matches!(self.machines[index].doing, Doing::Idle(_)) {
            self.machines[index].begin(Job::Distributed, now, elapsed);
        }
        for _ in 0..EXCHANGES_MAX {
            match &self.machines[index].doing {
                Doing::Idle(_) => break,
                Doing::Waiting(ticket, until) => {
                    let (ticket, wait) = (*ticket, until.saturating_sub(elapsed));
                    // A barred machine waits for long; it is not waited for.
                    if wait > Duration::from_secs(60) {
                        break;
                    }
                    self.pass(wait);
                    let (now, elapsed) = (self.time.now(), self.time.elapsed());
                    self.machines[index].resume(ticket, Event::Waited, now, elapsed);
                }
                Doing::Sending(..) => {
                    let at = self.pick(self.replicas.len());
                    let (origin, request) = self.expect(index);
                    self.deliver(at, origin, request)?;
                    self.turn_lane(at, true)?;
                    self.check()?;
                }
                Doing::Expecting(..) => break,
            }
        }
        Ok(())
    }

    /// An assignment that has not come to its end though its host speaks.
    fn open(&self) -> Option<(i64, i64, String)> {
        let speaks = |host: i64| {
            let Some(&machine) = self.seen.machines.get(&host) else { return false };
            let key = self.machines[machine].agent.disk().node_key.clone();
            let own = key.and_then(|key| self.seen.keys.get(&*key));
            self.now.living.contains(&host) && own == Some(&host)
        };
        let active = self.now.campaigns.iter().filter(|(_, campaign)| campaign.status == "active");
        let all = active.flat_map(|(no, campaign)| {
            campaign.ledger.iter().map(move |(host, a)| (*no, *host, a.state.clone()))
        });
        let mut open = all.filter(|(_, _, state)| state == "pending" || state == "offered");
        open.find(|(_, host, _)| speaks(*host))
    }

    /// Work that is open in the ledger and not on the board of a replica.
    fn missing(&self, at: usize) -> Option<(i64, i64, u32)> {
        let active = self.now.campaigns.iter().filter(|(_, campaign)| campaign.status == "active");
        let open = active.flat_map(|(no, campaign)| {
            let open = campaign
                .ledger
                .iter()
                .filter(|(_, a)| matches!(a.state.as_str(), "pending" | "offered"));
            open.flat_map(move |(host, _)| {
                let left = campaign.asked(*host);
                let left = left.filter(|part| !campaign.responses.contains_key(&(*host, *part)));
                left.map(move |part| (*no, *host, part))
            })
        });
        let mut open = open.collect::<Vec<_>>().into_iter();
        self.replicas[at].app.fleet.board(|board| {
            open.find(|(no, host, part)| {
                let place = usize::try_from(*part).unwrap_or(usize::MAX);
                let part = board.campaign(*no).and_then(|campaign| campaign.parts.get(place));
                let bit = u32::try_from(*host).unwrap_or(u32::MAX);
                !part.is_some_and(|part| part.open.contains(bit))
            })
        })
    }

    /// The pictures in memory are those that the ledger gives, and the audit trail is whole.
    fn pictures(&mut self) -> Verdict {
        for at in 0..self.replicas.len() {
            self.turn_lane(at, true)?;
            self.turn_jobs(at, 4);
            let failed = |error: mimir_store::DbError| Violation {
                invariant: "database",
                found: error.to_string(),
            };
            // What others lost or blocked is asked for when a host wants work: a bit too many does
            // no harm. One too few would be a host that is never asked.
            let app = &self.replicas[at].app;
            let matches = app.is_shared() || app.picture_matches().map_err(failed)?;
            ensure("picture", matches, || format!("replica {at} has another picture"))?;
            let missing = self.missing(at);
            ensure("picture", missing.is_none(), || {
                format!("replica {at} would never offer {missing:?} (campaign, host, part)")
            })?;
        }
        let trail = self.db.read(mimir_store::audit::verify);
        let whole = trail.is_ok_and(|trail| trail.ok);
        ensure("audit", whole, || "the chain of audit entries is broken".to_owned())
    }
}
