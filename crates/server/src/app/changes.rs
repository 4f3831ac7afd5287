// SPDX-License-Identifier: Apache-2.0
//! Following what was changed, here or on another replica: the one way by which the picture of
//! the fleet learns of anything but answers. A replica that has missed too much builds it anew.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mimir_sqlguard::Scope;
use mimir_store::campaigns::{self, CampaignRecord};
use mimir_store::changes::{self, Change, ChangeKind};
use mimir_store::hosts::{self, HostBrief};
use mimir_store::{DbError, Tx, assignments, enrolment, live_relay, responses};
use mimir_wire::api::campaign::{AssignmentState, CampaignStatus, Outcome};
use mimir_wire::api::settings::Settings;
use roaring::RoaringBitmap;

use crate::app::App;
use crate::app::state::hop;
use crate::fleet::{BoardCampaign, BoardPart};

/// Changes followed in one step.
const STEP: u64 = 1000;
/// Messages about live queries read in one step: each may carry many rows.
const RECALL_STEP: u64 = 8;
/// Hosts read in one step while the picture is built.
const HOSTS_STEP: u64 = 10_000;

/// How far this replica has followed.
#[derive(Debug, Default)]
pub struct ChangeReader {
    /// Held while following, so that changes are applied once and in order.
    followed: Mutex<Followed>,
    /// When the last catching up for a request began.
    caught_up: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Followed {
    version: i64,
    relay: i64,
    /// Revision and next response sequence of campaigns, as last seen: for answers that other
    /// replicas took.
    answers: HashMap<i64, (i64, i64)>,
}

impl ChangeReader {
    /// Nothing followed.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What a change means for the picture, loaded from the database.
enum Loaded {
    Settings(Box<Settings>),
    Campaign(Box<LoadedCampaign>),
    Host(Option<HostBrief>, i64, Vec<enrolment::NodeKey>),
    Relay(Vec<live_relay::Relayed>),
    Nothing,
}

/// What the deny-list is asked about a campaign.
struct Asked {
    multi_host: bool,
    sql: Vec<Arc<str>>,
}

impl Asked {
    fn of(campaign: &BoardCampaign) -> Self {
        let sql = campaign.parts.iter().map(|part| Arc::clone(&part.sql)).collect();
        Self { multi_host: campaign.multi_host, sql }
    }
}

struct LoadedCampaign {
    record: CampaignRecord,
    board: Option<BoardCampaign>,
}

impl App {
    /// Follows everything that was committed since the last call. Blocking.
    ///
    /// # Errors
    /// When the database fails; nothing is lost, the next call goes on from there.
    pub fn follow_changes(&self) -> Result<(), DbError> {
        let mut followed = self.changes.followed.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (version, relay) = (followed.version, followed.relay);
            let step = self.db.read(move |tx| {
                let Some(changes) = changes::since(tx, version, STEP)? else { return Ok(None) };
                // One look at the relay finds the messages of all changes in this step.
                let mut looked = false;
                let load = |change: &Change| {
                    let is_relay = change.kind == Some(ChangeKind::LiveQuery);
                    if is_relay && std::mem::replace(&mut looked, true) {
                        return Ok((change.version, Loaded::Nothing));
                    }
                    load(tx, change, relay)
                };
                changes.iter().map(load).collect::<Result<Vec<_>, _>>().map(Some)
            })?;
            let Some(step) = step else {
                drop(followed);
                tracing::warn!("too far behind, building the picture anew");
                return self.rebuild();
            };
            let done = step.len() < usize::try_from(STEP).unwrap_or(usize::MAX);
            for (version, loaded) in step {
                self.follow(loaded, &mut followed);
                followed.version = version;
            }
            if done {
                return Ok(());
            }
        }
    }

    /// Follows what was committed before this call, for a request that may be about it. However
    /// many ask, one at a time looks, and those who asked before it began share what it finds.
    pub async fn catch_up(self: &Arc<Self>) {
        let asked = self.clock.instant();
        let mut begun = self.changes.caught_up.lock().await;
        if begun.is_some_and(|at| at >= asked) {
            return;
        }
        *begun = Some(self.clock.instant());
        let app = Arc::clone(self);
        let followed = hop(move || Ok(app.follow_changes()?)).await;
        if let Err(error) = followed {
            tracing::warn!(error = error.detail, "could not follow changes");
        }
    }

    fn follow(&self, loaded: Loaded, followed: &mut Followed) {
        match loaded {
            Loaded::Nothing => {}
            Loaded::Settings(settings) => self.follow_settings(*settings),
            Loaded::Campaign(campaign) => {
                let no = campaign.record.no;
                self.follow_campaign(*campaign);
                self.watch.changed(no);
            }
            Loaded::Host(brief, no, keys) => match brief {
                Some(brief) if !brief.decommissioned => {
                    self.fleet.hosts_mut(|hosts| hosts.put(brief, &keys));
                }
                _ => {
                    self.fleet.hosts_mut(|hosts| hosts.remove(no));
                    self.fleet.board_mut(|board| board.remove_host(no));
                }
            },
            Loaded::Relay(messages) => {
                for message in messages {
                    if message.seq > followed.relay {
                        followed.relay = message.seq;
                        self.live_apply_relayed(&message);
                    }
                }
            }
        }
    }

