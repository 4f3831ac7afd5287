// SPDX-License-Identifier: Apache-2.0
//! Who has work: a bitmap of hosts for each part of each active campaign, the live queries, and
//! what each host holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use mimir_engine::campaign::ledger::Event;
use mimir_engine::campaign::offers::{Candidate, HostLeases, Offer, Work};
use mimir_engine::limits::PROVEN_AFTER_HOSTS;
use mimir_store::ledger::{Happened, Item};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::AssignmentState;
use roaring::RoaringBitmap;

/// One query of a campaign and the hosts that have not answered it.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardPart {
    /// The query.
    pub sql: Arc<str>,
    /// Hosts it can be offered to.
    pub open: RoaringBitmap,
    /// Hosts that have answered it without dying of it.
    pub answered: u64,
}

/// A campaign at work.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardCampaign {
    /// Its queries.
    pub parts: Vec<BoardPart>,
    /// When its live window closes.
    pub live_until: Timestamp,
    /// Whether the deny-list applies to it.
    pub multi_host: bool,
    /// Whether the deny-list refuses it now.
    pub blocked: bool,
    /// Attempts of hosts that were offered it before this picture was made.
    pub adopted: HashMap<i64, u32>,
}

/// A live query at work.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardLive {
    /// The query.
    pub sql: Arc<str>,
    /// Hosts that have not answered it.
    pub open: RoaringBitmap,
    /// Hosts that have answered it without dying of it.
    pub answered: u64,
}

/// The board. See the module.
#[derive(Debug, Default)]
pub struct Board {
    /// Whether campaigns are offered at all (the flag).
    pub enabled: bool,
    /// Seconds between polls, as agents are told.
    pub poll_interval_s: u64,
    campaigns: BTreeMap<i64, BoardCampaign>,
    live: BTreeMap<u64, BoardLive>,
    leases: HashMap<i64, HostLeases>,
    /// Rows and bytes kept of each host, of campaigns that may still be answered: also stopped
    /// ones. A few bytes a campaign, so they stay until the picture is built again.
    caps: HashMap<i64, (u64, u64)>,
}

/// A query handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// What it is for.
    pub work: Work,
    /// The query.
    pub sql: Arc<str>,
}

/// What a host gets, and what the ledger must learn of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handout {
    /// The queries.
    pub offers: Vec<Offered>,
    /// Seconds of fast polling to ask for.
    pub accelerate: Option<u32>,
    /// For the ledger.
    pub events: Vec<Item>,
}

impl Handout {
    /// Whether the host is told nothing.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty() && self.accelerate.is_none()
    }
}

/// Host numbers are dense and start at 1; four billion enrolments are beyond any fleet.
fn bit(host_no: i64) -> u32 {
    u32::try_from(host_no).unwrap_or(u32::MAX)
}

impl Board {
    /// Whether a host's poll needs a closer look.
    pub fn concerns(&self, host_no: i64) -> bool {
        let bit = bit(host_no);
        (self.enabled
            && self.campaigns.values().any(|c| c.parts.iter().any(|p| p.open.contains(bit))))
            || self.live.values().any(|live| live.open.contains(bit))
            || self.leases.contains_key(&host_no)
    }

    /// Campaigns that could be offered to a host now.
    pub fn open_campaigns(&self, host_no: i64) -> Vec<i64> {
        let bit = bit(host_no);
        let open = |c: &BoardCampaign| c.parts.iter().any(|part| part.open.contains(bit));
        self.campaigns.iter().filter(|(_, c)| self.enabled && open(c)).map(|(no, _)| *no).collect()
    }

    /// Learns how an assignment stands in the ledger, where other replicas write too.
    pub fn learn(&mut self, host_no: i64, no: i64, attempts: u32, state: AssignmentState) {
        let Some(campaign) = self.campaigns.get_mut(&no) else { return };
        match state {
            AssignmentState::Pending => {}
            AssignmentState::Offered => {
                campaign.adopted.insert(host_no, attempts.max(1));
            }
            _ => {
                for part in &mut campaign.parts {
                    part.open.remove(bit(host_no));
                }
            }
        }
    }

