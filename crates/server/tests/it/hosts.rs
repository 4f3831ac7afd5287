// SPDX-License-Identifier: Apache-2.0
//! Hosts: listing, status over time, decommissioning; and the dashboard's counts of them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Server;
use crate::on_both_engines;

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|host| host["hostname"].as_str().unwrap()).collect()
}

on_both_engines!(hosts_are_found_page_by_page, |server| {
    let admin = server.admin().await;
    for name in ["web-2", "db-1", "web-1"] {
        server.enrol(&admin, name).await;
    }
    let all = server.get(&admin, "/hosts").await.expect(200);
    assert_eq!(names(&all), ["db-1", "web-1", "web-2"]);
    assert_eq!((&all["total"], &all["next_cursor"]), (&json!(3), &Value::Null));
    let web = server.get(&admin, "/hosts?q=WEB&status=&platform=linux&limit=1").await.expect(200);
    assert_eq!(names(&web), ["web-1"]);
    assert_eq!(web["total"], 2);
    let cursor = web["next_cursor"].as_str().unwrap();
    let path = format!("/hosts?q=WEB&platform=linux&limit=1&cursor={cursor}");
    let rest = server.get(&admin, &path).await.expect(200);
    assert_eq!(names(&rest), ["web-2"]);
    let windows = server.get(&admin, "/hosts?platform=windows").await.expect(200);
    assert_eq!((&windows["items"], &windows["total"]), (&json!([]), &json!(0)));
    // A wildcard is a letter like any other.
    let percent = server.get(&admin, "/hosts?q=%25").await.expect(200);
    assert_eq!(percent["total"], 0);

    // In another order, and counted.
    server.app.clock.advance(Duration::from_secs(700));
    server.enrol(&admin, "app-1").await;
    let sorted = server.get(&admin, "/hosts?sort=last_seen&order=desc&limit=2").await.expect(200);
    assert_eq!(names(&sorted), ["app-1", "web-1"]);
    let cursor = sorted["next_cursor"].as_str().unwrap();
    let path = format!("/hosts?sort=last_seen&order=desc&cursor={cursor}");
    let rest = server.get(&admin, &path).await.expect(200);
    assert_eq!(names(&rest), ["db-1", "web-2"]);
    let enrolled = server.get(&admin, "/hosts?sort=enrolled").await.expect(200);
    assert_eq!(names(&enrolled), ["web-2", "db-1", "web-1", "app-1"]);
    let down = server.get(&admin, "/hosts?order=desc").await.expect(200);
    assert_eq!(names(&down), ["web-2", "web-1", "db-1", "app-1"]);
    let path = format!("/hosts?sort=enrolled&cursor={cursor}");
    server.get(&admin, &path).await.invalid(&["cursor"]);
    let counts = server.get(&admin, "/hosts/counts").await.expect(200);
    let wanted = |online: u64, stale: u64| json!({"online": online, "stale": stale, "offline": 0, "decommissioned": 0});
    assert_eq!(counts, wanted(1, 3));
    let counts = server.get(&admin, "/hosts/counts?q=web&platform=linux").await.expect(200);
    assert_eq!(counts, wanted(0, 2));

    let host = &all["items"][0];
    let path = format!("/hosts/{}", host["id"].as_str().unwrap());
    let mut shown = server.get(&admin, &path).await.expect(200);
    shown["status"] = json!("online");
    assert_eq!(shown, *host);
    assert_eq!(host["os_name"], "Debian");
    assert_eq!(host["status"], "online");
    server.get(&admin, "/hosts/no-such-id").await.refused(404, "not_found");
});

on_both_engines!(status_follows_the_last_contact, |server| {
    let admin = server.admin().await;
    let key = server.enrol(&admin, "web").await;
    server.enrol(&admin, "dark").await;
    let counts = async || {
        let summary = server.get(&admin, "/dashboard/summary").await.expect(200);
        let count = |name: &str| summary[name].as_u64().unwrap();
        (count("total_hosts"), count("online"), count("stale"), count("offline"))
    };
    assert_eq!(counts().await, (2, 2, 0, 0));
    server.app.clock.advance(Duration::from_secs(601));
    assert_eq!(counts().await, (2, 0, 2, 0));
    let stale = server.get(&admin, "/hosts?status=stale").await.expect(200);
    assert_eq!(names(&stale), ["dark", "web"]);

    server.read_work(&key).await;
    let id = server.host_id(&admin, "web").await;
    let host = server.get(&admin, &format!("/hosts/{id}")).await.expect(200);
    assert_eq!(host["status"], "online", "known before it is written to the database");
    let stale = server.get(&admin, "/hosts?status=stale").await.expect(200);
    assert_eq!(names(&stale), ["dark"], "nobody is shown under a status that was not asked for");

    server.app.clock.advance(Duration::from_secs(86_400));
    let offline = server.get(&admin, "/hosts?status=offline").await.expect(200);
    assert_eq!(names(&offline), ["dark", "web"]);
});

