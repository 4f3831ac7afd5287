// SPDX-License-Identifier: Apache-2.0
//! The body of `distributed/write`, read in one pass: each row is handed on as it is met, so that
//! no tree of all cells is ever built, however large the body.
//!
//! What is stored does not depend on the agent's spelling: a row leaves here as one line of
//! compact JSON whose values are all strings.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::plain::is_stored_form;
use super::{BodyError, DENYLISTED_MESSAGE, QueryStats, Text};

/// Takes the rows of a body while it is being read.
pub trait WriteSink {
    /// A result named `name` begins. Answers whether its rows are wanted.
    fn begin(&mut self, name: &str) -> bool;

    /// One row of the result begun last: a compact JSON object whose values are all strings,
    /// without a line break. Answers whether more rows are wanted; the rest is only counted.
    fn row(&mut self, line: &[u8]) -> bool;
}

/// Query names of one body that are looked at. Far fewer are ever offered at once; a hostile body
/// of millions of names must not cost many times its size in memory. The rest is passed over.
pub const WRITE_NAMES_MAX: usize = 4096;

/// How a query ended on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryStatus {
    /// Status 0, "0" or absent.
    Success,
    /// Any other status: the message says why.
    Failure,
    /// The agent refused the text because its worker has died of it before.
    Denylisted,
}

/// One result of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteEntry {
    /// The query's name as offered.
    pub name: String,
    /// Rows in the body, wanted or not.
    pub row_count: u64,
    /// How it ended.
    pub status: QueryStatus,
    /// The agent's message; empty on success and from agents before 4.4.0.
    pub message: String,
    /// Cost as the agent measured it, absent before 5.8.0.
    pub stats: Option<QueryStats>,
}

/// What a body held beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteBody {
    /// The key of the agent; last member of the body in osquery.
    pub node_key: String,
    /// One entry per query name, in the order of the body.
    pub entries: Vec<WriteEntry>,
}

/// Reads a body, handing rows to `sink`.
///
/// # Errors
/// Only when the text is not a JSON object at all: members of an unexpected kind are passed over.
pub fn read_write_body(text: &str, sink: &mut dyn WriteSink) -> Result<WriteBody, BodyError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let raw = deserializer.deserialize_map(BodyVisitor { sink })?;
    deserializer.end()?;
    Ok(raw.into_body())
}

/// Members as they were met; `statuses` may come before or after `queries`.
#[derive(Default)]
struct RawBody {
    counts: Vec<(String, u64)>,
    seen: HashSet<String>,
    statuses: BTreeMap<String, Text>,
    messages: BTreeMap<String, Text>,
    stats: BTreeMap<String, Stats>,
    node_key: Text,
}

impl RawBody {
    fn into_body(mut self) -> WriteBody {
        let known = std::mem::take(&mut self.seen);
        // Some old agents reported a failure in `statuses` alone.
        let extra = self.statuses.keys().filter(|name| !known.contains(*name)).cloned();
        let mut names = std::mem::take(&mut self.counts);
        names.extend(extra.map(|name| (name, 0)));
        let entries = names.into_iter().map(|(name, rows)| self.entry(name, rows)).collect();
        WriteBody { node_key: self.node_key.0, entries }
    }

    fn entry(&mut self, name: String, row_count: u64) -> WriteEntry {
        let message = self.messages.remove(&name).unwrap_or_default().0;
        let status = self.statuses.get(&name).map_or("0", |status| status.0.trim());
        let status = if message == DENYLISTED_MESSAGE {
            QueryStatus::Denylisted
        } else if matches!(status, "0" | "" | "false") {
            QueryStatus::Success
        } else {
            QueryStatus::Failure
        };
        let stats = self.stats.remove(&name).and_then(Stats::measured);
        WriteEntry { name, row_count, status, message, stats }
    }
}

/// `stats` of one query; `{}` when the agent did not measure.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Stats {
    wall_time_ms: Option<Text>,
    user_time: Text,
    system_time: Text,
    memory: Text,
}

