// SPDX-License-Identifier: Apache-2.0
//! Bodies as agents and others send them (osquery-protocol sections 1 and 2): odd ones are read,
//! broken ones are refused with an object that an agent takes for a failure, and what is not this
//! host's is swallowed.

use std::io::Write as _;

use axum::body::Body;
use mimir_engine::limits::WRITE_BODY_BYTES_MAX;
use serde_json::{Value, json};

use crate::fleet::{INTERVAL, World};
use crate::harness::{Caller, Reply};
use crate::world_on_both;

const SQL: &str = "SELECT pid, name FROM processes";
const ENDPOINTS: [&str; 4] = ["config", "distributed/read", "distributed/write", "log"];

/// An agent takes it for a failure: an object with `error`.
#[track_caller]
fn failed(reply: &Reply) -> &Value {
    let object = reply.json.as_object().unwrap_or_else(|| panic!("no object: {}", reply.text));
    assert!(!object["error"].as_str().unwrap().is_empty(), "{}", reply.text);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert!(!reply.status.is_success(), "{}", reply.status);
    &reply.json
}

/// The one work that a host is offered now.
async fn offer(world: &World, host: usize) -> String {
    world.pass(INTERVAL);
    let offered = world.read(host).await;
    assert_eq!(offered.len(), 1, "{offered:?}");
    offered.into_keys().next().unwrap()
}

#[tokio::test]
async fn bodies_without_a_key_get_an_object_with_an_error() {
    let world = World::new(1).await;
    let bodies: [&[u8]; 12] = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b"\"text\"",
        b"{\"node_key\":",
        b"{\"node_key\": 7}",
        b"{\"node_key\": \"\"}",
        b"{\"node_key\": null}",
        b"\xff\xfe\x00garbage",
        b"[{\"node_key\": \"x\"}]",
    ];
    for endpoint in ENDPOINTS {
        for body in bodies {
            let reply = world.agent(endpoint, None, body.to_vec()).await;
            assert_eq!(failed(&reply)["node_invalid"], true, "{endpoint} {body:?}");
        }
    }
    for body in bodies {
        let reply = world.agent("enroll", None, body.to_vec()).await;
        assert_eq!(failed(&reply).get("node_invalid"), None, "enroll {body:?}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for endpoint in ENDPOINTS.into_iter().chain(["enroll"]) {
        failed(&world.agent(endpoint, None, deep.clone()).await);
    }
}

#[tokio::test]
async fn other_paths_and_verbs_answer_an_object_too() {
    let world = World::new(1).await;
    failed(&world.agent("carve_init", None, "{}").await);
    for prefix in ["/api/osquery", "/api/v1/osquery"] {
        let request = http::Request::get(format!("{prefix}/config")).body(Body::empty()).unwrap();
        failed(&world.server.raw(request).await);
        let request = http::Request::post(format!("{prefix}/nothing")).body(Body::empty()).unwrap();
        failed(&world.server.raw(request).await);
    }
}

#[tokio::test]
async fn a_key_in_the_header_is_enough_and_wins() {
    let world = World::new(2).await;
    let keys = [world.fleet.node_key(0).unwrap(), world.fleet.node_key(1).unwrap()];
    let id = world.launch(SQL).await;
    // Without any body, and with another host's key in it.
    let reply = world.agent("distributed/read", Some(&keys[0]), "").await;
    assert_eq!(reply.json["queries"].as_object().unwrap().len(), 2);
    let other = json!({"node_key": keys[1]}).to_string();
    world.stands(&id, 0, "offered", 1).await;
    let reply = world.agent("config", Some(&keys[0]), other.clone()).await;
    assert_eq!(reply.json["options"]["distributed_interval"], 10);
    // A bad one in the header is not saved by a good one in the body.
    let reply = world.agent("distributed/read", Some("nonsense"), other).await;
    assert_eq!(failed(&reply)["node_invalid"], true);
    let reply = world.agent("distributed/write", Some("nonsense"), "{}").await;
    assert_eq!(failed(&reply)["node_invalid"], true);
    // Odd spellings of the scheme.
    for value in [format!("nodekey {}", keys[0]), format!("NODEKEY  {}", keys[0])] {
        let request = world.server.request(&Caller::Nobody, "POST", "/osquery/config");
        let request = request.header("authorization", value).body(Body::empty()).unwrap();
        assert_eq!(world.server.raw(request).await.status, 200);
    }
    let request = world.server.request(&Caller::Nobody, "POST", "/osquery/config");
    let request = request.header("authorization", format!("Bearer {}", keys[0]));
    failed(&world.server.raw(request.body(Body::empty()).unwrap()).await);
}

