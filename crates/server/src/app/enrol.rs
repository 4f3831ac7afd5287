// SPDX-License-Identifier: Apache-2.0
//! Enrolment. The same machine is the same host, however often it enrols; the agent may send one
//! enrolment twice and keeps whichever answer came last, so former keys stay valid for a while.

use std::sync::Arc;

use mimir_engine::limits::{HOST_TEXT_CHARS_MAX, NODE_KEY_GRACE_MINUTES};
use mimir_store::changes::ChangeKind;
use mimir_store::hosts::HostFacts;
use mimir_store::{DbError, Tx, audit, changes, enrolment, hosts};
use mimir_wire::Timestamp;
use mimir_wire::api::audit::{AuditActor, AuditOutcome};
use mimir_wire::api::enrollment::EnrollmentSecret;
use mimir_wire::api::target::Platform;
use mimir_wire::ids::HostId;
use mimir_wire::osquery::EnrollRequest;
use sha2::{Digest, Sha256};

use crate::app::{App, audit_target};
use crate::problem::{ApiError, ApiResult};
use crate::secret::{new_token, token_hash};

/// Prefix of node keys.
const NODE_KEY_PREFIX: &str = "mnk_";

/// Why a machine was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The secret is unknown or revoked.
    Secret,
    /// The secret has admitted as many hosts as it may.
    UsedUp,
    /// An administrator has barred the machine.
    Barred,
}

impl Refusal {
    /// For the agent's log, where the machine's owner looks.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Secret => "enrolment refused: the enroll secret is unknown or revoked",
            Self::UsedUp => "enrolment refused: the enroll secret has no uses left",
            Self::Barred => "enrolment refused: this machine was decommissioned and barred",
        }
    }

    /// For the metric.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "bad_secret",
            Self::UsedUp => "used_up",
            Self::Barred => "barred",
        }
    }
}

/// Admits a machine; answers its node key.
///
/// # Errors
/// When the database fails; a refusal is an answer.
pub async fn enrol(
    app: &Arc<App>,
    request: EnrollRequest,
    user_agent: &str,
    address: String,
) -> ApiResult<Result<String, Refusal>> {
    let now = app.clock.now();
    let id = HostId::new(app.clock.uuid());
    let facts = facts(&request, user_agent, address);
    let machine = machine_key(&facts);
    let secret = token_hash(request.enroll_secret.0.trim());
    // Anybody can send enrolments. One without a right secret must not reach the writer, whose
    // turn everything else waits for.
    if !app.read(move |tx| Ok(is_valid(&enrolment::secret_by_hash(tx, &secret)?))).await? {
        count(Refusal::Secret.word());
        return Ok(Err(Refusal::Secret));
    }
    // And one with a right secret must not fill the audit trail and the list of keys.
    app.login_limits.take_machine(&machine)?;
    let key = new_token(NODE_KEY_PREFIX);
    let hash = token_hash(&key);
    let admitted = app
        .write(move |tx| {
            let admitted = tx.savepoint(|tx| admit(tx, id, &secret, &machine, &facts, now));
            let (no, known, entry) = match admitted {
                // The same machine has just been admitted on another connection or replica.
                Err(ApiErrorOrDb::Db(DbError::Conflict { .. })) => {
                    match admit(tx, id, &secret, &machine, &facts, now)? {
                        Ok(admitted) => admitted,
                        Err(refusal) => return Ok(Err(refusal)),
                    }
                }
                other => match other? {
                    Ok(admitted) => admitted,
                    Err(refusal) => return Ok(Err(refusal)),
                },
            };
            let old_until = now.plus_minutes(NODE_KEY_GRACE_MINUTES);
            enrolment::key_replace(tx, no, &hash, now, old_until)?;
            changes::record(tx, ChangeKind::HostEnrolled, Some(no), now)?;
            // After the change, as everywhere: two heads locked in two orders are a deadlock.
            audit::append(tx, &entry, now)?;
            Ok(Ok(known))
        })
        .await?;
    let word = match &admitted {
        Ok(true) => "known",
        Ok(false) => "new",
        Err(refusal) => refusal.word(),
    };
    count(word);
    Ok(admitted.map(|_| key))
}

