// SPDX-License-Identifier: Apache-2.0
//! Hosts. Inside the server a host goes by its number, which is dense and small; outside by its
//! id.

use mimir_wire::Timestamp;
use mimir_wire::api::target::Platform;
use mimir_wire::ids::HostId;

use crate::db::{Column, Row, Tx, Value};
use crate::{Result, contains_pattern, statements, values};

/// What a host says of itself when it enrols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Its name.
    pub hostname: String,
    /// What its agent calls it.
    pub host_identifier: String,
    /// The machine's UUID.
    pub hardware_uuid: String,
    /// The machine's serial number.
    pub hardware_serial: String,
    /// The agent's own random id.
    pub instance_id: String,
    /// Which of osquery's platforms it is.
    pub platform: Option<Platform>,
    /// Name of the operating system.
    pub os_name: String,
    /// Version of the operating system.
    pub os_version: String,
    /// Processor architecture.
    pub arch: String,
    /// `osquery` or `mimir-agent`.
    pub agent: String,
    /// Version of the agent.
    pub agent_version: String,
    /// The address it came from.
    pub ip_address: String,
}

/// A host as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRecord {
    /// Its number inside the server.
    pub no: i64,
    /// Its id.
    pub id: HostId,
    /// What it said of itself.
    pub facts: HostFacts,
    /// When it first enrolled.
    pub enrolled_at: Timestamp,
    /// When it was last heard of, to a few seconds.
    pub last_seen_at: Timestamp,
    /// When it was decommissioned.
    pub decommissioned_at: Option<Timestamp>,
    /// Whether the machine may not enrol again.
    pub reenrollment_blocked: bool,
    /// When two machines were last found using its key.
    pub clone_seen_at: Option<Timestamp>,
}

/// Which hosts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the name, identifier, serial, UUID or address.
    pub q: Option<String>,
    /// The platform.
    pub platform: Option<Platform>,
    /// Last heard of at or after.
    pub seen_from: Option<Timestamp>,
    /// Last heard of before.
    pub seen_before: Option<Timestamp>,
    /// Decommissioned ones only, or living ones only; both when absent.
    pub decommissioned: Option<bool>,
}

/// By what hosts can be ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// Their name.
    #[default]
    Hostname,
    /// When they were last heard of, as it is stored.
    LastSeen,
    /// When they first enrolled.
    Enrolled,
}

/// An order of hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: SortBy,
    /// Largest first.
    pub descending: bool,
}

/// What a host is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortValue {
    /// Its name.
    Name(String),
    /// A point in time.
    Time(Timestamp),
}

/// The few facts of a host that are kept in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostBrief {
    /// Its number.
    pub no: i64,
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub hostname: String,
    /// Which of osquery's platforms it is.
    pub platform: Option<Platform>,
    /// The machine's UUID.
    pub hardware_uuid: String,
    /// The machine's serial number.
    pub hardware_serial: String,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
    /// Whether it is cut off.
    pub decommissioned: bool,
}

/// Counts of hosts by how recently they were heard of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// At or after the first bound.
    pub online: u64,
    /// Between the bounds.
    pub stale: u64,
    /// Before the second bound.
    pub offline: u64,
    /// Cut off.
    pub decommissioned: u64,
}

/// The columns of [`record`], in its order.
macro_rules! columns {
    () => {
        "no, id, hostname, host_identifier, hardware_uuid, hardware_serial, \
        instance_id, platform, os_name, os_version, arch, agent, agent_version, ip_address, \
        enrolled_at, last_seen_at, decommissioned_at, reenrollment_blocked, clone_seen_at"
    };
}

/// What [`Filter`] finds; its parameters are those of [`filter_params`].
macro_rules! found {
    () => {
        "(cast($1 as text) is null or lower(hostname) like $1 escape '\\' \
            or lower(host_identifier) like $1 escape '\\' \
            or lower(hardware_uuid) like $1 escape '\\' \
            or lower(hardware_serial) like $1 escape '\\' or ip_address like $1 escape '\\') \
        and (cast($2 as text) is null or platform = $2) \
        and last_seen_at >= $3 and last_seen_at < $4 \
        and (cast($5 as boolean) is null or (decommissioned_at is not null) = $5)"
    };
}

