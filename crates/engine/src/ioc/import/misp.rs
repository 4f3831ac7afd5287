// SPDX-License-Identifier: Apache-2.0
//! MISP events: attributes, those of objects too. Attributes that are not meant for detection
//! (`to_ids` is false) are context and are refused as such.

use mimir_wire::api::indicator::{ImportFormat, IndicatorType as Type, Severity};
use serde_json::Value;

use super::{Draft, ImportError, List};

/// Whether the JSON is one or more events.
pub(super) fn is_misp(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.first().is_some_and(is_misp),
        _ => ["Event", "response", "Attribute"].iter().any(|name| value.get(name).is_some()),
    }
}

/// Reads all attributes. Their place is their number in the text, from 1.
pub(super) fn read(value: &Value, list: &mut List) -> Result<(), ImportError> {
    if !is_misp(value) {
        let reason = "there is no member `Event`, `response` or `Attribute`".to_owned();
        return Err(ImportError::Malformed { format: ImportFormat::Misp, reason });
    }
    let mut place = 0;
    for event in events(value) {
        read_event(event, &mut place, list)?;
    }
    Ok(())
}

fn events(value: &Value) -> Vec<&Value> {
    let inner = value.get("response").unwrap_or(value);
    let items: Vec<&Value> = match inner {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    items.into_iter().map(|item| item.get("Event").unwrap_or(item)).collect()
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// MISP writes flags as booleans, numbers or texts.
fn flag(value: &Value, name: &str) -> Option<bool> {
    match value.get(name)? {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_i64() != Some(0)),
        Value::String(text) => Some(!matches!(text.as_str(), "" | "0" | "false")),
        _ => None,
    }
}

fn read_event(event: &Value, place: &mut u64, list: &mut List) -> Result<(), ImportError> {
    let level = event.get("threat_level_id");
    let level = level.and_then(|level| level.as_u64().or_else(|| level.as_str()?.parse().ok()));
    let severity = match level {
        Some(1) => Some(Severity::High),
        Some(2) => Some(Severity::Medium),
        Some(3) => Some(Severity::Low),
        _ => None,
    };
    let tags = names_of_tags(event);
    for attribute in items(event, "Attribute") {
        *place += 1;
        read_attribute(attribute, *place, severity, &tags, text(event, "info"), list)?;
    }
    for object in items(event, "Object") {
        for attribute in items(object, "Attribute") {
            *place += 1;
            read_attribute(attribute, *place, severity, &tags, text(event, "info"), list)?;
        }
    }
    Ok(())
}

fn names_of_tags(value: &Value) -> Vec<String> {
    items(value, "Tag").map(|tag| text(tag, "name").to_owned()).collect()
}

fn read_attribute(
    attribute: &Value,
    line: u64,
    severity: Option<Severity>,
    tags: &[String],
    info: &str,
    list: &mut List,
) -> Result<(), ImportError> {
    let (kind, value) = (text(attribute, "type"), text(attribute, "value"));
    if flag(attribute, "deleted") == Some(true) {
        return list.refuse(line, value, "The attribute is marked as deleted.");
    }
    if flag(attribute, "to_ids") != Some(true) {
        let reason = "The attribute is context: it is not marked for detection (`to_ids`).";
        return list.refuse(line, value, reason);
    }
    let mut tags = tags.to_vec();
    tags.extend(names_of_tags(attribute));
    let comment = text(attribute, "comment");
    let description = if comment.is_empty() { info } else { comment };
    let draft = Draft { line, severity, description, tags, ..Draft::default() };
    let parts: Vec<&str> = value.split('|').collect();
    let mut take = |text: &str, kind| list.read(Draft { text, kind: Some(kind), ..draft.clone() });
    match (kind, parts.as_slice()) {
        ("md5", _) => take(value, Type::FileHashMd5),
        ("sha1", _) => take(value, Type::FileHashSha1),
        ("sha256", _) => take(value, Type::FileHashSha256),
        ("filename", _) if !value.contains(['/', '\\']) => take(value, Type::Filename),
        ("filename", _) => take(value, Type::Filepath),
        // The name alone would find more than the digest that belongs to it.
        ("filename|md5" | "malware-sample", [_, digest]) => take(digest, Type::FileHashMd5),
        ("filename|sha1", [_, digest]) => take(digest, Type::FileHashSha1),
        ("filename|sha256", [_, digest]) => take(digest, Type::FileHashSha256),
        ("ip-src" | "ip-dst", _) => take(value, Type::Ipv4),
        ("ip-src|port" | "ip-dst|port", [address, _]) => take(address, Type::Ipv4),
        ("domain" | "hostname", _) => take(value, Type::Domain),
        ("hostname|port", [name, _]) => take(name, Type::Domain),
        ("domain|ip", [name, address]) => {
            take(name, Type::Domain)?;
            take(address, Type::Ipv4)
        }
        ("url" | "uri" | "link", _) => take(value, Type::Url),
        ("regkey", _) => take(value, Type::RegistryKey),
        // What is stored under the key is no part of where it is.
        ("regkey|value", [key, _]) => take(key, Type::RegistryKey),
        _ => list.refuse(line, value, format!("Attributes of type `{kind}` are not looked for.")),
    }
}