fn count(result: &'static str) {
    metrics::counter!("mimir_enrolments_total", "result" => result).increment(1);
}

fn is_valid(secret: &Option<EnrollmentSecret>) -> bool {
    secret.as_ref().is_some_and(|secret| secret.revoked_at.is_none())
}

/// Lets the conflict of a lost race be told from other failures.
enum ApiErrorOrDb {
    Db(DbError),
}

impl From<DbError> for ApiErrorOrDb {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<ApiErrorOrDb> for ApiError {
    fn from(error: ApiErrorOrDb) -> Self {
        let ApiErrorOrDb::Db(error) = error;
        error.into()
    }
}

/// The host's number, whether it was known, and what the audit trail says of it.
type Admitted = Result<(i64, bool, audit::NewEntry), Refusal>;

fn admit(
    tx: &mut Tx<'_>,
    id: HostId,
    secret_hash: &[u8],
    machine: &str,
    facts: &HostFacts,
    now: Timestamp,
) -> Result<Admitted, ApiErrorOrDb> {
    let secret = enrolment::secret_by_hash(tx, secret_hash)?;
    let Some(secret) = secret.filter(|secret| secret.revoked_at.is_none()) else {
        return Ok(Err(Refusal::Secret));
    };
    if let Some(host) = hosts::by_machine(tx, machine)? {
        hosts::update_facts(tx, host.no, facts, now)?;
        // Whoever holds a secret can say that it is this machine and take its place; then the
        // auditor must find when, and from where.
        let mut entry = entry("host.reenroll", host.id, &secret, facts);
        entry.details.insert("hostname_before".to_owned(), host.facts.hostname.into());
        entry.details.insert("address_before".to_owned(), host.facts.ip_address.into());
        return Ok(Ok((host.no, true, entry)));
    }
    if hosts::machine_blocked(tx, machine)? {
        return Ok(Err(Refusal::Barred));
    }
    if !enrolment::secret_use(tx, secret.id)? {
        return Ok(Err(Refusal::UsedUp));
    }
    let no = hosts::insert(tx, id, machine, facts, now)?;
    Ok(Ok((no, false, entry("host.enroll", id, &secret, facts))))
}

fn entry(
    action: &str,
    id: HostId,
    secret: &EnrollmentSecret,
    facts: &HostFacts,
) -> audit::NewEntry {
    let actor = AuditActor { id: None, username: "agent".to_owned(), role: None, api_key: None };
    let details = serde_json::json!({
        "enrollment_secret": secret.name,
        "hardware_uuid": facts.hardware_uuid,
        "hardware_serial": facts.hardware_serial,
    });
    audit::NewEntry {
        actor,
        address: facts.ip_address.clone(),
        action: action.to_owned(),
        target: audit_target("host", id, &facts.hostname),
        outcome: AuditOutcome::Success,
        details: details.as_object().cloned().unwrap_or_default(),
    }
}

fn facts(request: &EnrollRequest, user_agent: &str, address: String) -> HostFacts {
    let detail =
        |table: &str, column: &str| request.detail(table, column).map(clean).unwrap_or_default();
    let host_identifier = clean(&request.host_identifier.0);
    let names = [
        detail("system_info", "hostname"),
        detail("system_info", "computer_name"),
        host_identifier.clone(),
    ];
    let hostname = names.into_iter().find(|name| !name.is_empty());
    let (agent, version) = agent(user_agent);
    let agent_version = match detail("osquery_info", "version") {
        version if !version.is_empty() => version,
        _ => clean(version),
    };
    HostFacts {
        hostname: hostname.unwrap_or_else(|| "unnamed".to_owned()),
        host_identifier,
        hardware_uuid: detail("system_info", "uuid"),
        hardware_serial: detail("system_info", "hardware_serial"),
        instance_id: detail("osquery_info", "instance_id"),
        platform: platform(request),
        os_name: detail("os_version", "name"),
        os_version: detail("os_version", "version"),
        arch: match detail("os_version", "arch") {
            arch if !arch.is_empty() => arch,
            _ => detail("system_info", "cpu_type"),
        },
        agent,
        agent_version,
        ip_address: address,
    }
}

/// Agent and version from `osquery/5.23.1`.
fn agent(user_agent: &str) -> (String, &str) {
    let product = user_agent.split_whitespace().next().unwrap_or_default();
    let (name, version) = product.split_once('/').unwrap_or((product, ""));
    let name = if name.is_empty() { "osquery" } else { name };
    (clean(name), version)
}

/// A text of a host, as it may be stored and shown: bounded and without control characters.
pub fn clean(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(HOST_TEXT_CHARS_MAX).collect()
}

/// From the bit mask (Windows 2, Linux 8, macOS 16), or from what `os_version` says.
fn platform(request: &EnrollRequest) -> Option<Platform> {
    let mask: u32 = request.platform_type.0.trim().parse().unwrap_or(0);
    if mask & 16 != 0 {
        return Some(Platform::Darwin);
    }
    if mask & 8 != 0 {
        return Some(Platform::Linux);
    }
    if mask & 2 != 0 {
        return Some(Platform::Windows);
    }
    match request.detail("osquery_info", "build_platform")? {
        "darwin" | "macos" => Some(Platform::Darwin),
        "windows" => Some(Platform::Windows),
        _ => Some(Platform::Linux),
    }
}

/// UUIDs that many machines share because their maker never set one.
const PLACEHOLDER_UUIDS: [&str; 6] = [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
    "03020100-0504-0706-0809-0a0b0c0d0e0f",
    "10000000-0000-8000-0040-000000000000",
    "4c4c4544-0000-2010-8020-80c04f202020",
];

/// What makes a machine the same machine. Hardware first: it survives a reinstallation of the
/// agent. The serial number tells clones of one image apart. The text is hashed, so that hostile
/// lengths cost nothing.
fn machine_key(facts: &HostFacts) -> String {
    let uuid = facts.hardware_uuid.to_ascii_lowercase();
    let identity = if !uuid.is_empty() && !PLACEHOLDER_UUIDS.contains(&uuid.as_str()) {
        format!("hardware\n{uuid}\n{}", facts.hardware_serial.to_ascii_lowercase())
    } else if !facts.instance_id.is_empty() {
        format!("instance\n{}\n{}", facts.instance_id, facts.hardware_serial)
    } else {
        format!("identifier\n{}", facts.host_identifier)
    };
    hex::encode(Sha256::digest(identity.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: serde_json::Value) -> HostFacts {
        let request: EnrollRequest = serde_json::from_value(json).unwrap();
        facts(&request, "osquery/5.23.1", "10.0.0.1".into())
    }

    #[test]
    fn a_machine_is_known_by_its_hardware_and_clones_by_their_serial() {
        let host = |uuid: &str, serial: &str, instance: &str| {
            request(serde_json::json!({"host_identifier": "x", "platform_type": "9",
                "host_details": {"system_info": {"uuid": uuid, "hardware_serial": serial},
                    "osquery_info": {"instance_id": instance}}}))
        };
        let a = machine_key(&host("4C4C-1", "S1", "i1"));
        assert_eq!(a, machine_key(&host("4c4c-1", "s1", "i2")), "reinstalled agent");
        assert_ne!(a, machine_key(&host("4c4c-1", "s2", "i1")), "clone");
        let placeholder = PLACEHOLDER_UUIDS[2];
        let b = machine_key(&host(placeholder, "", "i1"));
        assert_ne!(
            b,
            machine_key(&host(placeholder, "", "i2")),
            "placeholder UUIDs are no identity"
        );
    }

    #[test]
    fn odd_bodies_still_make_a_host() {
        let facts =
            request(serde_json::json!({"host_identifier": " n\u{0}a\tme ", "platform_type": 21}));
        assert_eq!(facts.hostname, "name");
        assert_eq!(facts.platform, Some(Platform::Darwin));
        assert_eq!((facts.agent.as_str(), facts.agent_version.as_str()), ("osquery", "5.23.1"));
    }
}
