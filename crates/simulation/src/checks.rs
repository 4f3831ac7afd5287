// SPDX-License-Identifier: Apache-2.0
//! The invariants of the product, each as a function that holds what is stored against what was
//! seen from outside. They know nothing of the engine's rules beyond the contract.

use std::collections::BTreeSet;
use std::fmt;

use mimir_wire::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::evidence::Evidence;
use crate::snapshot::{Assignment, Campaign, Key, Response, Snapshot};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which: `I1` to `I10`, or a word for what else must hold.
    pub invariant: &'static str,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.found)
    }
}

/// The verdict of a check.
pub type Verdict = Result<(), Violation>;

/// Makes a violation unless `holds`.
pub fn ensure(invariant: &'static str, holds: bool, found: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation { invariant, found: found() }) }
}

/// What a check may look at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The database as it is.
    pub now: &'a Snapshot,
    /// What was seen from outside.
    pub seen: &'a Evidence,
    /// The time of day on each replica. It stood still since the last check.
    pub clocks: &'a [Timestamp],
    /// Responses that were not there at the last check.
    pub new: &'a BTreeSet<Key>,
}

/// All of them, in an order in which the most telling one speaks first.
///
/// # Errors
/// The first that does not hold.
pub fn all(scene: Scene<'_>) -> Verdict {
    i1(scene)?;
    i3(scene)?;
    i4(scene)?;
    i5(scene)?;
    i7(scene)?;
    i8(scene)?;
    i9(scene)?;
    i10(scene)?;
    i2(scene)?;
    i6(scene)?;
    states(scene)
}

const STATES: [&str; 7] =
    ["pending", "offered", "responded", "lost", "cancelled", "blocked", "rejected"];

/// I1: for every campaign, targeted = pending + offered + responded + lost + cancelled + blocked
/// + rejected, at every moment. And whom it targets never changes after the launch.
fn i1(scene: Scene<'_>) -> Verdict {
    for (no, campaign) in &scene.now.campaigns {
        let sum: i64 = STATES.iter().map(|state| campaign.counter(state)).sum();
        let targeted = campaign.counter("targeted");
        let rows = campaign.ledger.len();
        ensure("I1", targeted == sum && usize::try_from(targeted) == Ok(rows), || {
            format!("campaign {no} targets {targeted}, its states sum to {sum}, {rows} are listed")
        })?;
        let hosts: BTreeSet<i64> = campaign.ledger.keys().copied().collect();
        let frozen = scene.seen.frozen.get(no);
        ensure("I1", frozen.is_none_or(|frozen| frozen.hosts == hosts), || {
            format!("campaign {no} asks other hosts than at its launch: {hosts:?}")
        })?;
        let told = scene.seen.launched.get(&campaign.id);
        ensure("I1", told.is_none_or(|(hosts, _)| *hosts == targeted), || {
            format!("campaign {no} targets {targeted}, the launch was answered {told:?}")
        })?;
    }
    Ok(())
}

/// I2: a response is stored durably before the agent gets its `200 {}`: whatever was acknowledged
/// is there, unless the contract says that it is swallowed. What was stored once stays as it was.
fn i2(scene: Scene<'_>) -> Verdict {
    for key in &scene.seen.acknowledged {
        if scene.now.response(*key).is_some() {
            continue;
        }
        let (no, host, part) = *key;
        let state = scene.now.assignment(no, host).map_or("none", |a| a.state.as_str());
        ensure("I2", matches!(state, "rejected" | "blocked"), || {
            format!(
                "part {part} of campaign {no} was acknowledged to host {host} and is not stored; state {state}"
            )
        })?;
    }
    for (key, stored) in &scene.seen.stored {
        let Some(now) = scene.now.response(*key) else { continue };
        let dropped = scene.now.campaigns.get(&key.0).is_some_and(|c| c.rows_dropped);
        let chunks = if dropped { Vec::new() } else { stored.response.chunks.clone() };
        let before = Response { chunks, ..stored.response.clone() };
        ensure("I2", *now == before, || format!("{key:?} was {before:?} and is {now:?}"))?;
    }
    Ok(())
}

