// SPDX-License-Identifier: Apache-2.0
//! The ledger along time: what one host was asked, and how the answers to one campaign came in.

use std::collections::BTreeSet;
use std::time::Duration;

use mimir_sim::Profile;
use serde_json::{Value, json};

use crate::fleet::rows;
use crate::world_on_both;

const MINUTE: Duration = Duration::from_secs(60);

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["campaign"]["name"].as_str().unwrap()).collect()
}

world_on_both!(a_hosts_campaigns_are_listed_newest_first, 3, |world| {
    world.set(json!({"max_concurrent_hunts": 100})).await;
    world.answer(|host: &Profile, _: &str| rows(host, 2));
    let one = json!({"type": "hosts", "host_ids": [world.host_id(1).await]});
    let launch = async |name: &str, target: Value| {
        let body = json!({"sql": "SELECT pid FROM processes", "target": target, "name": name});
        let launched = world.post("/campaigns", body).await.expect(201);
        launched["campaign"]["id"].as_str().unwrap().to_owned()
    };
    launch("answered by all", json!({"type": "all"})).await;
    world.poll_all().await;
    for number in 0..7 {
        launch(&format!("other {number}"), one.clone()).await;
    }
    let stopped = launch("stopped", json!({"type": "all"})).await;
    world.post(&format!("/campaigns/{stopped}/stop"), json!({"reason": "x"})).await.expect(200);
    world.post(&format!("/campaigns/{stopped}/archive"), json!({})).await.expect(200);
    launch("waiting", json!({"type": "all"})).await;

    let path = format!("/hosts/{}/campaigns", world.host_id(0).await);
    let all = world.get(&path).await;
    let items = all["items"].as_array().unwrap();
    assert_eq!(names(items), ["waiting", "stopped", "answered by all"]);
    assert_eq!(all["next_cursor"], Value::Null);
    assert_eq!(items[0]["state"], "pending");
    assert_eq!((&items[1]["state"], &items[1]["reason"]), (&json!("cancelled"), &json!("stopped")));
    assert_eq!(items[1]["campaign"]["status"], "archived", "its history stays whole");
    let first = &items[2];
    assert_eq!((&first["state"], &first["outcome"]), (&json!("responded"), &json!("rows")));
    assert_eq!((&first["row_count"], &first["stored_rows"]), (&json!(2), &json!(2)));
    assert_eq!((&first["late"], &first["attempts"]), (&json!(false), &json!(1)));
    assert!(first["responded_at"].is_string() && first["campaign"]["live_until"].is_string());

    for limit in 1..=4 {
        let paged = world.pages(&format!("{path}?limit={limit}")).await;
        assert_eq!(names(&paged), names(items), "by {limit}");
    }
    let other = format!("/hosts/{}/campaigns?limit=4", world.host_id(1).await);
    let of_other = world.pages(&other).await;
    let distinct: BTreeSet<_> = names(&of_other).into_iter().collect();
    assert_eq!((of_other.len(), distinct.len()), (10, 10));

    let nobody = "/hosts/01890000-0000-7000-8000-000000000000/campaigns";
    world.server.get(&world.admin, nobody).await.refused(404, "not_found");
    world.server.get(&world.admin, &format!("{path}?limit=0")).await.invalid(&["limit"]);
});

world_on_both!(the_course_of_a_campaign_ends_with_its_counts, 6, |world| {
    let id = world.launch("SELECT pid FROM processes").await;
    let path = format!("/campaigns/{id}/completion");
    let course = world.get(&path).await;
    assert_eq!((&course["targeted"], &course["points"]), (&json!(6), &json!([])));
    for host in 0..2 {
        world.poll(host).await;
    }
    world.pass(5 * MINUTE);
    world.poll(2).await;
    world.pass(10 * MINUTE);
    world.poll(3).await;
    world.pass(MINUTE);

    let campaign = world.campaign(&id).await;
    for points in [1, 2, 7, 200] {
        let course = world.get(&format!("{path}?points={points}")).await;
        assert_eq!(course["from"], campaign["created_at"]);
        assert_eq!(course["live_until"], campaign["live_until"]);
        let found = course["points"].as_array().unwrap();
        assert!(!found.is_empty() && found.len() <= points.min(4), "{course}");
        let last = found.last().unwrap();
        assert_eq!(
            (&last["responded"], &last["late"]),
            (&campaign["coverage"]["responded"], &campaign["coverage"]["late"])
        );
        assert_eq!((&last["responded"], &last["late"]), (&json!(4), &json!(1)));
        let times: Vec<_> = found.iter().map(|point| point["at"].as_str().unwrap()).collect();
        assert!(times.is_sorted() && times.last() <= course["to"].as_str().as_ref());
        let rising = |name: &str| found.iter().map(|p| p[name].as_u64().unwrap()).is_sorted();
        assert!(rising("responded") && rising("late"));
    }
    let fine = world.get(&format!("{path}?points=200")).await;
    let sums: Vec<_> = fine["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["responded"].as_u64().unwrap())
        .collect();
    assert_eq!(sums, [1, 2, 3, 4]);

    // While hosts are awaited the course goes on; once nobody is, it ends with the last answer.
    world.pass(60 * MINUTE);
    assert_ne!(world.get(&path).await["to"], fine["to"]);
    world.post(&format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    let ended = world.get(&path).await;
    let last = ended["points"].as_array().unwrap().last().unwrap();
    assert_eq!(ended["to"], last["at"]);
    for points in ["0", "201", "x"] {
        let path = format!("{path}?points={points}");
        world.server.get(&world.admin, &path).await.invalid(&["points"]);
    }
});