    /// Decides what a host gets; see the engine's rules of offers.
    pub fn hand_out(&mut self, host_no: i64, now: Timestamp, elapsed: Duration) -> Handout {
        let mut events = self.take_blocked(host_no);
        self.shelve(host_no);
        if self.campaigns.iter().any(|(no, c)| c.blocked && self.may_hold_answer(host_no, *no, c))
            && let Some(leases) = self.leases.get_mut(&host_no)
        {
            leases.forbid_replay();
        }
        let candidates = self.candidates(host_no, now);
        self.adopt(host_no, &candidates);
        let leases = self.leases.entry(host_no).or_default();
        let decision = leases.on_read(elapsed, self.poll_interval_s, &candidates);
        if leases.is_empty() {
            self.leases.remove(&host_no);
        }
        for work in decision.lost {
            events.extend(self.lose(host_no, work));
        }
        if !decision.replay {
            events.extend(decision.offers.iter().filter_map(|o| offered_event(host_no, o, now)));
        }
        let offers = decision.offers.iter().filter_map(|offer| self.offered(offer.work)).collect();
        Handout { offers, accelerate: decision.accelerate, events }
    }

    /// Live queries first, then campaigns whose window is open, then the oldest.
    fn candidates(&self, host_no: i64, now: Timestamp) -> Vec<Candidate> {
        let bit = bit(host_no);
        let mut found = Vec::new();
        for (no, live) in self.live.iter().filter(|(_, live)| live.open.contains(bit)) {
            let proven = live.answered >= PROVEN_AFTER_HOSTS;
            found.push(Candidate { work: Work::Live(*no), proven, live: true });
        }
        let first_campaign = found.len();
        for (no, campaign) in self.campaigns.iter().filter(|_| self.enabled) {
            if campaign.blocked && !self.may_hold_answer(host_no, *no, campaign) {
                continue;
            }
            for (part, board) in (0_u32..).zip(&campaign.parts) {
                if board.open.contains(bit) {
                    found.push(Candidate {
                        work: Work::Part { campaign: *no, part },
                        proven: board.answered >= PROVEN_AFTER_HOSTS,
                        live: now < campaign.live_until,
                    });
                }
            }
        }
        found[first_campaign..].sort_by_key(|candidate| !candidate.live);
        found
    }

    /// While campaigns are not offered their leases end; the count of offers must not, or a host
    /// would be offered the same more often than allowed once campaigns are on again.
    fn shelve(&mut self, host_no: i64) {
        let Some(leases) = self.leases.get(&host_no).filter(|_| !self.enabled) else { return };
        for (no, campaign) in &mut self.campaigns {
            let works = (0_u32..).zip(&campaign.parts);
            let works = works.map(|(part, _)| Work::Part { campaign: *no, part });
            let attempts = works.map(|work| leases.attempts(work)).max().unwrap_or(0);
            if attempts > 0 {
                campaign.adopted.insert(host_no, attempts);
            }
        }
    }

    /// Takes over offers made before this picture was.
    fn adopt(&mut self, host_no: i64, candidates: &[Candidate]) {
        let campaign_of = |candidate: &Candidate| match candidate.work {
            Work::Part { campaign, .. } => Some(campaign),
            Work::Live(_) => None,
        };
        for candidate in candidates {
            let board = campaign_of(candidate).and_then(|no| self.campaigns.get(&no));
            let Some(&attempts) = board.and_then(|c| c.adopted.get(&host_no)) else { continue };
            self.leases.entry(host_no).or_default().adopt(candidate.work, attempts);
        }
        for no in candidates.iter().filter_map(campaign_of) {
            if let Some(campaign) = self.campaigns.get_mut(&no) {
                campaign.adopted.remove(&host_no);
            }
        }
    }

