// SPDX-License-Identifier: Apache-2.0
//! `mimir enroll-secret list|create|revoke`.

use std::io::Write as _;

use clap::Subcommand;
use mimir_wire::api::enrollment::NewEnrollmentSecret;
use mimir_wire::ids::EnrollmentSecretId;

use super::LimitArgs;
use crate::context::Context;
use crate::output::{Column, Format, Kind, col, visible};

#[derive(Debug, Subcommand)]
pub(crate) enum EnrollSecretCommand {
    /// List enrolment secrets, without their values
    List(LimitArgs),
    /// Make an enrolment secret; it is shown this once
    #[command(after_help = "\
Examples:
  mimir enroll-secret create laptops --max-uses 500 > secret
  mimir enroll-secret create servers --output json | jq -r .secret

In a table only the secret itself goes to the standard output. `mimir enroll-kit` makes a secret
and everything else that an agent needs.")]
    Create {
        /// What it is for
        #[arg(value_name = "NAME")]
        name: String,
        /// How many new hosts it admits; any number without it
        #[arg(long, value_name = "N")]
        max_uses: Option<u64>,
    },
    /// Make an enrolment secret worthless; hosts that enrolled with it stay
    Revoke {
        /// The secret's id
        #[arg(value_name = "ID")]
        id: EnrollmentSecretId,
    },
}

const COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("NAME", "name", Kind::Text),
    col("USES", "uses", Kind::Count),
    col("MAX USES", "max_uses", Kind::Count),
    col("CREATED", "created_at", Kind::Time),
    col("BY", "created_by.username", Kind::Text),
    col("REVOKED", "revoked_at", Kind::Time),
];
const CREATED_COLUMNS: &[Column] = &[
    col("ID", "id", Kind::Text),
    col("NAME", "name", Kind::Text),
    col("SECRET", "secret", Kind::Text),
];

pub(crate) fn run(command: EnrollSecretCommand, context: &mut Context<'_>) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        EnrollSecretCommand::List(limit) => {
            context.print_list(COLUMNS, &client.enrollment_secrets(), limit.limit)
        }
        EnrollSecretCommand::Create { name, max_uses } => {
            let created =
                client.create_enrollment_secret(&NewEnrollmentSecret { name, max_uses })?;
            if context.format() != Format::Table {
                return context.print(CREATED_COLUMNS, &created);
            }
            let record = &created.enrollment_secret;
            let (name, id) = (visible(&record.name), record.id);
            context.console.say(&format!("Secret {name} ({id}), shown this once:"))?;
            writeln!(context.console.out, "{}", visible(&created.secret))?;
            Ok(())
        }
        EnrollSecretCommand::Revoke { id } => {
            context.print(COLUMNS, &client.revoke_enrollment_secret(id)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use mimir_wire::api::enrollment::CreatedEnrollmentSecret;

    #[test]
    fn columns_exist() {
        let sample = crate::commands::samples::CREATED_SECRET;
        let created: CreatedEnrollmentSecret = serde_json::from_str(sample).unwrap();
        crate::output::assert_columns(super::COLUMNS, &created.enrollment_secret);
        crate::output::assert_columns(super::CREATED_COLUMNS, &created);
    }
}
