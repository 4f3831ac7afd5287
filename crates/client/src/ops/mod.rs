// SPDX-License-Identifier: Apache-2.0
//! The operations of the API, one file a noun. Each method is one request and does nothing else.

pub(crate) mod audit;
mod auth;
pub(crate) mod campaign;
mod enrollment;
pub(crate) mod host;
mod indicator;
pub(crate) mod live;
mod query;
mod saved_query;
mod settings;
mod user;

/// Where the API begins.
const API: &str = "/api/v1";
