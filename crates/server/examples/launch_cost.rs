// SPDX-License-Identifier: Apache-2.0
//! What a launch on a large fleet costs: `cargo run --profile quick --example launch_cost -- 100000`.
//! Prints the time until the launch is durable and answered, beside a bare insert of as many rows
//! of that size in a transaction of its own.

use std::time::Instant;

use mimir_server::app::{App, AppConfig, Caller, launch};
use mimir_server::clock::Clock;
use mimir_store::db::{Column, DatabaseUrl};
use mimir_store::{Db, DbError, values};
use mimir_wire::api::campaign::LaunchRequest;
use mimir_wire::api::target::Target;
use mimir_wire::api::user::{Role, User};
use mimir_wire::ids::{HostId, UserId};

/// The floor: a table of the ledger's columns without anything around it.
const FLOOR: &str = "create table floor (campaign_no integer not null, host_no integer not null, \
     state text not null, late integer not null, attempts integer not null, \
     parts_answered integer not null, row_count integer not null, stored_rows integer not null, \
     truncated integer not null, state_changed_at integer not null, \
     primary key (campaign_no, host_no)) strict, without rowid";
const FLOOR_COLUMNS: [Column; 10] = [
    Column::int("campaign_no"),
    Column::int("host_no"),
    Column::text("state"),
    Column::bool("late"),
    Column::int("attempts"),
    Column::int("parts_answered"),
    Column::int("row_count"),
    Column::int("stored_rows"),
    Column::bool("truncated"),
    Column::int("state_changed_at"),
];

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures and tells")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hosts: i64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("mimir-launch-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let url = DatabaseUrl::Sqlite(folder.join("mimir.db"));
    let clock = Clock::system();
    let prepared = clock.clone();
    let app = tokio::task::spawn_blocking(move || {
        let db = Db::open(&url)?;
        mimir_store::migrate(&db).map_err(|error| DbError::Usage(error.to_string()))?;
        let ids = prepared.clone();
        let now = prepared.now();
        db.write(move |tx| {
            for _ in 0..hosts {
                let id = HostId::new(ids.uuid());
                tx.execute_one(
                    "insert into host (id, machine_key, hostname, host_identifier, \
                     hardware_uuid, hardware_serial, instance_id, platform, os_name, os_version, \
                     arch, agent, agent_version, ip_address, enrolled_at, last_seen_at, \
                     reenrollment_blocked) values ($1, $1, $1, $1, $1, $1, $1, 'linux', 'Debian', \
                     '13', 'x86_64', 'osquery', '5.23.1', '10.0.0.1', $2, $2, false)",
                    &values![id, now],
                )?;
            }
            mimir_store::settings::store(
                tx,
                &serde_json::Map::from_iter([("offline_campaigns_enabled".into(), true.into())]),
            )?;
            tx.execute(FLOOR, &[])?;
            Ok::<_, DbError>(())
        })?;
        App::open(db, prepared, AppConfig::default())
    })
    .await??;
    let caller = Caller {
        user: User {
            id: UserId::new(clock.uuid()),
            username: "bench".to_owned(),
            role: Role::Admin,
            capabilities: Vec::new(),
            disabled: false,
            password_change_required: false,
            created_at: clock.now(),
        },
        api_key: None,
        session: None,
        address: String::new(),
    };
    for round in 1..=5 {
        let request = LaunchRequest {
            sql: Some("SELECT pid, name FROM processes".to_owned()),
            target: Some(Target::All {}),
            ..LaunchRequest::default()
        };
        let start = Instant::now();
        let done = launch::launch(&app, caller.clone(), request, None).await;
        let launched = start.elapsed();
        let dispatched = done.map_err(|error| error.detail)?.launched.dispatched_hosts;
        let db = app.db.clone();
        let start = Instant::now();
        tokio::task::spawn_blocking(move || {
            db.write(move |tx| {
                for slice in (0..hosts).collect::<Vec<_>>().chunks(10_000) {
                    let rows: Vec<_> = slice
                        .iter()
                        .map(|no| {
                            values![round, *no, "pending", false, 0, 0, 0, 0, false, 1].to_vec()
                        })
                        .collect();
                    tx.insert_many("floor", &FLOOR_COLUMNS, &rows)?;
                }
                Ok::<_, DbError>(())
            })
        })
        .await??;
        let floor = start.elapsed();
        let ratio = launched.as_secs_f64() / floor.as_secs_f64();
        println!(
            "round {round}: {dispatched} hosts, launch {launched:.0?}, bare insert {floor:.0?}, \
             ratio {ratio:.2}"
        );
    }
    drop(app);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
