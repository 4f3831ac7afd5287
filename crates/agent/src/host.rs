// SPDX-License-Identifier: Apache-2.0
//! What the agent knows about itself and the machine it stands for: identity, start time, state
//! of its configuration. Tables read it; nothing here talks to the network.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::facts::{Facts, FactsSnapshot};
use crate::limits::PROC_FILE_BYTES_MAX;
use crate::tables::read;

/// Where firmware describes the machine.
pub const DMI_DIR: &str = "/sys/class/dmi/id";

/// Hardware UUIDs that vendors ship by mistake on many machines; osquery refuses them too
/// (`osquery/core/system.cpp`). Compared in lower case.
const UUID_PLACEHOLDERS: [&str; 5] = [
    "00000000-0000-0000-0000-000000000000",
    "03000200-0400-0500-0006-000700080009",
    "03020100-0504-0706-0809-0a0b0c0d0e0f",
    "10000000-0000-8000-0040-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
];

/// Who this agent says the machine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `system_info.uuid`: the hardware's, or a random one that the state directory keeps.
    pub uuid: String,
    /// `osquery_info.instance_id`: random, one per state directory.
    pub instance_id: String,
    /// Set when this agent plays a machine of its own (`--virtual-identity`).
    pub virtual_host: Option<VirtualHost>,
}

/// A made-up machine, so that several agents on one machine are several hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualHost {
    /// Reported as host name and computer name.
    pub hostname: String,
    /// Reported as `system_info.hardware_serial`.
    pub serial: String,
}

impl Identity {
    /// The machine's own identity; `fallback_uuid` stands in where the hardware has none.
    pub fn of_machine(fallback_uuid: &str, instance_id: &str) -> Self {
        let uuid = hardware_uuid().unwrap_or_else(|| fallback_uuid.to_owned());
        Self { uuid, instance_id: instance_id.to_owned(), virtual_host: None }
    }

    /// An identity derived from `id` alone: the same `id` is always the same host.
    pub fn virtual_machine(id: &str, instance_id: &str) -> Self {
        let digest = Sha256::digest(format!("mimir-agent virtual host {id}"));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        let serial = format!("VIRTUAL-{}", hex::encode_upper(&digest[16..22]));
        Self {
            uuid: uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string(),
            instance_id: instance_id.to_owned(),
            virtual_host: Some(VirtualHost { hostname: id.to_owned(), serial }),
        }
    }

    /// The machine's identity where nothing is kept, as in `mimir-agent query`.
    pub fn ephemeral() -> Self {
        Self::of_machine(&Uuid::new_v4().to_string(), &Uuid::new_v4().to_string())
    }
}

/// The UUID in the firmware, in lower case, unless it is unreadable (it needs root) or one of
/// the known placeholders.
fn hardware_uuid() -> Option<String> {
    let text = dmi("product_uuid")?.to_lowercase();
    usable_uuid(&text).then_some(text)
}

fn usable_uuid(text: &str) -> bool {
    Uuid::parse_str(text).is_ok() && !UUID_PLACEHOLDERS.contains(&text)
}

/// One fact from the firmware, trimmed; `None` when it is absent, empty or unreadable.
pub fn dmi(name: &str) -> Option<String> {
    let text = read::text(&Path::new(DMI_DIR).join(name), PROC_FILE_BYTES_MAX).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The last configuration the server gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigState {
    /// SHA-1 of the text, hex; empty before the first one.
    pub hash: String,
    /// Whether it could be read.
    pub valid: bool,
}

/// What tables may know beside the machine itself.
#[derive(Debug)]
pub struct Host {
    /// Who the agent says the machine is.
    pub identity: Identity,
    /// Unix seconds at which the agent started.
    pub started_at: i64,
    /// The agent's process, also where a query runs in another one.
    pub pid: u32,
    /// What the agent's own parts tell: schedule, packs, flags.
    pub facts: Facts,
    root: PathBuf,
    config: Mutex<ConfigState>,
}

/// A [`Host`] on its way to the process of a query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostSnapshot {
    /// See [`Host::identity`].
    pub identity: Identity,
    /// See [`Host::started_at`].
    pub started_at: i64,
    pid: u32,
    /// As bytes, because a path need not be a text.
    root: Vec<u8>,
    config: ConfigState,
    facts: Option<FactsSnapshot>,
}

