// SPDX-License-Identifier: Apache-2.0
//! Reading `schedule`, `packs` and `decorators` of a configuration. Lenient: what is odd is
//! passed over and told, the rest holds.
//!
//! Whether a pack's discovery queries find anything is not decided here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha1::{Digest, Sha1};

use super::options::{Options, as_flag, as_number};
use crate::limits::{
    DECORATORS_MAX, QUERY_NAME_BYTES_MAX, SCHEDULE_INTERVAL_SECONDS_MAX, SCHEDULE_QUERIES_MAX,
    SQL_BYTES_MAX,
};

/// The version of osquery whose tables and functions this agent has; `version` of packs and
/// queries is compared with it.
pub const OSQUERY_VERSION: &str = "5.23.1";

/// What a configuration asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The queries that are for this host, by their whole names.
    pub queries: Vec<PlannedQuery>,
    /// Every pack.
    pub packs: Vec<Pack>,
    /// Queries whose values stand in every line.
    pub decorators: Decorators,
    /// What could not be taken, one sentence each.
    pub problems: Vec<String>,
}

/// A query of the schedule or of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedQuery {
    /// Its name, with that of its pack before it.
    pub name: String,
    /// Index of its pack.
    pub pack: Option<usize>,
    /// The statement.
    pub sql: String,
    /// Seconds between runs, before splay.
    pub interval: u64,
    /// Whether all rows are reported each time.
    pub snapshot: bool,
    /// Whether rows that are gone are reported.
    pub removed: bool,
    /// Whether it is refused for a day when the agent died in it.
    pub denylist: bool,
    /// Whether it runs once at the start.
    pub at_start: bool,
}

/// A pack, whether for this host or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pack {
    /// Its name.
    pub name: String,
    /// The platforms it is for, as written.
    pub platform: String,
    /// The least version it asks for, as written.
    pub version: String,
    /// The share of hosts it is for, in percent; 0 when it does not say.
    pub shard: u64,
    /// Whether platform, version and shard include this host.
    pub applies: bool,
    /// Queries that must all have a row.
    pub discovery: Vec<String>,
}

/// Queries whose values stand in every line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decorators {
    /// Run when the configuration is loaded.
    pub load: Vec<String>,
    /// Run before each scheduled query.
    pub always: Vec<String>,
    /// Run at intervals in seconds.
    pub interval: BTreeMap<u64, Vec<String>>,
}

/// The place of a host among all, 0 to 100, from its name; as osquery computes it.
pub fn shard_of(hostname: &str) -> u64 {
    let first = Sha1::digest(hostname).first().copied().unwrap_or_default();
    u64::from(first) * 100 / 255
}

impl Plan {
    /// Reads what is for a host with this `shard`.
    pub fn read(config: &Map<String, Value>, options: &Options, shard: u64) -> Self {
        let mut reader = Reader { options, shard, plan: Self::default(), names: BTreeMap::new() };
        if let Some(queries) = reader.object(config.get("schedule"), "schedule") {
            reader.queries(queries, None);
        }
        for (name, pack) in reader.object(config.get("packs"), "packs").into_iter().flatten() {
            reader.pack(name, pack);
        }
        if let Some(decorators) = reader.object(config.get("decorators"), "decorators") {
            reader.decorators(decorators);
        }
        reader.plan
    }
}

struct Reader<'r> {
    options: &'r Options,
    shard: u64,
    plan: Plan,
    names: BTreeMap<String, ()>,
}

