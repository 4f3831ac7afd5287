// SPDX-License-Identifier: Apache-2.0
//! Reading what a campaign found (section 6): ledger rows, responses and result rows page by
//! page, and exports read back.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use http_body_util::BodyExt;
use mimir_sim::{Outcome, Profile};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

use crate::fleet::{INTERVAL, World, rows};
use crate::world_on_both;

const SQL: &str = "SELECT pid, name, path FROM processes";

/// A campaign with rows of these numbers on hosts 0, 1, 2 …
async fn answered(world: &World, counts: &'static [usize]) -> String {
    world.answer(|host: &Profile, _: &str| rows(host, counts[host.index as usize]));
    let id = world.launch(SQL).await;
    world.poll_all().await;
    assert_eq!(world.coverage(&id).await["responded"], counts.len() as u64);
    id
}

async fn export(world: &World, id: &str, format: &str) -> Bytes {
    let path = format!("/campaigns/{id}/export?format={format}");
    let request = world.server.request(&world.admin, "GET", &path);
    let response = world.server.stream(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    let disposition = response.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
    assert!(disposition.ends_with(&format!(".{format}\"")), "{disposition}");
    response.into_body().collect().await.unwrap().to_bytes()
}

world_on_both!(rows_of_a_host_come_in_pages_without_gaps_or_repeats, 4, |world| {
    let id = answered(&world, &[0, 1, 7, 3500]).await;
    for (host, count) in [(0, 0), (1, 1), (2, 7), (3, 3500)] {
        let path = format!("/campaigns/{id}/responses/{}/rows", world.host_id(host).await);
        for limit in [1, 6, 7, 8, 499, 500] {
            if count > 100 && limit < 400 {
                continue;
            }
            let items = world.pages(&format!("{path}?limit={limit}")).await;
            assert_eq!(items.len(), count, "host {host} by {limit}");
            for (place, row) in items.iter().enumerate() {
                assert_eq!(row["pid"], place.to_string(), "in the order of the agent");
                assert_eq!(row["name"], world.fleet.hostname(host));
            }
        }
        let page = world.get(&path).await;
        assert_eq!(page["total"], count);
        let columns = if count == 0 { json!([]) } else { json!(["pid", "name", "path"]) };
        assert_eq!(page["columns"], columns);
    }
    // Exactly the limit: no empty page after it.
    let path = format!("/campaigns/{id}/responses/{}/rows?limit=7", world.host_id(2).await);
    assert_eq!(world.get(&path).await["next_cursor"], Value::Null);
});

#[tokio::test]
async fn rows_of_all_hosts_are_stamped_filtered_and_paged() {
    let world = World::new(5).await;
    let id = answered(&world, &[3, 0, 1200, 4, 1]).await;
    let path = format!("/campaigns/{id}/rows");
    for limit in [1, 3, 499, 500] {
        if limit == 1 {
            let page = world.get(&format!("{path}?limit=1")).await;
            assert_eq!(page["items"].as_array().unwrap().len(), 1);
            continue;
        }
        let items = world.pages(&format!("{path}?limit={limit}")).await;
        let distinct: BTreeSet<_> = items
            .iter()
            .map(|row| (row["_hostname"].to_string(), row["pid"].to_string()))
            .collect();
        assert_eq!((items.len(), distinct.len()), (1208, 1208), "by {limit}");
    }
    let first = world.get(&path).await;
    assert_eq!(first["total"], 1208);
    assert_eq!(first["items"].as_array().unwrap().len(), 50);
    assert_eq!(first["columns"], json!(["pid", "name", "path"]));
    let host = world.host_id(3).await;
    let of_host = world.pages(&format!("{path}?host={host}&limit=3")).await;
    assert_eq!(of_host.len(), 4);
    assert!(of_host.iter().all(|row| row["_host_id"] == host.as_str()));
    let found = world.pages(&format!("{path}?contains=SRV-000004&columns=pid")).await;
    assert_eq!(
        found,
        [json!({"_host_id": world.host_id(4).await, "_hostname": "srv-000004",
        "pid": "0"})]
    );
    assert!(world.pages(&format!("{path}?contains=nowhere")).await.is_empty());
    let none = world.pages(&format!("{path}?columns=nothing&limit=500")).await;
    assert_eq!(none.len(), 1208);
    assert_eq!(none[0].as_object().unwrap().len(), 2, "the stamp only");
}

#[tokio::test]
async fn bad_pages_are_refused_by_member() {
    let world = World::new(1).await;
    let id = answered(&world, &[2]).await;
    let world = &world;
    let get = async |path: String| world.server.get(&world.admin, &path).await;
    for list in ["rows", "responses", "assignments", "pending"] {
        let at = |query: &str| format!("/campaigns/{id}/{list}?{query}");
        get(at("limit=0")).await.invalid(&["limit"]);
        get(at("limit=501")).await.invalid(&["limit"]);
        for cursor in ["x", "bnVsbA", "W10", "WzEsMiwzXQ", "%00", &"A".repeat(5000)] {
            get(at(&format!("cursor={cursor}"))).await.invalid(&["cursor"]);
        }
        get(at("unknown=1")).await.refused(422, "invalid_request");
        let missing = format!("/campaigns/0197b2a0-0000-7000-8000-00000000dead/{list}");
        get(missing).await.refused(404, "not_found");
    }
    get(format!("/campaigns/{id}/assignments?state=gone")).await.refused(422, "invalid_request");
    get(format!("/campaigns/{id}/export?format=xlsx")).await.invalid(&["format"]);
    let stranger = "0197b2a0-0000-7000-8000-00000000dead";
    get(format!("/campaigns/{id}/responses/{stranger}/rows")).await.refused(404, "not_found");
    // Cursors that are well-formed and lead nowhere.
    for cursor in ["Wy01LC01XQ", "WzkyMjMzNzIwMzY4NTQ3NzU4MDcsOTIyMzM3MjAzNjg1NDc3NTgwN10"] {
        let page = get(format!("/campaigns/{id}/rows?cursor={cursor}")).await;
        assert!([200, 422].contains(&page.status.as_u16()), "{}", page.text);
    }
}

/// Rows committed between two pages appear at the end and shift nothing.
#[tokio::test]
async fn a_page_goes_on_while_answers_come_in() {
    let world = World::new(3).await;
    world.answer(|host, _| rows(host, 30));
    let id = world.launch(SQL).await;
    world.poll(0).await;
    let first = world.get(&format!("/campaigns/{id}/rows?limit=20")).await;
    world.poll(1).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let mut items = first["items"].as_array().unwrap().clone();
    items.extend(world.pages(&format!("/campaigns/{id}/rows?limit=20")).await.split_off(20));
    let second = world.get(&format!("/campaigns/{id}/rows?limit=500&cursor={cursor}")).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 40);
    assert_eq!(second["items"].as_array().unwrap()[..], items[20..]);
}