    /// Whether the host was handed parts of this campaign and has not come back since.
    fn may_hold_answer(&self, host_no: i64, no: i64, campaign: &BoardCampaign) -> bool {
        let leases = self.leases.get(&host_no);
        let mut works = (0_u32..).zip(&campaign.parts).map(|(part, _)| part);
        campaign.adopted.contains_key(&host_no)
            || leases.is_some_and(|leases| {
                works.any(|part| leases.may_hold_answer(Work::Part { campaign: no, part }))
            })
    }

    /// The deny-list refuses a campaign when the host asks: the assignment ends there. A host that
    /// was handed it before is left out first, like any other: its answer may be on the way.
    fn take_blocked(&mut self, host_no: i64) -> Vec<Item> {
        if !self.enabled {
            return Vec::new();
        }
        let bit = bit(host_no);
        let blocked = self.campaigns.iter().filter(|(_, c)| c.blocked);
        let ended: Vec<i64> = blocked
            .filter(|(no, campaign)| !self.may_hold_answer(host_no, **no, campaign))
            .map(|(no, _)| *no)
            .collect();
        let mut events = Vec::new();
        for (no, campaign) in self.campaigns.iter_mut().filter(|(no, _)| ended.contains(no)) {
            let mut had_work = false;
            for part in &mut campaign.parts {
                had_work |= part.open.remove(bit);
            }
            if had_work {
                events.push(item(*no, host_no, Event::Blocked));
            }
        }
        events
    }

    fn lose(&mut self, host_no: i64, work: Work) -> Option<Item> {
        match work {
            Work::Live(no) => {
                if let Some(live) = self.live.get_mut(&no) {
                    live.open.remove(bit(host_no));
                }
                None
            }
            Work::Part { campaign, .. } => {
                for part in &mut self.campaigns.get_mut(&campaign)?.parts {
                    part.open.remove(bit(host_no));
                }
                Some(item(campaign, host_no, Event::Lost))
            }
        }
    }

    fn offered(&self, work: Work) -> Option<Offered> {
        let sql = match work {
            Work::Live(no) => Arc::clone(&self.live.get(&no)?.sql),
            Work::Part { campaign, part } => {
                let part = usize::try_from(part).ok()?;
                Arc::clone(&self.campaigns.get(&campaign)?.parts.get(part)?.sql)
            }
        };
        Some(Offered { work, sql })
    }

    /// A host has sent results, of whatever.
    pub fn on_write(&mut self, host_no: i64) {
        if let Some(leases) = self.leases.get_mut(&host_no) {
            leases.on_write();
        }
    }

    /// Offers made to a host of this work, as far as known here.
    pub fn attempts(&self, host_no: i64, work: Work) -> u32 {
        let leased = self.leases.get(&host_no).map_or(0, |leases| leases.attempts(work));
        let Work::Part { campaign, .. } = work else { return leased };
        let adopted = self.campaigns.get(&campaign).and_then(|c| c.adopted.get(&host_no));
        leased.max(adopted.copied().unwrap_or(0))
    }

    /// Work that a host was offered and has not answered.
    pub fn held_by(&self, host_no: i64) -> Vec<Work> {
        let bit = bit(host_no);
        let parts = self.campaigns.iter().flat_map(|(no, campaign)| {
            let open = (0_u32..).zip(&campaign.parts).filter(|(_, p)| p.open.contains(bit));
            open.map(|(part, _)| Work::Part { campaign: *no, part }).collect::<Vec<_>>()
        });
        let live = self.live.iter().filter(|(_, live)| live.open.contains(bit));
        let all = live.map(|(no, _)| Work::Live(*no)).chain(parts);
        all.filter(|work| self.attempts(host_no, *work) > 0).collect()
    }

