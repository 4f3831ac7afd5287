// SPDX-License-Identifier: Apache-2.0
//! What stands before every operation of the API: who calls, may it, and is it a forgery. Refused
//! attempts are recorded here, so that no handler can forget to.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};
use mimir_wire::api::audit::{AuditOutcome, AuditTarget};
use mimir_wire::api::problem::ProblemCode;
use serde_json::json;

use crate::app::{App, Caller};
use crate::http::extract::{BodyShare, ClientAddress};
use crate::http::operations::{self, Access, Operation};
use crate::listen::ClientAddr;
use crate::problem::{ApiError, ApiResult, Refused};

/// Name of the session's cookie. The prefix makes browsers insist on HTTPS and on this host.
pub const SESSION_COOKIE: &str = "__Host-mimir_session";
/// Path below which the API lies.
pub const API_PREFIX: &str = "/api/v1";

/// The middleware.
pub async fn gate(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let client = request.extensions().get::<ClientAddr>();
    let address = client.map_or_else(String::new, |client| client.0.to_string());
    request.extensions_mut().insert(ClientAddress(address.clone()));
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = path.unwrap_or_default();
    let relative = path.strip_prefix(API_PREFIX).unwrap_or(&path);
    let Some(operation) = operations::find(request.method(), relative) else {
        return ApiError::not_found("operation").into_response();
    };
    let caller = match authenticate(&app, request.headers(), address.clone()).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    let allowed = admit(operation, caller.as_ref(), request.method(), request.headers());
    let response = match allowed {
        Err(error) => error.into_response(),
        Ok(()) => {
            request.extensions_mut().insert(BodyShare {
                budget: app.api_bodies.clone(),
                bytes_max: operation.body_bytes_max(),
            });
            if let Some(caller) = &caller {
                request.extensions_mut().insert(caller.clone());
            }
            next.run(request).await
        }
    };
    let status = response.status().as_u16().to_string();
    metrics::counter!("mimir_http_requests_total", "route" => operation.name, "status" => status)
        .increment(1);
    record_refusal(&app, operation, caller, address, response).await
}

/// Who calls: the holder of an API key, of a session, or nobody.
pub async fn authenticate(
    app: &Arc<App>,
    headers: &HeaderMap,
    address: String,
) -> ApiResult<Option<Caller>> {
    if let Some(key) = bearer(headers) {
        let caller = crate::app::auth::by_api_key(app, key, address).await?;
        // A key that is given must be right: falling back to nobody would hide a typo.
        return caller.map(Some).ok_or_else(|| {
            let detail = "This API key is unknown, revoked, or its account is disabled.";
            ApiError::new(ProblemCode::Unauthenticated, detail)
        });
    }
    match cookie(headers, SESSION_COOKIE) {
        Some(token) => crate::app::auth::by_session(app, token, address).await,
        None => Ok(None),
    }
}

fn admit(
    operation: &Operation,
    caller: Option<&Caller>,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult<()> {
    let changing = !method.is_safe();
    let by_cookie = caller.is_some_and(|caller| caller.session.is_some());
    if changing && (by_cookie || operation.access == Access::Public) && foreign_origin(headers) {
        let detail = "The request comes from another site; open the console itself.";
        return Err(ApiError::new(ProblemCode::BadOrigin, detail));
    }
    if operation.access == Access::Public {
        return Ok(());
    }
    let Some(caller) = caller else {
        let detail = "Sign in, or send an API key as `Authorization: Bearer …`.";
        return Err(ApiError::new(ProblemCode::Unauthenticated, detail));
    };
    let Access::Right(action) = operation.access else { return Ok(()) };
    if by_cookie && caller.user.password_change_required {
        let detail = "Change the one-time password first: POST /auth/password.";
        return Err(ApiError::new(ProblemCode::PasswordChangeRequired, detail));
    }
    caller.may(action)
}

/// Browsers send `Origin` with every changing request; programs that send none have no cookie
/// that a foreign page could abuse.
fn foreign_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let Ok(origin) = origin.to_str() else { return true };
    let own = text(header::HOST).unwrap_or_default();
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_none_or(|host| !host.eq_ignore_ascii_case(own))
}

async fn record_refusal(
    app: &Arc<App>,
    operation: &'static Operation,
    caller: Option<Caller>,
    address: String,
    response: Response,
) -> Response {
    let Some(Refused(error)) = response.extensions().get::<Refused>() else { return response };
    let recorded =
        error.status() == http::StatusCode::FORBIDDEN || error.code == ProblemCode::BlockedSql;
    if !recorded {
        return response;
    }
    // Nobody in particular must not be able to fill the audit trail.
    if caller.is_none()
        && let Err(error) = app.login_limits.take_address(&address)
    {
        return error.into_response();
    }
    let mut details = json!({"code": error.code, "detail": error.detail});
    if let Some(tables) = error.extra.get("tables") {
        details["tables"] = tables.clone();
    }
    let kind = operation.name.split('.').next().unwrap_or_default();
    let target = AuditTarget { kind: kind.to_owned(), id: None, name: None };
    let outcome = AuditOutcome::Refused;
    let entry = match &caller {
        Some(caller) => caller.entry_with(operation.name, target, details, outcome),
        None => crate::app::audit::nobody(operation.name, target, details, &address),
    };
    let now = app.clock.now();
    let written = app.write(move |tx| Ok(mimir_store::audit::append(tx, &entry, now)?)).await;
    match written {
        Ok(_) => response,
        Err(error) => error.into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// A cookie of the request.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
