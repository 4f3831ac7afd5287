// SPDX-License-Identifier: Apache-2.0
//! What may happen in one step, and how often: machines, networks, processes, clocks. Operators
//! have a file of their own.

use std::time::Duration;

use bytes::Bytes;
use mimir_sim::agent::Event;
use mimir_sim::transport::{Endpoint, Request as AgentRequest, TransportError};
use mimir_sim::{Job, seed};
use mimir_store::db::Fault;
use rand::RngExt as _;
use serde_json::json;

use crate::checks::Verdict;
use crate::evidence;
use crate::machine::{Doing, Machine};
use crate::replica::Origin;
use crate::world::{Stray, World};

/// Most machines of a run.
const MACHINES_MAX: usize = 12;

impl World {
    /// One step and its judgement.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn step(&mut self) -> Verdict {
        match self.random.random_range(0..1000) {
            0..640 => self.machine_step()?,
            640..760 => self.lane_step()?,
            760..830 => self.jobs_step()?,
            830..850 => self.time_step(),
            850..858 => self.clock_step(),
            858..890 => self.stray_step()?,
            890..960 => self.operator_step()?,
            960..975 => self.fault_step()?,
            975..985 => self.restart_step()?,
            985..990 => self.forge_step()?,
            _ => self.fleet_step(),
        }
        self.settle()?;
        self.check()
    }

    fn machine_step(&mut self) -> Verdict {
        let index = self.pick(self.machines.len());
        let (now, elapsed) = (self.time.now(), self.time.elapsed());
        match &self.machines[index].doing {
            Doing::Idle(due) => {
                let due = due.saturating_sub(elapsed);
                let patient = self.chance(90);
                if patient && due > Duration::ZERO {
                    self.pass(due);
                }
                let job = if self.chance(12) { Job::Config } else { Job::Distributed };
                let (now, elapsed) = (self.time.now(), self.time.elapsed());
                self.note(format!("machine {index} begins {job:?}"));
                self.machines[index].begin(job, now, elapsed);
                self.send(index)
            }
            Doing::Sending(..) => self.send(index),
            Doing::Waiting(ticket, until) => {
                let (ticket, wait) = (*ticket, until.saturating_sub(elapsed));
                self.pass(wait);
                let (now, elapsed) = (self.time.now(), self.time.elapsed());
                self.note(format!("machine {index} has waited"));
                self.machines[index].resume(ticket, Event::Waited, now, elapsed);
                self.send(index)
            }
            Doing::Expecting(_, exchange) => {
                let exchange = *exchange;
                if self.is_inside(index) && !self.chance(12) {
                    return self.lane_step();
                }
                self.note(format!("machine {index} gives up waiting"));
                self.give_up(index);
                // One whose message was lost on the way is not inside of anything.
                self.machines[index].answered(
                    exchange,
                    Err(TransportError::TimedOut),
                    now,
                    elapsed,
                );
                Ok(())
            }
        }
    }

    /// What a machine wants to send goes on its way, and may get lost, doubled or delayed.
    pub fn send(&mut self, index: usize) -> Verdict {
        if !matches!(self.machines[index].doing, Doing::Sending(..)) {
            return Ok(());
        }
        let at = self.pick(self.replicas.len());
        let fate = self.random.random_range(0..100);
        let (origin, request) = self.expect(index);
        match fate {
            0..4 => {
                self.note(format!("  a {:?} of machine {index} is lost", request.endpoint));
                self.hear_nothing(origin)
            }
            4..8 => {
                self.note(format!("  a {:?} of machine {index} is delayed", request.endpoint));
                self.strays.push(Stray { machine: index, request });
                self.hear_nothing(origin)
            }
            8..14 => {
                self.note(format!("  a {:?} of machine {index} is doubled", request.endpoint));
                self.strays.push(Stray { machine: index, request: request.clone() });
                self.deliver(at, origin, request)
            }
            _ => self.deliver(at, origin, request),
        }
    }

    fn hear_nothing(&mut self, origin: Origin) -> Verdict {
        if let Origin::Machine(machine, exchange) = origin {
            let late = self.chance(50);
            let error = match late {
                true => TransportError::TimedOut,
                false => TransportError::of("connection refused"),
            };
            let (now, elapsed) = (self.time.now(), self.time.elapsed());
            self.machines[machine].answered(exchange, Err(error), now, elapsed);
        }
        Ok(())
    }

    /// Takes what a machine wants to send; it waits for the answer from now on.
    pub fn expect(&mut self, index: usize) -> (Origin, AgentRequest) {
        let machine = &mut self.machines[index];
        machine.exchanges += 1;
        let exchange = machine.exchanges;
        let (ticket, request) = match &machine.doing {
            Doing::Sending(ticket, request) => (*ticket, request.clone()),
            _ => unreachable!("only a machine that sends is asked"),
        };
        machine.doing = Doing::Expecting(ticket, exchange);
        (Origin::Machine(index, exchange), request)
    }

    fn lane_step(&mut self) -> Verdict {
        let at = self.pick(self.replicas.len());
        let behind = self.chance(50);
        self.note(format!("lane of {at} takes a turn, offers written: {behind}"));
        self.turn_lane(at, behind)
    }

    fn jobs_step(&mut self) -> Verdict {
        let at = self.pick(self.replicas.len());
        let ticks = [1, 4, 4, 1200][self.pick(4)];
        self.note(format!("jobs of {at} take turn {ticks}"));
        self.turn_jobs(at, ticks);
        Ok(())
    }

    fn time_step(&mut self) {
        let seconds = [1, 20, 300, 1200, 7200, 90_000][self.pick(6)];
        self.note(format!("{seconds} s pass"));
        self.pass(Duration::from_secs(seconds));
    }

    /// Somebody sets the clock of a replica, by up to six hours, or right.
    fn clock_step(&mut self) {
        let at = self.pick(self.replicas.len());
        let wrong_by = self.replicas[at].time.now().micros() - self.time.now().micros();
        let by = match self.chance(40) {
            true => -wrong_by,
            false => self.random.random_range(-6 * 3600..=6 * 3600) * 1_000_000,
        };
        self.note(format!("the clock of {at} is set by {} s", by / 1_000_000));
        self.replicas[at].time.jump(by);
    }

    fn stray_step(&mut self) -> Verdict {
        if self.strays.is_empty() {
            return Ok(());
        }
        let (place, at) = (self.pick(self.strays.len()), self.pick(self.replicas.len()));
        let Stray { machine, request } = self.strays.swap_remove(place);
        self.note(format!("a stray {:?} of machine {machine} arrives", request.endpoint));
        self.deliver(at, Origin::Nobody(machine), request)
    }

    /// A process dies now or at one of its next writes, or the database fails it once.
    fn fault_step(&mut self) -> Verdict {
        let at = self.pick(self.replicas.len());
        let nth = self.random.random_range(1..=4);
        let faults = [Fault::DiesBefore, Fault::DiesAfter, Fault::Refused, Fault::Unknown];
        match self.pick(5) {
            4 => {
                self.note(format!("replica {at} dies"));
                self.replicas[at].faults.kill();
                self.settle()
            }
            kind => {
                self.note(format!("{:?} awaits write {nth} of {at}", faults[kind]));
                self.replicas[at].faults.plan(nth, faults[kind]);
                Ok(())
            }
        }
    }

    /// An orderly stop, and another process in its place.
    fn restart_step(&mut self) -> Verdict {
        let at = self.pick(self.replicas.len());
        self.note(format!("replica {at} stops in order"));
        self.turn_lane(at, true)?;
        self.replicas[at].flush();
        self.settle()?;
        self.replicas[at].faults.kill();
        self.settle()
    }

    /// A machine answers, under its own key, what another one was asked.
    fn forge_step(&mut self) -> Verdict {
        let index = self.pick(self.machines.len());
        let Some(key) = self.machines[index].agent.disk().node_key.clone() else { return Ok(()) };
        // By what it is for: proofs in names differ from run to run, and so does their order.
        let place = self.pick(self.seen.offers.len());
        let Some((no, host, part)) = self.seen.offers.keys().nth(place).copied() else {
            return Ok(());
        };
        let is_wanted = |(name, owner): &(&String, &i64)| {
            **owner == host && evidence::subject(name) == Some((no, part))
        };
        let found = self.seen.names.iter().find(is_wanted);
        let name = found.map(|(name, _)| name.clone()).unwrap_or_default();
        self.note(format!("machine {index} answers what may be another's"));
        let rows = json!([{"machine": index.to_string(), "answer": "forged", "n": "0"}]);
        let body = json!({"queries": {&name: rows}, "statuses": {&name: 0}, "node_key": key});
        let request = AgentRequest {
            host: u32::try_from(index).unwrap_or_default(),
            job: Job::Distributed,
            endpoint: Endpoint::Write,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: Bytes::from(body.to_string()),
        };
        let at = self.pick(self.replicas.len());
        self.deliver(at, Origin::Nobody(index), request)
    }

    /// The fleet changes: a worker dies, a disk is wiped, copied or restored, a machine is new.
    fn fleet_step(&mut self) {
        let index = self.pick(self.machines.len());
        let (now, elapsed) = (self.time.now(), self.time.elapsed());
        let count = self.machines.len();
        match self.pick(4) {
            0 => {
                self.note(format!("the worker of machine {index} dies"));
                self.give_up(index);
                self.machines[index].die(now, elapsed);
            }
            1 => {
                self.note(format!("the disk of machine {index} is wiped"));
                self.give_up(index);
                self.machines[index].die(now, elapsed);
                *self.machines[index].agent.disk_mut() = mimir_sim::agent::disk::Disk::default();
            }
            2 if count < MACHINES_MAX => {
                self.note(format!("machine {count} is a clone of machine {index}"));
                let image = Some(&self.machines[index]);
                let clone = Machine::new(self.options.seed, count, image, &self.secret, now);
                self.machines.push(clone);
            }
            _ if count < MACHINES_MAX => {
                self.note(format!("machine {count} is new"));
                let fresh = Machine::new(self.options.seed, count, None, &self.secret, now);
                self.machines.push(fresh);
            }
            _ => {}
        }
    }
}

/// Keeps the generator of names in one place: a text that no other launch has.
pub fn unique(seed_of_run: u64, number: u32) -> u64 {
    seed::rng(seed_of_run, number.into(), "sql").random_range(1000..1_000_000)
}