#[tokio::test]
async fn the_ledger_is_listed_filtered_and_searched() {
    let world = World::new(12).await;
    world.answer(|host, _| match host.index % 4 {
        0 => Outcome::empty(),
        1 => Outcome::Error("boom".to_owned()),
        _ => rows(host, 2),
    });
    (8..12).for_each(|host| world.fleet.go_offline(host));
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let at = |query: &str| format!("/campaigns/{id}/assignments?{query}");
    for limit in [1, 5, 11, 12, 13] {
        let all = world.pages(&at(&format!("limit={limit}"))).await;
        let names: Vec<_> = all.iter().map(|a| a["hostname"].as_str().unwrap()).collect();
        assert_eq!(names.len(), 12);
        assert!(names.is_sorted());
    }
    for (query, count) in [
        ("state=responded", 8),
        ("state=pending", 4),
        ("state=lost", 0),
        ("outcome=rows", 4),
        ("outcome=empty", 2),
        ("outcome=error", 2),
        ("late=true", 0),
        ("late=false", 12),
        ("q=000011", 1),
        ("q=SRV-00000", 10),
        ("q=%25", 0),
        ("q=_", 0),
        ("state=responded&outcome=rows&q=7", 1),
    ] {
        let page = world.get(&at(query)).await;
        assert_eq!(page["total"], count, "{query}");
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
    let failed = &world.get(&at("outcome=error")).await["items"][0];
    assert_eq!(failed["error"], "boom");
    assert!(failed["responded_at"].is_string() && failed["state_changed_at"].is_string());
    let newest = world.pages(&format!("/campaigns/{id}/responses?limit=3")).await;
    assert_eq!(newest.len(), 8);
    assert_eq!(newest[0]["hostname"], "srv-000007", "newest first");
    assert!(newest[0]["stats"]["wall_time_ms"].is_u64(), "{}", newest[0]);
}

/// Who is longest away is what an operator looks for.
#[tokio::test]
async fn pending_hosts_are_listed_with_the_oldest_contact_first() {
    let world = World::new(4).await;
    for host in [2, 0, 3] {
        world.poll(host).await;
    }
    let app = world.server.app.clone();
    tokio::task::spawn_blocking(move || mimir_server::jobs::flush_seen(&app))
        .await
        .unwrap()
        .unwrap();
    let id = world.launch(SQL).await;
    world.pass(INTERVAL * 61);
    let pending = world.pages(&format!("/campaigns/{id}/pending?limit=3")).await;
    let names: Vec<_> = pending.iter().map(|a| a["hostname"].as_str().unwrap()).collect();
    assert_eq!(names, ["srv-000001", "srv-000002", "srv-000000", "srv-000003"]);
    assert!(pending.iter().all(|a| a["host_status"] == "stale"), "{pending:#?}");
    world.pass(std::time::Duration::from_secs(86_400));
    let pending = world.get(&format!("/campaigns/{id}/pending?q=3")).await;
    assert_eq!(pending["total"], 1);
    assert_eq!(pending["items"][0]["host_status"], "offline");
}

world_on_both!(exports_hold_every_row_in_each_format, 4, |world| {
    world.answer(|host, _| {
        let mut rows = mimir_sim::Rows::new();
        for n in 0..[0, 1, 1500, 3][host.index as usize] {
            let odd =
                ["=cmd|' /C calc'!A0", "+cmd", "-cmd", "@x", "a,b", "q\"q", "line\nbreak", "ü"];
            rows.push([("n", n.to_string().as_str()), ("cell", odd[n % odd.len()])]);
        }
        rows.into()
    });
    let id = world.launch(SQL).await;
    world.poll_all().await;
    let wanted: BTreeMap<(String, String), String> = {
        let all = world.pages(&format!("/campaigns/{id}/rows?limit=500")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.iter().map(|r| ((text(&r["_hostname"]), text(&r["n"])), text(&r["cell"]))).collect()
    };
    assert_eq!(wanted.len(), 1504);

    let csv = export(&world, &id, "csv").await;
    let mut reader = csv::Reader::from_reader(csv.as_ref());
    let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header, ["_host_id", "_hostname", "n", "cell"]);
    let mut read = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let cell = &record[3];
        assert!(!cell.starts_with(['=', '+', '-', '@']), "a formula: {cell}");
        let plain = cell.strip_prefix('\'').unwrap_or(cell).to_owned();
        read.insert((record[1].to_owned(), record[2].to_owned()), plain);
    }
    assert_eq!(read, wanted);

    let ndjson = export(&world, &id, "ndjson").await;
    let mut read = BTreeMap::new();
    for line in std::str::from_utf8(&ndjson).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        read.insert((text("_hostname"), text("n")), text("cell"));
    }
    assert_eq!(read, wanted);

    let file = SerializedFileReader::new(export(&world, &id, "parquet").await).unwrap();
    let mut read = BTreeMap::new();
    for row in file.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let cells: BTreeMap<_, _> = row.get_column_iter().collect();
        let text = |name: &str| match cells[&name.to_owned()] {
            Field::Str(text) => text.clone(),
            other => panic!("{other:?} is no text"),
        };
        read.insert((text("_hostname"), text("n")), text("cell"));
    }
    assert_eq!(read, wanted);

    let entries = world.server.entries().await;
    let exports: Vec<_> = entries.iter().filter(|e| e["action"] == "campaign.export").collect();
    assert_eq!(exports.len(), 3);
    assert_eq!(exports[2]["details"], json!({"format": "csv", "columns_cut": false, "rows": 1504}));
});

