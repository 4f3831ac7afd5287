// SPDX-License-Identifier: Apache-2.0
//! The commands, one file each.

mod api_key;
mod audit;
mod backup;
mod campaign;
mod config;
mod dashboard;
mod demo;
mod doctor;
mod enroll_kit;
mod enroll_secret;
mod host;
mod ioc;
mod login;
mod query;
#[cfg(test)]
mod samples;
mod saved;
mod serve;
mod settings;
mod sim;
mod sources;
mod sql;
mod store;
mod user;

use clap::Subcommand;

use crate::context::Context;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// See it work: a server, a small fleet and a campaign on this machine, for trying out
    Demo(demo::DemoArgs),
    /// Sign in to a server and remember it
    Login(login::LoginArgs),
    /// Ask the hosts that are online now
    #[command(subcommand)]
    Query(query::QueryCommand),
    /// Ask every host, also those that are offline now, and keep the answers
    #[command(subcommand)]
    Campaign(campaign::CampaignCommand),
    /// Keep queries for later
    #[command(subcommand)]
    Saved(saved::SavedCommand),
    /// Keep indicators of compromise: add, import, change
    #[command(subcommand)]
    Ioc(ioc::IocCommand),
    /// See and cut off hosts
    #[command(subcommand)]
    Host(host::HostCommand),
    /// Manage accounts
    #[command(subcommand)]
    User(user::UserCommand),
    /// Manage API keys
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// Manage the secrets with which hosts enrol
    #[command(subcommand)]
    EnrollSecret(enroll_secret::EnrollSecretCommand),
    /// Write what an agent needs to enrol: flags, secret, CA certificate, start script
    EnrollKit(enroll_kit::EnrollKitArgs),
    /// See and change the server's runtime settings
    #[command(subcommand)]
    Settings(settings::SettingsCommand),
    /// Read and verify the audit trail
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Counts of hosts, campaigns and alerts
    #[command(subcommand)]
    Dashboard(dashboard::DashboardCommand),
    /// See what a server would be configured with
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look for what is wrong with a server's data, certificate, database and surroundings
    Doctor(doctor::DoctorArgs),
    /// Put load on a server: a fleet of virtual hosts that enrol, poll and answer over TLS
    Sim(sim::SimArgs),
    /// Copy the embedded database to a file while the server runs
    Backup(backup::BackupArgs),
}

/// Does what the command says.
pub(crate) fn run(command: Command, context: &mut Context<'_>) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => serve::run(&args, context),
        Command::Demo(args) => demo::run(&args, context),
        Command::Login(args) => login::run(&args, context),
        Command::Query(command) => query::run(command, context),
        Command::Campaign(command) => campaign::run(command, context),
        Command::Saved(command) => saved::run(command, context),
        Command::Ioc(command) => ioc::run(command, context),
        Command::Host(command) => host::run(command, context),
        Command::User(command) => user::run(command, context),
        Command::ApiKey(command) => api_key::run(command, context),
        Command::EnrollSecret(command) => enroll_secret::run(command, context),
        Command::EnrollKit(args) => enroll_kit::run(&args, context),
        Command::Settings(command) => settings::run(command, context),
        Command::Audit(command) => audit::run(command, context),
        Command::Dashboard(command) => dashboard::run(&command, context),
        Command::Config(command) => config::run(&command, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Sim(args) => sim::run(&args, context),
        Command::Backup(args) => backup::run(&args, context),
    }
}

/// A parser for the words of an enumeration of the API.
macro_rules! word {
    ($kind:ty) => {
        |text: &str| {
            <$kind>::from_word(text).ok_or_else(|| {
                let words: Vec<_> = <$kind>::ALL.iter().map(|word| word.as_str()).collect();
                format!("there are {}", words.join(", "))
            })
        }
    };
}
use word;

/// How many items a list shows.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LimitArgs {
    /// Show at most N, 0 for all [default: 1000 in a table, all in json and csv]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}
