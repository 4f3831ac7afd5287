// SPDX-License-Identifier: Apache-2.0
//! The enrolment kit: the few files with which an agent finds its server, trusts it and enrols.
//! The command line writes them into a directory, the server into an archive.
//!
//! Texts only: nothing is read or written here, and no secret is made.

use std::fmt::Write as _;

use crate::api::enrollment::KitAgent;

/// Name of the file with the enrolment secret.
pub const SECRET_FILE: &str = "secret";
/// Name of the file with the CA certificate.
pub const CA_FILE: &str = "ca.pem";
/// Name of osqueryd's flag file.
pub const FLAG_FILE: &str = "osquery.flags";
/// Name of the file that tells the packaged service of mimir-agent where the server is.
pub const SERVER_FILE: &str = "server.conf";
/// Name of the script that starts the agent.
pub const START_FILE: &str = "start.sh";
/// Name of the explanation.
pub const README_FILE: &str = "README.txt";
/// Where a kit is meant to lie on hosts, unless told otherwise.
pub const INSTALL_DIR: &str = "/etc/mimir-kit";
/// Where mimir-agent keeps what must survive a restart, unless told otherwise.
const AGENT_STATE_DIR: &str = "/var/lib/mimir-agent";
/// Where the packaged service of mimir-agent looks for the kit's files.
pub const AGENT_CONFIG_DIR: &str = "/etc/mimir-agent";
/// Longest address of a server, in bytes: a name of DNS has at most 253.
const ADDRESS_BYTES_MAX: usize = 270;
/// Longest path of the directory on hosts, in bytes.
const INSTALL_DIR_BYTES_MAX: usize = 1024;
/// Longest enrolment secret, in bytes.
const SECRET_BYTES_MAX: usize = 1024;

/// What a kit is made of. The texts must have passed their checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kit<'k> {
    /// The agent it is for.
    pub agent: KitAgent,
    /// Where agents reach the server: see [`check_address`].
    pub address: &'k str,
    /// Where it will lie on hosts: see [`check_install_dir`].
    pub install_dir: &'k str,
    /// The authority that signed the server's certificate, as PEM.
    pub ca_pem: &'k str,
    /// The enrolment secret: see [`check_secret`].
    pub secret: &'k str,
}

/// Who may do what with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everybody may read it.
    Plain,
    /// Everybody may run it.
    Program,
    /// Its owner alone may read it.
    Private,
}

impl Mode {
    /// The bits of permission.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o644,
            Self::Program => 0o755,
            Self::Private => 0o600,
        }
    }
}

/// A file of a kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitFile {
    /// Its name, without any directory.
    pub name: &'static str,
    /// What is in it.
    pub text: String,
    /// Who may do what with it.
    pub mode: Mode,
}

/// Why something cannot stand in a kit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KitError {
    /// Not an address.
    #[error("`{0}` is not HOST:PORT")]
    Address(String),
    /// Not an absolute path.
    #[error("`{0}` is not an absolute path")]
    RelativePath(String),
    /// A path that would break the flag file, which has one flag a line and no quoting.
    #[error("`{0}` cannot stand in a flag file")]
    Path(String),
    /// Not a secret.
    #[error("the enrolment secret is empty, too long or more than one line")]
    Secret,
}

/// Checks where agents connect to: `host:port` or `host`. It stands in flags and in a script, so
/// nothing that a shell would read may be in it.
///
/// # Errors
/// [`KitError::Address`].
pub fn check_address(address: &str) -> Result<(), KitError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let fits = address.len() <= ADDRESS_BYTES_MAX
        && address.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && address.chars().all(plain);
    if fits { Ok(()) } else { Err(KitError::Address(address.chars().take(100).collect())) }
}

/// Checks where the kit will lie on hosts; answers the path without a slash at its end.
///
/// # Errors
/// [`KitError::RelativePath`] or [`KitError::Path`].
pub fn check_install_dir(path: &str) -> Result<&str, KitError> {
    let shown = || path.chars().take(100).collect();
    if path.contains(['"', '\'']) || path.contains(char::is_control) {
        return Err(KitError::Path(shown()));
    }
    if path.len() > INSTALL_DIR_BYTES_MAX {
        return Err(KitError::Path(shown()));
    }
    if !path.starts_with('/') {
        return Err(KitError::RelativePath(shown()));
    }
    Ok(path.trim_end_matches('/'))
}

