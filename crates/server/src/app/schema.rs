// SPDX-License-Identifier: Apache-2.0
//! What hosts can be asked, as one document: made when it is first wanted under a deny-list and
//! kept until the list changes.

use std::sync::Arc;

use bytes::Bytes;
use mimir_sqlguard::{DenyList, catalogue};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::app::state::hop;
use crate::problem::{ApiError, ApiResult};

/// Characters of the document's hash that tell it from any other.
const TAG_CHARS: usize = 32;

/// The document under one deny-list.
#[derive(Debug)]
pub struct SchemaDocument {
    /// JSON.
    pub json: Bytes,
    /// Its hash, without quotes.
    pub etag: String,
    list: Arc<DenyList>,
}

/// The document under the deny-list in force.
///
/// # Errors
/// `internal` when it cannot be written as JSON.
pub async fn read(app: &Arc<App>) -> ApiResult<Arc<SchemaDocument>> {
    let list = app.deny_list();
    if let Some(known) = app.schema.load_full()
        && *known.list == *list
    {
        return Ok(known);
    }
    let app = Arc::clone(app);
    hop(move || {
        let json = serde_json::to_vec(&catalogue(&list)).map_err(ApiError::internal)?;
        let mut etag = hex::encode(Sha256::digest(&json));
        etag.truncate(TAG_CHARS);
        let made = Arc::new(SchemaDocument { json: json.into(), etag, list });
        app.schema.store(Some(Arc::clone(&made)));
        Ok(made)
    })
    .await
}