/// A page of hosts in the order of a column and, among equals, of their number.
macro_rules! listed {
    ($column:literal, $behind:literal, $order:literal) => {
        concat!(
            "select ",
            columns!(),
            " from host where ",
            found!(),
            " and ($8 or (",
            $column,
            ", no) ",
            $behind,
            " ($6, $7)) order by ",
            $column,
            " ",
            $order,
            ", no ",
            $order,
            " limit $9"
        )
    };
}

statements! {
    INSERT = "insert into host (id, machine_key, hostname, host_identifier, hardware_uuid, \
        hardware_serial, instance_id, platform, os_name, os_version, arch, agent, agent_version, \
        ip_address, enrolled_at, last_seen_at, reenrollment_blocked) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16) \
        returning no";
    UPDATE_FACTS = "update host set hostname = $2, host_identifier = $3, hardware_uuid = $4, \
        hardware_serial = $5, instance_id = $6, platform = $7, os_name = $8, os_version = $9, \
        arch = $10, agent = $11, agent_version = $12, ip_address = $13, last_seen_at = $14 \
        where no = $1";
    BY_ID = concat!("select ", columns!(), " from host where id = $1");
    BY_MACHINE = concat!("select ", columns!(), " from host where machine_key = $1 \
        and decommissioned_at is null");
    MACHINE_BLOCKED = "select count(*) from host where machine_key = $1 and reenrollment_blocked";
    BY_NAME = listed!("hostname", ">", "asc");
    BY_NAME_DOWN = listed!("hostname", "<", "desc");
    BY_SEEN = listed!("last_seen_at", ">", "asc");
    BY_SEEN_DOWN = listed!("last_seen_at", "<", "desc");
    BY_ENROLLED = listed!("enrolled_at", ">", "asc");
    BY_ENROLLED_DOWN = listed!("enrolled_at", "<", "desc");
    LIST_COUNT = concat!("select count(*) from host where ", found!());
    BRIEF_ALL = "select no, id, hostname, platform, hardware_uuid, hardware_serial, \
        last_seen_at, decommissioned_at is not null from host where no > $1 \
        order by no limit $2";
    BRIEF_ONE = "select no, id, hostname, platform, hardware_uuid, hardware_serial, \
        last_seen_at, decommissioned_at is not null from host where no = $1";
    LIVING_NOS = "select no from host where decommissioned_at is null order by no";
    SEEN_SINCE = "select no, last_seen_at from host where last_seen_at > $1";
    DECOMMISSION = "update host set decommissioned_at = $2, reenrollment_blocked = $3 \
        where no = $1 and decommissioned_at is null";
    CLONE_SEEN = "update host set clone_seen_at = $2 where no = $1";
    COUNTS_FOUND = concat!("select count(case when decommissioned_at is null \
            and last_seen_at >= $6 then 1 end), \
        count(case when decommissioned_at is null and last_seen_at < $6 \
            and last_seen_at >= $7 then 1 end), \
        count(case when decommissioned_at is null and last_seen_at < $7 then 1 end), \
        count(case when decommissioned_at is not null then 1 end) from host where ", found!());
    COUNTS = "select count(case when decommissioned_at is null and last_seen_at >= $1 \
            then 1 end), \
        count(case when decommissioned_at is null and last_seen_at < $1 \
            and last_seen_at >= $2 then 1 end), \
        count(case when decommissioned_at is null and last_seen_at < $2 then 1 end), \
        count(case when decommissioned_at is not null then 1 end) from host";
}

fn record(row: &Row) -> Result<HostRecord> {
    Ok(HostRecord {
        no: row.get(0)?,
        id: row.get(1)?,
        facts: HostFacts {
            hostname: row.get(2)?,
            host_identifier: row.get(3)?,
            hardware_uuid: row.get(4)?,
            hardware_serial: row.get(5)?,
            instance_id: row.get(6)?,
            platform: row.get(7)?,
            os_name: row.get(8)?,
            os_version: row.get(9)?,
            arch: row.get(10)?,
            agent: row.get(11)?,
            agent_version: row.get(12)?,
            ip_address: row.get(13)?,
        },
        enrolled_at: row.get(14)?,
        last_seen_at: row.get(15)?,
        decommissioned_at: row.get(16)?,
        reenrollment_blocked: row.get(17)?,
        clone_seen_at: row.get(18)?,
    })
}

