// SPDX-License-Identifier: Apache-2.0
//! Indicators of compromise. What they were once frozen into (hunts, matches, alerts) has copies of
//! its own; deleting one here changes nothing there.

use mimir_wire::Timestamp;
use mimir_wire::api::indicator::{IndicatorFilter, IndicatorType, IndicatorWarning, Severity};
use mimir_wire::api::user::UserRef;
use mimir_wire::ids::IndicatorId;

use crate::db::{Column, Row, Tx, Value};
use crate::words::Json;
use crate::{Result, contains_pattern, statements, values};

/// An indicator as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorRecord {
    /// Its number inside the server: the order in which they came. Given by the database; of no
    /// meaning in one that is yet to be inserted.
    pub no: i64,
    /// Its id.
    pub id: IndicatorId,
    /// What it is.
    pub kind: IndicatorType,
    /// The normalised value. Kind and value together are unique.
    pub value: String,
    /// How much a match matters.
    pub severity: Severity,
    /// What it is known for.
    pub description: String,
    /// Words to find it by; none has control characters.
    pub tags: Vec<String>,
    /// Where it came from.
    pub source: String,
    /// Whether new hunts may look for it.
    pub active: bool,
    /// When it stops being of interest.
    pub expires_at: Option<Timestamp>,
    /// Warnings that were overridden.
    pub kept_despite: Vec<IndicatorWarning>,
    /// Who added it.
    pub created_by: UserRef,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// The columns of [`record`], in its order.
macro_rules! columns {
    () => {
        "no, id, kind, value, severity, description, tags, source, active, expires_at, \
        kept_despite, created_by, created_by_name, created_at, updated_at"
    };
}

/// What a filter finds; its parameters are those of [`filter_params`].
macro_rules! found {
    () => {
        "(cast($1 as text) is null or lower(value) like $1 escape '\\' \
            or lower(description) like $1 escape '\\' or lower(tags) like $1 escape '\\') \
        and (cast($2 as text) is null or kind = $2) \
        and (cast($3 as text) is null or severity = $3) \
        and (cast($4 as text) is null or lower(tags) like $4 escape '\\') \
        and (cast($5 as text) is null or source = $5) \
        and (cast($6 as boolean) is null \
            or (active and (expires_at is null or expires_at > $7)) = $6)"
    };
}

statements! {
    BY_ID = concat!("select ", columns!(), " from indicator where id = $1");
    LIST = concat!("select ", columns!(), " from indicator where ", found!(),
        " and no < $8 order by no desc limit $9");
    LIST_COUNT = concat!("select count(*) from indicator where ", found!());
    UPDATE = "update indicator set severity = $2, description = $3, tags = $4, active = $5, \
        expires_at = $6, updated_at = $7 where id = $1";
    DELETE = "delete from indicator where id = $1";
}

/// Names of the columns, for statements over many rows.
const COLUMNS: [&str; 15] = [
    "no",
    "id",
    "kind",
    "value",
    "severity",
    "description",
    "tags",
    "source",
    "active",
    "expires_at",
    "kept_despite",
    "created_by",
    "created_by_name",
    "created_at",
    "updated_at",
];

fn record(row: &Row) -> Result<IndicatorRecord> {
    Ok(IndicatorRecord {
        no: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        value: row.get(3)?,
        severity: row.get(4)?,
        description: row.get(5)?,
        tags: tags_of(&row.get::<String>(6)?),
        source: row.get(7)?,
        active: row.get(8)?,
        expires_at: row.get(9)?,
        kept_despite: row.get::<Json<Vec<IndicatorWarning>>>(10)?.0,
        created_by: UserRef { id: row.get(11)?, username: row.get(12)? },
        created_at: row.get(13)?,
        updated_at: row.get(14)?,
    })
}

/// Tags as one text, so that each is found with a line feed before and behind it.
fn tags_text(tags: &[String]) -> String {
    if tags.is_empty() { String::new() } else { format!("\n{}\n", tags.join("\n")) }
}

