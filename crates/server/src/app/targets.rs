// SPDX-License-Identifier: Apache-2.0
//! Whom a request names: listed hosts must be known, each counts once, and no list never means
//! everybody.

use std::collections::HashSet;
use std::sync::Arc;

use mimir_engine::limits::TARGET_HOSTS_MAX;
use mimir_store::campaigns;
use mimir_wire::api::host::HostStatus;
use mimir_wire::api::target::{Target, TargetCount};
use mimir_wire::ids::HostId;
use serde_json::json;

use crate::app::App;
use crate::app::hosts::status_of;
use crate::fleet::HostEntry;
use crate::problem::{ApiError, ApiResult};

/// Hosts that an audit entry names one by one; longer lists are told by count and hash.
const AUDITED_HOSTS_MAX: usize = 100;

/// A target as the audit trail tells it: its rule, and its hosts while they are few.
pub fn audited_target(target: &Target) -> serde_json::Value {
    match target {
        Target::Hosts { host_ids } if host_ids.len() > AUDITED_HOSTS_MAX => {
            json!({"type": "hosts", "hosts": host_ids.len()})
        }
        target => json!(target),
    }
}

/// A host that is listed twice is still one host, also for the deny-list.
pub fn once(target: Target) -> Target {
    let Target::Hosts { host_ids } = target else { return target };
    let mut seen = HashSet::new();
    Target::Hosts { host_ids: host_ids.into_iter().filter(|id| seen.insert(*id)).collect() }
}

/// Each host once; refuses an empty or an overlong list.
///
/// # Errors
/// `invalid_request`.
pub fn distinct_hosts(ids: &[HostId]) -> ApiResult<Vec<HostId>> {
    if ids.is_empty() {
        let message = "The list of hosts is empty; name at least one. It never means all hosts.";
        return Err(ApiError::field("target.host_ids", message));
    }
    if ids.len() > TARGET_HOSTS_MAX {
        let message = format!("At most {TARGET_HOSTS_MAX} hosts can be listed.");
        return Err(ApiError::field("target.host_ids", message));
    }
    let mut seen = HashSet::new();
    Ok(ids.iter().copied().filter(|id| seen.insert(*id)).collect())
}

/// The numbers found, or a refusal that names what was not found.
///
/// # Errors
/// `invalid_request` naming the first unknown hosts.
pub fn all_known(ids: &[HostId], found: Vec<Option<i64>>) -> ApiResult<Vec<i64>> {
    let unknown: Vec<String> = ids
        .iter()
        .zip(&found)
        .filter(|(_, no)| no.is_none())
        .map(|(id, _)| id.to_string())
        .collect();
    if unknown.is_empty() {
        return Ok(found.into_iter().flatten().collect());
    }
    let shown = unknown.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let message = format!("{} unknown or decommissioned: {shown}.", plural(unknown.len()));
    Err(ApiError::field("target.host_ids", message))
}

fn plural(n: usize) -> String {
    if n == 1 { "1 host is".to_owned() } else { format!("{n} hosts are") }
}

/// The target with each host once, if all are known.
///
/// # Errors
/// `invalid_request` for a list that is empty, too long or names unknown hosts.
pub async fn check_hosts(app: &Arc<App>, target: Target) -> ApiResult<Target> {
    let Target::Hosts { host_ids } = &target else { return Ok(target) };
    let ids = distinct_hosts(host_ids)?;
    let wanted = ids.clone();
    let found = app.read(move |tx| Ok(campaigns::resolve_hosts(tx, &wanted)?)).await?;
    all_known(&ids, found)?;
    Ok(Target::Hosts { host_ids: ids })
}

/// Numbers of the hosts a target names now.
///
/// # Errors
/// `invalid_request` for a list that is empty, too long or names unknown hosts, and for no platform.
pub async fn numbers(app: &Arc<App>, target: &Target) -> ApiResult<Vec<i64>> {
    match target {
        Target::All {} => Ok(app.fleet.hosts(|h| h.all().map(|host| host.no).collect())),
        Target::OsIn { platforms } => {
            if platforms.is_empty() {
                return Err(ApiError::field("target.platforms", "Name at least one platform."));
            }
            let on = |host: &&Arc<HostEntry>| {
                host.platform.is_some_and(|platform| platforms.contains(&platform))
            };
            Ok(app.fleet.hosts(|h| h.all().filter(on).map(|host| host.no).collect()))
        }
        Target::Hosts { host_ids } => {
            let ids = distinct_hosts(host_ids)?;
            let wanted = ids.clone();
            let found = app.read(move |tx| Ok(campaigns::resolve_hosts(tx, &wanted)?)).await?;
            all_known(&ids, found)
        }
    }
}

/// Counts the hosts a target names by how recently they were heard of: a look at each in the
/// picture of the fleet. A host that another replica has just enrolled may not be in it yet; it
/// counts as offline here, as no live query would reach it.
///
/// # Errors
/// Those of [`numbers`].
pub async fn count(app: &Arc<App>, target: &Target) -> ApiResult<TargetCount> {
    let (settings, now) = (app.settings(), app.clock.now());
    let nos = numbers(app, target).await?;
    let mut count = TargetCount::default();
    app.fleet.hosts(|hosts| {
        for no in nos {
            let seen = hosts.by_no(no).map(|host| host.last_seen());
            count.targeted += 1;
            match seen.map(|seen| status_of(&settings, seen, false, now)) {
                Some(HostStatus::Online) => count.online += 1,
                Some(HostStatus::Stale) => count.stale += 1,
                _ => count.offline += 1,
            }
        }
    });
    Ok(count)
}
