// SPDX-License-Identifier: Apache-2.0
//! What must be true of every campaign after whatever happened (section 5, I1 to I9), looked at
//! from the database's side. Other tests end with [`hold`].

use std::time::Instant;

use mimir_engine::campaign::spec;
use mimir_server::rows::decode;
use mimir_store::db::Value as Cell;
use mimir_store::{Tx, assignments, campaigns, responses};

use crate::fleet::{PATIENCE, World};
use crate::harness::Server;

/// Checks every campaign of a server, its audit trail, and that the picture in memory is the one
/// that the ledger gives once offers have been written behind.
pub async fn hold(server: &Server) {
    let end = Instant::now() + PATIENCE;
    let app = &server.app;
    while !app.picture_matches().unwrap() {
        assert!(Instant::now() < end, "the picture of the fleet is not that of the ledger");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let now = app.clock.now();
    server
        .write(move |tx| {
            for row in tx.query("select no from campaign order by no", &[])? {
                let no = row.get(0)?;
                campaign(tx, no);
                rows(tx, no);
            }
            let trail = mimir_store::audit::verify(tx)?;
            assert!(trail.ok, "{trail:?}");
            Ok(())
        })
        .await;
    assert!(now <= app.clock.now());
}

fn campaign(tx: &mut Tx<'_>, no: i64) {
    let record = campaigns::by_no(tx, no).unwrap().unwrap();
    let stored = record.ledger.coverage;
    let derived = assignments::derived_coverage(tx, no).unwrap();
    assert_eq!(stored, derived, "I6: campaign {no}");
    record.ledger.assert_counts();
    let parts = campaigns::parts(tx, no).unwrap();
    let texts: Vec<&str> = parts.iter().map(String::as_str).collect();
    assert_eq!(spec::canonical(record.kind, &texts), record.spec, "I7: campaign {no}");
    assert_eq!(spec::sha256_hex(&record.spec), record.spec_sha256, "I7: campaign {no}");
    let strangers = "select count(*) from response r where campaign_no = $1 and not exists \
        (select 1 from assignment a where a.campaign_no = r.campaign_no and a.host_no = r.host_no)";
    let found: i64 = tx.query_one(strangers, &[Cell::from(no)]).unwrap().get(0).unwrap();
    assert_eq!(found, 0, "I4: campaign {no}");
    let unanswered = "select count(*) from assignment a where campaign_no = $1 \
        and state = 'responded' and not exists (select 1 from response r \
        where a.campaign_no = r.campaign_no and a.host_no = r.host_no)";
    let found: i64 = tx.query_one(unanswered, &[Cell::from(no)]).unwrap().get(0).unwrap();
    assert_eq!(found, 0, "responded without a response: campaign {no}");
}

/// I3, I8 and I9 of each response, and that its rows can be read.
fn rows(tx: &mut Tx<'_>, no: i64) {
    let record = campaigns::by_no(tx, no).unwrap().unwrap();
    let mut hosts = std::collections::HashSet::new();
    let mut after = -1;
    loop {
        let found = responses::list(tx, no, None, after, 500).unwrap();
        let Some(last) = found.last() else { break };
        after = last.seq;
        for response in found {
            let host = response.host_id;
            assert!(hosts.insert(host), "I3: {host} twice in campaign {no}");
            let late = response.received_at > record.ledger.live_until;
            assert_eq!(response.late, late, "I9: {host} in campaign {no}");
            assert!(response.stored_rows <= record.host_row_cap, "I8: {host} in campaign {no}");
            let cut = response.stored_rows < response.row_count;
            assert_eq!(response.truncated, cut, "I8: {host} in campaign {no}");
            if record.rows_dropped {
                continue;
            }
            let chunks = responses::chunks(tx, no, response.seq, 0, 100_000).unwrap();
            let mut next = 0;
            for chunk in chunks {
                assert_eq!(chunk.first_row, next, "a gap in {host} of campaign {no}");
                let lines = decode(&chunk.data).unwrap().lines().count();
                assert_eq!(i64::try_from(lines).unwrap(), chunk.row_count);
                next += chunk.row_count;
            }
            assert_eq!(u64::try_from(next).unwrap(), response.stored_rows, "rows of {host}");
        }
    }
}

impl World {
    /// [`hold`] of this server.
    pub async fn holds(&self) {
        hold(&self.server).await;
    }
}

#[tokio::test]
async fn they_hold_of_a_campaign_in_all_its_states() {
    let world = World::new(4).await;
    let id = world.launch("SELECT pid FROM processes").await;
    world.holds().await;
    world.poll(0).await;
    world.fleet.go_offline(3);
    world.read(1).await;
    world
        .covers(
            &id,
            &[
                ("targeted", 4),
                ("responded", 1),
                ("with_rows", 1),
                ("rows_stored", 1),
                ("rows_reported", 1),
                ("offered", 1),
                ("pending", 2),
            ],
        )
        .await;
    world.holds().await;
}

/// The check itself must be able to fail.
#[tokio::test]
#[should_panic(expected = "I6")]
async fn a_wrong_counter_is_noticed() {
    let world = World::new(2).await;
    world.launch("SELECT pid FROM processes").await;
    world.sql("update campaign set pending = pending - 1, lost = lost + 1", vec![]).await;
    world.holds().await;
}

#[tokio::test]
async fn a_wrong_picture_is_noticed() {
    let world = World::new(2).await;
    world.launch("SELECT pid FROM processes").await;
    assert!(world.server.app.picture_matches().unwrap());
    world.server.app.fleet.board_mut(|board| {
        for (_, campaign) in board.campaigns_mut() {
            campaign.parts[0].open.remove(1);
        }
    });
    assert!(!world.server.app.picture_matches().unwrap());
}
