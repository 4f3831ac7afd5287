// SPDX-License-Identifier: Apache-2.0
//! Runtime settings, one row each; what has no row has its default.

use mimir_wire::api::settings::Settings;
use serde_json::{Map, Value as JsonValue};

use crate::db::{DbError, Tx};
use crate::{Result, statements, values};

statements! {
    ALL = "select name, value from setting order by name";
    PUT = "insert into setting (name, value) values ($1, $2) \
           on conflict (name) do update set value = excluded.value";
}

/// The settings in force: `defaults` overlaid with what is stored. Names that only another
/// version knows are passed over.
///
/// # Errors
/// When the database fails or a stored value is not of its setting's kind.
pub fn load(tx: &mut Tx<'_>, defaults: &Settings) -> Result<Settings> {
    let JsonValue::Object(mut object) = serde_json::to_value(defaults).expect("settings serialise")
    else {
        unreachable!("settings are an object")
    };
    for row in tx.query(ALL, &[])? {
        let name: String = row.get(0)?;
        let text: String = row.get(1)?;
        if let Some(slot) = object.get_mut(&name) {
            *slot = serde_json::from_str(&text).map_err(|error| misfit(&error))?;
        }
    }
    serde_json::from_value(JsonValue::Object(object)).map_err(|error| misfit(&error))
}

fn misfit(error: &serde_json::Error) -> DbError {
    DbError::Column {
        index: 1,
        expected: "a setting of the right kind".to_owned(),
        found: error.to_string(),
    }
}

/// Stores the members of `changed`.
///
/// # Errors
/// When the database fails.
pub fn store(tx: &mut Tx<'_>, changed: &Map<String, JsonValue>) -> Result<()> {
    for (name, value) in changed {
        tx.execute_one(PUT, &values![name.as_str(), value.to_string()])?;
    }
    Ok(())
}
