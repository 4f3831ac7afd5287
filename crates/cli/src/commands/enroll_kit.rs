// SPDX-License-Identifier: Apache-2.0
//! `mimir enroll-kit`: a directory with what an agent needs to enrol.
//!
//! Everything that can be found wrong is found before a secret is made, so that a mistake leaves
//! no secret behind.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{ArgGroup, Args, ValueEnum};
use mimir_wire::api::enrollment::NewEnrollmentSecret;

use crate::config_file::write_private;
use crate::context::{Access, Context, client};
use crate::failure::wrong_usage;
use crate::output::visible;

/// Name of the file with the enrolment secret.
const SECRET_FILE: &str = "secret";
/// Name of the file with the CA certificate.
const CA_FILE: &str = "ca.pem";
/// Name of osqueryd's flag file.
const FLAG_FILE: &str = "osquery.flags";
/// Name of the script that starts the agent.
const START_FILE: &str = "start.sh";
/// Where mimir-agent keeps what must survive a restart, unless told otherwise.
const AGENT_STATE_DIR: &str = "/var/lib/mimir-agent";
/// Name of the explanation.
const README_FILE: &str = "README.txt";

/// Write what an agent needs to enrol: flags, secret, CA certificate, start script
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir enroll-kit --out kit --secret-name laptops --max-uses 500
  mimir enroll-kit --out /etc/mimir-kit --secret-file secret --agent mimir --ca ca.pem

Start the agent on a host with start.sh, from wherever the directory was copied to.")]
#[command(group(
    ArgGroup::new("whence").required(true).args(["secret", "secret_file", "secret_name"])
))]
pub(crate) struct EnrollKitArgs {
    /// The directory to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which agent: `osqueryd` or `mimir`
    #[arg(long, value_enum, value_name = "AGENT", default_value_t = Agent::Osqueryd,
          hide_possible_values = true)]
    agent: Agent,
    /// An enrolment secret
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// File with an enrolment secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Make a new enrolment secret of this name
    #[arg(long, value_name = "NAME")]
    secret_name: Option<String>,
    /// How many new hosts the new secret admits; any number without it
    #[arg(long, value_name = "N", requires = "secret_name")]
    max_uses: Option<u64>,
    /// HOST:PORT where agents reach the server, if it is not that of --server
    #[arg(long, value_name = "HOST:PORT")]
    agent_address: Option<String>,
    /// Where the directory will lie on the hosts; the flag file names this path
    /// [default: where it is written]
    #[arg(long, value_name = "DIR")]
    install_dir: Option<PathBuf>,
    /// Replace a kit that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Agent {
    /// Stock osquery.
    Osqueryd,
    /// mimir-agent, for Linux hosts without osquery.
    Mimir,
}

