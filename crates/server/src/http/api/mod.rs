// SPDX-License-Identifier: Apache-2.0
//! The handlers of the API, one file a noun: read the request, call one use case, shape the
//! answer. No rule is here; who may call what is the gate's list.

pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod campaigns;
pub mod dashboard;
pub mod enrollment_secrets;
pub mod hosts;
pub mod indicators;
pub mod queries;
pub mod results;
pub mod saved_queries;
pub mod schema;
pub mod settings;
pub mod targets;
pub mod users;

use std::sync::Arc;

use axum::middleware;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::http::compress::compress;

/// Every operation below `/api/v1`, with its description for the OpenAPI document.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .merge(super::openapi::routes())
        .merge(auth::routes())
        .merge(settings::routes())
        .merge(hosts::routes())
        .merge(enrollment_secrets::routes())
        .merge(users::routes())
        .merge(api_keys::routes())
        .merge(schema::routes())
        .merge(targets::routes())
        .merge(queries::routes())
        .merge(saved_queries::routes())
        .merge(indicators::routes())
        .merge(campaigns::routes())
        .merge(results::routes())
        .merge(audit::routes())
        .merge(dashboard::routes())
        .layer(middleware::from_fn(compress))
}

/// The direction of a sorted list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListOrder {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

impl ListOrder {
    /// Whether the largest comes first.
    pub fn is_descending(self) -> bool {
        self == Self::Desc
    }
}

/// Which page of a list without filters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct PageParams {
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageParams {
    /// The page these parameters ask for.
    ///
    /// # Errors
    /// `invalid_request` naming the parameter.
    pub fn request<K>(&self) -> crate::problem::ApiResult<crate::app::page::PageRequest<K>>
    where
        K: serde::Serialize + serde::de::DeserializeOwned,
    {
        crate::app::page::PageRequest::new(self.limit, self.cursor.as_deref())
    }
}