on_both_engines!(a_decommissioned_host_is_cut_off_and_keeps_nothing_open, |server| {
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    let (gone, kept) = (server.enrol(&admin, "gone").await, server.enrol(&admin, "kept").await);
    let launch = json!({"sql": "SELECT 1 AS one", "target": {"type": "all"}});
    let launched = server.post(&admin, "/campaigns", launch).await.expect(201);
    let campaign = format!("/campaigns/{}", launched["campaign"]["id"].as_str().unwrap());
    assert_eq!(launched["dispatched_hosts"], 2);

    let id = server.host_id(&admin, "gone").await;
    let path = format!("/hosts/{id}/decommission");
    let host = server.post(&admin, &path, json!({})).await.expect(200);
    assert_eq!(host["status"], "decommissioned");
    assert!(host["decommissioned_at"].is_string());
    let entry = &server.entries().await[0];
    assert_eq!(entry["action"], "host.decommission");
    assert_eq!(entry["target"]["name"], "gone");
    assert_eq!(entry["details"], json!({"block_reenrollment": false, "campaigns": 1}));

    let answer = server.read_work(&gone).await;
    assert_eq!(answer["node_invalid"], true, "{answer}");
    let coverage = server.get(&admin, &campaign).await.expect(200)["coverage"].clone();
    assert_eq!(
        (&coverage["targeted"], &coverage["cancelled"], &coverage["pending"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let path_of = format!("{campaign}/assignments?state=cancelled");
    let cancelled = server.get(&admin, &path_of).await.expect(200);
    assert_eq!(cancelled["items"][0]["host_id"], id.as_str());
    assert_eq!(cancelled["items"][0]["reason"], "decommissioned");
    assert_eq!(cancelled["items"][0]["host_status"], "decommissioned");
    assert!(server.read_work(&kept).await["queries"].is_object(), "others are not touched");

    server.post(&admin, &path, json!({})).await.refused(409, "conflict");
    let summary = server.get(&admin, "/dashboard/summary").await.expect(200);
    assert_eq!(summary["total_hosts"], 1);
    assert_eq!(summary["decommissioned"], 1);
    assert_eq!(
        (&summary["active_campaigns"], &summary["pending_assignments"]),
        (&json!(1), &json!(1))
    );
    let listed = server.get(&admin, "/hosts?status=decommissioned").await.expect(200);
    assert_eq!(names(&listed), ["gone"]);
});

on_both_engines!(a_decommissioned_machine_may_come_back_unless_barred, |server| {
    let admin = server.admin().await;
    server.enrol(&admin, "laptop").await;
    let first = server.host_id(&admin, "laptop").await;
    server.post(&admin, &format!("/hosts/{first}/decommission"), json!({})).await.expect(200);
    server.enrol(&admin, "laptop").await;
    let living = server.get(&admin, "/hosts?status=online").await.expect(200);
    let second = living["items"][0]["id"].as_str().unwrap().to_owned();
    assert_ne!(first, second, "a new host; the old one keeps its history");

    let barred = json!({"block_reenrollment": true});
    server.post(&admin, &format!("/hosts/{second}/decommission"), barred).await.expect(200);
    let new = json!({"name": "again"});
    let secret = server.post(&admin, "/enrollment-secrets", new).await.expect(201);
    let body = json!({"enroll_secret": secret["secret"], "host_identifier": "laptop",
        "host_details": {"system_info": {"hostname": "laptop", "uuid": "uuid-laptop"}}});
    let nobody = crate::harness::Caller::Nobody;
    let answer = server.post(&nobody, "/osquery/enroll", body).await.json;
    assert!(answer["error"].as_str().unwrap().contains("barred"), "{answer}");
});

/// A launch and a decommissioning at the same moment leave no assignment that nobody can answer.
#[tokio::test]
async fn a_launch_beside_a_decommissioning_leaves_nothing_open() {
    let server = Server::on(mimir_store::db::Engine::Postgres);
    let admin = server.admin().await;
    server.enable_campaigns(&admin).await;
    for round in 0..8 {
        let name = format!("host-{round}");
        server.enrol(&admin, &name).await;
        let id = server.host_id(&admin, &name).await;
        let launch = json!({"sql": "SELECT 1", "target": {"type": "all"}, "name": name});
        let path = format!("/hosts/{id}/decommission");
        let (launched, gone) = tokio::join!(
            server.post(&admin, "/campaigns", launch),
            server.post(&admin, &path, json!({})),
        );
        gone.expect(200);
        let launched = launched.expect(201);
        let campaign = format!("/campaigns/{}", launched["campaign"]["id"].as_str().unwrap());
        let now = server.get(&admin, &campaign).await.expect(200);
        assert_eq!(now["coverage"]["pending"], 0, "round {round}: {now}");
        server.post(&admin, &format!("{campaign}/stop"), json!({})).await.expect(200);
    }
}
