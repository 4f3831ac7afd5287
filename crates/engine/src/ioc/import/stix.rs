// SPDX-License-Identifier: Apache-2.0
//! STIX 2.1 bundles: indicators with patterns, and observed objects on their own. What describes
//! (malware, reports, relations) and what hosts can't be searched for is refused by name.

use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{ImportFormat, IndicatorType as Type, Severity};
use serde_json::Value;

use super::stix_pattern::{self, Meant};
use super::{Draft, ImportError, List, severity, time};

/// Reads all objects. Their place is their number in the bundle, from 1.
pub(super) fn read(value: &Value, list: &mut List) -> Result<(), ImportError> {
    let objects: Vec<&Value> = match (value, value.get("objects")) {
        (Value::Array(objects), _) | (_, Some(Value::Array(objects))) => objects.iter().collect(),
        (Value::Object(_), None) if value.get("type").is_some() => vec![value],
        _ => {
            let reason = "there is no list `objects`".to_owned();
            return Err(ImportError::Malformed { format: ImportFormat::Stix, reason });
        }
    };
    for (place, object) in (1..).zip(objects) {
        read_object(object, place, list)?;
    }
    Ok(())
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn read_object(object: &Value, line: u64, list: &mut List) -> Result<(), ImportError> {
    let kind = text(object, "type");
    let name = [text(object, "id"), kind].into_iter().find(|text| !text.is_empty());
    let name = name.unwrap_or("object without a type");
    if object.get("revoked") == Some(&Value::Bool(true)) {
        return list.refuse(line, name, "The object is revoked.");
    }
    let draft = match draft(object, line) {
        Ok(draft) => draft,
        Err(reason) => return list.refuse(line, name, reason),
    };
    let mut take = |text: &str, kind| list.read(Draft { text, kind, ..draft.clone() });
    match kind {
        "indicator" => read_indicator(object, &draft, list),
        "file" => read_file(object, &draft, list),
        "ipv4-addr" => take(text(object, "value"), Some(Type::Ipv4)),
        "domain-name" => take(text(object, "value"), Some(Type::Domain)),
        "url" => take(text(object, "value"), Some(Type::Url)),
        "windows-registry-key" => {
            let key = text(object, "key");
            let values = object.get("values").and_then(Value::as_array).into_iter().flatten();
            let names: Vec<&str> =
                values.map(|value| text(value, "name")).filter(|name| !name.is_empty()).collect();
            if names.is_empty() {
                return take(key, Some(Type::RegistryKey));
            }
            for name in names {
                take(&format!("{key}\\{name}"), Some(Type::RegistryKey))?;
            }
            Ok(())
        }
        other => list.refuse(
            line,
            name,
            format!("Objects of type `{other}` hold no indicator to look for."),
        ),
    }
}

/// What all indicators of an object share.
fn draft(object: &Value, line: u64) -> Result<Draft<'_>, String> {
    let expires_at: Option<Timestamp> = match object.get("valid_until").and_then(Value::as_str) {
        None => None,
        Some(word) => Some(time(word).ok_or_else(|| format!("`{word}` is no time."))?),
    };
    let labels = ["labels", "indicator_types"].into_iter();
    let labels = labels.filter_map(|name| object.get(name)?.as_array()).flatten();
    let tags = labels.filter_map(Value::as_str).map(str::to_owned).collect();
    let descriptions = [text(object, "description"), text(object, "name")];
    let description = descriptions.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    Ok(Draft {
        line,
        severity: severity_of(object),
        description,
        tags,
        expires_at,
        ..Draft::default()
    })
}

/// A severity that is named, or one for how sure its author is.
fn severity_of(object: &Value) -> Option<Severity> {
    let named =
        ["severity", "x_severity"].into_iter().find_map(|name| severity(text(object, name)));
    let sure = || match object.get("confidence")?.as_u64()? {
        80.. => Some(Severity::High),
        40..80 => Some(Severity::Medium),
        _ => Some(Severity::Low),
    };
    named.or_else(sure)
}

fn read_file(object: &Value, draft: &Draft<'_>, list: &mut List) -> Result<(), ImportError> {
    let hashes = object.get("hashes").and_then(Value::as_object);
    let mut has_digest = false;
    for (name, value) in hashes.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        match stix_pattern::digest_type(name) {
            Some(kind) => {
                has_digest = true;
                list.read(Draft { text: value, kind: Some(kind), ..draft.clone() })?;
            }
            None => list.refuse(draft.line, value, unknown_digest(name))?,
        }
    }
    let name = text(object, "name");
    match (has_digest, name.is_empty()) {
        (true, false) => list.refuse(draft.line, name, NAME_OF_DIGEST),
        (false, false) => {
            list.read(Draft { text: name, kind: Some(Type::Filename), ..draft.clone() })
        }
        (false, true) => list.refuse(draft.line, "file", "The file has neither digest nor name."),
        (true, true) => Ok(()),
    }
}

fn unknown_digest(name: &str) -> String {
    format!("Hosts can't be searched for digests of the kind {name}.")
}

const NAME_OF_DIGEST: &str =
    "The name alone would find more than is meant; the digest beside it is taken.";

fn read_indicator(object: &Value, draft: &Draft<'_>, list: &mut List) -> Result<(), ImportError> {
    let pattern = text(object, "pattern");
    let language = text(object, "pattern_type");
    if !matches!(language, "" | "stix") {
        let reason = format!("Patterns in the language `{language}` are not read.");
        return list.refuse(draft.line, pattern, reason);
    }
    let meant = match stix_pattern::read(pattern) {
        Ok(meant) => meant,
        Err(reason) => return list.refuse(draft.line, pattern, reason),
    };
    for one in meant {
        match one {
            Meant::Indicator(kind, value) => {
                list.read(Draft { text: &value, kind, ..draft.clone() })?;
            }
            Meant::NameOfDigest(value) => list.refuse(draft.line, &value, NAME_OF_DIGEST)?,
            Meant::Unsupported(what, reason) => list.refuse(draft.line, &what, reason)?,
        }
    }
    Ok(())
}
