// SPDX-License-Identifier: Apache-2.0
//! `mimir login`: tries a key and remembers where and with what to sign in.

use anyhow::Context as _;
use clap::Args;

use crate::config_file::{self, SignIn};
use crate::context::{Context, client};
use crate::output::visible;

/// Sign in to a server and remember it.
///
/// The key is taken from --api-key or MIMIR_API_KEY, else asked for, else read from standard
/// input. Server, key and CA certificate are kept in ~/.config/mimir/client.toml, which only you
/// can read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir login --server https://mimir.example:8443 --ca /etc/mimir/ca.pem
  mimir login --server https://mimir.example:8443 < key.txt

A key is made in the console or with `mimir api-key create NAME`.")]
pub(crate) struct LoginArgs {}

pub(crate) fn run(_: &LoginArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
    let path = context
        .console
        .sign_in_file
        .clone()
        .context("there is no home directory to remember a sign-in in; set HOME")?;
    if let Err(error) = config_file::read(&path) {
        // A damaged file is about to be replaced.
        context.console.say(&format!("warning: {}", visible(&error.to_string())))?;
        context.console.sign_in_file = None;
    }
    let mut access = context.access()?;
    access.api_key = Some(match context.global.api_key.clone() {
        Some(key) => key,
        None => context.ask_secret("API key: ")?,
    });
    let client = client(&access)?;
    let session = client.me()?;
    let sign_in = SignIn {
        server: client.server().to_owned(),
        api_key: access.api_key.unwrap_or_default(),
        ca: access.ca,
    };
    config_file::write(&path, &sign_in)?;
    context.console.say(&format!(
        "Signed in to {} as {} ({}). Remembered in {}.",
        visible(&sign_in.server),
        visible(&session.user.username),
        session.user.role,
        visible(&path.display().to_string())
    ))?;
    Ok(())
}
