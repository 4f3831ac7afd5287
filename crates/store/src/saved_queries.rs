// SPDX-License-Identifier: Apache-2.0
//! Saved queries; every text a query ever had is kept as a version.

use mimir_wire::Timestamp;
use mimir_wire::api::saved_query::{NewSavedQuery, SavedQuery, SavedQueryVersion};
use mimir_wire::api::target::Target;
use mimir_wire::api::user::UserRef;
use mimir_wire::ids::SavedQueryId;

use crate::db::{Row, Tx};
use crate::words::Json;
use crate::{Result, contains_pattern, statements, values};

statements! {
    INSERT = "insert into saved_query (id, name, description, sql, target, created_by, \
        created_by_name, created_at, updated_by, updated_by_name, updated_at, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $6, $7, $8, 1)";
    UPDATE = "update saved_query set name = $2, description = $3, sql = $4, target = $5, \
        updated_by = $6, updated_by_name = $7, updated_at = $8, version = version + 1 \
        where id = $1 returning version";
    INSERT_VERSION = "insert into saved_query_version (saved_query_id, version, name, \
        description, sql, target, updated_by, updated_by_name, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    BY_ID = "select id, name, description, sql, target, created_by, created_by_name, created_at, \
        updated_by, updated_by_name, updated_at, version from saved_query where id = $1";
    LIST = "select id, name, description, sql, target, created_by, created_by_name, created_at, \
        updated_by, updated_by_name, updated_at, version from saved_query \
        where (cast($1 as text) is null or lower(name) like $1 escape '\\' \
            or lower(description) like $1 escape '\\' or lower(sql) like $1 escape '\\') \
        and name > $2 order by name limit $3";
    LIST_COUNT = "select count(*) from saved_query \
        where (cast($1 as text) is null or lower(name) like $1 escape '\\' \
            or lower(description) like $1 escape '\\' or lower(sql) like $1 escape '\\')";
    DELETE = "delete from saved_query where id = $1";
    VERSIONS = "select version, name, description, sql, target, updated_by, updated_by_name, \
        updated_at from saved_query_version where saved_query_id = $1 order by version desc";
}

fn saved_query(row: &Row) -> Result<SavedQuery> {
    Ok(SavedQuery {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        sql: row.get(3)?,
        target: row.get::<Json<Target>>(4)?.0,
        created_by: UserRef { id: row.get(5)?, username: row.get(6)? },
        created_at: row.get(7)?,
        updated_by: UserRef { id: row.get(8)?, username: row.get(9)? },
        updated_at: row.get(10)?,
        version: row.get(11)?,
    })
}

fn insert_version(
    tx: &mut Tx<'_>,
    id: SavedQueryId,
    version: i64,
    new: &NewSavedQuery,
    by: &UserRef,
    now: Timestamp,
) -> Result<()> {
    tx.execute_one(
        INSERT_VERSION,
        &values![
            id,
            version,
            new.name.as_str(),
            new.description.as_str(),
            new.sql.as_str(),
            &Json(&new.target),
            by.id,
            by.username.as_str(),
            now
        ],
    )
}

/// Adds a saved query.
///
/// # Errors
/// A conflict when the name is taken; else when the database fails.
pub fn insert(
    tx: &mut Tx<'_>,
    id: SavedQueryId,
    new: &NewSavedQuery,
    by: &UserRef,
    now: Timestamp,
) -> Result<()> {
    let username = by.username.as_str();
    let (name, description, sql) = (&*new.name, &*new.description, &*new.sql);
    let params = values![id, name, description, sql, &Json(&new.target), by.id, username, now];
    tx.execute_one(INSERT, &params)?;
    insert_version(tx, id, 1, new, by, now)
}

/// Replaces a saved query's text; answers whether it exists.
///
/// # Errors
/// A conflict when the name is taken; else when the database fails.
pub fn update(
    tx: &mut Tx<'_>,
    id: SavedQueryId,
    new: &NewSavedQuery,
    by: &UserRef,
    now: Timestamp,
) -> Result<bool> {
    let username = by.username.as_str();
    let (name, description, sql) = (&*new.name, &*new.description, &*new.sql);
    let params = values![id, name, description, sql, &Json(&new.target), by.id, username, now];
    let Some(row) = tx.query_opt(UPDATE, &params)? else { return Ok(false) };
    insert_version(tx, id, row.get(0)?, new, by, now)?;
    Ok(true)
}

/// The saved query of this id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut Tx<'_>, id: SavedQueryId) -> Result<Option<SavedQuery>> {
    tx.query_opt(BY_ID, &values![id])?.as_ref().map(saved_query).transpose()
}

/// Saved queries in order of name, after the name `after`.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, q: Option<&str>, after: &str, limit: u64) -> Result<Vec<SavedQuery>> {
    let params = values![q.map(contains_pattern), after, limit];
    tx.query(LIST, &params)?.iter().map(saved_query).collect()
}

/// How many saved queries the text finds.
///
/// # Errors
/// When the database fails.
pub fn list_count(tx: &mut Tx<'_>, q: Option<&str>) -> Result<u64> {
    tx.query_one(LIST_COUNT, &values![q.map(contains_pattern)])?.get(0)
}

/// Removes a saved query; its versions stay on record. Answers whether it existed.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut Tx<'_>, id: SavedQueryId) -> Result<bool> {
    Ok(tx.execute(DELETE, &values![id])? == 1)
}

/// All versions of a saved query, newest first; also of a deleted one.
///
/// # Errors
/// When the database fails.
pub fn versions(tx: &mut Tx<'_>, id: SavedQueryId) -> Result<Vec<SavedQueryVersion>> {
    let version = |row: &Row| {
        Ok(SavedQueryVersion {
            version: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            sql: row.get(3)?,
            target: row.get::<Json<Target>>(4)?.0,
            updated_by: UserRef { id: row.get(5)?, username: row.get(6)? },
            updated_at: row.get(7)?,
        })
    };
    tx.query(VERSIONS, &values![id])?.iter().map(version).collect()
}
