// SPDX-License-Identifier: Apache-2.0
//! The demonstration's real agents: child processes of `mimir-agent`, each a host of its own
//! name. All of them are ended when this is dropped.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::folder::{Access, Folder};

/// Names of the hosts that the agents are.
pub(super) const NAMES: [&str; 3] = ["web-01", "db-01", "laptop-07"];
/// The one of them that is offline when the campaign is launched.
pub(super) const LATE: &str = NAMES[2];
/// The program's name.
const PROGRAM: &str = "mimir-agent";
/// File with the enrolment secret.
const SECRET_FILE: &str = "agents/secret";
/// Seconds between polls.
const POLL_INTERVAL_S: &str = "2";
/// How long an agent may take to end, in looks at it.
const END_LOOKS_MAX: u32 = 100;
/// How long between two looks.
const END_LOOK: Duration = Duration::from_millis(50);

/// Finds the program: the one that was named, or the one beside this program.
pub(super) fn program(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()
            .context("cannot find out where this program is; name the agent with --agent FILE")?
            .with_file_name(PROGRAM),
    };
    if !path.is_file() {
        bail!(
            "there is no {PROGRAM} at {}; build it (`cargo build -p mimir-agent`) or name it with \
             --agent FILE",
            path.display()
        );
    }
    Ok(path)
}

/// The agents that run.
pub(super) struct Agents<'a> {
    program: &'a Path,
    folder: &'a Folder,
    access: &'a Access,
    running: Vec<(&'static str, Child)>,
}

impl<'a> Agents<'a> {
    /// All of them, not started yet.
    pub(super) fn new(
        program: &'a Path,
        folder: &'a Folder,
        access: &'a Access,
    ) -> anyhow::Result<Self> {
        writeln!(folder.create_file(SECRET_FILE)?, "{}", access.enrollment_secret)?;
        Ok(Self { program, folder, access, running: Vec::new() })
    }

    /// Starts all.
    pub(super) fn start_all(&mut self) -> anyhow::Result<()> {
        NAMES.into_iter().try_for_each(|name| self.start(name))
    }

    /// Starts one.
    pub(super) fn start(&mut self, name: &'static str) -> anyhow::Result<()> {
        let log = self.folder.create_file(&format!("agents/{name}.log"))?;
        let place = self.folder.path();
        let child = Command::new(self.program)
            .arg("run")
            .args(["--server", &self.access.url, "--host-identifier", name])
            .args(["--virtual-identity", "--poll-interval", POLL_INTERVAL_S])
            .arg("--ca")
            .arg(&self.access.ca)
            .arg("--enroll-secret-file")
            .arg(place.join(SECRET_FILE))
            .arg("--state-dir")
            .arg(place.join("agents").join(name))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        self.running.push((name, child));
        Ok(())
    }

    /// Ends one and waits until it is gone.
    pub(super) fn stop(&mut self, name: &str) {
        if let Some(at) = self.running.iter().position(|(running, _)| *running == name) {
            let (_, child) = self.running.swap_remove(at);
            end(child);
        }
    }

    /// Fails when one has ended by itself, and says where it said why.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        for (name, child) in &mut self.running {
            if let Some(status) = child.try_wait()? {
                let log = self.folder.path().join(format!("agents/{name}.log"));
                bail!("the agent {name} has ended ({status}); see {}", log.display());
            }
        }
        Ok(())
    }
}

impl Drop for Agents<'_> {
    fn drop(&mut self) {
        for (_, child) in &self.running {
            ask_to_end(child);
        }
        self.running.drain(..).for_each(|(_, child)| end(child));
    }
}

fn ask_to_end(child: &Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        // It may have ended by itself, also by the terminal's own Ctrl-C.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
}

fn end(mut child: Child) {
    ask_to_end(&child);
    for _ in 0..END_LOOKS_MAX {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(END_LOOK);
    }
    drop(child.kill());
    drop(child.wait());
}
