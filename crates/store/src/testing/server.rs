// SPDX-License-Identifier: Apache-2.0
//! A PostgreSQL server in a temporary folder, reachable through a socket in that folder only. It
//! trades durability for speed and ends with the process that started it, even if that is killed.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use nix::unistd::{User, chown, geteuid};

use super::with_database;
use crate::db::postgres::{run_alone, with_lock};
use crate::db::{DatabaseUrl, Db, monotonic};

/// The longest the server may take to answer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks whether it answers.
const LOOK: Duration = Duration::from_millis(20);
/// Serialises making the template among the processes of a test run.
const TEMPLATE_LOCK: i64 = 0x6d69_6d69_7202;

/// For all tests: no flushing to disk, many connections, deadlocks found at once.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=400",
    "shared_buffers=64MB",
    "deadlock_timeout=100ms",
    "jit=off",
    "log_min_messages=fatal",
];

/// What a server needs beyond the usual.
#[derive(Debug, Default)]
pub struct Options {
    /// A TCP port on 127.0.0.1 to listen on besides the socket.
    pub port: Option<u16>,
    /// Settings as `name=value`; they win over the usual ones.
    pub settings: Vec<String>,
    /// Files (name, content) to put into the server's folder, readable by it only.
    pub files: Vec<(String, String)>,
}

/// A running server; it ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct PrivatePostgres {
    url: String,
    folder: PathBuf,
    guard: Child,
    /// Open while the server shall run.
    input: Option<ChildStdin>,
}

impl PrivatePostgres {
    /// Starts a server with the usual settings and waits until it answers.
    ///
    /// # Errors
    /// A text that says what to do.
    pub fn start() -> Result<Self, String> {
        Self::start_with(&Options::default())
    }

    /// Starts a server with further settings and files.
    ///
    /// # Errors
    /// As [`PrivatePostgres::start`].
    pub fn start_with(options: &Options) -> Result<Self, String> {
        let programs = programs()?;
        let user = unprivileged_user()?;
        let folder = tempfile::Builder::new()
            .prefix("mimir-pg-")
            .tempdir()
            .map_err(|error| format!("no temporary folder for PostgreSQL: {error}"))?;
        prepare(folder.path(), user.as_ref(), &options.files)
            .map_err(|error| format!("{}: {error}", folder.path().display()))?;
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(include_str!("guard.sh")).arg("guard.sh");
        command.arg(folder.path()).arg(programs);
        command.arg(user.map_or(String::new(), |user| user.name));
        for setting in SETTINGS.iter().copied().chain(options.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        let mut url_end = String::new();
        if let Some(port) = options.port {
            command.args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")]);
            url_end = format!("&port={port}");
        }
        // A process group of its own: an interrupt at the terminal must not reach it directly.
        let mut guard = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run /bin/sh: {error}"))?;
        // From here on the guard removes the folder.
        let folder = folder.keep();
        let socket = folder.display().to_string().replace('/', "%2F");
        let url = format!("postgres://postgres@/postgres?host={socket}{url_end}");
        let input = guard.stdin.take();
        let mut server = Self { url, folder, guard, input };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// The address of its administrative database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its folder, which holds its socket and log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let start = monotonic::now();
        loop {
            let Err(error) = run_alone(&self.url, &["select 1".to_owned()]) else {
                return Ok(());
            };
            if self.guard.try_wait().is_ok_and(|status| status.is_some()) {
                let mut output = String::new();
                if let Some(mut stdout) = self.guard.stdout.take() {
                    let _ = stdout.read_to_string(&mut output);
                }
                return Err(format!("PostgreSQL could not be set up:\n{output}"));
            }
            if start.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("PostgreSQL does not answer: {error}\n{log}"));
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.guard.wait();
    }
}

/// The folder of PostgreSQL's programs: that of the newest version Debian has, or of `initdb` on
/// the search path.
fn programs() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .map(|version| (version, PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))))
        .filter(|(_, folder)| folder.join("initdb").exists())
        .max();
    if let Some((_, folder)) = newest {
        return Ok(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find(|folder| folder.join("initdb").exists()).ok_or_else(|| {
        let variable = super::POSTGRES_VARIABLE;
        format!("PostgreSQL is missing: `apt-get install postgresql`, or set {variable} to its URL")
    })
}

/// Whom to run the server as: it refuses to run as root.
fn unprivileged_user() -> Result<Option<User>, String> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Ok(Some(user)) = User::from_name(name) {
            return Ok(Some(user));
        }
    }
    Err("PostgreSQL cannot run as root and there is no user `postgres` or `nobody`".to_owned())
}

fn prepare(folder: &Path, user: Option<&User>, files: &[(String, String)]) -> std::io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let own = |path: &Path| match user {
        Some(user) => chown(path, Some(user.uid), Some(user.gid)).map_err(std::io::Error::from),
        None => Ok(()),
    };
    for (name, content) in files {
        let path = folder.join(name);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        std::io::Write::write_all(&mut file, content.as_bytes())?;
        own(&path)?;
    }
    own(folder)
}

/// Makes the database `name` with the product's schema, unless the server has it.
pub(super) fn make_template(admin: &str, name: &str) {
    with_lock(admin, TEMPLATE_LOCK, || {
        let exists = format!("select 1 / count(*) from pg_database where datname = '{name}'");
        if run_alone(admin, &[exists]).is_ok() {
            return;
        }
        // Under another name until it is complete: this process may be killed at any moment.
        let draft = format!("{name}_draft");
        let sql = [
            format!("drop database if exists {draft} with (force)"),
            format!("create database {draft} template template0 encoding 'UTF8'"),
        ];
        run_alone(admin, &sql).expect("the template database can be made");
        let url = DatabaseUrl::Postgres(with_database(admin, &draft));
        let db = Db::open_with(&url, 1).expect("the template database can be opened");
        crate::migrate(&db).expect("the migrations run on PostgreSQL");
        drop(db);
        // The server waits a few seconds for the connections that are being closed.
        run_alone(admin, &[format!("alter database {draft} rename to {name}")])
            .expect("the template database can be named");
    });
}