/// I3: at most one stored response per (campaign, host, part). A repeat is a no-op.
fn i3(scene: Scene<'_>) -> Verdict {
    for (no, campaign) in &scene.now.campaigns {
        let mut places = BTreeSet::new();
        for ((host, part), found) in &campaign.responses {
            ensure("I3", found.len() == 1, || {
                format!("{} responses of host {host} to part {part} of {no}", found.len())
            })?;
            let alone = found.iter().all(|response| places.insert(response.seq));
            ensure("I3", alone, || format!("two responses of campaign {no} have one place"))?;
        }
    }
    Ok(())
}

/// I4: a response is accepted only from the host that owns the assignment, under its node key: it
/// is one that this very machine has sent, for a query that it was offered.
fn i4(scene: Scene<'_>) -> Verdict {
    for key in scene.new {
        let (no, host, part) = *key;
        ensure("I4", scene.now.assignment(no, host).is_some(), || {
            format!("host {host} has a response to campaign {no}, which never asked it")
        })?;
        let Some(stored) = scene.seen.stored.get(key) else { continue };
        let owner = scene.seen.machines.get(&host);
        let sent = scene.seen.sent.get(key).map_or(&[][..], Vec::as_slice);
        let is_own = sent
            .iter()
            .any(|sent| owner == Some(&sent.machine) && sent.is(&stored.response, &stored.rows));
        ensure("I4", is_own, || {
            format!(
                "host {host} has a response to part {part} of campaign {no} that it never sent: {stored:?} of {sent:?}"
            )
        })?;
    }
    Ok(())
}

/// I5: after a stop commits no new offer of that campaign is made. What replicas may still do
/// before they hear of it is judged where an offer is seen; here: the ledger notes none.
fn i5(scene: Scene<'_>) -> Verdict {
    for no in scene.seen.stopped.keys() {
        let Some(campaign) = scene.now.campaigns.get(no) else { continue };
        ensure("I5", campaign.counter("pending") == 0, || {
            format!("campaign {no} is stopped and still has pending hosts")
        })?;
        ensure("I5", campaign.status != "active", || {
            format!("campaign {no} was stopped and is at work again")
        })?;
    }
    Ok(())
}

/// I6: counters shown equal the counts derived from the ledger and the responses.
fn i6(scene: Scene<'_>) -> Verdict {
    for (no, campaign) in &scene.now.campaigns {
        for name in crate::snapshot::COUNTERS {
            let (shown, derived) = (campaign.counter(name), derived(campaign, name));
            ensure("I6", shown == derived, || {
                format!("campaign {no} shows {name} = {shown}, its ledger says {derived}")
            })?;
        }
        for (host, assignment) in &campaign.ledger {
            let own = summed(campaign, *host);
            let noted = (assignment.row_count, assignment.stored_rows);
            ensure("I6", own == noted, || {
                format!("host {host} of campaign {no} has {noted:?} rows, its responses {own:?}")
            })?;
        }
    }
    Ok(())
}

fn derived(campaign: &Campaign, name: &str) -> i64 {
    let count = |wanted: &dyn Fn(&Assignment) -> bool| {
        let found = campaign.ledger.values().filter(|a| wanted(a)).count();
        i64::try_from(found).unwrap_or(i64::MAX)
    };
    let answered =
        |wanted: &dyn Fn(&Assignment) -> bool| count(&|a| a.state == "responded" && wanted(a));
    let sum = |value: &dyn Fn(&Response) -> i64| -> i64 {
        campaign.responses.values().flatten().map(value).sum()
    };
    let outcome = |word: &str| answered(&|a| a.outcome.as_deref() == Some(word));
    match name {
        "targeted" => count(&|_| true),
        "late" => answered(&|a| a.late),
        "truncated" => answered(&|a| a.truncated),
        "with_rows" => outcome("rows"),
        "empty" => outcome("empty"),
        "errors" => outcome("error"),
        "denylisted" => outcome("denylisted"),
        "rows_stored" => sum(&|response| response.stored_rows),
        "rows_reported" => sum(&|response| response.row_count),
        state => count(&|a| a.state == state),
    }
}

