// SPDX-License-Identifier: Apache-2.0
//! The OpenAPI document, made from the handlers themselves. The checked-in copy is compared with
//! it by a test; nothing here decides what an operation does.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use mimir_wire::api::problem::ProblemCode;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::gate::{API_PREFIX, SESSION_COOKIE};
use crate::http::operations::{Access, OPERATIONS, Operation};

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut text = format!("{:#}", build());
    text.push('\n');
    text
});

/// The document as pretty JSON in a stable order, with a newline at its end.
pub fn document() -> String {
    DOCUMENT.clone()
}

/// The operation that serves the document.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(read))
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", tag = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn read() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

fn build() -> Value {
    let made = super::api::router().into_openapi();
    let mut made = serde_json::to_value(made).expect("the document is plain data");
    let mut paths = sorted(made["paths"].take());
    let mut schemas = sorted(made["components"]["schemas"].take());
    for (path, item) in &mut paths {
        let Some(item) = item.as_object_mut() else { continue };
        for (method, operation) in item {
            finish(operation, listed(method, path));
        }
    }
    let asked = asked(&paths, &schemas);
    for (name, schema) in &mut schemas {
        describe_page(name, schema);
        if !asked.contains(name) {
            require_all(schema);
        }
    }
    // In memory it is a number, and the comment beside it says so.
    schemas["Timestamp"]["description"] = json!("A point in time: RFC 3339, UTC.");
    schemas.insert("Problem".to_owned(), problem());
    let schemas = sorted(Value::Object(schemas));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mimir",
            "description": "Asks every host, also those that are offline now.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{"url": API_PREFIX}],
        "security": [{"session": []}, {"api_key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"Problem": {
                "description": "A refusal or a failure; `code` says which.",
                "content": {"application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                }},
            }},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
                "api_key": {"type": "http", "scheme": "bearer"},
            },
        },
    })
}

fn listed(method: &str, path: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|op| op.method.eq_ignore_ascii_case(method) && op.path == path)
}

/// Adds what all operations share, and what the list of operations knows of this one.
fn finish(operation: &mut Value, listed: Option<&Operation>) {
    operation["responses"]["default"] = json!({"$ref": "#/components/responses/Problem"});
    let Some(listed) = listed else { return };
    // Handlers of different nouns have the same names; the names in the list are unique.
    operation["operationId"] = json!(listed.name.replace('.', "_"));
    if listed.access == Access::Public {
        operation["security"] = json!([]);
    }
}

fn sorted(object: Value) -> Map<String, Value> {
    let Value::Object(object) = object else { return Map::new() };
    let mut members: Vec<_> = object.into_iter().collect();
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    members.into_iter().collect()
}

/// Names of the schemas that a request's body may hold.
fn asked(paths: &Map<String, Value>, schemas: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let items = paths.values().filter_map(Value::as_object).flat_map(Map::values);
    for operation in items {
        references(&operation["requestBody"], schemas, &mut found);
    }
    found
}

fn references(at: &Value, schemas: &Map<String, Value>, found: &mut BTreeSet<String>) {
    match at {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str).and_then(schema_name);
            if let Some(name) = name
                && found.insert(name.to_owned())
            {
                references(schemas.get(name).unwrap_or(&Value::Null), schemas, found);
            }
            members.values().for_each(|member| references(member, schemas, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, schemas, found)),
        _ => {}
    }
}

fn schema_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/")
}

/// Answers always have all their members; those without a value are `null`.
fn require_all(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    for list in ["allOf", "oneOf"] {
        let parts = schema.get_mut(list).and_then(Value::as_array_mut);
        parts.into_iter().flatten().for_each(require_all);
    }
    if let Some(Value::Object(properties)) = schema.get("properties") {
        let names: Vec<&String> = properties.keys().collect();
        schema.insert("required".to_owned(), json!(names));
    }
}

/// A page refers to its items instead of repeating what they are.
fn describe_page(name: &str, schema: &mut Value) {
    if let Some(item) = name.strip_prefix("Page_") {
        let reference = json!({"$ref": format!("#/components/schemas/{item}")});
        schema["properties"]["items"]["items"] = reference;
    }
}

/// Written by hand because further members depend on the code.
fn problem() -> Value {
    let codes: Vec<&str> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457). Further members belong to the code.",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "const": "about:blank"},
            "title": {"type": "string", "description": "The HTTP status in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "code": {
                "type": "string",
                "enum": codes,
                "description": "Why, for programs.",
            },
            "detail": {"type": "string", "description": "Why and what to do, for the operator."},
            "errors": {
                "type": "array",
                "description": "Of `invalid_request`: what is wrong where.",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {
                        "field": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
        },
        "additionalProperties": true,
    })
}
