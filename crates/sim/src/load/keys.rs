// SPDX-License-Identifier: Apache-2.0
//! The names under which people set a [`Plan`]: the keys of a scenario file and, with `-` for
//! `_`, the options of the command line. One list for both, so that they cannot differ.

use super::plan::{Connecting, Plan};
use super::values::{number, range, share, some_time, time, weights};
use crate::profile::{Platform, Version};

/// Largest fleet.
pub(crate) const HOSTS_MAX: usize = 1_000_000;
/// Most requests under way at once.
const PARALLEL_MAX: usize = 16_384;
/// Most rows of an answer.
const ROWS_MAX: u64 = 1_000_000;
/// Longest made-up row and largest blown-up answer, in bytes.
const BYTES_MAX: usize = 256 << 20;
/// Most loopback source addresses.
const SOURCES_MAX: u32 = 0x00FE_0000;

/// What a key is about; the heading under which help shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Number of hosts, pace, connections.
    Fleet,
    /// Who is away when.
    Absence,
    /// What hosts answer.
    Answers,
    /// What goes wrong.
    Faults,
}

/// One key.
pub struct Key {
    /// Its name in a file.
    pub name: &'static str,
    /// What stands for its value in help, such as `TIME`.
    pub value: &'static str,
    /// One sentence for help.
    pub help: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// Whether a step of a scenario may change it while the fleet runs.
    pub changes: bool,
    set: fn(&mut Plan, &str) -> Result<(), String>,
}

impl Key {
    /// The key of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Sets it in a plan.
    ///
    /// # Errors
    /// When the value makes no sense: what to write instead.
    pub fn set(&self, plan: &mut Plan, value: &str) -> Result<(), String> {
        (self.set)(plan, value)
    }
}

/// A key by its parts.
const fn key(
    topic: Topic,
    name: &'static str,
    value: &'static str,
    help: &'static str,
    set: fn(&mut Plan, &str) -> Result<(), String>,
) -> Key {
    Key { name, value, help, topic, changes: true, set }
}

/// A key that holds from the start to the end.
const fn fixed(
    topic: Topic,
    name: &'static str,
    value: &'static str,
    help: &'static str,
    set: fn(&mut Plan, &str) -> Result<(), String>,
) -> Key {
    Key { name, value, help, topic, changes: false, set }
}