/// Rows that a host reported and rows that are stored of it.
fn summed(campaign: &Campaign, host: i64) -> (i64, i64) {
    let own = campaign.responses.range((host, 0)..=(host, u32::MAX)).flat_map(|(_, found)| found);
    own.fold((0, 0), |(reported, stored), response| {
        (reported + response.row_count, stored + response.stored_rows)
    })
}

/// I7: the frozen payload never changes, and `spec_sha256` verifies it.
fn i7(scene: Scene<'_>) -> Verdict {
    for (no, campaign) in &scene.now.campaigns {
        let payload = (&campaign.spec, &campaign.spec_sha256, &campaign.parts);
        let frozen = scene.seen.frozen.get(no);
        let same = frozen.is_none_or(|frozen| {
            payload == (&frozen.payload.0, &frozen.payload.1, &frozen.payload.2)
        });
        ensure("I7", same, || format!("the payload of campaign {no} changed: {payload:?}"))?;
        let hash = hex::encode(Sha256::digest(campaign.spec.as_bytes()));
        ensure("I7", hash == campaign.spec_sha256, || {
            format!("the payload of campaign {no} does not have the hash {}", campaign.spec_sha256)
        })?;
        let told = scene.seen.launched.get(&campaign.id);
        ensure("I7", told.is_none_or(|(_, told)| *told == hash), || {
            format!("campaign {no} was launched as {told:?} and is {hash}")
        })?;
    }
    Ok(())
}

/// I8: stored rows per host ≤ the per-host cap; the true row count is kept; `truncated` is set
/// exactly when rows were cut.
fn i8(scene: Scene<'_>) -> Verdict {
    for (no, campaign) in &scene.now.campaigns {
        for (host, assignment) in &campaign.ledger {
            let (_, stored) = summed(campaign, *host);
            ensure("I8", stored <= campaign.host_row_cap, || {
                format!(
                    "{stored} rows of host {host} in campaign {no}, cap {}",
                    campaign.host_row_cap
                )
            })?;
            let own = campaign.responses.range((*host, 0)..=(*host, u32::MAX));
            let cut = own.flat_map(|(_, found)| found).any(|response| response.truncated);
            ensure("I8", cut == assignment.truncated, || {
                format!("host {host} of campaign {no} is marked {}", assignment.truncated)
            })?;
        }
        for ((host, part), response) in each(campaign) {
            let cut = response.stored_rows < response.row_count;
            let less = response.stored_rows <= response.row_count;
            ensure("I8", less && response.truncated == cut, || {
                format!("part {part} of host {host} in campaign {no}: {response:?}")
            })?;
            if !campaign.rows_dropped {
                whole(response).map_err(|found| Violation {
                    invariant: "I8",
                    found: format!("part {part} of host {host} in campaign {no}: {found}"),
                })?;
            }
        }
    }
    for key in scene.new {
        let Some(stored) = scene.seen.stored.get(key) else { continue };
        let lines = i64::try_from(stored.rows.len()).unwrap_or(i64::MAX);
        ensure("I8", lines == stored.response.stored_rows, || {
            format!("{key:?} says {} stored rows and has {lines}", stored.response.stored_rows)
        })?;
    }
    Ok(())
}