#[tokio::test]
async fn an_export_without_rows_is_a_whole_file() {
    let world = World::new(2).await;
    let id = answered(&world, &[0, 0]).await;
    let csv = export(&world, &id, "csv").await;
    assert!(csv.starts_with(b"_host_id,_hostname") || csv.is_empty(), "{csv:?}");
    assert!(export(&world, &id, "ndjson").await.is_empty());
    let file = SerializedFileReader::new(export(&world, &id, "parquet").await).unwrap();
    assert_eq!(file.metadata().file_metadata().num_rows(), 0);
}

/// An operator may read everything and change nothing of a campaign.
#[tokio::test]
async fn an_operator_reads_what_an_administrator_launched() {
    let world = World::new(1).await;
    let id = answered(&world, &[2]).await;
    let operator = world.server.operator().await;
    for path in ["", "/assignments", "/pending", "/responses", "/rows", "/export?format=csv"] {
        let reply = world.server.get(&operator, &format!("/campaigns/{id}{path}")).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    for action in ["stop", "archive", "unarchive", "drop-rows"] {
        let path = format!("/campaigns/{id}/{action}");
        let body = if action == "drop-rows" { json!({"confirm": "x"}) } else { json!({}) };
        world.server.post(&operator, &path, body).await.refused(403, "forbidden");
    }
}
