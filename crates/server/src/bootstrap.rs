// SPDX-License-Identifier: Apache-2.0
//! First start: the first administrator with a one-time password, and an enrolment secret. Both
//! are shown once. With `--print-bootstrap` they and an API key go to a file for scripts.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use mimir_store::accounts::Account;
use mimir_store::{DbError, accounts, audit, enrolment};
use mimir_wire::api::enrollment::EnrollmentSecret;
use mimir_wire::api::user::{Role, User, UserRef};
use mimir_wire::ids::{ApiKeyId, EnrollmentSecretId, UserId};
use serde::Serialize;
use serde_json::json;

use crate::app::{App, audit_target, system_entry};
use crate::secret::{new_token, one_time_password, password_hash, token_hash};

/// Name of the first administrator.
const ADMIN: &str = "admin";

/// What the first start made.
#[derive(Debug, Clone, Serialize)]
pub struct Bootstrap {
    /// The server's address.
    pub url: String,
    /// Path of the CA certificate by which to know the server.
    pub ca: Option<String>,
    /// Name of the first administrator.
    pub admin_username: String,
    /// Its one-time password.
    pub admin_password: String,
    /// An API key of the first administrator, when scripts asked for one.
    pub api_key: Option<String>,
    /// An enrolment secret.
    pub enrollment_secret: String,
}

/// Makes what a new server needs; `None` when it has been done before. Blocking.
///
/// # Errors
/// When the database fails.
pub fn first_start(app: &App, with_api_key: bool) -> Result<Option<Bootstrap>, DbError> {
    if app.db.read(accounts::count)? > 0 {
        return Ok(None);
    }
    let now = app.clock.now();
    let made = Bootstrap {
        url: String::new(),
        ca: None,
        admin_username: ADMIN.to_owned(),
        admin_password: one_time_password(),
        api_key: with_api_key.then(|| new_token("mimir_")),
        enrollment_secret: new_token("mes_"),
    };
    let account = Account {
        user: User {
            id: UserId::new(app.clock.uuid()),
            username: ADMIN.to_owned(),
            role: Role::Admin,
            capabilities: Vec::new(),
            disabled: false,
            password_change_required: true,
            created_at: now,
        },
        password_hash: password_hash(&made.admin_password),
    };
    let secret = EnrollmentSecret {
        id: EnrollmentSecretId::new(app.clock.uuid()),
        name: "first start".to_owned(),
        max_uses: None,
        uses: 0,
        created_at: now,
        created_by: None::<UserRef>,
        revoked_at: None,
    };
    let key_id = ApiKeyId::new(app.clock.uuid());
    let written = made.clone();
    let done = app.db.write(move |tx| {
        accounts::insert(tx, &account)?;
        if let Some(key) = &written.api_key {
            let hash = token_hash(key);
            accounts::key_insert(tx, key_id, account.user.id, "first start", &hash, now)?;
        }
        enrolment::secret_insert(tx, &secret, &token_hash(&written.enrollment_secret))?;
        let details =
            json!({"enrollment_secret": secret.name, "api_key": written.api_key.is_some()});
        let target = audit_target("user", account.user.id, ADMIN);
        audit::append(tx, &system_entry("server.first_start", target, details), now)
    });
    match done {
        Ok(_) => Ok(Some(made)),
        // Another replica was first.
        Err(DbError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the bootstrap file, readable by its owner only. An existing file is replaced.
///
/// # Errors
/// When the file cannot be written.
pub fn write_file(path: &Path, made: &Bootstrap) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    drop(std::fs::remove_file(&partial));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&partial)?;
    let text = serde_json::to_string_pretty(made).map_err(std::io::Error::other)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(&partial, path)
}
