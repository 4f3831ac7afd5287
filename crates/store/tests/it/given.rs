// SPDX-License-Identifier: Apache-2.0
//! What the tests of this crate start from: ids by number, hosts, accounts, campaigns, answers.

use std::fmt::Debug;
use std::str::FromStr;

use mimir_engine::campaign::ledger::{CampaignLedger, Event};
use mimir_engine::campaign::spec;
use mimir_store::campaigns::{self, NewCampaign};
use mimir_store::db::{Db, Tx};
use mimir_store::hosts::{self, HostFacts};
use mimir_store::ledger::{Happened, Item, NewAnswer, NewChunk};
use mimir_store::{DbError, Result};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{CampaignKind, Outcome};
use mimir_wire::api::target::{Platform, Target};
use mimir_wire::api::user::UserRef;

/// Texts that somebody will type or send sooner or later.
pub const HOSTILE: &[&str] = &[
    "O'Brien\"; drop table host; --",
    "\u{202e}gpj.exe\u{202c}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "100%",
    "under_score",
    "back\\slash\\",
    "line\nbreak\ttab\r",
    "\u{1f600} e\u{301} \u{3a9}",
    "null",
    "$1 ?1 :name @p",
    "{\"json\": [1]}",
    "'",
    " ",
];

/// The `n`-th id of whichever kind.
pub fn id<T: FromStr<Err: Debug>>(n: u32) -> T {
    format!("00000000-0000-7000-8000-{n:012x}").parse().unwrap()
}

pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// A write that must succeed.
pub fn write<T: Send + 'static>(
    db: &Db,
    work: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> T {
    db.write(work).unwrap()
}

/// A read that must succeed.
pub fn read<T: Send + 'static>(
    db: &Db,
    work: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> T {
    db.read(work).unwrap()
}

/// A write that must fail.
pub fn refused<T: Debug + Send + 'static>(
    db: &Db,
    work: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> DbError {
    db.write(work).unwrap_err()
}

pub fn assert_conflict(error: &DbError, constraint: &str) {
    let expected = DbError::Conflict { constraint: constraint.to_owned() };
    assert_eq!(*error, expected);
}

pub fn assert_missing(error: &DbError) {
    assert!(matches!(error, DbError::RowCount { actual: 0, .. }), "{error:?}");
}

/// All pages of a list: each is asked for with the last item of the one before.
pub fn pages<T>(mut fetch: impl FnMut(Option<&T>) -> Vec<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let page = fetch(all.last());
        if page.is_empty() {
            return all;
        }
        all.extend(page);
        assert!(all.len() < 10_000, "paging never ends");
    }
}

pub fn user(n: u32) -> UserRef {
    UserRef { id: id(n), username: format!("user{n}") }
}

pub fn facts(hostname: &str) -> HostFacts {
    HostFacts {
        hostname: hostname.to_owned(),
        host_identifier: format!("ident-{hostname}"),
        hardware_uuid: format!("uuid-{hostname}"),
        hardware_serial: format!("serial-{hostname}"),
        instance_id: "instance".to_owned(),
        platform: Some(Platform::Linux),
        os_name: "Debian GNU/Linux".to_owned(),
        os_version: "13".to_owned(),
        arch: "x86_64".to_owned(),
        agent: "osquery".to_owned(),
        agent_version: "5.23.1".to_owned(),
        ip_address: "192.0.2.7".to_owned(),
    }
}

/// Adds the `n`-th host, last heard of `n` seconds after 1970; answers its number.
pub fn host(tx: &mut Tx<'_>, n: u32, hostname: &str) -> Result<i64> {
    let machine = format!("machine-{n}");
    hosts::insert(tx, id(n), &machine, &facts(hostname), at(n.into()))
}

/// Adds hosts `host-1` and so on.
pub fn some_hosts(db: &Db, count: u32) -> Vec<i64> {
    write(db, move |tx| (1..=count).map(|n| host(tx, n, &format!("host-{n}"))).collect())
}

