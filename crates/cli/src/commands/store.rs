// SPDX-License-Identifier: Apache-2.0
//! Opening a server's database without the server, for the commands that look after it. It never
//! makes a database and never changes its schema.

use anyhow::{Context as _, bail};
use mimir_server::config::Config;
use mimir_store::Db;
use mimir_store::db::DatabaseUrl;

/// Connections these commands need: they do one thing after the other.
const CONNECTIONS: usize = 1;

/// Opens the database that the configuration names.
///
/// # Errors
/// When there is none, or it cannot be opened.
pub(super) fn open(config: &Config) -> anyhow::Result<Db> {
    if let DatabaseUrl::Sqlite(path) = &config.database
        && !path.is_file()
    {
        bail!(
            "there is no database at {}; give the server's own --data-dir or --database",
            path.display()
        );
    }
    Db::open_with(&config.database, CONNECTIONS)
        .with_context(|| format!("cannot open the database {}", config.database))
}
