// SPDX-License-Identifier: Apache-2.0
//! Hosts and their node keys in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mimir_store::enrolment::NodeKey;
use mimir_store::hosts::HostBrief;
use mimir_wire::Timestamp;
use mimir_wire::api::target::Platform;
use mimir_wire::ids::HostId;

/// A host that may speak.
#[derive(Debug)]
pub struct HostEntry {
    /// Its number.
    pub no: i64,
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub hostname: Box<str>,
    /// Which of osquery's platforms it is.
    pub platform: Option<Platform>,
    /// The machine's UUID, as enrolled.
    pub hardware_uuid: Box<str>,
    /// The machine's serial number, as enrolled.
    pub hardware_serial: Box<str>,
    last_seen: AtomicI64,
    flushed: AtomicI64,
}

impl HostEntry {
    fn new(brief: HostBrief) -> Self {
        let seen = brief.last_seen_at.micros();
        Self {
            no: brief.no,
            id: brief.id,
            hostname: brief.hostname.into(),
            platform: brief.platform,
            hardware_uuid: brief.hardware_uuid.into(),
            hardware_serial: brief.hardware_serial.into(),
            last_seen: AtomicI64::new(seen),
            flushed: AtomicI64::new(seen),
        }
    }

    /// When it was last heard of.
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_micros(self.last_seen.load(Ordering::Relaxed))
    }

    /// It is heard of now. A clock that went back does not make it younger.
    pub fn seen(&self, now: Timestamp) {
        self.last_seen.fetch_max(now.micros(), Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy)]
struct KeyEntry {
    host_no: i64,
    expires_at: i64,
}

/// All hosts that may speak.
#[derive(Default)]
pub struct Hosts {
    keys: HashMap<[u8; 32], KeyEntry>,
    by_no: HashMap<i64, Arc<HostEntry>>,
}

impl Hosts {
    /// The host of a node key, by the key's hash.
    pub fn by_key(&self, key_hash: &[u8; 32], now: Timestamp) -> Option<&Arc<HostEntry>> {
        let key = self.keys.get(key_hash)?;
        (now.micros() < key.expires_at).then(|| self.by_no.get(&key.host_no))?
    }

    /// The host of this number.
    pub fn by_no(&self, no: i64) -> Option<&Arc<HostEntry>> {
        self.by_no.get(&no)
    }

    /// Everyone who may speak.
    pub fn all(&self) -> impl Iterator<Item = &Arc<HostEntry>> {
        self.by_no.values()
    }

    /// How many may speak.
    pub fn len(&self) -> usize {
        self.by_no.len()
    }

    /// Whether nobody may speak.
    pub fn is_empty(&self) -> bool {
        self.by_no.is_empty()
    }

    /// Puts in a host or what it says of itself now, and its keys.
    pub fn put(&mut self, brief: HostBrief, keys: &[NodeKey]) {
        let no = brief.no;
        if brief.decommissioned {
            self.remove(no);
            return;
        }
        let entry = HostEntry::new(brief);
        if let Some(known) = self.by_no.get(&no) {
            entry.seen(known.last_seen());
        }
        self.by_no.insert(no, Arc::new(entry));
        self.put_keys(keys);
    }

    /// Puts in keys.
    pub fn put_keys(&mut self, keys: &[NodeKey]) {
        for key in keys {
            if let Ok(hash) = <[u8; 32]>::try_from(key.key_hash.as_slice()) {
                let expires_at = key.expires_at.map_or(i64::MAX, Timestamp::micros);
                self.keys.insert(hash, KeyEntry { host_no: key.host_no, expires_at });
            }
        }
    }

    /// Forgets keys whose time is over.
    pub fn prune_keys(&mut self, now: Timestamp) {
        self.keys.retain(|_, key| now.micros() < key.expires_at);
    }

    /// Cuts a host off.
    pub fn remove(&mut self, no: i64) {
        self.by_no.remove(&no);
        self.keys.retain(|_, key| key.host_no != no);
    }

    /// Puts in everybody anew. What was heard of them here and is not stored yet stays known.
    pub fn replace(&mut self, briefs: Vec<HostBrief>, keys: &[NodeKey]) {
        let former = std::mem::take(self);
        for brief in briefs.into_iter().filter(|brief| !brief.decommissioned) {
            let no = brief.no;
            let entry = HostEntry::new(brief);
            if let Some(known) = former.by_no.get(&no) {
                entry.seen(known.last_seen());
            }
            self.by_no.insert(no, Arc::new(entry));
        }
        self.put_keys(keys);
    }

    /// Gives back what [`Hosts::take_seen`] took and could not be stored.
    pub fn put_back_seen(&self, seen: &[(i64, Timestamp)]) {
        for host in seen.iter().filter_map(|(no, _)| self.by_no.get(no)) {
            host.flushed.store(i64::MIN, Ordering::Relaxed);
        }
    }

    /// Takes the hosts heard of since the last call, to be stored.
    pub fn take_seen(&self) -> Vec<(i64, Timestamp)> {
        let mut seen = Vec::new();
        for host in self.by_no.values() {
            let last = host.last_seen.load(Ordering::Relaxed);
            if host.flushed.swap(last, Ordering::Relaxed) < last {
                seen.push((host.no, Timestamp::from_micros(last)));
            }
        }
        seen
    }

    /// What another replica has heard.
    pub fn heard(&self, seen: &[(i64, Timestamp)]) {
        for (no, at) in seen {
            if let Some(host) = self.by_no.get(no) {
                host.seen(*at);
                host.flushed.fetch_max(at.micros(), Ordering::Relaxed);
            }
        }
    }
}
