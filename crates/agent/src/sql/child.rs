// SPDX-License-Identifier: Apache-2.0
//! The process of one query as the agent sees it: started, watched, ended with everything it
//! started itself, and waited for only so long.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{QueryError, QueryLimits};
use crate::limits::{
    KILL_WAIT_MAX, QUERIES_STUCK_MAX, QUERY_STUCK_GRACE, WATCHDOG_INTERVAL, WORKER_STDERR_BYTES_MAX,
};
use crate::watchdog::{Sample, Watchdog, processors};

/// Time between two looks at whether a process has ended.
const WAIT_SLICE: Duration = Duration::from_millis(2);

/// What a query's process inherits of the environment: local time, and what a crash tells.
const KEPT_ENVIRONMENT: [&str; 2] = ["TZ", "RUST_BACKTRACE"];

/// Processes that did not end when they were killed.
#[derive(Debug, Clone, Default)]
pub struct Stuck(Arc<Mutex<Vec<Child>>>);

impl Stuck {
    fn children(&self) -> MutexGuard<'_, Vec<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those that have ended since.
    ///
    /// # Errors
    /// When there are too many to start another one.
    pub fn check(&self) -> Result<(), QueryError> {
        let mut children = self.children();
        children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_)) | Err(_)));
        match children.len() {
            count if count >= QUERIES_STUCK_MAX => Err(QueryError::Refused(count)),
            _ => Ok(()),
        }
    }
}

/// A running process with its watchdog. Dropping it ends it.
pub struct Running {
    child: Option<Child>,
    started: Instant,
    limits: QueryLimits,
    watchdog: Watchdog,
    stuck: Stuck,
}

impl Running {
    /// Starts a process in a group of its own, with nothing of the agent but three pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        command: &mut Command,
        limits: QueryLimits,
        stuck: &Stuck,
    ) -> Result<Self, QueryError> {
        stuck.check()?;
        let kept = KEPT_ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = command
            .env_clear()
            .envs(kept)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                let program = command.get_program().to_string_lossy().into_owned();
                QueryError::Unavailable(format!("{program}: {error}"))
            })?;
        let watchdog = Watchdog::new(limits, processors());
        let stuck = stuck.clone();
        Ok(Self { child: Some(child), started: Instant::now(), limits, watchdog, stuck })
    }

    /// Its input and output; to be taken once.
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        let child = self.child.as_mut()?;
        child.stdin.take().zip(child.stdout.take())
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What the watchdog has seen.
    pub fn watchdog(&self) -> &Watchdog {
        &self.watchdog
    }

    /// Waits for an outcome while the watchdog watches.
    ///
    /// # Errors
    /// When the process had to be ended before, and why; it is gone then.
    pub fn wait_for<T>(
        &mut self,
        outcome: &Receiver<T>,
        stop: &AtomicBool,
    ) -> Result<T, QueryError> {
        loop {
            match outcome.recv_timeout(WATCHDOG_INTERVAL) {
                Ok(outcome) => return Ok(outcome),
                Err(RecvTimeoutError::Disconnected) => {
                    self.end();
                    return Err(QueryError::Unavailable("its output cannot be read".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(reason) = self.judge(stop) {
                let is_gone = self.end().is_some();
                return Err(match reason {
                    QueryError::Stopped => QueryError::Stopped,
                    _ if !is_gone => QueryError::Stuck(self.started.elapsed().as_secs()),
                    reason => reason,
                });
            }
        }
    }

    fn judge(&mut self, stop: &AtomicBool) -> Result<(), QueryError> {
        if stop.load(Ordering::SeqCst) {
            return Err(QueryError::Stopped);
        }
        let now = Instant::now();
        if now > self.started + self.limits.time_max + QUERY_STUCK_GRACE {
            return Err(QueryError::TimedOut(self.limits.time_max.as_secs()));
        }
        match self.child.as_ref().and_then(|child| Sample::of(child.id(), now)) {
            Some(sample) => self.watchdog.judge(sample),
            None => Ok(()),
        }
    }

    /// Waits for a process that is about to end by itself, for a short time only.
    pub fn finish(&mut self) -> Option<ExitStatus> {
        self.wait(KILL_WAIT_MAX).or_else(|| self.end())
    }

    /// Ends the process and its group; `None` when it does not go away.
    pub fn end(&mut self) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        // It has not been waited for, so its number still is its own. It may have ended before,
        // and then there is nothing to do.
        let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
        drop(child.kill());
        let status = self.wait(KILL_WAIT_MAX);
        if status.is_none()
            && let Some(child) = self.child.take()
        {
            self.stuck.children().push(child);
        }
        status
    }

    fn wait(&mut self, time: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + time;
        loop {
            match self.child.as_mut()?.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(WAIT_SLICE),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// What the process complained about; only to be asked when it has ended.
    pub fn complaints(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(stderr) = self.child.as_mut().and_then(|child| child.stderr.take()) {
            drop(stderr.take(WORKER_STDERR_BYTES_MAX).read_to_end(&mut text));
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// Why a process that ended without an outcome did so.
    pub fn autopsy(&mut self, status: Option<ExitStatus>) -> QueryError {
        let Some(status) = status else {
            return QueryError::Stuck(self.started.elapsed().as_secs());
        };
        let complaints = self.complaints();
        if !complaints.is_empty() {
            tracing::warn!("the process of a query complained: {complaints}");
        }
        let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
        match signal {
            // Rust's words when there is no memory.
            Some(Signal::SIGABRT) if complaints.contains("memory allocation of") => {
                QueryError::OutOfMemory(self.limits.memory_mib())
            }
            Some(Signal::SIGXCPU) => QueryError::TimedOut(self.limits.time_max.as_secs()),
            Some(Signal::SIGKILL) => QueryError::Died(
                "it was killed (SIGKILL), perhaps because the host ran out of memory".to_owned(),
            ),
            Some(signal) => QueryError::Died(signal.as_str().to_owned()),
            None => {
                let reason = complaints.lines().find(|line| !line.is_empty()).unwrap_or_default();
                QueryError::Died(format!("{status} {reason}").trim().to_owned())
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let is_running =
            self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if is_running {
            self.end();
        }
    }
}