    /// A host's answer is stored, or will never be: it is not offered again.
    pub fn close(&mut self, host_no: i64, work: Work, answered_alive: bool) {
        if let Some(leases) = self.leases.get_mut(&host_no) {
            leases.close(work);
        }
        let bit = bit(host_no);
        match work {
            Work::Live(no) => {
                if let Some(live) = self.live.get_mut(&no) {
                    live.answered += u64::from(live.open.remove(bit) && answered_alive);
                }
            }
            Work::Part { campaign, part } => {
                let campaign = self.campaigns.get_mut(&campaign);
                let part = campaign
                    .zip(usize::try_from(part).ok())
                    .and_then(|(campaign, part)| campaign.parts.get_mut(part));
                if let Some(part) = part {
                    part.answered += u64::from(part.open.remove(bit) && answered_alive);
                }
            }
        }
    }

    /// Puts a campaign at work.
    pub fn put_campaign(&mut self, no: i64, campaign: BoardCampaign) {
        self.campaigns.insert(no, campaign);
    }

    /// A campaign that is at work.
    pub fn campaign(&self, no: i64) -> Option<&BoardCampaign> {
        self.campaigns.get(&no)
    }

    /// All campaigns at work.
    pub fn campaigns(&self) -> impl Iterator<Item = (&i64, &BoardCampaign)> {
        self.campaigns.iter()
    }

    /// All campaigns at work, to be changed.
    pub fn campaigns_mut(&mut self) -> impl Iterator<Item = (&i64, &mut BoardCampaign)> {
        self.campaigns.iter_mut()
    }

    /// Numbers of the campaigns at work.
    pub fn campaign_nos(&self) -> Vec<i64> {
        self.campaigns.keys().copied().collect()
    }

    /// Takes a campaign off the board: nothing of it is offered any more (I5).
    pub fn remove_campaign(&mut self, no: i64) {
        self.campaigns.remove(&no);
    }

    /// Notes the rows and bytes that are kept of each host.
    pub fn put_caps(&mut self, no: i64, rows: u64, bytes: u64) {
        self.caps.insert(no, (rows, bytes));
    }

    /// Rows and bytes that are kept of each host; `None` when answers are not kept at all.
    pub fn caps(&self, no: i64) -> Option<(u64, u64)> {
        self.caps.get(&no).copied()
    }

    /// Whether a live query waits for this host.
    pub fn live_waits_for(&self, no: u64, host_no: i64) -> bool {
        self.live.get(&no).is_some_and(|live| live.open.contains(bit(host_no)))
    }

    /// Takes all campaigns off the board.
    pub fn clear_campaigns(&mut self) {
        self.campaigns.clear();
    }

    /// Puts a live query at work.
    pub fn put_live(&mut self, no: u64, sql: Arc<str>, hosts: impl Iterator<Item = i64>) {
        let open = hosts.map(bit).collect();
        self.live.insert(no, BoardLive { sql, open, answered: 0 });
    }

    /// Takes a live query off the board.
    pub fn remove_live(&mut self, no: u64) {
        self.live.remove(&no);
    }

    /// Takes a host off the board.
    pub fn remove_host(&mut self, host_no: i64) {
        self.leases.remove(&host_no);
        let bit = bit(host_no);
        for part in self.campaigns.values_mut().flat_map(|campaign| &mut campaign.parts) {
            part.open.remove(bit);
        }
        for live in self.live.values_mut() {
            live.open.remove(bit);
        }
    }
}

fn item(campaign_no: i64, host_no: i64, event: Event) -> Item {
    Item { campaign_no, host_no, happened: Happened::Event(event) }
}

fn offered_event(host_no: i64, offer: &Offer, now: Timestamp) -> Option<Item> {
    let Work::Part { campaign, .. } = offer.work else { return None };
    let event = Event::Offered { attempt: offer.attempt, at: now };
    Some(item(campaign, host_no, event))
}
