// SPDX-License-Identifier: Apache-2.0
//! Runtime settings: the flag, the caps, the deny-list.

use std::sync::{Arc, LazyLock};

use mimir_engine::limits::{SETTING_RANGES, check_settings, default_settings};
use mimir_sqlguard::{DenyList, reason_for, schema};
use mimir_store::changes::ChangeKind;
use mimir_wire::api::audit::AuditTarget;
use mimir_wire::api::settings::{
    DefaultDenial, DenyKind, SettingDescription, SettingKind, Settings, SettingsPatch,
    SettingsSchema,
};
use serde_json::{Map, Value, json};

use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};

/// The settings of a new server: the engine's limits and the guard's deny-list.
pub fn defaults() -> Settings {
    static DEFAULTS: LazyLock<Settings> = LazyLock::new(|| {
        let list = DenyList::default_list();
        Settings {
            denied_tables: list.denied_tables.into_iter().collect(),
            denied_columns: list.denied_columns.iter().flat_map(|name| every_table(name)).collect(),
            denied_functions: list.denied_functions.into_iter().collect(),
            ..default_settings()
        }
    });
    DEFAULTS.clone()
}

/// The guard may say `*.column`; an administrator's list has plain names only.
fn every_table(name: &str) -> Vec<String> {
    match name.strip_prefix("*.") {
        None => vec![name.to_owned()],
        Some(column) => schema::tables()
            .iter()
            .filter(|table| table.column(column).is_some())
            .map(|table| format!("{}.{column}", table.name))
            .collect(),
    }
}

/// What settings there are, what they mean and what they may be.
pub fn described() -> SettingsSchema {
    let defaults = defaults();
    let values = json!(defaults);
    let describe = |(name, meaning): &(&str, &str)| {
        let range = SETTING_RANGES.iter().find(|range| range.name == *name);
        let default = values[name].clone();
        SettingDescription {
            name: (*name).to_owned(),
            kind: match &default {
                Value::Bool(_) => SettingKind::Boolean,
                Value::Array(_) => SettingKind::Names,
                _ => SettingKind::Integer,
            },
            unit: range.map(|range| range.unit.to_owned()),
            min: range.map(|range| range.min),
            max: range.map(|range| range.max),
            default,
            meaning: meaning.trim().to_owned(),
        }
    };
    let lists = [
        (DenyKind::Table, &defaults.denied_tables),
        (DenyKind::Column, &defaults.denied_columns),
        (DenyKind::Function, &defaults.denied_functions),
    ];
    let denials = lists.into_iter().flat_map(|(kind, names)| {
        names.iter().map(move |name| DefaultDenial {
            kind,
            name: name.clone(),
            reason: reason_for(name).unwrap_or_default().to_owned(),
        })
    });
    SettingsSchema {
        items: Settings::MEANINGS.iter().map(describe).collect(),
        default_denials: denials.collect(),
    }
}

/// Changes settings.
///
/// # Errors
/// `invalid_request` naming every member that is out of range.
pub async fn patch(app: &Arc<App>, caller: Caller, patch: SettingsPatch) -> ApiResult<Settings> {
    let now = app.clock.now();
    app.write(move |tx| {
        // Read inside the transaction: two changes at once must not undo each other.
        let before = mimir_store::settings::load(tx, &defaults())?;
        let mut after = before.clone();
        normalised(patch.clone()).apply(&mut after);
        let errors = check_settings(&after);
        if !errors.is_empty() {
            return Err(ApiError::invalid(errors));
        }
        crate::app::state::deny_list(&after)
            .validate()
            .map_err(|error| ApiError::field("", format!("{error}.")))?;
        let changed = differences(&before, &after);
        let new = changed.iter().map(|(name, _, new)| (name.clone(), new.clone())).collect();
        mimir_store::settings::store(tx, &new)?;
        mimir_store::changes::record(tx, ChangeKind::Settings, None, now)?;
        let details: Map<String, Value> = changed
            .into_iter()
            .map(|(name, old, new)| (name, json!({"from": old, "to": new})))
            .collect();
        let target = AuditTarget { kind: "settings".to_owned(), id: None, name: None };
        let entry = caller.entry("settings.change", target, Value::Object(details));
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(after)
    })
    .await
}

/// Names compare without case and stand once.
fn normalised(mut patch: SettingsPatch) -> SettingsPatch {
    for list in [
        &mut patch.denied_tables,
        &mut patch.denied_columns,
        &mut patch.denied_functions,
        &mut patch.allowed_extension_tables,
    ]
    .into_iter()
    .flatten()
    {
        for name in list.iter_mut() {
            *name = name.trim().to_ascii_lowercase();
        }
        list.sort();
        list.dedup();
    }
    patch
}

/// Name, old and new value of every setting that differs.
fn differences(before: &Settings, after: &Settings) -> Vec<(String, Value, Value)> {
    let (Value::Object(old), Value::Object(new)) = (json!(before), json!(after)) else {
        return Vec::new();
    };
    new.into_iter()
        .filter(|(name, value)| old.get(name) != Some(value))
        .map(|(name, value)| {
            let before = old.get(&name).cloned().unwrap_or_default();
            (name, before, value)
        })
        .collect()
}
