// SPDX-License-Identifier: Apache-2.0
//! Pages and cursors. A cursor is opaque to clients: base64 of the JSON of the last item's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mimir_engine::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use mimir_wire::api::page::Page;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{ApiError, ApiResult};

/// Longest cursor that is looked at, in bytes.
const CURSOR_BYTES_MAX: usize = 4096;

/// Which page is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Items wanted; one more is fetched to learn whether there is a next page.
    pub limit: u64,
    /// Key of the last item of the page before.
    pub after: Option<K>,
}

impl<K: DeserializeOwned + Serialize> PageRequest<K> {
    /// Reads the query's `limit` and `cursor`.
    ///
    /// # Errors
    /// `invalid_request` naming the member.
    pub fn new(limit: Option<u64>, cursor: Option<&str>) -> ApiResult<Self> {
        let limit = limit.unwrap_or(PAGE_ITEMS_DEFAULT);
        if !(1..=PAGE_ITEMS_MAX).contains(&limit) {
            let message = format!("limit is {limit}; give 1 to {PAGE_ITEMS_MAX}.");
            return Err(ApiError::field("limit", message));
        }
        let after = cursor.map(decode).transpose()?;
        Ok(Self { limit, after })
    }

    /// How many items to fetch.
    pub fn fetch(&self) -> u64 {
        self.limit + 1
    }

    /// Makes the page of what was fetched; `key` gives an item's key.
    pub fn page<R, T>(
        &self,
        mut fetched: Vec<R>,
        total: Option<u64>,
        key: impl Fn(&R) -> K,
        show: impl FnMut(R) -> T,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = fetched.len() > limit;
        fetched.truncate(limit);
        let next_cursor = fetched.last().filter(|_| more).map(|last| encode(&key(last)));
        Page { items: fetched.into_iter().map(show).collect(), next_cursor, total }
    }
}

/// A cursor that is none of the list that is asked for.
pub fn foreign_cursor() -> ApiError {
    ApiError::field("cursor", "This is no cursor of this list; start without one.")
}

/// A key as a cursor.
pub fn encode<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// The key in a cursor.
///
/// # Errors
/// `invalid_request` when the text is no cursor of this list.
pub fn decode<K: DeserializeOwned>(cursor: &str) -> ApiResult<K> {
    if cursor.len() > CURSOR_BYTES_MAX {
        return Err(foreign_cursor());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign_cursor())?;
    // PostgreSQL has no NUL in texts, so no cursor of ours has one; JSON writes it like this.
    if bytes.windows(6).any(|window| window == br"\u0000") {
        return Err(foreign_cursor());
    }
    serde_json::from_slice(&bytes).map_err(|_| foreign_cursor())
}