#[tokio::test]
async fn garbage_under_a_good_key_is_a_failure_that_keeps_the_key() {
    let world = World::new(1).await;
    let key = world.fleet.node_key(0).unwrap();
    for body in ["", "[]", "null", "{\"queries\":", "x"] {
        let reply = world.agent("distributed/write", Some(&key), body).await;
        assert_eq!(failed(&reply).get("node_invalid"), None, "{body}");
    }
    for body in ["{}", "{\"queries\": null}", "{\"statuses\": 7}"] {
        let reply = world.agent("distributed/write", Some(&key), body).await;
        assert_eq!((reply.status.as_u16(), &reply.json), (200, &json!({})), "{body}");
    }
}

// I4: an id is worth nothing to another host, and unknown ids are swallowed with success.
world_on_both!(ids_of_others_are_swallowed_and_nothing_is_stored, 3, |world| {
    let id = world.launch(SQL).await;
    let mine = offer(&world, 0).await;
    let theirs = offer(&world, 1).await;
    assert_ne!(mine, theirs);
    world.covers(&id, &[("targeted", 3), ("offered", 2), ("pending", 1)]).await;
    let written = world.written().await;
    let (subject, mac) = mine.rsplit_once('.').unwrap();
    let forged = [
        theirs.clone(),
        format!("{subject}.{}", "0".repeat(mac.len())),
        subject.to_owned(),
        format!("5c.999.0.{mac}"),
        format!("5c.1.1.{mac}"),
        format!("1l.1.{mac}"),
        format!("{mine} "),
        mine.to_uppercase(),
        "kolide_distributed_query_7".to_owned(),
        String::new(),
        "\u{0}".to_owned(),
        "x".repeat(100_000),
    ];
    for name in &forged {
        let body = json!({"queries": {name: [{"pid": "1"}]}, "statuses": {name: 0}});
        assert_eq!(world.write(0, body).await, json!({}), "{name:.60}");
        let body = json!({"queries": {}, "statuses": {name: 1}, "messages": {name: "x"}});
        assert_eq!(world.write(0, body).await, json!({}), "{name:.60}");
    }
    assert_eq!(world.written().await, written);
    world.covers(&id, &[("targeted", 3), ("offered", 2), ("pending", 1)]).await;
    // A good one among them is stored.
    let body = json!({"queries": {&theirs: [], &mine: [{"pid": "1"}], "x": [{}]}});
    assert_eq!(world.write(0, body).await, json!({}));
    world.stands(&id, 0, "responded", 1).await;
    world.stands(&id, 1, "offered", 1).await;
    world.holds().await;
});

world_on_both!(a_repeated_body_changes_nothing, 2, |world| {
    let id = world.launch(SQL).await;
    let name = offer(&world, 0).await;
    let body = json!({"queries": {&name: [{"pid": "1"}, {"pid": "2"}]}, "statuses": {&name: 0}});
    world.write(0, body.clone()).await;
    let counts = world.coverage(&id).await;
    let written = world.written().await;
    for _ in 0..3 {
        assert_eq!(world.write(0, body.clone()).await, json!({}));
    }
    // Nor does another answer to the same question, or many at once.
    let other = json!({"queries": {&name: [{"pid": "9"}]}, "statuses": {&name: 0}});
    let write = || world.write(0, other.clone());
    tokio::join!(write(), write(), write(), write());
    assert_eq!(world.coverage(&id).await, counts);
    assert_eq!(world.written().await, written);
    assert_eq!(world.get(&format!("/campaigns/{id}/rows")).await["items"][1]["pid"], "2");
    world.holds().await;
});

#[tokio::test]
async fn many_first_answers_at_once_store_one() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let name = offer(&world, 0).await;
    let body = |n: usize| json!({"queries": {&name: vec![json!({"pid": "1"}); n]}});
    tokio::join!(world.write(0, body(1)), world.write(0, body(2)), world.write(0, body(3)));
    let counts = world.coverage(&id).await;
    assert_eq!((counts["responded"], counts["with_rows"]), (1, 1));
    assert_eq!(counts["rows_stored"], counts["rows_reported"]);
    world.holds().await;
}

