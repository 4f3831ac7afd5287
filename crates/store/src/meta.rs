// SPDX-License-Identifier: Apache-2.0
//! Facts about this installation, such as the secret that ids are derived from.

use crate::db::Tx;
use crate::{Result, statements, values};

statements! {
    GET = "select value from meta where name = $1";
    PUT_NEW = "insert into meta (name, value) values ($1, $2) on conflict (name) do nothing";
}

/// The value stored under `name`, storing `fresh` first if there is none. All replicas get the
/// same value, whoever comes first.
///
/// # Errors
/// When the database fails.
pub fn get_or_insert(tx: &mut Tx<'_>, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
    tx.execute(PUT_NEW, &values![name, fresh])?;
    tx.query_one(GET, &values![name])?.get(0)
}
