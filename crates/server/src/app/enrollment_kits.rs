// SPDX-License-Identifier: Apache-2.0
//! Enrolment kits for download: what an agent needs to find this server, trust it and enrol. The
//! texts are `mimir_wire`'s, shared with the command line.

use std::sync::Arc;

use mimir_store::{Tx, enrolment};
use mimir_wire::Timestamp;
use mimir_wire::api::enrollment::{EnrollmentKitRequest, EnrollmentSecret, NewEnrollmentSecret};
use mimir_wire::enroll_kit::{self, Kit, KitError};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;

use crate::app::caller::target;
use crate::app::enrollment_secrets::{Made, made};
use crate::app::{App, Caller};
use crate::problem::{ApiError, ApiResult};
use crate::secret::token_hash;
use crate::tar::{Entry, tar_gz};

/// Directory in the archive.
const DIRECTORY: &str = "mimir-kit";
/// Longest text of certificates that is taken, in bytes.
const CA_PEM_BYTES_MAX: usize = 64 * 1024;

/// A kit that is ready to be sent.
#[derive(Debug)]
pub struct KitArchive {
    /// A name for the file.
    pub file_name: String,
    /// A gzipped tar.
    pub bytes: Vec<u8>,
}

/// What has been checked before anything is written.
#[derive(Debug, Clone)]
struct Plan {
    request: EnrollmentKitRequest,
    address: String,
    install_dir: String,
    ca_pem: String,
}

/// Makes a kit, with a secret that there is or with a new one. `host` is the name by which the
/// caller reached this server: the last resort for where agents will find it.
///
/// # Errors
/// `invalid_request` naming the member.
pub async fn make(
    app: &Arc<App>,
    caller: Caller,
    request: EnrollmentKitRequest,
    host: Option<&str>,
) -> ApiResult<KitArchive> {
    let plan = Plan {
        address: address(app, request.agent_address.as_deref(), host)?,
        install_dir: install_dir(request.install_dir.as_deref())?,
        ca_pem: ca_pem(app, request.ca_pem.as_deref())?,
        request,
    };
    let new = new_secret(app, &caller, &plan.request)?;
    let given = plan.request.secret.as_deref().map(str::trim).unwrap_or_default().to_owned();
    let now = app.clock.now();
    let kept = plan.clone();
    let value = app
        .write(move |tx| {
            let (secret, value) = match &new {
                Some(made) => {
                    enrolment::secret_insert(tx, &made.secret, &token_hash(&made.value))?;
                    (made.secret.clone(), made.value.clone())
                }
                None => (known(tx, &given)?, given.clone()),
            };
            let what = target("enrollment_secret", secret.id, &*secret.name);
            let details = json!({"agent": kept.request.agent, "address": kept.address,
                "install_dir": kept.install_dir, "new_secret": new.is_some(),
                "max_uses": secret.max_uses});
            // One entry, also when the secret is new: it is made for this kit alone.
            let entry = caller.entry("enrollment_kit.create", what, details);
            mimir_store::audit::append(tx, &entry, now)?;
            Ok(value)
        })
        .await?;
    archive(&plan, &value, now)
}

/// A new secret, if one is wanted; one of the two ways to a secret must be.
fn new_secret(
    app: &App,
    caller: &Caller,
    request: &EnrollmentKitRequest,
) -> ApiResult<Option<Made>> {
    match (&request.secret, &request.secret_name) {
        (Some(_), Some(_)) | (None, None) => {
            let message = "Give either `secret`, a value that there is, or `secret_name` for a new \
                 secret.";
            Err(ApiError::field("secret", message))
        }
        (Some(_), None) if request.max_uses.is_some() => {
            let message = "A limit of uses is for a new secret; give it with `secret_name`.";
            Err(ApiError::field("max_uses", message))
        }
        (Some(_), None) => Ok(None),
        (None, Some(name)) => {
            let new = NewEnrollmentSecret { name: name.clone(), max_uses: request.max_uses };
            made(app, caller, &new).map(Some).map_err(|error| renamed(error, "name", "secret_name"))
        }
    }
}

