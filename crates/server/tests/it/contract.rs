// SPDX-License-Identifier: Apache-2.0
//! Compares every answer that any test gets with what the OpenAPI document says of it, so that
//! the document cannot drift from what the handlers really send.

use std::sync::LazyLock;

use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::harness::Reply;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&mimir_server::http::openapi::document()).unwrap());

/// Fails the test when the answer is not one that the document promises. What is no operation of
/// the document, such as the agents' endpoints, is passed over.
#[track_caller]
pub fn check(method: &str, path: &str, reply: &Reply) {
    let Some(relative) = path.strip_prefix("/api/v1") else { return };
    let Some(operation) = operation(method, relative) else { return };
    let status = reply.status.as_u16();
    let kind = reply.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap());
    let what = format!("{method} {path}: {}", reply.text.chars().take(400).collect::<String>());
    let documented = match &operation["responses"][status.to_string()] {
        Value::Null => {
            assert!(!reply.status.is_success(), "status {status} is not documented: {what}");
            &DOCUMENT["components"]["responses"]["Problem"]
        }
        documented => documented,
    };
    let Some(content) = documented.get("content") else {
        assert!(reply.text.is_empty(), "no body is documented: {what}");
        return;
    };
    let kind = kind.unwrap_or_else(|| panic!("no content type: {what}"));
    let described = content.get(kind.split(';').next().unwrap_or_default());
    let described = described.unwrap_or_else(|| panic!("{kind} is not documented: {what}"));
    let is_json = kind.starts_with("application/json") || kind.ends_with("+json");
    if is_json && let Err(wrong) = fits(&described["schema"], &reply.json, "answer") {
        panic!("{wrong}: {what}");
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let same = |template: &str| {
        let (a, b) = (template.split('/'), path.split('/'));
        a.clone().count() == b.clone().count()
            && a.zip(b).all(|(a, b)| a.starts_with('{') || a == b)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // A literal path, such as /audit/verify, goes before one with a place for an id.
    let mut found: Vec<_> = paths.iter().filter(|(template, _)| same(template)).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.first()?.1.get(method.to_lowercase())
}

/// Whether a value is what a schema says; knows as much of JSON Schema as the document uses.
fn fits(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let wrong = |why: String| Err(format!("{at} {why}"));
    if let Some(reference) = schema["$ref"].as_str() {
        let pointed = DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap();
        return fits(pointed, value, at);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().try_for_each(|part| fits(part, value, at));
    }
    if let Some(parts) = schema["oneOf"].as_array() {
        let fitting = parts.iter().filter(|part| fits(part, value, at).is_ok()).count();
        return if fitting == 1 { Ok(()) } else { wrong(format!("fits {fitting} of oneOf")) };
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return wrong(format!("is {value}, not one of {words:?}"));
    }
    if !has_type(&schema["type"], value) {
        return wrong(format!("is {value}, not of type {}", schema["type"]));
    }
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| fits(&schema["items"], item, &format!("{at}[{n}]"))),
        Value::Object(members) => {
            let required = schema["required"].as_array().into_iter().flatten();
            for name in required.filter_map(Value::as_str) {
                if !members.contains_key(name) {
                    return wrong(format!("has no member {name}"));
                }
            }
            let known = &schema["properties"];
            members.iter().filter(|(name, _)| known.get(name.as_str()).is_some()).try_for_each(
                |(name, member)| fits(&known[name.as_str()], member, &format!("{at}.{name}")),
            )
        }
        _ => Ok(()),
    }
}

fn has_type(types: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match types {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_document_does_not_say_is_found() {
        let page = json!({"$ref": "#/components/schemas/Page_User"});
        let user = json!({"id": "x", "username": "a", "role": "admin", "capabilities": [],
            "disabled": false, "password_change_required": false, "created_at": "now"});
        let good = json!({"items": [user], "next_cursor": null, "total": 1});
        assert_eq!(fits(&page, &good, "answer"), Ok(()));
        for (pointer, wrong) in [
            ("/total", json!("1")),
            ("/items", json!(null)),
            ("/items/0/role", json!("emperor")),
            ("/items/0", json!({"id": "x"})),
            ("/items/0/capabilities", json!([1])),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = wrong;
            assert!(fits(&page, &bad, "answer").is_err(), "{pointer}");
        }
        assert!(operation("GET", "/audit/verify").unwrap()["summary"].is_string());
        assert!(operation("GET", "/no/such/thing").is_none());
    }
}