impl Stats {
    fn measured(self) -> Option<QueryStats> {
        let number = |text: &Text| text.0.parse().unwrap_or(0);
        Some(QueryStats {
            wall_time_ms: number(self.wall_time_ms.as_ref()?),
            user_time: number(&self.user_time),
            system_time: number(&self.system_time),
            memory: number(&self.memory),
        })
    }
}

struct BodyVisitor<'s> {
    sink: &'s mut dyn WriteSink,
}

impl<'de> Visitor<'de> for BodyVisitor<'_> {
    type Value = RawBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `queries`, `statuses` and `node_key`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawBody, A::Error> {
        let mut body = RawBody::default();
        while let Some(member) = map.next_key::<Cow<'de, str>>()? {
            match &*member {
                "queries" => {
                    let seed = QueriesSeed {
                        sink: &mut *self.sink,
                        counts: &mut body.counts,
                        seen: &mut body.seen,
                    };
                    map.next_value_seed(seed)?;
                }
                "statuses" => body.statuses = map.next_value::<Lenient<Few<_>>>()?.0.0,
                "messages" => body.messages = map.next_value::<Lenient<Few<_>>>()?.0.0,
                "stats" => body.stats = map.next_value::<Lenient<Few<_>>>()?.0.0,
                "node_key" => body.node_key = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(body)
    }
}

/// A member that reads as its default when it is of another kind than expected.
struct Lenient<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).unwrap_or_default()))
    }
}

/// An object of which no more than [`WRITE_NAMES_MAX`] members are kept.
struct Few<T>(BTreeMap<String, T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object by query name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Few<T>, A::Error> {
        let mut few = BTreeMap::new();
        while few.len() < WRITE_NAMES_MAX {
            let Some((name, value)) = map.next_entry()? else { return Ok(Few(few)) };
            few.insert(name, value);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Few(few))
    }
}

struct QueriesSeed<'s> {
    sink: &'s mut dyn WriteSink,
    counts: &'s mut Vec<(String, u64)>,
    seen: &'s mut HashSet<String>,
}

impl<'de> DeserializeSeed<'de> for QueriesSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for QueriesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from query name to rows")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let is_excess = self.seen.len() >= WRITE_NAMES_MAX;
            if is_excess || !self.seen.insert(name.clone().into_owned()) {
                // The same name twice in one body: the first wins, as everywhere.
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let wanted = self.sink.begin(&name);
            let rows = map.next_value_seed(RowsSeed { sink: &mut *self.sink, wanted })?;
            self.counts.push((name.into_owned(), rows));
        }
        Ok(())
    }
}

struct RowsSeed<'s> {
    sink: &'s mut dyn WriteSink,
    wanted: bool,
}

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_str<E>(self, _text: &str) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<u64, A::Error> {
        let mut count = 0;
        let mut line = Vec::new();
        loop {
            if self.wanted {
                let Some(raw) = seq.next_element::<&RawValue>()? else { break };
                let raw = raw.get();
                // Nearly all rows come spelled as they are stored: osquery writes no spaces.
                if is_stored_form(raw.as_bytes()) {
                    self.wanted = self.sink.row(raw.as_bytes());
                } else if respelled(raw, &mut line).map_err(A::Error::custom)? {
                    self.wanted = self.sink.row(&line);
                } else {
                    continue;
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            count += 1;
        }
        Ok(count)
    }
}

/// Spells a row as it is stored; answers false for an element that is no object.
fn respelled(raw: &str, line: &mut Vec<u8>) -> Result<bool, serde_json::Error> {
    line.clear();
    RowSeed { line }.deserialize(&mut serde_json::Deserializer::from_str(raw))
}

/// Reads one row into `line`; answers false for an element that is no object.
struct RowSeed<'s> {
    line: &'s mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        self.line.push(b'{');
        while let Some(column) = map.next_key::<Cow<'de, str>>()? {
            if self.line.len() > 1 {
                self.line.push(b',');
            }
            push_text(self.line, &column).map_err(A::Error::custom)?;
            self.line.push(b':');
            map.next_value_seed(CellSeed { line: self.line })?;
        }
        self.line.push(b'}');
        Ok(true)
    }
}