/// The parts of a campaign that tests vary.
#[derive(Debug, Clone)]
pub struct Shape {
    pub parts: u32,
    pub host_row_cap: u64,
    pub aggregate_row_cap: u64,
    pub live_until: Timestamp,
}

pub fn shape() -> Shape {
    let live_until = at(1_600);
    Shape { parts: 1, host_row_cap: 1_000, aggregate_row_cap: 1_000_000, live_until }
}

pub fn new_campaign(n: u32, targeted: usize, shape: &Shape) -> NewCampaign {
    let sqls: Vec<String> = (0..shape.parts).map(|part| format!("SELECT {part}, '%'")).collect();
    let texts: Vec<&str> = sqls.iter().map(String::as_str).collect();
    let spec = spec::canonical(CampaignKind::Osquery, &texts);
    let targeted = u64::try_from(targeted).unwrap();
    let Shape { parts, aggregate_row_cap, live_until, host_row_cap } = *shape;
    NewCampaign {
        id: id(n),
        name: format!("Campaign {n}"),
        kind: CampaignKind::Osquery,
        created_at: at(1_000),
        created_by: user(1),
        target: Target::All {},
        multi_host: true,
        live_window_minutes: 10,
        spec_sha256: spec::sha256_hex(&spec),
        spec,
        parts: sqls,
        host_row_cap,
        host_byte_cap: 1 << 20,
        warnings: vec!["needs a `path` constraint".to_owned()],
        ledger: CampaignLedger::new(targeted, parts, live_until, aggregate_row_cap),
    }
}

/// Launches the `n`-th campaign on these hosts; answers its number.
pub fn launch(db: &Db, n: u32, host_nos: &[i64], shape: &Shape) -> i64 {
    let (new, host_nos) = (new_campaign(n, host_nos.len(), shape), host_nos.to_vec());
    write(db, move |tx| campaigns::insert(tx, &new, &host_nos))
}

/// An answer of `rows` rows, in chunks of at most ten.
pub fn rows(part: u32, rows: u64) -> NewAnswer {
    let chunk = |place: u64| NewChunk {
        first_row: place * 10,
        row_count: (rows - place * 10).min(10),
        data: format!("part {part} chunk {place}").into_bytes(),
    };
    NewAnswer {
        part,
        outcome: if rows == 0 { Outcome::Empty } else { Outcome::Rows },
        row_count: rows,
        error: None,
        stats: Some(
            r#"{"wall_time_ms":12,"user_time":10,"system_time":1,"memory":4096}"#.to_owned(),
        ),
        columns: if rows == 0 { "[]" } else { r#"["pid","name"]"# }.to_owned(),
        chunks: (0..rows.div_ceil(10)).map(chunk).collect(),
        attempts: 1,
        offered_at: Some(at(1_001)),
    }
}

/// An answer that says why there is none.
pub fn failed(part: u32, outcome: Outcome, error: &str) -> NewAnswer {
    let error = Some(error.to_owned());
    NewAnswer { outcome, error, stats: None, ..rows(part, 0) }
}

pub fn answered(campaign_no: i64, host_no: i64, answer: NewAnswer) -> Item {
    Item { campaign_no, host_no, happened: Happened::Answer(answer) }
}

pub fn happened(campaign_no: i64, host_no: i64, event: Event) -> Item {
    Item { campaign_no, host_no, happened: Happened::Event(event) }
}

pub fn offered(campaign_no: i64, host_no: i64, attempt: u32, when: Timestamp) -> Item {
    happened(campaign_no, host_no, Event::Offered { attempt, at: when })
}

/// Applies a batch at this time.
pub fn apply(db: &Db, items: &[Item], now: Timestamp) -> mimir_store::ledger::Applied {
    let items = items.to_vec();
    write(db, move |tx| mimir_store::ledger::apply(tx, &items, now))
}
