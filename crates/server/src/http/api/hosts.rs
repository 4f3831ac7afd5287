// SPDX-License-Identifier: Apache-2.0
//! Hosts.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use mimir_store::hosts::{Order, SortBy};
use mimir_wire::api::campaign::HostCampaign;
use mimir_wire::api::host::{Decommission, Host, HostCounts, HostStatus};
use mimir_wire::api::page::Page;
use mimir_wire::api::target::Platform;
use mimir_wire::ids::HostId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::hosts::HostQuery;
use crate::app::page::PageRequest;
use crate::app::{App, Caller, history, hosts};
use crate::http::api::{ListOrder, PageParams};
use crate::http::extract::{Id, Json, Query};
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(counts))
        .routes(routes!(read))
        .routes(routes!(host_campaigns))
        .routes(routes!(decommission))
}

/// By what hosts are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    /// Their name.
    #[default]
    Hostname,
    /// When they were last heard of, to a few seconds.
    LastSeen,
    /// When they first enrolled.
    Enrolled,
}

/// Which hosts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct HostParams {
    /// Text in the name, identifier, UUID, serial number or address.
    q: Option<String>,
    /// How recently they were heard of.
    status: Option<HostStatus>,
    /// Their operating system.
    platform: Option<Platform>,
    /// By what they are ordered; `hostname` when absent.
    #[param(inline)]
    sort: Sort,
    /// `asc` when absent.
    #[param(inline)]
    order: ListOrder,
    /// Items wanted; 50 when absent, 500 at the most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List hosts
///
/// In order of name unless told otherwise.
#[utoipa::path(
    get, path = "/hosts", tag = "hosts", params(HostParams),
    responses((status = 200, description = "A page of hosts", body = Page<Host>))
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(params): Query<HostParams>,
) -> ApiResult<Answer<Page<Host>>> {
    let HostParams { q, status, platform, sort, order, limit, cursor } = params;
    let page = PageRequest::new(limit, cursor.as_deref())?;
    let by = match sort {
        Sort::Hostname => SortBy::Hostname,
        Sort::LastSeen => SortBy::LastSeen,
        Sort::Enrolled => SortBy::Enrolled,
    };
    let order = Order { by, descending: order.is_descending() };
    hosts::list(&app, HostQuery { q, status, platform }, order, page).await.map(Answer)
}

/// Which hosts to count.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct HostCountParams {
    /// Text in the name, identifier, UUID, serial number or address.
    q: Option<String>,
    /// Their operating system.
    platform: Option<Platform>,
}

/// Count hosts by status
#[utoipa::path(
    get, path = "/hosts/counts", tag = "hosts", params(HostCountParams),
    responses((status = 200, description = "The counts", body = HostCounts))
)]
async fn counts(
    State(app): State<Arc<App>>,
    Query(params): Query<HostCountParams>,
) -> ApiResult<Answer<HostCounts>> {
    let HostCountParams { q, platform } = params;
    hosts::counts(&app, HostQuery { q, status: None, platform }).await.map(Answer)
}

/// One host
#[utoipa::path(
    get, path = "/hosts/{id}", tag = "hosts", params(("id" = HostId, Path)),
    responses((status = 200, description = "The host", body = Host))
)]
async fn read(State(app): State<Arc<App>>, Id(id): Id<HostId>) -> ApiResult<Answer<Host>> {
    hosts::read(&app, id).await.map(Answer)
}

/// What a host was asked
///
/// The campaigns that targeted it, newest first, with its answers. A page may hold fewer than
/// `limit` and still have a next one: the search goes on there.
#[utoipa::path(
    get, path = "/hosts/{id}/campaigns", tag = "hosts",
    params(("id" = HostId, Path), PageParams),
    responses((status = 200, description = "A page of campaigns", body = Page<HostCampaign>))
)]
async fn host_campaigns(
    State(app): State<Arc<App>>,
    Id(id): Id<HostId>,
    Query(params): Query<PageParams>,
) -> ApiResult<Answer<Page<HostCampaign>>> {
    history::of_host(&app, id, params.request()?).await.map(Answer)
}

/// Cut a host off
///
/// Its key is worthless at once, what it was still asked is cancelled, its history stays.
#[utoipa::path(
    post, path = "/hosts/{id}/decommission", tag = "hosts", params(("id" = HostId, Path)),
    request_body = Decommission,
    responses((status = 200, description = "The host as it is now", body = Host))
)]
async fn decommission(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<HostId>,
    Json(request): Json<Decommission>,
) -> ApiResult<Answer<Host>> {
    hosts::decommission(&app, caller, id, request).await.map(Answer)
}
