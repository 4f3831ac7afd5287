// SPDX-License-Identifier: Apache-2.0
//! The course of a campaign: hosts that answer, answer late or never, caps, stopping, archiving,
//! dropping rows (sections 5 to 7).

use std::time::Duration;

use mimir_server::app::campaigns::end_grace;
use mimir_sim::{Outcome, Profile};
use mimir_store::db::Engine;
use serde_json::{Value, json};

use crate::fleet::{Honest, INTERVAL, World, rows};
use crate::harness::Server;
use crate::world_on_both;

const SQL: &str = "SELECT pid, name, path FROM processes";
const MINUTE: Duration = Duration::from_secs(60);

async fn end_graces(world: &World) {
    let app = world.server.app.clone();
    tokio::task::spawn_blocking(move || end_grace(&app)).await.unwrap().unwrap();
}

fn names(items: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = items.iter().map(|a| a["hostname"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

world_on_both!(absent_hosts_catch_up_and_are_named_until_then, 10, |world| {
    let absent = [2, 5, 9];
    absent.iter().for_each(|host| world.fleet.go_offline(*host));
    world.answer(|host, _| match host.index {
        0 => Outcome::empty(),
        1 => Outcome::Error("no such table: processes".to_owned()),
        n => rows(host, n as usize),
    });
    let id = world.launch(SQL).await;
    world.poll_all().await;
    world
        .covers(
            &id,
            &[
                ("targeted", 10),
                ("responded", 7),
                ("pending", 3),
                ("with_rows", 5),
                ("empty", 1),
                ("errors", 1),
                ("rows_stored", 28),
                ("rows_reported", 28),
            ],
        )
        .await;
    let pending = world.pages(&format!("/campaigns/{id}/pending")).await;
    assert_eq!(names(&pending), ["srv-000002", "srv-000005", "srv-000009"]);
    assert!(pending.iter().all(|a| a["state"] == "pending" && a["attempts"] == 0));
    let failed = world.get(&format!("/campaigns/{id}/assignments?outcome=error")).await;
    assert_eq!(failed["items"][0]["error"], "no such table: processes");
    world.holds().await;
    // Two come back after the window has closed, one within it.
    world.fleet.go_online(2);
    world.poll_all().await;
    world.pass(10 * MINUTE);
    let campaign = world.campaign(&id).await;
    assert_eq!((&campaign["live"], &campaign["complete"]), (&json!(false), &json!(false)));
    world.fleet.go_online(5);
    world.fleet.go_online(9);
    world.poll_all().await;
    world
        .covers(
            &id,
            &[
                ("targeted", 10),
                ("responded", 10),
                ("late", 2),
                ("with_rows", 8),
                ("empty", 1),
                ("errors", 1),
                ("rows_stored", 44),
                ("rows_reported", 44),
            ],
        )
        .await;
    let late = world.pages(&format!("/campaigns/{id}/responses?late=true")).await;
    assert_eq!(names(&late), ["srv-000005", "srv-000009"]);
    assert_eq!(world.pages(&format!("/campaigns/{id}/assignments?late=true")).await.len(), 2);
    assert!(world.pages(&format!("/campaigns/{id}/pending")).await.is_empty());
    let campaign = world.campaign(&id).await;
    assert_eq!((&campaign["status"], &campaign["complete"]), (&json!("active"), &json!(true)));
    world.holds().await;
});

/// I9 to the microsecond is the engine's test; here: the commit decides, not the offer.
#[tokio::test]
async fn an_answer_to_an_offer_inside_the_window_is_late_when_it_comes_after_it() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let name = world.read(0).await.into_keys().next().unwrap();
    world.pass(10 * MINUTE);
    world.write(0, json!({"queries": {&name: []}})).await;
    assert_eq!(world.stands(&id, 0, "responded", 1).await["late"], true);
    world.holds().await;
}

world_on_both!(a_stop_lets_offered_hosts_answer_for_the_grace_time, 5, |world| {
    let id = world.launch(SQL).await;
    world.poll(0).await;
    let mut offered = Vec::new();
    for host in 1..=3 {
        world.pass(INTERVAL);
        offered.push(world.read(host).await.into_keys().next().unwrap());
    }
    // The offers need not have been written: the stop knows what is on the wire.
    let stop = json!({"reason": " enough seen "});
    let stopped = world.post(&format!("/campaigns/{id}/stop"), stop).await.expect(200);
    assert_eq!(stopped["status"], "stopped");
    assert_eq!(stopped["stop_code"], "operator");
    assert_eq!(stopped["stop_reason"], "enough seen");
    assert_eq!(stopped["stopped_by"]["username"], "root");
    assert!(stopped["stopped_at"].is_string());
    assert_eq!((&stopped["live"], &stopped["discard_in_flight"]), (&json!(false), &json!(false)));
    assert_eq!(stopped["coverage"]["offered"], 3);
    assert_eq!(stopped["coverage"]["cancelled"], 1);
    assert_eq!(world.assignment(&id, 4).await["reason"], "stopped");
    world.pass(INTERVAL);
    assert!(world.read(4).await.is_empty(), "I5");
    assert!(world.read(1).await.is_empty(), "I5: nothing is repeated either");
    let answer = |name: &str| json!({"queries": {name: [{"pid": "1"}]}});
    assert_eq!(world.write(1, answer(&offered[0])).await, json!({}));
    world.stands(&id, 1, "responded", 1).await;
    world.pass(30 * MINUTE);
    world.write(2, answer(&offered[1])).await;
    assert_eq!(world.stands(&id, 2, "responded", 1).await["late"], true);
    world.pass(31 * MINUTE);
    end_graces(&world).await;
    world.stands(&id, 3, "cancelled", 1).await;
    assert_eq!(world.write(3, answer(&offered[2])).await, json!({}));
    world.stands(&id, 3, "rejected", 1).await;
    world
        .covers(
            &id,
            &[
                ("targeted", 5),
                ("responded", 3),
                ("late", 1),
                ("cancelled", 1),
                ("rejected", 1),
                ("with_rows", 3),
                ("rows_stored", 3),
                ("rows_reported", 3),
            ],
        )
        .await;
    let again = world.post(&format!("/campaigns/{id}/stop"), json!({})).await;
    again.refused(409, "already_stopped");
    assert_eq!(world.campaign(&id).await["stop_reason"], "enough seen");
    world.holds().await;
});

/// The same without anybody ending the grace time: the answer itself comes too late.
#[tokio::test]
async fn an_answer_after_the_grace_time_is_rejected() {
    let world = World::new(1).await;
    world.set(json!({"stop_grace_minutes": 5})).await;
    let id = world.launch(SQL).await;
    let name = world.read(0).await.into_keys().next().unwrap();
    world.post(&format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    // The grace time is that of the stop.
    world.set(json!({"stop_grace_minutes": 500})).await;
    world.pass(5 * MINUTE + Duration::from_secs(1));
    let answer = json!({"queries": {&name: [{"pid": "1"}]}});
    assert_eq!(world.write(0, answer.clone()).await, json!({}));
    world.stands(&id, 0, "rejected", 1).await;
    assert_eq!(world.write(0, answer).await, json!({}));
    world.covers(&id, &[("targeted", 1), ("rejected", 1)]).await;
    world.holds().await;
}

world_on_both!(a_stop_with_discard_swallows_what_is_in_flight, 3, |world| {
    let id = world.launch(SQL).await;
    world.poll(0).await;
    world.pass(INTERVAL);
    let name = world.read(1).await.into_keys().next().unwrap();
    let stop = json!({"discard_in_flight": true});
    let stopped = world.post(&format!("/campaigns/{id}/stop"), stop).await.expect(200);
    assert_eq!(stopped["discard_in_flight"], true);
    assert_eq!(stopped["coverage"]["cancelled"], 2);
    assert_eq!(stopped["coverage"]["offered"], 0);
    let answer = json!({"queries": {&name: [{"pid": "1"}]}});
    assert_eq!(world.write(1, answer).await, json!({}));
    world.stands(&id, 1, "rejected", 1).await;
    world
        .covers(
            &id,
            &[
                ("targeted", 3),
                ("responded", 1),
                ("cancelled", 1),
                ("rejected", 1),
                ("with_rows", 1),
                ("rows_stored", 1),
                ("rows_reported", 1),
            ],
        )
        .await;
    assert_eq!(world.get(&format!("/campaigns/{id}/rows")).await["total"], 1);
    world.holds().await;
});

#[tokio::test]
async fn a_reason_has_at_most_1000_characters() {
    let world = World::new(1).await;
    let id = world.launch(SQL).await;
    let path = format!("/campaigns/{id}/stop");
    let written = world.written().await;
    let long = json!({"reason": "ß".repeat(1001)});
    let refused = world.post(&path, long).await.refused(422, "invalid_request");
    assert_eq!(refused["errors"][0]["field"], "reason");
    assert_eq!(refused["errors"][0]["message"], "The reason has more than 1000 characters.");
    world.post(&path, json!({"reason": "x", "force": true})).await.invalid(&["force"]);
    assert_eq!(world.written().await, written);
    assert_eq!(world.campaign(&id).await["status"], "active");
    let stopped = world.post(&path, json!({"reason": "ß".repeat(1000)})).await.expect(200);
    assert_eq!(stopped["stop_reason"], "ß".repeat(1000));
    let missing = "/campaigns/0197b2a0-0000-7000-8000-00000000dead/stop";
    world.post(missing, json!({})).await.refused(404, "not_found");
}

#[tokio::test]
async fn archive_and_drop_rows_are_for_campaigns_that_have_ended() {
    let world = World::new(2).await;
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let at = |action: &str| format!("/campaigns/{id}/{action}");
    let name = world.campaign(&id).await["name"].as_str().unwrap().to_owned();
    for (action, body) in
        [("archive", json!({})), ("unarchive", json!({})), ("drop-rows", json!({"confirm": name}))]
    {
        world.post(&at(action), body).await.refused(409, "conflict");
    }
    world.post(&at("stop"), json!({})).await.expect(200);
    world.post(&at("unarchive"), json!({})).await.refused(409, "conflict");
    assert_eq!(world.post(&at("archive"), json!({})).await.expect(200)["status"], "archived");
    world.post(&at("archive"), json!({})).await.refused(409, "conflict");
    assert_eq!(world.get("/campaigns").await["total"], 0);
    assert_eq!(world.get("/campaigns?status=archived").await["total"], 1);
    assert_eq!(world.post(&at("unarchive"), json!({})).await.expect(200)["status"], "stopped");
    assert_eq!(world.get("/campaigns").await["total"], 1);
    world.post(&at("drop-rows"), json!({"confirm": "yes"})).await.invalid(&["confirm"]);
    world.post(&at("drop-rows"), json!({})).await.refused(422, "invalid_request");
    assert_eq!(world.get(&at("rows")).await["total"], 2);
    let before = world.campaign(&id).await;
    let dropped = world.post(&at("drop-rows"), json!({"confirm": name})).await.expect(200);
    assert_eq!(dropped["rows_dropped"], true);
    assert_eq!(dropped["coverage"], before["coverage"], "record and counts stay");
    assert_eq!(world.number("select count(*) from response_chunk").await, 0);
    assert_eq!(world.pages(&at("responses")).await.len(), 2);
    let rows = world.get(&at("rows")).await;
    assert_eq!((&rows["items"], &rows["next_cursor"]), (&json!([]), &Value::Null));
    let host = world.host_id(0).await;
    let rows = world.get(&at(&format!("responses/{host}/rows"))).await;
    assert_eq!(rows["items"], json!([]));
    world.server.get(&world.admin, &at("export?format=csv")).await.refused(409, "conflict");
    world.post(&at("drop-rows"), json!({"confirm": name})).await.refused(409, "conflict");
    world.holds().await;
}

world_on_both!(the_aggregate_cap_stops_the_campaign_loudly, 6, |world| {
    world.set(json!({"campaign_aggregate_row_cap": 10})).await;
    world.answer(|host, _| rows(host, 4));
    let id = world.launch(SQL).await;
    world.pass(INTERVAL);
    let in_flight = world.read(4).await.into_keys().next().unwrap();
    for host in 0..3 {
        world.poll(host).await;
    }
    let campaign = world.campaign(&id).await;
    assert_eq!(campaign["status"], "stopped");
    assert_eq!(campaign["stop_code"], "auto_stopped_aggregate_row_cap");
    assert!(campaign["stopped_at"].is_string());
    assert_eq!(campaign["coverage"]["rows_stored"], 12, "the one that reached it is kept whole");
    let warning = campaign["warnings"].to_string();
    assert!(warning.contains("12 rows") && warning.contains("10"), "{warning}");
    world.pass(INTERVAL);
    assert!(world.read(3).await.is_empty(), "nothing more is offered");
    let answer = json!({"queries": {&in_flight: [{"pid": "1"}]}});
    assert_eq!(world.write(4, answer).await, json!({}));
    world.stands(&id, 4, "rejected", 1).await;
    assert_eq!(world.assignment(&id, 3).await["reason"], "auto_stopped");
    world
        .covers(
            &id,
            &[
                ("targeted", 6),
                ("responded", 3),
                ("cancelled", 2),
                ("rejected", 1),
                ("with_rows", 3),
                ("rows_stored", 12),
                ("rows_reported", 12),
            ],
        )
        .await;
    let again = world.post(&format!("/campaigns/{id}/stop"), json!({})).await;
    again.refused(409, "already_stopped");
    let entries = world.server.entries().await;
    let stops: Vec<_> = entries.iter().filter(|e| e["action"] == "campaign.stop").collect();
    assert_eq!(stops.len(), 1, "{stops:#?}");
    assert_eq!(
        (&stops[0]["details"]["cap"], &stops[0]["details"]["rows_stored"]),
        (&json!(10), &json!(12))
    );
    world.holds().await;
});

#[tokio::test]
async fn exactly_the_aggregate_cap_stops_too_and_one_less_does_not() {
    let world = World::new(3).await;
    world.set(json!({"campaign_aggregate_row_cap": 4})).await;
    world.answer(|host, _| rows(host, [3, 1, 1][host.index as usize]));
    let id = world.launch(SQL).await;
    world.poll(0).await;
    assert_eq!(world.campaign(&id).await["status"], "active");
    world.poll(1).await;
    assert_eq!(world.campaign(&id).await["status"], "stopped");
    world.holds().await;
}

world_on_both!(rows_over_a_hosts_cap_are_counted_and_marked, 3, |world| {
    world.set(json!({"campaign_host_row_cap": 5})).await;
    world.answer(|host, _| rows(host, 4 + host.index as usize));
    let id = world.launch(SQL).await;
    // The caps are frozen with the campaign.
    world.set(json!({"campaign_host_row_cap": 1})).await;
    world.poll_all().await;
    for (host, reported, stored, cut) in [(0, 4, 4, false), (1, 5, 5, false), (2, 6, 5, true)] {
        let a = world.stands(&id, host, "responded", 1).await;
        assert_eq!((&a["row_count"], &a["truncated"]), (&json!(reported), &json!(cut)), "{host}");
        let path = format!("/campaigns/{id}/responses/{}/rows", world.host_id(host).await);
        let page = world.get(&path).await;
        assert_eq!(page["total"], stored, "{host}");
        assert_eq!(page["items"].as_array().unwrap().len(), stored, "{host}");
        assert_eq!(page["items"][stored - 1]["pid"], (stored - 1).to_string(), "the first ones");
    }
    world
        .covers(
            &id,
            &[
                ("targeted", 3),
                ("responded", 3),
                ("truncated", 1),
                ("with_rows", 3),
                ("rows_stored", 14),
                ("rows_reported", 15),
            ],
        )
        .await;
    world.holds().await;
});

#[tokio::test]
async fn bytes_over_a_hosts_cap_are_marked_alike() {
    let world = World::new(2).await;
    // Lines of `{"data":"xxxxxxxx"}` and a line break: 20 bytes.
    world.set(json!({"campaign_host_byte_cap": 40})).await;
    world.answer(|host, _| {
        let mut rows = mimir_sim::Rows::new();
        (0..2 + host.index).for_each(|_| rows.push([("data", "xxxxxxxx")]));
        rows.into()
    });
    let id = world.launch(SQL).await;
    world.poll_all().await;
    assert_eq!(world.stands(&id, 0, "responded", 1).await["truncated"], false);
    let cut = world.stands(&id, 1, "responded", 1).await;
    assert_eq!((&cut["row_count"], &cut["truncated"]), (&json!(3), &json!(true)));
    world
        .covers(
            &id,
            &[
                ("targeted", 2),
                ("responded", 2),
                ("truncated", 1),
                ("with_rows", 2),
                ("rows_stored", 4),
                ("rows_reported", 5),
            ],
        )
        .await;
    world.holds().await;
}

world_on_both!(an_altered_payload_is_an_error_and_not_shown, 1, |world| {
    let id = world.launch(SQL).await;
    world.poll(0).await;
    world.sql("update campaign_part set sql = 'SELECT 1'", vec![]).await;
    let shown = world.server.get(&world.admin, &format!("/campaigns/{id}")).await;
    let shown = shown.refused(500, "internal");
    assert!(!shown.to_string().contains("SELECT 1"), "{shown}");
    let listed = world.get("/campaigns").await;
    assert!(!listed.to_string().contains("SELECT 1"), "{listed}");
    let warning = listed["items"][0]["warnings"][0].as_str().unwrap();
    assert!(warning.contains("not those that were launched"), "{warning}");
    world.sql("update campaign_part set sql = $1", vec![SQL.into()]).await;
    assert_eq!(world.campaign(&id).await["frozen"]["sql"], SQL);
    world.sql("update campaign set spec = replace(spec, 'pid', 'uid')", vec![]).await;
    let shown = world.server.get(&world.admin, &format!("/campaigns/{id}")).await;
    shown.refused(500, "internal");
});

/// An altered payload is not sent to hosts either, when the server starts on such a database.
#[tokio::test]
async fn an_altered_payload_is_not_offered_after_a_restart() {
    let world = World::new(2).await;
    let id = world.launch(SQL).await;
    world.sql("update campaign_part set sql = 'SELECT username FROM users'", vec![]).await;
    let world = world.restart();
    assert!(world.read(0).await.is_empty());
    let shown = world.server.get(&world.admin, &format!("/campaigns/{id}")).await;
    shown.refused(500, "internal");
}

world_on_both!(decommissioning_ends_what_the_host_was_asked, 3, |world| {
    let id = world.launch(SQL).await;
    world.pass(INTERVAL);
    let name = world.read(0).await.into_keys().next().unwrap();
    world.stands(&id, 0, "offered", 1).await;
    for host in [0, 1] {
        let path = format!("/hosts/{}/decommission", world.host_id(host).await);
        world.post(&path, json!({})).await.expect(200);
        assert_eq!(world.assignment(&id, host).await["state"], "cancelled");
        assert_eq!(world.assignment(&id, host).await["reason"], "decommissioned");
        assert_eq!(world.assignment(&id, host).await["host_status"], "decommissioned");
    }
    let answer = world.write(0, json!({"queries": {&name: [{"pid": "1"}]}})).await;
    assert_eq!(answer["node_invalid"], true);
    world.poll(2).await;
    world
        .covers(
            &id,
            &[
                ("targeted", 3),
                ("responded", 1),
                ("cancelled", 2),
                ("with_rows", 1),
                ("rows_stored", 1),
                ("rows_reported", 1),
            ],
        )
        .await;
    assert_eq!(world.campaign(&id).await["complete"], true);
    world.holds().await;
});

/// Everything at once, with losses on the way: whatever happens, the counts are those of the
/// ledger, and each host's answer is there once.
#[tokio::test]
async fn a_rough_fleet_is_counted_right() {
    let mix = mimir_sim::Mix {
        clones: 0.1,
        answers_lost: 0.1,
        requests_lost: 0.1,
        oversized: 0.0,
        ..mimir_sim::Mix::rough()
    };
    let answers = Honest(|host: &Profile, _: &str| match host.index % 7 {
        0 => Outcome::empty(),
        1 => Outcome::Error("disk I/O error".to_owned()),
        2 if host.index == 23 => Outcome::Death,
        n => rows(host, n as usize * 10),
    });
    let server = Server::on(Engine::Sqlite);
    let world = World::with(server, |fleet| fleet.hosts(40).mix(mix).answers(answers)).await;
    let ids = [world.launch(SQL).await, world.launch("SELECT username FROM users").await];
    for round in 0..14 {
        for host in 0..world.fleet.len() {
            if host % 5 == round % 5 {
                world.fleet.go_offline(host);
            } else {
                world.fleet.go_online(host);
            }
        }
        world.pass(INTERVAL);
        world.fleet.poll_all().await;
        world.holds().await;
    }
    (0..world.fleet.len()).for_each(|host| world.fleet.go_online(host));
    for _ in 0..10 {
        world.pass(INTERVAL);
        world.fleet.poll_all().await;
    }
    for id in &ids {
        let counts = world.coverage(id).await;
        let ended = counts.get("responded").unwrap_or(&0) + counts.get("lost").unwrap_or(&0);
        assert_eq!(ended, counts["targeted"], "{counts:?}");
    }
    world.holds().await;
}
