// SPDX-License-Identifier: Apache-2.0
//! The OpenAPI document: served, checked in, and in step with the list of operations.

use std::collections::BTreeSet;
use std::path::Path;

use mimir_server::http::openapi::document;
use mimir_server::http::operations::OPERATIONS;
use mimir_wire::api::problem::ProblemCode;
use serde_json::{Value, json};

use crate::harness::{Caller, Server};

/// Set to rewrite the checked-in document instead of comparing with it.
const UPDATE: &str = "MIMIR_UPDATE_OPENAPI";

fn parsed() -> Value {
    serde_json::from_str(&document()).unwrap()
}

/// Method and path of every operation of the document, in capitals as in the list.
pub fn documented() -> BTreeSet<(String, String)> {
    let document = parsed();
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().keys();
        let path = path.clone();
        methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn the_checked_in_document_is_the_current_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api/openapi.json");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, document()).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == document(),
        "api/openapi.json is not what the handlers say; rewrite it with \
         `{UPDATE}=1 cargo test -p mimir-server --test it openapi` and look at the difference"
    );
}

#[test]
fn the_document_and_the_list_have_the_same_operations() {
    let list = OPERATIONS.iter().map(|op| (op.method.to_owned(), op.path.to_owned()));
    let listed: BTreeSet<_> = list.collect();
    let documented = documented();
    let only = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(only(&listed, &documented), [], "in the list, but no handler is documented");
    assert_eq!(only(&documented, &listed), [], "documented, but the gate does not know it");
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_refusal() {
    let document = parsed();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert_eq!(
                operation["responses"]["default"],
                json!({"$ref": "#/components/responses/Problem"}),
                "{method} {path}"
            );
            let public = ["/auth/login", "/openapi.json"].contains(&path.as_str());
            assert_eq!(operation["security"] == json!([]), public, "{method} {path}");
        }
    }
}

#[test]
fn it_is_openapi_3_1_and_knows_every_code() {
    let document = parsed();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Mimir");
    assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0");
    let codes = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    assert_eq!(codes.as_array().unwrap().len(), ProblemCode::ALL.len());
}

/// Every reference leads somewhere: a generator of clients would stop at the first that does not.
#[test]
fn references_resolve() {
    fn walk(document: &Value, at: &Value) {
        match at {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                members.values().for_each(|member| walk(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(document, item)),
            _ => {}
        }
    }
    let document = parsed();
    walk(&document, &document);
}

#[tokio::test]
async fn it_is_served_to_everybody() {
    let server = Server::new();
    let reply = server.get(&Caller::Nobody, "/openapi.json").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.text, document());
}
