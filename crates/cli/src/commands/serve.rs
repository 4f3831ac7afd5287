// SPDX-License-Identifier: Apache-2.0
//! `mimir serve`: runs the server in this process until it is told to stop. What the server does
//! is `mimir_server`'s; here are the log, the signals, and what is said at the start.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use mimir_server::bootstrap::Bootstrap;
use mimir_server::config::{Config, LogFormat};
use mimir_server::metrics::{self, Metrics};
use mimir_server::serve::{self, Running};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::sources::ConfigArgs;
use crate::context::Context;
use crate::output::visible;

/// How often samples of metrics are folded into buckets.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// The exit code of a process that a second signal ended, as shells count SIGINT.
const CUT_SHORT: i32 = 130;

/// Run the server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir serve --data-dir /var/lib/mimir
  mimir serve --data-dir /var/lib/mimir --tls-names mimir.example.org
  mimir serve --config /etc/mimir.toml --database-file /etc/mimir.database --log-format json

The first start makes the data directory, the database, a certificate, the first administrator
and an enrolment secret, and prints what you need to know once. Each option may also stand in the
file (with _ for -) or in the environment; `mimir config print` shows what holds and why. SIGTERM
and Ctrl-C end the requests under way and then the server; a second one ends it at once.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ServeArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
    let config = args.config.load()?;
    start_log(&config, io::stderr, io::stderr().is_terminal());
    for warning in &config.warnings {
        context.console.say(&format!("warning: {}", visible(warning)))?;
    }
    let metrics = metrics::install();
    let runtime = runtime()?;
    runtime.block_on(async {
        // Before anything is made, so that no signal from now on is lost.
        let mut signals = Signals::new()?;
        let running = tokio::select! {
            started = serve::start(&config, Some(metrics.clone())) => started?,
            name = signals.next() => anyhow::bail!("stopped by {name} before it had started"),
        };
        let out = &mut context.console.out;
        out.write_all(greeting(&config, &running).as_bytes())?;
        out.flush()?;
        let upkeep = tokio::spawn(keep_up(metrics));
        let name = signals.next().await;
        tracing::info!(signal = name, "stopping");
        upkeep.abort();
        end(running, &mut signals).await
    })
}

/// The async runtime of a server: a thread for each processor, and threads for what blocks.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("mimir")
        .build()
        .context("cannot start the server's threads")
}

/// Stops a server; a second signal does not wait for it.
async fn end(running: Running, signals: &mut Signals) -> anyhow::Result<()> {
    tokio::select! {
        stopped = running.stop() => stopped.context("the server did not stop cleanly"),
        name = signals.next() => {
            tracing::warn!(signal = name, "stopped at once");
            std::process::exit(CUT_SHORT);
        }
    }
}

/// Folds samples of metrics for as long as the server runs.
async fn keep_up(metrics: Metrics) {
    let mut timer = tokio::time::interval(METRICS_UPKEEP);
    loop {
        timer.tick().await;
        metrics.upkeep();
    }
}

/// The signals that end a server.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    pub(super) fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Starts the process's log. A log that is running already stays.
pub(super) fn start_log<W>(config: &Config, writer: W, ansi: bool)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse_lossy(&config.log_filter);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let started = match config.log_format {
        LogFormat::Text => log.with_ansi(ansi).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // Commands may run several times in one process, as tests do; the first log serves all.
    drop(started);
}

/// What is said once the server listens.
fn greeting(config: &Config, running: &Running) -> String {
    let mut text = format!("Mimir listens on {} ({}).\n", running.url, running.address);
    if let Some(address) = running.console_address {
        let _ = writeln!(text, "API and console alone: {address}.");
    }
    let here = here(config, running);
    if here != running.url {
        let _ = writeln!(text, "On this machine: {here}");
    }
    if let Some(made) = &running.bootstrap {
        let file = config.print_bootstrap.as_deref();
        text.push_str(&first_start(made, &here, running.ca.as_deref(), file));
    }
    text
}

/// The address for programs on this machine. The name for others may not be known here yet, and
/// certificates that the server makes cover localhost.
fn here(config: &Config, running: &Running) -> String {
    let own_certificate = config.tls_cert.is_none() && !config.behind_proxy;
    if own_certificate && running.address.ip().is_unspecified() {
        let scheme = if config.insecure_http { "http" } else { "https" };
        return format!("{scheme}://localhost:{}", running.address.port());
    }
    running.url.clone()
}

/// What a first start says, once: nothing of it can be shown again.
fn first_start(made: &Bootstrap, here: &str, ca: Option<&Path>, file: Option<&Path>) -> String {
    let mut text = String::from("\nThis is the first start. What follows is shown this once.\n\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<22}{value}");
    };
    line("Address", &made.url);
    if let Some(ca) = ca {
        line("CA certificate", &ca.display().to_string());
    }
    line("Administrator", &made.admin_username);
    line("One-time password", &made.admin_password);
    line("Enrolment secret", &made.enrollment_secret);
    if let Some(file) = file {
        line("The same for scripts", &format!("{} (with an API key)", file.display()));
    }
    let ca_flag = ca.map_or_else(String::new, |ca| format!(" --ca {}", ca.display()));
    let _ = write!(
        text,
        "\nNext:\n  \
         mimir login --server {here}{ca_flag} --username {}\n  \
         mimir settings set offline_campaigns_enabled=true\n  \
         mimir enroll-kit --out kit --secret-name first-hosts\n\n",
        made.admin_username
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_start_tells_everything_once() {
        let made = Bootstrap {
            url: "https://localhost:8443".into(),
            ca: None,
            admin_username: "admin".into(),
            admin_password: "one-time".into(),
            api_key: None,
            enrollment_secret: "mes_x".into(),
        };
        let text = first_start(&made, &made.url, Some(Path::new("data/ca.pem")), None);
        insta::assert_snapshot!(text, @r"
        This is the first start. What follows is shown this once.

          Address               https://localhost:8443
          CA certificate        data/ca.pem
          Administrator         admin
          One-time password     one-time
          Enrolment secret      mes_x

        Next:
          mimir login --server https://localhost:8443 --ca data/ca.pem --username admin
          mimir settings set offline_campaigns_enabled=true
          mimir enroll-kit --out kit --secret-name first-hosts
        ");
    }
}
