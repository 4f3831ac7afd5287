// SPDX-License-Identifier: Apache-2.0
//! `mimir saved list|show|create|edit|versions|delete`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use mimir_client::Client;
use mimir_wire::api::saved_query::{NewSavedQuery, SavedQuery};
use mimir_wire::api::target::Target;

use super::LimitArgs;
use super::sql::{SqlArgs, read_file};
use crate::context::Context;
use crate::failure::wrong_usage;
use crate::output::{Column, Format, Kind, col, json, things, visible};
use crate::target;

#[derive(Debug, Subcommand)]
pub(crate) enum SavedCommand {
    /// List saved queries
    List {
        /// Text in the name or description
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Show one saved query
    Show {
        /// The query's name or id
        #[arg(value_name = "NAME|ID")]
        query: String,
    },
    /// Save a query
    #[command(after_help = "\
Examples:
  mimir saved create 'Listening ports' --sql 'SELECT * FROM listening_ports' --target os:linux
  mimir saved create 'Old kernels' --sql-file kernels.sql --description 'Before 6.1'")]
    Create(CreateArgs),
    /// Change a saved query; what is not given stays, earlier texts are kept as versions
    Edit(EditArgs),
    /// List the texts a saved query ever had, newest first; by id also of a deleted one
    Versions {
        /// The query's name or id
        #[arg(value_name = "NAME|ID")]
        query: String,
    },
    /// Delete a saved query; campaigns launched from it stay
    Delete {
        /// The query's name or id
        #[arg(value_name = "NAME|ID")]
        query: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name, unique
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    sql: SqlArgs,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Whom it is for: all, hosts:ID,ID or os:linux,darwin
    #[arg(long, value_name = "TARGET", value_parser = target::parse, default_value = "all")]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// The query's name or id
    #[arg(value_name = "NAME|ID")]
    query: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A new statement
    #[arg(long, value_name = "SQL")]
    sql: Option<String>,
    /// File with a new statement, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "sql")]
    sql_file: Option<PathBuf>,
    /// A new description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Whom it is for: all, hosts:ID,ID or os:linux,darwin
    #[arg(long, value_name = "TARGET", value_parser = target::parse)]
    target: Option<Target>,
}

const COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("NAME", "name", Kind::Text),
    col("DESCRIPTION", "description", Kind::Text),
    col("TARGET", "target", Kind::Target),
    col("VERSION", "version", Kind::Count),
    col("CHANGED", "updated_at", Kind::Time),
    col("BY", "updated_by.username", Kind::Text),
    col("CREATED", "created_at", Kind::DetailTime),
    col("CREATED BY", "created_by.username", Kind::Detail),
    col("SQL", "sql", Kind::Detail),
];

pub(crate) fn run(command: SavedCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        SavedCommand::List { q, limit } => {
            context.print_list(COLUMNS, &client.saved_queries(q.as_deref()), limit.limit)
        }
        SavedCommand::Show { query } => show(context, &find(&client, &query)?),
        SavedCommand::Create(args) => {
            let sql = args.sql.read(context)?;
            let CreateArgs { name, description, target, .. } = args;
            let request = NewSavedQuery { name, description, sql, target };
            show(context, &client.create_saved_query(&request)?)
        }
        SavedCommand::Edit(args) => edit(args, &client, context),
        SavedCommand::Versions { query } => versions(&query, &client, context),
        SavedCommand::Delete { query } => {
            let query = find(&client, &query)?;
            context.confirm(&format!("Delete saved query {}?", visible(&query.name)))?;
            client.delete_saved_query(query.id)?;
            let name = visible(&query.name);
            Ok(context.console.say(&format!("Saved query {name} ({}) is deleted.", query.id))?)
        }
    }
}

const VERSION_COLUMNS: &[Column] = &[
    col("VERSION", "version", Kind::Count),
    col("CHANGED", "updated_at", Kind::Time),
    col("BY", "updated_by.username", Kind::Text),
    col("NAME", "name", Kind::Text),
    col("TARGET", "target", Kind::Target),
    col("SQL", "sql", Kind::Text),
    col("DESCRIPTION", "description", Kind::Detail),
];

fn versions(query: &str, client: &Client, context: &mut Context<'_>) -> anyhow::Result<()> {
    let id = match query.parse() {
        Ok(id) => id,
        Err(_) => find(client, query)?.id,
    };
    let versions = client.saved_query_versions(id)?;
    match context.format() {
        Format::Json => json(context.console, &versions),
        format => things(context.console, format, VERSION_COLUMNS, &versions.items),
    }
}

fn edit(args: EditArgs, client: &Client, context: &mut Context<'_>) -> anyhow::Result<()> {
    let sql = match (args.sql, &args.sql_file) {
        (Some(sql), _) => Some(sql),
        (None, Some(path)) => Some(read_file(path, context)?),
        (None, None) => None,
    };
    if args.name.is_none() && sql.is_none() && args.description.is_none() && args.target.is_none() {
        return Err(wrong_usage("say what to change; see `mimir saved edit --help`"));
    }
    let old = find(client, &args.query)?;
    let request = NewSavedQuery {
        name: args.name.unwrap_or(old.name),
        description: args.description.unwrap_or(old.description),
        sql: sql.unwrap_or(old.sql),
        target: args.target.unwrap_or(old.target),
    };
    show(context, &client.replace_saved_query(old.id, &request)?)
}

/// One query; for people the SQL stands below, on lines of its own.
fn show(context: &mut Context<'_>, query: &SavedQuery) -> anyhow::Result<()> {
    if context.format() != Format::Table {
        return context.print(COLUMNS, query);
    }
    // All but the SQL, which is the last.
    context.print(&COLUMNS[..COLUMNS.len() - 1], query)?;
    writeln!(context.console.out)?;
    for line in query.sql.lines() {
        writeln!(context.console.out, "{}", visible(line))?;
    }
    Ok(())
}

/// The saved query of that id or name.
pub(crate) fn find(client: &Client, text: &str) -> anyhow::Result<SavedQuery> {
    if let Ok(id) = text.parse() {
        return Ok(client.saved_query(id)?);
    }
    for query in &client.saved_queries(Some(text)) {
        let query = query?;
        if query.name == text {
            return Ok(query);
        }
    }
    anyhow::bail!("there is no saved query `{}`; see `mimir saved list`", visible(text))
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::saved_query::SavedQueryVersion;

    use super::*;

    #[test]
    fn columns_exist() {
        let query: SavedQuery =
            serde_json::from_str(crate::commands::samples::SAVED_QUERY).unwrap();
        crate::output::assert_columns(COLUMNS, &query);
        let SavedQuery { version, name, description, sql, target, updated_by, updated_at, .. } =
            query;
        let old =
            SavedQueryVersion { version, name, description, sql, target, updated_by, updated_at };
        crate::output::assert_columns(VERSION_COLUMNS, &old);
        assert_eq!(COLUMNS.last().unwrap().path, "sql");
    }
}