fn tags_of(text: &str) -> Vec<String> {
    text.split('\n').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// Adds those whose kind and value are not there yet, also not earlier in the same list; answers
/// how many were added.
///
/// # Errors
/// When the database fails.
pub fn insert_new(tx: &mut Tx<'_>, indicators: &[IndicatorRecord]) -> Result<u64> {
    const WRITTEN: [Column; 14] = [
        Column::text("id"),
        Column::text("kind"),
        Column::text("value"),
        Column::text("severity"),
        Column::text("description"),
        Column::text("tags"),
        Column::text("source"),
        Column::bool("active"),
        Column::int("expires_at"),
        Column::text("kept_despite"),
        Column::text("created_by"),
        Column::text("created_by_name"),
        Column::int("created_at"),
        Column::int("updated_at"),
    ];
    let row = |new: &IndicatorRecord| -> Vec<Value> {
        values![
            new.id,
            new.kind,
            new.value.as_str(),
            new.severity,
            new.description.as_str(),
            tags_text(&new.tags),
            new.source.as_str(),
            new.active,
            new.expires_at,
            &Json(&new.kept_despite),
            new.created_by.id,
            new.created_by.username.as_str(),
            new.created_at,
            new.updated_at
        ]
        .to_vec()
    };
    let mut inserted = 0;
    // In slices, so that the rows of a large import are never all in memory twice.
    for slice in indicators.chunks(5_000) {
        let rows: Vec<_> = slice.iter().map(row).collect();
        inserted += tx.insert_many_new("indicator", &WRITTEN, &rows)?;
    }
    Ok(inserted)
}

/// Ids of the indicators with these kinds and values, in order; `None` for those that do not
/// exist.
///
/// # Errors
/// When the database fails.
pub fn ids_of(
    tx: &mut Tx<'_>,
    wanted: &[(IndicatorType, &str)],
) -> Result<Vec<Option<IndicatorId>>> {
    let keys: Vec<_> = wanted.iter().map(|(kind, value)| values![*value, *kind].to_vec()).collect();
    let columns = [Column::text("value"), Column::text("kind")];
    let rows = tx.select_many("indicator", &columns, &["value", "kind", "id"], &keys)?;
    let mut found = std::collections::HashMap::with_capacity(rows.len());
    for row in rows {
        let value: String = row.get(0)?;
        found.insert((row.get::<IndicatorType>(1)?, value), row.get::<IndicatorId>(2)?);
    }
    let id = |(kind, value): &(IndicatorType, &str)| found.get(&(*kind, (*value).to_owned()));
    Ok(wanted.iter().map(|wanted| id(wanted).copied()).collect())
}

/// The indicator of this id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut Tx<'_>, id: IndicatorId) -> Result<Option<IndicatorRecord>> {
    tx.query_opt(BY_ID, &values![id])?.as_ref().map(record).transpose()
}

/// The indicators of these ids, in order; ids of none are passed over.
///
/// # Errors
/// When the database fails.
pub fn by_ids(tx: &mut Tx<'_>, ids: &[IndicatorId]) -> Result<Vec<IndicatorRecord>> {
    let keys: Vec<_> = ids.iter().map(|id| values![*id].to_vec()).collect();
    let rows = tx.select_many("indicator", &[Column::text("id")], &COLUMNS, &keys)?;
    rows.iter().map(record).collect()
}

/// Indicators the filter finds, newest first, before the number `before`.
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &IndicatorFilter,
    now: Timestamp,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<IndicatorRecord>> {
    let mut params = filter_params(filter, now).to_vec();
    params.extend(values![before.unwrap_or(i64::MAX), limit]);
    tx.query(LIST, &params)?.iter().map(record).collect()
}

/// How many indicators the filter finds.
///
/// # Errors
/// When the database fails.
pub fn list_count(tx: &mut Tx<'_>, filter: &IndicatorFilter, now: Timestamp) -> Result<u64> {
    tx.query_one(LIST_COUNT, &filter_params(filter, now))?.get(0)
}

fn filter_params(filter: &IndicatorFilter, now: Timestamp) -> [Value; 7] {
    let tag = filter.tag.as_deref().map(|tag| contains_pattern(&format!("\n{tag}\n")));
    values![
        filter.q.as_deref().map(contains_pattern),
        filter.kind,
        filter.severity,
        tag,
        filter.source.as_deref(),
        filter.active,
        now
    ]
}

/// Stores what of an indicator can be changed, as `after` has it.
///
/// # Errors
/// When the indicator is missing or the database fails.
pub fn update(tx: &mut Tx<'_>, after: &IndicatorRecord) -> Result<()> {
    tx.execute_one(
        UPDATE,
        &values![
            after.id,
            after.severity,
            after.description.as_str(),
            tags_text(&after.tags),
            after.active,
            after.expires_at,
            after.updated_at
        ],
    )
}

/// Removes an indicator; answers whether it existed.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut Tx<'_>, id: IndicatorId) -> Result<bool> {
    Ok(tx.execute(DELETE, &values![id])? == 1)
}