#[tokio::test]
async fn odd_statuses_and_cells_are_read() {
    let cases = [
        (json!({"statuses": {}}), "empty", Value::Null),
        (json!({"statuses": {"Q": "0"}}), "empty", Value::Null),
        (json!({"statuses": {"Q": 0.0}}), "empty", Value::Null),
        (
            json!({"statuses": {"Q": "1"}, "messages": {"Q": "no such table: x"}}),
            "error",
            json!("no such table: x"),
        ),
        (
            json!({"statuses": {"Q": 2}, "messages": {}}),
            "error",
            json!("the query failed; the agent gave no reason (osquery before 4.4.0)"),
        ),
        (
            json!({"statuses": {"Q": 1}, "messages": {"Q": "distributed query is denylisted"}}),
            "denylisted",
            json!("distributed query is denylisted"),
        ),
        (
            json!({"statuses": {"Q": 1}, "messages": {"Q": "a\u{0}b".to_owned() + &"c".repeat(9000)}}),
            "error",
            json!("ab".to_owned() + &"c".repeat(1998)),
        ),
        (json!({"statuses": [], "messages": "x", "stats": 7}), "empty", Value::Null),
    ];
    let world = World::new(cases.len()).await;
    let id = world.launch(SQL).await;
    for (host, (body, outcome, error)) in cases.into_iter().enumerate() {
        let name = offer(&world, host).await;
        let mut body: Value =
            serde_json::from_str(&body.to_string().replace("\"Q\"", &json!(name).to_string()))
                .unwrap();
        body["queries"] = json!({&name: []});
        assert_eq!(world.write(host, body.clone()).await, json!({}), "{body:.200}");
        let a = world.stands(&id, host, "responded", 1).await;
        assert_eq!((&a["outcome"], &a["error"]), (&json!(outcome), &error), "{body:.200}");
    }
    world.holds().await;
}

/// Some old agents report a failure in `statuses` alone.
#[tokio::test]
async fn a_failure_without_a_result_is_an_answer() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let name = offer(&world, 0).await;
    world.write(0, json!({"queries": {}, "statuses": {&name: 1}})).await;
    assert_eq!(world.stands(&id, 0, "responded", 1).await["outcome"], "error");
    world.holds().await;
}

world_on_both!(cells_that_are_no_utf8_are_repaired_and_kept, 1, |world| {
    let id = world.launch(SQL).await;
    let name = offer(&world, 0).await;
    let key = world.fleet.node_key(0).unwrap();
    let mut body =
        format!("{{\"queries\": {{\"{name}\": [{{\"pid\": \"1\", \"name\": \"a").into_bytes();
    body.extend_from_slice(
        b"\xff\xc3b\", \"null\": null, \"number\": 7, \"nul\": \"x\\u0000y\"}]},",
    );
    body.extend_from_slice(format!("\"node_key\": \"{key}\"}}").as_bytes());
    let reply = world.agent("distributed/write", None, body).await;
    assert_eq!((reply.status.as_u16(), reply.json), (200, json!({})));
    world.stands(&id, 0, "responded", 1).await;
    let rows = world.get(&format!("/campaigns/{id}/rows")).await;
    let row = &rows["items"][0];
    assert_eq!(row["name"], "a\u{fffd}\u{fffd}b");
    assert_eq!((&row["null"], &row["number"]), (&json!(""), &json!("7")));
    assert_eq!(row["nul"], "x\u{0}y");
    world.holds().await;
});

/// A body over the limit, with its key where `place` puts it.
fn oversized(key: &str, name: &str) -> Vec<u8> {
    let mut body = format!("{{\"queries\": {{\"{name}\": [{{\"data\": \"").into_bytes();
    body.resize(WRITE_BODY_BYTES_MAX + 1, b'x');
    body.extend_from_slice(format!("\"}}]}}, \"node_key\": \"{key}\"}}").as_bytes());
    body
}

world_on_both!(a_body_over_the_limit_ends_as_an_error_and_frees_the_agent, 3, |world| {
    let id = world.launch(SQL).await;
    let name = offer(&world, 0).await;
    let second = offer(&world, 1).await;
    let (a, b) = (world.fleet.node_key(0).unwrap(), world.fleet.node_key(1).unwrap());
    let stranger = world.agent("distributed/write", Some("nobody"), oversized("", &name)).await;
    assert_eq!(failed(&stranger)["node_invalid"], true);
    let stranger = world.agent("distributed/write", None, oversized("nobody", &name)).await;
    assert_eq!(failed(&stranger)["node_invalid"], true);
    // The key in the header, and at the end of the body.
    let reply = world.agent("distributed/write", Some(&a), oversized("", &name)).await;
    assert_eq!((reply.status.as_u16(), reply.json), (200, json!({})));
    let reply = world.agent("distributed/write", None, oversized(&b, &second)).await;
    assert_eq!((reply.status.as_u16(), reply.json), (200, json!({})));
    for host in [0, 1] {
        let a = world.stands(&id, host, "responded", 1).await;
        assert_eq!((&a["outcome"], &a["error"]), (&json!("error"), &json!("answer too large")));
    }
    world.pass(INTERVAL);
    assert!(world.read(0).await.is_empty(), "not asked again");
    // What a host was not offered stays open.
    let c = world.fleet.node_key(2).unwrap();
    let reply = world.agent("distributed/write", Some(&c), oversized("", &name)).await;
    assert_eq!(reply.json, json!({}));
    assert_eq!(world.read(2).await.len(), 1);
    world.covers(&id, &[("targeted", 3), ("responded", 2), ("errors", 2), ("offered", 1)]).await;
    world.holds().await;
});