    fn follow_settings(&self, settings: Settings) {
        let (enabled, interval) =
            (settings.offline_campaigns_enabled, settings.agent_poll_interval_s);
        self.set_settings(settings);
        // The guard takes its time for each campaign: polls must not wait for it. Nobody else
        // puts campaigns on the board meanwhile, that is done while changes are followed.
        let asked: Vec<(i64, Asked)> = self.fleet.board(|board| {
            board.campaigns().map(|(no, campaign)| (*no, Asked::of(campaign))).collect()
        });
        let refused: HashSet<i64> =
            asked.iter().filter(|(_, asked)| self.refuses(asked)).map(|(no, _)| *no).collect();
        self.fleet.board_mut(|board| {
            board.enabled = enabled;
            board.poll_interval_s = interval;
            for (no, campaign) in board.campaigns_mut() {
                campaign.blocked = refused.contains(no);
            }
        });
        self.fleet.wake.notify_waiters();
    }

    /// Whether the deny-list in force refuses a campaign (live drain and reconnect alike).
    fn refuses(&self, asked: &Asked) -> bool {
        let deny = self.deny_list();
        let allowed = |sql: &Arc<str>| self.guard.check(sql, Scope::MultiHost, &deny).is_allowed();
        asked.multi_host && !asked.sql.iter().all(allowed)
    }

    fn follow_campaign(&self, campaign: LoadedCampaign) {
        let LoadedCampaign { record, mut board } = campaign;
        if let Some(board) = &mut board {
            board.blocked = self.refuses(&Asked::of(board));
        }
        self.fleet.board_mut(|fleet| {
            fleet.put_caps(record.no, record.host_row_cap, record.host_byte_cap);
            match board {
                None => fleet.remove_campaign(record.no),
                // Already at work here: only a launch or a rebuild puts one on the board.
                Some(_) if fleet.campaign(record.no).is_some() => {}
                Some(board) => fleet.put_campaign(record.no, board),
            }
        });
        self.fleet.wake.notify_waiters();
    }

    /// Builds the picture anew from the database. Blocking.
    ///
    /// # Errors
    /// When the database fails; then the picture stays as it was.
    pub fn rebuild(&self) -> Result<(), DbError> {
        let mut followed = self.changes.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let picture = self.db.read(|tx| {
            let version = changes::head(tx)?;
            let relay = live_relay::head(tx)?;
            let settings = mimir_store::settings::load(tx, &crate::app::settings::defaults())?;
            let mut campaigns = Vec::new();
            for record in campaigns::with_work(tx)? {
                campaigns.push(load_campaign(tx, record)?);
            }
            let keys = enrolment::keys(tx, None)?;
            let hosts = all_hosts(tx)?;
            Ok::<_, DbError>((version, relay, settings, campaigns, keys, hosts))
        })?;
        let (version, relay, settings, campaigns, keys, hosts) = picture;
        self.fleet.hosts_mut(|fleet| fleet.replace(hosts, &keys));
        self.fleet.board_mut(crate::fleet::Board::clear_campaigns);
        self.follow_settings(settings);
        followed.answers.clear();
        for campaign in campaigns {
            let record = &campaign.record;
            followed.answers.insert(record.no, (record.revision, record.next_seq));
            self.follow_campaign(campaign);
        }
        (followed.version, followed.relay) = (version, relay);
        drop(followed);
        self.recall_live(relay)
    }

    /// Takes up the live queries that other replicas have started and that may still run.
    fn recall_live(&self, until: i64) -> Result<(), DbError> {
        let mut seen = 0;
        while seen < until {
            let step = self.db.read(move |tx| live_relay::since(tx, seen, RECALL_STEP))?;
            let Some(last) = step.last() else { return Ok(()) };
            seen = last.seq;
            step.iter().for_each(|message| self.live_apply_relayed(message));
        }
        Ok(())
    }

    /// Learns of answers that other replicas took, so that their hosts are not offered the same
    /// again here. Only a saving: the ledger would ignore the repeated answer. Blocking.
    ///
    /// # Errors
    /// When the database fails.
    pub fn follow_answers(&self) -> Result<(), DbError> {
        let mut followed = self.changes.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = followed.answers.clone();
        let news = self.db.read(move |tx| {
            let mut news = Vec::new();
            for (no, revision) in campaigns::revisions(tx)? {
                let (seen, next_seq) = known.get(&no).copied().unwrap_or((-1, 0));
                if seen != revision {
                    news.push((no, revision, responses::answered_since(tx, no, next_seq)?));
                }
            }
            Ok::<_, DbError>(news)
        })?;
        for (no, revision, answered) in news {
            let entry = followed.answers.entry(no).or_insert((revision, 0));
            entry.0 = revision;
            self.fleet.board_mut(|board| {
                for (host_no, part, seq, outcome) in answered {
                    entry.1 = entry.1.max(seq + 1);
                    let work = mimir_engine::campaign::offers::Work::Part { campaign: no, part };
                    board.close(host_no, work, outcome != Outcome::Denylisted);
                }
            });
            self.watch.changed(no);
        }
        Ok(())
    }

