// SPDX-License-Identifier: Apache-2.0
//! Accounts.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use mimir_wire::api::page::Page;
use mimir_wire::api::user::{NewUser, User, UserPatch};
use mimir_wire::ids::UserId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::app::page::PageRequest;
use crate::app::{App, Caller, accounts};
use crate::http::extract::{Id, Json, Query};
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(read, change))
}

/// List accounts
///
/// In order of name.
#[utoipa::path(
    get, path = "/users", tag = "users", params(PageParams),
    responses((status = 200, description = "A page of accounts", body = Page<User>))
)]
async fn list(
    State(app): State<Arc<App>>,
    Query(params): Query<PageParams>,
) -> ApiResult<Answer<Page<User>>> {
    let page = PageRequest::new(params.limit, params.cursor.as_deref())?;
    accounts::list(&app, page).await.map(Answer)
}

/// Make an account
///
/// Its password is a one-time password, to be changed at the first sign-in.
#[utoipa::path(
    post, path = "/users", tag = "users", request_body = NewUser,
    responses((status = 201, description = "The account", body = User))
)]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(new): Json<NewUser>,
) -> ApiResult<(StatusCode, Answer<User>)> {
    Ok((StatusCode::CREATED, Answer(accounts::create(&app, caller, new).await?)))
}

/// One account
#[utoipa::path(
    get, path = "/users/{id}", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, description = "The account", body = User))
)]
async fn read(State(app): State<Arc<App>>, Id(id): Id<UserId>) -> ApiResult<Answer<User>> {
    accounts::read(&app, id).await.map(Answer)
}

/// Change an account
///
/// Absent members stay. A new password is a one-time password and ends the account's sessions;
/// so does cutting it off. The last administrator who can sign in stays one.
#[utoipa::path(
    patch, path = "/users/{id}", tag = "users", params(("id" = UserId, Path)),
    request_body = UserPatch,
    responses((status = 200, description = "The account as it is now", body = User))
)]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(patch): Json<UserPatch>,
) -> ApiResult<Answer<User>> {
    accounts::patch(&app, caller, id, patch).await.map(Answer)
}
