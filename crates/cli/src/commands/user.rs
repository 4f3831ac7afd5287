// SPDX-License-Identifier: Apache-2.0
//! `mimir user list|create|edit`.

use clap::{Args, Subcommand};
use mimir_client::Client;
use mimir_wire::api::user::{Capability, NewUser, Role, User, UserPatch};
use mimir_wire::ids::UserId;

use super::{LimitArgs, word};
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{Column, Kind, col, visible};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List accounts
    List(LimitArgs),
    /// Make an account; its one-time password is asked for, or read from standard input
    #[command(after_help = "\
Examples:
  mimir user create ada --role operator --capability can_launch_fleet_hunts
  mimir user create bob --role admin < one-time-password.txt")]
    Create(CreateArgs),
    /// Change an account's role, capabilities or password, or cut it off
    #[command(after_help = "\
Examples:
  mimir user edit ada --role admin
  mimir user edit ada --no-capabilities
  mimir user edit bob --new-password --revoke-api-keys
  mimir user edit bob --disable")]
    Edit(EditArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The account's name
    #[arg(value_name = "NAME")]
    username: String,
    /// operator or admin
    #[arg(long, value_name = "ROLE", value_parser = word!(Role))]
    role: Role,
    /// A right beyond the role, such as can_launch_fleet_hunts; may be repeated
    #[arg(long = "capability", value_name = "CAPABILITY", value_parser = word!(Capability))]
    capabilities: Vec<Capability>,
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// The account's name or id
    #[arg(value_name = "NAME|ID")]
    user: String,
    /// operator or admin
    #[arg(long, value_name = "ROLE", value_parser = word!(Role))]
    role: Option<Role>,
    /// A right beyond the role; may be repeated; replaces those it has
    #[arg(long = "capability", value_name = "CAPABILITY", value_parser = word!(Capability))]
    capabilities: Vec<Capability>,
    /// Take all capabilities away
    #[arg(long, conflicts_with = "capabilities")]
    no_capabilities: bool,
    /// Cut the account off, with its sessions and keys
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Let the account in again
    #[arg(long)]
    enable: bool,
    /// Set a new one-time password, which is asked for or read from standard input
    #[arg(long)]
    new_password: bool,
    /// Revoke all of the account's API keys
    #[arg(long)]
    revoke_api_keys: bool,
}

const COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("USER", "username", Kind::Text),
    col("ROLE", "role", Kind::Text),
    col("CAPABILITIES", "capabilities", Kind::Text),
    col("DISABLED", "disabled", Kind::Flag),
    col("PASSWORD CHANGE DUE", "password_change_required", Kind::Flag),
    col("CREATED", "created_at", Kind::Time),
];

pub(crate) fn run(command: UserCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        UserCommand::List(limit) => context.print_list(COLUMNS, &client.users(), limit.limit),
        UserCommand::Create(CreateArgs { username, role, capabilities }) => {
            let password = new_password(context)?;
            let request = NewUser { username, password, role, capabilities };
            let user = client.create_user(&request)?;
            context.print(COLUMNS, &user)
        }
        UserCommand::Edit(args) => {
            let patch = patch(&args, context)?;
            let user = client.update_user(find(&client, &args.user)?, &patch)?;
            context.print(COLUMNS, &user)
        }
    }
}

fn patch(args: &EditArgs, context: &mut Context<'_>) -> anyhow::Result<UserPatch> {
    let capabilities =
        (args.no_capabilities || !args.capabilities.is_empty()).then(|| args.capabilities.clone());
    let disabled = (args.disable || args.enable).then_some(args.disable);
    let revoke_api_keys = args.revoke_api_keys.then_some(true);
    let changes = args.role.is_some()
        || capabilities.is_some()
        || disabled.is_some()
        || args.new_password
        || args.revoke_api_keys;
    if !changes {
        return Err(wrong_usage("say what to change; see `mimir user edit --help`"));
    }
    let password = args.new_password.then(|| new_password(context)).transpose()?;
    Ok(UserPatch { password, role: args.role, capabilities, disabled, revoke_api_keys })
}

/// A password twice on a terminal, where a slip of the finger is not seen; else once.
fn new_password(context: &mut Context<'_>) -> anyhow::Result<String> {
    let password = context.ask_secret("One-time password: ")?;
    if context.console.input_is_terminal && context.ask_secret("Once more: ")? != password {
        anyhow::bail!("the two passwords differ; nothing was done");
    }
    Ok(password)
}

/// The account of that id or name.
fn find(client: &Client, text: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    for user in &client.users() {
        let User { id, username, .. } = user?;
        if username == text {
            return Ok(id);
        }
    }
    anyhow::bail!("there is no account `{}`; see `mimir user list`", visible(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_exist() {
        let user: super::User = serde_json::from_str(crate::commands::samples::USER).unwrap();
        crate::output::assert_columns(super::COLUMNS, &user);
    }
}