impl Reader<'_> {
    fn problem(&mut self, text: String) {
        self.plan.problems.push(text);
    }

    fn object<'v>(
        &mut self,
        value: Option<&'v Value>,
        what: &str,
    ) -> Option<&'v Map<String, Value>> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(object)) => Some(object),
            Some(_) => {
                self.problem(format!("`{what}` of the configuration is no object; it is ignored"));
                None
            }
        }
    }

    /// Whether a pack or query is for this host.
    fn applies(&self, object: &Map<String, Value>) -> bool {
        let shard = object.get("shard").and_then(as_number).unwrap_or(0);
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        (shard == 0 || shard >= self.shard)
            && is_for_linux(text("platform"))
            && is_version_reached(text("version"), OSQUERY_VERSION)
    }

    fn pack(&mut self, name: &str, value: &Value) {
        let Some(object) = self.object(Some(value), &format!("packs.{name}")) else { return };
        let text =
            |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let discovery = object.get("discovery").and_then(Value::as_array);
        let discovery = discovery.into_iter().flatten().filter_map(Value::as_str);
        let pack = Pack {
            name: name.to_owned(),
            platform: text("platform"),
            version: text("version"),
            shard: object.get("shard").and_then(as_number).unwrap_or(0),
            applies: self.applies(object),
            discovery: discovery.map(str::to_owned).collect(),
        };
        let applies = pack.applies;
        self.plan.packs.push(pack);
        let queries = self.object(object.get("queries"), &format!("packs.{name}.queries"));
        if let Some(queries) = queries.filter(|_| applies) {
            self.queries(queries, Some(self.plan.packs.len() - 1));
        }
    }

    fn queries(&mut self, queries: &Map<String, Value>, pack: Option<usize>) {
        for (name, value) in queries {
            let name = match pack.and_then(|pack| self.plan.packs.get(pack)) {
                Some(pack) => {
                    let delimiter = &self.options.pack_delimiter;
                    format!("pack{delimiter}{}{delimiter}{name}", pack.name)
                }
                None => name.clone(),
            };
            match self.query(&name, value, pack) {
                Ok(Some(query)) => self.plan.queries.push(query),
                Ok(None) => {}
                Err(reason) => {
                    let shown: String = name.chars().take(100).collect();
                    self.problem(format!("scheduled query {shown} is ignored: {reason}"));
                }
            }
        }
    }

    /// A query; `None` when it is not for this host.
    fn query(
        &mut self,
        name: &str,
        value: &Value,
        pack: Option<usize>,
    ) -> Result<Option<PlannedQuery>, String> {
        let object = value.as_object().ok_or("it is no object")?;
        if !self.applies(object) {
            return Ok(None);
        }
        let sql = object.get("query").and_then(Value::as_str).unwrap_or_default().trim();
        if sql.is_empty() {
            return Err("it has no query".to_owned());
        }
        if sql.len() > SQL_BYTES_MAX || name.is_empty() || name.len() > QUERY_NAME_BYTES_MAX {
            return Err("its name or its query is too long or empty".to_owned());
        }
        let interval = match object.get("interval") {
            None => Some(self.options.schedule_default_interval),
            Some(interval) => as_number(interval),
        };
        let interval = interval
            .filter(|interval| (1..=SCHEDULE_INTERVAL_SECONDS_MAX).contains(interval))
            .ok_or_else(|| {
                format!("its interval must be 1 to {SCHEDULE_INTERVAL_SECONDS_MAX} seconds")
            })?;
        if self.plan.queries.len() >= SCHEDULE_QUERIES_MAX {
            return Err(format!("there are more than {SCHEDULE_QUERIES_MAX} queries"));
        }
        if self.names.insert(name.to_owned(), ()).is_some() {
            return Err("another query has this name".to_owned());
        }
        let flag = |name: &str| object.get(name).and_then(as_flag);
        Ok(Some(PlannedQuery {
            name: name.to_owned(),
            pack,
            sql: sql.to_owned(),
            interval,
            snapshot: flag("snapshot").unwrap_or(false),
            removed: flag("removed").unwrap_or(true),
            denylist: flag("denylist").or_else(|| flag("blacklist")).unwrap_or(true),
            at_start: flag("startup_priority").unwrap_or(false),
        }))
    }

    fn decorators(&mut self, object: &Map<String, Value>) {
        let texts = |value: Option<&Value>| {
            let list = value.and_then(Value::as_array).into_iter().flatten();
            let texts = list.filter_map(Value::as_str).map(str::trim);
            texts.filter(|sql| !sql.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut decorators = Decorators {
            load: texts(object.get("load")),
            always: texts(object.get("always")),
            interval: BTreeMap::new(),
        };
        let intervals = self.object(object.get("interval"), "decorators.interval");
        for (seconds, queries) in intervals.into_iter().flatten() {
            // Minutes, as in osquery.
            match seconds.parse::<u64>() {
                Ok(n) if n > 0 && n % 60 == 0 && n <= SCHEDULE_INTERVAL_SECONDS_MAX => {
                    decorators.interval.insert(n, texts(Some(queries)));
                }
                _ => self.problem(
                    "an interval of decorators is no number of whole minutes in seconds; it is \
                     ignored"
                        .to_owned(),
                ),
            }
        }
        let lists = [&decorators.load, &decorators.always].into_iter();
        if lists.chain(decorators.interval.values()).map(Vec::len).sum::<usize>() > DECORATORS_MAX {
            self.problem(format!(
                "there are more than {DECORATORS_MAX} decorators; none of them is used"
            ));
            return;
        }
        self.plan.decorators = decorators;
    }
}

/// osquery's substring test, for Linux.
fn is_for_linux(platform: &str) -> bool {
    let names = ["linux", "posix", "all", "any"];
    let platform = platform.trim();
    platform.is_empty() || platform == "null" || names.iter().any(|name| platform.contains(name))
}

/// Whether `have` is at least `least`, number by number; anything is at least nothing.
fn is_version_reached(least: &str, have: &str) -> bool {
    if least.is_empty() || least == "null" {
        return true;
    }
    let numbers = |version: &str| {
        let parts = version.trim().split(['.', '-', '+']);
        parts.map(|part| part.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>()
    };
    let (mut least, have) = (numbers(least), numbers(have));
    // 5.23 is not later than 5.23.0.
    while least.last() == Some(&0) {
        least.pop();
    }
    have >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(config: &Value) -> Plan {
        Plan::read(config.as_object().unwrap(), &Options::default(), 50)
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.queries.iter().map(|query| query.name.as_str()).collect()
    }

    #[test]
    fn queries_have_osquerys_defaults() {
        let plan = plan(&serde_json::json!({"schedule": {
            "a": {"query": " SELECT 1; "},
            "b": {"query": "SELECT 2", "interval": "60", "snapshot": "true", "removed": false,
                  "blacklist": 0, "startup_priority": 1},
        }}));
        assert_eq!(plan.problems, [""; 0]);
        let [a, b] = plan.queries.as_slice() else { panic!("{plan:?}") };
        assert_eq!((a.sql.as_str(), a.interval, a.pack), ("SELECT 1;", 3_600, None));
        assert_eq!([a.snapshot, a.removed, a.denylist, a.at_start], [false, true, true, false]);
        assert_eq!(b.interval, 60);
        assert_eq!([b.snapshot, b.removed, b.denylist, b.at_start], [true, false, false, true]);
    }

    #[test]
    fn only_what_is_for_this_host_is_taken() {
        let query = |extra: Value| {
            let mut query = serde_json::json!({"query": "SELECT 1", "interval": 10});
            query.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            query
        };
        let plan = plan(&serde_json::json!({
            "schedule": {
                "linux": query(serde_json::json!({"platform": "darwin,linux"})),
                "posix": query(serde_json::json!({"platform": "posix"})),
                "mac": query(serde_json::json!({"platform": "darwin"})),
                "old": query(serde_json::json!({"version": "5.5"})),
                "new": query(serde_json::json!({"version": "5.100.0"})),
                "half": query(serde_json::json!({"shard": 50})),
                "less": query(serde_json::json!({"shard": "49"})),
            },
            "packs": {
                "win": {"platform": "windows", "queries": {"q": query(serde_json::json!({}))}},
                "base": {"discovery": ["SELECT 1", 2], "shard": 80, "version": "1.4.5",
                         "queries": {"q": query(serde_json::json!({})),
                                     "r": query(serde_json::json!({"platform": "darwin"}))}},
            },
        }));
        assert_eq!(names(&plan), ["linux", "posix", "old", "half", "pack_base_q"]);
        let [win, base] = plan.packs.as_slice() else { panic!("{plan:?}") };
        assert!(!win.applies && base.applies);
        assert_eq!(
            (base.shard, base.discovery.as_slice()),
            (80, ["SELECT 1".to_owned()].as_slice())
        );
        assert_eq!(plan.queries[4].pack, Some(1));
        assert_eq!(plan.problems, [""; 0]);
    }

    #[test]
    fn what_is_odd_is_told_and_passed_over() {
        let plan = plan(&serde_json::json!({
            "schedule": {
                "a": 1, "b": {"query": ""}, "c": {"query": "SELECT 1", "interval": 0},
                "d": {"query": "SELECT 1", "interval": 604_801}, "pack_x_y": {"query": "SELECT 1"},
                "": {"query": "SELECT 1"},
            },
            "packs": {"file": "/etc/pack.conf", "x": {"queries": {"y": {"query": "SELECT 2"}}}},
            "decorators": {"interval": {"90": ["SELECT 1"], "60": ["SELECT 2", "", 3]}},
        }));
        assert_eq!(names(&plan), ["pack_x_y"]);
        assert_eq!(plan.problems.len(), 8, "{:?}", plan.problems);
        assert_eq!(plan.decorators.interval[&60], ["SELECT 2"]);
        assert_eq!(Plan::read(&Map::new(), &Options::default(), 1), Plan::default());
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (least, reached) in [
            ("", true),
            ("null", true),
            ("5.9", true),
            ("5.23.1", true),
            ("5.23.1.0", true),
            ("5.23.2", false),
            ("6", false),
            ("4.100.100", true),
        ] {
            assert_eq!(is_version_reached(least, OSQUERY_VERSION), reached, "{least}");
        }
    }

    #[test]
    fn the_shard_comes_from_the_name() {
        // SHA-1 of "abc" begins with a9.
        assert_eq!(shard_of("abc"), 0xa9 * 100 / 255);
    }
}