fn brief(row: &Row) -> Result<HostBrief> {
    Ok(HostBrief {
        no: row.get(0)?,
        id: row.get(1)?,
        hostname: row.get(2)?,
        platform: row.get(3)?,
        hardware_uuid: row.get(4)?,
        hardware_serial: row.get(5)?,
        last_seen_at: row.get(6)?,
        decommissioned: row.get(7)?,
    })
}

/// Adds a host; answers its number.
///
/// # Errors
/// A conflict when a living host of the same machine exists; else when the database fails.
pub fn insert(
    tx: &mut Tx<'_>,
    id: HostId,
    machine_key: &str,
    facts: &HostFacts,
    now: Timestamp,
) -> Result<i64> {
    let f = facts;
    let row = tx.query_one(
        INSERT,
        &values![
            id,
            machine_key,
            f.hostname.as_str(),
            f.host_identifier.as_str(),
            f.hardware_uuid.as_str(),
            f.hardware_serial.as_str(),
            f.instance_id.as_str(),
            f.platform,
            f.os_name.as_str(),
            f.os_version.as_str(),
            f.arch.as_str(),
            f.agent.as_str(),
            f.agent_version.as_str(),
            f.ip_address.as_str(),
            now,
            false
        ],
    )?;
    row.get(0)
}

/// Stores what a known host says of itself now.
///
/// # Errors
/// When the host is missing or the database fails.
pub fn update_facts(tx: &mut Tx<'_>, no: i64, facts: &HostFacts, now: Timestamp) -> Result<()> {
    let f = facts;
    tx.execute_one(
        UPDATE_FACTS,
        &values![
            no,
            f.hostname.as_str(),
            f.host_identifier.as_str(),
            f.hardware_uuid.as_str(),
            f.hardware_serial.as_str(),
            f.instance_id.as_str(),
            f.platform,
            f.os_name.as_str(),
            f.os_version.as_str(),
            f.arch.as_str(),
            f.agent.as_str(),
            f.agent_version.as_str(),
            f.ip_address.as_str(),
            now
        ],
    )
}

/// The host of this id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut Tx<'_>, id: HostId) -> Result<Option<HostRecord>> {
    tx.query_opt(BY_ID, &values![id])?.as_ref().map(record).transpose()
}

/// The living host of this machine.
///
/// # Errors
/// When the database fails.
pub fn by_machine(tx: &mut Tx<'_>, machine_key: &str) -> Result<Option<HostRecord>> {
    tx.query_opt(BY_MACHINE, &values![machine_key])?.as_ref().map(record).transpose()
}

/// Whether an administrator has barred this machine.
///
/// # Errors
/// When the database fails.
pub fn machine_blocked(tx: &mut Tx<'_>, machine_key: &str) -> Result<bool> {
    Ok(tx.query_one(MACHINE_BLOCKED, &values![machine_key])?.get::<u64>(0)? > 0)
}

/// Hosts in this order, behind the host `after`: what they are ordered by, and its number.
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    order: Order,
    after: Option<(SortValue, i64)>,
    limit: u64,
) -> Result<Vec<HostRecord>> {
    let sql = match (order.by, order.descending) {
        (SortBy::Hostname, false) => BY_NAME,
        (SortBy::Hostname, true) => BY_NAME_DOWN,
        (SortBy::LastSeen, false) => BY_SEEN,
        (SortBy::LastSeen, true) => BY_SEEN_DOWN,
        (SortBy::Enrolled, false) => BY_ENROLLED,
        (SortBy::Enrolled, true) => BY_ENROLLED_DOWN,
    };
    let first = after.is_none();
    let (value, no) = after.unwrap_or_else(|| match order.by {
        SortBy::Hostname => (SortValue::Name(String::new()), 0),
        SortBy::LastSeen | SortBy::Enrolled => (SortValue::Time(Timestamp::from_micros(0)), 0),
    });
    let value: Value = match value {
        SortValue::Name(name) => name.into(),
        SortValue::Time(at) => at.into(),
    };
    let mut params = filter_params(filter).to_vec();
    params.push(value);
    params.extend(values![no, first, limit]);
    tx.query(sql, &params)?.iter().map(record).collect()
}