/// Checks an enrolment secret; answers it without white space around it.
///
/// # Errors
/// [`KitError::Secret`].
pub fn check_secret(secret: &str) -> Result<&str, KitError> {
    let secret = secret.trim();
    let fits = (1..=SECRET_BYTES_MAX).contains(&secret.len()) && !secret.contains(char::is_control);
    if fits { Ok(secret) } else { Err(KitError::Secret) }
}

/// Names of the files of a kit for this agent, in the order they are written.
pub const fn file_names(agent: KitAgent) -> &'static [&'static str] {
    match agent {
        KitAgent::Osqueryd => &[CA_FILE, FLAG_FILE, START_FILE, README_FILE, SECRET_FILE],
        KitAgent::MimirAgent => &[CA_FILE, SERVER_FILE, START_FILE, README_FILE, SECRET_FILE],
    }
}

/// The files of a kit.
pub fn files(kit: &Kit<'_>) -> Vec<KitFile> {
    let file = |name: &&'static str| {
        let (text, mode) = match *name {
            CA_FILE => (kit.ca_pem.to_owned(), Mode::Plain),
            FLAG_FILE => (osquery_flags(kit.address, kit.install_dir), Mode::Plain),
            SERVER_FILE => (server_conf(kit.address), Mode::Plain),
            START_FILE => (start_script(kit.agent, kit.address), Mode::Program),
            README_FILE => (readme(kit), Mode::Plain),
            _ => (format!("{}\n", kit.secret), Mode::Private),
        };
        KitFile { name, text, mode }
    };
    file_names(kit.agent).iter().map(file).collect()
}

