// SPDX-License-Identifier: Apache-2.0
//! An agent as the protocol page describes it: one serial loop of read, run everything pending in
//! ascending order, one write. Accepted queries survive the death of its worker, finished but
//! unsent results do not, and an agent with a denylist never runs again what killed it. What goes
//! wrong and when is decided by a stream of bytes; when it has run dry, nothing goes wrong but
//! the queries themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mimir_engine::campaign::offers::Work;

use crate::server::{Result, Server};

/// Bytes that decide what goes wrong; zero, and all after the end, is luck.
#[derive(Debug)]
pub struct Luck {
    bytes: Vec<u8>,
    used: usize,
}

impl Luck {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, used: 0 }
    }

    pub fn spent(&self) -> bool {
        self.used >= self.bytes.len()
    }

    fn next(&mut self) -> u8 {
        let byte = self.bytes.get(self.used).copied().unwrap_or(0);
        self.used += 1;
        byte
    }

    fn exchange(&mut self) -> Exchange {
        match self.next() % 8 {
            0..=4 => Exchange::Fine,
            5 => Exchange::RequestLost,
            6 => Exchange::AnswerLost,
            _ => Exchange::TimedOut,
        }
    }

    /// One time in 16.
    fn misfortune(&mut self) -> bool {
        self.next() % 16 == 15
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    Fine,
    RequestLost,
    /// The server has worked on it; the agent hears of a failure at once.
    AnswerLost,
    /// The server has worked on it; the agent gives up after its 16 seconds.
    TimedOut,
}

/// What running a query does to the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    Harmless,
    KillsOnce,
    KillsAlways,
}

#[derive(Debug, Default)]
pub struct Agent {
    /// Since 5.5 agents refuse the text their worker has died of.
    denylist: bool,
    interval_s: u64,
    pub executions: BTreeMap<Work, u32>,
    pending: BTreeSet<Work>,
    marks: BTreeSet<Work>,
    unsent: BTreeMap<Work, Result>,
    accelerated_until: Duration,
}

const DEADLINE: Duration = Duration::from_secs(16);
/// Waits between the three attempts of an exchange; a failed one is sent again at once besides.
const WAITS_S: [u64; 6] = [0, 0, 1, 0, 4, 0];

impl Agent {
    pub fn new(denylist: bool, interval_s: u64) -> Self {
        Self { denylist, interval_s, ..Self::default() }
    }

    /// One iteration of the loop; moves the clock to the next one.
    pub fn turn(
        &mut self,
        clock: &mut Duration,
        server: &mut Server,
        natures: &BTreeMap<Work, Nature>,
        luck: &mut Luck,
    ) {
        self.read(clock, server, luck);
        if !self.run(clock, natures, luck) {
            // The watcher starts a new worker after at least a second; it begins with a read.
            *clock += Duration::from_secs(1 + u64::from(luck.next() % 8));
            return;
        }
        self.write(clock, server, luck);
        let accelerated = *clock < self.accelerated_until;
        let wait_s = if accelerated { self.interval_s.min(5) } else { self.interval_s };
        *clock += Duration::from_secs(wait_s);
    }

    fn read(&mut self, clock: &mut Duration, server: &mut Server, luck: &mut Luck) {
        for wait_s in WAITS_S {
            *clock += Duration::from_secs(wait_s);
            let exchange = luck.exchange();
            if exchange == Exchange::RequestLost {
                continue;
            }
            let decision = server.read(*clock);
            match exchange {
                Exchange::TimedOut => *clock += DEADLINE,
                Exchange::Fine => {
                    self.pending.extend(decision.offers.iter().map(|offer| offer.work));
                    if let Some(secs) = decision.accelerate {
                        self.accelerated_until = *clock + Duration::from_secs(secs.into());
                    }
                    return;
                }
                _ => {}
            }
        }
    }

    /// Runs what is pending; false when the worker has died.
    fn run(
        &mut self,
        clock: &mut Duration,
        natures: &BTreeMap<Work, Nature>,
        luck: &mut Luck,
    ) -> bool {
        for work in self.pending.clone() {
            self.pending.remove(&work);
            if self.denylist && self.marks.contains(&work) {
                self.unsent.insert(work, Result::Denylisted);
                continue;
            }
            let runs = self.executions.entry(work).or_default();
            *runs += 1;
            *clock += Duration::from_millis(u64::from(luck.next()) * 40);
            let dies = match natures[&work] {
                Nature::Harmless => luck.misfortune(),
                Nature::KillsOnce => *runs == 1,
                Nature::KillsAlways => true,
            };
            if dies {
                self.marks.insert(work);
                self.unsent.clear();
                return false;
            }
            self.unsent.insert(work, Result::Rows);
        }
        true
    }

    fn write(&mut self, clock: &mut Duration, server: &mut Server, luck: &mut Luck) {
        if self.unsent.is_empty() {
            return;
        }
        for wait_s in WAITS_S {
            *clock += Duration::from_secs(wait_s);
            let exchange = luck.exchange();
            if exchange != Exchange::RequestLost {
                server.write(&self.unsent);
            }
            match exchange {
                Exchange::Fine => return self.unsent.clear(),
                Exchange::TimedOut => *clock += DEADLINE,
                _ => {}
            }
        }
    }
}