#[tokio::test]
async fn log_lines_are_taken_gzip_or_not() {
    let world = World::new(1).await;
    let key = world.fleet.node_key(0).unwrap();
    let body = json!({"log_type": "status", "data": [{"message": "x"}], "node_key": key});
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(body.to_string().as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let send = |encoding: &'static str, body: Vec<u8>| {
        let request = world.server.request(&Caller::Nobody, "POST", "/osquery/log");
        let request = request.header("content-encoding", encoding).body(Body::from(body)).unwrap();
        world.server.raw(request)
    };
    let taken = send("gzip", packed.clone()).await;
    assert_eq!((taken.status.as_u16(), taken.json), (200, json!({})));
    let taken = send("identity", body.to_string().into_bytes()).await;
    assert_eq!((taken.status.as_u16(), taken.json), (200, json!({})));
    failed(&send("gzip", b"no gzip at all".to_vec()).await);
    failed(&send("br", packed.clone()).await);
    failed(&send("gzip", packed[..packed.len() - 9].to_vec()).await);
    // One kilobyte that becomes a gigabyte is refused before it does.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    (0..64).for_each(|_| bomb.write_all(&zeros).unwrap());
    let bomb = bomb.finish().unwrap();
    let reply = send("gzip", bomb).await;
    assert!(reply.json.is_object() && reply.status != 500, "{}", reply.text);
}

#[tokio::test]
async fn a_write_may_come_as_gzip() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let name = offer(&world, 0).await;
    let key = world.fleet.node_key(0).unwrap();
    let body = json!({"queries": {&name: [{"pid": "1"}]}, "node_key": key});
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(body.to_string().as_bytes()).unwrap();
    let request = world.server.request(&Caller::Nobody, "POST", "/osquery/distributed/write");
    let request = request.header("content-encoding", "gzip");
    let request = request.body(Body::from(gzip.finish().unwrap())).unwrap();
    assert_eq!(world.server.raw(request).await.json, json!({}));
    world.stands(&id, 0, "responded", 1).await;
}

#[tokio::test]
async fn the_config_tells_the_interval_that_the_offers_count_on() {
    let world = World::new(1).await;
    world.set(json!({"agent_poll_interval_s": 2})).await;
    assert!(world.fleet.fetch_config(0).await.ok);
    let next = world.fleet.poll_once(0).await.next_in;
    assert_eq!(next.as_secs(), 2, "the agent took it");
    world.launch(SQL).await;
    assert_eq!(world.read(0).await.len(), 1);
    world.pass(std::time::Duration::from_secs(2));
    assert!(world.read(0).await.is_empty(), "two seconds later it is the next turn");
}

/// Names that have broken tables, exports and log lines elsewhere.
#[tokio::test]
async fn hostile_column_names_are_columns() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let name = offer(&world, 0).await;
    let row = json!({"a.b": "1", "": "2", "\"quoted\"": "3", "=cmd": "4", "_hostname": "forged",
        "$[0]": "5", "новый": "6", "x\ny": "7"});
    world.write(0, json!({"queries": {&name: [row]}})).await;
    world.stands(&id, 0, "responded", 1).await;
    let host = world.host_id(0).await;
    let page = world.get(&format!("/campaigns/{id}/responses/{host}/rows")).await;
    assert_eq!(page["items"][0], row);
    let page = world.get(&format!("/campaigns/{id}/rows")).await;
    assert_eq!(page["items"][0]["_hostname"], world.fleet.hostname(0), "the stamp wins");
    assert_eq!(page["items"][0]["a.b"], "1");
    for format in ["csv", "ndjson", "parquet"] {
        let path = format!("/campaigns/{id}/export?format={format}");
        let request = world.server.request(&world.admin, "GET", &path).body(Body::empty()).unwrap();
        let response = world.server.stream(request).await;
        assert_eq!(response.status(), 200);
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        assert!(body.unwrap().to_bytes().len() > 100, "{format}");
    }
}