/// The same refusal, with the member called as in this request.
fn renamed(mut error: ApiError, from: &str, to: &str) -> ApiError {
    let errors = error.extra.get_mut("errors").and_then(serde_json::Value::as_array_mut);
    for field in errors.into_iter().flatten().filter(|field| field["field"] == from) {
        field["field"] = json!(to);
    }
    error
}

/// The secret of this value, if a host could still enrol with it.
fn known(tx: &mut Tx<'_>, value: &str) -> ApiResult<EnrollmentSecret> {
    let secret = enrolment::secret_by_hash(tx, &token_hash(value))?;
    let usable = |secret: &EnrollmentSecret| {
        secret.revoked_at.is_none() && secret.max_uses.is_none_or(|most| secret.uses < most)
    };
    secret.filter(usable).ok_or_else(|| {
        let message = "This is no enrolment secret with which a host could enrol: it is unknown, \
             revoked or used up.";
        ApiError::field("secret", message)
    })
}

fn address(app: &App, asked: Option<&str>, host: Option<&str>) -> ApiResult<String> {
    let refused = |error: KitError| {
        let message = format!("{error}: give where agents reach this server.");
        ApiError::field("agent_address", capital(&message))
    };
    let public = app.config.public_url.as_deref();
    let address = match (asked, public) {
        (Some(asked), _) => asked.trim(),
        (None, Some(url)) => url.strip_prefix("https://").ok_or_else(|| {
            let message = format!(
                "Agents speak TLS only and this server is told to be at {url}; \
                 give HOST:PORT where they reach it."
            );
            ApiError::field("agent_address", message)
        })?,
        (None, None) => host.unwrap_or_default(),
    };
    enroll_kit::check_address(address).map_err(refused)?;
    Ok(address.to_owned())
}

fn install_dir(asked: Option<&str>) -> ApiResult<String> {
    let path = enroll_kit::check_install_dir(asked.unwrap_or(enroll_kit::INSTALL_DIR));
    path.map(str::to_owned)
        .map_err(|error| ApiError::field("install_dir", capital(&format!("{error}."))))
}

fn ca_pem(app: &App, asked: Option<&str>) -> ApiResult<String> {
    let Some(pem) = asked.or(app.config.ca_pem.as_deref()) else {
        let message = "This server's certificate is not of its own authority; give the \
             certificate of the authority that signed it, as PEM.";
        return Err(ApiError::field("ca_pem", message));
    };
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let is_one = pem.len() <= CA_PEM_BYTES_MAX && certificates.next().is_some_and(|c| c.is_ok());
    if !is_one || pem.contains("PRIVATE KEY") {
        let message = "Give certificates alone, as PEM: -----BEGIN CERTIFICATE-----.";
        return Err(ApiError::field("ca_pem", message));
    }
    Ok(format!("{}\n", pem.trim_end()))
}

/// A refusal as a sentence; it may begin with a quoted value.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn archive(plan: &Plan, secret: &str, now: Timestamp) -> ApiResult<KitArchive> {
    let agent = plan.request.agent;
    let files = enroll_kit::files(&Kit {
        agent,
        address: &plan.address,
        install_dir: &plan.install_dir,
        ca_pem: &plan.ca_pem,
        secret,
    });
    let paths: Vec<String> =
        files.iter().map(|file| format!("{DIRECTORY}/{}", file.name)).collect();
    let mut entries = Vec::new();
    for (file, path) in files.iter().zip(&paths) {
        entries.push(Entry { path, mode: file.mode.bits(), content: file.text.as_bytes() });
    }
    let bytes = tar_gz(&entries, now.micros() / 1_000_000).map_err(ApiError::internal)?;
    Ok(KitArchive { file_name: format!("{DIRECTORY}-{agent}.tar.gz"), bytes })
}
