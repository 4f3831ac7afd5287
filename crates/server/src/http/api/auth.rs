// SPDX-License-Identifier: Apache-2.0
//! Signing in and out, who is signed in, changing one's password; and the session's cookie.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use mimir_engine::limits::SESSION_HOURS_MAX;
use mimir_wire::api::auth::{LoginRequest, PasswordRequest, Session};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, Caller, auth};
use crate::http::extract::{ClientAddress, Json};
use crate::http::gate::SESSION_COOKIE;
use crate::problem::ApiResult;

/// The operations of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(me))
        .routes(routes!(password))
}

/// Sign in
///
/// Sets the session's cookie. Attempts are limited per account and per address.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", request_body = LoginRequest,
    responses((status = 200, description = "Signed in", body = Session))
)]
async fn login(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    Json(request): Json<LoginRequest>,
) -> ApiResult<Response> {
    let session = auth::login(&app, request, address).await?;
    let body = Session { user: session.user, api_key: None };
    Ok((cookie(&session.token), Answer(body)).into_response())
}

/// Sign out
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth",
    responses((status = 204, description = "Signed out"))
)]
async fn logout(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Response> {
    auth::logout(&app, caller).await?;
    Ok((StatusCode::NO_CONTENT, expired_cookie()).into_response())
}

/// Who is signed in
#[utoipa::path(
    get, path = "/auth/me", tag = "auth",
    responses((status = 200, description = "The caller", body = Session))
)]
async fn me(caller: Caller) -> Answer<Session> {
    let api_key = caller.api_key.map(|(_, name)| name);
    Answer(Session { user: caller.user, api_key })
}

/// Change one's password
///
/// Ends all sessions of the account; a caller with a session gets a new one.
#[utoipa::path(
    post, path = "/auth/password", tag = "auth", request_body = PasswordRequest,
    responses((status = 204, description = "Changed"))
)]
async fn password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<PasswordRequest>,
) -> ApiResult<Response> {
    let session = auth::password(&app, caller, request).await?;
    let cookie = session.map(|session| cookie(&session.token));
    Ok((StatusCode::NO_CONTENT, cookie, ()).into_response())
}

type Cookie = AppendHeaders<[(http::HeaderName, String); 1]>;

/// Hidden from scripts, sent over TLS only, to this host only, and not with other sites' forms.
fn cookie(token: &str) -> Cookie {
    let seconds = SESSION_HOURS_MAX * 60 * 60;
    set_cookie(token, seconds)
}

fn expired_cookie() -> Cookie {
    set_cookie("", 0)
}

fn set_cookie(value: &str, seconds: i64) -> Cookie {
    let text = format!(
        "{SESSION_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}"
    );
    AppendHeaders([(SET_COOKIE, text)])
}
