// SPDX-License-Identifier: Apache-2.0
//! Result rows filtered by column and sorted, and the filters of ledger and responses.

use mimir_sim::{Outcome, Profile, Rows};
use serde_json::{Value, json};

use crate::fleet::{World, rows};
use crate::world_on_both;

const SQL: &str = "SELECT pid, name, path FROM processes";

/// Host n answers this many rows; the values of `size` are numbers and texts in disorder.
async fn answered(world: &World, counts: &'static [usize]) -> String {
    world.answer(|host: &Profile, _: &str| {
        let mut rows = Rows::new();
        for n in 0..counts[host.index as usize] {
            let place = n.to_string();
            let size = match n % 5 {
                0 => (n * 37 % 1000).to_string(),
                1 => format!("-{n}"),
                2 => "unknown".to_owned(),
                3 => String::new(),
                _ => format!("{n}.5"),
            };
            let name = if n % 2 == 0 { "OpenSSL" } else { "zlib" };
            rows.push([("pid", place.as_str()), ("size", &size), ("name", name), ("a:b", "x:y")]);
        }
        rows.into()
    });
    let id = world.launch(SQL).await;
    world.poll_all().await;
    assert_eq!(world.coverage(&id).await["responded"], counts.len() as u64);
    id
}

fn texts(items: &[Value], column: &str) -> Vec<String> {
    items.iter().map(|row| row[column].as_str().unwrap().to_owned()).collect()
}

/// What sorting must give, written down a second time: numbers, then texts.
fn in_order(mut items: Vec<Value>, column: &str, descending: bool) -> Vec<Value> {
    items.sort_by(|a, b| {
        let [a, b] = [a, b].map(|row| row[column].as_str().unwrap().to_lowercase());
        let order = match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.partial_cmp(&b).unwrap(),
            (Ok(_), Err(_)) => std::cmp::Ordering::Less,
            (Err(_), Ok(_)) => std::cmp::Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(&b),
        };
        if descending { order.reverse() } else { order }
    });
    items
}

world_on_both!(sorted_pages_are_exact_in_both_directions, 4, |world| {
    let id = answered(&world, &[40, 0, 1205, 7]).await;
    let path = format!("/campaigns/{id}/rows");
    let stored = world.pages(&format!("{path}?limit=500")).await;
    assert_eq!(stored.len(), 1252);
    for (column, order) in
        [("size", "asc"), ("size", "desc"), ("name", "asc"), ("_hostname", "desc")]
    {
        let wanted = in_order(stored.clone(), column, order == "desc");
        for limit in [97, 500] {
            let sorted = format!("{path}?sort={column}&order={order}&limit={limit}");
            assert_eq!(world.get(&sorted).await["total"], 1252);
            let items = world.pages(&sorted).await;
            assert!(items == wanted, "{column} {order} by {limit}");
        }
    }
    let host = world.host_id(2).await;
    let of_host = format!("/campaigns/{id}/responses/{host}/rows");
    let plain = world.pages(&format!("{of_host}?limit=500")).await;
    let items = world.pages(&format!("{of_host}?sort=pid&order=desc&limit=400")).await;
    assert!(items == in_order(plain, "pid", true));
    let same = world.pages(&format!("{path}?host={host}&sort=pid&order=desc&limit=400")).await;
    assert_eq!(texts(&items, "pid"), texts(&same, "pid"));
});

world_on_both!(rows_are_filtered_by_column, 3, |world| {
    let id = answered(&world, &[20, 3, 10]).await;
    let path = format!("/campaigns/{id}/rows");
    let ssl = world.get(&format!("{path}?where=name:ssl")).await;
    assert_eq!((ssl["items"].as_array().unwrap().len(), &ssl["total"]), (17, &json!(17)));
    assert_eq!(ssl["next_cursor"], Value::Null);
    let name = world.fleet.hostname(2);
    let of_host = format!("{path}?where=name:SSL&where=_hostname:{}", name.to_uppercase());
    let items = world.pages(&of_host).await;
    assert_eq!(items.len(), 5);
    assert!(items.iter().all(|row| row["_hostname"] == name.as_str()));
    let both = world.pages(&format!("{path}?where=name:zlib&where=pid:1&contains=x:Y")).await;
    assert!(
        both.iter().all(|row| row["name"] == "zlib" && row["pid"].as_str().unwrap().contains('1'))
    );
    assert_eq!(both.len(), 8);
    let colon = world.pages(&format!("{path}?where=a:b:x:y&limit=7")).await;
    assert_eq!(colon.len(), 33, "a column's name may have colons");
    let sorted = world.get(&format!("{path}?where=name:zlib&sort=pid&order=desc&limit=2")).await;
    assert_eq!(texts(sorted["items"].as_array().unwrap(), "pid"), ["19", "17"]);
    assert_eq!(sorted["total"], 16);

    let host = world.host_id(0).await;
    let own = format!("/campaigns/{id}/responses/{host}/rows");
    assert_eq!(world.get(&format!("{own}?contains=openssl")).await["total"], 10);
    let page = world.get(&format!("{own}?where=pid:1&columns=pid&sort=pid&limit=3")).await;
    assert_eq!(page["items"], json!([{"pid": "1"}, {"pid": "10"}, {"pid": "11"}]));
    assert_eq!(page["columns"], json!(["pid"]));

    for (query, field) in [
        ("where=name", "where"),
        ("where=nope:x", "where"),
        ("sort=nope", "sort"),
        ("sort=pid&order=up", "order"),
        ("sort=pid&sort=name", "sort"),
    ] {
        let reply = world.server.get(&world.admin, &format!("{path}?{query}")).await;
        reply.invalid(&[field]);
    }
    let many = "where=pid:1&".repeat(17);
    let reply = world.server.get(&world.admin, &format!("{path}?{many}")).await;
    reply.invalid(&["where"]);
    // A host's own rows have no stamp to filter by.
    let reply = world.server.get(&world.admin, &format!("{own}?where=_hostname:x")).await;
    reply.invalid(&["where"]);
});

