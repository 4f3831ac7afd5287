// SPDX-License-Identifier: Apache-2.0
//! Starting and stopping the server: data directory, certificate, database, first administrator,
//! listeners, jobs; and an end that loses nothing.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use mimir_store::db::{Engine, Listener};
use mimir_store::{Db, changes};
use nix::fcntl::{Flock, FlockArg};
use rustls::ServerConfig;
use tokio::task::JoinHandle;

use crate::app::{App, AppConfig};
use crate::bootstrap::{self, Bootstrap};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::router;
use crate::listen::{self, Drained, ListenOptions};
use crate::metrics::Metrics;
use crate::{jobs, tls};

/// A server that runs.
pub struct Running {
    /// The service.
    pub app: Arc<App>,
    /// Where agents and, unless there is another listener for it, the console find it.
    pub address: SocketAddr,
    /// The listener of console and API alone, if there is one.
    pub console_address: Option<SocketAddr>,
    /// Its address for people.
    pub url: String,
    /// The CA certificate by which agents know it, when it made its own.
    pub ca: Option<PathBuf>,
    /// What the first start made, if this was it.
    pub bootstrap: Option<Bootstrap>,
    listeners: Vec<JoinHandle<Drained>>,
    jobs: JoinHandle<()>,
    _notices: Listener,
    _lock: Flock<File>,
}

/// Starts the server.
///
/// # Errors
/// With a sentence that says what is wrong and what to do.
pub async fn start(config: &Config, metrics: Option<Metrics>) -> anyhow::Result<Running> {
    make_data_dir(&config.data_dir)?;
    let lock = lock(&config.data_dir)?;
    let clock = Clock::system();
    let (server_tls, ca) = tls_of(config, &clock)?;
    let listener = listen::bind(config.listen)?;
    let console_listener = config.console_listen.map(listen::bind).transpose()?;
    let address = listener.local_addr()?;
    // Port 0 means any free one: people and agents must be told which it is.
    let bound = Config { listen: address, ..config.clone() };
    let url = bound.public_url_or_default(tls::machine_hostname().as_deref());
    let ca_pem = ca.as_deref().map(std::fs::read_to_string).transpose()?;
    let app_config = AppConfig {
        metrics_public: config.metrics_public,
        public_url: Some(url.clone()),
        ca_pem,
        // The lock of the data directory sees to it that SQLite has one server alone.
        shared_database: false,
    };
    let (app, mut bootstrap, notices) = open(config, clock, app_config).await?;
    if let Some(made) = &mut bootstrap {
        made.url.clone_from(&url);
        made.ca = ca.as_ref().map(|path| path.display().to_string());
        if let Some(path) = &config.print_bootstrap {
            bootstrap::write_file(path, made)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    let options = ListenOptions {
        tls: server_tls,
        proxies: config.behind_proxy.then(|| listen::Proxies::new(config.trusted_proxies.clone())),
        connections_max: listen::raise_open_files(),
        connections_per_address_max: config.connections_per_address,
        ..ListenOptions::default()
    };
    let console_address = console_listener.as_ref().map(|l| l.local_addr()).transpose()?;
    let mut listeners = Vec::new();
    if let Some(listener) = console_listener {
        let service = router::console(&app, metrics.clone());
        let stop = app.stopping.clone();
        listeners.push(tokio::spawn(listen::serve(listener, options.clone(), service, stop)));
    }
    let service = router::router(&app, metrics);
    let stop = app.stopping.clone();
    listeners.push(tokio::spawn(listen::serve(listener, options, service, stop)));
    let jobs = tokio::spawn(jobs::run(Arc::clone(&app)));
    tracing::info!(%address, url, "listening");
    Ok(Running {
        app,
        address,
        console_address,
        url,
        ca,
        bootstrap,
        listeners,
        jobs,
        _notices: notices,
        _lock: lock,
    })
}

impl Running {
    /// Stops: no new connections, requests in progress end, what is noted is written.
    ///
    /// # Errors
    /// When the last writes fail; nothing that was acknowledged is lost by that.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.app.stopping.cancel();
        for listener in self.listeners {
            let drained = listener.await?;
            if drained.connections_cut > 0 {
                tracing::warn!(connections = drained.connections_cut, "connections broken off");
            }
        }
        self.jobs.await?;
        let app = self.app;
        tokio::task::spawn_blocking(move || {
            while crate::ingest::flush_behind(&app) {}
            jobs::flush_seen(&app)
        })
        .await??;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Opens the database and the service, off the async threads.
async fn open(
    config: &Config,
    clock: Clock,
    app_config: AppConfig,
) -> anyhow::Result<(Arc<App>, Option<Bootstrap>, Listener)> {
    let url = config.database.clone();
    let with_api_key = config.print_bootstrap.is_some();
    tokio::task::spawn_blocking(move || {
        let db = Db::open(&url).with_context(|| format!("cannot open the database {url:?}"))?;
        let applied = mimir_store::migrate(&db).context("cannot bring the database up to date")?;
        tracing::info!(engine = ?db.engine(), ?applied, "database ready");
        let app = App::open(db, clock, app_config)?;
        let bootstrap = bootstrap::first_start(&app, with_api_key)?;
        let notices = listen_for_changes(&app)?;
        anyhow::Ok((app, bootstrap, notices))
    })
    .await?
}

/// Other replicas' changes are followed as soon as they commit; the periodic check finds any
/// notice that was missed.
fn listen_for_changes(app: &Arc<App>) -> anyhow::Result<Listener> {
    let weak = Arc::downgrade(app);
    let listener = app.db.listen(changes::CHANNEL, move |_| {
        if let Some(app) = weak.upgrade()
            && let Err(error) = app.follow_changes()
        {
            tracing::warn!(%error, "could not follow changes");
        }
    })?;
    debug_assert!(matches!(app.db.engine(), Engine::Sqlite | Engine::Postgres));
    Ok(listener)
}

fn make_data_dir(dir: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make the data directory {}", dir.display()))?;
    let mode = std::fs::metadata(dir)?.permissions().mode();
    if mode & 0o022 != 0 {
        bail!(
            "the data directory {} can be written by others; run: chmod 700 {}",
            dir.display(),
            dir.display()
        );
    }
    Ok(())
}

/// One server a data directory: two on one embedded database would each have a picture of the
/// fleet that the other does not know of.
fn lock(dir: &Path) -> anyhow::Result<Flock<File>> {
    let path = dir.join("mimir.lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, _)| {
        anyhow::anyhow!(
            "another mimir uses the data directory {}; stop it, or give this one its own",
            dir.display()
        )
    })
}

/// TLS configuration and the CA to hand to agents.
fn tls_of(
    config: &Config,
    clock: &Clock,
) -> anyhow::Result<(Option<Arc<ServerConfig>>, Option<PathBuf>)> {
    tls::install_provider();
    if config.insecure_http {
        return Ok((None, None));
    }
    if let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) {
        return Ok((Some(tls::server_config(cert, key)?), None));
    }
    let names = config.certificate_names(tls::machine_hostname().as_deref());
    let files = tls::ensure_files(&config.data_dir, &names, clock.now())?;
    if let Ok(info) = tls::inspect(&files.cert) {
        let missing = info.names_not_covered(&names);
        if !missing.is_empty() {
            tracing::warn!(
                names = missing.join(", "),
                "the certificate does not cover these names; remove server.pem and server.key for \
                 a new one that agents already trust"
            );
        }
        if let Some(warning) = info.warning(clock.now()) {
            tracing::warn!("{warning}");
        }
    }
    let server = tls::server_config(&files.cert, &files.key)?;
    Ok((Some(server), Some(files.ca)))
}