/// All keys, in the order of help.
pub const KEYS: &[Key] = &[
    fixed(Topic::Fleet, "hosts", "N", "How many hosts [default: 100]", |plan, text| {
        number(text, 1, HOSTS_MAX).map(|hosts| plan.hosts = hosts)
    }),
    fixed(
        Topic::Fleet,
        "seed",
        "N",
        "Names, ids, answers and faults follow from it: the same seed is the same fleet [default: 1]",
        |plan, text| number(text, 0, u64::MAX).map(|seed| plan.seed = seed),
    ),
    fixed(
        Topic::Fleet,
        "duration",
        "TIME",
        "End after this long, as 10m [default: at Ctrl-C]",
        |plan, text| some_time(text).map(|time| plan.duration = Some(time)),
    ),
    fixed(
        Topic::Fleet,
        "spread",
        "TIME",
        "Hosts start one by one over this time [default: 250 hosts a second]",
        |plan, text| time(text).map(|time| plan.spread = Some(time)),
    ),
    key(
        Topic::Fleet,
        "interval",
        "TIME",
        "A host polls this often; `server` is what the server's config tells [default: server]",
        |plan, text| match text {
            "server" => {
                plan.interval = None;
                Ok(())
            }
            _ => some_time(text).map(|time| plan.interval = Some(time)),
        },
    ),
    key(
        Topic::Fleet,
        "jitter",
        "SHARE",
        "Each interval is up to this share shorter or longer; osquery has none [default: 0]",
        |plan, text| share(text).map(|share| plan.jitter = share),
    ),
    key(
        Topic::Fleet,
        "config_refresh",
        "TIME",
        "Hosts fetch the config this often; 0 is once [default: 60s, as an enrolment kit sets]",
        |plan, text| time(text).map(|time| plan.config_refresh = time),
    ),
    fixed(
        Topic::Fleet,
        "connection",
        "HOW",
        "`new` for each request, as osqueryd, or `kept`, as mimir-agent; kept ones are shared by \
         all hosts [default: new]",
        |plan, text| {
            plan.connection = match text {
                "new" => Connecting::New,
                "kept" => Connecting::Kept,
                _ => return Err(format!("`{text}` is neither `new` nor `kept`")),
            };
            Ok(())
        },
    ),
    fixed(
        Topic::Fleet,
        "parallel",
        "N",
        "Requests under way at once; others wait, and the report says how long [default: 256]",
        |plan, text| number(text, 1, PARALLEL_MAX).map(|parallel| plan.parallel = parallel),
    ),
    fixed(
        Topic::Fleet,
        "sources",
        "N",
        "Spread hosts over N loopback addresses, for a server on this machine [default: 0]",
        |plan, text| number(text, 0, SOURCES_MAX).map(|sources| plan.sources = sources),
    ),
    fixed(
        Topic::Fleet,
        "platforms",
        "MIX",
        "Platforms with weights [default: linux:4,darwin:3,windows:3]",
        |plan, text| weights(text, platform).map(|mix| plan.platforms = mix),
    ),
    fixed(
        Topic::Fleet,
        "versions",
        "MIX",
        "Versions of osqueryd with weights, as 5.23.1:8,5.4.0:2 [default: 5.23.1]",
        |plan, text| weights(text, str::parse::<Version>).map(|mix| plan.versions = mix),
    ),
    key(Topic::Absence, "offline", "SHARE", "Share of the hosts that are away [default: 0]", {
        |plan, text| share(text).map(|share| plan.absence.offline = share)
    }),
    key(
        Topic::Absence,
        "away",
        "TIME",
        "These come and go: away this long in turn; `never` to end it",
        |plan, text| or_never(text).map(|time| plan.absence.away = time),
    ),
    key(Topic::Absence, "back", "TIME", "… and back this long in turn", |plan, text| {
        or_never(text).map(|time| plan.absence.back = time)
    }),
    key(
        Topic::Absence,
        "return_over",
        "TIME",
        "Or they return one by one over this time, as on a Monday morning",
        |plan, text| or_never(text).map(|time| plan.absence.return_over = time),
    ),
    key(
        Topic::Answers,
        "rows",
        "N|N..N",
        "Made-up rows of each answer; `table` for rows that fit the table asked for [default: table]",
        |plan, text| match text {
            "table" => {
                plan.answers.rows = None;
                Ok(())
            }
            _ => range(text, |text| number(text, 0, ROWS_MAX))
                .map(|rows| plan.answers.rows = Some(rows)),
        },
    ),
    key(Topic::Answers, "row_bytes", "N", "Size of a made-up row [default: about 70]", {
        |plan, text| number(text, 0, BYTES_MAX).map(|bytes| plan.answers.row_bytes = bytes)
    }),
    key(
        Topic::Answers,
        "matching",
        "SHARE",
        "Share of the hosts that find anything; others answer no rows [default: 1]",
        |plan, text| share(text).map(|share| plan.answers.matching = share),
    ),
    key(
        Topic::Answers,
        "latency",
        "TIME|TIME..TIME",
        "Time a query takes on a host [default: 0]",
        |plan, text| range(text, time).map(|latency| plan.answers.latency = latency),
    ),
    key(Topic::Answers, "sql_errors", "SHARE", "Share of the answers that are SQL errors", {
        |plan, text| share(text).map(|share| plan.answers.sql_errors = share)
    }),
    key(
        Topic::Answers,
        "denylisted",
        "SHARE",
        "Share of the answers that say the query is on the denylist",
        |plan, text| share(text).map(|share| plan.answers.denylisted = share),
    ),
    key(
        Topic::Faults,
        "deaths",
        "SHARE",
        "Share of the queries an agent's worker dies of; it then refuses the text for a day",
        |plan, text| share(text).map(|share| plan.answers.deaths = share),
    ),
    key(Topic::Faults, "stuck", "SHARE", "Share of the queries that do not end", {
        |plan, text| share(text).map(|share| plan.answers.stuck = share)
    }),
    key(Topic::Faults, "oversize", "SHARE", "Share of the hosts with blown-up answers", {
        |plan, text| share(text).map(|share| plan.answers.oversize = share)
    }),
    key(Topic::Faults, "oversize_bytes", "N", "Size of a blown-up answer [default: 2097152]", {
        |plan, text| number(text, 1, BYTES_MAX).map(|bytes| plan.answers.oversize_bytes = bytes)
    }),
    key(Topic::Faults, "invalid_utf8", "SHARE", "Share of the hosts whose rows are not UTF-8", {
        |plan, text| share(text).map(|share| plan.answers.invalid_utf8 = share)
    }),
    key(
        Topic::Faults,
        "duplicates",
        "SHARE",
        "Share of the requests that arrive twice, because the answer was lost",
        |plan, text| share(text).map(|share| plan.duplicates = share),
    ),
    key(Topic::Faults, "lost_requests", "SHARE", "Share of the requests that do not arrive", {
        |plan, text| share(text).map(|share| plan.lost_requests = share)
    }),
    fixed(
        Topic::Faults,
        "clones",
        "SHARE",
        "Share of the hosts made from another's disk image: same UUID and node key",
        |plan, text| share(text).map(|share| plan.clones = share),
    ),
    fixed(Topic::Faults, "wrong_clocks", "SHARE", "Share of the hosts with a wrong clock", {
        |plan, text| share(text).map(|share| plan.wrong_clocks = share)
    }),
];

fn platform(text: &str) -> Result<Platform, String> {
    match text {
        "linux" => Ok(Platform::Linux),
        "darwin" | "macos" => Ok(Platform::Darwin),
        "windows" => Ok(Platform::Windows),
        _ => Err(format!("`{text}` is no platform: there are linux, darwin and windows")),
    }
}

fn or_never(text: &str) -> Result<Option<std::time::Duration>, String> {
    match text {
        "never" => Ok(None),
        _ => some_time(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_different_names_and_refuse_nonsense() {
        for (place, key) in KEYS.iter().enumerate() {
            assert!(KEYS[..place].iter().all(|other| other.name != key.name), "{}", key.name);
            assert!(key.set(&mut Plan::default(), "no such value").is_err(), "{}", key.name);
            assert!(!key.help.ends_with('.'), "{}", key.name);
        }
    }

    #[test]
    fn values_reach_the_plan() {
        let mut plan = Plan::default();
        for (name, value) in [
            ("hosts", "100_000"),
            ("interval", "60s"),
            ("platforms", "linux"),
            ("versions", "5.23.1:3,5.4.0:1"),
            ("rows", "0..40"),
            ("latency", "50ms..2s"),
            ("offline", "30%"),
            ("connection", "kept"),
        ] {
            Key::named(name).unwrap().set(&mut plan, value).unwrap();
        }
        assert_eq!((plan.hosts, plan.answers.rows), (100_000, Some((0, 40))));
        assert_eq!((plan.absence.offline, plan.connection), (0.3, Connecting::Kept));
        assert_eq!(plan.versions[1].0, Version::new(5, 4, 0));
        Key::named("interval").unwrap().set(&mut plan, "server").unwrap();
        assert_eq!(plan.interval, None);
    }
}
