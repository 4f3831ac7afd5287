// SPDX-License-Identifier: Apache-2.0
//! `mimir enroll-kit`: a directory with what an agent needs to enrol.
//!
//! Everything that can be found wrong is found before a secret is made, so that a mistake leaves
//! no secret behind.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use mimir_wire::api::enrollment::{KitAgent, NewEnrollmentSecret};
use mimir_wire::enroll_kit::{self, Kit, KitError, KitFile, Mode};

use crate::config_file::write_private;
use crate::context::{Access, Context, client};
use crate::failure::wrong_usage;
use crate::output::visible;

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
    /// Which agent: `osqueryd` or `mimir-agent` (`mimir` for short)
    #[arg(long, value_name = "AGENT", default_value = "osqueryd", value_parser = agent)]
    agent: KitAgent,
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

fn agent(word: &str) -> Result<KitAgent, String> {
    let known =
        if word == "mimir" { Some(KitAgent::MimirAgent) } else { KitAgent::from_word(word) };
    known.ok_or_else(|| "there are osqueryd and mimir-agent".to_owned())
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
    if !args.force {
        let all = enroll_kit::file_names(args.agent);
        if let Some(name) = all.iter().find(|name| out.join(name).exists()) {
            return Err(wrong_usage(format!(
                "{} is there already; give `--force` to replace the kit",
                out.join(name).display()
            )));
        }
    }
    let secret = secret(args, &access)?;
    let kit = Kit {
        agent: args.agent,
        address: &address,
        install_dir: install,
        ca_pem: &ca,
        secret: &secret,
    };
    for file in enroll_kit::files(&kit) {
        let path = out.join(file.name);
        write(&path, &file).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let out = visible(&out.display().to_string()).into_owned();
    let start = enroll_kit::START_FILE;
    context.console.say(&format!("The kit is in {out}; start the agent with {start}."))?;
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
    enroll_kit::check_address(address).map_err(unusable)?;
    Ok(address.to_owned())
}

fn unusable(error: KitError) -> anyhow::Error {
    wrong_usage(error.to_string())
}

/// The path that goes into the flag file.
fn install_dir(path: &Path) -> anyhow::Result<&str> {
    let shown = || path.display().to_string();
    let text = path.to_str().ok_or_else(|| unusable(KitError::Path(shown())))?;
    enroll_kit::check_install_dir(text).map_err(unusable)
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
    Ok(enroll_kit::check_secret(&secret).map_err(unusable)?.to_owned())
}

fn write(path: &Path, file: &KitFile) -> std::io::Result<()> {
    if file.mode == Mode::Private {
        return write_private(path, file.text.as_bytes());
    }
    fs::write(path, &file.text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(file.mode.bits()))?;
    }
    Ok(())
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
        assert!(address(Some("$(id)"), "https://m").is_err());
    }
}
