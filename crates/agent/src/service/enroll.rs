// SPDX-License-Identifier: Apache-2.0
//! Asking the server for a node key, with osquery's body: the secret, a name, and the first row
//! of four tables.

use std::collections::BTreeMap;

use mimir_wire::osquery::{EnrollRequest, Text};
use serde_json::Value;

use super::{Settings, StepError};
use crate::limits::SECRET_BYTES_MAX;
use crate::remote::{CallError, Endpoint, Request, Transport, call};
use crate::sql::Runner;
use crate::tables::read;

/// Linux and POSIX in osquery's bit mask, in decimal.
const PLATFORM_TYPE: &str = "9";
/// The tables that describe the host.
const DETAIL_TABLES: [&str; 4] = ["os_version", "osquery_info", "system_info", "platform_info"];

/// Asks for a node key.
///
/// # Errors
/// When the secret is unreadable or the server gives no key.
pub fn enroll(
    settings: &Settings,
    runner: &Runner,
    transport: &mut dyn Transport,
) -> Result<String, StepError> {
    let path = &settings.enroll_secret_file;
    let secret = read::own_text(path, SECRET_BYTES_MAX)
        .map_err(|error| StepError::Secret(format!("{}: {error}", path.display())))?;
    let body = EnrollRequest {
        enroll_secret: secret.trim().into(),
        host_identifier: settings.host_identifier.as_str().into(),
        platform_type: PLATFORM_TYPE.into(),
        host_details: details(runner),
    };
    let body = serde_json::to_vec(&body).map_err(|error| StepError::Secret(error.to_string()))?;
    let endpoint = Endpoint::Enroll;
    let request = Request { endpoint, node_key: None, body: &body, gzip: false, hold: None };
    let answer = call(transport, &request).map_err(StepError::Enroll)?;
    let key = ["node_key", "id"].iter().find_map(|name| answer.get(*name)).and_then(Value::as_str);
    match key.filter(|key| !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic())) {
        Some(key) => Ok(key.to_owned()),
        None => Err(StepError::Enroll(CallError::Refused {
            status: 200,
            message: "the answer holds no usable node_key".to_owned(),
            retry_after: None,
        })),
    }
}

/// The first row of each table; tables without rows and values that are empty are left out.
fn details(runner: &Runner) -> BTreeMap<String, BTreeMap<String, Text>> {
    let mut details = BTreeMap::new();
    for table in DETAIL_TABLES {
        let answer = match runner.run(&format!("SELECT * FROM {table} LIMIT 1")) {
            Ok((answer, _cost)) => answer,
            Err(error) => {
                tracing::warn!("cannot describe this host to the server: {error}");
                continue;
            }
        };
        let Some(row) = answer.rows().next() else { continue };
        let cells = answer.columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let row = cells.map(|(name, cell)| (name.clone(), Text::from(cell))).collect();
        details.insert(table.to_owned(), row);
    }
    details
}
