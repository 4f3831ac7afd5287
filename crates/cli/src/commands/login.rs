// SPDX-License-Identifier: Apache-2.0
//! `mimir login`: remembers where and with what to sign in. It takes an API key, or makes one
//! for whoever gives name and password; a one-time password is changed on the way.

use anyhow::Context as _;
use clap::Args;
use mimir_client::Client;
use mimir_wire::api::auth::Session;

use crate::config_file::{self, SignIn};
use crate::context::{Access, Context, client};
use crate::failure::wrong_usage;
use crate::output::visible;

/// Sign in to a server and remember it.
///
/// The key is taken from --api-key or MIMIR_API_KEY, else asked for, else read from standard
/// input. Server, key and CA certificate are kept in ~/.config/mimir/client.toml, which only you
/// can read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mimir login --server https://mimir.example:8443 --ca /etc/mimir/ca.pem --username ada
  mimir login --server https://mimir.example:8443 --ca /etc/mimir/ca.pem < key.txt

With --username the password is asked for (or is the first line of standard input), and an API
key is made for this machine. A one-time password must be changed: the new password, of at least
14 characters, is asked for too (or is the second line).")]
pub(crate) struct LoginArgs {
    /// Sign in with the password of this account and make an API key
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Name of the API key that is made [default: command line of this machine]
    #[arg(long, value_name = "NAME", requires = "username")]
    key_name: Option<String>,
}

pub(crate) fn run(args: &LoginArgs, context: &mut Context<'_>) -> anyhow::Result<()> {
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
    let (server, session) = match &args.username {
        Some(username) => {
            access.api_key = None;
            by_password(username, args.key_name.as_deref(), &mut access, context)?
        }
        None => {
            access.api_key = Some(match context.global.api_key.clone() {
                Some(key) => key,
                None => context.ask_secret("API key: ")?,
            });
            let client = client(&access)?;
            let session = client.me()?;
            (client.server().to_owned(), session)
        }
    };
    let api_key = access.api_key.unwrap_or_default();
    let sign_in = SignIn { server, api_key, ca: access.ca };
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

/// Signs in with a password and makes an API key, which is put into `access`.
fn by_password(
    username: &str,
    key_name: Option<&str>,
    access: &mut Access,
    context: &mut Context<'_>,
) -> anyhow::Result<(String, Session)> {
    let client = client(access)?;
    let password = context.ask_secret(&format!("Password of {}: ", visible(username)))?;
    let session = client.login(username, &password)?;
    if session.user.password_change_required {
        change_password(&client, &password, context)?;
    }
    let name = match key_name {
        Some(name) => name.to_owned(),
        None => match mimir_server::tls::machine_hostname() {
            Some(host) => format!("command line on {host}"),
            None => "command line".to_owned(),
        },
    };
    let created = client.create_api_key(&name)?;
    access.api_key = Some(created.key);
    let server = client.server().to_owned();
    // The session has done its work; if its end fails it ends by itself.
    drop(client.logout());
    Ok((server, session))
}

fn change_password(
    client: &Client,
    current: &str,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    context
        .console
        .say("This is a one-time password; choose your own, of 14 characters or more.")?;
    let new = context.ask_secret("New password: ")?;
    if context.console.input_is_terminal && context.ask_secret("Once more: ")? != new {
        return Err(wrong_usage("the two passwords differ; nothing was changed"));
    }
    client.change_password(current, &new)?;
    Ok(())
}
