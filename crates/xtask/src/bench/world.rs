// SPDX-License-Identifier: Apache-2.0
//! A server whose database holds a fleet from the start: enrolling 100,000 hosts one by one would
//! take longer than all that is measured. Hosts and their keys are written as enrolment writes
//! them; everything after that goes through the front door.

use std::path::Path;

use anyhow::Context;
use mimir_server::secret::token_hash;
use mimir_store::db::{Column, DatabaseUrl, Value};
use mimir_store::{Db, DbError, values};
use mimir_wire::api::campaign::{LaunchRequest, Launched, StopRequest};
use mimir_wire::api::target::Target;
use tempfile::TempDir;

use super::load::Goal;
use super::rig::Rig;

/// Rows of hosts in one statement.
const STEP: u64 = 10_000;
/// When the hosts enrolled, in microseconds since 1970.
const ENROLLED_AT: i64 = 1_790_000_000_000_000;

const HOST: [Column; 17] = [
    Column::text("id"),
    Column::text("machine_key"),
    Column::text("hostname"),
    Column::text("host_identifier"),
    Column::text("hardware_uuid"),
    Column::text("hardware_serial"),
    Column::text("instance_id"),
    Column::text("platform"),
    Column::text("os_name"),
    Column::text("os_version"),
    Column::text("arch"),
    Column::text("agent"),
    Column::text("agent_version"),
    Column::text("ip_address"),
    Column::int("enrolled_at"),
    Column::int("last_seen_at"),
    Column::bool("reenrollment_blocked"),
];
const KEY: [Column; 3] =
    [Column::blob("key_hash"), Column::int("host_no"), Column::int("created_at")];

/// A server with a fleet.
pub struct World {
    /// The server.
    pub rig: Rig,
    /// The same for those who send it bodies.
    pub goal: Goal,
}

impl World {
    /// Starts a server with this many hosts, numbered from 1.
    pub fn with_hosts(programs: &Path, hosts: u64) -> anyhow::Result<Self> {
        Self::with(programs, hosts, |_| Ok(()))
    }

    /// The same, with more in its database from the start.
    pub fn with(
        programs: &Path,
        hosts: u64,
        more: impl FnOnce(&Db) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let folder = filled(hosts, more)?;
        let rig = Rig::start_in(programs, folder)?;
        let goal = rig.goal()?;
        Ok(Self { rig, goal })
    }

    /// Launches a campaign on all hosts; `mark` tells it from others.
    pub fn launch(&self, mark: u64) -> anyhow::Result<Launched> {
        let sql = format!("SELECT pid, name, path, cmdline, {mark} AS mark FROM processes");
        let target = Some(Target::All {});
        let request = LaunchRequest { sql: Some(sql), target, ..LaunchRequest::default() };
        Ok(self.rig.client.launch_campaign(&request, None)?.0)
    }

    /// Stops a campaign, so that polls find nothing again.
    pub fn stop(&self, launched: &Launched) -> anyhow::Result<()> {
        let request = StopRequest { discard_in_flight: true, ..StopRequest::default() };
        self.rig.client.stop_campaign(launched.campaign.head.id, &request)?;
        Ok(())
    }
}

/// A folder with a database in `data` that holds a fleet.
pub fn filled(hosts: u64, more: impl FnOnce(&Db) -> anyhow::Result<()>) -> anyhow::Result<TempDir> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    std::fs::DirBuilder::new().mode(0o700).create(&data)?;
    let db = Db::open(&DatabaseUrl::Sqlite(data.join("mimir.db")))?;
    mimir_store::migrate(&db)?;
    db.write(move |tx| {
        for from in (1..=hosts).step_by(usize::try_from(STEP).unwrap_or(1)) {
            let step = from..=hosts.min(from + STEP - 1);
            let rows: Vec<_> = step.clone().map(host_row).collect();
            tx.insert_many("host", &HOST, &rows)?;
            let keys: Vec<_> = step
                .map(|n| values![token_hash(&node_key(n)).to_vec(), n, ENROLLED_AT].to_vec())
                .collect();
            tx.insert_many("node_key", &KEY, &keys)?;
        }
        Ok::<_, DbError>(())
    })
    .context("the fleet cannot be written")?;
    more(&db)?;
    Ok(folder)
}

fn host_row(n: u64) -> Vec<Value> {
    let (id, name) = (host_id(n), format!("srv-{n:06}.example.org"));
    let address = format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    values![
        id.as_str(),
        id.as_str(),
        name.as_str(),
        name.as_str(),
        id.as_str(),
        format!("VMware-56 4d {n:08x}"),
        id.as_str(),
        "linux",
        "Ubuntu",
        "24.04.1 LTS (Noble Numbat)",
        "x86_64",
        "osquery",
        "5.23.1",
        address,
        ENROLLED_AT,
        ENROLLED_AT,
        false
    ]
    .to_vec()
}

/// The id of a host, in the order of their numbers.
fn host_id(n: u64) -> String {
    format!("01940000-0000-7000-8000-{n:012x}")
}

/// The key of a host, as long as real ones.
pub fn node_key(n: u64) -> String {
    format!("mnk_bench-{n:033}")
}

/// The body of a poll.
pub fn poll(n: u64) -> Vec<u8> {
    format!("{{\"node_key\":\"{}\"}}", node_key(n)).into_bytes()
}