    /// Whether this picture equals the one that the database gives: the test of the cache.
    ///
    /// # Errors
    /// When the database fails.
    pub fn picture_matches(self: &Arc<Self>) -> Result<bool, DbError> {
        let records = self.db.read(|tx| {
            let mut loaded = Vec::new();
            for record in campaigns::with_work(tx)? {
                let no = record.no;
                loaded.push((no, load_campaign(tx, record)?.board));
            }
            Ok::<_, DbError>(loaded)
        })?;
        let open = |board: &BoardCampaign| -> Vec<RoaringBitmap> {
            board.parts.iter().map(|part| part.open.clone()).collect()
        };
        let mut wanted: Vec<_> =
            records.iter().filter_map(|(no, board)| Some((*no, open(board.as_ref()?)))).collect();
        wanted.sort_by_key(|(no, _)| *no);
        Ok(self.fleet.board(|board| {
            let nos = board.campaign_nos();
            nos.len() == wanted.len()
                && wanted
                    .iter()
                    .all(|(no, parts)| board.campaign(*no).is_some_and(|c| open(c) == *parts))
        }))
    }
}

fn load(tx: &mut Tx<'_>, change: &Change, relay: i64) -> Result<(i64, Loaded), DbError> {
    let subject = change.subject.unwrap_or_default();
    let loaded = match change.kind {
        Some(ChangeKind::Settings) => {
            let defaults = crate::app::settings::defaults();
            Loaded::Settings(Box::new(mimir_store::settings::load(tx, &defaults)?))
        }
        Some(ChangeKind::CampaignLaunched | ChangeKind::CampaignStatus) => {
            match campaigns::by_no(tx, subject)? {
                Some(record) => Loaded::Campaign(Box::new(load_campaign(tx, record)?)),
                None => Loaded::Nothing,
            }
        }
        Some(ChangeKind::HostEnrolled | ChangeKind::HostDecommissioned) => Loaded::Host(
            hosts::brief_by_no(tx, subject)?,
            subject,
            enrolment::keys(tx, Some(subject))?,
        ),
        Some(ChangeKind::LiveQuery) => Loaded::Relay(live_relay::since(tx, relay, STEP)?),
        // Accounts are looked up at each request; an unknown kind is a newer binary's business.
        Some(ChangeKind::Accounts) | None => Loaded::Nothing,
    };
    Ok((change.version, loaded))
}

fn load_campaign(tx: &mut Tx<'_>, record: CampaignRecord) -> Result<LoadedCampaign, DbError> {
    if record.ledger.status != CampaignStatus::Active {
        return Ok(LoadedCampaign { record, board: None });
    }
    let texts = campaigns::parts(tx, record.no)?;
    if !crate::app::campaigns::is_intact(&record, &texts) {
        tracing::error!(campaign = %record.id, "I7: the payload was altered; it is not offered");
        return Ok(LoadedCampaign { record, board: None });
    }
    let mut open = RoaringBitmap::new();
    let mut adopted = HashMap::new();
    for (host_no, attempts, state) in assignments::open_hosts(tx, record.no)? {
        open.insert(u32::try_from(host_no).unwrap_or(u32::MAX));
        if state == AssignmentState::Offered {
            adopted.insert(host_no, attempts.max(1));
        }
    }
    let c = &record.ledger.coverage;
    let answered = c.with_rows + c.empty + c.errors;
    let part = |sql: String| BoardPart { sql: sql.into(), open: open.clone(), answered };
    let mut parts: Vec<_> = texts.into_iter().map(part).collect();
    if parts.len() > 1 {
        subtract_answered(tx, record.no, &mut parts)?;
    }
    let board = BoardCampaign {
        parts,
        live_until: record.ledger.live_until,
        multi_host: record.multi_host,
        blocked: false,
        adopted,
    };
    Ok(LoadedCampaign { record, board: Some(board) })
}

/// A host that has answered some parts of a campaign still has work for the others only.
fn subtract_answered(
    tx: &mut Tx<'_>,
    campaign_no: i64,
    parts: &mut [BoardPart],
) -> Result<(), DbError> {
    parts.iter_mut().for_each(|part| part.answered = 0);
    for (host_no, part, _, outcome) in responses::answered_since(tx, campaign_no, 0)? {
        let part = usize::try_from(part).ok().and_then(|part| parts.get_mut(part));
        if let Some(part) = part {
            part.open.remove(u32::try_from(host_no).unwrap_or(u32::MAX));
            part.answered += u64::from(outcome != Outcome::Denylisted);
        }
    }
    Ok(())
}

fn all_hosts(tx: &mut Tx<'_>) -> Result<Vec<HostBrief>, DbError> {
    let mut all: Vec<HostBrief> = Vec::new();
    loop {
        let after = all.last().map_or(-1, |host| host.no);
        let step = hosts::briefs(tx, after, HOSTS_STEP)?;
        if step.is_empty() {
            return Ok(all);
        }
        all.extend(step);
    }
}
