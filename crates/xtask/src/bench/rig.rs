// SPDX-License-Identifier: Apache-2.0
//! A real server and real agents, as processes on loopback in a folder of their own. All of them
//! end with the rig.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mimir_client::{Client, HostFilter};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::load::Goal;

/// Longest wait for any state; far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks at a state.
const LOOK: Duration = Duration::from_millis(10);

/// See the head of this file.
pub struct Rig {
    /// Signed in as the first administrator.
    pub client: Client,
    processes: Vec<Child>,
    folder: TempDir,
    programs: PathBuf,
    address: String,
}

impl Rig {
    /// Starts a server with campaigns turned on.
    pub fn start(programs: &Path) -> anyhow::Result<Self> {
        Self::start_in(programs, tempfile::tempdir()?)
    }

    /// The same in a folder, in whose `data` a database may lie already.
    pub fn start_in(programs: &Path, folder: TempDir) -> anyhow::Result<Self> {
        let address = free_address()?;
        let bootstrap = folder.path().join("bootstrap.json");
        let server = Command::new(programs.join("mimir"))
            .args(["serve", "--listen", &address, "--log-filter", "warn", "--data-dir"])
            .arg(folder.path().join("data"))
            .arg("--print-bootstrap")
            .arg(&bootstrap)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("server.log"))?)
            .spawn()
            .context("cannot start mimir")?;
        let mut processes = vec![server];
        let ca = folder.path().join("data/ca.pem");
        let connected = wait("the server", || {
            let made: Value = serde_json::from_slice(&std::fs::read(&bootstrap).ok()?).ok()?;
            let key = made["api_key"].as_str()?.to_owned();
            let builder = Client::builder(&format!("https://{address}"));
            let client = builder.api_key(key).ca_pem(std::fs::read(&ca).ok()?).build().ok()?;
            client.request("GET", "/readyz", None).ok().filter(|answer| answer.status == 200)?;
            Some((client, made["enrollment_secret"].as_str()?.to_owned()))
        });
        let (client, secret) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                end(&mut processes);
                return Err(error);
            }
        };
        let rig = Self { client, processes, folder, programs: programs.to_owned(), address };
        std::fs::write(rig.folder.path().join("secret"), secret)?;
        let settings = json!({"offline_campaigns_enabled": true, "max_concurrent_hunts": 1000,
            "campaign_aggregate_row_cap": 1_000_000_000});
        let settings = settings.as_object().context("an object")?;
        rig.client.update_settings_json(settings)?;
        Ok(rig)
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.processes[0].id()
    }

    /// The server as those see it who send it bodies.
    pub fn goal(&self) -> anyhow::Result<Goal> {
        Goal::new(&self.address, &self.data().join("ca.pem"))
    }

    /// The server's data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for what belongs to a measurement.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts an agent that is the host of this name, and waits until it has enrolled.
    pub fn add_agent(&mut self, name: &str) -> anyhow::Result<()> {
        let path = |name: &str| self.folder.path().join(name);
        let agent = Command::new(self.programs.join("mimir-agent"))
            .args(["run", "--virtual-identity", "--host-identifier", name])
            .args(["--server", &format!("https://{}", self.address)])
            .args(["--ca".as_ref(), path("data/ca.pem").as_os_str()])
            .args(["--enroll-secret-file".as_ref(), path("secret").as_os_str()])
            .args(["--state-dir".as_ref(), path(name).as_os_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(path(&format!("{name}.log")))?)
            .spawn()
            .context("cannot start mimir-agent")?;
        self.processes.push(agent);
        wait("the agent to enrol", || {
            let hosts = self.client.hosts(&HostFilter::default());
            hosts.iter().flatten().any(|host| host.hostname == name).then_some(())
        })
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        end(&mut self.processes);
    }
}

fn end(processes: &mut [Child]) {
    for process in processes {
        drop(process.kill());
        drop(process.wait());
    }
}

/// Looks until there is something to see.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        if start.elapsed() > PATIENCE {
            bail!("waited in vain for {what}");
        }
        std::thread::sleep(LOOK);
    }
}

/// An address on loopback that nobody listens on.
pub fn free_address() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}
