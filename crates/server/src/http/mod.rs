// SPDX-License-Identifier: Apache-2.0
//! The HTTP surface: the agents' endpoints, the API, and what wraps them. Only here and in
//! `listen` is axum known.

pub mod api;
pub mod body;
pub mod compress;
pub mod console;
pub mod etag;
pub mod extract;
pub mod gate;
pub mod limits;
pub mod openapi;
pub mod operations;
pub mod osquery;
pub mod query_string;
pub mod router;
pub mod sse;
