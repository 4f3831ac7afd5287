// SPDX-License-Identifier: Apache-2.0
//! Counting the hosts a target names.

use std::time::Duration;

use serde_json::{Value, json};

use crate::on_both_engines;

fn counts(count: &Value) -> [u64; 4] {
    ["targeted", "online", "stale", "offline"].map(|name| count[name].as_u64().unwrap())
}

on_both_engines!(targets_are_counted_by_status, |server| {
    let (admin, operator) = (server.admin().await, server.operator().await);
    let all = json!({"target": {"type": "all"}});
    let count = server.post(&operator, "/targets/count", all.clone()).await.expect(200);
    assert_eq!(counts(&count), [0, 0, 0, 0]);

    server.enrol(&admin, "dark").await;
    server.app.clock.advance(Duration::from_secs(86_400));
    server.enrol(&admin, "stale").await;
    server.app.clock.advance(Duration::from_secs(601));
    server.enrol(&admin, "here").await;
    let count = server.post(&operator, "/targets/count", all.clone()).await.expect(200);
    assert_eq!(counts(&count), [3, 1, 1, 1]);

    let dark = server.host_id(&admin, "dark").await;
    let here = server.host_id(&admin, "here").await;
    let listed = json!({"target": {"type": "hosts", "host_ids": [dark, here, dark]}});
    let count = server.post(&operator, "/targets/count", listed.clone()).await.expect(200);
    assert_eq!(counts(&count), [2, 1, 0, 1], "a host that is listed twice is one host");
    let on = |platform: &str| json!({"target": {"type": "os_in", "platforms": [platform]}});
    let count = server.post(&operator, "/targets/count", on("linux")).await.expect(200);
    assert_eq!(counts(&count), [3, 1, 1, 1]);
    let count = server.post(&operator, "/targets/count", on("windows")).await.expect(200);
    assert_eq!(counts(&count), [0, 0, 0, 0]);

    let gone = format!("/hosts/{dark}/decommission");
    server.post(&admin, &gone, json!({})).await.expect(200);
    let count = server.post(&operator, "/targets/count", all).await.expect(200);
    assert_eq!(counts(&count), [2, 1, 1, 0]);
    server.post(&operator, "/targets/count", listed).await.invalid(&["target.host_ids"]);
    for (target, field) in [
        (json!({"type": "hosts", "host_ids": []}), "target.host_ids"),
        (json!({"type": "os_in", "platforms": []}), "target.platforms"),
    ] {
        let count = json!({"target": target});
        server.post(&operator, "/targets/count", count).await.invalid(&[field]);
    }
});
