// SPDX-License-Identifier: Apache-2.0
//! Who is on the network when: a pure function of host and time, so that a host that is away
//! costs nothing. A host that is away sends nothing and keeps everything in memory, as a laptop
//! with its lid closed.

use std::time::Duration;

use super::plan::{Absence, draw};

/// Whether a host is there, and for how long it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// On the network.
    There,
    /// Away until this time since the start of the load; `None` is for good.
    AwayUntil(Option<Duration>),
}

/// See the head of this file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presence {
    seed: u64,
    absence: Absence,
    /// When this began, since the start of the load: those who return do so from then on.
    since: Duration,
}

impl Presence {
    pub(super) fn new(seed: u64, absence: Absence, since: Duration) -> Self {
        Self { seed, absence, since }
    }

    /// Where `host` is at `now`, counted from the start of the load.
    pub(crate) fn at(&self, host: u32, now: Duration) -> Whereabouts {
        let Absence { offline, away, back, return_over } = self.absence;
        if offline <= 0.0 || draw(self.seed, host, "offline") >= offline {
            return Whereabouts::There;
        }
        if let (Some(away), Some(back)) = (away, back) {
            let cycle = away + back;
            let phase = cycle.mul_f64(draw(self.seed, host, "phase"));
            let into = modulo(now + phase, cycle);
            return match into < away {
                true => Whereabouts::AwayUntil(Some(now + (away - into))),
                false => Whereabouts::There,
            };
        }
        let Some(over) = return_over else { return Whereabouts::AwayUntil(None) };
        // The mean of two draws: few at the beginning and the end, most in the middle.
        let place = (draw(self.seed, host, "return") + draw(self.seed, host, "return too")) / 2.0;
        let returns = self.since + over.mul_f64(place);
        match now < returns {
            true => Whereabouts::AwayUntil(Some(returns)),
            false => Whereabouts::There,
        }
    }
}

fn modulo(time: Duration, cycle: Duration) -> Duration {
    let micros = time.as_micros() % cycle.as_micros().max(1);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn there(presence: &Presence, now: Duration) -> usize {
        (0..1000).filter(|host| presence.at(*host, now) == Whereabouts::There).count()
    }

    fn absence(offline: f64) -> Absence {
        Absence { offline, away: None, back: None, return_over: None }
    }

    #[test]
    fn a_share_is_away_for_good() {
        let presence = Presence::new(7, absence(0.3), Duration::ZERO);
        assert!((650..750).contains(&there(&presence, Duration::ZERO)));
        assert_eq!(there(&presence, Duration::ZERO), there(&presence, 60 * MINUTE));
        assert_eq!(there(&Presence::new(7, absence(0.0), Duration::ZERO), MINUTE), 1000);
    }

    #[test]
    fn hosts_come_and_go_each_at_its_time_and_say_when() {
        let comes = Absence { away: Some(20 * MINUTE), back: Some(10 * MINUTE), ..absence(0.6) };
        let presence = Presence::new(7, comes, Duration::ZERO);
        for minute in 0..60 {
            let count = there(&presence, minute * MINUTE);
            // 400 are always there, and a third of the other 600.
            assert!((540..660).contains(&count), "{count} at {minute}");
        }
        let Some(until) = (0..1000).find_map(|host| match presence.at(host, MINUTE) {
            Whereabouts::AwayUntil(Some(until)) => Some((host, until)),
            _ => None,
        }) else {
            panic!("somebody is away")
        };
        assert_eq!(presence.at(until.0, until.1), Whereabouts::There);
        assert_ne!(presence.at(until.0, until.1 - Duration::from_millis(1)), Whereabouts::There);
    }

    #[test]
    fn on_a_monday_all_return_most_of_them_in_the_middle() {
        let monday = Absence { return_over: Some(10 * MINUTE), ..absence(1.0) };
        let presence = Presence::new(7, monday, 5 * MINUTE);
        let at = |minute| there(&presence, minute * MINUTE);
        assert_eq!((at(0), at(5), at(15)), (0, 0, 1000));
        let (first, middle, last) = (at(7) - at(5), at(12) - at(8), at(15) - at(13));
        assert!(middle > 4 * first && middle > 4 * last, "{first} {middle} {last}");
    }
}