#[tokio::test]
async fn a_cursor_belongs_to_its_order() {
    let world = World::new(1).await;
    let id = answered(&world, &[30]).await;
    let path = format!("/campaigns/{id}/rows?limit=5");
    let cursor = async |query: &str| {
        let page = world.get(&format!("{path}{query}")).await;
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let (plain, sorted) = (cursor("").await, cursor("&sort=pid").await);
    for wrong in [
        format!("{path}&cursor={sorted}"),
        format!("{path}&where=pid:1&cursor={sorted}"),
        format!("{path}&sort=pid&cursor={plain}"),
    ] {
        world.server.get(&world.admin, &wrong).await.invalid(&["cursor"]);
    }
    // Rows that are gone have no place any more.
    world.post(&format!("/campaigns/{id}/stop"), json!({})).await.expect(200);
    let name = world.campaign(&id).await["name"].clone();
    world.post(&format!("/campaigns/{id}/drop-rows"), json!({"confirm": name})).await.expect(200);
    let gone = world.server.get(&world.admin, &format!("{path}&sort=pid&cursor={sorted}")).await;
    gone.invalid(&["cursor"]);
    let empty = world.get(&format!("{path}&sort=pid")).await;
    assert_eq!((&empty["items"], &empty["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn rows_without_the_column_come_last() {
    let world = World::new(3).await;
    world.answer(|host: &Profile, _: &str| match host.index {
        0 => Outcome::row([("a", "2")]),
        1 => Outcome::row([("b", "1")]),
        _ => Outcome::row([("a", "1")]),
    });
    let id = world.launch(SQL).await;
    world.poll_all().await;
    for (order, wanted) in [("asc", ["1", "2"]), ("desc", ["2", "1"])] {
        let page = world.get(&format!("/campaigns/{id}/rows?sort=a&order={order}")).await;
        let items = page["items"].as_array().unwrap();
        assert_eq!(texts(&items[..2], "a"), wanted);
        assert_eq!(items[2]["b"], "1");
    }
}

/// More rows than can be sorted are refused with a way out; those of one host are not.
#[tokio::test]
async fn too_many_rows_are_not_sorted() {
    let world = World::new(2).await;
    let id = answered(&world, &[3, 4]).await;
    world.sql("update campaign set rows_stored = 1000001", vec![]).await;
    let path = format!("/campaigns/{id}/rows");
    let reply = world.server.get(&world.admin, &format!("{path}?sort=pid")).await;
    let refused = reply.json["detail"].as_str().unwrap().to_owned();
    assert!(refused.contains("filter to a host, or export"), "{refused}");
    reply.invalid(&["sort"]);
    let host = world.host_id(1).await;
    let page = world.get(&format!("{path}?sort=pid&host={host}")).await;
    assert_eq!(page["total"], 4);
}

world_on_both!(responses_and_assignments_are_filtered, 4, |world| {
    world.set(json!({"campaign_host_row_cap": 5})).await;
    world.answer(|host: &Profile, _: &str| match host.index {
        0 => rows(host, 9),
        1 => rows(host, 0),
        2 => Outcome::Error("no such table: x".into()),
        _ => rows(host, 2),
    });
    let id = world.launch(SQL).await;
    for host in 0..3 {
        world.poll(host).await;
    }
    let count = async |path: &str, query: &str| {
        let page = world.get(&format!("/campaigns/{id}/{path}?{query}")).await;
        let items = page["items"].as_array().unwrap().len();
        assert_eq!(page["total"], items, "{path}?{query}");
        items
    };
    for (query, wanted) in [
        ("", 3),
        ("outcome=rows", 1),
        ("outcome=error", 1),
        ("outcome=empty&late=false", 1),
        ("late=true", 0),
        ("truncated=true", 1),
        ("truncated=false", 2),
    ] {
        assert_eq!(count("responses", query).await, wanted, "{query}");
    }
    let name = world.fleet.hostname(2).to_uppercase();
    assert_eq!(count("responses", &format!("q={name}")).await, 1);
    assert_eq!(count("responses", &format!("q={name}&outcome=rows")).await, 0);
    for (query, wanted) in [
        ("state=pending,offered", 1),
        ("state=responded,pending", 4),
        ("state=responded", 3),
        ("state=lost,%20blocked,", 0),
        ("truncated=true", 1),
    ] {
        assert_eq!(count("assignments", query).await, wanted, "{query}");
    }
    let wrong = format!("/campaigns/{id}/assignments?state=pending,gone");
    world.server.get(&world.admin, &wrong).await.invalid(&["state"]);
});