fn each(campaign: &Campaign) -> impl Iterator<Item = ((i64, u32), &Response)> {
    let list = |(key, found): (&(i64, u32), &'_ Vec<Response>)| (*key, found.len());
    campaign.responses.iter().flat_map(move |entry| {
        let (key, _) = list(entry);
        entry.1.iter().map(move |response| (key, response))
    })
}

/// Chunks follow each other without a gap and hold what the response says.
fn whole(response: &Response) -> Result<(), String> {
    let mut next = 0;
    for (first, rows, _) in &response.chunks {
        if *first != next {
            return Err(format!("a chunk begins at row {first} instead of {next}"));
        }
        next += rows;
    }
    match next == response.stored_rows {
        true => Ok(()),
        false => Err(format!("chunks hold {next} rows, the response {}", response.stored_rows)),
    }
}

/// I9: `late` is set exactly when the response was committed after `live_until`. The time it bears
/// is that of the commit: clocks stand still within a step, so it is that of a replica now.
fn i9(scene: Scene<'_>) -> Verdict {
    for (no, campaign) in &scene.now.campaigns {
        for ((host, part), response) in each(campaign) {
            let late = response.received_at > campaign.live_until;
            ensure("I9", response.late == late, || {
                format!("part {part} of host {host} in campaign {no} says late = {}", response.late)
            })?;
        }
        for (host, assignment) in &campaign.ledger {
            let own = campaign.responses.range((*host, 0)..=(*host, u32::MAX));
            let late = own.flat_map(|(_, found)| found).any(|response| response.late);
            ensure("I9", assignment.late == late, || {
                format!("host {host} of campaign {no} says late = {}", assignment.late)
            })?;
        }
    }
    for key in scene.new {
        let Some(response) = scene.now.response(*key) else { continue };
        ensure("I9", scene.clocks.contains(&response.received_at), || {
            format!("{key:?} was committed at {}, clocks: {:?}", response.received_at, scene.clocks)
        })?;
    }
    Ok(())
}

/// I10: nothing deletes responses but the explicit drop-rows action, which leaves the record.
fn i10(scene: Scene<'_>) -> Verdict {
    for (key, stored) in &scene.seen.stored {
        let found = scene.now.response(*key);
        ensure("I10", found.is_some(), || format!("the response {key:?} is gone: {stored:?}"))?;
    }
    for (no, campaign) in &scene.now.campaigns {
        ensure("I10", !campaign.rows_dropped || scene.seen.drops.contains(&campaign.id), || {
            format!("nobody asked to drop the rows of campaign {no}")
        })?;
        ensure("I10", !campaign.rows_dropped || campaign.status != "active", || {
            format!("campaign {no} is active and its rows were dropped")
        })?;
    }
    let known: BTreeSet<_> = scene.now.campaigns.keys().collect();
    let gone: Vec<_> = scene.seen.frozen.keys().filter(|no| !known.contains(no)).collect();
    ensure("I10", gone.is_empty(), || format!("campaigns {gone:?} are gone"))
}

/// The table of states in the contract's section 5.
fn states(scene: Scene<'_>) -> Verdict {
    for (no, campaign) in &scene.now.campaigns {
        for (host, assignment) in &campaign.ledger {
            let stored = |part| campaign.responses.contains_key(&(*host, part));
            let complete = campaign.asked(*host).all(stored);
            let (state, reason) = (assignment.state.as_str(), assignment.reason.as_deref());
            ensure("states", complete == (state == "responded"), || {
                format!("host {host} of campaign {no} is {state}; all parts stored: {complete}")
            })?;
            let offers = campaign.asked(*host).map(|part| {
                scene.seen.offers.get(&(*no, *host, part)).copied().unwrap_or_default()
            });
            let offers = offers.max().unwrap_or_default();
            ensure("states", state != "lost" || offers >= 3, || {
                format!("host {host} of campaign {no} is lost after {offers} offers")
            })?;
            let handed = offers > 0 || scene.seen.launched.is_empty();
            ensure("states", state != "offered" || handed, || {
                format!("host {host} of campaign {no} is offered, and never was")
            })?;
            ensure("states", (0..=3).contains(&assignment.attempts), || {
                format!("host {host} of campaign {no}: {} attempts", assignment.attempts)
            })?;
            let may_be_rejected = campaign.status != "active" || !scene.now.living.contains(host);
            ensure("states", state != "rejected" || may_be_rejected, || {
                format!("host {host} of the active campaign {no} is rejected ({reason:?})")
            })?;
        }
    }
    Ok(())
}