/// osqueryd's flags: how it reaches the server and how often it asks.
pub fn osquery_flags(address: &str, install_dir: &str) -> String {
    format!(
        "--tls_hostname={address}
--tls_server_certs={install_dir}/{CA_FILE}
--enroll_secret_path={install_dir}/{SECRET_FILE}
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

/// Starts the agent with the paths of where the script lies, whatever the flag file says.
pub fn start_script(agent: KitAgent, address: &str) -> String {
    match agent {
        KitAgent::Osqueryd => START_OSQUERYD.to_owned(),
        KitAgent::MimirAgent => start_mimir_agent(address),
    }
}

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

/// Read by systemd for the packaged service.
fn server_conf(address: &str) -> String {
    format!("# Where mimir-agent finds Mimir.\nMIMIR_SERVER=https://{address}\n")
}

/// What to do where mimir-agent was installed as a package.
fn package_commands() -> String {
    format!(
        "Where the package of mimir-agent is installed, as root, from within this directory,

    install -m 0644 {CA_FILE} {SERVER_FILE} {AGENT_CONFIG_DIR}/
    install -m 0600 {SECRET_FILE} {AGENT_CONFIG_DIR}/
    systemctl restart mimir-agent

Without the package, copy"
    )
}

/// A path as it can be pasted into a shell; it has no quotes of its own ([`check_install_dir`]).
fn shell_word(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{path}'") }
}

fn readme(kit: &Kit<'_>) -> String {
    let Kit { agent, address, install_dir, .. } = kit;
    let in_kit = |name: &str| shell_word(&format!("{install_dir}/{name}"));
    let mut files = String::new();
    let mut copy = "Copy".to_owned();
    let by_hand = match agent {
        KitAgent::Osqueryd => {
            let _ = writeln!(
                files,
                "{FLAG_FILE}  flags; copy it to /etc/osquery/osquery.flags for the packaged service"
            );
            format!("osqueryd --flagfile={}", in_kit(FLAG_FILE))
        }
        KitAgent::MimirAgent => {
            let _ = writeln!(files, "{SERVER_FILE}    where the packaged service finds the server");
            copy = package_commands();
            format!(
                "mimir-agent run --server https://{address} --ca {} --enroll-secret-file {} \
                 --state-dir {AGENT_STATE_DIR}",
                in_kit(CA_FILE),
                in_kit(SECRET_FILE)
            )
        }
    };
    let start = in_kit(START_FILE);
    format!(
        "This directory lets {agent} enrol with Mimir at {address}.

secret         enrolment secret; whoever has it can add hosts: keep it readable by root alone
ca.pem         certificate of the authority that the agent trusts for this server
{files}start.sh       starts the agent, from wherever this directory lies

{copy} the directory to the host, as root, to {install_dir}, and run

    {start}

or, by hand,

    {by_hand}

The host then appears in the console and in `mimir host list`.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit(agent: KitAgent) -> Vec<KitFile> {
        files(&Kit { agent, address: "m:1", install_dir: "/k", ca_pem: "CA\n", secret: "s" })
    }

    #[test]
    fn only_a_plain_address_goes_into_a_script() {
        for address in ["m.example:8443", "m.example", "[::1]:8", "192.0.2.1:1"] {
            assert_eq!(check_address(address), Ok(()), "{address}");
        }
        let long = "a".repeat(300);
        for address in ["", "a\n--x", "$(id)", "-x", "https://m", "m/x", "u@m", &*long] {
            assert!(check_address(address).is_err(), "{address}");
        }
    }

    #[test]
    fn a_flag_file_cannot_be_broken_by_a_path() {
        assert_eq!(check_install_dir("/etc/a b/"), Ok("/etc/a b"));
        assert_eq!(check_install_dir("kit"), Err(KitError::RelativePath("kit".to_owned())));
        for path in ["/a\n--allow_unsafe", "/a\"b", "/a'b", "/a\0b"] {
            assert_eq!(check_install_dir(path), Err(KitError::Path(path.to_owned())));
        }
    }

    #[test]
    fn commands_can_be_pasted_whatever_the_directory_is_called() {
        for agent in KitAgent::ALL {
            let kit = Kit {
                agent: *agent,
                address: "m:1",
                install_dir: "/opt/a b; $(id)",
                ca_pem: "CA\n",
                secret: "s",
            };
            let readme = readme(&kit);
            let commands: Vec<_> = readme.lines().filter(|line| line.starts_with("    ")).collect();
            assert!(commands.contains(&"    '/opt/a b; $(id)/start.sh'"), "{readme}");
            for line in commands {
                let outside: String = line.split('\'').step_by(2).collect();
                assert!(!outside.contains(['$', ';', '(']), "{line}");
            }
        }
        assert_eq!(shell_word("/etc/mimir-kit/start.sh"), "/etc/mimir-kit/start.sh");
    }

    #[test]
    fn a_secret_is_one_line() {
        assert_eq!(check_secret(" s\n"), Ok("s"));
        for secret in ["", " \n", "a\nb", "a\0"] {
            assert_eq!(check_secret(secret), Err(KitError::Secret), "{secret:?}");
        }
    }

    #[test]
    fn every_endpoint_and_the_distributed_plugin_are_set() {
        let flags = osquery_flags("m:1", "/k");
        assert!(flags.lines().all(|line| line.starts_with("--") && line.contains('=')));
        assert_eq!(flags.lines().filter(|line| line.contains("=/api/osquery/")).count(), 5);
        assert!(flags.contains("--disable_distributed=false\n"));
    }

    #[test]
    fn a_kit_for_mimir_agent_fits_its_package() {
        let files = kit(KitAgent::MimirAgent);
        let text = |name| &files.iter().find(|file| file.name == name).unwrap().text;
        assert!(text(SERVER_FILE).ends_with("\nMIMIR_SERVER=https://m:1\n"));
        let readme = text(README_FILE);
        assert!(readme.contains("install -m 0600 secret /etc/mimir-agent/\n"), "{readme}");
        assert!(readme.contains("Without the package, copy the directory"), "{readme}");
        assert!(kit(KitAgent::Osqueryd).iter().all(|file| file.name != SERVER_FILE));
    }

    #[test]
    fn the_secret_stands_in_its_own_private_file_alone() {
        for agent in KitAgent::ALL {
            let files = kit(*agent);
            assert!(files.iter().map(|file| file.name).eq(file_names(*agent).iter().copied()));
            for file in &files {
                let private = file.name == SECRET_FILE;
                assert_eq!(file.mode == Mode::Private, private, "{}", file.name);
                assert_eq!(file.text == "s\n", private, "{}", file.name);
                assert_eq!(file.mode == Mode::Program, file.text.starts_with("#!"));
            }
        }
    }
}