/// Counts the hosts the filter finds by how recently they were heard of.
///
/// # Errors
/// When the database fails.
pub fn counts_found(
    tx: &mut Tx<'_>,
    filter: &Filter,
    online_from: Timestamp,
    offline_before: Timestamp,
) -> Result<StatusCounts> {
    let mut params = filter_params(filter).to_vec();
    params.extend(values![online_from, offline_before]);
    status_counts(&tx.query_one(COUNTS_FOUND, &params)?)
}

/// How many hosts the filter finds.
///
/// # Errors
/// When the database fails.
pub fn list_count(tx: &mut Tx<'_>, filter: &Filter) -> Result<u64> {
    tx.query_one(LIST_COUNT, &filter_params(filter))?.get(0)
}

fn filter_params(filter: &Filter) -> [Value; 5] {
    values![
        filter.q.as_deref().map(contains_pattern),
        filter.platform,
        filter.seen_from.map_or(i64::MIN, Timestamp::micros),
        filter.seen_before.map_or(i64::MAX, Timestamp::micros),
        filter.decommissioned
    ]
}

/// All hosts in brief, in order of number, after `after`.
///
/// # Errors
/// When the database fails.
pub fn briefs(tx: &mut Tx<'_>, after: i64, limit: u64) -> Result<Vec<HostBrief>> {
    tx.query(BRIEF_ALL, &values![after, limit])?.iter().map(brief).collect()
}

/// One host in brief.
///
/// # Errors
/// When the database fails.
pub fn brief_by_no(tx: &mut Tx<'_>, no: i64) -> Result<Option<HostBrief>> {
    tx.query_opt(BRIEF_ONE, &values![no])?.as_ref().map(brief).transpose()
}

/// Numbers of all hosts that are not decommissioned.
///
/// # Errors
/// When the database fails.
pub fn living_nos(tx: &mut Tx<'_>) -> Result<Vec<i64>> {
    tx.query(LIVING_NOS, &[])?.iter().map(|row| row.get(0)).collect()
}

/// Hosts heard of after `since`, on whichever replica.
///
/// # Errors
/// When the database fails.
pub fn seen_since(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<(i64, Timestamp)>> {
    tx.query(SEEN_SINCE, &values![since])?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

/// Stores when hosts were last heard of.
///
/// # Errors
/// When the database fails.
pub fn set_last_seen(tx: &mut Tx<'_>, seen: &[(i64, Timestamp)]) -> Result<u64> {
    let rows: Vec<_> = seen.iter().map(|(no, at)| values![*no, *at].to_vec()).collect();
    tx.update_many("host", &[Column::int("no")], &[Column::int("last_seen_at")], &rows)
}

/// Cuts a host off; answers whether it was living.
///
/// # Errors
/// When the database fails.
pub fn decommission(tx: &mut Tx<'_>, no: i64, block: bool, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(DECOMMISSION, &values![no, now, block])? == 1)
}

/// Notes that two machines were found using this host's key.
///
/// # Errors
/// When the database fails.
pub fn clone_seen(tx: &mut Tx<'_>, no: i64, now: Timestamp) -> Result<()> {
    tx.execute_one(CLONE_SEEN, &values![no, now])
}

/// Counts hosts by how recently they were heard of.
///
/// # Errors
/// When the database fails.
pub fn counts(
    tx: &mut Tx<'_>,
    online_from: Timestamp,
    offline_before: Timestamp,
) -> Result<StatusCounts> {
    status_counts(&tx.query_one(COUNTS, &values![online_from, offline_before])?)
}

fn status_counts(row: &Row) -> Result<StatusCounts> {
    Ok(StatusCounts {
        online: row.get(0)?,
        stale: row.get(1)?,
        offline: row.get(2)?,
        decommissioned: row.get(3)?,
    })
}
