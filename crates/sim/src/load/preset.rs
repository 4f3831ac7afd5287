// SPDX-License-Identifier: Apache-2.0
//! Plans that are ready to use. Each is a list of keys, so that a scenario can be begun by copying
//! one and single options go before it.

use super::keys::Key;
use super::plan::Plan;

/// A ready-made plan.
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is like, in one sentence.
    pub about: &'static str,
    /// Keys and values.
    pub keys: &'static [(&'static str, &'static str)],
}

/// All of them.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "idle",
        about: "hosts that poll once a minute and rarely have an answer",
        keys: &[("interval", "60s"), ("jitter", "0.1"), ("matching", "0.02"), ("rows", "1..3")],
    },
    Preset {
        name: "office",
        about: "laptops that come and go, old agents among them",
        keys: &[
            ("platforms", "windows:5,darwin:3,linux:2"),
            ("versions", "5.23.1:70,5.12.2:25,5.4.0:5"),
            ("offline", "0.4"),
            ("away", "20m"),
            ("back", "40m"),
            ("jitter", "0.1"),
            ("latency", "20ms..800ms"),
            ("duplicates", "0.005"),
            ("lost_requests", "0.01"),
            ("sql_errors", "0.01"),
        ],
    },
    Preset {
        name: "monday",
        about: "nine in ten hosts are away at first and return within a quarter of an hour",
        keys: &[
            ("platforms", "windows:5,darwin:3,linux:2"),
            ("offline", "0.9"),
            ("return_over", "15m"),
            ("spread", "30s"),
            ("latency", "20ms..800ms"),
        ],
    },
    Preset {
        name: "incident",
        about: "everybody is asked at once, polls often and answers many rows",
        keys: &[
            ("interval", "10s"),
            ("jitter", "0.1"),
            ("rows", "0..400"),
            ("row_bytes", "200"),
            ("latency", "50ms..4s"),
            ("offline", "0.15"),
            ("sql_errors", "0.02"),
        ],
    },
    Preset {
        name: "hostile",
        about: "everything that goes wrong in a fleet, and much of it",
        keys: &[
            ("versions", "5.23.1:60,5.12.2:30,5.4.0:10"),
            ("rows", "0..100"),
            ("latency", "0s..2s"),
            ("sql_errors", "0.05"),
            ("denylisted", "0.02"),
            ("deaths", "0.03"),
            ("stuck", "0.01"),
            ("oversize", "0.02"),
            ("invalid_utf8", "0.1"),
            ("duplicates", "0.05"),
            ("lost_requests", "0.05"),
            ("clones", "0.05"),
            ("wrong_clocks", "0.05"),
        ],
    },
];

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// All names in a sentence.
    pub fn names() -> String {
        PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ")
    }

    /// Sets its keys.
    pub fn apply(&self, plan: &mut Plan) {
        for (name, value) in self.keys {
            let key = Key::named(name).expect("a test sets every key of every preset");
            key.set(plan, value).expect("a test sets every key of every preset");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_plan_that_makes_sense() {
        for preset in PRESETS {
            let mut plan = Plan::default();
            preset.apply(&mut plan);
            assert_eq!(plan.check_start(), Ok(()), "{}", preset.name);
            assert_ne!(plan, Plan::default(), "{}", preset.name);
        }
        assert!(Preset::named("nothing").is_none());
    }
}