pub(crate) fn run(args: &EnrollKitArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
    let access = context.access()?;
    let address = address(args.agent_address.as_deref(), &access.server)?;
    let ca = access.ca.clone().ok_or_else(|| {
        wrong_usage("the kit holds the server's CA certificate; give it with `--ca FILE`")
    })?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let out = fs::canonicalize(&args.out)
        .with_context(|| format!("cannot use {}", args.out.display()))?;
    let install = install_dir(args.install_dir.as_deref().unwrap_or(&out))?;
    let mut files = vec![(CA_FILE, ca, Mode::Plain)];
    match args.agent {
        Agent::Osqueryd => {
            files.push((FLAG_FILE, flags(&address, install), Mode::Plain));
            files.push((START_FILE, START_OSQUERYD.to_owned(), Mode::Program));
        }
        Agent::Mimir => {
            files.push((START_FILE, start_mimir_agent(&address), Mode::Program));
        }
    }
    files.push((README_FILE, readme(args.agent, &address, install), Mode::Plain));
    if !args.force {
        let all = files.iter().map(|(name, ..)| *name).chain([SECRET_FILE]);
        if let Some(name) = all.into_iter().find(|name| out.join(name).exists()) {
            return Err(wrong_usage(format!(
                "{} is there already; give `--force` to replace the kit",
                out.join(name).display()
            )));
        }
    }
    let secret = secret(args, &access)?;
    files.push((SECRET_FILE, format!("{secret}\n"), Mode::Private));
    for (name, text, mode) in &files {
        let path = out.join(name);
        write(&path, text, *mode).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let out = visible(&out.display().to_string()).into_owned();
    context.console.say(&format!("The kit is in {out}; start the agent with {START_FILE}."))?;
    Ok(())
}

/// Where agents connect to, as `host:port` or `host`.
fn address(given: Option<&str>, server: &str) -> anyhow::Result<String> {
    let address = match given {
        Some(address) => address,
        None if server.starts_with("http://") => {
            return Err(wrong_usage(
                "agents speak TLS only; give `--agent-address HOST:PORT` of the TLS listener",
            ));
        }
        None => server.trim_start_matches("https://").trim_end_matches('/'),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if address.is_empty() || !address.chars().all(plain) {
        return Err(wrong_usage(format!("`{address}` is not HOST:PORT")));
    }
    Ok(address.to_owned())
}

/// The path that goes into the flag file, which has one flag a line and no quoting.
fn install_dir(path: &Path) -> anyhow::Result<&str> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r', '"', '\'']));
    match text {
        Some(text) if path.is_absolute() => Ok(text.trim_end_matches('/')),
        Some(text) => Err(wrong_usage(format!("`{text}` is not an absolute path"))),
        None => Err(wrong_usage(format!("`{}` cannot stand in a flag file", path.display()))),
    }
}

fn secret(args: &EnrollKitArgs, access: &Access) -> anyhow::Result<String> {
    let secret = match (&args.secret, &args.secret_file, &args.secret_name) {
        (Some(secret), ..) => secret.clone(),
        (_, Some(path), _) => fs::read_to_string(path)
            .with_context(|| format!("cannot read the secret {}", path.display()))?,
        (.., name) => {
            if access.api_key.is_none() {
                return Err(wrong_usage(
                    "making a secret needs an API key; sign in with `mimir login`, or give \
                     `--secret-file FILE`",
                ));
            }
            let name = name.clone().unwrap_or_default();
            let request = NewEnrollmentSecret { name, max_uses: args.max_uses };
            client(access)?.create_enrollment_secret(&request)?.secret
        }
    };
    let secret = secret.trim();
    if secret.is_empty() || secret.contains(char::is_control) {
        return Err(wrong_usage("the enrolment secret is empty or more than one line"));
    }
    Ok(secret.to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    Program,
    Private,
}

fn write(path: &Path, text: &str, mode: Mode) -> std::io::Result<()> {
    if mode == Mode::Private {
        return write_private(path, text.as_bytes());
    }
    fs::write(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let bits = if mode == Mode::Program { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(bits))?;
    }
    Ok(())
}

/// osqueryd's flags: how it reaches the server and how often it asks.
fn flags(address: &str, install: &str) -> String {
    format!(
        "--tls_hostname={address}
--tls_server_certs={install}/{CA_FILE}
--enroll_secret_path={install}/{SECRET_FILE}
--enroll_tls_endpoint=/api/osquery/enroll
--config_tls_endpoint=/api/osquery/config
--logger_tls_endpoint=/api/osquery/log
--distributed_tls_read_endpoint=/api/osquery/distributed/read
--distributed_tls_write_endpoint=/api/osquery/distributed/write
--config_plugin=tls
--config_refresh=60
--config_accelerated_refresh=60
--config_enable_backup=true
--logger_plugin=tls
--logger_tls_period=10
--logger_tls_backoff_max=120
--logger_tls_compress=true
--disable_distributed=false
--distributed_plugin=tls
--distributed_interval=10
--tls_enroll_max_attempts=0
--host_identifier=uuid
--tls_accept_gzip=true
"
    )
}

/// Starts osqueryd with the paths of where the script lies, whatever the flag file says.
const START_OSQUERYD: &str = r#"#!/bin/sh
# Starts osqueryd so that it enrols with Mimir. Further flags may be given: they win.
set -eu
kit=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
exec "${OSQUERYD:-osqueryd}" \
    --flagfile="$kit/osquery.flags" \
    --tls_server_certs="$kit/ca.pem" \
    --enroll_secret_path="$kit/secret" \
    "$@"
"#;

fn start_mimir_agent(address: &str) -> String {
    format!(
        r#"#!/bin/sh
# Starts mimir-agent so that it enrols with Mimir. Further options may be given.
set -eu
kit=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
exec "${{MIMIR_AGENT:-mimir-agent}}" run \
    --server "https://{address}" \
    --ca "$kit/ca.pem" \
    --enroll-secret-file "$kit/secret" \
    --state-dir "${{MIMIR_AGENT_STATE:-{AGENT_STATE_DIR}}}" \
    "$@"
"#
    )
}

fn readme(agent: Agent, address: &str, install: &str) -> String {
    let (name, files, by_hand) = match agent {
        Agent::Osqueryd => (
            "osqueryd",
            format!(
                "{FLAG_FILE}  flags; copy it to /etc/osquery/osquery.flags for the packaged \
                 service\n"
            ),
            format!("osqueryd --flagfile={install}/{FLAG_FILE}"),
        ),
        Agent::Mimir => (
            "mimir-agent",
            String::new(),
            format!(
                "mimir-agent run --server https://{address} --ca {install}/{CA_FILE} \
                 --enroll-secret-file {install}/{SECRET_FILE} --state-dir {AGENT_STATE_DIR}"
            ),
        ),
    };
    format!(
        "This directory lets {name} enrol with Mimir at {address}.

secret         enrolment secret; whoever has it can add hosts: keep it readable by root alone
ca.pem         certificate of the authority that the agent trusts for this server
{files}start.sh       starts the agent, from wherever this directory lies

Copy the directory to the host, as root, to {install}, and run

    {install}/{START_FILE}

or, by hand,

    {by_hand}

The host then appears in the console and in `mimir host list`.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_go_where_they_can_speak_tls() {
        assert_eq!(address(None, "https://m.example:8443/").unwrap(), "m.example:8443");
        assert_eq!(address(None, "m.example").unwrap(), "m.example");
        assert_eq!(address(Some("[::1]:8"), "http://127.0.0.1:1").unwrap(), "[::1]:8");
        assert!(address(None, "http://127.0.0.1:1").is_err());
        assert!(address(Some("a\n--x"), "https://m").is_err());
        assert!(address(Some("$(id)"), "https://m").is_err());
    }

    #[test]
    fn a_flag_file_cannot_be_broken_by_a_path() {
        assert_eq!(install_dir(Path::new("/etc/a b/")).unwrap(), "/etc/a b");
        assert!(install_dir(Path::new("kit")).is_err());
        assert!(install_dir(Path::new("/a\n--allow_unsafe")).is_err());
    }

    #[test]
    fn every_endpoint_and_the_distributed_plugin_are_set() {
        let flags = flags("m:1", "/k");
        assert!(flags.lines().all(|line| line.starts_with("--") && line.contains('=')));
        assert_eq!(flags.lines().filter(|line| line.contains("=/api/osquery/")).count(), 5);
        assert!(flags.contains("--disable_distributed=false\n"));
    }
}