fn push_text(line: &mut Vec<u8>, text: &str) -> Result<(), serde_json::Error> {
    serde_json::to_writer(line, text)
}

/// Appends one cell as a JSON string, whatever kind it came as.
struct CellSeed<'s> {
    line: &'s mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cell")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        push_text(self.line, text).map_err(E::custom)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_str("")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.visit_str(if value { "1" } else { "0" })
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    /// osquery has no nested cells; one is dropped rather than refused.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.visit_unit()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.visit_unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Collect {
        keep: usize,
        lines: Vec<String>,
        refuse: Option<&'static str>,
    }

    impl WriteSink for Collect {
        fn begin(&mut self, name: &str) -> bool {
            self.refuse != Some(name)
        }

        fn row(&mut self, line: &[u8]) -> bool {
            self.lines.push(String::from_utf8(line.to_vec()).unwrap());
            self.lines.len() < self.keep
        }
    }

    fn read(text: &str) -> (WriteBody, Vec<String>) {
        let mut sink = Collect { keep: usize::MAX, ..Collect::default() };
        let body = read_write_body(text, &mut sink).unwrap();
        (body, sink.lines)
    }

    #[test]
    fn reads_the_body_of_a_current_agent() {
        let (body, lines) = read(
            r#"{"queries": {"a": [{"pid": "1", "name": "x\ny"}], "b": [], "c": []},
                "statuses": {"a": 0, "b": 1, "c": 1},
                "messages": {"a": "", "b": "no such table: foo", "c": "distributed query is denylisted"},
                "stats": {"a": {"wall_time_ms": 12, "user_time": 10, "system_time": 0, "memory": 0}, "b": {}},
                "node_key": "K"}"#,
        );
        assert_eq!(body.node_key, "K");
        let seen: Vec<_> = body.entries.iter().map(|e| (&*e.name, e.row_count, e.status)).collect();
        assert_eq!(
            seen,
            [
                ("a", 1, QueryStatus::Success),
                ("b", 0, QueryStatus::Failure),
                ("c", 0, QueryStatus::Denylisted),
            ]
        );
        assert_eq!(body.entries[0].stats.unwrap().wall_time_ms, 12);
        assert_eq!(body.entries[1].stats, None);
        assert_eq!(lines, [r#"{"pid":"1","name":"x\ny"}"#]);
    }

    #[test]
    fn old_agents_send_strings_or_only_failures() {
        let (body, _) =
            read(r#"{"queries": {"a": "", "b": null}, "statuses": {"a": "0", "c": "2"}}"#);
        let seen: Vec<_> = body.entries.iter().map(|e| (&*e.name, e.status)).collect();
        assert_eq!(
            seen,
            [("a", QueryStatus::Success), ("b", QueryStatus::Success), ("c", QueryStatus::Failure),]
        );
    }

    #[test]
    fn members_of_another_kind_do_not_refuse_the_body() {
        let (body, lines) = read(
            r#"{"queries": {"a": [1, "x", null, [2], {"n": 5, "b": true, "z": null, "o": {"k": 1}}]},
                "statuses": [], "messages": 3, "stats": null, "extra": {"deep": [1]}, "node_key": 7}"#,
        );
        assert_eq!(body.node_key, "7");
        assert_eq!(body.entries[0].row_count, 1);
        assert_eq!(lines, [r#"{"n":"5","b":"1","z":"","o":""}"#]);
    }

    #[test]
    fn rows_beyond_what_is_wanted_are_counted_only() {
        let mut sink = Collect { keep: 2, ..Collect::default() };
        let text =
            r#"{"queries": {"a": [{"n":"1"},{"n":"2"},{"n":"3"},{"n":"4"}]}, "node_key": "K"}"#;
        let body = read_write_body(text, &mut sink).unwrap();
        assert_eq!((body.entries[0].row_count, sink.lines.len()), (4, 2));

        let mut sink = Collect { keep: 9, refuse: Some("a"), ..Collect::default() };
        let body = read_write_body(text, &mut sink).unwrap();
        assert_eq!((body.entries[0].row_count, sink.lines.len()), (4, 0));
    }

    #[test]
    fn the_first_of_two_results_with_one_name_wins() {
        let (body, lines) = read(r#"{"queries": {"a": [{"n":"1"}], "a": [{"n":"2"}]}}"#);
        assert_eq!((body.entries.len(), lines.len()), (1, 1));
    }

    #[test]
    fn what_is_no_object_is_refused_without_a_panic() {
        for text in ["", "[]", "null", "{\"queries\": {", "{} x", &"[".repeat(100_000)] {
            assert!(read_write_body(text, &mut Collect::default()).is_err(), "{text:.20}");
        }
        let deep = format!("{{\"queries\": {{\"a\": {}1{}}}}}", "[".repeat(9000), "]".repeat(9000));
        drop(read_write_body(&deep, &mut Collect::default()));
    }

    #[test]
    fn invalid_utf8_is_repaired() {
        let bytes = b"{\"queries\": {\"a\": [{\"p\": \"x\xff\xfey\"}]}, \"node_key\": \"K\"}";
        let (_, lines) = read(&super::super::repair_utf8(bytes));
        assert_eq!(lines, ["{\"p\":\"x\u{fffd}\u{fffd}y\"}"]);
    }

    #[test]
    fn a_body_of_countless_names_costs_no_more_than_a_few() {
        let names = |value: &str| {
            let names: Vec<_> =
                (0..WRITE_NAMES_MAX + 50).map(|n| format!("\"{n:06}\":{value}")).collect();
            format!("{{{}}}", names.join(","))
        };
        let text = format!(
            r#"{{"queries":{},"statuses":{},"messages":{},"stats":{},"node_key":"k"}}"#,
            names("[]"),
            names("1"),
            names("\"m\""),
            names("{}")
        );
        let mut sink = Collect { keep: usize::MAX, ..Collect::default() };
        let body = read_write_body(&text, &mut sink).unwrap();
        assert_eq!(body.entries.len(), WRITE_NAMES_MAX);
        assert_eq!(body.node_key, "k", "what follows is still read");
        assert!(body.entries.iter().all(|e| e.status == QueryStatus::Failure && e.message == "m"));
    }

    proptest::proptest! {
        #[test]
        fn a_row_that_is_taken_as_it_came_is_what_the_parser_would_write(
            cells in proptest::collection::vec((".{0,9}", ".{0,20}"), 0..5),
            spoil in proptest::collection::vec((0..200_usize, proptest::sample::select(
                vec!["\"", "\\", "{", "}", ":", ",", " ", "\n", "\\u0041", "\\/", "\\b", "1", "é"],
            )), 0..3),
        ) {
            let mut row = String::from("{");
            for (n, (column, value)) in cells.iter().enumerate() {
                let text = |text: &str| serde_json::to_string(text).unwrap();
                let comma = if n > 0 { "," } else { "" };
                row.push_str(&format!("{comma}{}:{}", text(column), text(value)));
            }
            row.push('}');
            for (at, text) in &spoil {
                let at = row.floor_char_boundary(at % (row.len() + 1));
                row.insert_str(at, text);
            }
            let mut line = Vec::new();
            let read: Result<Box<RawValue>, _> = serde_json::from_str(&row);
            let slow = read.ok().map(|raw| respelled(raw.get(), &mut line).ok());
            if is_stored_form(row.as_bytes()) && slow.is_some() {
                proptest::prop_assert_eq!(slow, Some(Some(true)));
                proptest::prop_assert_eq!(std::str::from_utf8(&line).unwrap(), row.as_str());
            }
            if spoil.is_empty() {
                // Only a control character needs an escape that is not taken as it came.
                let is_odd = row.contains("\\u00");
                proptest::prop_assert!(is_odd || is_stored_form(row.as_bytes()));
            }
        }
    }
}
