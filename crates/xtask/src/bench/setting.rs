// SPDX-License-Identifier: Apache-2.0
//! What measurements share: how large the fleet is, the servers that hold one, and what has been
//! measured already.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::report::Measured;
use super::world::World;

/// Runs of each kind, in turn.
const RUNS: usize = 5;
/// By how much less is done when only the frame is tried.
const SMOKE: u64 = 200;

/// See the head of this file.
pub struct Setting<'p> {
    /// The folder with the programs.
    pub programs: &'p Path,
    /// The largest fleet.
    pub hosts: u64,
    /// Only the frame is tried: figures mean nothing.
    pub smoke: bool,
    worlds: RefCell<BTreeMap<u64, Rc<World>>>,
    measured: RefCell<BTreeMap<(&'static str, u64), Measured>>,
}

impl<'p> Setting<'p> {
    /// Nothing measured yet.
    pub fn new(programs: &'p Path, hosts: u64, smoke: bool) -> Self {
        let (worlds, measured) = (RefCell::default(), RefCell::default());
        Self { programs, hosts, smoke, worlds, measured }
    }

    /// How often each thing is run.
    pub fn runs(&self) -> usize {
        if self.smoke { 1 } else { RUNS }
    }

    /// An amount of work, less of it when only the frame is tried.
    pub fn scaled(&self, amount: u64) -> u64 {
        if self.smoke { (amount / SMOKE).max(2) } else { amount }
    }

    /// The fleets that costs are compared at, the smallest first.
    pub fn sizes(&self) -> [u64; 3] {
        [(self.hosts / 100).max(2), (self.hosts / 10).max(2), self.hosts]
    }

    /// A server with a fleet of this size; the same for all who ask.
    pub fn world(&self, hosts: u64) -> anyhow::Result<Rc<World>> {
        if let Some(world) = self.worlds.borrow().get(&hosts) {
            return Ok(Rc::clone(world));
        }
        let world = Rc::new(World::with_hosts(self.programs, hosts)?);
        self.worlds.borrow_mut().insert(hosts, Rc::clone(&world));
        Ok(world)
    }

    /// Ends the servers.
    pub fn end_worlds(&self) {
        self.worlds.borrow_mut().clear();
    }

    /// What `measure` gives, measured once for each size.
    pub fn once(
        &self,
        id: &'static str,
        hosts: u64,
        measure: impl FnOnce(&Self, u64) -> anyhow::Result<Measured>,
    ) -> anyhow::Result<Measured> {
        if let Some(known) = self.measured.borrow().get(&(id, hosts)) {
            return Ok(known.clone());
        }
        let measured = measure(self, hosts)?;
        self.measured.borrow_mut().insert((id, hosts), measured.clone());
        Ok(measured)
    }
}
