// SPDX-License-Identifier: Apache-2.0
//! `mimir api-key list|create|revoke`.

use std::io::Write as _;

use clap::Subcommand;
use mimir_wire::ids::ApiKeyId;

use super::LimitArgs;
use crate::context::Context;
use crate::output::{Column, Format, Kind, col, visible};

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// List API keys, without their secrets
    List(LimitArgs),
    /// Make an API key with your rights; it is shown this once
    #[command(after_help = "\
Examples:
  mimir api-key create nightly-report > key.txt
  mimir api-key create ci --output json | jq -r .key

In a table only the key itself goes to the standard output.")]
    Create {
        /// What it is for
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Make an API key worthless
    Revoke {
        /// The key's id
        #[arg(value_name = "ID")]
        id: ApiKeyId,
    },
}

const COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("NAME", "name", Kind::Text),
    col("USER", "user.username", Kind::Text),
    col("CREATED", "created_at", Kind::Time),
    col("LAST USED", "last_used_at", Kind::Time),
    col("REVOKED", "revoked_at", Kind::Time),
];
const CREATED_COLUMNS: &[Column] =
    &[col("ID", "id", Kind::Text), col("NAME", "name", Kind::Text), col("KEY", "key", Kind::Text)];

pub(crate) fn run(command: ApiKeyCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        ApiKeyCommand::List(limit) => context.print_list(COLUMNS, &client.api_keys(), limit.limit),
        ApiKeyCommand::Create { name } => {
            let created = client.create_api_key(&name)?;
            if context.format() != Format::Table {
                return context.print(CREATED_COLUMNS, &created);
            }
            let (name, id) = (visible(&created.api_key.name), created.api_key.id);
            context.console.say(&format!("Key {name} ({id}), shown this once:"))?;
            writeln!(context.console.out, "{}", visible(&created.key))?;
            Ok(())
        }
        ApiKeyCommand::Revoke { id } => context.print(COLUMNS, &client.revoke_api_key(id)?),
    }
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::user::CreatedApiKey;

    #[test]
    fn columns_exist() {
        let sample = crate::commands::samples::CREATED_API_KEY;
        let created: CreatedApiKey = serde_json::from_str(sample).unwrap();
        crate::output::assert_columns(super::COLUMNS, &created.api_key);
        crate::output::assert_columns(super::CREATED_COLUMNS, &created);
    }
}
