// SPDX-License-Identifier: Apache-2.0
//! The SQL functions and collations a query may use: those of osquery's SQLite and osquery's own.
//!
//! osquery's own are stubs here: they exist so that a statement can be prepared and never compute
//! anything. They are not declared deterministic, so SQLite does not call them while it prepares.

use std::ffi::c_int;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Result};

/// The release of SQLite inside osquery; functions it lacks are errors on hosts.
pub(crate) const SQLITE_OF_OSQUERY: &str = "3.42";

/// Built into SQLite 3.42 and harmless. `load_extension` and the full-text functions are left out.
const BUILT_IN: &[&str] = &[
    "->",
    "->>",
    "abs",
    "avg",
    "changes",
    "char",
    "coalesce",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "lower",
    "ltrim",
    "max",
    "min",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "printf",
    "quote",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "soundex",
    "sqlite_source_id",
    "sqlite_version",
    "strftime",
    "substr",
    "substring",
    "sum",
    "time",
    "total",
    "total_changes",
    "trim",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
];

/// osquery's own, with the numbers of arguments they take; -1 is any number.
const OSQUERY: &[(&str, &[c_int])] = &[
    ("acos", &[1]),
    ("asin", &[1]),
    ("atan", &[1]),
    ("ceil", &[1]),
    ("community_id_v1", &[5, 6]),
    ("community_id_v1_strict", &[5, 6]),
    ("concat", &[-1]),
    ("concat_ws", &[-1]),
    ("conditional_to_base64", &[1]),
    ("cos", &[1]),
    ("cot", &[1]),
    ("degrees", &[1]),
    ("exp", &[1]),
    ("find_file_path_in_cmd", &[1, 2, 3]),
    ("floor", &[1]),
    ("from_base64", &[1]),
    ("in_cidr_block", &[2]),
    ("inet_aton", &[1]),
    ("is_path_deterministic", &[-1]),
    ("log", &[1]),
    ("log10", &[1]),
    ("md5", &[1]),
    ("parent_directory", &[1]),
    ("pi", &[0]),
    ("power", &[2]),
    ("radians", &[1]),
    ("regex_match", &[3]),
    ("regex_split", &[3]),
    ("sha1", &[1]),
    ("sha256", &[1]),
    ("sin", &[1]),
    ("sleep", &[1]),
    ("split", &[3]),
    ("sqrt", &[1]),
    ("tan", &[1]),
    ("to_base64", &[1]),
    ("version_compare", &[2, 3]),
];

/// osquery's only aggregate function.
const OSQUERY_AGGREGATE: &str = "carve";

const COLLATIONS: &[&str] = &["version", "version_arch", "version_dpkg", "version_rhel"];

/// Whether hosts have a function of this name (lower case).
pub(crate) fn is_known(name: &str) -> bool {
    BUILT_IN.contains(&name)
        || name == OSQUERY_AGGREGATE
        || OSQUERY.iter().any(|(own, _)| *own == name)
}

/// Whether a function the guard's own SQLite knows is merely too new for hosts, rather than barred.
pub(crate) fn is_newer(name: &str) -> bool {
    const BARRED: &[&str] =
        &["load_extension", "edit", "match", "regexp", "snippet", "fts3_tokenizer"];
    !BARRED.contains(&name)
}

/// Every function a query may name, sorted: for completion.
pub fn function_names() -> Vec<&'static str> {
    let own = OSQUERY.iter().map(|(name, _)| *name).chain([OSQUERY_AGGREGATE]);
    let is_word = |name: &&str| name.starts_with(|c: char| c.is_ascii_alphabetic());
    let mut names: Vec<_> = BUILT_IN.iter().copied().filter(is_word).chain(own).collect();
    names.sort_unstable();
    names
}

/// Makes osquery's functions and collations known to a connection.
pub(crate) fn register(conn: &Connection) -> Result<()> {
    for (name, counts) in OSQUERY {
        for count in *counts {
            let nothing = |_: &mut Context<'_>| Ok(rusqlite::types::Null);
            conn.create_scalar_function(*name, *count, FunctionFlags::SQLITE_UTF8, nothing)?;
        }
    }
    conn.create_aggregate_function(OSQUERY_AGGREGATE, 1, FunctionFlags::SQLITE_UTF8, Nothing)?;
    for name in COLLATIONS {
        conn.create_collation(*name, |a: &str, b: &str| a.cmp(b))?;
    }
    Ok(())
}

/// An aggregate that computes nothing.
struct Nothing;

impl Aggregate<(), rusqlite::types::Null> for Nothing {
    fn init(&self, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    fn step(&self, _: &mut Context<'_>, (): &mut ()) -> Result<()> {
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, _: Option<()>) -> Result<rusqlite::types::Null> {
        Ok(rusqlite::types::Null)
    }
}
