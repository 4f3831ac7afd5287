// SPDX-License-Identifier: Apache-2.0
//! Enrolment secrets: making, listing, revoking. What a secret admits is decided where hosts
//! enrol; hosts that enrolled with a secret stay when it is revoked.

use std::sync::Arc;

use mimir_store::enrolment;
use mimir_wire::api::enrollment::{CreatedEnrollmentSecret, EnrollmentSecret, NewEnrollmentSecret};
use mimir_wire::api::page::Page;
use mimir_wire::ids::EnrollmentSecretId;
use serde_json::json;

use crate::app::accounts::check_label;
use crate::app::caller::target;
use crate::app::page::PageRequest;
use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};
use crate::secret::{new_token, token_hash};

/// What every enrolment secret begins with, so that scanners and people recognise one.
pub const SECRET_PREFIX: &str = "mes_";
/// Most uses a secret can be limited to; more is "any number".
const USES_MAX: u64 = 1_000_000_000;

/// Secrets without their values, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    app: &Arc<App>,
    page: PageRequest<EnrollmentSecretId>,
) -> ApiResult<Page<EnrollmentSecret>> {
    app.read(move |tx| {
        let secrets = enrolment::secret_list(tx, page.after, page.fetch())?;
        Ok(page.page(secrets, None, |secret| secret.id, |secret| secret))
    })
    .await
}

/// A secret that has been made and not been stored yet.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// Its record.
    pub secret: EnrollmentSecret,
    /// Its value.
    pub value: String,
}

/// Makes a secret; its value is in this answer and nowhere else.
///
/// # Errors
/// `invalid_request` for a bad name or number of uses.
pub async fn create(
    app: &Arc<App>,
    caller: Caller,
    new: NewEnrollmentSecret,
) -> ApiResult<CreatedEnrollmentSecret> {
    let made = made(app, &caller, &new)?;
    let now = app.clock.now();
    app.write(move |tx| {
        let Made { secret, value } = made.clone();
        enrolment::secret_insert(tx, &secret, &token_hash(&value))?;
        let what = target("enrollment_secret", secret.id, &*secret.name);
        let details = json!({"max_uses": secret.max_uses});
        let entry = caller.entry("enrollment_secret.create", what, details);
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(CreatedEnrollmentSecret { enrollment_secret: secret, secret: value })
    })
    .await
}

/// A new secret of this name.
pub(crate) fn made(app: &App, caller: &Caller, new: &NewEnrollmentSecret) -> ApiResult<Made> {
    let name = check_label("name", &new.name)?;
    if let Some(uses) = new.max_uses
        && !(1..=USES_MAX).contains(&uses)
    {
        let message = format!("max_uses is {uses}; give 1 to {USES_MAX}, or leave it out.");
        return Err(ApiError::field("max_uses", message));
    }
    let secret = EnrollmentSecret {
        id: EnrollmentSecretId::new(app.clock.uuid()),
        name,
        max_uses: new.max_uses,
        uses: 0,
        created_at: app.clock.now(),
        created_by: Some(caller.user_ref()),
        revoked_at: None,
    };
    Ok(Made { secret, value: new_token(SECRET_PREFIX) })
}

/// Makes a secret worthless.
///
/// # Errors
/// `not_found`; `conflict` when it was revoked before.
pub async fn revoke(
    app: &Arc<App>,
    caller: Caller,
    id: EnrollmentSecretId,
) -> ApiResult<EnrollmentSecret> {
    let now = app.clock.now();
    app.write(move |tx| {
        let secret = enrolment::secret_by_id(tx, id)?
            .ok_or_else(|| ApiError::not_found("enrolment secret"))?;
        if !enrolment::secret_revoke(tx, id, now)? {
            return Err(ApiError::conflict("This enrolment secret is already revoked."));
        }
        let what = target("enrollment_secret", id, &*secret.name);
        let details = json!({"uses": secret.uses});
        let entry = caller.entry("enrollment_secret.revoke", what, details);
        mimir_store::audit::append(tx, &entry, now)?;
        Ok(EnrollmentSecret { revoked_at: Some(now), ..secret })
    })
    .await
}