impl Host {
    /// A host without configuration.
    pub fn new(identity: Identity, started_at: i64) -> Self {
        let (facts, config) = (Facts::default(), Mutex::default());
        let pid = std::process::id();
        Self { identity, started_at, pid, facts, root: PathBuf::from("/"), config }
    }

    /// A copy as it is now. The facts, which may be large, only where they are wanted.
    pub fn snapshot(&self, with_facts: bool) -> HostSnapshot {
        HostSnapshot {
            identity: self.identity.clone(),
            started_at: self.started_at,
            pid: self.pid,
            root: self.root.as_os_str().as_bytes().to_vec(),
            config: self.config(),
            facts: with_facts.then(|| self.facts.snapshot()),
        }
    }

    /// The host that a snapshot was taken of.
    pub fn restored(snapshot: HostSnapshot) -> Self {
        let HostSnapshot { identity, started_at, pid, root, config, facts } = snapshot;
        let root = PathBuf::from(OsString::from_vec(root));
        let facts = facts.map(Facts::restored).unwrap_or_default();
        Self { identity, started_at, pid, facts, root, config: Mutex::new(config) }
    }

    /// The same host with its files below `root`, as in a mounted image or a test. Tables that
    /// read files by fixed paths follow it; `/proc` and `/sys` are always this machine's.
    #[must_use]
    pub fn with_root(mut self, root: &Path) -> Self {
        self.root = root.to_owned();
        self
    }

    /// Where a file of the host is, given its absolute path on it.
    pub fn at(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The absolute path on the host of a file that is at `place`; see [`Host::at`].
    pub fn path_of(&self, place: &Path) -> PathBuf {
        Path::new("/").join(place.strip_prefix(&self.root).unwrap_or(place))
    }

    /// The last configuration the server gave.
    pub fn config(&self) -> ConfigState {
        self.config.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Records what the server gave.
    pub fn set_config(&self, state: ConfigState) {
        *self.config.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = state;
    }

    /// The short host name.
    pub fn computer_name(&self) -> String {
        match &self.identity.virtual_host {
            Some(host) => host.hostname.clone(),
            None => nodename(),
        }
    }

    /// The full host name: the kernel's if it has a dot, else the dotted name that `/etc/hosts`
    /// gives for it, else the short name. DNS is not asked: a query must not wait for it.
    pub fn hostname(&self) -> String {
        if let Some(host) = &self.identity.virtual_host {
            return host.hostname.clone();
        }
        let short = nodename();
        let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
        full_name(&short, &hosts)
    }
}

fn nodename() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|_| "localhost".to_owned())
}

fn full_name(short: &str, hosts: &str) -> String {
    if short.contains('.') {
        return short.to_owned();
    }
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    for line in lines {
        let names: Vec<&str> = line.split_whitespace().skip(1).collect();
        if names.contains(&short)
            && let Some(full) = names.iter().find(|name| name.starts_with(&format!("{short}.")))
        {
            return (*full).to_owned();
        }
    }
    short.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_host_depends_on_its_id_alone() {
        let one = Identity::virtual_machine("web-1", "i1");
        let again = Identity::virtual_machine("web-1", "i2");
        let other = Identity::virtual_machine("web-2", "i1");
        assert_eq!((&one.uuid, &one.virtual_host), (&again.uuid, &again.virtual_host));
        assert_ne!(one.uuid, other.uuid);
        assert!(usable_uuid(&one.uuid));
        assert_eq!(Host::new(one, 0).hostname(), "web-1");
    }

    #[test]
    fn placeholders_are_no_identity() {
        assert!(!usable_uuid("03000200-0400-0500-0006-000700080009"));
        assert!(!usable_uuid("not a uuid"));
        assert!(usable_uuid("4c4c4544-0051-4a10-8052-b4c04f4e4d32"));
    }

    #[test]
    fn the_full_name_comes_from_etc_hosts() {
        let hosts = "127.0.0.1 localhost\n10.0.0.1 web.example.org web # web.other\n";
        assert_eq!(full_name("web", hosts), "web.example.org");
        assert_eq!(full_name("db", hosts), "db");
        assert_eq!(full_name("web.corp", hosts), "web.corp");
    }
}
